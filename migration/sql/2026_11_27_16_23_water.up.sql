-- What a person drinks, water and other drinks alike, and the glasses and bottles they drink from.

CREATE TABLE water_containers (
  user_id uuid NOT NULL CONSTRAINT water_containers_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL CONSTRAINT water_containers_name_check CHECK (length(name) BETWEEN 1 AND 100),
  volume numeric(12, 3) NOT NULL CONSTRAINT water_containers_volume_check CHECK (volume BETWEEN 0.001 AND 100000),
  unit text NOT NULL CONSTRAINT water_containers_unit_check CHECK (length(unit) BETWEEN 1 AND 20),
  servings integer NOT NULL DEFAULT 1 CONSTRAINT water_containers_servings_check CHECK (servings BETWEEN 1 AND 100),
  is_primary boolean NOT NULL DEFAULT false,
  created_from bytea CONSTRAINT water_containers_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT water_containers_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT water_containers_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN water_containers.servings IS 'how often it is drunk from until it is empty';
COMMENT ON COLUMN water_containers.is_primary IS 'what one tap logs';
CREATE UNIQUE INDEX water_containers_primary_key ON water_containers (user_id) WHERE is_primary AND deleted_at IS NULL;
CREATE INDEX water_containers_created_by_idx ON water_containers (created_by);
SELECT auth.protect('water_containers', 'calorie');
SELECT auth.announce('water_containers', '{calorie}');

CREATE TABLE water_entries (
  user_id uuid NOT NULL CONSTRAINT water_entries_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  drink text NOT NULL CONSTRAINT water_entries_drink_check CHECK (length(drink) BETWEEN 1 AND 50),
  quantity numeric(12, 3) NOT NULL CONSTRAINT water_entries_quantity_check CHECK (quantity BETWEEN 0.001 AND 100000),
  unit text NOT NULL CONSTRAINT water_entries_unit_check CHECK (length(unit) BETWEEN 1 AND 20),
  milliliters numeric(20, 6) NOT NULL CONSTRAINT water_entries_milliliters_check CHECK (milliliters BETWEEN 0.001 AND 100000),
  container_id uuid,
  drank_at timestamptz NOT NULL CONSTRAINT water_entries_drank_at_check CHECK (drank_at BETWEEN '1899-12-30' AND '2101-01-02'),
  time_zone text NOT NULL CONSTRAINT water_entries_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64),
  drank_on date NOT NULL CONSTRAINT water_entries_drank_on_check CHECK (drank_on BETWEEN '1900-01-01' AND '2100-12-31'),
  note text CONSTRAINT water_entries_note_check CHECK (length(note) BETWEEN 1 AND 1000),
  created_from bytea CONSTRAINT water_entries_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT water_entries_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT water_entries_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT water_entries_container_fkey FOREIGN KEY (user_id, container_id) REFERENCES water_containers (user_id, id) ON DELETE SET NULL (container_id)
);
COMMENT ON COLUMN water_entries.drink IS 'water, or what else it was: tea, coffee, juice, …';
COMMENT ON COLUMN water_entries.milliliters IS 'quantity in ml';
CREATE INDEX water_entries_day_idx ON water_entries (user_id, drank_on) WHERE deleted_at IS NULL;
CREATE INDEX water_entries_container_idx ON water_entries (user_id, container_id);
CREATE INDEX water_entries_created_by_idx ON water_entries (created_by);
SELECT auth.protect('water_entries', 'calorie', ARRAY['container_id']);
SELECT auth.announce('water_entries', '{calorie}');
SELECT auth.sync('water_entries', '{
  "drink": ["drink"], "amount": ["quantity", "unit", "milliliters"], "moment": ["drank_at", "time_zone", "drank_on"], "note": ["note"]}', '''calorie''');
