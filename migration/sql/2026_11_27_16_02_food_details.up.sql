-- What else a food knows: how dense it is, what one may be allergic to, and which food a duplicate became; favourites; nutrients of one's own.

ALTER TABLE food_items
  ADD COLUMN density numeric(8, 6) CONSTRAINT food_items_density_check CHECK (density BETWEEN 0.01 AND 25),
  ADD COLUMN allergens text[] CONSTRAINT food_items_allergens_check CHECK (allergens <@ '{gluten,crustaceans,eggs,fish,peanuts,soybeans,milk,nuts,celery,mustard,sesame,sulphites,lupin,molluscs}'),
  ADD COLUMN traces text[] CONSTRAINT food_items_traces_check CHECK (traces <@ '{gluten,crustaceans,eggs,fish,peanuts,soybeans,milk,nuts,celery,mustard,sesame,sulphites,lupin,molluscs}'),
  ADD COLUMN merged_into uuid,
  ADD CONSTRAINT food_items_owner_id_id_key UNIQUE (owner_id, id),
  ADD CONSTRAINT food_items_merged_into_fkey FOREIGN KEY (owner_id, merged_into) REFERENCES food_items (owner_id, id) ON DELETE SET NULL (merged_into),
  ADD CONSTRAINT food_items_merged_into_check CHECK (merged_into <> id AND (merged_into IS NULL OR deleted_at IS NOT NULL));
COMMENT ON COLUMN food_items.density IS 'g per ml: what converts mass and volume into each other';
COMMENT ON COLUMN food_items.allergens IS 'of Annex II of Regulation (EU) 1169/2011; NULL when nobody said, empty when there are none';
COMMENT ON COLUMN food_items.traces IS 'what it may contain though it should not; NULL when nobody said';
COMMENT ON COLUMN food_items.merged_into IS 'the food of the same owner that this one was a duplicate of: references to this one mean that one';
CREATE INDEX food_items_merged_into_idx ON food_items (owner_id, merged_into);
CREATE INDEX food_items_merged_barcode_idx ON food_items (barcode) WHERE merged_into IS NOT NULL;
DROP INDEX food_items_owner_id_idx;
GRANT INSERT (density, allergens, traces), UPDATE (density, allergens, traces, merged_into) ON food_items TO hale_app;
GRANT SELECT (merged_into) ON food_items TO hale_search;

-- What a shop prints on a scale means something else in the next shop (service::barcode knows the ranges too).
UPDATE food_items SET barcode = NULL WHERE owner_id IS NULL AND barcode ~ '^([0-9](2|02|04)|000000[02])';
ALTER TABLE food_items ADD CONSTRAINT food_items_public_barcode_check
  CHECK (owner_id IS NOT NULL OR barcode !~ '^([0-9](2|02|04)|000000[02])');

ALTER TABLE user_preferences ADD COLUMN allergens text[] NOT NULL DEFAULT '{}'
  CONSTRAINT user_preferences_allergens_check CHECK (allergens <@ '{gluten,crustaceans,eggs,fish,peanuts,soybeans,milk,nuts,celery,mustard,sesame,sulphites,lupin,molluscs}');
COMMENT ON COLUMN user_preferences.allergens IS 'what the person wants to be warned of';
GRANT UPDATE (allergens) ON user_preferences TO hale_app;

-- Without a foreign key to the food: that a food goes is no reason for somebody else's row to go.
CREATE TABLE favourite_foods (
  user_id uuid NOT NULL CONSTRAINT favourite_foods_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  food_id uuid NOT NULL,
  added_at timestamptz NOT NULL CONSTRAINT favourite_foods_added_at_check CHECK (added_at BETWEEN '1899-12-30' AND '2101-01-02'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT favourite_foods_pkey PRIMARY KEY (user_id, food_id)
);
SELECT auth.protect('favourite_foods', NULL, ARRAY['food_id']);
SELECT auth.announce('favourite_foods', '{own}');
CREATE POLICY visible_food ON favourite_foods AS RESTRICTIVE FOR INSERT TO hale_app
  WITH CHECK (EXISTS (SELECT FROM food_items f WHERE f.id = food_id AND f.deleted_at IS NULL));

-- Amounts of these are kept under the id, which no two people share, so that an entry of somebody else's food says what is meant.
CREATE TABLE personal_nutrients (
  user_id uuid NOT NULL CONSTRAINT personal_nutrients_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  code text NOT NULL CONSTRAINT personal_nutrients_code_check CHECK (code ~ '^X_[A-Z0-9_]{1,18}$'),
  name text NOT NULL CONSTRAINT personal_nutrients_name_check CHECK (length(name) BETWEEN 1 AND 100),
  unit text NOT NULL CONSTRAINT personal_nutrients_unit_check CHECK (unit IN ('g', 'mg', 'ug')),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT personal_nutrients_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT personal_nutrients_code_key UNIQUE (user_id, code)
);
COMMENT ON COLUMN personal_nutrients.code IS 'begins with X_, as none of the catalogue does';
CREATE INDEX personal_nutrients_id_idx ON personal_nutrients (id);
-- Another unit would change what is known of every food: such a nutrient is a new one.
SELECT auth.protect('personal_nutrients', NULL, ARRAY['code', 'unit']);
-- They name what is in foods, so whoever sees those sees these, and nobody else writes them.
SELECT auth.show('personal_nutrients', 'food_list');
SELECT auth.announce('personal_nutrients', '{food_list}');
