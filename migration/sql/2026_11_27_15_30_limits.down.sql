DROP FUNCTION auth.settle(text[], bigint[], timestamptz, timestamptz);

CREATE OR REPLACE FUNCTION auth.schedule(job uuid, what text, again interval, at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  INSERT INTO jobs (id, kind, key, due_at, every) VALUES (job, what, '', at, again)
  ON CONFLICT (kind, key) WHERE dead_at IS NULL DO NOTHING
$$;

CREATE OR REPLACE FUNCTION auth.take(name text, burst integer, refill interval, at timestamptz) RETURNS interval
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  wait interval;
BEGIN
  DELETE FROM rate_limits r WHERE r.bucket IN (SELECT d.bucket FROM rate_limits d WHERE d.full_at < at - interval '1 day' LIMIT 20 FOR UPDATE SKIP LOCKED);
  INSERT INTO rate_limits AS r (bucket, full_at) VALUES (name, at + refill)
    ON CONFLICT (bucket) DO UPDATE SET full_at = greatest(r.full_at, at) + refill
    WHERE greatest(r.full_at, at) + refill <= at + refill * burst
    RETURNING interval '0' INTO wait;
  IF wait IS NULL THEN
    SELECT r.full_at + refill - refill * burst - at INTO wait FROM rate_limits r WHERE r.bucket = name;
  END IF;
  RETURN wait;
END $$;
