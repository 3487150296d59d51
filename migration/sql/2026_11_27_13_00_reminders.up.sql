-- Members are reminded of their own turns by mail, if they want.

-- That a member wants to be reminded of their turns in a routine. No row: not.
CREATE TABLE routine_reminders (
  household_id uuid NOT NULL,
  id uuid NOT NULL,
  routine_id uuid NOT NULL,
  member_id uuid NOT NULL,
  minutes_before integer NOT NULL CONSTRAINT routine_reminders_minutes_before_check CHECK (minutes_before BETWEEN 0 AND 10080),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT routine_reminders_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT routine_reminders_member_key UNIQUE (household_id, routine_id, member_id),
  CONSTRAINT routine_reminders_routine_fkey FOREIGN KEY (household_id, routine_id) REFERENCES routines (household_id, id) ON DELETE CASCADE,
  CONSTRAINT routine_reminders_member_fkey FOREIGN KEY (household_id, member_id) REFERENCES household_members (household_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN routine_reminders.minutes_before IS 'before the turn begins: at its time, else when its day starts';
CREATE INDEX routine_reminders_member_idx ON routine_reminders (household_id, member_id);

-- A mail that reminds of a turn. It is noted before it is sent, so that an attempt after one whose end nobody saw is the same mail.
CREATE TABLE reminder_mails (
  household_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  routine_id uuid NOT NULL,
  member_id uuid NOT NULL,
  date date NOT NULL CONSTRAINT reminder_mails_date_check CHECK (date BETWEEN '1900-01-01' AND '2100-12-31'),
  sent_at timestamptz CONSTRAINT reminder_mails_sent_at_check CHECK (sent_at BETWEEN '2000-01-01' AND '2101-01-01'),
  problem text CONSTRAINT reminder_mails_problem_check CHECK (length(problem) BETWEEN 1 AND 500),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT reminder_mails_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT reminder_mails_turn_key UNIQUE (household_id, routine_id, member_id, date),
  CONSTRAINT reminder_mails_routine_fkey FOREIGN KEY (household_id, routine_id) REFERENCES routines (household_id, id) ON DELETE CASCADE,
  CONSTRAINT reminder_mails_member_fkey FOREIGN KEY (household_id, member_id) REFERENCES household_members (household_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN reminder_mails.id IS 'its Message-ID: the same however often it is sent';
COMMENT ON COLUMN reminder_mails.problem IS 'why nobody takes it: it is not tried again';
CREATE INDEX reminder_mails_member_idx ON reminder_mails (household_id, member_id);
CREATE INDEX reminder_mails_date_idx ON reminder_mails (date);

-- Both are the business of the member alone, for as long as they belong to the household.
DO $$
DECLARE
  relation regclass;
  mine text := '(household_id, member_id) IN (SELECT m.household_id, m.id FROM household_members m WHERE m.user_id = (SELECT auth.uid()) AND m.removed_at IS NULL)';
BEGIN
  FOREACH relation IN ARRAY ARRAY['routine_reminders', 'reminder_mails']::regclass[] LOOP
    PERFORM auth.guard(relation);
    EXECUTE format('CREATE POLICY own ON %s FOR ALL TO hale_app USING (%s) WITH CHECK (%s)', relation, mine, mine);
  END LOOP;
END $$;
GRANT SELECT, INSERT (household_id, id, routine_id, member_id, minutes_before), UPDATE (minutes_before), DELETE ON routine_reminders TO hale_app;
GRANT SELECT, INSERT (household_id, routine_id, member_id, date), UPDATE (sent_at, problem) ON reminder_mails TO hale_app;

-- Makes the jobs look again at once that remind members of this household. Any member may: their turns have changed.
CREATE FUNCTION auth.refresh_reminders(household uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  UPDATE jobs j SET requests = j.requests + 1,
      due_at = CASE WHEN j.claim IS NULL AND j.attempts = 0 THEN least(j.due_at, timestamptz '2000-01-01') ELSE j.due_at END
    WHERE j.kind = 'remind' AND j.dead_at IS NULL
      AND j.key IN (SELECT m.user_id::text FROM household_members m
                    WHERE m.household_id = household AND m.removed_at IS NULL AND household = ANY ((SELECT auth.households())::uuid[]))
$$;
ALTER FUNCTION auth.refresh_reminders(uuid) OWNER TO hale_auth;
REVOKE EXECUTE ON FUNCTION auth.refresh_reminders(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.refresh_reminders(uuid) TO hale_app;

-- Whoever changes turns need not think of reminders.
CREATE FUNCTION auth.refresh_reminders_of_turns() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM auth.refresh_reminders(changed.household_id) FROM (SELECT DISTINCT household_id FROM changed_turns) changed;
  RETURN NULL;
END $$;
CREATE TRIGGER reminders_insert AFTER INSERT ON assignments REFERENCING NEW TABLE AS changed_turns FOR EACH STATEMENT EXECUTE FUNCTION auth.refresh_reminders_of_turns();
CREATE TRIGGER reminders_update AFTER UPDATE ON assignments REFERENCING NEW TABLE AS changed_turns FOR EACH STATEMENT EXECUTE FUNCTION auth.refresh_reminders_of_turns();
CREATE TRIGGER reminders_delete AFTER DELETE ON assignments REFERENCING OLD TABLE AS changed_turns FOR EACH STATEMENT EXECUTE FUNCTION auth.refresh_reminders_of_turns();
-- Of a turn without a time the routine says when its day starts.
CREATE TRIGGER reminders_update AFTER UPDATE ON routines REFERENCING NEW TABLE AS changed_turns FOR EACH STATEMENT EXECUTE FUNCTION auth.refresh_reminders_of_turns();

-- Clean-up also removes what was sent long ago, and answers that nobody can ask for any more.
GRANT SELECT (household_id, id, date), DELETE ON reminder_mails TO hale_auth;
GRANT SELECT (user_id, key, expires_at), DELETE ON idempotency_keys TO hale_auth;
CREATE POLICY cleaning ON reminder_mails FOR ALL TO hale_auth USING (true) WITH CHECK (true);
CREATE POLICY cleaning ON idempotency_keys FOR ALL TO hale_auth USING (true) WITH CHECK (true);
CREATE INDEX idempotency_keys_expired_idx ON idempotency_keys (expires_at);
CREATE OR REPLACE FUNCTION auth.clean_up(at timestamptz, most integer) RETURNS boolean
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
  DELETE FROM idempotency_keys k USING (SELECT e.user_id, e.key FROM idempotency_keys e WHERE e.expires_at <= at ORDER BY e.expires_at LIMIT most) ended
    WHERE k.user_id = ended.user_id AND k.key = ended.key;
  GET DIAGNOSTICS gone = ROW_COUNT;
  largest := greatest(largest, gone);
  -- As long as its turn may still be planned or changed, a mail tells that it was sent.
  DELETE FROM reminder_mails m USING (SELECT e.household_id, e.id FROM reminder_mails e WHERE e.date < (at - interval '60 days')::date ORDER BY e.date LIMIT most) old
    WHERE m.household_id = old.household_id AND m.id = old.id;
  GET DIAGNOSTICS gone = ROW_COUNT;
  largest := greatest(largest, gone);
  DELETE FROM jobs j WHERE j.id IN (SELECT d.id FROM jobs d WHERE d.dead_at < at - interval '90 days' LIMIT most);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN greatest(largest, gone) >= most;
END $$;
