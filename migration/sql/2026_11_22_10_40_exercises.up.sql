-- Exercises of the shared catalogue and of people, and what people did.

CREATE TABLE exercises (
  id uuid CONSTRAINT exercises_pkey PRIMARY KEY,
  owner_id uuid CONSTRAINT exercises_owner_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  name text NOT NULL CONSTRAINT exercises_name_check CHECK (length(name) BETWEEN 1 AND 255),
  category text CONSTRAINT exercises_category_check CHECK (length(category) BETWEEN 1 AND 100),
  muscle_groups text[] NOT NULL DEFAULT '{}' CONSTRAINT exercises_muscle_groups_check CHECK (cardinality(muscle_groups) <= 30),
  equipment text CONSTRAINT exercises_equipment_check CHECK (length(equipment) BETWEEN 1 AND 100),
  instructions text CONSTRAINT exercises_instructions_check CHECK (length(instructions) BETWEEN 1 AND 20000),
  met numeric(4, 1) CONSTRAINT exercises_met_check CHECK (met BETWEEN 0.9 AND 30),
  source text NOT NULL DEFAULT 'user' CONSTRAINT exercises_source_check CHECK (length(source) BETWEEN 1 AND 50),
  source_id text CONSTRAINT exercises_source_id_check CHECK (length(source_id) BETWEEN 1 AND 255),
  search_text text NOT NULL GENERATED ALWAYS AS (search.fold(name)) STORED,
  created_from bytea CONSTRAINT exercises_created_from_check CHECK (length(created_from) = 32),
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN exercises.met IS 'metabolic equivalent: multiples of resting energy expenditure';
CREATE INDEX exercises_owner_id_idx ON exercises (owner_id);
CREATE INDEX exercises_search_idx ON exercises USING gin (search_text gin_trgm_ops) WHERE deleted_at IS NULL;
CREATE INDEX exercises_muscle_groups_idx ON exercises USING gin (muscle_groups) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX exercises_source_key ON exercises (source, source_id) WHERE owner_id IS NULL;
SELECT auth.protect_catalogue('exercises', NULL, ARRAY['source', 'source_id']);

GRANT SELECT (id, owner_id, name, search_text, muscle_groups, equipment, deleted_at) ON exercises TO hale_search;
CREATE POLICY search_read ON exercises FOR SELECT TO hale_search USING (true);

-- Exercises by words of the name, muscle and equipment, each of which may be missing: ids and ranks, best first.
CREATE FUNCTION search.exercises(query text, muscle text, tool text, page_size integer, after_rank numeric, after_id uuid) RETURNS TABLE (id uuid, rank numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  viewer uuid := auth.uid();
  words text[] := array_remove(regexp_split_to_array(search.fold(coalesce(query, '')), '[^[:alnum:]]+'), '');
  longest text := (SELECT word FROM unnest(words) word ORDER BY length(word) DESC LIMIT 1);
BEGIN
  IF viewer IS NULL OR (query IS NOT NULL AND longest IS NULL) THEN
    RETURN;
  END IF;
  PERFORM set_config('pg_trgm.word_similarity_threshold', '0.5', true);
  RETURN QUERY
    SELECT found.id, found.rank FROM (
      SELECT e.id, round(
          coalesce((SELECT avg(word_similarity(word, e.search_text) + strict_word_similarity(word, e.search_text)) FROM unnest(words) word), 0)::numeric
          + CASE WHEN starts_with(e.search_text, words[1]) THEN 0.5 ELSE 0 END
          + CASE WHEN e.owner_id = viewer THEN 0.3 ELSE 0 END
          - length(e.search_text) * 0.005, 6) AS rank
      FROM exercises e
      WHERE (longest IS NULL OR longest <% e.search_text AND (SELECT bool_and(word <% e.search_text) FROM unnest(words) word))
        AND (muscle IS NULL OR e.muscle_groups @> ARRAY[muscle])
        AND (tool IS NULL OR e.equipment = tool)
        AND e.deleted_at IS NULL
        AND (e.owner_id IS NULL OR e.owner_id = viewer)
    ) found
    WHERE after_id IS NULL OR (found.rank, found.id) < (after_rank, after_id)
    ORDER BY found.rank DESC, found.id DESC
    LIMIT page_size;
END $$;
ALTER FUNCTION search.exercises(text, text, text, integer, numeric, uuid) OWNER TO hale_search;
REVOKE EXECUTE ON FUNCTION search.exercises(text, text, text, integer, numeric, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search.exercises(text, text, text, integer, numeric, uuid) TO hale_app;

CREATE TABLE exercise_diary (
  user_id uuid NOT NULL CONSTRAINT exercise_diary_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  exercise_id uuid CONSTRAINT exercise_diary_exercise_id_fkey REFERENCES exercises (id) ON DELETE SET NULL,
  exercise_name text NOT NULL CONSTRAINT exercise_diary_exercise_name_check CHECK (length(exercise_name) BETWEEN 1 AND 255),
  duration_minutes numeric(10, 3) CONSTRAINT exercise_diary_duration_minutes_check CHECK (duration_minutes BETWEEN 0.001 AND 100000),
  distance numeric(12, 3) CONSTRAINT exercise_diary_distance_check CHECK (distance BETWEEN 0.001 AND 10000000),
  distance_unit text CONSTRAINT exercise_diary_distance_unit_check CHECK (length(distance_unit) BETWEEN 1 AND 20),
  distance_m numeric(18, 6) CONSTRAINT exercise_diary_distance_m_check CHECK (distance_m BETWEEN 0 AND 100000000),
  calories_burned numeric(12, 3) CONSTRAINT exercise_diary_calories_burned_check CHECK (calories_burned BETWEEN 0 AND 100000),
  calories_source text CONSTRAINT exercise_diary_calories_source_check CHECK (calories_source IN ('device', 'met')),
  notes text CONSTRAINT exercise_diary_notes_check CHECK (length(notes) BETWEEN 1 AND 10000),
  performed_at timestamptz NOT NULL CONSTRAINT exercise_diary_performed_at_check CHECK (performed_at BETWEEN '1899-12-30' AND '2101-01-02'),
  time_zone text NOT NULL CONSTRAINT exercise_diary_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64),
  performed_on date NOT NULL CONSTRAINT exercise_diary_performed_on_check CHECK (performed_on BETWEEN '1900-01-01' AND '2100-12-31'),
  created_from bytea CONSTRAINT exercise_diary_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT exercise_diary_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT exercise_diary_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT exercise_diary_distance_has_unit_check CHECK ((distance IS NULL) = (distance_unit IS NULL))
);
CREATE INDEX exercise_diary_day_idx ON exercise_diary (user_id, performed_on) WHERE deleted_at IS NULL;
CREATE INDEX exercise_diary_exercise_id_idx ON exercise_diary (exercise_id);
CREATE INDEX exercise_diary_created_by_idx ON exercise_diary (created_by);
SELECT auth.protect('exercise_diary', 'calorie', ARRAY['exercise_id']);
CREATE POLICY visible_exercise ON exercise_diary AS RESTRICTIVE FOR INSERT TO hale_app
  WITH CHECK (exercise_id IS NULL OR EXISTS (SELECT FROM exercises e WHERE e.id = exercise_id AND e.deleted_at IS NULL));

CREATE TABLE exercise_sets (
  user_id uuid NOT NULL,
  exercise_entry_id uuid NOT NULL,
  position integer NOT NULL CONSTRAINT exercise_sets_position_check CHECK (position BETWEEN 0 AND 199),
  kind text NOT NULL DEFAULT 'working' CONSTRAINT exercise_sets_kind_check CHECK (kind IN ('working', 'warmup', 'drop', 'failure')),
  reps integer CONSTRAINT exercise_sets_reps_check CHECK (reps BETWEEN 0 AND 10000),
  weight numeric(10, 3) CONSTRAINT exercise_sets_weight_check CHECK (weight BETWEEN 0 AND 100000),
  weight_unit text CONSTRAINT exercise_sets_weight_unit_check CHECK (length(weight_unit) BETWEEN 1 AND 20),
  weight_kg numeric(18, 6) CONSTRAINT exercise_sets_weight_kg_check CHECK (weight_kg BETWEEN 0 AND 1000000),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT exercise_sets_pkey PRIMARY KEY (user_id, exercise_entry_id, position),
  CONSTRAINT exercise_sets_entry_fkey FOREIGN KEY (user_id, exercise_entry_id) REFERENCES exercise_diary (user_id, id) ON DELETE CASCADE,
  CONSTRAINT exercise_sets_weight_has_unit_check CHECK ((weight IS NULL) = (weight_unit IS NULL))
);
SELECT auth.protect('exercise_sets', 'calorie', ARRAY['exercise_entry_id']);
