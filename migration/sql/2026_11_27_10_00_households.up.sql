-- Families: households, who belongs to them, and who is invited. A household opens nothing but its own rows: nobody's health data.

CREATE TABLE households (
  id uuid CONSTRAINT households_pkey PRIMARY KEY,
  name text NOT NULL CONSTRAINT households_name_check CHECK (length(name) BETWEEN 1 AND 100),
  created_from bytea CONSTRAINT households_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT households_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX households_created_by_idx ON households (created_by);

-- Somebody of a household, with an account or without. Whoever leaves or is removed stays as a name in what was.
CREATE TABLE household_members (
  household_id uuid NOT NULL CONSTRAINT household_members_household_id_fkey REFERENCES households (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  user_id uuid CONSTRAINT household_members_user_id_fkey REFERENCES users (id) ON DELETE SET NULL,
  name text NOT NULL CONSTRAINT household_members_name_check CHECK (length(name) BETWEEN 1 AND 100),
  kind text NOT NULL DEFAULT 'adult' CONSTRAINT household_members_kind_check CHECK (kind IN ('adult', 'child', 'helper')),
  role text NOT NULL DEFAULT 'member' CONSTRAINT household_members_role_check CHECK (role IN ('administrator', 'member')),
  removed_at timestamptz CONSTRAINT household_members_removed_at_check CHECK (removed_at BETWEEN '2000-01-01' AND '2101-01-01'),
  created_from bytea CONSTRAINT household_members_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT household_members_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT household_members_pkey PRIMARY KEY (household_id, id)
);
COMMENT ON COLUMN household_members.user_id IS 'their account, if they have one: set when they accept an invitation';
COMMENT ON COLUMN household_members.kind IS 'a helper comes from outside and has no turns of their own';
CREATE UNIQUE INDEX household_members_account_key ON household_members (household_id, user_id) WHERE removed_at IS NULL;
CREATE INDEX household_members_user_id_idx ON household_members (user_id);
CREATE INDEX household_members_created_by_idx ON household_members (created_by);

-- An account for a member. Like an offer of family access it is answered by whoever has verified the address.
CREATE TABLE household_invitations (
  household_id uuid NOT NULL CONSTRAINT household_invitations_household_id_fkey REFERENCES households (id) ON DELETE CASCADE,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  member_id uuid NOT NULL,
  household_name text NOT NULL CONSTRAINT household_invitations_household_name_check CHECK (length(household_name) BETWEEN 1 AND 100),
  email text NOT NULL CONSTRAINT household_invitations_email_check CHECK (length(email) BETWEEN 3 AND 255),
  address text NOT NULL CONSTRAINT household_invitations_address_check CHECK (length(address) BETWEEN 3 AND 255),
  status text NOT NULL DEFAULT 'offered' CONSTRAINT household_invitations_status_check CHECK (status IN ('offered', 'accepted', 'declined', 'revoked')),
  expires_at timestamptz NOT NULL DEFAULT now() + interval '14 days'
    CONSTRAINT household_invitations_expires_at_check CHECK (expires_at BETWEEN '2000-01-01' AND '2101-01-01'),
  created_by uuid DEFAULT auth.uid() CONSTRAINT household_invitations_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT household_invitations_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT household_invitations_member_fkey FOREIGN KEY (household_id, member_id) REFERENCES household_members (household_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN household_invitations.household_name IS 'what the invited person reads before they belong to it';
COMMENT ON COLUMN household_invitations.email IS 'the address as typed, to be shown';
COMMENT ON COLUMN household_invitations.address IS 'the same in the form of users.email, to be compared';
CREATE UNIQUE INDEX household_invitations_open_key ON household_invitations (household_id, member_id) WHERE status = 'offered';
CREATE INDEX household_invitations_member_idx ON household_invitations (household_id, member_id);
CREATE INDEX household_invitations_address_idx ON household_invitations (address) WHERE status = 'offered';
CREATE INDEX household_invitations_created_by_idx ON household_invitations (created_by);

-- The households of the viewer, and those that the viewer administers. A policy on household_members
-- that selected from it would recurse; these read it as hale_auth, once per statement.
CREATE FUNCTION auth.households() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$ SELECT coalesce(array_agg(m.household_id), '{}') FROM household_members m WHERE m.user_id = (SELECT auth.uid()) AND m.removed_at IS NULL $$;

CREATE FUNCTION auth.administered_households() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT coalesce(array_agg(m.household_id), '{}') FROM household_members m
  WHERE m.user_id = (SELECT auth.uid()) AND m.removed_at IS NULL AND m.role = 'administrator'
$$;

-- Protects a table of rows that belong to a household (`household_id`): its members read, and its `writers`, who are its
-- administrators or all its members, write. `fixed` names further columns that never change.
CREATE FUNCTION auth.protect_household(relation regclass, writers text DEFAULT 'administrators', fixed text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  reader text := 'household_id = ANY ((SELECT auth.households())::uuid[])';
  writer text := CASE writers
    WHEN 'administrators' THEN 'household_id = ANY ((SELECT auth.administered_households())::uuid[])'
    WHEN 'members' THEN reader END;
BEGIN
  IF writer IS NULL THEN
    RAISE EXCEPTION 'writers are administrators or members, not %', writers;
  END IF;
  PERFORM auth.guard(relation);
  PERFORM auth.grant_rows(relation, fixed || '{household_id}');
  EXECUTE format('CREATE POLICY household_read ON %s FOR SELECT TO hale_app USING (%s)', relation, reader);
  EXECUTE format('CREATE POLICY household_insert ON %s FOR INSERT TO hale_app WITH CHECK (%s)', relation, writer);
  EXECUTE format('CREATE POLICY household_update ON %s FOR UPDATE TO hale_app USING (%s) WITH CHECK (%s)', relation, writer, writer);
  EXECUTE format('CREATE POLICY household_delete ON %s FOR DELETE TO hale_app USING (%s)', relation, writer);
END $$;

-- Households are made by auth.found_household alone, together with their first administrator.
SELECT auth.guard('households');
GRANT SELECT, UPDATE (name), DELETE ON households TO hale_app;
CREATE POLICY household_read ON households FOR SELECT TO hale_app USING (id = ANY ((SELECT auth.households())::uuid[]));
CREATE POLICY household_update ON households FOR UPDATE TO hale_app
  USING (id = ANY ((SELECT auth.administered_households())::uuid[])) WITH CHECK (id = ANY ((SELECT auth.administered_households())::uuid[]));
CREATE POLICY household_delete ON households FOR DELETE TO hale_app USING (id = ANY ((SELECT auth.administered_households())::uuid[]));
GRANT SELECT (id, name), INSERT ON households TO hale_auth;
CREATE POLICY household_read_auth ON households FOR SELECT TO hale_auth USING (true);
CREATE POLICY found ON households FOR INSERT TO hale_auth WITH CHECK (true);

-- Administrators keep the list of members; whoever has an account may leave. Rows are never deleted: they are names in the past.
SELECT auth.guard('household_members');
GRANT SELECT, INSERT (household_id, id, name, kind, created_from), UPDATE (name, kind, role, removed_at) ON household_members TO hale_app;
CREATE POLICY household_read ON household_members FOR SELECT TO hale_app USING (household_id = ANY ((SELECT auth.households())::uuid[]));
CREATE POLICY household_insert ON household_members FOR INSERT TO hale_app
  WITH CHECK (household_id = ANY ((SELECT auth.administered_households())::uuid[]));
CREATE POLICY household_update ON household_members FOR UPDATE TO hale_app
  USING (household_id = ANY ((SELECT auth.administered_households())::uuid[]))
  WITH CHECK (household_id = ANY ((SELECT auth.administered_households())::uuid[]));
CREATE POLICY leave ON household_members FOR UPDATE TO hale_app
  USING (user_id = (SELECT auth.uid()) AND removed_at IS NULL) WITH CHECK (user_id = (SELECT auth.uid()) AND removed_at IS NOT NULL);
GRANT SELECT, INSERT, UPDATE ON household_members TO hale_auth;
CREATE POLICY membership ON household_members FOR ALL TO hale_auth USING (true) WITH CHECK (true);

-- What policies cannot say: whoever was removed does not come back by an update, a member who leaves changes nothing else, an
-- administrator has an account, and a household has an administrator as long as somebody could be one.
CREATE FUNCTION auth.change_household_member() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NEW.user_id IS NULL AND OLD.user_id IS NOT NULL THEN
    NEW.role := 'member';
  END IF;
  IF auth.uid() IS NULL OR NEW.user_id IS DISTINCT FROM OLD.user_id THEN
    RETURN NEW;
  END IF;
  IF OLD.removed_at IS NOT NULL THEN
    RAISE EXCEPTION 'who was removed is not changed any more' USING ERRCODE = 'check_violation', CONSTRAINT = 'household_members_removed_check';
  END IF;
  IF (NEW.name, NEW.kind, NEW.role) IS DISTINCT FROM (OLD.name, OLD.kind, OLD.role)
     AND OLD.household_id <> ALL (auth.administered_households()) THEN
    RAISE EXCEPTION 'only an administrator changes members' USING ERRCODE = 'check_violation', CONSTRAINT = 'household_members_administrator_check';
  END IF;
  IF NEW.role = 'administrator' AND NEW.user_id IS NULL THEN
    RAISE EXCEPTION 'an administrator has an account' USING ERRCODE = 'check_violation', CONSTRAINT = 'household_members_account_check';
  END IF;
  IF OLD.role = 'administrator' AND (NEW.role <> 'administrator' OR NEW.removed_at IS NOT NULL) THEN
    -- Two who leave at once wait for each other, and the second sees that it is the last.
    PERFORM pg_advisory_xact_lock(hashtextextended('household ' || OLD.household_id, 0));
    IF NOT EXISTS (SELECT FROM household_members m WHERE m.household_id = OLD.household_id AND m.id <> OLD.id
                   AND m.role = 'administrator' AND m.removed_at IS NULL) THEN
      RAISE EXCEPTION 'the last administrator stays' USING ERRCODE = 'check_violation', CONSTRAINT = 'household_members_last_check';
    END IF;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER change BEFORE UPDATE ON household_members FOR EACH ROW EXECUTE FUNCTION auth.change_household_member();

-- An account that is deleted leaves its households: the last one takes the household along, the last administrator is succeeded
-- by whoever has been a member for longest. The foreign key's action runs as the owner of the table, and so does this.
CREATE FUNCTION auth.succeed_household_member() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  successor uuid;
BEGIN
  SELECT m.id INTO successor FROM household_members m
    WHERE m.household_id = NEW.household_id AND m.user_id IS NOT NULL AND m.removed_at IS NULL
    ORDER BY m.role = 'administrator' DESC, m.created_at, m.id LIMIT 1;
  IF successor IS NULL THEN
    DELETE FROM households h WHERE h.id = NEW.household_id;
  ELSE
    UPDATE household_members m SET role = 'administrator' WHERE m.household_id = NEW.household_id AND m.id = successor AND m.role <> 'administrator';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER succeed AFTER UPDATE OF user_id ON household_members FOR EACH ROW
  WHEN (OLD.user_id IS NOT NULL AND NEW.user_id IS NULL) EXECUTE FUNCTION auth.succeed_household_member();

SELECT auth.guard('household_invitations');
GRANT SELECT, INSERT (household_id, member_id, household_name, email, address, expires_at), UPDATE (status) ON household_invitations TO hale_app;
CREATE POLICY administrators_read ON household_invitations FOR SELECT TO hale_app
  USING (household_id = ANY ((SELECT auth.administered_households())::uuid[]));
-- What was declined stays in sight: an update is checked against what its writer may read, afterwards too.
CREATE POLICY invited_read ON household_invitations FOR SELECT TO hale_app
  USING (status IN ('offered', 'declined') AND address = (SELECT email FROM users WHERE users.id = (SELECT auth.uid()) AND email_verified_at IS NOT NULL));
CREATE POLICY invite ON household_invitations FOR INSERT TO hale_app
  WITH CHECK (household_id = ANY ((SELECT auth.administered_households())::uuid[]) AND status = 'offered');
CREATE POLICY revoke ON household_invitations FOR UPDATE TO hale_app
  USING (household_id = ANY ((SELECT auth.administered_households())::uuid[]))
  WITH CHECK (household_id = ANY ((SELECT auth.administered_households())::uuid[]));
CREATE POLICY decline ON household_invitations FOR UPDATE TO hale_app
  USING (status = 'offered' AND address = (SELECT email FROM users WHERE users.id = (SELECT auth.uid()) AND email_verified_at IS NOT NULL))
  WITH CHECK (status = 'declined');
GRANT SELECT, UPDATE (status) ON household_invitations TO hale_auth;
CREATE POLICY joining ON household_invitations FOR ALL TO hale_auth USING (true) WITH CHECK (true);

-- An invitation is taken back or declined once; accepting goes through auth.join_household, which nobody else can be made to do.
CREATE FUNCTION auth.change_household_invitation() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF NEW.status <> OLD.status AND current_user = 'hale_app' AND NOT (OLD.status = 'offered' AND NEW.status IN ('declined', 'revoked')) THEN
    RAISE EXCEPTION 'this invitation cannot go from % to %', OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'household_invitations_change_check';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER change BEFORE UPDATE ON household_invitations FOR EACH ROW EXECUTE FUNCTION auth.change_household_invitation();

-- Makes a household with the viewer as its administrator: before there is a member, no policy could let one in.
CREATE FUNCTION auth.found_household(household uuid, title text, member uuid, member_name text, fingerprint bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  IF auth.uid() IS NULL THEN
    RAISE EXCEPTION 'nobody founds no household' USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO households (id, name, created_from) VALUES (household, title, fingerprint);
  INSERT INTO household_members (household_id, id, user_id, name, role) VALUES (household, member, auth.uid(), member_name, 'administrator');
END $$;

-- Accepts an invitation to the viewer's verified address: the member gets the viewer's account. Answers nothing where there is none.
CREATE FUNCTION auth.join_household(invitation uuid) RETURNS TABLE (household uuid, member uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  offered household_invitations;
BEGIN
  -- Whoever leaves as the last one takes the household along: not while somebody joins it.
  PERFORM pg_advisory_xact_lock(hashtextextended('household ' || i.household_id, 0)) FROM household_invitations i WHERE i.id = invitation;
  SELECT i.* INTO offered FROM household_invitations i
    WHERE i.id = invitation AND i.status = 'offered' AND i.expires_at > clock_timestamp()
      AND i.address = (SELECT u.email FROM users u WHERE u.id = (SELECT auth.uid()) AND u.email_verified_at IS NOT NULL)
    FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE household_members m SET user_id = auth.uid()
    WHERE m.household_id = offered.household_id AND m.id = offered.member_id AND m.user_id IS NULL AND m.removed_at IS NULL;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE household_invitations i SET status = 'accepted' WHERE i.household_id = offered.household_id AND i.id = invitation;
  RETURN QUERY SELECT offered.household_id, offered.member_id;
END $$;

-- The names of others that the viewer may know, now also of those in a household with the viewer, and of those who invited one.
CREATE OR REPLACE FUNCTION auth.relatives() RETURNS TABLE (id uuid, full_name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT u.id, u.full_name FROM users u WHERE u.id IN (
    SELECT f.grantor_user_id FROM family_access f
      WHERE f.grantee_user_id = (SELECT auth.uid()) AND f.status = 'active' AND (f.expires_at IS NULL OR f.expires_at > statement_timestamp())
    UNION SELECT f.grantee_user_id FROM family_access f
      WHERE f.grantor_user_id = (SELECT auth.uid()) AND f.status = 'active' AND (f.expires_at IS NULL OR f.expires_at > statement_timestamp())
    UNION SELECT f.grantor_user_id FROM family_access f
      WHERE f.status = 'offered' AND (f.expires_at IS NULL OR f.expires_at > statement_timestamp())
        AND f.grantee_address = (SELECT v.email FROM users v WHERE v.id = (SELECT auth.uid()) AND v.email_verified_at IS NOT NULL)
    UNION SELECT m.user_id FROM household_members m
      WHERE m.household_id = ANY ((SELECT auth.households())::uuid[]) AND m.removed_at IS NULL AND m.user_id <> (SELECT auth.uid())
    UNION SELECT i.created_by FROM household_invitations i
      WHERE i.status = 'offered' AND i.expires_at > statement_timestamp()
        AND i.address = (SELECT v.email FROM users v WHERE v.id = (SELECT auth.uid()) AND v.email_verified_at IS NOT NULL))
$$;

DO $$
DECLARE
  door regprocedure;
BEGIN
  FOREACH door IN ARRAY ARRAY['auth.households()', 'auth.administered_households()',
    'auth.found_household(uuid, text, uuid, text, bytea)', 'auth.join_household(uuid)']::regprocedure[]
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO hale_auth', door);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', door);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hale_app', door);
  END LOOP;
END $$;
