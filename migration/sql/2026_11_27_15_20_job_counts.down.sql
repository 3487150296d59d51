DROP FUNCTION auth.count_jobs(timestamptz);
