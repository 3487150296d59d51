DROP FUNCTION reports.nutrition_targets(uuid, date, date);
CREATE FUNCTION reports.nutrition_targets(person uuid, first_day date, last_day date)
RETURNS TABLE (type text, target_value numeric, target_unit text, valid_from date, valid_to date)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT g.type, g.target_value, g.target_unit, g.valid_from, g.valid_to
  FROM goals g
  WHERE g.user_id = person AND g.type IN ('calorie_target', 'protein_target', 'carbohydrate_target', 'fat_target')
    AND g.valid_from <= last_day AND (g.valid_to IS NULL OR g.valid_to > first_day)
    AND g.status <> 'paused' AND g.target_value IS NOT NULL AND g.deleted_at IS NULL
  ORDER BY g.valid_from
$$;
ALTER FUNCTION reports.nutrition_targets(uuid, date, date) OWNER TO hale_reports;
REVOKE EXECUTE ON FUNCTION reports.nutrition_targets(uuid, date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reports.nutrition_targets(uuid, date, date) TO hale_app;
DROP POLICY report_own ON exercise_diary; DROP POLICY report_calorie ON exercise_diary; DROP POLICY report_reports ON exercise_diary;
REVOKE SELECT ON exercise_diary FROM hale_reports;
DROP TABLE nutrition_targets;
