-- A further kind of what people share: the organiser, which is lists and notes.

ALTER TABLE family_access DROP CONSTRAINT family_access_access_type_check,
  ADD CONSTRAINT family_access_access_type_check CHECK (access_type IN ('calorie', 'checkin', 'reports', 'food_list', 'organiser'));
ALTER TABLE access_log DROP CONSTRAINT access_log_access_type_check,
  ADD CONSTRAINT access_log_access_type_check CHECK (access_type IN ('calorie', 'checkin', 'reports', 'food_list', 'organiser'));
ALTER TABLE change_counts DROP CONSTRAINT change_counts_access_type_check,
  ADD CONSTRAINT change_counts_access_type_check CHECK (access_type IN ('own', 'calorie', 'checkin', 'reports', 'food_list', 'organiser'));

DO $$
BEGIN
  EXECUTE format('CREATE POLICY organiser_read ON change_counts FOR SELECT TO hale_app USING (user_id = ANY (%s) AND access_type = %L)',
                 auth.grantors('organiser', false), 'organiser');
END $$;

-- How somebody is called and how their days are cut shows in whatever they share.
DROP TRIGGER changed ON users;
CREATE CONSTRAINT TRIGGER changed AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION auth.note_change('{id}', '{own,calorie,checkin,reports,food_list,organiser}');
DROP TRIGGER changed ON user_preferences;
CREATE CONSTRAINT TRIGGER changed AFTER UPDATE ON user_preferences DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION auth.note_change('{user_id}', '{own,calorie,checkin,reports,food_list,organiser}');
