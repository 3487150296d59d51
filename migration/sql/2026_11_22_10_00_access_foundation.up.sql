-- What every table stands on: who asks, the triggers all tables share, and the one function that protects a table.

CREATE SCHEMA auth;
CREATE SCHEMA search;
CREATE SCHEMA reports;
GRANT USAGE ON SCHEMA auth, search TO hale_app, hale_auth, hale_search, hale_reports;
GRANT USAGE ON SCHEMA reports TO hale_app, hale_reports;
-- A role can be given a function only where it may create one.
GRANT CREATE ON SCHEMA auth TO hale_auth;
GRANT CREATE ON SCHEMA search TO hale_search;
GRANT CREATE ON SCHEMA reports TO hale_reports;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- After SET LOCAL has ended the setting is the empty string, not NULL: no viewer, no rows.
CREATE FUNCTION auth.uid() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT nullif(current_setting('app.user_id', true), '')::uuid $$;
GRANT EXECUTE ON FUNCTION auth.uid() TO hale_app, hale_auth, hale_search, hale_reports;

CREATE FUNCTION auth.touch() RETURNS trigger
LANGUAGE plpgsql
AS $$ BEGIN NEW.updated_at := clock_timestamp(); RETURN NEW; END $$;

CREATE FUNCTION auth.touch_and_count() RETURNS trigger
LANGUAGE plpgsql
AS $$ BEGIN NEW.updated_at := clock_timestamp(); NEW.version := OLD.version + 1; RETURN NEW; END $$;

-- Row level security for everybody, the owner too, and the trigger that keeps updated_at and version.
CREATE FUNCTION auth.guard(relation regclass) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  versioned boolean := EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation AND attname = 'version' AND NOT attisdropped);
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', relation);
  EXECUTE format('CREATE TRIGGER touch BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION auth.%s()',
                 relation, CASE WHEN versioned THEN 'touch_and_count' ELSE 'touch' END);
END $$;

-- The columns of a relation that hale_app may write. What identifies a row or says who made it never changes:
-- policies are OR-ed, so a writer could otherwise move a row from one person to another.
CREATE FUNCTION auth.writable_columns(relation regclass, command text, fixed text[]) RETURNS text
LANGUAGE sql STABLE
AS $$
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
  FROM pg_attribute
  WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    AND attname NOT IN ('created_by', 'created_at', 'updated_at', 'version')
    AND (command = 'INSERT' OR attname NOT IN ('user_id', 'id', 'owner_id', 'created_from') AND attname <> ALL (fixed))
$$;

CREATE FUNCTION auth.grant_rows(relation regclass, fixed text[]) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format('GRANT SELECT, DELETE ON %s TO hale_app', relation);
  EXECUTE format('GRANT INSERT (%s) ON %s TO hale_app', auth.writable_columns(relation, 'INSERT', fixed), relation);
  EXECUTE format('GRANT UPDATE (%s) ON %s TO hale_app', auth.writable_columns(relation, 'UPDATE', fixed), relation);
END $$;

-- The people who share `access_type` with the viewer, as an array expression that PostgreSQL computes once per statement.
CREATE FUNCTION auth.grantors(access_type text, writing boolean) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT format('ARRAY(SELECT grantor_user_id FROM public.family_access WHERE grantee_user_id = (SELECT auth.uid())'
                || ' AND access_type = %L AND status = ''active'' AND (expires_at IS NULL OR expires_at > statement_timestamp())%s)',
                access_type, CASE WHEN writing THEN ' AND can_write' ELSE '' END)
$$;

-- Protects a table of rows that belong to a person (`user_id`): its owner does everything; with an `access_type`, those
-- with that grant read the rows for which `shared` holds, and write them where the grant says so.
-- `fixed` names further columns that never change, `shared` is a condition on columns of the table.
CREATE FUNCTION auth.protect(relation regclass, access_type text DEFAULT NULL, fixed text[] DEFAULT '{}', shared text DEFAULT 'true')
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM auth.guard(relation);
  PERFORM auth.grant_rows(relation, fixed);
  EXECUTE format('CREATE POLICY own ON %s FOR ALL TO hale_app USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()))', relation);
  IF access_type IS NOT NULL THEN
    PERFORM auth.share(relation, access_type, shared);
  END IF;
END $$;

CREATE FUNCTION auth.show(relation regclass, access_type text, shared text DEFAULT 'true') RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format('CREATE POLICY %I ON %s FOR SELECT TO hale_app USING (user_id = ANY (%s) AND %s)',
                 access_type || '_read', relation, auth.grantors(access_type, false), shared);
END $$;

CREATE FUNCTION auth.share(relation regclass, access_type text, shared text DEFAULT 'true') RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  writer text := format('user_id = ANY (%s) AND %s', auth.grantors(access_type, true), shared);
BEGIN
  PERFORM auth.show(relation, access_type, shared);
  EXECUTE format('CREATE POLICY %I ON %s FOR INSERT TO hale_app WITH CHECK (%s)', access_type || '_insert', relation, writer);
  EXECUTE format('CREATE POLICY %I ON %s FOR UPDATE TO hale_app USING (%s) WITH CHECK (%s)', access_type || '_update', relation, writer, writer);
  EXECUTE format('CREATE POLICY %I ON %s FOR DELETE TO hale_app USING (%s)', access_type || '_delete', relation, writer);
END $$;

-- Protects a table of catalogue rows: rows without an owner are everybody's to read, the others their owner's alone,
-- and with `access_type` also those who were given it.
CREATE FUNCTION auth.protect_catalogue(relation regclass, access_type text DEFAULT NULL, fixed text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM auth.guard(relation);
  PERFORM auth.grant_rows(relation, fixed);
  EXECUTE format('CREATE POLICY own ON %s FOR ALL TO hale_app USING (owner_id = (SELECT auth.uid())) WITH CHECK (owner_id = (SELECT auth.uid()))', relation);
  EXECUTE format('CREATE POLICY catalogue_read ON %s FOR SELECT TO hale_app USING (owner_id IS NULL AND (SELECT auth.uid()) IS NOT NULL)', relation);
  IF access_type IS NOT NULL THEN
    EXECUTE format('CREATE POLICY %I ON %s FOR SELECT TO hale_app USING (owner_id = ANY (%s))', access_type || '_read', relation, auth.grantors(access_type, false));
  END IF;
END $$;

-- Words in lower case without accents, one blank between them and no punctuation: what searching compares. unaccent() is only
-- stable because its dictionary could be replaced; naming the dictionary makes the result depend on nothing that Hale changes.
CREATE FUNCTION search.fold(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $$ SELECT btrim(regexp_replace(lower(public.unaccent('public.unaccent'::regdictionary, words)), '[[:punct:][:space:]]+', ' ', 'g')) $$;
GRANT EXECUTE ON FUNCTION search.fold(text) TO hale_app, hale_search;
