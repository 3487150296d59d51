-- People, their preferences and sessions, and what they share with whom.

CREATE TABLE users (
  id uuid CONSTRAINT users_pkey PRIMARY KEY,
  email text NOT NULL CONSTRAINT users_email_key UNIQUE
    CONSTRAINT users_email_check CHECK (length(email) BETWEEN 3 AND 255 AND email = lower(email)),
  username text CONSTRAINT users_username_key UNIQUE
    CONSTRAINT users_username_check CHECK (length(username) BETWEEN 2 AND 64 AND username = lower(username) AND username !~ '@'),
  password_hash text NOT NULL CONSTRAINT users_password_hash_check CHECK (length(password_hash) BETWEEN 20 AND 255),
  full_name text CONSTRAINT users_full_name_check CHECK (length(full_name) BETWEEN 1 AND 255),
  email_verified_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE user_preferences (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL CONSTRAINT user_preferences_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  theme text NOT NULL DEFAULT 'system' CONSTRAINT user_preferences_theme_check CHECK (theme IN ('system', 'light', 'dark')),
  ai_provider text CONSTRAINT user_preferences_ai_provider_check CHECK (length(ai_provider) BETWEEN 1 AND 50),
  units_system text NOT NULL DEFAULT 'metric' CONSTRAINT user_preferences_units_system_check CHECK (units_system IN ('metric', 'imperial')),
  time_zone text NOT NULL DEFAULT 'UTC' CONSTRAINT user_preferences_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64),
  day_starts_at time NOT NULL DEFAULT '00:00' CONSTRAINT user_preferences_day_starts_at_check CHECK (day_starts_at BETWEEN '00:00' AND '12:00'),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT user_preferences_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT user_preferences_user_id_key UNIQUE (user_id)
);

-- A sign-in on one device. The refresh tokens made from it one after the other are its family.
CREATE TABLE sessions (
  user_id uuid NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  device_name text CONSTRAINT sessions_device_name_check CHECK (length(device_name) BETWEEN 1 AND 100),
  last_used_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sessions_pkey PRIMARY KEY (user_id, id)
);

CREATE TABLE refresh_tokens (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL,
  session_id uuid NOT NULL,
  token text NOT NULL CONSTRAINT refresh_tokens_token_key UNIQUE
    CONSTRAINT refresh_tokens_token_check CHECK (token ~ '^[0-9a-f]{64}$'),
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT refresh_tokens_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT refresh_tokens_session_fkey FOREIGN KEY (user_id, session_id) REFERENCES sessions (user_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN refresh_tokens.token IS 'SHA-256 of the token, in hex; the token itself is never stored';
CREATE INDEX refresh_tokens_session_idx ON refresh_tokens (user_id, session_id);

-- One bucket per limited thing (an address trying passwords, a client signing up). Losing it in a crash costs nothing.
CREATE UNLOGGED TABLE rate_limits (
  bucket text CONSTRAINT rate_limits_pkey PRIMARY KEY CONSTRAINT rate_limits_bucket_check CHECK (length(bucket) BETWEEN 1 AND 200),
  full_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX rate_limits_full_at_idx ON rate_limits (full_at);
COMMENT ON COLUMN rate_limits.full_at IS 'when the bucket will have all its tokens again';

-- What one person lets another see. A changed grant is a new offer, so rows are history.
CREATE TABLE family_access (
  id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT family_access_pkey PRIMARY KEY,
  grantor_user_id uuid NOT NULL CONSTRAINT family_access_grantor_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  grantee_user_id uuid CONSTRAINT family_access_grantee_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  grantee_email text NOT NULL CONSTRAINT family_access_grantee_email_check CHECK (length(grantee_email) BETWEEN 3 AND 255),
  grantee_address text NOT NULL GENERATED ALWAYS AS (lower(grantee_email)) STORED,
  access_type text NOT NULL CONSTRAINT family_access_access_type_check CHECK (access_type IN ('calorie', 'checkin', 'reports', 'food_list')),
  can_write boolean NOT NULL DEFAULT false,
  status text NOT NULL DEFAULT 'offered' CONSTRAINT family_access_status_check CHECK (status IN ('offered', 'active', 'declined', 'revoked')),
  expires_at timestamptz CONSTRAINT family_access_expires_at_check CHECK (expires_at BETWEEN '2000-01-01' AND '2101-01-01'),
  offered_at timestamptz NOT NULL DEFAULT now(),
  granted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT family_access_not_self_check CHECK (grantee_user_id <> grantor_user_id),
  CONSTRAINT family_access_active_check CHECK (status <> 'active' OR grantee_user_id IS NOT NULL AND granted_at IS NOT NULL)
);
CREATE INDEX family_access_grantor_user_id_idx ON family_access (grantor_user_id);
CREATE INDEX family_access_grantee_user_id_idx ON family_access (grantee_user_id, access_type) WHERE status = 'active';
CREATE INDEX family_access_grantee_user_id_all_idx ON family_access (grantee_user_id);
CREATE INDEX family_access_grantee_address_idx ON family_access (grantee_address) WHERE status = 'offered';
CREATE UNIQUE INDEX family_access_open_key ON family_access (grantor_user_id, grantee_address, access_type) WHERE status IN ('offered', 'active');
CREATE UNIQUE INDEX family_access_active_key ON family_access (grantor_user_id, grantee_user_id, access_type) WHERE status = 'active';

-- Only the person to whom something was offered accepts or declines it; either side ends it.
CREATE FUNCTION auth.change_family_access() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  viewer uuid := auth.uid();
BEGIN
  IF viewer IS NULL OR NEW.status = OLD.status THEN
    RETURN NEW;
  END IF;
  IF OLD.status = 'offered' AND NEW.status IN ('active', 'declined') AND viewer <> OLD.grantor_user_id
     AND (OLD.expires_at IS NULL OR OLD.expires_at > clock_timestamp()) THEN
    NEW.grantee_user_id := viewer;
    IF NEW.status = 'active' THEN
      NEW.granted_at := clock_timestamp();
    END IF;
  ELSIF NOT (NEW.status = 'revoked' AND OLD.status IN ('offered', 'active')
             AND (viewer = OLD.grantor_user_id OR viewer IS NOT DISTINCT FROM OLD.grantee_user_id)) THEN
    RAISE EXCEPTION 'this grant cannot go from % to %', OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'family_access_change_check';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER change BEFORE UPDATE ON family_access FOR EACH ROW EXECUTE FUNCTION auth.change_family_access();

-- users: everybody sees and edits only themselves; the password hash is hale_auth's alone.
SELECT auth.guard('users');
GRANT SELECT (id, email, username, full_name, email_verified_at, version, created_at, updated_at) ON users TO hale_app;
GRANT UPDATE (username, full_name) ON users TO hale_app;
CREATE POLICY own_read ON users FOR SELECT TO hale_app USING (id = (SELECT auth.uid()));
CREATE POLICY own_update ON users FOR UPDATE TO hale_app USING (id = (SELECT auth.uid())) WITH CHECK (id = (SELECT auth.uid()));
GRANT SELECT, INSERT ON users TO hale_auth;
CREATE POLICY credentials_read ON users FOR SELECT TO hale_auth USING (true);
CREATE POLICY sign_up ON users FOR INSERT TO hale_auth WITH CHECK (true);

SELECT auth.guard('user_preferences');
GRANT SELECT, UPDATE (theme, ai_provider, units_system, time_zone, day_starts_at) ON user_preferences TO hale_app;
CREATE POLICY own_read ON user_preferences FOR SELECT TO hale_app USING (user_id = (SELECT auth.uid()));
CREATE POLICY own_update ON user_preferences FOR UPDATE TO hale_app USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
GRANT SELECT, INSERT ON user_preferences TO hale_auth;
CREATE POLICY calendar_read ON user_preferences FOR SELECT TO hale_auth USING (true);
CREATE POLICY sign_up ON user_preferences FOR INSERT TO hale_auth WITH CHECK (true);

SELECT auth.guard('sessions');
GRANT SELECT, UPDATE (revoked_at) ON sessions TO hale_app;
CREATE POLICY own_read ON sessions FOR SELECT TO hale_app USING (user_id = (SELECT auth.uid()));
CREATE POLICY own_update ON sessions FOR UPDATE TO hale_app USING (user_id = (SELECT auth.uid())) WITH CHECK (user_id = (SELECT auth.uid()));
GRANT SELECT, INSERT, UPDATE ON sessions TO hale_auth;
CREATE POLICY sign_in ON sessions FOR ALL TO hale_auth USING (true) WITH CHECK (true);

SELECT auth.guard('refresh_tokens');
GRANT SELECT, INSERT, UPDATE, DELETE ON refresh_tokens TO hale_auth;
CREATE POLICY rotation ON refresh_tokens FOR ALL TO hale_auth USING (true) WITH CHECK (true);

SELECT auth.guard('rate_limits');
GRANT SELECT, INSERT, UPDATE, DELETE ON rate_limits TO hale_auth;
CREATE POLICY limits ON rate_limits FOR ALL TO hale_auth USING (true) WITH CHECK (true);

SELECT auth.guard('family_access');
GRANT SELECT, INSERT (grantor_user_id, grantee_email, access_type, can_write, expires_at), UPDATE (status) ON family_access TO hale_app;
CREATE POLICY parties_read ON family_access FOR SELECT TO hale_app
  USING (grantor_user_id = (SELECT auth.uid()) OR grantee_user_id = (SELECT auth.uid()));
CREATE POLICY offered_read ON family_access FOR SELECT TO hale_app
  USING (status = 'offered' AND grantee_address = (SELECT email FROM users WHERE users.id = (SELECT auth.uid()) AND email_verified_at IS NOT NULL));
CREATE POLICY offer ON family_access FOR INSERT TO hale_app
  WITH CHECK (grantor_user_id = (SELECT auth.uid()) AND grantee_user_id IS NULL AND status = 'offered');
CREATE POLICY parties_update ON family_access FOR UPDATE TO hale_app
  USING (grantor_user_id = (SELECT auth.uid()) OR grantee_user_id = (SELECT auth.uid()))
  WITH CHECK (grantor_user_id = (SELECT auth.uid()) OR grantee_user_id = (SELECT auth.uid()));
CREATE POLICY offered_update ON family_access FOR UPDATE TO hale_app
  USING (status = 'offered' AND grantee_address = (SELECT email FROM users WHERE users.id = (SELECT auth.uid()) AND email_verified_at IS NOT NULL))
  WITH CHECK (grantee_user_id = (SELECT auth.uid()));
GRANT SELECT ON family_access TO hale_auth, hale_search, hale_reports;
CREATE POLICY relatives_read ON family_access FOR SELECT TO hale_auth USING (true);
CREATE POLICY grantee_read ON family_access FOR SELECT TO hale_search, hale_reports USING (grantee_user_id = (SELECT auth.uid()));

-- The doors of hale_auth. Each takes a secret, its hash or an address, and gives the least that is needed.

-- Makes `person` the viewer of this transaction, if the session still lives.
CREATE FUNCTION auth.enter(person uuid, session uuid, at timestamptz) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  PERFORM FROM sessions s WHERE s.user_id = person AND s.id = session AND s.revoked_at IS NULL AND s.expires_at > at;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'this session has ended' USING ERRCODE = 'invalid_authorization_specification';
  END IF;
  PERFORM set_config('app.user_id', person::text, true);
END $$;

CREATE FUNCTION auth.credentials(address text) RETURNS TABLE (user_id uuid, password_hash text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$ SELECT u.id, u.password_hash FROM users u WHERE u.email = address OR u.username = address $$;

CREATE FUNCTION auth.sign_up(person uuid, address text, hash text, name text, zone text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  INSERT INTO users (id, email, password_hash, full_name) VALUES (person, address, hash, name);
  INSERT INTO user_preferences (user_id, time_zone) VALUES (person, zone);
END $$;

CREATE FUNCTION auth.open_session(person uuid, session uuid, device text, session_ends timestamptz, token_hash text, token_ends timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  INSERT INTO sessions (user_id, id, device_name, expires_at) VALUES (person, session, device, session_ends);
  INSERT INTO refresh_tokens (user_id, session_id, token, expires_at) VALUES (person, session, token_hash, token_ends);
END $$;

-- Exchanges a refresh token for the next one. A token used a second time ends its session, unless it is the very last
-- rotation repeated within `grace` (the answer was lost): then the unused successor is replaced.
CREATE FUNCTION auth.rotate(old_hash text, new_hash text, token_ends timestamptz, at timestamptz, grace interval)
RETURNS TABLE (person uuid, session uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  old refresh_tokens;
BEGIN
  SELECT t.* INTO old FROM refresh_tokens t
    JOIN sessions s ON s.user_id = t.user_id AND s.id = t.session_id
    WHERE t.token = old_hash AND s.revoked_at IS NULL AND s.expires_at > at
    FOR UPDATE OF s;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  -- Whoever waited for the lock must see what the winner did to the token.
  SELECT t.* INTO old FROM refresh_tokens t WHERE t.token = old_hash;
  IF NOT FOUND OR old.expires_at <= at THEN
    RETURN;
  END IF;
  IF old.used_at IS NOT NULL THEN
    IF old.used_at + grace < at OR EXISTS (SELECT FROM refresh_tokens t WHERE t.user_id = old.user_id AND t.session_id = old.session_id
                                           AND t.created_at > old.created_at AND t.used_at IS NOT NULL) THEN
      UPDATE sessions s SET revoked_at = at WHERE s.user_id = old.user_id AND s.id = old.session_id;
      RETURN;
    END IF;
    DELETE FROM refresh_tokens t WHERE t.user_id = old.user_id AND t.session_id = old.session_id AND t.created_at > old.created_at;
  ELSE
    UPDATE refresh_tokens t SET used_at = at WHERE t.user_id = old.user_id AND t.id = old.id;
  END IF;
  INSERT INTO refresh_tokens (user_id, session_id, token, expires_at, created_at) VALUES (old.user_id, old.session_id, new_hash, token_ends, clock_timestamp());
  UPDATE sessions s SET last_used_at = at WHERE s.user_id = old.user_id AND s.id = old.session_id;
  RETURN QUERY SELECT old.user_id, old.session_id;
END $$;

-- Takes one of `burst` tokens that come back one per `refill`; answers how long to wait, zero when one was taken.
CREATE FUNCTION auth.take(name text, burst integer, refill interval, at timestamptz) RETURNS interval
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  wait interval;
BEGIN
  DELETE FROM rate_limits r WHERE r.bucket IN (SELECT d.bucket FROM rate_limits d WHERE d.full_at < at - interval '1 day' LIMIT 20 FOR UPDATE SKIP LOCKED);
  INSERT INTO rate_limits AS r (bucket, full_at) VALUES (name, at + refill)
    ON CONFLICT (bucket) DO UPDATE SET full_at = greatest(r.full_at, at) + refill
    WHERE greatest(r.full_at, at) + refill <= at + refill * burst
    RETURNING interval '0' INTO wait;
  IF wait IS NULL THEN
    SELECT r.full_at + refill - refill * burst - at INTO wait FROM rate_limits r WHERE r.bucket = name;
  END IF;
  RETURN wait;
END $$;

-- Gives a bucket its tokens back: after a right password the earlier typing errors no longer count.
CREATE FUNCTION auth.refill(name text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$ DELETE FROM rate_limits WHERE bucket = name $$;

-- The names of others that the viewer may know: people with an active grant in either direction, and those who offered one.
CREATE FUNCTION auth.relatives() RETURNS TABLE (id uuid, full_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT u.id, u.full_name FROM users u WHERE u.id IN (
    SELECT f.grantor_user_id FROM family_access f
      WHERE f.grantee_user_id = (SELECT auth.uid()) AND f.status = 'active' AND (f.expires_at IS NULL OR f.expires_at > statement_timestamp())
    UNION SELECT f.grantee_user_id FROM family_access f
      WHERE f.grantor_user_id = (SELECT auth.uid()) AND f.status = 'active' AND (f.expires_at IS NULL OR f.expires_at > statement_timestamp())
    UNION SELECT f.grantor_user_id FROM family_access f
      WHERE f.status = 'offered' AND (f.expires_at IS NULL OR f.expires_at > statement_timestamp())
        AND f.grantee_address = (SELECT v.email FROM users v WHERE v.id = (SELECT auth.uid()) AND v.email_verified_at IS NOT NULL))
$$;

-- How a person's days are cut, for the person and for those who share something with the viewer.
CREATE FUNCTION auth.calendar_of(person uuid) RETURNS TABLE (time_zone text, day_starts_at time)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT p.time_zone, p.day_starts_at FROM user_preferences p
  WHERE p.user_id = person AND (person = (SELECT auth.uid()) OR EXISTS (
    SELECT FROM family_access f WHERE f.grantor_user_id = person AND f.grantee_user_id = (SELECT auth.uid())
      AND f.status = 'active' AND (f.expires_at IS NULL OR f.expires_at > statement_timestamp())))
$$;

DO $$
DECLARE
  door regprocedure;
BEGIN
  FOREACH door IN ARRAY ARRAY['auth.enter(uuid, uuid, timestamptz)', 'auth.credentials(text)', 'auth.sign_up(uuid, text, text, text, text)',
    'auth.open_session(uuid, uuid, text, timestamptz, text, timestamptz)', 'auth.rotate(text, text, timestamptz, timestamptz, interval)',
    'auth.take(text, integer, interval, timestamptz)', 'auth.refill(text)', 'auth.relatives()', 'auth.calendar_of(uuid)']::regprocedure[]
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO hale_auth', door);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hale_app', door);
  END LOOP;
END $$;
