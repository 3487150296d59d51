-- What people ate. A row keeps its own copy of name and nutrition: what happens to the food later does not change it.

-- Nutrients are kept with 6 decimals: a label's finest figure (0.001 g per 100 g) of a quantity with 3 decimals needs no more
-- than that for every amount a kitchen scale can show, and sums of such rows are exact.
CREATE TABLE food_diary (
  user_id uuid NOT NULL CONSTRAINT food_diary_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  food_item_id uuid CONSTRAINT food_diary_food_item_id_fkey REFERENCES food_items (id) ON DELETE SET NULL,
  food_name text NOT NULL CONSTRAINT food_diary_food_name_check CHECK (length(food_name) BETWEEN 1 AND 255),
  food_brand text CONSTRAINT food_diary_food_brand_check CHECK (length(food_brand) BETWEEN 1 AND 255),
  nutrition_version integer CONSTRAINT food_diary_nutrition_version_check CHECK (nutrition_version BETWEEN 1 AND 1000000),
  quantity numeric(12, 3) NOT NULL CONSTRAINT food_diary_quantity_check CHECK (quantity BETWEEN 0.001 AND 100000),
  unit text NOT NULL CONSTRAINT food_diary_unit_check CHECK (length(unit) BETWEEN 1 AND 100),
  servings numeric(24, 12) NOT NULL CONSTRAINT food_diary_servings_check CHECK (servings BETWEEN 0 AND 100000000000),
  calories numeric(20, 6) CONSTRAINT food_diary_calories_check CHECK (calories BETWEEN 0 AND 10000000),
  protein numeric(20, 6) CONSTRAINT food_diary_protein_check CHECK (protein BETWEEN 0 AND 10000000),
  carbohydrates numeric(20, 6) CONSTRAINT food_diary_carbohydrates_check CHECK (carbohydrates BETWEEN 0 AND 10000000),
  fat numeric(20, 6) CONSTRAINT food_diary_fat_check CHECK (fat BETWEEN 0 AND 10000000),
  fiber numeric(20, 6) CONSTRAINT food_diary_fiber_check CHECK (fiber BETWEEN 0 AND 10000000),
  sugar numeric(20, 6) CONSTRAINT food_diary_sugar_check CHECK (sugar BETWEEN 0 AND 10000000),
  sodium numeric(20, 6) CONSTRAINT food_diary_sodium_check CHECK (sodium BETWEEN 0 AND 10000000),
  nutrients jsonb NOT NULL DEFAULT '{}' CONSTRAINT food_diary_nutrients_check CHECK (jsonb_typeof(nutrients) = 'object'),
  meal_type text NOT NULL CONSTRAINT food_diary_meal_type_check CHECK (length(meal_type) BETWEEN 1 AND 20),
  consumed_at timestamptz NOT NULL CONSTRAINT food_diary_consumed_at_check CHECK (consumed_at BETWEEN '1899-12-30' AND '2101-01-02'),
  time_zone text NOT NULL CONSTRAINT food_diary_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64),
  consumed_on date NOT NULL CONSTRAINT food_diary_consumed_on_check CHECK (consumed_on BETWEEN '1900-01-01' AND '2100-12-31'),
  created_from bytea CONSTRAINT food_diary_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT food_diary_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT food_diary_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN food_diary.servings IS 'how many of the food''s servings were eaten: the factor from the food''s nutrition to this row''s';
CREATE INDEX food_diary_day_idx ON food_diary (user_id, consumed_on) WHERE deleted_at IS NULL;
CREATE INDEX food_diary_food_item_id_idx ON food_diary (food_item_id);
CREATE INDEX food_diary_created_by_idx ON food_diary (created_by);
SELECT auth.protect('food_diary', 'calorie', ARRAY['food_item_id']);

-- A foreign key looks past row level security; this does not: a food that the writer cannot see may not be referenced.
CREATE POLICY visible_food ON food_diary AS RESTRICTIVE FOR INSERT TO hale_app
  WITH CHECK (food_item_id IS NULL OR EXISTS (SELECT FROM food_items f WHERE f.id = food_item_id AND f.deleted_at IS NULL));
