-- The feed of a person: every write to a synced table, numbered in the order in which it became visible.
--
-- A number taken before the commit is no cursor: whoever took a smaller one may commit later, and a reader that has moved on
-- never sees it. Here each person has a counter, which a transaction moves in its last statements and holds until its commit.

-- A counter, its clock, and what a device needs to know whether it still follows.
CREATE TABLE sync_spaces (
  user_id uuid NOT NULL CONSTRAINT sync_spaces_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  head bigint NOT NULL DEFAULT 0,
  clock_milliseconds bigint NOT NULL DEFAULT 0,
  clock_counter integer NOT NULL DEFAULT 0,
  change_floor bigint NOT NULL DEFAULT 0,
  tombstone_floor bigint NOT NULL DEFAULT 0,
  digests jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sync_spaces_pkey PRIMARY KEY (user_id)
) WITH (fillfactor = 50);
COMMENT ON COLUMN sync_spaces.head IS 'the number of the last change';
COMMENT ON COLUMN sync_spaces.clock_milliseconds IS 'with clock_counter the last hybrid logical clock that the server gave or saw here';
COMMENT ON COLUMN sync_spaces.change_floor IS 'changes up to this number may have been removed from sync_changes';
COMMENT ON COLUMN sync_spaces.tombstone_floor IS 'deleted rows up to this number may have been removed from sync_rows';
COMMENT ON COLUMN sync_spaces.digests IS '{collection: 32 hex digits}: the exclusive or of the MD5 of "id:version:deleted" of each row, deleted being 0 or 1';
SELECT auth.guard('sync_spaces');
GRANT SELECT ON sync_spaces TO hale_app;
CREATE POLICY own_read ON sync_spaces FOR SELECT TO hale_app USING (user_id = (SELECT auth.uid()));
GRANT SELECT, INSERT, UPDATE ON sync_spaces TO hale_auth;
CREATE POLICY logging ON sync_spaces FOR ALL TO hale_auth USING (true) WITH CHECK (true);

-- Each synced row as it was when it was last numbered.
CREATE TABLE sync_rows (
  user_id uuid NOT NULL CONSTRAINT sync_rows_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  collection text NOT NULL CONSTRAINT sync_rows_collection_check CHECK (length(collection) BETWEEN 1 AND 50),
  id uuid NOT NULL,
  number bigint NOT NULL,
  access_type text NOT NULL CONSTRAINT sync_rows_access_type_check CHECK (length(access_type) BETWEEN 1 AND 50),
  document jsonb NOT NULL,
  clocks jsonb NOT NULL,
  deleted boolean NOT NULL,
  written_at timestamptz NOT NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sync_rows_pkey PRIMARY KEY (user_id, collection, id),
  CONSTRAINT sync_rows_number_key UNIQUE (user_id, number)
);
COMMENT ON COLUMN sync_rows.document IS 'the synced columns by name: decimals, ids, dates and instants (RFC 3339 in UTC) as strings';
COMMENT ON COLUMN sync_rows.clocks IS '{column group: hybrid logical clock of its last write}; deleted is a group of its own';
COMMENT ON COLUMN sync_rows.written_at IS 'when it was last numbered, by Hale''s clock';
CREATE INDEX sync_rows_deleted_idx ON sync_rows (written_at) WHERE deleted;
COMMENT ON COLUMN sync_rows.access_type IS 'the type of family access that shows the row, or own: nobody else sees it';
SELECT auth.guard('sync_rows');
GRANT SELECT ON sync_rows TO hale_app;
CREATE POLICY own_read ON sync_rows FOR SELECT TO hale_app USING (user_id = (SELECT auth.uid()));
DO $$
DECLARE
  access_type text;
BEGIN
  FOREACH access_type IN ARRAY ARRAY['calorie', 'checkin', 'food_list', 'organiser'] LOOP
    EXECUTE format('CREATE POLICY %I ON sync_rows FOR SELECT TO hale_app USING (user_id = ANY (%s) AND access_type = %L)',
                   access_type || '_read', auth.grantors(access_type, false), access_type);
  END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON sync_rows TO hale_auth;
CREATE POLICY logging ON sync_rows FOR ALL TO hale_auth USING (true) WITH CHECK (true);

-- What changed: one row per written row, which takes as many numbers as it has cells, so that each cell has its own.
CREATE TABLE sync_changes (
  user_id uuid NOT NULL CONSTRAINT sync_changes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  number bigint NOT NULL,
  first_number bigint NOT NULL,
  collection text NOT NULL CONSTRAINT sync_changes_collection_check CHECK (length(collection) BETWEEN 1 AND 50),
  id uuid NOT NULL,
  cells jsonb NOT NULL,
  messages jsonb CONSTRAINT sync_changes_messages_check CHECK (jsonb_typeof(messages) = 'object'),
  client text NOT NULL CONSTRAINT sync_changes_client_check CHECK (length(client) BETWEEN 1 AND 100),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sync_changes_pkey PRIMARY KEY (user_id, number)
);
COMMENT ON COLUMN sync_changes.number IS 'of the last cell; the first has first_number, and cells are numbered in the order of their names';
COMMENT ON COLUMN sync_changes.cells IS '{column: [value, hybrid logical clock]}; the column deleted is true or false';
COMMENT ON COLUMN sync_changes.messages IS '{column: id of the message by which a device wrote it}';
COMMENT ON COLUMN sync_changes.client IS 'the device that wrote it, or hale';
CREATE INDEX sync_changes_created_at_idx ON sync_changes (created_at);
SELECT auth.guard('sync_changes');
GRANT SELECT ON sync_changes TO hale_app;
CREATE POLICY own_read ON sync_changes FOR SELECT TO hale_app USING (user_id = (SELECT auth.uid()));
GRANT SELECT, INSERT, DELETE ON sync_changes TO hale_auth;
CREATE POLICY logging ON sync_changes FOR ALL TO hale_auth USING (true) WITH CHECK (true);

-- A cursor means something only in the history that it comes from. A restored backup is another history.
CREATE TABLE sync_epochs (
  id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT sync_epochs_pkey PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
SELECT auth.guard('sync_epochs');
GRANT SELECT ON sync_epochs TO hale_auth;
CREATE POLICY epoch_read ON sync_epochs FOR SELECT TO hale_auth USING (true);
INSERT INTO sync_epochs DEFAULT VALUES;

CREATE FUNCTION auth.sync_epoch() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$ SELECT id FROM sync_epochs ORDER BY created_at DESC, id DESC LIMIT 1 $$;

-- Up to which number deleted rows of a person may have been forgotten, for the person and for those who share something of theirs:
-- nobody else sees a row of sync_spaces, which tells of all that a person does.
CREATE FUNCTION auth.tombstone_floor(person uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT s.tombstone_floor FROM sync_spaces s
  WHERE s.user_id = person AND (person = (SELECT auth.uid()) OR EXISTS (
    SELECT FROM family_access f WHERE f.grantor_user_id = person AND f.grantee_user_id = (SELECT auth.uid()) AND f.status = 'active'
      AND (f.expires_at IS NULL OR f.expires_at > statement_timestamp())))
$$;

-- These are PL/pgSQL for its plans are kept: PostgreSQL plans a function in SQL at each call, unless it can be made part of the statement.

-- The text of a clock, as service/src/sync/clock.rs reads it.
CREATE FUNCTION auth.clock_text(milliseconds bigint, counter integer, node text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
DECLARE
  digits text := '';
BEGIN
  FOR place IN 0..4 LOOP
    digits := substr('0123456789abcdefghijklmnopqrstuvwxyz', counter % 36 + 1, 1) || digits;
    counter := counter / 36;
  END LOOP;
  RETURN lpad(milliseconds::text, 15, '0') || ':' || digits || ':' || node;
END $$;

-- The next clock of a space, later than its last one and than what came along. A counter that is used up makes the next millisecond.
CREATE FUNCTION auth.clock_after(last_milliseconds bigint, last_counter integer, seen_milliseconds bigint, seen_counter integer, wall bigint,
                                 OUT milliseconds bigint, OUT counter integer)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
  IF (last_milliseconds, last_counter) > (seen_milliseconds, seen_counter) THEN
    milliseconds := last_milliseconds;
    counter := last_counter;
  ELSE
    milliseconds := seen_milliseconds;
    counter := seen_counter;
  END IF;
  IF wall > milliseconds THEN
    milliseconds := wall;
    counter := 0;
  ELSIF counter < 60466175 THEN -- 36^5 - 1
    counter := counter + 1;
  ELSE
    milliseconds := milliseconds + 1;
    counter := 0;
  END IF;
END $$;

CREATE FUNCTION auth.row_hash(id uuid, version integer, deleted boolean) RETURNS bit(128)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$ BEGIN RETURN ('x' || md5(id || ':' || version || ':' || deleted::integer))::bit(128); END $$;

CREATE FUNCTION auth.bits_hex(bits bit(128)) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
  RETURN lpad(to_hex(substring(bits FOR 64)::bit(64)::bigint), 16, '0') || lpad(to_hex(substring(bits FROM 65)::bit(64)::bigint), 16, '0');
END $$;

-- Numbers what has become of a row since it was last numbered; nothing, when nothing has. What it writes is what the tables hold,
-- so whoever calls it without having written anything changes nothing. Which clocks a device gave its writes is told by the setting
-- app.sync: {"client": …, "milliseconds": …, "counter": …, "rows": {collection: {id: {"clocks": {group: clock}, "messages": {column: id}}}}},
-- where the two numbers are the latest clock that came along.
CREATE FUNCTION auth.log_change(collection_name text, person uuid, row_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  origin jsonb := nullif(current_setting('app.sync', true), '')::jsonb;
  written jsonb := origin -> 'rows' -> collection_name -> row_id::text;
  at timestamptz := coalesce(nullif(current_setting('app.now', true), '')::timestamptz, clock_timestamp());
  space sync_spaces;
  known sync_rows;
  current record;
  gone boolean;
  documented jsonb;
  next record;
  own_clock jsonb;
  changed record;
BEGIN
  -- From here on this person's other writers wait for this transaction to end, so what is read below stays as it is.
  SELECT * INTO space FROM sync_spaces s WHERE s.user_id = person FOR UPDATE;
  EXECUTE format('SELECT * FROM auth.%I($1, $2)', collection_name || '_document') INTO current USING person, row_id;
  IF space.user_id IS NULL THEN
    IF current.document IS NULL THEN
      -- Nothing was ever written, or the person is gone, and their rows with them.
      RETURN;
    END IF;
    INSERT INTO sync_spaces (user_id) VALUES (person) ON CONFLICT (user_id) DO NOTHING;
    SELECT * INTO space FROM sync_spaces s WHERE s.user_id = person FOR UPDATE;
  END IF;
  SELECT * INTO known FROM sync_rows r WHERE r.user_id = person AND r.collection = collection_name AND r.id = row_id;
  IF current.document IS NULL AND known.document IS NULL THEN
    RETURN;
  END IF;
  gone := current.document IS NULL OR current.deleted;
  -- A row that is gone keeps what it was; a reference that somebody else's delete took away is not this person's change.
  documented := coalesce(current.document, known.document);
  IF known.document IS NOT NULL AND current.kept <> '{}' THEN
    documented := documented || coalesce((SELECT jsonb_object_agg(name, known.document -> name) FROM unnest(current.kept) name
                                          WHERE known.document -> name <> 'null'), '{}');
  END IF;
  SELECT * INTO next FROM auth.clock_after(space.clock_milliseconds, space.clock_counter, coalesce((origin ->> 'milliseconds')::bigint, 0),
    coalesce((origin ->> 'counter')::integer, 0), floor(extract(epoch FROM at) * 1000)::bigint);
  own_clock := to_jsonb(auth.clock_text(next.milliseconds, next.counter, 'hale'));
  WITH columns AS (
    SELECT g.key AS name, g.value #>> '{}' AS group_name, documented -> g.key AS value, known.document -> g.key AS before FROM jsonb_each(current.groups) g
    UNION ALL SELECT 'deleted', 'deleted', to_jsonb(gone), to_jsonb(coalesce(known.deleted, false)))
  SELECT count(*)::integer AS count, jsonb_object_agg(name, jsonb_build_array(value, clock)) AS cells, jsonb_object_agg(group_name, clock) AS clocks
    INTO changed FROM (
      SELECT name, group_name, value, coalesce(written -> 'clocks' -> group_name, own_clock) AS clock
      FROM columns
      WHERE value IS DISTINCT FROM before OR written -> 'clocks' -> group_name <> coalesce(known.clocks -> group_name, 'null')) c;
  IF changed.count = 0 THEN
    RETURN;
  END IF;

  INSERT INTO sync_changes (user_id, number, first_number, collection, id, cells, messages, client, created_at)
    VALUES (person, space.head + changed.count, space.head + 1, collection_name, row_id, changed.cells, written -> 'messages',
            coalesce(origin ->> 'client', 'hale'), at);
  INSERT INTO sync_rows AS r (user_id, collection, id, number, access_type, document, clocks, deleted, written_at)
    VALUES (person, collection_name, row_id, space.head + changed.count, coalesce(current.access_type, known.access_type, 'own'), documented,
            changed.clocks, gone, at)
    ON CONFLICT (user_id, collection, id) DO UPDATE SET
      number = EXCLUDED.number, access_type = EXCLUDED.access_type, document = EXCLUDED.document,
      clocks = r.clocks || EXCLUDED.clocks, deleted = EXCLUDED.deleted, written_at = at;
  UPDATE sync_spaces s SET head = space.head + changed.count, clock_milliseconds = next.milliseconds, clock_counter = next.counter,
    digests = space.digests || jsonb_build_object(collection_name, auth.bits_hex(
      ('x' || coalesce(space.digests ->> collection_name, repeat('0', 32)))::bit(128)
      # CASE WHEN known.version IS NULL THEN repeat('0', 128)::bit(128) ELSE auth.row_hash(row_id, known.version, known.deleted) END
      # auth.row_hash(row_id, coalesce(known.version, 0) + 1, gone)))
    WHERE s.user_id = person;
END $$;

-- The trigger's arguments are the collection, and the columns that hold the person and the id of the row.
CREATE FUNCTION auth.note_write() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  written jsonb := CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
BEGIN
  PERFORM auth.log_change(TG_ARGV[0], (written ->> TG_ARGV[1])::uuid, (written ->> TG_ARGV[2])::uuid);
  RETURN NULL;
END $$;

-- A value as the feed tells it.
CREATE FUNCTION auth.synced_value(name text, type regtype) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT CASE type
    WHEN 'numeric'::regtype THEN format('trim_scale(s.%I)::text', name)
    WHEN 'timestamptz'::regtype THEN format('to_char(s.%I AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI:SS.US"Z"'')', name)
    WHEN 'time'::regtype THEN format('to_char(s.%I, ''HH24:MI'')', name)
    ELSE format('s.%I', name) END
$$;

-- Lets the writes of a table be logged as writes of a row of the collection: its own, or one that they are a part of.
CREATE FUNCTION auth.log_writes(relation regclass, collection text, person_column text, id_column text, columns text[]) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  event text;
BEGIN
  EXECUTE format('GRANT SELECT ON %s TO hale_auth', relation);
  -- Two policies for the same would be one that nobody misses.
  IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = relation AND polcmd IN ('r', '*') AND 'hale_auth'::regrole = ANY (polroles)) THEN
    EXECUTE format('CREATE POLICY logging ON %s FOR SELECT TO hale_auth USING (true)', relation);
  END IF;
  FOREACH event IN ARRAY ARRAY['INSERT OR UPDATE OF ' || (SELECT string_agg(quote_ident(name), ', ') FROM unnest(columns) name), 'DELETE'] LOOP
    EXECUTE format('CREATE CONSTRAINT TRIGGER %I AFTER %s ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW '
                   || 'WHEN (%s.%I IS NOT NULL) EXECUTE FUNCTION auth.note_write(%L, %L, %L)',
                   CASE event WHEN 'DELETE' THEN 'erased' ELSE 'written' END, event, relation,
                   CASE event WHEN 'DELETE' THEN 'OLD' ELSE 'NEW' END, person_column, collection, person_column, id_column);
  END LOOP;
END $$;

-- Makes a table a collection of the feed. `groups` are the columns that are merged together, by the name of the group; the columns
-- `kept` are references that somebody else's delete may take away. `access_type` is an expression over the table's columns. `parts` are
-- further columns of the document that other tables hold, as expressions over `s`, the row: {group: {column: expression}}.
CREATE FUNCTION auth.sync(relation regclass, groups jsonb, access_type text, kept text[] DEFAULT '{}', parts jsonb DEFAULT '{}',
                          person_column text DEFAULT 'user_id')
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  collection text := (SELECT relname FROM pg_class WHERE oid = relation);
  own_columns text[] := ARRAY(SELECT jsonb_array_elements_text(value) FROM jsonb_each(groups));
  written text[] := own_columns || ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = relation AND attname IN ('deleted_at', 'deleted') AND NOT attisdropped);
  deleted text := (SELECT CASE attname WHEN 'deleted_at' THEN 's.deleted_at IS NOT NULL' ELSE 's.deleted' END FROM pg_attribute
                   WHERE attrelid = relation AND attname IN ('deleted_at', 'deleted') AND NOT attisdropped);
  fields text;
  by_column jsonb;
BEGIN
  SELECT string_agg(format('%L, %s', field, value), ', ' ORDER BY field), jsonb_object_agg(field, group_name) INTO fields, by_column FROM (
    SELECT attname::text AS field, auth.synced_value(attname, atttypid) AS value, g.key AS group_name
      FROM jsonb_each(groups) g, jsonb_array_elements_text(g.value) name JOIN pg_attribute ON attrelid = relation AND attname = name
    UNION ALL SELECT p.key, p.value, g.key FROM jsonb_each(parts) g, jsonb_each_text(g.value) p) f;
  EXECUTE format('CREATE FUNCTION auth.%I(person uuid, row_id uuid, OUT document jsonb, OUT access_type text, OUT deleted boolean, '
                 || 'OUT groups jsonb, OUT kept text[]) LANGUAGE plpgsql STABLE AS $f$ BEGIN groups := %L; kept := %L; '
                 || 'SELECT jsonb_build_object(%s), %s, %s INTO document, access_type, deleted '
                 || 'FROM public.%I s WHERE s.%I = person AND s.id = row_id; END $f$',
                 collection || '_document', by_column, kept, fields, access_type, coalesce(deleted, 'false'), collection, person_column);
  EXECUTE format('GRANT EXECUTE ON FUNCTION auth.%I(uuid, uuid) TO hale_auth', collection || '_document');
  PERFORM auth.log_writes(relation, collection, person_column, 'id', written);
  -- What is there already is written to the feed now.
  EXECUTE format('SELECT auth.log_change(%L, s.%I, s.id) FROM %s s WHERE s.%I IS NOT NULL', collection, person_column, relation, person_column);
END $$;

DO $$
DECLARE
  door regprocedure;
BEGIN
  FOREACH door IN ARRAY ARRAY['auth.sync_epoch()', 'auth.tombstone_floor(uuid)', 'auth.log_change(text, uuid, uuid)']::regprocedure[] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO hale_auth', door);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hale_app', door);
  END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION auth.clock_text(bigint, integer, text), auth.clock_after(bigint, integer, bigint, integer, bigint), auth.row_hash(uuid, integer, boolean), auth.bits_hex(bit)
  TO hale_auth;

SELECT auth.sync('food_diary', '{
  "food": ["food_item_id", "food_name", "food_brand", "nutrition_version"],
  "amount": ["quantity", "unit", "servings", "calories", "protein", "carbohydrates", "fat", "fiber", "sugar", "sodium", "nutrients"],
  "meal": ["meal_type"],
  "moment": ["consumed_at", "time_zone", "consumed_on"]}', '''calorie''', '{food_item_id}');
SELECT auth.sync('measurements', '{
  "type": ["type"], "value": ["value", "unit", "canonical_value"], "moment": ["measured_at", "time_zone", "measured_on"]}', '''checkin''');
SELECT auth.sync('goals', '{
  "type": ["type"], "target": ["target_value", "target_unit"], "target_date": ["target_date"], "progress": ["current_value"], "status": ["status"],
  "validity": ["valid_from", "valid_to"]}', 's.access_type');
SELECT auth.sync('user_preferences', '{
  "theme": ["theme"], "ai_provider": ["ai_provider"], "units_system": ["units_system"], "time_zone": ["time_zone"],
  "day_starts_at": ["day_starts_at"]}', '''own''');
SELECT auth.sync('noots', '{"activities": ["data", "checksum"]}', '''organiser''');
-- The parts first: what is there already is read in full.
SELECT auth.log_writes('exercise_sets', 'exercise_diary', 'user_id', 'exercise_entry_id', '{position,kind,reps,weight,weight_unit}');
SELECT auth.sync('exercise_diary', '{
  "exercise": ["exercise_id", "exercise_name"],
  "energy": ["duration_minutes", "calories_burned", "calories_source"],
  "distance": ["distance", "distance_unit", "distance_m"],
  "notes": ["notes"],
  "moment": ["performed_at", "time_zone", "performed_on"]}', '''calorie''', '{exercise_id}', '{"sets": {"sets":
    "(SELECT coalesce(jsonb_agg(jsonb_build_object(''kind'', e.kind, ''reps'', e.reps, ''weight'', trim_scale(e.weight)::text, ''weight_unit'', e.weight_unit) ORDER BY e.position), ''[]'') FROM public.exercise_sets e WHERE e.user_id = s.user_id AND e.exercise_entry_id = s.id)"}}');
SELECT auth.log_writes('nutrition_data', 'food_items', 'owner_id', 'food_item_id',
  '{serving_size,serving_unit,calories,protein,carbohydrates,fat,fiber,sugar,sodium,nutrients}');
SELECT auth.log_writes('food_portions', 'food_items', 'owner_id', 'food_item_id', '{position,name,amount,unit}');
SELECT auth.sync('food_items', '{"name": ["name"], "brand": ["brand"], "barcode": ["barcode"], "nutrition": ["nutrition_version"]}', '''food_list''', '{}', '{
  "nutrition": {"nutrition": "(SELECT jsonb_build_object(''serving_size'', trim_scale(n.serving_size)::text, ''serving_unit'', n.serving_unit, ''calories'', trim_scale(n.calories)::text, ''protein'', trim_scale(n.protein)::text, ''carbohydrates'', trim_scale(n.carbohydrates)::text, ''fat'', trim_scale(n.fat)::text, ''fiber'', trim_scale(n.fiber)::text, ''sugar'', trim_scale(n.sugar)::text, ''sodium'', trim_scale(n.sodium)::text, ''nutrients'', n.nutrients) FROM public.nutrition_data n WHERE n.food_item_id = s.id AND n.nutrition_version = s.nutrition_version)"},
  "portions": {"portions": "(SELECT coalesce(jsonb_agg(jsonb_build_object(''name'', p.name, ''amount'', trim_scale(p.amount)::text, ''unit'', p.unit) ORDER BY p.position), ''[]'') FROM public.food_portions p WHERE p.food_item_id = s.id)"}}', 'owner_id');

-- What became of the mutations that devices sent, for when the answer was lost. They belong to whoever sent them.
CREATE TABLE sync_mutations (
  user_id uuid NOT NULL CONSTRAINT sync_mutations_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  request bytea NOT NULL CONSTRAINT sync_mutations_request_check CHECK (length(request) = 32),
  outcome jsonb NOT NULL CONSTRAINT sync_mutations_outcome_check CHECK (jsonb_typeof(outcome) = 'object'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sync_mutations_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN sync_mutations.request IS 'SHA-256 of the mutation: the same id with another one is a mistake';
CREATE INDEX sync_mutations_created_at_idx ON sync_mutations (created_at);
SELECT auth.guard('sync_mutations');
GRANT SELECT, INSERT (user_id, id, request, outcome) ON sync_mutations TO hale_app;
CREATE POLICY own_read ON sync_mutations FOR SELECT TO hale_app USING (user_id = (SELECT auth.uid()));
CREATE POLICY own_insert ON sync_mutations FOR INSERT TO hale_app WITH CHECK (user_id = (SELECT auth.uid()));

-- What devices wrote and what is not in the rows: rejected, or lost to somebody else's write.
CREATE TABLE sync_rejections (
  user_id uuid NOT NULL CONSTRAINT sync_rejections_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  person_id uuid NOT NULL,
  request bytea NOT NULL CONSTRAINT sync_rejections_request_check CHECK (length(request) = 32),
  client text NOT NULL CONSTRAINT sync_rejections_client_check CHECK (length(client) BETWEEN 1 AND 100),
  mutation jsonb NOT NULL CONSTRAINT sync_rejections_mutation_check CHECK (jsonb_typeof(mutation) = 'object'),
  outcome jsonb NOT NULL CONSTRAINT sync_rejections_outcome_check CHECK (jsonb_typeof(outcome) = 'object'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sync_rejections_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT sync_rejections_request_key UNIQUE (user_id, person_id, request)
);
COMMENT ON COLUMN sync_rejections.user_id IS 'who wrote it';
COMMENT ON COLUMN sync_rejections.person_id IS 'whose row it was about; the account may be gone, which takes nothing from its writer';
CREATE INDEX sync_rejections_created_at_idx ON sync_rejections (created_at);
SELECT auth.protect('sync_rejections', NULL, ARRAY['person_id', 'request', 'client', 'mutation']);
SELECT auth.announce('sync_rejections', '{own}');
