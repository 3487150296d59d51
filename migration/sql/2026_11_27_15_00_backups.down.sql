DROP FUNCTION auth.last_backup();
DROP TABLE backups;
