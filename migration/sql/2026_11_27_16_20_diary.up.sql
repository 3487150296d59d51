-- The diary as people keep it: what is planned beside what was eaten, notes, entries without a food, and meals that keep their parts.

-- A meal that was logged as one: its parts are entries, which name it.
CREATE TABLE food_diary_groups (
  user_id uuid NOT NULL CONSTRAINT food_diary_groups_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  meal_id uuid,
  name text NOT NULL CONSTRAINT food_diary_groups_name_check CHECK (length(name) BETWEEN 1 AND 255),
  quantity numeric(12, 3) NOT NULL CONSTRAINT food_diary_groups_quantity_check CHECK (quantity BETWEEN 0.001 AND 100000),
  unit text NOT NULL CONSTRAINT food_diary_groups_unit_check CHECK (length(unit) BETWEEN 1 AND 100),
  meal_type text NOT NULL CONSTRAINT food_diary_groups_meal_type_check CHECK (length(meal_type) BETWEEN 1 AND 20),
  consumed_at timestamptz NOT NULL CONSTRAINT food_diary_groups_consumed_at_check CHECK (consumed_at BETWEEN '1899-12-30' AND '2101-01-02'),
  time_zone text NOT NULL CONSTRAINT food_diary_groups_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64),
  consumed_on date NOT NULL CONSTRAINT food_diary_groups_consumed_on_check CHECK (consumed_on BETWEEN '1900-01-01' AND '2100-12-31'),
  note text CONSTRAINT food_diary_groups_note_check CHECK (length(note) BETWEEN 1 AND 1000),
  created_from bytea CONSTRAINT food_diary_groups_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT food_diary_groups_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT food_diary_groups_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN food_diary_groups.meal_id IS 'the meal or recipe that it was logged from; it may be gone';
COMMENT ON COLUMN food_diary_groups.quantity IS 'how much of the meal, in unit: its parts are scaled with it';
CREATE INDEX food_diary_groups_created_by_idx ON food_diary_groups (created_by);
SELECT auth.protect('food_diary_groups', 'calorie', ARRAY['meal_id']);
SELECT auth.announce('food_diary_groups', '{calorie}');

ALTER TABLE food_diary
  ADD status text NOT NULL DEFAULT 'eaten' CONSTRAINT food_diary_status_check CHECK (status IN ('eaten', 'planned')),
  ADD note text CONSTRAINT food_diary_note_check CHECK (length(note) BETWEEN 1 AND 1000),
  ADD quick_nutrition jsonb CONSTRAINT food_diary_quick_nutrition_check CHECK (quick_nutrition IS NULL OR jsonb_typeof(quick_nutrition) = 'object' AND food_item_id IS NULL),
  ADD milliliters numeric(20, 6) CONSTRAINT food_diary_milliliters_check CHECK (milliliters BETWEEN 0 AND 10000000000),
  ADD group_id uuid,
  ADD group_base jsonb CONSTRAINT food_diary_group_base_check CHECK (jsonb_typeof(group_base) = 'object'),
  ADD CONSTRAINT food_diary_group_fkey FOREIGN KEY (user_id, group_id) REFERENCES food_diary_groups (user_id, id) ON DELETE SET NULL (group_id);
COMMENT ON COLUMN food_diary.status IS 'planned is not eaten: no sum of what was eaten counts it';
COMMENT ON COLUMN food_diary.quick_nutrition IS 'of an entry without a food: what one of it contains, as typed';
COMMENT ON COLUMN food_diary.milliliters IS 'the volume of the amount, where the unit or the food tells it';
COMMENT ON COLUMN food_diary.group_base IS 'the part before its group was scaled, and the quantity of the group then: scaling back gives what was';
CREATE INDEX food_diary_group_idx ON food_diary (user_id, group_id);
GRANT INSERT (status, note, quick_nutrition, milliliters, group_id, group_base), UPDATE (status, note, quick_nutrition, milliliters, group_base)
  ON food_diary TO hale_app;

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
  WHERE d.user_id = person AND d.consumed_on BETWEEN first_day AND last_day AND d.deleted_at IS NULL AND d.status = 'eaten'
  GROUP BY d.consumed_on
  ORDER BY d.consumed_on
$$;

-- The feed tells the new columns too. A group comes before its parts, which name it.
SELECT auth.sync('food_diary_groups', '{
  "meal_id": ["meal_id"], "name": ["name"], "amount": ["quantity", "unit"], "meal": ["meal_type"], "moment": ["consumed_at", "time_zone", "consumed_on"],
  "note": ["note"]}', '''calorie''');
DROP TRIGGER written ON food_diary;
DROP TRIGGER erased ON food_diary;
DROP FUNCTION auth.food_diary_document(uuid, uuid);
SELECT auth.sync('food_diary', '{
  "food": ["food_item_id", "food_name", "food_brand", "nutrition_version"],
  "group": ["group_id"],
  "amount": ["quantity", "unit", "servings", "calories", "protein", "carbohydrates", "fat", "fiber", "sugar", "sodium", "nutrients",
    "quick_nutrition", "milliliters"],
  "meal": ["meal_type"],
  "moment": ["consumed_at", "time_zone", "consumed_on"],
  "status": ["status"],
  "note": ["note"]}', '''calorie''', '{food_item_id}');
