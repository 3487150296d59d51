-- Meals and recipes: what they are made of, how much comes out, and how they are made.

CREATE TABLE meals (
  user_id uuid NOT NULL CONSTRAINT meals_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL CONSTRAINT meals_name_check CHECK (length(name) BETWEEN 1 AND 255),
  description text CONSTRAINT meals_description_check CHECK (length(description) BETWEEN 1 AND 10000),
  notes text CONSTRAINT meals_notes_check CHECK (length(notes) BETWEEN 1 AND 10000),
  servings numeric(12, 3) CONSTRAINT meals_servings_check CHECK (servings BETWEEN 0.001 AND 100000),
  cooked_weight numeric(12, 3) CONSTRAINT meals_cooked_weight_check CHECK (cooked_weight BETWEEN 0.001 AND 1000000),
  steps text[] NOT NULL DEFAULT '{}' CONSTRAINT meals_steps_check CHECK (cardinality(steps) <= 100),
  source text NOT NULL DEFAULT 'user' CONSTRAINT meals_source_check CHECK (length(source) BETWEEN 1 AND 50),
  source_id text CONSTRAINT meals_source_id_check CHECK (length(source_id) BETWEEN 1 AND 255),
  source_url text CONSTRAINT meals_source_url_check CHECK (length(source_url) BETWEEN 1 AND 2000),
  stated_nutrition jsonb CONSTRAINT meals_stated_nutrition_check CHECK (jsonb_typeof(stated_nutrition) = 'object'),
  search_text text COLLATE "C" NOT NULL GENERATED ALWAYS AS (' ' || search.fold(name) || ' ') STORED,
  created_from bytea CONSTRAINT meals_created_from_check CHECK (length(created_from) = 32),
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT meals_pkey PRIMARY KEY (user_id, id),
  -- Servings or weight: from neither no amount of it could be told.
  CONSTRAINT meals_yield_check CHECK (num_nonnulls(servings, cooked_weight) >= 1)
);
COMMENT ON COLUMN meals.cooked_weight IS 'of the whole batch, in g';
COMMENT ON COLUMN meals.source IS 'user, or the provider that it was imported from';
COMMENT ON COLUMN meals.stated_nutrition IS 'per serving, as its source says it; in place of what the ingredients come to';
CREATE INDEX meals_name_idx ON meals (user_id, search_text, id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX meals_source_key ON meals (user_id, source, source_id) WHERE deleted_at IS NULL;
SELECT auth.protect('meals', NULL, ARRAY['source', 'source_id']);

CREATE TABLE meal_ingredients (
  user_id uuid NOT NULL CONSTRAINT meal_ingredients_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  meal_id uuid NOT NULL,
  position integer NOT NULL CONSTRAINT meal_ingredients_position_check CHECK (position BETWEEN 0 AND 199),
  food_item_id uuid CONSTRAINT meal_ingredients_food_item_id_fkey REFERENCES food_items (id) ON DELETE SET NULL,
  part_meal_id uuid,
  name text NOT NULL CONSTRAINT meal_ingredients_name_check CHECK (length(name) BETWEEN 1 AND 255),
  quantity numeric(12, 3) CONSTRAINT meal_ingredients_quantity_check CHECK (quantity BETWEEN 0.001 AND 100000),
  unit text CONSTRAINT meal_ingredients_unit_check CHECK (length(unit) BETWEEN 1 AND 100),
  note text CONSTRAINT meal_ingredients_note_check CHECK (length(note) BETWEEN 1 AND 500),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT meal_ingredients_pkey PRIMARY KEY (user_id, meal_id, position),
  CONSTRAINT meal_ingredients_meal_fkey FOREIGN KEY (user_id, meal_id) REFERENCES meals (user_id, id) ON DELETE CASCADE,
  CONSTRAINT meal_ingredients_part_meal_fkey FOREIGN KEY (user_id, part_meal_id) REFERENCES meals (user_id, id) ON DELETE SET NULL (part_meal_id),
  CONSTRAINT meal_ingredients_kind_check CHECK (num_nonnulls(food_item_id, part_meal_id) <= 1)
);
COMMENT ON COLUMN meal_ingredients.part_meal_id IS 'another meal of the same person; neither this nor a food: words alone, of which no nutrition is known';
CREATE INDEX meal_ingredients_food_item_id_idx ON meal_ingredients (food_item_id);
CREATE INDEX meal_ingredients_part_meal_idx ON meal_ingredients (user_id, part_meal_id);
SELECT auth.protect('meal_ingredients', NULL, ARRAY['meal_id', 'food_item_id', 'part_meal_id']);
CREATE POLICY visible_food ON meal_ingredients AS RESTRICTIVE FOR INSERT TO hale_app
  WITH CHECK (food_item_id IS NULL OR EXISTS (SELECT FROM food_items f WHERE f.id = food_item_id AND f.deleted_at IS NULL));

-- Like foods, meals are shown to those with a grant of food_list, and written by nobody else.
SELECT auth.show('meals', 'food_list');
SELECT auth.show('meal_ingredients', 'food_list');
SELECT auth.announce('meals', '{food_list}');
SELECT auth.announce('meal_ingredients', '{food_list}');

-- Whoever changes which meals contain which holds this until the end of the transaction: two writers who each see no cycle could
-- otherwise close one together.
CREATE FUNCTION auth.lock_recipes(person uuid) RETURNS void
LANGUAGE sql
AS $$ SELECT pg_advisory_xact_lock(hashtextextended('recipes of ' || person, 0)) $$;
GRANT EXECUTE ON FUNCTION auth.lock_recipes(uuid) TO hale_app;

-- A meal contains neither itself nor what contains it, and meals lie at most five deep in each other.
CREATE FUNCTION auth.check_recipe() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  above integer;
  below integer;
  cyclic boolean;
BEGIN
  PERFORM auth.lock_recipes(NEW.user_id);
  IF NOT EXISTS (SELECT FROM meals WHERE user_id = NEW.user_id AND id = NEW.part_meal_id AND deleted_at IS NULL) THEN
    RAISE EXCEPTION 'the part is not there' USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'meal_ingredients_part_meal_fkey';
  END IF;
  WITH RECURSIVE parts AS (
    SELECT NEW.part_meal_id AS id, 1 AS depth
    UNION
    SELECT i.part_meal_id, p.depth + 1 FROM parts p JOIN meal_ingredients i ON i.user_id = NEW.user_id AND i.meal_id = p.id
    WHERE i.part_meal_id IS NOT NULL AND p.id <> NEW.meal_id AND p.depth <= 5
  ) SELECT coalesce(max(depth), 0), coalesce(bool_or(id = NEW.meal_id), false) INTO below, cyclic FROM parts;
  IF cyclic THEN
    RAISE EXCEPTION 'a meal cannot contain itself' USING ERRCODE = 'check_violation', CONSTRAINT = 'meal_ingredients_cycle_check';
  END IF;
  WITH RECURSIVE wholes AS (
    SELECT NEW.meal_id AS id, 0 AS depth
    UNION
    SELECT i.meal_id, w.depth + 1 FROM wholes w JOIN meal_ingredients i ON i.user_id = NEW.user_id AND i.part_meal_id = w.id
      JOIN meals m ON m.user_id = i.user_id AND m.id = i.meal_id AND m.deleted_at IS NULL
    WHERE w.depth <= 5
  ) SELECT max(depth) INTO above FROM wholes;
  IF above + below > 5 THEN
    RAISE EXCEPTION 'meals lie too deep in each other' USING ERRCODE = 'check_violation', CONSTRAINT = 'meal_ingredients_depth_check';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER recipe AFTER INSERT ON meal_ingredients FOR EACH ROW WHEN (NEW.part_meal_id IS NOT NULL) EXECUTE FUNCTION auth.check_recipe();

-- A meal that another one contains stays.
CREATE FUNCTION auth.check_recipe_unused() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM auth.lock_recipes(NEW.user_id);
  IF EXISTS (SELECT FROM meal_ingredients i JOIN meals m ON m.user_id = i.user_id AND m.id = i.meal_id AND m.deleted_at IS NULL
             WHERE i.user_id = NEW.user_id AND i.part_meal_id = NEW.id) THEN
    RAISE EXCEPTION 'another meal contains it' USING ERRCODE = 'check_violation', CONSTRAINT = 'meals_used_check';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER unused AFTER UPDATE OF deleted_at ON meals FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
  EXECUTE FUNCTION auth.check_recipe_unused();

-- A meal comes back to parts that are there, which may contain more by now than when it went. Nothing that is there contains it, so
-- it closes no cycle.
CREATE FUNCTION auth.check_recipe_restored() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
  below integer;
BEGIN
  PERFORM auth.lock_recipes(NEW.user_id);
  IF EXISTS (SELECT FROM meal_ingredients i JOIN meals m ON m.user_id = i.user_id AND m.id = i.part_meal_id AND m.deleted_at IS NOT NULL
             WHERE i.user_id = NEW.user_id AND i.meal_id = NEW.id) THEN
    RAISE EXCEPTION 'a part is not there' USING ERRCODE = 'check_violation', CONSTRAINT = 'meals_restored_parts_check';
  END IF;
  WITH RECURSIVE parts AS (
    SELECT NEW.id AS id, 0 AS depth
    UNION
    SELECT i.part_meal_id, p.depth + 1 FROM parts p JOIN meal_ingredients i ON i.user_id = NEW.user_id AND i.meal_id = p.id
    WHERE i.part_meal_id IS NOT NULL AND p.depth <= 5
  ) SELECT max(depth) INTO below FROM parts;
  IF below > 5 THEN
    RAISE EXCEPTION 'meals lie too deep in each other' USING ERRCODE = 'check_violation', CONSTRAINT = 'meals_restored_depth_check';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER restored AFTER UPDATE OF deleted_at ON meals FOR EACH ROW WHEN (OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NULL)
  EXECUTE FUNCTION auth.check_recipe_restored();
