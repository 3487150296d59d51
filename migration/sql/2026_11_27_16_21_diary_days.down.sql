DROP FUNCTION reports.nutrition_days(uuid, date, date);
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
  WHERE d.user_id = person AND d.consumed_on BETWEEN first_day AND last_day AND d.deleted_at IS NULL AND d.status = 'eaten'
  GROUP BY d.consumed_on
  ORDER BY d.consumed_on
$$;
ALTER FUNCTION reports.nutrition_days(uuid, date, date) OWNER TO hale_reports;
REVOKE EXECUTE ON FUNCTION reports.nutrition_days(uuid, date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reports.nutrition_days(uuid, date, date) TO hale_app;
DROP TABLE completed_days;
