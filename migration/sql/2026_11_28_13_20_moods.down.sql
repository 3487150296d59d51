DROP FUNCTION auth.moods_document(uuid, uuid);
DROP TABLE moods;
DELETE FROM sync_changes WHERE collection = 'moods';
DELETE FROM sync_rows WHERE collection = 'moods';
UPDATE sync_spaces SET digests = digests - 'moods' WHERE digests ? 'moods';
