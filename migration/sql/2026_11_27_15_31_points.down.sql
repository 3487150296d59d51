DROP FUNCTION auth.settle(text[], bigint[], timestamptz, timestamptz);
