CREATE OR REPLACE FUNCTION auth.collect_accounts(at timestamptz, most integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  gone bigint;
BEGIN
  DELETE FROM account_mails m WHERE m.id IN (SELECT e.id FROM account_mails e WHERE e.expires_at < at ORDER BY e.expires_at LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone >= most;
END $$;

DROP FUNCTION auth.note_failed_sign_in(uuid, text, text, text, timestamptz);
DROP FUNCTION auth.note_security_event(uuid, uuid, text, uuid, text, text, timestamptz);
DROP FUNCTION auth.open_session(uuid, uuid, text, timestamptz, text, timestamptz, text, text, timestamptz);
CREATE FUNCTION auth.open_session(person uuid, session uuid, device text, session_ends timestamptz, token_hash text, token_ends timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  INSERT INTO sessions (user_id, id, device_name, expires_at) VALUES (person, session, device, session_ends);
  INSERT INTO refresh_tokens (user_id, session_id, token, expires_at) VALUES (person, session, token_hash, token_ends);
END $$;
ALTER FUNCTION auth.open_session(uuid, uuid, text, timestamptz, text, timestamptz) OWNER TO hale_auth;
REVOKE EXECUTE ON FUNCTION auth.open_session(uuid, uuid, text, timestamptz, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.open_session(uuid, uuid, text, timestamptz, text, timestamptz) TO hale_app;
DROP TABLE security_events;
ALTER TABLE sessions DROP COLUMN address, DROP COLUMN user_agent;
ALTER TABLE rate_limits SET UNLOGGED;
