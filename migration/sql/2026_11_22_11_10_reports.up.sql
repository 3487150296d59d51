-- Sums per day, for those who may see sums but no entry ("reports") as for those who may see both.

GRANT SELECT ON food_diary, goals TO hale_reports;
CREATE POLICY report_own ON food_diary FOR SELECT TO hale_reports USING (user_id = (SELECT auth.uid()));
CREATE POLICY report_own ON goals FOR SELECT TO hale_reports USING (user_id = (SELECT auth.uid()));
DO $$
DECLARE
  access_type text;
BEGIN
  FOREACH access_type IN ARRAY ARRAY['calorie', 'reports'] LOOP
    EXECUTE format('CREATE POLICY %I ON food_diary FOR SELECT TO hale_reports USING (user_id = ANY (%s))', 'report_' || access_type, auth.grantors(access_type, false));
    EXECUTE format('CREATE POLICY %I ON goals FOR SELECT TO hale_reports USING (user_id = ANY (%s) AND access_type = ''calorie'')', 'report_' || access_type, auth.grantors(access_type, false));
  END LOOP;
END $$;

-- One row for each day on which something was logged. `unknown` names what at least one entry does not state.
CREATE FUNCTION reports.nutrition_days(person uuid, first_day date, last_day date)
RETURNS TABLE (day date, calories numeric, protein numeric, carbohydrates numeric, fat numeric, fiber numeric, sugar numeric, sodium numeric, unknown text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT d.consumed_on,
    coalesce(sum(d.calories), 0), coalesce(sum(d.protein), 0), coalesce(sum(d.carbohydrates), 0), coalesce(sum(d.fat), 0),
    coalesce(sum(d.fiber), 0), coalesce(sum(d.sugar), 0), coalesce(sum(d.sodium), 0),
    array_remove(ARRAY[
      CASE WHEN bool_or(d.calories IS NULL) THEN 'calories' END, CASE WHEN bool_or(d.protein IS NULL) THEN 'protein' END,
      CASE WHEN bool_or(d.carbohydrates IS NULL) THEN 'carbohydrates' END, CASE WHEN bool_or(d.fat IS NULL) THEN 'fat' END,
      CASE WHEN bool_or(d.fiber IS NULL) THEN 'fiber' END, CASE WHEN bool_or(d.sugar IS NULL) THEN 'sugar' END,
      CASE WHEN bool_or(d.sodium IS NULL) THEN 'sodium' END], NULL)
  FROM food_diary d
  WHERE d.user_id = person AND d.consumed_on BETWEEN first_day AND last_day AND d.deleted_at IS NULL
  GROUP BY d.consumed_on
  ORDER BY d.consumed_on
$$;

-- The daily targets that were in force on some day of the range.
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

DO $$
DECLARE
  report regprocedure;
BEGIN
  FOREACH report IN ARRAY ARRAY['reports.nutrition_days(uuid, date, date)', 'reports.nutrition_targets(uuid, date, date)']::regprocedure[] LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO hale_reports', report);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', report);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hale_app', report);
  END LOOP;
END $$;
