-- Foods of the shared catalogue (owner_id NULL) and of people, their nutrition by version, and their portions.

-- Nutrients beyond the headline columns, by INFOODS tag name.
CREATE TABLE nutrients (
  code text CONSTRAINT nutrients_pkey PRIMARY KEY CONSTRAINT nutrients_code_check CHECK (code ~ '^[A-Z][A-Z0-9_]{0,19}$'),
  name text NOT NULL CONSTRAINT nutrients_name_check CHECK (length(name) BETWEEN 1 AND 100),
  unit text NOT NULL CONSTRAINT nutrients_unit_check CHECK (unit IN ('g', 'mg', 'ug')),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
SELECT auth.guard('nutrients');
GRANT SELECT ON nutrients TO hale_app;
CREATE POLICY catalogue_read ON nutrients FOR SELECT TO hale_app USING (true);

INSERT INTO nutrients (code, name, unit) VALUES
  ('WATER', 'Water', 'g'), ('ASH', 'Ash', 'g'), ('ALC', 'Alcohol', 'g'), ('SUGAD', 'Added sugars', 'g'), ('STARCH', 'Starch', 'g'),
  ('FASAT', 'Saturated fat', 'g'), ('FAMS', 'Monounsaturated fat', 'g'), ('FAPU', 'Polyunsaturated fat', 'g'), ('FATRN', 'Trans fat', 'g'),
  ('CHOLE', 'Cholesterol', 'mg'), ('CAFFN', 'Caffeine', 'mg'),
  ('CA', 'Calcium', 'mg'), ('FE', 'Iron', 'mg'), ('MG', 'Magnesium', 'mg'), ('P', 'Phosphorus', 'mg'), ('K', 'Potassium', 'mg'),
  ('ZN', 'Zinc', 'mg'), ('CU', 'Copper', 'mg'), ('MN', 'Manganese', 'mg'), ('SE', 'Selenium', 'ug'), ('ID', 'Iodine', 'ug'),
  ('VITC', 'Vitamin C', 'mg'), ('THIA', 'Thiamin', 'mg'), ('RIBF', 'Riboflavin', 'mg'), ('NIA', 'Niacin', 'mg'),
  ('PANTAC', 'Pantothenic acid', 'mg'), ('VITB6A', 'Vitamin B6', 'mg'), ('BIOT', 'Biotin', 'ug'), ('FOL', 'Folate, total', 'ug'),
  ('FOLAC', 'Folic acid', 'ug'), ('FOLFD', 'Folate, food', 'ug'), ('FOLDFE', 'Folate, DFE', 'ug'), ('CHOLN', 'Choline', 'mg'),
  ('VITB12', 'Vitamin B12', 'ug'), ('VITA_RAE', 'Vitamin A, RAE', 'ug'), ('RETOL', 'Retinol', 'ug'), ('CARTA', 'Carotene, alpha', 'ug'),
  ('CARTB', 'Carotene, beta', 'ug'), ('CRYPX', 'Cryptoxanthin, beta', 'ug'), ('LYCPN', 'Lycopene', 'ug'),
  ('LUT_ZEA', 'Lutein and zeaxanthin', 'ug'), ('VITE', 'Vitamin E', 'mg'), ('VITD', 'Vitamin D', 'ug'), ('VITK', 'Vitamin K', 'ug');

CREATE TABLE food_items (
  id uuid CONSTRAINT food_items_pkey PRIMARY KEY,
  owner_id uuid CONSTRAINT food_items_owner_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  name text NOT NULL CONSTRAINT food_items_name_check CHECK (length(name) BETWEEN 1 AND 255),
  brand text CONSTRAINT food_items_brand_check CHECK (length(brand) BETWEEN 1 AND 255),
  barcode text CONSTRAINT food_items_barcode_check CHECK (barcode ~ '^[0-9]{14}$'),
  source text NOT NULL DEFAULT 'user' CONSTRAINT food_items_source_check CHECK (length(source) BETWEEN 1 AND 50),
  source_id text CONSTRAINT food_items_source_id_check CHECK (length(source_id) BETWEEN 1 AND 255),
  nutrition_version integer NOT NULL DEFAULT 1 CONSTRAINT food_items_nutrition_version_check CHECK (nutrition_version BETWEEN 1 AND 1000000),
  search_text text NOT NULL GENERATED ALWAYS AS (' ' || search.fold(name || coalesce(' ' || brand, '')) || ' ') STORED,
  created_from bytea CONSTRAINT food_items_created_from_check CHECK (length(created_from) = 32),
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN food_items.search_text IS 'every word has a blank before and after it, so that words, beginnings and parts of words can be told apart';
COMMENT ON COLUMN food_items.barcode IS 'GTIN-14: shorter codes of the same product are padded with zeros';
COMMENT ON COLUMN food_items.created_from IS 'SHA-256 of the input that created the row: a repeated creation is recognised by it';
CREATE INDEX food_items_owner_id_idx ON food_items (owner_id);
CREATE INDEX food_items_barcode_idx ON food_items (barcode) WHERE deleted_at IS NULL;
CREATE INDEX food_items_search_idx ON food_items USING gin (search_text gin_trgm_ops) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX food_items_source_key ON food_items (source, source_id) WHERE owner_id IS NULL;
SELECT auth.protect_catalogue('food_items', 'food_list', ARRAY['source', 'source_id']);

CREATE TABLE nutrition_data (
  id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT nutrition_data_pkey PRIMARY KEY,
  food_item_id uuid NOT NULL CONSTRAINT nutrition_data_food_item_id_fkey REFERENCES food_items (id) ON DELETE CASCADE,
  owner_id uuid CONSTRAINT nutrition_data_owner_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  nutrition_version integer NOT NULL CONSTRAINT nutrition_data_nutrition_version_check CHECK (nutrition_version BETWEEN 1 AND 1000000),
  serving_size numeric(12, 6) NOT NULL CONSTRAINT nutrition_data_serving_size_check CHECK (serving_size BETWEEN 0.000001 AND 100000),
  serving_unit text NOT NULL CONSTRAINT nutrition_data_serving_unit_check CHECK (length(serving_unit) BETWEEN 1 AND 50),
  calories numeric(12, 6) CONSTRAINT nutrition_data_calories_check CHECK (calories BETWEEN 0 AND 100000),
  protein numeric(12, 6) CONSTRAINT nutrition_data_protein_check CHECK (protein BETWEEN 0 AND 100000),
  carbohydrates numeric(12, 6) CONSTRAINT nutrition_data_carbohydrates_check CHECK (carbohydrates BETWEEN 0 AND 100000),
  fat numeric(12, 6) CONSTRAINT nutrition_data_fat_check CHECK (fat BETWEEN 0 AND 100000),
  fiber numeric(12, 6) CONSTRAINT nutrition_data_fiber_check CHECK (fiber BETWEEN 0 AND 100000),
  sugar numeric(12, 6) CONSTRAINT nutrition_data_sugar_check CHECK (sugar BETWEEN 0 AND 100000),
  sodium numeric(12, 6) CONSTRAINT nutrition_data_sodium_check CHECK (sodium BETWEEN 0 AND 100000),
  nutrients jsonb NOT NULL DEFAULT '{}' CONSTRAINT nutrition_data_nutrients_check CHECK (jsonb_typeof(nutrients) = 'object'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT nutrition_data_version_key UNIQUE (food_item_id, nutrition_version)
);
COMMENT ON COLUMN nutrition_data.nutrients IS 'amounts by code of nutrients, as decimal strings in the unit given there';
CREATE INDEX nutrition_data_owner_id_idx ON nutrition_data (owner_id);
SELECT auth.protect_catalogue('nutrition_data', 'food_list', ARRAY['food_item_id', 'nutrition_version']);

CREATE TABLE food_portions (
  food_item_id uuid NOT NULL CONSTRAINT food_portions_food_item_id_fkey REFERENCES food_items (id) ON DELETE CASCADE,
  owner_id uuid CONSTRAINT food_portions_owner_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  position integer NOT NULL CONSTRAINT food_portions_position_check CHECK (position BETWEEN 0 AND 1000),
  name text NOT NULL CONSTRAINT food_portions_name_check CHECK (length(name) BETWEEN 1 AND 100),
  amount numeric(12, 6) NOT NULL CONSTRAINT food_portions_amount_check CHECK (amount BETWEEN 0.000001 AND 100000),
  unit text NOT NULL CONSTRAINT food_portions_unit_check CHECK (length(unit) BETWEEN 1 AND 50),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT food_portions_pkey PRIMARY KEY (food_item_id, position)
);
CREATE UNIQUE INDEX food_portions_name_key ON food_portions (food_item_id, lower(name));
CREATE INDEX food_portions_owner_id_idx ON food_portions (owner_id);
SELECT auth.protect_catalogue('food_portions', 'food_list', ARRAY['food_item_id']);

-- A child may only be written beside a food of the same owner: foreign keys alone would accept another's.
CREATE POLICY own_food ON nutrition_data AS RESTRICTIVE FOR INSERT TO hale_app
  WITH CHECK (EXISTS (SELECT FROM food_items f WHERE f.id = food_item_id AND f.owner_id = (SELECT auth.uid())));
CREATE POLICY own_food ON food_portions AS RESTRICTIVE FOR INSERT TO hale_app
  WITH CHECK (EXISTS (SELECT FROM food_items f WHERE f.id = food_item_id AND f.owner_id = (SELECT auth.uid())));

GRANT SELECT (id, owner_id, name, search_text, deleted_at) ON food_items TO hale_search;
CREATE POLICY search_read ON food_items FOR SELECT TO hale_search USING (true);

-- Foods whose name or brand holds every word of `query`: ids and ranks, best first. Spelling mistakes are forgiven, and what is
-- spelt right ranks first, unless there are plenty of foods that hold the words as typed: then it is those alone, since
-- comparing tens of thousands of names letter by letter takes a second.
-- Under row level security a trigram operator may not use its index; here it may, so this function holds the predicate
-- of who sees what, and the rows are read under the policies afterwards.
CREATE FUNCTION search.foods(query text, page_size integer, after_rank numeric, after_id uuid) RETURNS TABLE (id uuid, rank numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  viewer uuid := auth.uid();
  words text[] := array_remove(string_to_array(search.fold(query), ' '), '');
  grantors uuid[] := ARRAY(SELECT a.grantor_user_id FROM family_access a WHERE a.grantee_user_id = viewer AND a.access_type = 'food_list'
                           AND a.status = 'active' AND (a.expires_at IS NULL OR a.expires_at > statement_timestamp()));
  visible constant text := 'f.deleted_at IS NULL AND (f.owner_id IS NULL OR f.owner_id = $1 OR f.owner_id = ANY ($2))';
  matches text;
  likeness text;
  enough boolean;
BEGIN
  IF viewer IS NULL OR words = '{}' THEN
    RETURN;
  END IF;
  -- The conditions are spelt out word by word, since only so the index looks for all words at once.
  SELECT string_agg(format('f.search_text LIKE %L', CASE WHEN length(word) < 3 THEN '% ' ELSE '%' END || word || '%'), ' AND '),
         string_agg(format('CASE WHEN f.search_text LIKE %L THEN 2 WHEN f.search_text LIKE %L THEN 1.5 ELSE 1 END',
                           '% ' || word || ' %', '% ' || word || '%'), ' + ')
    INTO matches, likeness FROM unnest(words) word;
  EXECUTE format('SELECT count(*) = 100 FROM (SELECT FROM food_items f WHERE %s AND %s LIMIT 100) found', matches, visible)
    INTO enough USING viewer, grantors;
  IF NOT enough THEN
    PERFORM set_config('pg_trgm.word_similarity_threshold', '0.5', true);
    SELECT string_agg(format('%L <%% f.search_text', word), ' AND '),
           string_agg(format('2 * strict_word_similarity(%L, f.search_text)', word), ' + ')
      INTO matches, likeness FROM unnest(words) word;
  END IF;
  RETURN QUERY EXECUTE format('
    SELECT found.id, found.rank FROM (
      SELECT f.id, round(((%s) / %s)::numeric
          + CASE WHEN starts_with(f.search_text, %L) THEN 0.5 ELSE 0 END
          + CASE WHEN f.owner_id = $1 THEN 0.3 WHEN f.owner_id IS NOT NULL THEN 0.2 ELSE 0 END
          - least(length(f.search_text), 200) * 0.005, 6) AS rank
      FROM food_items f WHERE %s AND %s
    ) found
    WHERE $3 IS NULL OR (found.rank, found.id) < ($3, $4)
    ORDER BY found.rank DESC, found.id DESC
    LIMIT $5', likeness, cardinality(words), ' ' || words[1], matches, visible)
    USING viewer, grantors, after_rank, after_id, page_size;
END $$;
ALTER FUNCTION search.foods(text, integer, numeric, uuid) OWNER TO hale_search;
REVOKE EXECUTE ON FUNCTION search.foods(text, integer, numeric, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search.foods(text, integer, numeric, uuid) TO hale_app;
