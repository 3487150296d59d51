-- Who read whose data: written by the reader, seen by the subject alone.

CREATE TABLE access_log (
  user_id uuid NOT NULL CONSTRAINT access_log_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  reader_id uuid DEFAULT auth.uid() CONSTRAINT access_log_reader_id_fkey REFERENCES users (id) ON DELETE SET NULL,
  access_type text NOT NULL CONSTRAINT access_log_access_type_check CHECK (access_type IN ('calorie', 'checkin', 'reports', 'food_list')),
  read_at timestamptz NOT NULL CONSTRAINT access_log_read_at_check CHECK (read_at BETWEEN '2000-01-01' AND '2101-01-01'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT access_log_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT access_log_quarter_key UNIQUE (user_id, reader_id, access_type, read_at)
);
COMMENT ON COLUMN access_log.user_id IS 'whose data were read';
COMMENT ON COLUMN access_log.read_at IS 'the start of the quarter of an hour in which they were read';
CREATE INDEX access_log_time_idx ON access_log (user_id, read_at DESC, id DESC);
CREATE INDEX access_log_reader_id_idx ON access_log (reader_id);

SELECT auth.guard('access_log');
GRANT SELECT, INSERT (user_id, access_type, read_at) ON access_log TO hale_app;
CREATE POLICY own_read ON access_log FOR SELECT TO hale_app USING (user_id = (SELECT auth.uid()));
-- Only about those who share that with the reader: nobody fills a stranger's log.
CREATE POLICY reader_insert ON access_log FOR INSERT TO hale_app
  WITH CHECK (reader_id = (SELECT auth.uid()) AND EXISTS (
    SELECT FROM family_access f WHERE f.grantor_user_id = user_id AND f.grantee_user_id = (SELECT auth.uid()) AND f.status = 'active'
      AND f.access_type = access_log.access_type
      AND (f.expires_at IS NULL OR f.expires_at > statement_timestamp())));

-- Whoever read the viewer's data keeps a name for the viewer, after the grant has ended too.
GRANT SELECT ON access_log TO hale_auth;
CREATE POLICY readers_read ON access_log FOR SELECT TO hale_auth USING (user_id = (SELECT auth.uid()));
CREATE FUNCTION auth.readers() RETURNS TABLE (id uuid, full_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$ SELECT u.id, u.full_name FROM users u WHERE u.id IN (SELECT a.reader_id FROM access_log a WHERE a.user_id = (SELECT auth.uid())) $$;
ALTER FUNCTION auth.readers() OWNER TO hale_auth;
REVOKE EXECUTE ON FUNCTION auth.readers() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.readers() TO hale_app;
