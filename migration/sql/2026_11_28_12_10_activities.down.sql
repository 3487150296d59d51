DROP FUNCTION auth.activity_track(uuid, uuid);
DROP TABLE privacy_zones;
DROP TABLE activity_recordings;
DROP TABLE activity_splits;
DROP TABLE activities;
