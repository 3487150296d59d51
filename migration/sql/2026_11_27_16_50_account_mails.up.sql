-- Mail about an account. What it brings is a secret that proves that whoever has it reads the mail of an address: it verifies the address,
-- changes it, sets a password anew or signs in, once and for a short while.

CREATE TABLE account_mails (
  id uuid CONSTRAINT account_mails_pkey PRIMARY KEY,
  owner_id uuid CONSTRAINT account_mails_owner_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  kind text NOT NULL CONSTRAINT account_mails_kind_check CHECK (kind ~ '^[a-z_]{1,50}$'),
  address text NOT NULL CONSTRAINT account_mails_address_check CHECK (length(address) BETWEEN 3 AND 255),
  secret text CONSTRAINT account_mails_secret_key UNIQUE CONSTRAINT account_mails_secret_check CHECK (secret ~ '^[0-9a-f]{64}$'),
  session_id uuid,
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN account_mails.id IS 'its Message-ID: the same however often it is sent';
COMMENT ON COLUMN account_mails.owner_id IS 'whose account it is about; of what was asked for without a session, known once it is sent';
COMMENT ON COLUMN account_mails.secret IS 'SHA-256 of the secret, in hex, from when it is sent; the secret itself is never stored';
COMMENT ON COLUMN account_mails.session_id IS 'the session that asked, which a change of address leaves alone';
CREATE INDEX account_mails_owner_id_idx ON account_mails (owner_id);
CREATE INDEX account_mails_expires_at_idx ON account_mails (expires_at);

SELECT auth.guard('account_mails');
GRANT SELECT, INSERT, UPDATE, DELETE ON account_mails TO hale_auth;
CREATE POLICY secrets ON account_mails FOR ALL TO hale_auth USING (true) WITH CHECK (true);
GRANT UPDATE (email, email_verified_at, password_hash) ON users TO hale_auth;
CREATE POLICY credentials_update ON users FOR UPDATE TO hale_auth USING (true) WITH CHECK (true);

-- Notes a mail to be sent. Whether an address has an account is found out when it is sent, so that asking is the same for all addresses.
CREATE FUNCTION auth.request_account_mail(mail uuid, what text, recipient text, asking uuid, until timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$ INSERT INTO account_mails (id, owner_id, kind, address, session_id, expires_at) VALUES (mail, (SELECT auth.uid()), what, recipient, asking, until) $$;

-- Notes a mail that only tells somebody what happened to their account.
CREATE FUNCTION auth.notify_account(mail uuid, person uuid, what text, recipient text, until timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$ INSERT INTO account_mails (id, owner_id, kind, address, expires_at) VALUES (mail, person, 'tell_' || what, recipient, until) $$;

-- What a claimed job has to send, with `hash` as that of its secret; nothing where nobody has such an account, or where it is too late.
CREATE FUNCTION auth.prepare_account_mail(job uuid, own_claim uuid, hash text, at timestamptz) RETURNS TABLE (what text, recipient text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  UPDATE account_mails m SET secret = CASE WHEN m.kind NOT LIKE 'tell\_%' THEN hash END, owner_id = coalesce(m.owner_id, (SELECT u.id FROM users u WHERE u.email = m.address))
  WHERE m.id = (SELECT CASE j.kind WHEN 'mail_account' THEN j.key::uuid END FROM jobs j WHERE j.id = job AND j.claim = own_claim)
    AND m.used_at IS NULL AND m.expires_at > at
    AND (m.owner_id IS NOT NULL OR EXISTS (SELECT FROM users u WHERE u.email = m.address))
  RETURNING m.kind, m.address
$$;

-- Uses a secret, for its one use. A secret that was sent to an address that is no longer the account's opens nothing.
CREATE FUNCTION auth.use_secret(hash text, what text, at timestamptz) RETURNS account_mails
LANGUAGE sql
AS $$
  UPDATE account_mails m SET used_at = at FROM users u
  WHERE m.secret = hash AND m.kind = what AND m.used_at IS NULL AND m.expires_at > at AND u.id = m.owner_id AND (u.email = m.address OR what = 'change_email')
  RETURNING m.*
$$;

-- After a password or an address has changed: other sessions end, and what was mailed before opens nothing any more.
CREATE FUNCTION auth.end_others(person uuid, keep uuid, at timestamptz) RETURNS void
LANGUAGE sql
AS $$
  UPDATE sessions s SET revoked_at = at WHERE s.user_id = person AND s.revoked_at IS NULL AND s.id IS DISTINCT FROM keep;
  UPDATE account_mails m SET used_at = at WHERE m.owner_id = person AND m.used_at IS NULL AND m.secret IS NOT NULL
$$;

-- Whose account a secret is for, without using it.
CREATE FUNCTION auth.account_of_secret(hash text, what text, at timestamptz) RETURNS TABLE (person uuid, email text, full_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT u.id, u.email, u.full_name FROM account_mails m JOIN users u ON u.id = m.owner_id
  WHERE m.secret = hash AND m.kind = what AND m.used_at IS NULL AND m.expires_at > at AND u.email = m.address
$$;

-- Verifies the address of an account, or gives it another, which its secret was sent to. Answers the address, and the former one where it changed.
CREATE FUNCTION auth.verify_email(hash text, at timestamptz) RETURNS TABLE (person uuid, address text, former text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  used account_mails := auth.use_secret(hash, 'verify_email', at);
  old text;
BEGIN
  IF used.id IS NULL THEN
    used := auth.use_secret(hash, 'change_email', at);
    IF used.id IS NULL THEN
      RETURN;
    END IF;
    SELECT u.email INTO old FROM users u WHERE u.id = used.owner_id FOR UPDATE;
    PERFORM auth.end_others(used.owner_id, used.session_id, at);
  END IF;
  UPDATE users u SET email = used.address, email_verified_at = at WHERE u.id = used.owner_id;
  RETURN QUERY SELECT used.owner_id, used.address, old;
END $$;

-- Sets a password anew, which ends every session. Whoever has the secret has shown that the address is theirs.
CREATE FUNCTION auth.reset_password(hash text, new_password text, at timestamptz) RETURNS TABLE (person uuid, address text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  used account_mails := auth.use_secret(hash, 'reset_password', at);
BEGIN
  IF used.id IS NULL THEN
    RETURN;
  END IF;
  UPDATE users u SET password_hash = new_password, email_verified_at = coalesce(u.email_verified_at, at) WHERE u.id = used.owner_id;
  PERFORM auth.end_others(used.owner_id, NULL, at);
  RETURN QUERY SELECT used.owner_id, used.address;
END $$;

-- Who signs in with a link.
CREATE FUNCTION auth.sign_in_by_link(hash text, at timestamptz) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  used account_mails := auth.use_secret(hash, 'sign_in', at);
BEGIN
  UPDATE users u SET email_verified_at = at WHERE u.id = used.owner_id AND u.email_verified_at IS NULL;
  RETURN used.owner_id;
END $$;

-- Gives the viewer another password, if the one they proved is still theirs; ends their other sessions.
CREATE FUNCTION auth.change_password(old_password text, new_password text, keep uuid, at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  UPDATE users u SET password_hash = new_password WHERE u.id = (SELECT auth.uid()) AND u.password_hash = old_password;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM auth.end_others((SELECT auth.uid()), keep, at);
  RETURN true;
END $$;

-- Removes what no account needs any more, at most `most` rows of a kind; answers whether there may be more.
CREATE FUNCTION auth.collect_accounts(at timestamptz, most integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  gone bigint;
BEGIN
  DELETE FROM account_mails m WHERE m.id IN (SELECT e.id FROM account_mails e WHERE e.expires_at < at ORDER BY e.expires_at LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone >= most;
END $$;

DO $$
DECLARE
  door regprocedure;
BEGIN
  FOREACH door IN ARRAY ARRAY['auth.request_account_mail(uuid, text, text, uuid, timestamptz)', 'auth.notify_account(uuid, uuid, text, text, timestamptz)',
    'auth.prepare_account_mail(uuid, uuid, text, timestamptz)',
    'auth.account_of_secret(text, text, timestamptz)', 'auth.verify_email(text, timestamptz)', 'auth.reset_password(text, text, timestamptz)',
    'auth.sign_in_by_link(text, timestamptz)', 'auth.change_password(text, text, uuid, timestamptz)', 'auth.collect_accounts(timestamptz, integer)']::regprocedure[]
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO hale_auth', door);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hale_app', door);
  END LOOP;
  -- Parts of them, for nobody else.
  FOREACH door IN ARRAY ARRAY['auth.use_secret(text, text, timestamptz)', 'auth.end_others(uuid, uuid, timestamptz)']::regprocedure[] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO hale_auth', door);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', door);
  END LOOP;
END $$;
