DROP FUNCTION auth.meal_types_document(uuid, uuid);
DROP TABLE meal_types;
DELETE FROM sync_changes WHERE collection = 'meal_types';
DELETE FROM sync_rows WHERE collection = 'meal_types';
UPDATE sync_spaces SET digests = digests - 'meal_types' WHERE digests ? 'meal_types';
