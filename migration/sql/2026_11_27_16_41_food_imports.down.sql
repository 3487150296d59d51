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
DROP INDEX food_items_same_name_idx;
DROP TABLE food_imports;
