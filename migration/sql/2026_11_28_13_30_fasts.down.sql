DROP FUNCTION auth.fasts_document(uuid, uuid);
DROP TABLE fasts;
DELETE FROM sync_changes WHERE collection = 'fasts';
DELETE FROM sync_rows WHERE collection = 'fasts';
UPDATE sync_spaces SET digests = digests - 'fasts' WHERE digests ? 'fasts';
