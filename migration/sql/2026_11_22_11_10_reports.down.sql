DROP FUNCTION reports.nutrition_days(uuid, date, date), reports.nutrition_targets(uuid, date, date);
DROP POLICY report_own ON food_diary; DROP POLICY report_calorie ON food_diary; DROP POLICY report_reports ON food_diary;
DROP POLICY report_own ON goals; DROP POLICY report_calorie ON goals; DROP POLICY report_reports ON goals;
REVOKE SELECT ON food_diary, goals FROM hale_reports;
