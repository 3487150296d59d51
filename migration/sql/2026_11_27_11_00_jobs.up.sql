-- Work that is done after the answer was sent, or again and again. A job is asked for in the transaction whose effect it follows,
-- claimed by one worker at a time for as long as it shows that it lives, and done in the transaction that holds its own effect.

CREATE TABLE jobs (
  id uuid CONSTRAINT jobs_pkey PRIMARY KEY,
  owner_id uuid CONSTRAINT jobs_owner_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  kind text NOT NULL CONSTRAINT jobs_kind_check CHECK (kind ~ '^[a-z_]{1,50}$'),
  key text NOT NULL CONSTRAINT jobs_key_check CHECK (length(key) <= 200),
  due_at timestamptz NOT NULL,
  every interval CONSTRAINT jobs_every_check CHECK (every BETWEEN interval '1 minute' AND interval '31 days'),
  requests integer NOT NULL DEFAULT 1,
  claimed_requests integer,
  claim uuid,
  attempts integer NOT NULL DEFAULT 0,
  last_error text CONSTRAINT jobs_last_error_check CHECK (length(last_error) <= 500),
  dead_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN jobs.owner_id IS 'as whom it runs; Hale''s own work has nobody';
COMMENT ON COLUMN jobs.key IS 'what it is about; there is one living job of a kind for it';
COMMENT ON COLUMN jobs.due_at IS 'when it may be claimed: while it runs, when its worker counts as dead';
COMMENT ON COLUMN jobs.requests IS 'how often it was asked for; what was asked while it ran makes it run once more';
COMMENT ON COLUMN jobs.claim IS 'who runs it: whoever claims it knows this, and nobody after them';
CREATE UNIQUE INDEX jobs_living_key ON jobs (kind, key) WHERE dead_at IS NULL;
CREATE INDEX jobs_due_at_idx ON jobs (due_at) WHERE dead_at IS NULL;
CREATE INDEX jobs_owner_id_idx ON jobs (owner_id);

SELECT auth.guard('jobs');
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO hale_auth;
CREATE POLICY queue ON jobs FOR ALL TO hale_auth USING (true) WITH CHECK (true);

-- Asks for a job as the viewer, or once more for the one that there is, which then runs as the viewer too. What waits after a
-- failure goes on waiting, unless `anew`.
CREATE FUNCTION auth.enqueue(job uuid, what text, about text, due timestamptz, again interval, anew boolean) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  INSERT INTO jobs AS j (id, owner_id, kind, key, due_at, every) VALUES (job, (SELECT auth.uid()), what, about, due, again)
  ON CONFLICT (kind, key) WHERE dead_at IS NULL DO UPDATE
    SET requests = j.requests + 1, every = EXCLUDED.every,
        owner_id = CASE WHEN j.claim IS NULL THEN EXCLUDED.owner_id ELSE j.owner_id END,
        attempts = CASE WHEN anew AND j.claim IS NULL THEN 0 ELSE j.attempts END,
        due_at = CASE WHEN j.claim IS NULL AND (anew OR j.attempts = 0) THEN least(j.due_at, EXCLUDED.due_at) ELSE j.due_at END
$$;

-- Hale's own work, unless it is scheduled already.
CREATE FUNCTION auth.schedule(job uuid, what text, again interval, at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  INSERT INTO jobs (id, kind, key, due_at, every) VALUES (job, what, '', at, again)
  ON CONFLICT (kind, key) WHERE dead_at IS NULL DO NOTHING
$$;

-- Takes the job that has waited longest, or whose worker has shown no life for too long.
CREATE FUNCTION auth.claim_job(new_claim uuid, at timestamptz, until timestamptz)
RETURNS TABLE (job uuid, person uuid, what text, about text, attempt integer)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  UPDATE jobs j SET claim = new_claim, claimed_requests = j.requests, attempts = j.attempts + 1, due_at = until
  WHERE j.id = (SELECT d.id FROM jobs d WHERE d.dead_at IS NULL AND d.due_at <= at ORDER BY d.due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING j.id, j.owner_id, j.kind, j.key, j.attempts
$$;

-- Shows that the worker lives. Answers whether the job is still its own.
CREATE FUNCTION auth.extend_job(job uuid, own_claim uuid, until timestamptz) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  WITH extended AS (UPDATE jobs j SET due_at = until WHERE j.id = job AND j.claim = own_claim RETURNING j.id)
  SELECT EXISTS (SELECT FROM extended)
$$;

-- Makes the person for whom a job was claimed the viewer of this transaction.
CREATE FUNCTION auth.enter_job(job uuid, own_claim uuid) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  person uuid;
BEGIN
  SELECT j.owner_id INTO person FROM jobs j WHERE j.id = job AND j.claim = own_claim;
  IF person IS NULL THEN
    RAISE EXCEPTION 'this job is not yours any more' USING ERRCODE = 'serialization_failure';
  END IF;
  PERFORM set_config('app.user_id', person::text, true);
END $$;

-- The job is done, together with what else this transaction does, and comes round at `next` where that is not NULL. Whoever lost
-- it meanwhile fails, and so undoes that.
CREATE FUNCTION auth.finish_job(job uuid, own_claim uuid, at timestamptz, next timestamptz, for_good boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  done jobs;
BEGIN
  SELECT j.* INTO done FROM jobs j WHERE j.id = job AND j.claim = own_claim FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'this job is not yours any more' USING ERRCODE = 'serialization_failure';
  END IF;
  next := CASE WHEN done.requests > done.claimed_requests THEN at ELSE coalesce(next, at + done.every) END;
  IF next IS NULL OR for_good AND done.requests = done.claimed_requests THEN
    DELETE FROM jobs j WHERE j.id = job;
  ELSE
    UPDATE jobs j SET claim = NULL, claimed_requests = NULL, attempts = 0, last_error = NULL, due_at = next WHERE j.id = job;
  END IF;
END $$;

-- The job did not succeed: it is tried again at `retry`, or dead where that is NULL. What comes round anyway waits for its turn,
-- and what was asked for once more meanwhile begins anew.
CREATE FUNCTION auth.fail_job(job uuid, own_claim uuid, at timestamptz, retry timestamptz, reason text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  UPDATE jobs j SET claim = NULL, claimed_requests = NULL, last_error = left(reason, 500),
    attempts = CASE WHEN retry IS NULL AND (j.every IS NOT NULL OR j.requests > j.claimed_requests) THEN 0 ELSE j.attempts END,
    due_at = coalesce(retry, at + j.every, at),
    dead_at = CASE WHEN retry IS NULL AND j.every IS NULL AND j.requests = j.claimed_requests THEN at END
  WHERE j.id = job AND j.claim = own_claim
$$;

-- Removes what nobody needs any more, at most `most` rows of a kind; answers whether there may be more.
GRANT DELETE ON sessions TO hale_auth;
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
CREATE INDEX refresh_tokens_expires_at_idx ON refresh_tokens (expires_at);
CREATE FUNCTION auth.clean_up(at timestamptz, most integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  gone bigint;
  largest bigint := 0;
BEGIN
  -- A session that has ended stays in its owner's list for a month.
  DELETE FROM sessions s USING (SELECT e.user_id, e.id FROM sessions e WHERE e.expires_at < at - interval '30 days' ORDER BY e.expires_at LIMIT most FOR UPDATE SKIP LOCKED) ended
    WHERE s.user_id = ended.user_id AND s.id = ended.id;
  GET DIAGNOSTICS gone = ROW_COUNT;
  largest := greatest(largest, gone);
  -- Until then a used token may come back, and tells a thief.
  DELETE FROM refresh_tokens t USING (SELECT e.user_id, e.id FROM refresh_tokens e WHERE e.expires_at < at ORDER BY e.expires_at LIMIT most FOR UPDATE SKIP LOCKED) ended
    WHERE t.user_id = ended.user_id AND t.id = ended.id;
  GET DIAGNOSTICS gone = ROW_COUNT;
  largest := greatest(largest, gone);
  DELETE FROM rate_limits r WHERE r.bucket IN (SELECT d.bucket FROM rate_limits d WHERE d.full_at < at ORDER BY d.full_at LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS gone = ROW_COUNT;
  largest := greatest(largest, gone);
  DELETE FROM jobs j WHERE j.id IN (SELECT d.id FROM jobs d WHERE d.dead_at < at - interval '90 days' LIMIT most);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN greatest(largest, gone) >= most;
END $$;

DO $$
DECLARE
  door regprocedure;
BEGIN
  FOREACH door IN ARRAY ARRAY['auth.enqueue(uuid, text, text, timestamptz, interval, boolean)', 'auth.schedule(uuid, text, interval, timestamptz)',
    'auth.claim_job(uuid, timestamptz, timestamptz)', 'auth.extend_job(uuid, uuid, timestamptz)', 'auth.enter_job(uuid, uuid)',
    'auth.finish_job(uuid, uuid, timestamptz, timestamptz, boolean)', 'auth.fail_job(uuid, uuid, timestamptz, timestamptz, text)',
    'auth.clean_up(timestamptz, integer)']::regprocedure[]
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO hale_auth', door);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hale_app', door);
  END LOOP;
END $$;
