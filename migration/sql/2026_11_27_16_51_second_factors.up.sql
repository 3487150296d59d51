-- A second factor: an app that makes codes of a shared secret and the time (TOTP, RFC 6238), and recovery codes for when it is lost.

CREATE TABLE second_factors (
  user_id uuid CONSTRAINT second_factors_pkey PRIMARY KEY CONSTRAINT second_factors_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  secret text NOT NULL CONSTRAINT second_factors_secret_check CHECK (length(secret) BETWEEN 20 AND 500),
  confirmed_at timestamptz,
  last_step bigint NOT NULL DEFAULT 0 CONSTRAINT second_factors_last_step_check CHECK (last_step BETWEEN 0 AND 1000000000000),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN second_factors.secret IS 'sealed: without the key file nobody makes codes of it';
COMMENT ON COLUMN second_factors.confirmed_at IS 'since when it is asked for: from when the person first gave a code';
COMMENT ON COLUMN second_factors.last_step IS 'the half minute of the newest code that was taken: no code of it, or of an earlier one, is taken again';

CREATE TABLE recovery_codes (
  user_id uuid NOT NULL CONSTRAINT recovery_codes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  code text NOT NULL CONSTRAINT recovery_codes_code_check CHECK (code ~ '^[0-9a-f]{64}$'),
  used_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, code)
);
COMMENT ON COLUMN recovery_codes.code IS 'SHA-256 of the code, in hex';

SELECT auth.guard('second_factors');
SELECT auth.guard('recovery_codes');
GRANT SELECT, INSERT, UPDATE, DELETE ON second_factors, recovery_codes TO hale_auth;
CREATE POLICY factors ON second_factors FOR ALL TO hale_auth USING (true) WITH CHECK (true);
CREATE POLICY factors ON recovery_codes FOR ALL TO hale_auth USING (true) WITH CHECK (true);

-- The second factor that is asked of a person, if one is, and where its use is told.
CREATE FUNCTION auth.second_factor_of(person uuid) RETURNS TABLE (id uuid, secret text, email text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$ SELECT f.user_id, f.secret, u.email FROM second_factors f JOIN users u ON u.id = f.user_id WHERE f.user_id = person AND f.confirmed_at IS NOT NULL $$;

-- Takes the code of a half minute, unless it or a later one was taken already.
CREATE FUNCTION auth.take_code(person uuid, step bigint) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  WITH taken AS (UPDATE second_factors f SET last_step = step WHERE f.user_id = person AND f.confirmed_at IS NOT NULL AND f.last_step < step RETURNING f.user_id)
  SELECT EXISTS (SELECT FROM taken)
$$;

-- Takes a recovery code, for its one use.
CREATE FUNCTION auth.take_recovery_code(person uuid, hash text, at timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  WITH taken AS (UPDATE recovery_codes c SET used_at = at WHERE c.user_id = person AND c.code = hash AND c.used_at IS NULL RETURNING c.user_id)
  SELECT EXISTS (SELECT FROM taken)
$$;

-- The viewer's own second factor, confirmed or not, and how many recovery codes they have left.
CREATE FUNCTION auth.own_second_factor() RETURNS TABLE (id uuid, secret text, confirmed_at timestamptz, recovery_codes bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT f.user_id, f.secret, f.confirmed_at, (SELECT count(*) FROM recovery_codes c WHERE c.user_id = f.user_id AND c.used_at IS NULL)
  FROM second_factors f WHERE f.user_id = (SELECT auth.uid())
$$;

-- Gives the viewer a secret to confirm; answers whether there is none yet that is asked for.
CREATE FUNCTION auth.begin_second_factor(sealed text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  WITH begun AS (
    INSERT INTO second_factors AS f (user_id, secret) VALUES ((SELECT auth.uid()), sealed)
    ON CONFLICT (user_id) DO UPDATE SET secret = EXCLUDED.secret, last_step = 0 WHERE f.confirmed_at IS NULL RETURNING f.user_id)
  SELECT EXISTS (SELECT FROM begun)
$$;

-- From now on the viewer's second factor is asked for, if this is the secret of which the code of this half minute was made.
CREATE FUNCTION auth.confirm_second_factor(sealed text, step bigint, at timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  WITH confirmed AS (
    UPDATE second_factors f SET confirmed_at = at, last_step = step
    WHERE f.user_id = (SELECT auth.uid()) AND f.secret = sealed AND f.confirmed_at IS NULL RETURNING f.user_id)
  SELECT EXISTS (SELECT FROM confirmed)
$$;

-- The viewer's recovery codes are these and no others.
CREATE FUNCTION auth.replace_recovery_codes(hashes text[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  DELETE FROM recovery_codes c WHERE c.user_id = (SELECT auth.uid()) AND c.code <> ALL (hashes);
  INSERT INTO recovery_codes (user_id, code) SELECT (SELECT auth.uid()), h FROM unnest(hashes) h
$$;

-- No second factor is asked of the viewer any more.
CREATE FUNCTION auth.remove_second_factor() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  DELETE FROM second_factors f WHERE f.user_id = (SELECT auth.uid());
  DELETE FROM recovery_codes c WHERE c.user_id = (SELECT auth.uid())
$$;

DO $$
DECLARE
  door regprocedure;
BEGIN
  FOREACH door IN ARRAY ARRAY['auth.second_factor_of(uuid)', 'auth.take_code(uuid, bigint)', 'auth.take_recovery_code(uuid, text, timestamptz)',
    'auth.own_second_factor()', 'auth.begin_second_factor(text)', 'auth.confirm_second_factor(text, bigint, timestamptz)',
    'auth.replace_recovery_codes(text[])', 'auth.remove_second_factor()']::regprocedure[]
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO hale_auth', door);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hale_app', door);
  END LOOP;
END $$;
