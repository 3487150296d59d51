-- What became of backups, for the operator. The files are elsewhere.

CREATE TABLE backups (
  id uuid CONSTRAINT backups_pkey PRIMARY KEY,
  kind text NOT NULL CONSTRAINT backups_kind_check CHECK (kind IN ('manual', 'scheduled')),
  began_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  file text CONSTRAINT backups_file_check CHECK (length(file) BETWEEN 1 AND 500),
  bytes bigint CONSTRAINT backups_bytes_check CHECK (bytes BETWEEN 0 AND 1000000000000000),
  row_count bigint CONSTRAINT backups_row_count_check CHECK (row_count BETWEEN 0 AND 1000000000000000),
  error text CONSTRAINT backups_error_check CHECK (length(error) <= 500),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT backups_outcome_check CHECK ((error IS NULL) = (file IS NOT NULL))
);
COMMENT ON COLUMN backups.error IS 'why it failed; NULL when it did not';
CREATE INDEX backups_ended_at_idx ON backups (ended_at);
SELECT auth.guard('backups');
GRANT SELECT ON backups TO hale_auth;
CREATE POLICY backup_read ON backups FOR SELECT TO hale_auth USING (true);

-- How backups went, for whoever watches the server: no names of files, and no reasons.
CREATE FUNCTION auth.last_backup(OUT id uuid, OUT succeeded_at timestamptz, OUT seconds double precision, OUT bytes bigint, OUT failed_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT good.id, good.began_at, extract(epoch FROM good.ended_at - good.began_at)::double precision, good.bytes, bad.ended_at
  FROM (VALUES (1)) one
  LEFT JOIN LATERAL (SELECT b.* FROM backups b WHERE b.error IS NULL ORDER BY b.ended_at DESC LIMIT 1) good ON true
  LEFT JOIN LATERAL (SELECT b.* FROM backups b WHERE b.error IS NOT NULL ORDER BY b.ended_at DESC LIMIT 1) bad
    ON good.ended_at IS NULL OR bad.ended_at > good.ended_at
$$;
ALTER FUNCTION auth.last_backup() OWNER TO hale_auth;
REVOKE EXECUTE ON FUNCTION auth.last_backup() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.last_backup() TO hale_app;
