DROP FUNCTION auth.readers();
DROP TABLE access_log;
