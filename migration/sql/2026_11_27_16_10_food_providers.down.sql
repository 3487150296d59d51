DROP FUNCTION auth.add_catalogue_food(jsonb);
DROP POLICY adding_found ON food_items;
DROP POLICY adding_found ON nutrition_data;
DROP POLICY adding_found ON food_portions;
REVOKE EXECUTE ON FUNCTION search.fold(text) FROM hale_auth;
REVOKE INSERT ON food_items, nutrition_data, food_portions FROM hale_auth;
DROP TABLE recipe_servers;
DROP TABLE food_provider_settings;
