-- What comes of a turn whose event somebody deletes in the calendar.
ALTER TABLE calendar_settings ADD COLUMN when_event_deleted text NOT NULL DEFAULT 'restore_event'
  CONSTRAINT calendar_settings_when_event_deleted_check CHECK (when_event_deleted IN ('restore_event', 'skip_turn'));
COMMENT ON COLUMN calendar_settings.when_event_deleted IS 'restore_event: the turn stands, and its event comes back; skip_turn: nobody does it';
GRANT INSERT (when_event_deleted), UPDATE (when_event_deleted) ON calendar_settings TO hale_app;
