-- Households plan ahead by themselves.

GRANT SELECT (household_id, id, starts_on, ends_on, look_ahead_days, time_zone) ON routines TO hale_auth;
CREATE POLICY planning ON routines FOR SELECT TO hale_auth USING (true);
GRANT SELECT (household_id, id, routine_id, date) ON assignments TO hale_auth;
CREATE POLICY planning ON assignments FOR SELECT TO hale_auth USING (true);

-- Asks for a plan of every household with a routine that is not planned to the end of its look-ahead, as its administrator of
-- longest standing.
CREATE FUNCTION auth.schedule_plans(at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  INSERT INTO jobs (id, owner_id, kind, key, due_at)
  SELECT gen_random_uuid(), administrator.user_id, 'plan', administrator.household_id, at
  FROM (SELECT DISTINCT ON (m.household_id) m.household_id, m.user_id FROM household_members m
        WHERE m.user_id IS NOT NULL AND m.removed_at IS NULL AND m.role = 'administrator' ORDER BY m.household_id, m.created_at, m.id) administrator
  WHERE EXISTS (
    SELECT FROM routines r CROSS JOIN LATERAL (SELECT (at AT TIME ZONE r.time_zone)::date AS date) today
    WHERE r.household_id = administrator.household_id AND r.starts_on <= today.date + r.look_ahead_days AND coalesce(r.ends_on >= today.date, true)
      AND NOT EXISTS (SELECT FROM assignments a WHERE a.household_id = r.household_id AND a.routine_id = r.id AND a.date >= today.date + r.look_ahead_days))
  ON CONFLICT (kind, key) WHERE dead_at IS NULL DO NOTHING
$$;
ALTER FUNCTION auth.schedule_plans(timestamptz) OWNER TO hale_auth;
REVOKE EXECUTE ON FUNCTION auth.schedule_plans(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.schedule_plans(timestamptz) TO hale_app;
