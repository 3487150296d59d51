-- Limits of several servers are one account, and a clock that jumped ahead and back leaves no times behind that cannot be: nobody is
-- locked out, and no work is put off, until they come.

-- Takes an attempt from a bucket that holds `burst` of them and gets one back each `refill`; zero, or how long to wait. A bucket that
-- would be full later than an empty one, by more than clocks of several servers may differ, is of a clock that was wrong, and counts as full.
CREATE OR REPLACE FUNCTION auth.take(name text, burst integer, refill interval, at timestamptz) RETURNS interval
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  wait interval;
  latest CONSTANT timestamptz := at + refill * burst + interval '5 minutes';
BEGIN
  DELETE FROM rate_limits r WHERE r.bucket IN (SELECT d.bucket FROM rate_limits d WHERE d.full_at < at - interval '1 day' LIMIT 20 FOR UPDATE SKIP LOCKED);
  INSERT INTO rate_limits AS r (bucket, full_at) VALUES (name, at + refill)
    ON CONFLICT (bucket) DO UPDATE SET full_at = CASE WHEN r.full_at BETWEEN at AND latest THEN r.full_at ELSE at END + refill
    WHERE r.full_at + refill <= at + refill * burst OR r.full_at > latest
    RETURNING interval '0' INTO wait;
  IF wait IS NULL THEN
    SELECT r.full_at + refill - refill * burst - at INTO wait FROM rate_limits r WHERE r.bucket = name;
  END IF;
  RETURN wait;
END $$;

-- Hale's own work, unless it is scheduled already, for a time that is not further away than its next.
CREATE OR REPLACE FUNCTION auth.schedule(job uuid, what text, again interval, at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  INSERT INTO jobs AS j (id, kind, key, due_at, every) VALUES (job, what, '', at, again)
  ON CONFLICT (kind, key) WHERE dead_at IS NULL DO UPDATE SET due_at = at + again WHERE j.claim IS NULL AND j.due_at > at + again
$$;

-- Adds what was spent since the last time, in microseconds of refilling, to the bucket of each name; answers when each will be full.
-- A bucket that would be full later than `latest` is of a clock that was wrong, and counts as full.
CREATE FUNCTION auth.settle(names text[], spent bigint[], at timestamptz, latest timestamptz) RETURNS TABLE (name text, until timestamptz)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  INSERT INTO rate_limits AS r (bucket, full_at)
    SELECT s.name, at + make_interval(secs => s.spent / 1e6) FROM unnest(names, spent) AS s (name, spent) ORDER BY s.name
    ON CONFLICT (bucket) DO UPDATE
      SET full_at = CASE WHEN r.full_at BETWEEN at AND latest THEN r.full_at ELSE at END + (EXCLUDED.full_at - at)
    RETURNING r.bucket, r.full_at
$$;
ALTER FUNCTION auth.settle(text[], bigint[], timestamptz, timestamptz) OWNER TO hale_auth;
REVOKE EXECUTE ON FUNCTION auth.settle(text[], bigint[], timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.settle(text[], bigint[], timestamptz, timestamptz) TO hale_app;
