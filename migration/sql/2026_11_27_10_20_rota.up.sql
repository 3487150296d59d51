-- What the family rota plans from, and what becomes of a plan: who takes turns and when not, why published turns may change and
-- how they did, and swaps.

-- A stretch of days in which a member takes turns. A new weight is a new stretch, so that what was owed under the old one stays.
CREATE TABLE routine_members (
  household_id uuid NOT NULL,
  id uuid NOT NULL,
  routine_id uuid NOT NULL,
  member_id uuid NOT NULL,
  rank integer NOT NULL CONSTRAINT routine_members_rank_check CHECK (rank BETWEEN 0 AND 1000),
  weight integer NOT NULL DEFAULT 1 CONSTRAINT routine_members_weight_check CHECK (weight BETWEEN 1 AND 100),
  starts_on date NOT NULL CONSTRAINT routine_members_starts_on_check CHECK (starts_on BETWEEN '1900-01-01' AND '2100-12-31'),
  ends_on date CONSTRAINT routine_members_ends_on_check CHECK (ends_on BETWEEN '1900-01-01' AND '2100-12-31'),
  created_by uuid DEFAULT auth.uid() CONSTRAINT routine_members_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT routine_members_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT routine_members_order_check CHECK (ends_on IS NULL OR ends_on >= starts_on),
  CONSTRAINT routine_members_routine_fkey FOREIGN KEY (household_id, routine_id) REFERENCES routines (household_id, id) ON DELETE CASCADE,
  CONSTRAINT routine_members_member_fkey FOREIGN KEY (household_id, member_id) REFERENCES household_members (household_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN routine_members.rank IS 'the order that decides a tie which nothing else does, the lowest first';
CREATE UNIQUE INDEX routine_members_open_key ON routine_members (household_id, routine_id, member_id) WHERE ends_on IS NULL;
CREATE INDEX routine_members_routine_idx ON routine_members (household_id, routine_id);
CREATE INDEX routine_members_member_idx ON routine_members (household_id, member_id);
CREATE INDEX routine_members_created_by_idx ON routine_members (created_by);
SELECT auth.protect_household('routine_members', 'administrators', ARRAY['routine_id', 'member_id', 'weight', 'starts_on']);

-- When a member takes no turns: of one routine, or of all.
CREATE TABLE unavailability (
  household_id uuid NOT NULL,
  id uuid NOT NULL,
  member_id uuid NOT NULL,
  routine_id uuid,
  kind text NOT NULL CONSTRAINT unavailability_kind_check CHECK (kind IN ('weekly', 'dates', 'alternating_weeks')),
  weekdays smallint[] CONSTRAINT unavailability_weekdays_check CHECK (cardinality(weekdays) BETWEEN 1 AND 7 AND weekdays <@ '{1,2,3,4,5,6,7}'::smallint[]),
  starts_on date CONSTRAINT unavailability_starts_on_check CHECK (starts_on BETWEEN '1900-01-01' AND '2100-12-31'),
  ends_on date CONSTRAINT unavailability_ends_on_check CHECK (ends_on BETWEEN '1900-01-01' AND '2100-12-31'),
  created_from bytea CONSTRAINT unavailability_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT unavailability_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT unavailability_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT unavailability_order_check CHECK (ends_on IS NULL OR ends_on >= starts_on),
  CONSTRAINT unavailability_what_check CHECK (CASE kind
    WHEN 'weekly' THEN weekdays IS NOT NULL AND starts_on IS NULL AND ends_on IS NULL
    WHEN 'dates' THEN weekdays IS NULL AND starts_on IS NOT NULL
    ELSE weekdays IS NOT NULL AND starts_on IS NOT NULL END),
  CONSTRAINT unavailability_routine_fkey FOREIGN KEY (household_id, routine_id) REFERENCES routines (household_id, id) ON DELETE CASCADE,
  CONSTRAINT unavailability_member_fkey FOREIGN KEY (household_id, member_id) REFERENCES household_members (household_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN unavailability.kind IS 'weekly: never on these weekdays, a share of them is owed all the same; dates, and every other week from that of starts_on: away, and nothing is owed';
CREATE INDEX unavailability_routine_idx ON unavailability (household_id, routine_id);
CREATE INDEX unavailability_member_idx ON unavailability (household_id, member_id);
CREATE INDEX unavailability_created_by_idx ON unavailability (created_by);
SELECT auth.protect_household('unavailability', 'administrators', ARRAY['member_id', 'routine_id', 'kind', 'weekdays', 'starts_on']);
-- Whoever has an account says for themselves when they cannot.
CREATE POLICY own_insert ON unavailability FOR INSERT TO hale_app
  WITH CHECK ((household_id, member_id) IN (SELECT m.household_id, m.id FROM household_members m WHERE m.user_id = (SELECT auth.uid()) AND m.removed_at IS NULL));
CREATE POLICY own_update ON unavailability FOR UPDATE TO hale_app
  USING ((household_id, member_id) IN (SELECT m.household_id, m.id FROM household_members m WHERE m.user_id = (SELECT auth.uid()) AND m.removed_at IS NULL))
  WITH CHECK ((household_id, member_id) IN (SELECT m.household_id, m.id FROM household_members m WHERE m.user_id = (SELECT auth.uid()) AND m.removed_at IS NULL));
CREATE POLICY own_delete ON unavailability FOR DELETE TO hale_app
  USING ((household_id, member_id) IN (SELECT m.household_id, m.id FROM household_members m WHERE m.user_id = (SELECT auth.uid()) AND m.removed_at IS NULL));

-- What happened since the last plan was made, and the days that the next one may change because of it. Planning takes them away.
CREATE TABLE plan_causes (
  household_id uuid NOT NULL,
  id uuid NOT NULL,
  routine_id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT plan_causes_kind_check CHECK (kind ~ '^[a-z_]{1,30}$'),
  starts_on date NOT NULL CONSTRAINT plan_causes_starts_on_check CHECK (starts_on BETWEEN '1900-01-01' AND '2100-12-31'),
  ends_on date CONSTRAINT plan_causes_ends_on_check CHECK (ends_on BETWEEN '1900-01-01' AND '2100-12-31'),
  created_by uuid DEFAULT auth.uid() CONSTRAINT plan_causes_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT plan_causes_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT plan_causes_routine_fkey FOREIGN KEY (household_id, routine_id) REFERENCES routines (household_id, id) ON DELETE CASCADE
);
CREATE INDEX plan_causes_routine_idx ON plan_causes (household_id, routine_id);
CREATE INDEX plan_causes_created_by_idx ON plan_causes (created_by);
SELECT auth.guard('plan_causes');
GRANT SELECT, INSERT (household_id, id, routine_id, kind, starts_on, ends_on), DELETE ON plan_causes TO hale_app;
CREATE POLICY household_read ON plan_causes FOR SELECT TO hale_app USING (household_id = ANY ((SELECT auth.households())::uuid[]));
CREATE POLICY household_insert ON plan_causes FOR INSERT TO hale_app WITH CHECK (household_id = ANY ((SELECT auth.households())::uuid[]));
CREATE POLICY household_delete ON plan_causes FOR DELETE TO hale_app USING (household_id = ANY ((SELECT auth.administered_households())::uuid[]));

-- How published turns changed hands. Written by a trigger, or where a turn was taken out of the plan; never changed.
CREATE TABLE assignment_changes (
  household_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  routine_id uuid NOT NULL,
  date date NOT NULL CONSTRAINT assignment_changes_date_check CHECK (date BETWEEN '1900-01-01' AND '2100-12-31'),
  before_member_id uuid,
  before_name text NOT NULL CONSTRAINT assignment_changes_before_name_check CHECK (length(before_name) BETWEEN 1 AND 100),
  after_member_id uuid,
  after_name text CONSTRAINT assignment_changes_after_name_check CHECK (length(after_name) BETWEEN 1 AND 100),
  cause text NOT NULL CONSTRAINT assignment_changes_cause_check CHECK (cause ~ '^[a-z_]{1,30}$'),
  created_by uuid DEFAULT auth.uid() CONSTRAINT assignment_changes_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT assignment_changes_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT assignment_changes_routine_fkey FOREIGN KEY (household_id, routine_id) REFERENCES routines (household_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN assignment_changes.before_member_id IS 'the member who had it; no foreign key, since names of those who are gone remain';
COMMENT ON COLUMN assignment_changes.after_name IS 'null where the turn was taken out of the plan';
CREATE INDEX assignment_changes_date_idx ON assignment_changes (household_id, routine_id, date, created_at);
CREATE INDEX assignment_changes_created_by_idx ON assignment_changes (created_by);
SELECT auth.guard('assignment_changes');
GRANT SELECT, INSERT (household_id, routine_id, date, before_member_id, before_name, after_member_id, after_name, cause) ON assignment_changes TO hale_app;
CREATE POLICY household_read ON assignment_changes FOR SELECT TO hale_app USING (household_id = ANY ((SELECT auth.households())::uuid[]));
CREATE POLICY household_insert ON assignment_changes FOR INSERT TO hale_app WITH CHECK (household_id = ANY ((SELECT auth.households())::uuid[]));

-- A member asks another, or whoever wants, to take a turn, perhaps for one of theirs.
CREATE TABLE swap_requests (
  household_id uuid NOT NULL,
  id uuid NOT NULL,
  assignment_id uuid NOT NULL,
  from_member_id uuid NOT NULL,
  to_member_id uuid,
  in_return_id uuid,
  message text CONSTRAINT swap_requests_message_check CHECK (length(message) BETWEEN 1 AND 500),
  status text NOT NULL DEFAULT 'open' CONSTRAINT swap_requests_status_check CHECK (status IN ('open', 'accepted', 'declined', 'withdrawn')),
  expires_at timestamptz NOT NULL DEFAULT now() + interval '7 days'
    CONSTRAINT swap_requests_expires_at_check CHECK (expires_at BETWEEN '2000-01-01' AND '2101-01-01'),
  answered_by uuid,
  answered_at timestamptz,
  created_from bytea CONSTRAINT swap_requests_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT swap_requests_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT swap_requests_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT swap_requests_parties_check CHECK (to_member_id <> from_member_id),
  CONSTRAINT swap_requests_return_check CHECK (in_return_id IS NULL OR to_member_id IS NOT NULL AND in_return_id <> assignment_id),
  CONSTRAINT swap_requests_assignment_fkey FOREIGN KEY (household_id, assignment_id) REFERENCES assignments (household_id, id) ON DELETE CASCADE,
  CONSTRAINT swap_requests_in_return_fkey FOREIGN KEY (household_id, in_return_id) REFERENCES assignments (household_id, id) ON DELETE CASCADE,
  CONSTRAINT swap_requests_from_fkey FOREIGN KEY (household_id, from_member_id) REFERENCES household_members (household_id, id) ON DELETE CASCADE,
  CONSTRAINT swap_requests_to_fkey FOREIGN KEY (household_id, to_member_id) REFERENCES household_members (household_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN swap_requests.to_member_id IS 'whom it asks; null asks everybody';
COMMENT ON COLUMN swap_requests.answered_by IS 'the member who accepted or declined, set by the trigger';
CREATE UNIQUE INDEX swap_requests_open_key ON swap_requests (household_id, assignment_id) WHERE status = 'open';
CREATE INDEX swap_requests_assignment_idx ON swap_requests (household_id, assignment_id);
CREATE INDEX swap_requests_in_return_idx ON swap_requests (household_id, in_return_id);
CREATE INDEX swap_requests_from_idx ON swap_requests (household_id, from_member_id);
CREATE INDEX swap_requests_to_idx ON swap_requests (household_id, to_member_id);
CREATE INDEX swap_requests_created_by_idx ON swap_requests (created_by);
SELECT auth.guard('swap_requests');
GRANT SELECT, INSERT (household_id, id, assignment_id, from_member_id, to_member_id, in_return_id, message, expires_at, created_from),
  UPDATE (status) ON swap_requests TO hale_app;
CREATE POLICY household_read ON swap_requests FOR SELECT TO hale_app USING (household_id = ANY ((SELECT auth.households())::uuid[]));
CREATE POLICY own_insert ON swap_requests FOR INSERT TO hale_app
  WITH CHECK (status = 'open' AND (household_id, from_member_id) IN (
    SELECT m.household_id, m.id FROM household_members m WHERE m.user_id = (SELECT auth.uid()) AND m.removed_at IS NULL));
CREATE POLICY household_update ON swap_requests FOR UPDATE TO hale_app
  USING (household_id = ANY ((SELECT auth.households())::uuid[])) WITH CHECK (household_id = ANY ((SELECT auth.households())::uuid[]));

-- Only who was asked answers, or an administrator for somebody without an account; only who asks takes it back; and only while
-- it is open, by the clock of the database.
CREATE FUNCTION auth.change_swap_request() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  mine uuid[] := ARRAY(SELECT m.id FROM household_members m WHERE m.household_id = OLD.household_id AND m.user_id = auth.uid() AND m.removed_at IS NULL);
  administrator boolean := OLD.household_id = ANY (auth.administered_households());
  may boolean := false;
BEGIN
  IF auth.uid() IS NULL OR NEW.status = OLD.status THEN
    RETURN NEW;
  END IF;
  IF OLD.status <> 'open' OR OLD.expires_at <= clock_timestamp() AND NEW.status <> 'withdrawn' THEN
    RAISE EXCEPTION 'this request is no longer open' USING ERRCODE = 'check_violation', CONSTRAINT = 'swap_requests_over_check';
  END IF;
  IF NEW.status = 'withdrawn' THEN
    may := administrator OR OLD.from_member_id = ANY (mine);
  ELSIF OLD.to_member_id IS NOT NULL THEN
    NEW.answered_by := OLD.to_member_id;
    may := OLD.to_member_id = ANY (mine) OR administrator AND EXISTS (
      SELECT FROM household_members m WHERE m.household_id = OLD.household_id AND m.id = OLD.to_member_id AND m.user_id IS NULL AND m.removed_at IS NULL);
  ELSIF NEW.status = 'accepted' THEN
    NEW.answered_by := mine[1];
    may := NEW.answered_by <> OLD.from_member_id;
  END IF;
  IF may IS NOT TRUE THEN
    RAISE EXCEPTION 'this is not for you to answer' USING ERRCODE = 'check_violation', CONSTRAINT = 'swap_requests_answer_check';
  END IF;
  NEW.answered_at := now();
  RETURN NEW;
END $$;
CREATE TRIGGER change BEFORE UPDATE ON swap_requests FOR EACH ROW EXECUTE FUNCTION auth.change_swap_request();

-- An administrator changes every turn. A member says what became of an own one, gives an own one to a helper, says that they did
-- another's, and takes or gives what an accepted swap of this very transaction moves. No turn changes hands without a cause, and
-- each change is written down.
CREATE FUNCTION auth.change_assignment() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  mine uuid[] := ARRAY(SELECT m.id FROM household_members m WHERE m.household_id = OLD.household_id AND m.user_id = auth.uid() AND m.removed_at IS NULL);
  moved boolean := (NEW.member_id, NEW.name, NEW.kind) IS DISTINCT FROM (OLD.member_id, OLD.name, OLD.kind);
  decided boolean := (NEW.pinned, NEW.reason, NEW.explanation, NEW.cause, NEW.effort, NEW.starts_at, NEW.ends_at)
    IS DISTINCT FROM (OLD.pinned, OLD.reason, OLD.explanation, OLD.cause, OLD.effort, OLD.starts_at, OLD.ends_at);
  may boolean;
BEGIN
  IF auth.uid() IS NULL THEN
    RETURN NEW;
  END IF;
  IF OLD.household_id = ANY (auth.administered_households()) THEN
    may := true;
  ELSIF moved THEN
    may := OLD.member_id = ANY (mine) AND NEW.kind = 'helper' OR EXISTS (
      SELECT FROM swap_requests s WHERE s.household_id = OLD.household_id AND s.status = 'accepted' AND s.answered_at = now()
        AND (s.assignment_id = OLD.id AND OLD.member_id = s.from_member_id AND NEW.member_id = s.answered_by
             OR s.in_return_id = OLD.id AND OLD.member_id = s.answered_by AND NEW.member_id = s.from_member_id));
  ELSE
    may := NOT decided AND (OLD.member_id = ANY (mine)
                            OR OLD.status = 'planned' AND NEW.status = 'done' AND NEW.done_by = ANY (mine)
                            OR OLD.status = 'done' AND OLD.done_by = ANY (mine));
  END IF;
  IF may IS NOT TRUE THEN
    RAISE EXCEPTION 'only an administrator changes another''s turn' USING ERRCODE = 'check_violation', CONSTRAINT = 'assignments_administrator_check';
  END IF;
  IF moved THEN
    IF NEW.cause IS NULL THEN
      RAISE EXCEPTION 'a turn that changes hands needs a cause' USING ERRCODE = 'check_violation', CONSTRAINT = 'assignments_moved_check';
    END IF;
    INSERT INTO assignment_changes (household_id, routine_id, date, before_member_id, before_name, after_member_id, after_name, cause)
      VALUES (OLD.household_id, OLD.routine_id, OLD.date, OLD.member_id, OLD.name, NEW.member_id, NEW.name, NEW.cause);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER change BEFORE UPDATE ON assignments FOR EACH ROW EXECUTE FUNCTION auth.change_assignment();
-- Members write too, within what the trigger lets them; who is put on a new turn, and what is taken out, is for administrators.
ALTER POLICY household_insert ON assignments WITH CHECK (household_id = ANY ((SELECT auth.administered_households())::uuid[]));
ALTER POLICY household_delete ON assignments USING (household_id = ANY ((SELECT auth.administered_households())::uuid[]));
