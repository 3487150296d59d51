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
        AND f.grantee_address = (SELECT v.email FROM users v WHERE v.id = (SELECT auth.uid()) AND v.email_verified_at IS NOT NULL))
$$;
DROP TABLE household_invitations, household_members, households CASCADE;
DROP FUNCTION auth.households(), auth.administered_households(), auth.protect_household(regclass, text, text[]),
  auth.change_household_member(), auth.succeed_household_member(), auth.change_household_invitation(),
  auth.found_household(uuid, text, uuid, text, bytea), auth.join_household(uuid);
