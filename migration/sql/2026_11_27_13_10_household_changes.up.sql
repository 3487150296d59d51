-- That something of a household changed: counted for its members, and called out for those who wait, as it is for persons.

-- How often what belongs to a routine changed, and beside it what concerns all of the household. A count outlives its routine, so
-- that sums never go back.
CREATE TABLE household_change_counts (
  household_id uuid NOT NULL CONSTRAINT household_change_counts_household_id_fkey REFERENCES households (id) ON DELETE CASCADE,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  routine_id uuid,
  number bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT household_change_counts_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT household_change_counts_routine_key UNIQUE NULLS NOT DISTINCT (household_id, routine_id)
);
COMMENT ON COLUMN household_change_counts.routine_id IS 'the routine, which may be gone; null counts what concerns the household and all its routines';
COMMENT ON COLUMN household_change_counts.number IS 'one more for each transaction that changed something of it';

SELECT auth.guard('household_change_counts');
GRANT SELECT ON household_change_counts TO hale_app;
CREATE POLICY household_read ON household_change_counts FOR SELECT TO hale_app USING (household_id = ANY ((SELECT auth.households())::uuid[]));
GRANT SELECT, INSERT, UPDATE ON household_change_counts TO hale_auth;
CREATE POLICY counting ON household_change_counts FOR ALL TO hale_auth USING (true) WITH CHECK (true);

-- Counts a change and calls out the household's id, which says nothing more. Of a household that is gone there is nothing to count.
CREATE FUNCTION auth.count_household_change(household uuid, routine uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  -- The counts of a household are always locked as one, so that two transactions never wait for each other.
  PERFORM pg_advisory_xact_lock(hashtextextended(household::text, 0));
  -- xmin: this transaction has counted already.
  INSERT INTO household_change_counts AS c (household_id, routine_id) SELECT h.id, routine FROM households h WHERE h.id = household
    ON CONFLICT (household_id, routine_id) DO UPDATE SET number = c.number + 1 WHERE c.xmin <> pg_current_xact_id()::xid;
  PERFORM pg_notify('changes', household::text);
END $$;

-- The trigger's arguments are the columns that say of which household and which routine a row is. A request to swap is of the
-- routine of its turn. What names no routine concerns all. It waits for the end of the transaction, as auth.note_change does.
CREATE FUNCTION auth.note_household_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  changed jsonb := CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
  household uuid := (changed ->> TG_ARGV[0])::uuid;
  routine uuid := (changed ->> TG_ARGV[1])::uuid;
BEGIN
  IF TG_ARGV[1] = 'assignment_id' THEN
    routine := (SELECT a.routine_id FROM assignments a WHERE a.household_id = household AND a.id = routine);
  END IF;
  PERFORM auth.count_household_change(household, routine);
  RETURN NULL;
END $$;

-- Lets the members of a household know when the rows of a table change.
CREATE FUNCTION auth.announce_household(relation regclass, routine text DEFAULT '', household text DEFAULT 'household_id') RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  event text;
BEGIN
  FOREACH event IN ARRAY ARRAY['INSERT OR UPDATE', 'DELETE'] LOOP
    EXECUTE format('CREATE CONSTRAINT TRIGGER %I AFTER %s ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION auth.note_household_change(%L, %L)',
                   CASE event WHEN 'DELETE' THEN 'gone' ELSE 'changed' END, event, relation, household, routine);
  END LOOP;
END $$;

SELECT auth.announce_household('households', household => 'id');
SELECT auth.announce_household('household_members');
SELECT auth.announce_household('routines', 'id');
SELECT auth.announce_household('routine_members', 'routine_id');
SELECT auth.announce_household('unavailability', 'routine_id');
SELECT auth.announce_household('assignments', 'routine_id');
SELECT auth.announce_household('swap_requests', 'assignment_id');

-- The same as before, of households too, which like persons are their own owners.
CREATE OR REPLACE FUNCTION auth.change_numbers(owners uuid[], ids uuid[]) RETURNS TABLE (id uuid, number bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT w.id, (SELECT coalesce(sum(c.number), 0)::bigint FROM change_counts c WHERE c.user_id = w.id)
             + (SELECT coalesce(sum(c.number), 0)::bigint FROM household_change_counts c WHERE c.household_id = w.id)
             + (SELECT count(*) FROM sessions s WHERE s.user_id = w.owner AND s.id = w.id AND s.revoked_at IS NULL)
  FROM unnest(owners, ids) AS w (owner, id)
$$;

ALTER FUNCTION auth.count_household_change(uuid, uuid) OWNER TO hale_auth;
REVOKE EXECUTE ON FUNCTION auth.count_household_change(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.count_household_change(uuid, uuid) TO hale_app;
