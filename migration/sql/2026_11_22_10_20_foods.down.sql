DROP FUNCTION search.foods(text, integer, numeric, uuid);
DROP TABLE food_portions, nutrition_data, food_items, nutrients;
