-- Training as people record it: workouts of several exercises, heart rates, and sets that say all that was done.

-- A session of several exercises. It runs until it is finished; what was logged in it are entries, which name it.
CREATE TABLE workouts (
  user_id uuid NOT NULL CONSTRAINT workouts_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text CONSTRAINT workouts_name_check CHECK (length(name) BETWEEN 1 AND 255),
  notes text CONSTRAINT workouts_notes_check CHECK (length(notes) BETWEEN 1 AND 10000),
  plan jsonb CONSTRAINT workouts_plan_check CHECK (jsonb_typeof(plan) = 'array'),
  started_at timestamptz NOT NULL CONSTRAINT workouts_started_at_check CHECK (started_at BETWEEN '1899-12-30' AND '2101-01-02'),
  time_zone text NOT NULL CONSTRAINT workouts_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64),
  started_on date NOT NULL CONSTRAINT workouts_started_on_check CHECK (started_on BETWEEN '1900-01-01' AND '2100-12-31'),
  paused_at timestamptz CONSTRAINT workouts_paused_at_check CHECK (paused_at BETWEEN '1899-12-30' AND '2101-01-02'),
  paused_seconds numeric(12, 3) NOT NULL DEFAULT 0 CONSTRAINT workouts_paused_seconds_check CHECK (paused_seconds BETWEEN 0 AND 604800),
  finished_at timestamptz CONSTRAINT workouts_finished_at_check CHECK (finished_at BETWEEN '1899-12-30' AND '2101-01-02'),
  created_from bytea CONSTRAINT workouts_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT workouts_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT workouts_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT workouts_paused_while_running_check CHECK (paused_at IS NULL OR finished_at IS NULL),
  CONSTRAINT workouts_order_check CHECK (finished_at >= started_at AND paused_seconds <= extract(epoch FROM finished_at - started_at))
);
COMMENT ON COLUMN workouts.plan IS 'what was planned when it was started, exercise by exercise; null for one without a plan';
COMMENT ON COLUMN workouts.paused_at IS 'since when it is paused';
COMMENT ON COLUMN workouts.paused_seconds IS 'how long the pauses were that have ended';
CREATE UNIQUE INDEX workouts_running_key ON workouts (user_id) WHERE finished_at IS NULL AND deleted_at IS NULL;
CREATE INDEX workouts_history_idx ON workouts (user_id, started_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX workouts_day_idx ON workouts (user_id, started_on) WHERE deleted_at IS NULL;
CREATE INDEX workouts_created_by_idx ON workouts (created_by);
SELECT auth.protect('workouts', 'calorie', ARRAY['plan']);
SELECT auth.announce('workouts', '{calorie}');

-- How much of the body weight an exercise moves.
ALTER TABLE exercises
  ADD body_weight_fraction numeric(4, 3) CONSTRAINT exercises_body_weight_fraction_check CHECK (body_weight_fraction BETWEEN 0.01 AND 1);
COMMENT ON COLUMN exercises.body_weight_fraction IS 'the part of the body weight that it moves, 1 for a pull-up; null where only what is held counts';
GRANT INSERT (body_weight_fraction), UPDATE (body_weight_fraction) ON exercises TO hale_app;

ALTER TABLE exercise_diary
  ADD average_heart_rate integer CONSTRAINT exercise_diary_average_heart_rate_check CHECK (average_heart_rate BETWEEN 20 AND 300),
  ADD max_heart_rate integer CONSTRAINT exercise_diary_max_heart_rate_check CHECK (max_heart_rate BETWEEN 20 AND 300),
  ADD body_load_kg numeric(12, 6) CONSTRAINT exercise_diary_body_load_kg_check CHECK (body_load_kg BETWEEN 0 AND 10000),
  ADD workout_id uuid,
  ADD workout_position integer CONSTRAINT exercise_diary_workout_position_check CHECK (workout_position BETWEEN 0 AND 999),
  ADD superset_group integer CONSTRAINT exercise_diary_superset_group_check CHECK (superset_group BETWEEN 1 AND 100),
  ADD CONSTRAINT exercise_diary_heart_rates_check CHECK (average_heart_rate <= max_heart_rate),
  ADD CONSTRAINT exercise_diary_workout_fkey FOREIGN KEY (user_id, workout_id) REFERENCES workouts (user_id, id) ON DELETE SET NULL (workout_id);
COMMENT ON COLUMN exercise_diary.body_load_kg IS 'the part of the body weight that the exercise moves, by the weight then; sets without a weight of their own load this';
COMMENT ON COLUMN exercise_diary.workout_position IS 'its place among the exercises of the workout';
COMMENT ON COLUMN exercise_diary.superset_group IS 'exercises of a workout with the same number are done in turns';
CREATE INDEX exercise_diary_workout_idx ON exercise_diary (user_id, workout_id, workout_position);
CREATE INDEX exercise_diary_exercise_idx ON exercise_diary (user_id, exercise_id, performed_at DESC, id DESC) WHERE deleted_at IS NULL;
GRANT INSERT (average_heart_rate, max_heart_rate, body_load_kg, workout_id, workout_position, superset_group),
  UPDATE (average_heart_rate, max_heart_rate, body_load_kg, workout_id, workout_position, superset_group) ON exercise_diary TO hale_app;

ALTER TABLE exercise_sets
  ADD load_kind text NOT NULL DEFAULT 'weighted' CONSTRAINT exercise_sets_load_kind_check CHECK (load_kind IN ('weighted', 'bodyweight', 'assisted')),
  ADD per_hand boolean NOT NULL DEFAULT false,
  ADD duration_seconds numeric(10, 3) CONSTRAINT exercise_sets_duration_seconds_check CHECK (duration_seconds BETWEEN 0.001 AND 604800),
  ADD distance numeric(12, 3) CONSTRAINT exercise_sets_distance_check CHECK (distance BETWEEN 0.001 AND 10000000),
  ADD distance_unit text CONSTRAINT exercise_sets_distance_unit_check CHECK (length(distance_unit) BETWEEN 1 AND 20),
  ADD distance_m numeric(18, 6) CONSTRAINT exercise_sets_distance_m_check CHECK (distance_m BETWEEN 0 AND 100000000),
  ADD rest_seconds integer CONSTRAINT exercise_sets_rest_seconds_check CHECK (rest_seconds BETWEEN 0 AND 86400),
  ADD rpe numeric(3, 1) CONSTRAINT exercise_sets_rpe_check CHECK (rpe BETWEEN 1 AND 10 AND rpe * 2 = trunc(rpe * 2)),
  ADD rir integer CONSTRAINT exercise_sets_rir_check CHECK (rir BETWEEN 0 AND 10),
  ADD notes text CONSTRAINT exercise_sets_notes_check CHECK (length(notes) BETWEEN 1 AND 1000),
  ADD CONSTRAINT exercise_sets_distance_has_unit_check CHECK ((distance IS NULL) = (distance_unit IS NULL));
COMMENT ON COLUMN exercise_sets.load_kind IS 'what weight adds to: nothing, the body weight that is moved, or (assisted) what is taken off it';
COMMENT ON COLUMN exercise_sets.per_hand IS 'whether weight is what one hand holds, of two';
COMMENT ON COLUMN exercise_sets.rpe IS 'rate of perceived exertion, in halves';
COMMENT ON COLUMN exercise_sets.rir IS 'repetitions in reserve';
GRANT INSERT (load_kind, per_hand, duration_seconds, distance, distance_unit, distance_m, rest_seconds, rpe, rir, notes),
  UPDATE (load_kind, per_hand, duration_seconds, distance, distance_unit, distance_m, rest_seconds, rpe, rir, notes) ON exercise_sets TO hale_app;

-- The feed tells the new columns too. A workout comes before its entries, which name it.
SELECT auth.sync('workouts', '{
  "name": ["name"], "notes": ["notes"], "moment": ["started_at", "time_zone", "started_on"], "clock": ["paused_at", "paused_seconds", "finished_at"]}', '''calorie''');
DROP TRIGGER written ON exercise_sets;
DROP TRIGGER erased ON exercise_sets;
DROP TRIGGER written ON exercise_diary;
DROP TRIGGER erased ON exercise_diary;
DROP FUNCTION auth.exercise_diary_document(uuid, uuid);
SELECT auth.log_writes('exercise_sets', 'exercise_diary', 'user_id', 'exercise_entry_id',
  '{position,kind,reps,weight,weight_unit,load_kind,per_hand,duration_seconds,distance,distance_unit,rest_seconds,rpe,rir,notes}');
SELECT auth.sync('exercise_diary', '{
  "exercise": ["exercise_id", "exercise_name"],
  "workout": ["workout_id", "workout_position", "superset_group"],
  "energy": ["duration_minutes", "calories_burned", "calories_source"],
  "heart_rate": ["average_heart_rate", "max_heart_rate"],
  "distance": ["distance", "distance_unit", "distance_m"],
  "notes": ["notes"],
  "moment": ["performed_at", "time_zone", "performed_on", "body_load_kg"]}', '''calorie''', '{exercise_id,workout_id}', '{"sets": {"sets":
    "(SELECT coalesce(jsonb_agg(jsonb_build_object(''kind'', e.kind, ''reps'', e.reps, ''weight'', trim_scale(e.weight)::text, ''weight_unit'', e.weight_unit, ''load_kind'', e.load_kind, ''per_hand'', e.per_hand, ''duration_seconds'', trim_scale(e.duration_seconds)::text, ''distance'', trim_scale(e.distance)::text, ''distance_unit'', e.distance_unit, ''rest_seconds'', e.rest_seconds, ''rpe'', trim_scale(e.rpe)::text, ''rir'', e.rir, ''notes'', e.notes) ORDER BY e.position), ''[]'') FROM public.exercise_sets e WHERE e.user_id = s.user_id AND e.exercise_entry_id = s.id)"}}');
