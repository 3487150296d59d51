-- Where sessions come from, and what happened to an account: told to its person alone, and changed by nobody.

-- Limits of attempts last through a crash, too: whoever waits until the server falls guesses no faster.
ALTER TABLE rate_limits SET LOGGED;

ALTER TABLE sessions
  ADD COLUMN address text CONSTRAINT sessions_address_check CHECK (length(address) BETWEEN 1 AND 50),
  ADD COLUMN user_agent text CONSTRAINT sessions_user_agent_check CHECK (length(user_agent) BETWEEN 1 AND 200);
COMMENT ON COLUMN sessions.address IS 'the network that it was opened from, which is less than an address';
COMMENT ON COLUMN sessions.user_agent IS 'what the client called itself';

CREATE TABLE security_events (
  user_id uuid NOT NULL CONSTRAINT security_events_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT security_events_kind_check CHECK (kind ~ '^[a-z_]{1,50}$'),
  happened_at timestamptz NOT NULL,
  count integer NOT NULL DEFAULT 1 CONSTRAINT security_events_count_check CHECK (count BETWEEN 1 AND 1000000),
  address text CONSTRAINT security_events_address_check CHECK (length(address) BETWEEN 1 AND 50),
  user_agent text CONSTRAINT security_events_user_agent_check CHECK (length(user_agent) BETWEEN 1 AND 200),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT security_events_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN security_events.count IS 'how often within an hour: sign-ins that failed are one row';
CREATE INDEX security_events_happened_at_idx ON security_events (user_id, happened_at, id);
CREATE INDEX security_events_old_idx ON security_events (happened_at);

SELECT auth.guard('security_events');
GRANT SELECT ON security_events TO hale_app;
CREATE POLICY own_read ON security_events FOR SELECT TO hale_app USING (user_id = (SELECT auth.uid()));
GRANT SELECT, INSERT, UPDATE, DELETE ON security_events TO hale_auth;
CREATE POLICY events ON security_events FOR ALL TO hale_auth USING (true) WITH CHECK (true);

DROP FUNCTION auth.open_session(uuid, uuid, text, timestamptz, text, timestamptz);
CREATE FUNCTION auth.open_session(person uuid, session uuid, device text, session_ends timestamptz, token_hash text, token_ends timestamptz, network text, agent text, at timestamptz)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  INSERT INTO sessions (user_id, id, device_name, last_used_at, expires_at, address, user_agent, created_at) VALUES (person, session, device, at, session_ends, network, agent, at);
  INSERT INTO refresh_tokens (user_id, session_id, token, expires_at) VALUES (person, session, token_hash, token_ends);
END $$;

-- Notes what happened to somebody's account, in a session of theirs or from somewhere else.
CREATE FUNCTION auth.note_security_event(event uuid, person uuid, what text, session uuid, network text, agent text, at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  INSERT INTO security_events (user_id, id, kind, happened_at, address, user_agent)
  SELECT person, event, what, at, coalesce(network, s.address), coalesce(agent, s.user_agent)
  FROM (VALUES (1)) one LEFT JOIN sessions s ON s.user_id = person AND s.id = session
$$;

-- Notes that somebody could not sign in as whoever this is the login of, if it is anybody's: one row for an hour. It need not last through a
-- crash, so that it takes no longer where there is a row.
CREATE FUNCTION auth.note_failed_sign_in(event uuid, login text, network text, agent text, at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  person uuid;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT u.id INTO person FROM users u WHERE u.email = login OR u.username = login;
  UPDATE security_events e SET count = least(e.count + 1, 1000000), address = network, user_agent = agent
    WHERE e.user_id = person AND e.id = (
      SELECT l.id FROM security_events l WHERE l.user_id = person AND l.kind = 'sign_in_failed' AND l.happened_at > at - interval '1 hour' ORDER BY l.happened_at DESC LIMIT 1);
  IF NOT FOUND AND person IS NOT NULL THEN
    INSERT INTO security_events (user_id, id, kind, happened_at, address, user_agent) VALUES (person, event, 'sign_in_failed', at, network, agent);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION auth.collect_accounts(at timestamptz, most integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  gone bigint;
  largest bigint;
BEGIN
  DELETE FROM account_mails m WHERE m.id IN (SELECT e.id FROM account_mails e WHERE e.expires_at < at ORDER BY e.expires_at LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS largest = ROW_COUNT;
  DELETE FROM security_events e USING (SELECT o.user_id, o.id FROM security_events o WHERE o.happened_at < at - interval '1 year' ORDER BY o.happened_at LIMIT most) old
    WHERE e.user_id = old.user_id AND e.id = old.id;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN greatest(largest, gone) >= most;
END $$;

DO $$
DECLARE
  door regprocedure;
BEGIN
  FOREACH door IN ARRAY ARRAY['auth.open_session(uuid, uuid, text, timestamptz, text, timestamptz, text, text, timestamptz)',
    'auth.note_security_event(uuid, uuid, text, uuid, text, text, timestamptz)', 'auth.note_failed_sign_in(uuid, text, text, text, timestamptz)']::regprocedure[]
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO hale_auth', door);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hale_app', door);
  END LOOP;
END $$;
