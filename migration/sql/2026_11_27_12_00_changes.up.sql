-- That something of a person changed: counted for whoever may see it, and called out for those who wait.

-- How often rows of one kind changed. Whoever may read the kind may read its count, so a viewer's counts move when, and only
-- when, something moved that the viewer may see.
CREATE TABLE change_counts (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL CONSTRAINT change_counts_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  access_type text NOT NULL CONSTRAINT change_counts_access_type_check CHECK (access_type IN ('own', 'calorie', 'checkin', 'reports', 'food_list')),
  number bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT change_counts_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT change_counts_access_type_key UNIQUE (user_id, access_type)
);
COMMENT ON COLUMN change_counts.access_type IS 'a type of family access, or own: what nobody else sees';
COMMENT ON COLUMN change_counts.number IS 'one more for each transaction that changed something of the kind';

SELECT auth.guard('change_counts');
GRANT SELECT ON change_counts TO hale_app;
CREATE POLICY own_read ON change_counts FOR SELECT TO hale_app USING (user_id = (SELECT auth.uid()));
DO $$
DECLARE
  access_type text;
BEGIN
  FOREACH access_type IN ARRAY ARRAY['calorie', 'checkin', 'reports', 'food_list'] LOOP
    EXECUTE format('CREATE POLICY %I ON change_counts FOR SELECT TO hale_app USING (user_id = ANY (%s) AND access_type = %L)',
                   access_type || '_read', auth.grantors(access_type, false), access_type);
  END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON change_counts TO hale_auth;
CREATE POLICY counting ON change_counts FOR ALL TO hale_auth USING (true) WITH CHECK (true);

-- Counts a change and calls out whose it was: an opaque id, which PostgreSQL sends once per transaction, when it has committed.
-- It tells nobody anything, so whoever calls it for somebody else only wakes those who wait.
CREATE FUNCTION auth.count_change(person uuid, access_types text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  -- The rows of a person are always locked as one, so that two transactions never wait for each other.
  PERFORM pg_advisory_xact_lock(hashtextextended(person::text, 0));
  -- Rows that go with their person count for nobody. xmin: this transaction has counted already.
  INSERT INTO change_counts AS c (user_id, access_type)
    SELECT u.id, access_type FROM users u, unnest(access_types) access_type WHERE u.id = person
    ON CONFLICT (user_id, access_type) DO UPDATE SET number = c.number + 1 WHERE c.xmin <> pg_current_xact_id()::xid;
  PERFORM pg_notify('changes', person::text);
END $$;

-- The trigger's arguments are the columns that say whose a row is, and the kinds that it belongs to. It waits for the end of
-- the transaction: a count that is locked earlier would make writers of one person wait for each other.
CREATE FUNCTION auth.note_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  changed jsonb := CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
  person uuid;
BEGIN
  FOR person IN SELECT DISTINCT (changed ->> owner)::uuid FROM unnest(TG_ARGV[0]::text[]) owner WHERE changed ->> owner IS NOT NULL ORDER BY 1 LOOP
    PERFORM auth.count_change(person, TG_ARGV[1]::text[]);
  END LOOP;
  RETURN NULL;
END $$;

-- Lets everybody who may see a table's rows know when they change. Rows of the shared catalogue are nobody's.
CREATE FUNCTION auth.announce(relation regclass, access_types text[], owners text[] DEFAULT '{user_id}') RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  event text;
  whose text;
BEGIN
  FOREACH event IN ARRAY ARRAY['INSERT OR UPDATE', 'DELETE'] LOOP
    SELECT string_agg(format('%s.%I', CASE event WHEN 'DELETE' THEN 'OLD' ELSE 'NEW' END, owner), ', ') INTO whose FROM unnest(owners) owner;
    EXECUTE format('CREATE CONSTRAINT TRIGGER %I AFTER %s ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW '
                   || 'WHEN (num_nonnulls(%s) > 0) EXECUTE FUNCTION auth.note_change(%L, %L)',
                   CASE event WHEN 'DELETE' THEN 'gone' ELSE 'changed' END, event, relation, whose, owners, access_types);
  END LOOP;
END $$;

SELECT auth.announce('food_diary', '{calorie,reports}');
SELECT auth.announce('exercise_diary', '{calorie}');
SELECT auth.announce('exercise_sets', '{calorie}');
SELECT auth.announce('measurements', '{checkin}');
SELECT auth.announce('goals', '{calorie,checkin,reports}');
SELECT auth.announce('food_items', '{food_list}', '{owner_id}');
SELECT auth.announce('nutrition_data', '{food_list}', '{owner_id}');
SELECT auth.announce('food_portions', '{food_list}', '{owner_id}');
SELECT auth.announce('exercises', '{own}', '{owner_id}');
SELECT auth.announce('meal_plan_templates', '{own}');
SELECT auth.announce('chat_history', '{own}');
-- How somebody is called and how their days are cut shows in whatever they share. Both come and go with the account.
CREATE CONSTRAINT TRIGGER changed AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION auth.note_change('{id}', '{own,calorie,checkin,reports,food_list}');
CREATE CONSTRAINT TRIGGER changed AFTER UPDATE ON user_preferences DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION auth.note_change('{user_id}', '{own,calorie,checkin,reports,food_list}');
-- A grant concerns both.
SELECT auth.announce('family_access', '{own}', '{grantor_user_id,grantee_user_id}');

-- A session that ends is called out by its own id.
CREATE FUNCTION auth.note_end_of_session() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM pg_notify('changes', OLD.id::text);
  RETURN NULL;
END $$;
CREATE TRIGGER ended AFTER UPDATE OF revoked_at ON sessions FOR EACH ROW WHEN (NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)
  EXECUTE FUNCTION auth.note_end_of_session();
CREATE TRIGGER gone AFTER DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION auth.note_end_of_session();

-- A number for each person and each session of `ids` that is another one when something changed; `owners` says whose an id is,
-- itself for a person. This is what a server asks that may have missed a call: no data, and who asks is nobody.
CREATE FUNCTION auth.change_numbers(owners uuid[], ids uuid[]) RETURNS TABLE (id uuid, number bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT w.id, (SELECT coalesce(sum(c.number), 0)::bigint FROM change_counts c WHERE c.user_id = w.id)
             + (SELECT count(*) FROM sessions s WHERE s.user_id = w.owner AND s.id = w.id AND s.revoked_at IS NULL)
  FROM unnest(owners, ids) AS w (owner, id)
$$;

DO $$
DECLARE
  door regprocedure;
BEGIN
  FOREACH door IN ARRAY ARRAY['auth.count_change(uuid, text[])', 'auth.change_numbers(uuid[], uuid[])']::regprocedure[] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO hale_auth', door);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hale_app', door);
  END LOOP;
END $$;
