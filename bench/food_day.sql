-- What reading a food day costs PostgreSQL: the statements Hale sends for it, as hale_app, under row level security.
BEGIN READ ONLY;
SELECT auth.enter(:person, :session, now());
SELECT user_id, id, food_item_id, food_name, food_brand, nutrition_version, quantity, unit, servings, calories, protein, carbohydrates, fat, fiber, sugar, sodium, nutrients, meal_type, consumed_at, time_zone, consumed_on, created_from, created_by, deleted_at, version FROM food_diary WHERE user_id = :person AND consumed_on BETWEEN :day AND :day AND deleted_at IS NULL ORDER BY consumed_on, consumed_at, id;
ROLLBACK;
