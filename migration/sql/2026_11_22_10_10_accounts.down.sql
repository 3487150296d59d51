DROP TABLE family_access, rate_limits, refresh_tokens, sessions, user_preferences, users CASCADE;
DROP FUNCTION auth.change_family_access(), auth.enter(uuid, uuid, timestamptz), auth.credentials(text), auth.sign_up(uuid, text, text, text, text),
  auth.open_session(uuid, uuid, text, timestamptz, text, timestamptz), auth.rotate(text, text, timestamptz, timestamptz, interval),
  auth.take(text, integer, interval, timestamptz), auth.refill(text), auth.relatives(), auth.calendar_of(uuid);
