-- What people measure about themselves and what they aim at.

CREATE TABLE measurements (
  user_id uuid NOT NULL CONSTRAINT measurements_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  type text NOT NULL CONSTRAINT measurements_type_check CHECK (type ~ '^[a-z][a-z0-9_]{0,49}$'),
  value numeric(14, 3) NOT NULL CONSTRAINT measurements_value_check CHECK (value BETWEEN -1000000 AND 10000000),
  unit text NOT NULL CONSTRAINT measurements_unit_check CHECK (length(unit) BETWEEN 1 AND 20),
  canonical_value numeric(24, 9) NOT NULL CONSTRAINT measurements_canonical_value_check CHECK (canonical_value BETWEEN -100000000000 AND 100000000000),
  measured_at timestamptz NOT NULL CONSTRAINT measurements_measured_at_check CHECK (measured_at BETWEEN '1899-12-30' AND '2101-01-02'),
  time_zone text NOT NULL CONSTRAINT measurements_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64),
  measured_on date NOT NULL CONSTRAINT measurements_measured_on_check CHECK (measured_on BETWEEN '1900-01-01' AND '2100-12-31'),
  created_from bytea CONSTRAINT measurements_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT measurements_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT measurements_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN measurements.canonical_value IS 'value in the base unit of its dimension (g, m, …), for comparing';
CREATE INDEX measurements_type_idx ON measurements (user_id, type, measured_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX measurements_time_idx ON measurements (user_id, measured_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX measurements_created_by_idx ON measurements (created_by);
SELECT auth.protect('measurements', 'checkin');

CREATE TABLE goals (
  user_id uuid NOT NULL CONSTRAINT goals_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  type text NOT NULL CONSTRAINT goals_type_check CHECK (type ~ '^[a-z][a-z0-9_]{0,49}$'),
  access_type text NOT NULL GENERATED ALWAYS AS (
    CASE WHEN type ~ '^(weight|muscle|body|fat_loss|waist|hips|bmi|measurement)' THEN 'checkin' ELSE 'calorie' END) STORED,
  target_value numeric(14, 3) CONSTRAINT goals_target_value_check CHECK (target_value BETWEEN 0 AND 10000000),
  target_unit text CONSTRAINT goals_target_unit_check CHECK (length(target_unit) BETWEEN 1 AND 20),
  target_date date CONSTRAINT goals_target_date_check CHECK (target_date BETWEEN '1900-01-01' AND '2100-12-31'),
  current_value numeric(14, 3) CONSTRAINT goals_current_value_check CHECK (current_value BETWEEN -1000000 AND 10000000),
  status text NOT NULL DEFAULT 'active' CONSTRAINT goals_status_check CHECK (status IN ('active', 'completed', 'paused')),
  valid_from date NOT NULL CONSTRAINT goals_valid_from_check CHECK (valid_from BETWEEN '1900-01-01' AND '2100-12-31'),
  valid_to date CONSTRAINT goals_valid_to_check CHECK (valid_to BETWEEN valid_from AND '2100-12-31'),
  created_from bytea CONSTRAINT goals_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT goals_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT goals_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN goals.valid_to IS 'the first day on which the goal is no longer in force';
COMMENT ON COLUMN goals.access_type IS 'which grant shows the goal: intake and training, or body and weight';
CREATE UNIQUE INDEX goals_open_key ON goals (user_id, type) WHERE valid_to IS NULL AND deleted_at IS NULL;
CREATE INDEX goals_validity_idx ON goals (user_id, type, valid_from) WHERE deleted_at IS NULL;
CREATE INDEX goals_created_by_idx ON goals (created_by);
SELECT auth.protect('goals', 'calorie', ARRAY['type'], 'access_type = ''calorie''');
SELECT auth.share('goals', 'checkin', 'access_type = ''checkin''');
