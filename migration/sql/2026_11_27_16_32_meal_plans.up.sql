-- Meal plans: templates of some days, and what is planned on dates. A plan never writes to the diary: what was eaten of it is logged.

ALTER TABLE meal_plan_templates
  ADD days integer NOT NULL DEFAULT 7 CONSTRAINT meal_plan_templates_days_check CHECK (days BETWEEN 1 AND 366),
  ADD created_from bytea CONSTRAINT meal_plan_templates_created_from_check CHECK (length(created_from) = 32);
COMMENT ON COLUMN meal_plan_templates.days IS 'how long it is before it begins anew';
CREATE INDEX meal_plan_templates_time_idx ON meal_plan_templates (user_id, created_at DESC, id DESC);
GRANT INSERT (days, created_from), UPDATE (days) ON meal_plan_templates TO hale_app;

CREATE TABLE meal_plan_template_items (
  user_id uuid NOT NULL CONSTRAINT meal_plan_template_items_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  template_id uuid NOT NULL,
  position integer NOT NULL CONSTRAINT meal_plan_template_items_position_check CHECK (position BETWEEN 0 AND 499),
  day integer NOT NULL CONSTRAINT meal_plan_template_items_day_check CHECK (day BETWEEN 1 AND 366),
  meal_type text NOT NULL CONSTRAINT meal_plan_template_items_meal_type_check CHECK (length(meal_type) BETWEEN 1 AND 20),
  meal_owner_id uuid,
  meal_id uuid,
  food_item_id uuid CONSTRAINT meal_plan_template_items_food_item_id_fkey REFERENCES food_items (id) ON DELETE SET NULL,
  name text NOT NULL CONSTRAINT meal_plan_template_items_name_check CHECK (length(name) BETWEEN 1 AND 255),
  quantity numeric(12, 3) NOT NULL CONSTRAINT meal_plan_template_items_quantity_check CHECK (quantity BETWEEN 0.001 AND 100000),
  unit text NOT NULL CONSTRAINT meal_plan_template_items_unit_check CHECK (length(unit) BETWEEN 1 AND 100),
  note text CONSTRAINT meal_plan_template_items_note_check CHECK (length(note) BETWEEN 1 AND 1000),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT meal_plan_template_items_pkey PRIMARY KEY (user_id, template_id, position),
  CONSTRAINT meal_plan_template_items_template_fkey FOREIGN KEY (user_id, template_id) REFERENCES meal_plan_templates (user_id, id) ON DELETE CASCADE,
  CONSTRAINT meal_plan_template_items_kind_check CHECK (num_nonnulls(meal_id, food_item_id) <= 1 AND num_nulls(meal_id, meal_owner_id) <> 1)
);
COMMENT ON COLUMN meal_plan_template_items.meal_id IS 'a meal of meal_owner_id, oneself or a relative; it may be gone';
CREATE INDEX meal_plan_template_items_food_item_id_idx ON meal_plan_template_items (food_item_id);
SELECT auth.protect('meal_plan_template_items', NULL, ARRAY['template_id', 'meal_owner_id', 'meal_id', 'food_item_id']);
SELECT auth.announce('meal_plan_template_items', '{own}');

CREATE TABLE planned_meals (
  user_id uuid NOT NULL CONSTRAINT planned_meals_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  planned_on date NOT NULL CONSTRAINT planned_meals_planned_on_check CHECK (planned_on BETWEEN '1900-01-01' AND '2100-12-31'),
  meal_type text NOT NULL CONSTRAINT planned_meals_meal_type_check CHECK (length(meal_type) BETWEEN 1 AND 20),
  meal_owner_id uuid,
  meal_id uuid,
  food_item_id uuid CONSTRAINT planned_meals_food_item_id_fkey REFERENCES food_items (id) ON DELETE SET NULL,
  template_id uuid,
  name text NOT NULL CONSTRAINT planned_meals_name_check CHECK (length(name) BETWEEN 1 AND 255),
  quantity numeric(12, 3) NOT NULL CONSTRAINT planned_meals_quantity_check CHECK (quantity BETWEEN 0.001 AND 100000),
  unit text NOT NULL CONSTRAINT planned_meals_unit_check CHECK (length(unit) BETWEEN 1 AND 100),
  note text CONSTRAINT planned_meals_note_check CHECK (length(note) BETWEEN 1 AND 1000),
  calories numeric(20, 6) CONSTRAINT planned_meals_calories_check CHECK (calories BETWEEN 0 AND 10000000),
  protein numeric(20, 6) CONSTRAINT planned_meals_protein_check CHECK (protein BETWEEN 0 AND 10000000),
  carbohydrates numeric(20, 6) CONSTRAINT planned_meals_carbohydrates_check CHECK (carbohydrates BETWEEN 0 AND 10000000),
  fat numeric(20, 6) CONSTRAINT planned_meals_fat_check CHECK (fat BETWEEN 0 AND 10000000),
  unknown text[] NOT NULL DEFAULT '{}' CONSTRAINT planned_meals_unknown_check CHECK (unknown <@ ARRAY['calories', 'protein', 'carbohydrates', 'fat']),
  status text NOT NULL DEFAULT 'planned' CONSTRAINT planned_meals_status_check CHECK (status IN ('planned', 'eaten', 'replaced', 'skipped')),
  eaten_group_id uuid,
  eaten_entry_id uuid,
  created_from bytea CONSTRAINT planned_meals_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT planned_meals_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT planned_meals_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT planned_meals_template_fkey FOREIGN KEY (user_id, template_id) REFERENCES meal_plan_templates (user_id, id) ON DELETE SET NULL (template_id),
  CONSTRAINT planned_meals_group_fkey FOREIGN KEY (user_id, eaten_group_id) REFERENCES food_diary_groups (user_id, id) ON DELETE SET NULL (eaten_group_id),
  CONSTRAINT planned_meals_entry_fkey FOREIGN KEY (user_id, eaten_entry_id) REFERENCES food_diary (user_id, id) ON DELETE SET NULL (eaten_entry_id),
  CONSTRAINT planned_meals_kind_check CHECK (num_nonnulls(meal_id, food_item_id) <= 1 AND num_nulls(meal_id, meal_owner_id) <> 1)
);
COMMENT ON COLUMN planned_meals.calories IS 'what was planned, as it was then: the day is judged by it whatever becomes of the meal';
COMMENT ON COLUMN planned_meals.unknown IS 'of which of these at least one part says nothing, so that the sum leaves it out';
COMMENT ON COLUMN planned_meals.eaten_group_id IS 'what was eaten of it, or in place of it; while that is in the diary it counts as eaten';
CREATE INDEX planned_meals_day_idx ON planned_meals (user_id, planned_on);
CREATE INDEX planned_meals_template_idx ON planned_meals (user_id, template_id);
CREATE INDEX planned_meals_group_idx ON planned_meals (user_id, eaten_group_id);
CREATE INDEX planned_meals_entry_idx ON planned_meals (user_id, eaten_entry_id);
CREATE INDEX planned_meals_food_item_id_idx ON planned_meals (food_item_id);
CREATE INDEX planned_meals_created_by_idx ON planned_meals (created_by);
SELECT auth.protect('planned_meals', 'calorie', ARRAY['template_id', 'meal_owner_id', 'meal_id', 'food_item_id']);
SELECT auth.announce('planned_meals', '{calorie}');

-- What the writer cannot see may not be planned.
DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['meal_plan_template_items', 'planned_meals'] LOOP
    EXECUTE format('CREATE POLICY visible_food ON %1$I AS RESTRICTIVE FOR INSERT TO hale_app WITH CHECK (food_item_id IS NULL'
                   || ' OR EXISTS (SELECT FROM food_items f WHERE f.id = %1$I.food_item_id AND f.deleted_at IS NULL))', relation);
    EXECUTE format('CREATE POLICY visible_meal ON %1$I AS RESTRICTIVE FOR INSERT TO hale_app WITH CHECK (meal_id IS NULL'
                   || ' OR EXISTS (SELECT FROM meals m WHERE m.user_id = %1$I.meal_owner_id AND m.id = %1$I.meal_id AND m.deleted_at IS NULL))', relation);
  END LOOP;
END $$;
