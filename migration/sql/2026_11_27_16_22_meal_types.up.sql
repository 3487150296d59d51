-- The meals of a person's day. The four that everybody has are here once they are called, ordered or timed otherwise.

CREATE TABLE meal_types (
  user_id uuid NOT NULL CONSTRAINT meal_types_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  code text NOT NULL CONSTRAINT meal_types_code_check CHECK (length(code) BETWEEN 1 AND 20),
  name text NOT NULL CONSTRAINT meal_types_name_check CHECK (length(name) BETWEEN 1 AND 20),
  position integer NOT NULL CONSTRAINT meal_types_position_check CHECK (position BETWEEN 0 AND 100000),
  default_time time,
  hidden boolean NOT NULL DEFAULT false,
  created_from bytea CONSTRAINT meal_types_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT meal_types_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT meal_types_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN meal_types.code IS 'what entries of the diary hold: another name changes none of them';
COMMENT ON COLUMN meal_types.default_time IS 'the local time of what is logged for another day without one';
CREATE UNIQUE INDEX meal_types_code_key ON meal_types (user_id, code) WHERE deleted_at IS NULL;
CREATE INDEX meal_types_created_by_idx ON meal_types (created_by);
SELECT auth.protect('meal_types', 'calorie', ARRAY['code']);
SELECT auth.announce('meal_types', '{calorie}');
SELECT auth.sync('meal_types', '{
  "code": ["code"], "name": ["name"], "position": ["position"], "default_time": ["default_time"], "hidden": ["hidden"]}', '''calorie''');
