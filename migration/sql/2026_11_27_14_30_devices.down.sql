DROP FUNCTION auth.collect_sync(timestamptz, integer);
DROP POLICY collecting ON sync_mutations;
DROP POLICY collecting ON sync_rejections;
REVOKE SELECT, DELETE ON sync_mutations, sync_rejections FROM hale_auth;
ALTER TABLE sessions DROP COLUMN device_id;
DROP TABLE devices;
