-- Secret links to a household's turns, for calendars that subscribe to them.

CREATE TABLE calendar_feeds (
  household_id uuid NOT NULL CONSTRAINT calendar_feeds_household_id_fkey REFERENCES households (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  member_id uuid,
  routine_id uuid,
  token text NOT NULL CONSTRAINT calendar_feeds_token_key UNIQUE CONSTRAINT calendar_feeds_token_check CHECK (token ~ '^[0-9a-f]{64}$'),
  last_read_at timestamptz,
  revoked_at timestamptz,
  created_by uuid DEFAULT auth.uid() CONSTRAINT calendar_feeds_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT calendar_feeds_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT calendar_feeds_member_fkey FOREIGN KEY (household_id, member_id) REFERENCES household_members (household_id, id) ON DELETE CASCADE,
  CONSTRAINT calendar_feeds_routine_fkey FOREIGN KEY (household_id, routine_id) REFERENCES routines (household_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN calendar_feeds.token IS 'SHA-256 of the secret of the link, in hex; the secret itself is never stored';
COMMENT ON COLUMN calendar_feeds.member_id IS 'the turns of this member alone; null for everybody''s';
COMMENT ON COLUMN calendar_feeds.routine_id IS 'the turns of this routine alone; null for all';
CREATE INDEX calendar_feeds_member_idx ON calendar_feeds (household_id, member_id);
CREATE INDEX calendar_feeds_routine_idx ON calendar_feeds (household_id, routine_id);
CREATE INDEX calendar_feeds_created_by_idx ON calendar_feeds (created_by);

-- Every member sees which links there are and may make one. Whoever made one takes it back, and so may administrators.
SELECT auth.guard('calendar_feeds');
GRANT SELECT (household_id, id, member_id, routine_id, last_read_at, revoked_at, created_by, created_at, updated_at),
  INSERT (household_id, id, member_id, routine_id, token), UPDATE (revoked_at) ON calendar_feeds TO hale_app;
CREATE POLICY household_read ON calendar_feeds FOR SELECT TO hale_app USING (household_id = ANY ((SELECT auth.households())::uuid[]));
CREATE POLICY own_insert ON calendar_feeds FOR INSERT TO hale_app
  WITH CHECK (household_id = ANY ((SELECT auth.households())::uuid[]) AND created_by = (SELECT auth.uid()));
CREATE POLICY own_update ON calendar_feeds FOR UPDATE TO hale_app
  USING (household_id = ANY ((SELECT auth.households())::uuid[]) AND created_by = (SELECT auth.uid()))
  WITH CHECK (household_id = ANY ((SELECT auth.households())::uuid[]) AND created_by = (SELECT auth.uid()));
CREATE POLICY household_update ON calendar_feeds FOR UPDATE TO hale_app
  USING (household_id = ANY ((SELECT auth.administered_households())::uuid[]))
  WITH CHECK (household_id = ANY ((SELECT auth.administered_households())::uuid[]));
GRANT SELECT, UPDATE (last_read_at) ON calendar_feeds TO hale_auth;
CREATE POLICY links ON calendar_feeds FOR ALL TO hale_auth USING (true) WITH CHECK (true);

-- Makes whoever made this link the viewer of this transaction, as long as they belong to the household and the link is not taken back.
CREATE FUNCTION auth.enter_feed(secret_hash text, at timestamptz)
RETURNS TABLE (person uuid, household uuid, member uuid, routine uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  feed calendar_feeds;
BEGIN
  SELECT f.* INTO feed FROM calendar_feeds f
    JOIN household_members m ON m.household_id = f.household_id AND m.user_id = f.created_by AND m.removed_at IS NULL
    WHERE f.token = secret_hash AND f.revoked_at IS NULL;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE calendar_feeds f SET last_read_at = at
    WHERE f.household_id = feed.household_id AND f.id = feed.id AND (f.last_read_at IS NULL OR f.last_read_at < at - interval '1 hour');
  PERFORM set_config('app.user_id', feed.created_by::text, true);
  RETURN QUERY SELECT feed.created_by, feed.household_id, feed.member_id, feed.routine_id;
END $$;
ALTER FUNCTION auth.enter_feed(text, timestamptz) OWNER TO hale_auth;
REVOKE EXECUTE ON FUNCTION auth.enter_feed(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.enter_feed(text, timestamptz) TO hale_app;
