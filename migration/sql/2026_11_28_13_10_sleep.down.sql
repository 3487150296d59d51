DROP FUNCTION auth.sleep_entries_document(uuid, uuid);
DROP TABLE sleep_stages;
DROP TABLE sleep_entries;
DELETE FROM sync_changes WHERE collection = 'sleep_entries';
DELETE FROM sync_rows WHERE collection = 'sleep_entries';
UPDATE sync_spaces SET digests = digests - 'sleep_entries' WHERE digests ? 'sleep_entries';
-- Of somebody else's making it stays.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_extension WHERE extname = 'btree_gist' AND extowner = current_user::regrole) THEN
    DROP EXTENSION btree_gist;
  END IF;
END $$;
