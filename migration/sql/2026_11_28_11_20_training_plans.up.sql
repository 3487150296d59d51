-- What is to be trained: templates of workouts, and programmes of several days that follow them.

-- A workout as it is planned. Its exercises are one document, which is edited as a whole and copied into each workout that is started
-- from it: what a workout was planned to be stays as it was.
CREATE TABLE workout_templates (
  user_id uuid NOT NULL CONSTRAINT workout_templates_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL CONSTRAINT workout_templates_name_check CHECK (length(name) BETWEEN 1 AND 255),
  description text CONSTRAINT workout_templates_description_check CHECK (length(description) BETWEEN 1 AND 10000),
  exercises jsonb NOT NULL CONSTRAINT workout_templates_exercises_check CHECK (jsonb_typeof(exercises) = 'array'),
  created_from bytea CONSTRAINT workout_templates_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT workout_templates_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT workout_templates_pkey PRIMARY KEY (user_id, id)
);
CREATE INDEX workout_templates_created_by_idx ON workout_templates (created_by);
SELECT auth.protect('workout_templates', 'calorie');
SELECT auth.announce('workout_templates', '{calorie}');

-- Days of training, each by a template: on weekdays, or one after the other, whenever the last one was done.
CREATE TABLE training_programmes (
  user_id uuid NOT NULL CONSTRAINT training_programmes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL CONSTRAINT training_programmes_name_check CHECK (length(name) BETWEEN 1 AND 255),
  description text CONSTRAINT training_programmes_description_check CHECK (length(description) BETWEEN 1 AND 10000),
  mode text NOT NULL CONSTRAINT training_programmes_mode_check CHECK (mode IN ('weekdays', 'sequence')),
  days jsonb NOT NULL CONSTRAINT training_programmes_days_check CHECK (jsonb_typeof(days) = 'array'),
  created_from bytea CONSTRAINT training_programmes_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT training_programmes_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT training_programmes_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN training_programmes.days IS '[{"name", "weekday": 1 (Monday) to 7 or null, "template"}]; templates of the same person';
CREATE INDEX training_programmes_created_by_idx ON training_programmes (created_by);
SELECT auth.protect('training_programmes', 'calorie');
SELECT auth.announce('training_programmes', '{calorie}');

-- Which programme is followed from which day on, until the next row; none where there is none in it.
CREATE TABLE active_programmes (
  user_id uuid NOT NULL CONSTRAINT active_programmes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  valid_from date NOT NULL CONSTRAINT active_programmes_valid_from_check CHECK (valid_from BETWEEN '1900-01-01' AND '2100-12-31'),
  programme_id uuid,
  created_by uuid DEFAULT auth.uid() CONSTRAINT active_programmes_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT active_programmes_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT active_programmes_day_key UNIQUE (user_id, valid_from),
  CONSTRAINT active_programmes_programme_fkey FOREIGN KEY (user_id, programme_id) REFERENCES training_programmes (user_id, id) ON DELETE SET NULL (programme_id)
);
CREATE INDEX active_programmes_programme_idx ON active_programmes (user_id, programme_id);
CREATE INDEX active_programmes_created_by_idx ON active_programmes (created_by);
SELECT auth.protect('active_programmes', 'calorie', ARRAY['valid_from']);
SELECT auth.announce('active_programmes', '{calorie}');

ALTER TABLE workouts
  ADD template_id uuid,
  ADD programme_id uuid,
  ADD programme_day integer CONSTRAINT workouts_programme_day_check CHECK (programme_day BETWEEN 0 AND 99),
  ADD CONSTRAINT workouts_template_fkey FOREIGN KEY (user_id, template_id) REFERENCES workout_templates (user_id, id) ON DELETE SET NULL (template_id),
  ADD CONSTRAINT workouts_programme_fkey FOREIGN KEY (user_id, programme_id) REFERENCES training_programmes (user_id, id) ON DELETE SET NULL (programme_id);
COMMENT ON COLUMN workouts.programme_day IS 'which of the programme''s days it was, from 0';
CREATE INDEX workouts_template_idx ON workouts (user_id, template_id, started_at DESC);
CREATE INDEX workouts_programme_idx ON workouts (user_id, programme_id, started_at DESC);
GRANT INSERT (template_id, programme_id, programme_day) ON workouts TO hale_app;
