ALTER TABLE calendar_settings DROP COLUMN when_event_deleted;
