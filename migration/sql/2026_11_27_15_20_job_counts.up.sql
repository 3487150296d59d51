-- How many jobs there are of each kind, for whoever watches the server: numbers alone, of nobody.
CREATE FUNCTION auth.count_jobs(at timestamptz) RETURNS TABLE (kind text, state text, count bigint, overdue bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT j.kind, s.state, count(*),
    coalesce(max(extract(epoch FROM at - j.due_at)) FILTER (WHERE s.state = 'waiting' AND j.due_at < at), 0)::bigint
  FROM jobs j
  CROSS JOIN LATERAL (SELECT CASE WHEN j.dead_at IS NOT NULL THEN 'dead' WHEN j.claim IS NOT NULL AND j.due_at > at THEN 'running' ELSE 'waiting' END) s (state)
  GROUP BY j.kind, s.state
$$;
ALTER FUNCTION auth.count_jobs(timestamptz) OWNER TO hale_auth;
REVOKE EXECUTE ON FUNCTION auth.count_jobs(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.count_jobs(timestamptz) TO hale_app;
