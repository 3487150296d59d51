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
  DELETE FROM jobs j WHERE j.id IN (SELECT d.id FROM jobs d WHERE d.dead_at < at - interval '90 days' LIMIT most);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN greatest(largest, gone) >= most;
END $$;
DROP INDEX idempotency_keys_expired_idx;
DROP POLICY cleaning ON idempotency_keys;
REVOKE SELECT (user_id, key, expires_at), DELETE ON idempotency_keys FROM hale_auth;
DROP TRIGGER reminders_update ON routines;
DROP TRIGGER reminders_delete ON assignments;
DROP TRIGGER reminders_update ON assignments;
DROP TRIGGER reminders_insert ON assignments;
DROP FUNCTION auth.refresh_reminders_of_turns();
DROP FUNCTION auth.refresh_reminders(uuid);
DROP TABLE reminder_mails;
DROP TABLE routine_reminders;
