ALTER POLICY household_insert ON assignments WITH CHECK (household_id = ANY ((SELECT auth.households())::uuid[]));
ALTER POLICY household_delete ON assignments USING (household_id = ANY ((SELECT auth.households())::uuid[]));
DROP TRIGGER change ON assignments;
DROP TABLE swap_requests, assignment_changes, plan_causes, unavailability, routine_members;
DROP FUNCTION auth.change_assignment(), auth.change_swap_request();
