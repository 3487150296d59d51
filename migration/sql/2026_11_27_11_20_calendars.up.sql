-- A household's turns in a calendar of somebody's: the consent of whoever connects it, what was chosen, what was pushed, and the
-- channel by which the calendar tells of changes.

-- A consent that somebody was sent to give. It is used once, by whoever comes back with its state.
CREATE TABLE oauth_consents (
  user_id uuid NOT NULL CONSTRAINT oauth_consents_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  household_id uuid NOT NULL CONSTRAINT oauth_consents_household_id_fkey REFERENCES households (id) ON DELETE CASCADE,
  provider text NOT NULL CONSTRAINT oauth_consents_provider_check CHECK (provider IN ('google')),
  state text NOT NULL CONSTRAINT oauth_consents_state_check CHECK (state ~ '^[0-9a-f]{64}$'),
  verifier text NOT NULL CONSTRAINT oauth_consents_verifier_check CHECK (length(verifier) BETWEEN 1 AND 500),
  expires_at timestamptz NOT NULL CONSTRAINT oauth_consents_expires_at_check CHECK (expires_at BETWEEN '2000-01-01' AND '2101-01-01'),
  used_at timestamptz CONSTRAINT oauth_consents_used_at_check CHECK (used_at BETWEEN '2000-01-01' AND '2101-01-01'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT oauth_consents_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT oauth_consents_state_key UNIQUE (user_id, state)
);
COMMENT ON COLUMN oauth_consents.state IS 'SHA-256 of the state, in hex';
COMMENT ON COLUMN oauth_consents.verifier IS 'the PKCE verifier, sealed';
CREATE INDEX oauth_consents_household_id_idx ON oauth_consents (household_id);
CREATE INDEX oauth_consents_state_idx ON oauth_consents (state);
SELECT auth.protect('oauth_consents', fixed => ARRAY['household_id', 'provider', 'state', 'verifier', 'expires_at']);
CREATE POLICY administers ON oauth_consents AS RESTRICTIVE FOR INSERT TO hale_app
  WITH CHECK (household_id = ANY ((SELECT auth.administered_households())::uuid[]));

-- What a provider gave for a consent. Only whoever gave it has the row, and even they cannot read what is sealed in it.
CREATE TABLE oauth_tokens (
  user_id uuid NOT NULL CONSTRAINT oauth_tokens_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  household_id uuid NOT NULL CONSTRAINT oauth_tokens_household_id_fkey REFERENCES households (id) ON DELETE CASCADE,
  provider text NOT NULL CONSTRAINT oauth_tokens_provider_check CHECK (provider IN ('google')),
  access_token text NOT NULL CONSTRAINT oauth_tokens_access_token_check CHECK (length(access_token) BETWEEN 1 AND 8000),
  refresh_token text NOT NULL CONSTRAINT oauth_tokens_refresh_token_check CHECK (length(refresh_token) BETWEEN 1 AND 8000),
  expiry timestamptz NOT NULL CONSTRAINT oauth_tokens_expiry_check CHECK (expiry BETWEEN '2000-01-01' AND '2101-01-01'),
  calendars jsonb NOT NULL DEFAULT '[]' CONSTRAINT oauth_tokens_calendars_check CHECK (length(calendars::text) <= 200000),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT oauth_tokens_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT oauth_tokens_household_key UNIQUE (user_id, household_id, provider)
);
COMMENT ON COLUMN oauth_tokens.access_token IS 'sealed for this person, household and purpose';
COMMENT ON COLUMN oauth_tokens.expiry IS 'when the access token stops being valid';
COMMENT ON COLUMN oauth_tokens.calendars IS 'the calendars that can be chosen, as the provider listed them last';
CREATE INDEX oauth_tokens_household_id_idx ON oauth_tokens (household_id);
SELECT auth.protect('oauth_tokens', fixed => ARRAY['household_id', 'provider']);
CREATE POLICY administers ON oauth_tokens AS RESTRICTIVE FOR INSERT TO hale_app
  WITH CHECK (household_id = ANY ((SELECT auth.administered_households())::uuid[]));

-- The calendar of a household, and how it stands. Whoever made the row connected it: the work on it is done as them.
CREATE TABLE calendar_settings (
  household_id uuid NOT NULL CONSTRAINT calendar_settings_household_id_fkey REFERENCES households (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  provider text NOT NULL CONSTRAINT calendar_settings_provider_check CHECK (provider IN ('google')),
  status text NOT NULL DEFAULT 'choosing' CONSTRAINT calendar_settings_status_check CHECK (status IN ('choosing', 'connected', 'broken', 'disconnecting')),
  problem text CONSTRAINT calendar_settings_problem_check CHECK (length(problem) BETWEEN 1 AND 200),
  calendar_id text CONSTRAINT calendar_settings_calendar_id_check CHECK (length(calendar_id) BETWEEN 1 AND 1000),
  calendar_name text CONSTRAINT calendar_settings_calendar_name_check CHECK (length(calendar_name) BETWEEN 1 AND 500),
  token_expires_at timestamptz CONSTRAINT calendar_settings_token_expires_at_check CHECK (token_expires_at BETWEEN '2000-01-01' AND '2101-01-01'),
  sync_token text CONSTRAINT calendar_settings_sync_token_check CHECK (length(sync_token) BETWEEN 1 AND 2000),
  last_synced_at timestamptz CONSTRAINT calendar_settings_last_synced_at_check CHECK (last_synced_at BETWEEN '2000-01-01' AND '2101-01-01'),
  created_by uuid DEFAULT auth.uid() CONSTRAINT calendar_settings_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT calendar_settings_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT calendar_settings_household_key UNIQUE (household_id),
  CONSTRAINT calendar_settings_chosen_check CHECK (status <> 'connected' OR calendar_id IS NOT NULL)
);
COMMENT ON COLUMN calendar_settings.problem IS 'why it is broken, for people';
COMMENT ON COLUMN calendar_settings.sync_token IS 'from where the calendar goes on telling what has changed';
CREATE INDEX calendar_settings_created_by_idx ON calendar_settings (created_by);
SELECT auth.protect_household('calendar_settings', 'administrators', ARRAY['provider']);

-- The event of a turn: what it is called there, as what it was last written, and what somebody wrote over it that is not understood.
CREATE TABLE calendar_events (
  household_id uuid NOT NULL,
  calendar_id uuid NOT NULL,
  event_id text NOT NULL CONSTRAINT calendar_events_event_id_check CHECK (event_id ~ '^[a-v0-9]{5,100}$'),
  in_calendar text NOT NULL CONSTRAINT calendar_events_in_calendar_check CHECK (length(in_calendar) BETWEEN 1 AND 1000),
  routine_id uuid NOT NULL,
  date date NOT NULL CONSTRAINT calendar_events_date_check CHECK (date BETWEEN '1900-01-01' AND '2100-12-31'),
  etag text CONSTRAINT calendar_events_etag_check CHECK (length(etag) BETWEEN 1 AND 200),
  written text CONSTRAINT calendar_events_written_check CHECK (written ~ '^[0-9a-f]{64}$'),
  question text CONSTRAINT calendar_events_question_check CHECK (length(question) BETWEEN 1 AND 200),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT calendar_events_pkey PRIMARY KEY (household_id, event_id),
  CONSTRAINT calendar_events_turn_key UNIQUE (household_id, routine_id, date),
  CONSTRAINT calendar_events_calendar_fkey FOREIGN KEY (household_id, calendar_id) REFERENCES calendar_settings (household_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN calendar_events.in_calendar IS 'the calendar it lies in, which may no longer be the one that is chosen';
COMMENT ON COLUMN calendar_events.written IS 'SHA-256 of the event as Hale last wrote it; null makes it write it again';
COMMENT ON COLUMN calendar_events.question IS 'a name in the title that is nobody''s: for the household to answer';
CREATE INDEX calendar_events_calendar_idx ON calendar_events (household_id, calendar_id);
SELECT auth.protect_household('calendar_events', 'administrators', ARRAY['calendar_id', 'event_id', 'routine_id', 'date']);

-- A channel by which the calendar says that something has changed. Its id and secret are all that the notification proves.
CREATE TABLE notification_channels (
  household_id uuid NOT NULL,
  id uuid NOT NULL,
  calendar_id uuid NOT NULL,
  in_calendar text NOT NULL CONSTRAINT notification_channels_in_calendar_check CHECK (length(in_calendar) BETWEEN 1 AND 1000),
  resource_id text CONSTRAINT notification_channels_resource_id_check CHECK (length(resource_id) BETWEEN 1 AND 500),
  token text NOT NULL CONSTRAINT notification_channels_token_check CHECK (token ~ '^[0-9a-f]{64}$'),
  starts_at timestamptz NOT NULL CONSTRAINT notification_channels_starts_at_check CHECK (starts_at BETWEEN '2000-01-01' AND '2101-01-01'),
  expiration timestamptz NOT NULL CONSTRAINT notification_channels_expiration_check CHECK (expiration BETWEEN '2000-01-01' AND '2101-01-01'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT notification_channels_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT notification_channels_calendar_fkey FOREIGN KEY (household_id, calendar_id) REFERENCES calendar_settings (household_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN notification_channels.in_calendar IS 'the calendar it watches';
COMMENT ON COLUMN notification_channels.resource_id IS 'what the provider calls what it watches; null until it has answered';
COMMENT ON COLUMN notification_channels.token IS 'SHA-256 of the secret that each notification carries, in hex';
CREATE INDEX notification_channels_calendar_idx ON notification_channels (household_id, calendar_id);
CREATE INDEX notification_channels_id_idx ON notification_channels (id);
SELECT auth.guard('notification_channels');
GRANT SELECT (household_id, id, calendar_id, in_calendar, resource_id, starts_at, expiration, created_at, updated_at), DELETE,
  INSERT (household_id, id, calendar_id, in_calendar, token, starts_at, expiration), UPDATE (resource_id, starts_at, expiration) ON notification_channels TO hale_app;
CREATE POLICY household_read ON notification_channels FOR SELECT TO hale_app USING (household_id = ANY ((SELECT auth.households())::uuid[]));
CREATE POLICY household_insert ON notification_channels FOR INSERT TO hale_app
  WITH CHECK (household_id = ANY ((SELECT auth.administered_households())::uuid[]));
CREATE POLICY household_update ON notification_channels FOR UPDATE TO hale_app
  USING (household_id = ANY ((SELECT auth.administered_households())::uuid[]))
  WITH CHECK (household_id = ANY ((SELECT auth.administered_households())::uuid[]));
CREATE POLICY household_delete ON notification_channels FOR DELETE TO hale_app
  USING (household_id = ANY ((SELECT auth.administered_households())::uuid[]));

GRANT SELECT ON oauth_consents, calendar_settings, notification_channels TO hale_auth;
CREATE POLICY coming_back ON oauth_consents FOR SELECT TO hale_auth USING (true);
CREATE POLICY connections ON calendar_settings FOR SELECT TO hale_auth USING (true);
CREATE POLICY notified ON notification_channels FOR SELECT TO hale_auth USING (true);

-- Makes whoever was sent to consent the viewer of this transaction, when the state comes back in time.
CREATE FUNCTION auth.enter_consent(state_hash text, at timestamptz) RETURNS TABLE (person uuid, consent uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  SELECT c.user_id, c.id INTO person, consent FROM oauth_consents c WHERE c.state = state_hash AND c.expires_at > at;
  IF FOUND THEN
    PERFORM set_config('app.user_id', person::text, true);
    RETURN NEXT;
  END IF;
END $$;

-- Makes whoever connected a calendar the viewer of this transaction, for a channel that is open. The caller compares the hash of
-- its secret in constant time, before anything else happens.
CREATE FUNCTION auth.enter_channel(channel uuid, resource text, at timestamptz) RETURNS TABLE (person uuid, calendar uuid, secret text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  SELECT s.created_by, s.id, n.token INTO person, calendar, secret FROM notification_channels n
    JOIN calendar_settings s ON s.household_id = n.household_id AND s.id = n.calendar_id AND s.created_by IS NOT NULL
    WHERE n.id = channel AND n.expiration > at AND coalesce(n.resource_id = resource, true);
  IF FOUND THEN
    PERFORM set_config('app.user_id', person::text, true);
    RETURN NEXT;
  END IF;
END $$;

-- Asks for a household's calendar to be brought up to date at once, as whoever connected it. Any member may: their turns have changed.
CREATE FUNCTION auth.refresh_calendar(household uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  UPDATE jobs j SET requests = j.requests + 1,
      due_at = CASE WHEN j.claim IS NULL AND j.attempts = 0 THEN least(j.due_at, timestamptz '2000-01-01') ELSE j.due_at END
    WHERE j.kind = 'calendar_sync' AND j.dead_at IS NULL
      AND j.key = (SELECT s.id::text FROM calendar_settings s WHERE s.household_id = household AND household = ANY ((SELECT auth.households())::uuid[]))
$$;

-- Whoever changes turns need not think of the calendar.
CREATE FUNCTION auth.refresh_calendar_of_turns() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM auth.refresh_calendar(changed.household_id) FROM (SELECT DISTINCT household_id FROM changed_turns) changed;
  RETURN NULL;
END $$;
CREATE TRIGGER calendar_insert AFTER INSERT ON assignments REFERENCING NEW TABLE AS changed_turns FOR EACH STATEMENT EXECUTE FUNCTION auth.refresh_calendar_of_turns();
CREATE TRIGGER calendar_update AFTER UPDATE ON assignments REFERENCING NEW TABLE AS changed_turns FOR EACH STATEMENT EXECUTE FUNCTION auth.refresh_calendar_of_turns();
CREATE TRIGGER calendar_delete AFTER DELETE ON assignments REFERENCING OLD TABLE AS changed_turns FOR EACH STATEMENT EXECUTE FUNCTION auth.refresh_calendar_of_turns();

DO $$
DECLARE
  door regprocedure;
BEGIN
  FOREACH door IN ARRAY ARRAY['auth.enter_consent(text, timestamptz)', 'auth.enter_channel(uuid, text, timestamptz)', 'auth.refresh_calendar(uuid)']::regprocedure[]
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO hale_auth', door);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hale_app', door);
  END LOOP;
END $$;
