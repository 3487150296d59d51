-- Foods and recipes from others' servers: whom a person wants to be asked and with which keys, and the one way by which a food that a
-- provider states comes into the shared catalogue.

-- How a person wants a provider of foods to be asked. No row: as the operator has it, in the usual order.
CREATE TABLE food_provider_settings (
  user_id uuid NOT NULL CONSTRAINT food_provider_settings_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  provider text NOT NULL CONSTRAINT food_provider_settings_provider_check
    CHECK (provider IN ('open_food_facts', 'food_data_central', 'fat_secret')),
  enabled boolean NOT NULL DEFAULT true,
  position integer NOT NULL CONSTRAINT food_provider_settings_position_check CHECK (position BETWEEN 0 AND 100),
  credential text CONSTRAINT food_provider_settings_credential_check CHECK (length(credential) BETWEEN 1 AND 4000),
  hint text CONSTRAINT food_provider_settings_hint_check CHECK (length(hint) BETWEEN 1 AND 4),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT food_provider_settings_pkey PRIMARY KEY (user_id, provider)
);
COMMENT ON COLUMN food_provider_settings.credential IS 'the person''s own key, sealed for this person and provider';
COMMENT ON COLUMN food_provider_settings.hint IS 'how the key ends';
SELECT auth.protect('food_provider_settings', fixed => ARRAY['provider']);
SELECT auth.announce('food_provider_settings', '{own}');

-- A recipe server of a person's own, one of each kind.
CREATE TABLE recipe_servers (
  user_id uuid NOT NULL CONSTRAINT recipe_servers_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  kind text NOT NULL CONSTRAINT recipe_servers_kind_check CHECK (kind IN ('mealie', 'tandoor')),
  url text NOT NULL CONSTRAINT recipe_servers_url_check CHECK (length(url) BETWEEN 1 AND 500),
  token text NOT NULL CONSTRAINT recipe_servers_token_check CHECK (length(token) BETWEEN 1 AND 4000),
  hint text CONSTRAINT recipe_servers_hint_check CHECK (length(hint) BETWEEN 1 AND 4),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT recipe_servers_pkey PRIMARY KEY (user_id, kind)
);
COMMENT ON COLUMN recipe_servers.token IS 'sealed for this person and address';
COMMENT ON COLUMN recipe_servers.hint IS 'how the token ends';
SELECT auth.protect('recipe_servers', fixed => ARRAY['kind']);
SELECT auth.announce('recipe_servers', '{own}');

GRANT INSERT ON food_items, nutrition_data, food_portions TO hale_auth;
-- By which names are made ready to be searched, in a column that is computed.
GRANT EXECUTE ON FUNCTION search.fold(text) TO hale_auth;
CREATE POLICY adding_found ON food_items FOR INSERT TO hale_auth WITH CHECK (true);
CREATE POLICY adding_found ON nutrition_data FOR INSERT TO hale_auth WITH CHECK (true);
CREATE POLICY adding_found ON food_portions FOR INSERT TO hale_auth WITH CHECK (true);

-- Adds a food that a provider stated to the shared catalogue, unless one with its barcode or of its source and id is there; answers the id
-- of whichever it is. NULL for a code that a shop or a chain numbered itself, which means another food elsewhere, and for nobody. Two who
-- add one barcode at once wait for each other.
CREATE FUNCTION auth.add_catalogue_food(food jsonb) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  code text := food ->> 'barcode';
  origin text := food ->> 'source';
  origin_id text := food ->> 'source_id';
  known uuid;
BEGIN
  IF auth.uid() IS NULL OR origin NOT IN ('open-food-facts', 'usda-fdc', 'fatsecret') OR origin_id IS NULL
      OR code ~ '^(000000[02]|.(2|02|04|97[789]))' THEN
    RETURN NULL;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('hale food ' || coalesce(code, origin || ' ' || origin_id), 0));
  SELECT f.id INTO known FROM food_items f WHERE f.owner_id IS NULL AND f.deleted_at IS NULL AND f.source = origin AND f.source_id = origin_id;
  IF known IS NULL AND code IS NOT NULL THEN
    SELECT f.id INTO known FROM food_items f WHERE f.owner_id IS NULL AND f.deleted_at IS NULL AND f.barcode = code ORDER BY f.id DESC LIMIT 1;
  END IF;
  IF known IS NOT NULL THEN
    RETURN known;
  END IF;
  INSERT INTO food_items (id, source, source_id, name, brand, barcode, allergens, traces)
    SELECT f.id, origin, origin_id, f.name, f.brand, code, f.allergens, f.traces
    FROM jsonb_to_record(food) AS f (id uuid, name text, brand text, allergens text[], traces text[])
    ON CONFLICT (source, source_id) WHERE owner_id IS NULL DO NOTHING RETURNING id INTO known;
  IF known IS NULL THEN
    -- Somebody added it without a barcode at this moment, or it was taken out of the catalogue: then it stays out.
    SELECT f.id INTO known FROM food_items f WHERE f.owner_id IS NULL AND f.deleted_at IS NULL AND f.source = origin AND f.source_id = origin_id;
    RETURN known;
  END IF;
  INSERT INTO nutrition_data (food_item_id, nutrition_version, serving_size, serving_unit, calories, protein, carbohydrates, fat, fiber, sugar,
      sodium, nutrients, basis, licence, fetched_at, carbohydrate_basis)
    SELECT known, 1, n.serving_size, n.serving_unit, n.calories, n.protein, n.carbohydrates, n.fat, n.fiber, n.sugar, n.sodium,
      n.nutrients, n.basis, n.licensed_by, n.fetched_at, n.carbohydrate_basis
    FROM jsonb_to_record(food) AS n (serving_size numeric, serving_unit text, calories numeric, protein numeric, carbohydrates numeric,
      fat numeric, fiber numeric, sugar numeric, sodium numeric, nutrients jsonb, basis text, licensed_by text, fetched_at timestamptz,
      carbohydrate_basis text);
  INSERT INTO food_portions (food_item_id, position, name, amount, unit)
    SELECT known, p.position - 1, p.name, p.amount, p.unit
    FROM ROWS FROM (jsonb_to_recordset(food -> 'portions') AS (name text, amount numeric, unit text)) WITH ORDINALITY AS p (name, amount, unit, position);
  RETURN known;
END $$;
ALTER FUNCTION auth.add_catalogue_food(jsonb) OWNER TO hale_auth;
REVOKE EXECUTE ON FUNCTION auth.add_catalogue_food(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.add_catalogue_food(jsonb) TO hale_app;
