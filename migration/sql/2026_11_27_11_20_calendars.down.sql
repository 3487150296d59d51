DROP TRIGGER calendar_insert ON assignments;
DROP TRIGGER calendar_update ON assignments;
DROP TRIGGER calendar_delete ON assignments;
DROP FUNCTION auth.refresh_calendar_of_turns(), auth.refresh_calendar(uuid), auth.enter_channel(uuid, text, timestamptz), auth.enter_consent(text, timestamptz);
DROP TABLE notification_channels, calendar_events, calendar_settings, oauth_tokens, oauth_consents;
