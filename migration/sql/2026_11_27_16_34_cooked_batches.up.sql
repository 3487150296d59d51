-- What was cooked once and is eaten in portions: by several people, now and later.

CREATE TABLE cooked_batches (
  user_id uuid NOT NULL CONSTRAINT cooked_batches_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  meal_id uuid,
  name text NOT NULL CONSTRAINT cooked_batches_name_check CHECK (length(name) BETWEEN 1 AND 255),
  measure text NOT NULL CONSTRAINT cooked_batches_measure_check CHECK (measure IN ('g', 'serving')),
  total numeric(12, 3) NOT NULL CONSTRAINT cooked_batches_total_check CHECK (total BETWEEN 0.001 AND 1000000),
  servings numeric(12, 3) CONSTRAINT cooked_batches_servings_check CHECK (servings BETWEEN 0.001 AND 100000),
  portioned numeric(12, 3) NOT NULL DEFAULT 0 CONSTRAINT cooked_batches_portioned_check CHECK (portioned BETWEEN 0 AND 1000000),
  parts jsonb NOT NULL CONSTRAINT cooked_batches_parts_check CHECK (jsonb_typeof(parts) = 'array'),
  cooked_at timestamptz NOT NULL CONSTRAINT cooked_batches_cooked_at_check CHECK (cooked_at BETWEEN '1899-12-30' AND '2101-01-02'),
  created_from bytea CONSTRAINT cooked_batches_created_from_check CHECK (length(created_from) = 32),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT cooked_batches_pkey PRIMARY KEY (user_id, id),
  -- Whatever two cooks do at once, no more is given away than there is.
  CONSTRAINT cooked_batches_left_over_check CHECK (portioned <= total)
);
COMMENT ON COLUMN cooked_batches.measure IS 'in what total and portioned are told';
COMMENT ON COLUMN cooked_batches.portioned IS 'how much of it is given away; the next portion begins here';
COMMENT ON COLUMN cooked_batches.parts IS 'what is in all of it, with its nutrition when it was cooked, decimal strings';
CREATE INDEX cooked_batches_time_idx ON cooked_batches (user_id, cooked_at DESC, id DESC);
SELECT auth.protect('cooked_batches', NULL, ARRAY['meal_id', 'measure', 'total', 'servings', 'parts']);
SELECT auth.announce('cooked_batches', '{own}');

CREATE TABLE cooked_portions (
  user_id uuid NOT NULL CONSTRAINT cooked_portions_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  batch_id uuid NOT NULL,
  eater_id uuid CONSTRAINT cooked_portions_eater_id_fkey REFERENCES users (id) ON DELETE SET NULL,
  amount numeric(12, 3) NOT NULL CONSTRAINT cooked_portions_amount_check CHECK (amount BETWEEN 0.001 AND 1000000),
  portioned_at timestamptz NOT NULL CONSTRAINT cooked_portions_portioned_at_check CHECK (portioned_at BETWEEN '1899-12-30' AND '2101-01-02'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT cooked_portions_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT cooked_portions_batch_fkey FOREIGN KEY (user_id, batch_id) REFERENCES cooked_batches (user_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN cooked_portions.user_id IS 'who cooked';
COMMENT ON COLUMN cooked_portions.eater_id IS 'in whose diary it was written; nobody when that account is gone';
COMMENT ON COLUMN cooked_portions.amount IS 'in the measure of the batch';
CREATE INDEX cooked_portions_batch_idx ON cooked_portions (user_id, batch_id);
CREATE INDEX cooked_portions_eater_id_idx ON cooked_portions (eater_id);
SELECT auth.protect('cooked_portions', NULL, ARRAY['batch_id', 'eater_id']);
SELECT auth.announce('cooked_portions', '{own}');

-- A portion is for oneself, or for somebody who lets one write in their diary.
DO $$
BEGIN
  EXECUTE format('CREATE POLICY willing_eater ON cooked_portions AS RESTRICTIVE FOR INSERT TO hale_app'
                 || ' WITH CHECK (eater_id = (SELECT auth.uid()) OR eater_id = ANY (%s))', auth.grantors('calorie', true));
END $$;
