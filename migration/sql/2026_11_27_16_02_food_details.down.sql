DROP TABLE personal_nutrients, favourite_foods;
ALTER TABLE user_preferences DROP COLUMN allergens;
CREATE INDEX food_items_owner_id_idx ON food_items (owner_id);
ALTER TABLE food_items DROP COLUMN merged_into, DROP COLUMN density, DROP COLUMN allergens, DROP COLUMN traces, DROP CONSTRAINT food_items_owner_id_id_key, DROP CONSTRAINT food_items_public_barcode_check;
