DROP TABLE meal_ingredients, meals;
DROP FUNCTION auth.check_recipe(), auth.check_recipe_unused(), auth.check_recipe_restored(), auth.lock_recipes(uuid);
