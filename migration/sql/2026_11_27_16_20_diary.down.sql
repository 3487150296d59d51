-- What the version before cannot tell from what was eaten.
DELETE FROM food_diary WHERE status = 'planned';
SET CONSTRAINTS ALL IMMEDIATE;
DROP TRIGGER written ON food_diary;
DROP TRIGGER erased ON food_diary;
DROP FUNCTION auth.food_diary_document(uuid, uuid), auth.food_diary_groups_document(uuid, uuid);
ALTER TABLE food_diary DROP status, DROP note, DROP quick_nutrition, DROP milliliters, DROP group_id, DROP group_base;
DROP TABLE food_diary_groups;
DELETE FROM sync_changes WHERE collection = 'food_diary_groups';
DELETE FROM sync_rows WHERE collection = 'food_diary_groups';
UPDATE sync_spaces SET digests = digests - 'food_diary_groups' WHERE digests ? 'food_diary_groups';
SELECT auth.sync('food_diary', '{
  "food": ["food_item_id", "food_name", "food_brand", "nutrition_version"],
  "amount": ["quantity", "unit", "servings", "calories", "protein", "carbohydrates", "fat", "fiber", "sugar", "sodium", "nutrients"],
  "meal": ["meal_type"],
  "moment": ["consumed_at", "time_zone", "consumed_on"]}', '''calorie''', '{food_item_id}');

CREATE OR REPLACE FUNCTION reports.nutrition_days(person uuid, first_day date, last_day date)
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
