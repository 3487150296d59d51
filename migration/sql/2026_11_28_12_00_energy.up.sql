-- How the energy of exercise was found, and what devices say was burned whatever was done.

ALTER TABLE exercise_diary
  DROP CONSTRAINT exercise_diary_calories_source_check,
  ADD CONSTRAINT exercise_diary_calories_source_check CHECK (calories_source IN ('device', 'heart_rate', 'met')),
  ADD calories_basis jsonb CONSTRAINT exercise_diary_calories_basis_check CHECK (jsonb_typeof(calories_basis) = 'object' AND pg_column_size(calories_basis) <= 8000);
COMMENT ON COLUMN exercise_diary.calories_basis IS 'what calories_burned was computed from, so that it can be explained; out of date where a device changed it since';
GRANT INSERT (calories_basis), UPDATE (calories_basis) ON exercise_diary TO hale_app;

-- What a device told of an interval: a whole day so far, an hour. Told anew, it replaces what it said before.
CREATE TABLE energy_records (
  user_id uuid NOT NULL CONSTRAINT energy_records_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  source text NOT NULL CONSTRAINT energy_records_source_check CHECK (length(source) BETWEEN 1 AND 100),
  started_at timestamptz NOT NULL CONSTRAINT energy_records_started_at_check CHECK (started_at BETWEEN '1899-12-30' AND '2101-01-02'),
  ended_at timestamptz NOT NULL CONSTRAINT energy_records_ended_at_check CHECK (ended_at BETWEEN '1899-12-30' AND '2101-01-04'),
  time_zone text NOT NULL CONSTRAINT energy_records_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64),
  started_on date NOT NULL CONSTRAINT energy_records_started_on_check CHECK (started_on BETWEEN '1900-01-01' AND '2100-12-31'),
  active_calories numeric(12, 3) CONSTRAINT energy_records_active_calories_check CHECK (active_calories BETWEEN 0 AND 30000),
  resting_calories numeric(12, 3) CONSTRAINT energy_records_resting_calories_check CHECK (resting_calories BETWEEN 0 AND 30000),
  total_calories numeric(12, 3) CONSTRAINT energy_records_total_calories_check CHECK (total_calories BETWEEN 0 AND 60000),
  steps integer CONSTRAINT energy_records_steps_check CHECK (steps BETWEEN 0 AND 500000),
  created_by uuid DEFAULT auth.uid() CONSTRAINT energy_records_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT energy_records_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT energy_records_interval_check CHECK (ended_at > started_at AND ended_at <= started_at + interval '26 hours'),
  CONSTRAINT energy_records_says_something_check CHECK (num_nonnulls(active_calories, resting_calories, total_calories, steps) > 0)
);
COMMENT ON COLUMN energy_records.active_calories IS 'beyond resting, in kcal';
COMMENT ON COLUMN energy_records.total_calories IS 'resting energy included, in kcal';
CREATE UNIQUE INDEX energy_records_source_key ON energy_records (user_id, source, started_at);
CREATE INDEX energy_records_day_idx ON energy_records (user_id, started_on);
CREATE INDEX energy_records_created_by_idx ON energy_records (created_by);
SELECT auth.protect('energy_records', 'calorie', ARRAY['source', 'started_at', 'time_zone', 'started_on']);
SELECT auth.announce('energy_records', '{calorie}');
