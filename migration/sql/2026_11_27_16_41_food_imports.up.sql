-- Files of foods or of a diary: what they would add is kept until their owner commits it, and what they added until it can no longer be undone.

CREATE TABLE food_imports (
  user_id uuid NOT NULL CONSTRAINT food_imports_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT food_imports_kind_check CHECK (kind IN ('foods', 'diary')),
  state text NOT NULL DEFAULT 'rehearsed' CONSTRAINT food_imports_state_check CHECK (state IN ('rehearsed', 'committed', 'undone')),
  report jsonb NOT NULL CONSTRAINT food_imports_report_check CHECK (jsonb_typeof(report) = 'object'),
  rows jsonb NOT NULL CONSTRAINT food_imports_rows_check CHECK (jsonb_typeof(rows) = 'array' AND jsonb_array_length(rows) BETWEEN 0 AND 10000),
  kept_until timestamptz NOT NULL CONSTRAINT food_imports_kept_until_check CHECK (kept_until BETWEEN '2000-01-01' AND '2101-01-01'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT food_imports_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN food_imports.report IS 'what was found: counts, guesses, and problems by line';
COMMENT ON COLUMN food_imports.rows IS 'what would be added, in the columns of its table; once committed the ids of what was';
COMMENT ON COLUMN food_imports.kept_until IS 'until when a rehearsal can be committed, or a commit undone; then it is cleaned up';
CREATE INDEX food_imports_kept_until_idx ON food_imports (kept_until);
SELECT auth.protect('food_imports', NULL, ARRAY['kind']);
SELECT auth.announce('food_imports', '{own}');
GRANT SELECT (user_id, id, kept_until), DELETE ON food_imports TO hale_auth;
CREATE POLICY cleaning ON food_imports FOR ALL TO hale_auth USING (true) WITH CHECK (true);

-- Which food a line names: equality of text is leakproof, so it uses this under row level security. A hash, since the text may be longer
-- than a B-tree takes.
CREATE INDEX food_items_same_name_idx ON food_items USING hash (search_text) WHERE deleted_at IS NULL;

-- As before, and imports whose time is over.
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
  DELETE FROM food_imports f USING (SELECT e.user_id, e.id FROM food_imports e WHERE e.kept_until <= at ORDER BY e.kept_until LIMIT most) old
    WHERE f.user_id = old.user_id AND f.id = old.id;
  GET DIAGNOSTICS gone = ROW_COUNT;
  largest := greatest(largest, gone);
  DELETE FROM jobs j WHERE j.id IN (SELECT d.id FROM jobs d WHERE d.dead_at < at - interval '90 days' LIMIT most);
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN greatest(largest, gone) >= most;
END $$;
