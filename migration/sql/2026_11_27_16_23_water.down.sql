DROP FUNCTION auth.water_entries_document(uuid, uuid);
DROP TABLE water_entries;
DROP TABLE water_containers;
DELETE FROM sync_changes WHERE collection = 'water_entries';
DELETE FROM sync_rows WHERE collection = 'water_entries';
UPDATE sync_spaces SET digests = digests - 'water_entries' WHERE digests ? 'water_entries';
