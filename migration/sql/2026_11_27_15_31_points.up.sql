-- What callers of several servers spend is one account: each server tells now and then what was spent there, and hears what was
-- spent everywhere.

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
