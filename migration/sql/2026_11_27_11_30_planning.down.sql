DROP FUNCTION auth.schedule_plans(timestamptz);
DROP POLICY planning ON assignments;
DROP POLICY planning ON routines;
REVOKE SELECT ON routines, assignments FROM hale_auth;
REVOKE SELECT (household_id, id, starts_on, ends_on, look_ahead_days, time_zone) ON routines FROM hale_auth;
REVOKE SELECT (household_id, id, routine_id, date) ON assignments FROM hale_auth;
