-- The catalogue of nutrients in full, with what a day should have of each; and where what is said of a food comes from.

ALTER TABLE nutrients
  ADD COLUMN position integer NOT NULL DEFAULT 1000 CONSTRAINT nutrients_position_check CHECK (position BETWEEN 1 AND 1000),
  ADD COLUMN category text NOT NULL DEFAULT 'other'
    CONSTRAINT nutrients_category_check CHECK (category IN ('macronutrient', 'vitamin', 'mineral', 'amino acid', 'other')),
  ADD COLUMN headline text CONSTRAINT nutrients_headline_check
    CHECK (headline IN ('calories', 'protein', 'carbohydrates', 'fat', 'fiber', 'sugar', 'sodium')),
  ADD COLUMN fda_daily_value numeric(12, 6) CONSTRAINT nutrients_fda_daily_value_check CHECK (fda_daily_value BETWEEN 0.000001 AND 100000),
  ADD COLUMN eu_daily_value numeric(12, 6) CONSTRAINT nutrients_eu_daily_value_check CHECK (eu_daily_value BETWEEN 0.000001 AND 100000),
  DROP CONSTRAINT nutrients_unit_check,
  ADD CONSTRAINT nutrients_unit_check CHECK (unit IN ('kcal', 'g', 'mg', 'ug')),
  ADD CONSTRAINT nutrients_headline_key UNIQUE (headline);
COMMENT ON COLUMN nutrients.position IS 'order of display, about that of a label';
COMMENT ON COLUMN nutrients.headline IS 'the column of nutrition_data that holds it; NULL for those that its column nutrients holds by code';
COMMENT ON COLUMN nutrients.fda_daily_value IS '21 CFR 101.9(c)(8)(iv) and (9), for adults and children of 4 and more; NULL where there is none';
COMMENT ON COLUMN nutrients.eu_daily_value IS 'Regulation (EU) 1169/2011, Annex XIII; NULL where there is none';

-- Of several forms of one vitamin those have the value that labels state: folate as DFE in the USA and as such in the EU, niacin in equivalents.
INSERT INTO nutrients (position, code, name, unit, category, headline, fda_daily_value, eu_daily_value)
SELECT row_number() OVER (), v.* FROM (VALUES
  ('ENERC_KCAL', 'Energy', 'kcal', 'macronutrient', 'calories', NULL::numeric, 2000::numeric),
  ('FAT', 'Fat', 'g', 'macronutrient', 'fat', 78, 70),
  ('FASAT', 'Saturated fat', 'g', 'macronutrient', NULL, 20, 20),
  ('FATRN', 'Trans fat', 'g', 'macronutrient', NULL, NULL, NULL),
  ('FAMS', 'Monounsaturated fat', 'g', 'macronutrient', NULL, NULL, NULL),
  ('FAPU', 'Polyunsaturated fat', 'g', 'macronutrient', NULL, NULL, NULL),
  ('FAPUN3', 'Omega-3 fatty acids', 'g', 'macronutrient', NULL, NULL, NULL),
  ('F18D3N3', 'Alpha-linolenic acid (ALA)', 'g', 'macronutrient', NULL, NULL, NULL),
  ('F20D5N3', 'Eicosapentaenoic acid (EPA)', 'g', 'macronutrient', NULL, NULL, NULL),
  ('F22D6N3', 'Docosahexaenoic acid (DHA)', 'g', 'macronutrient', NULL, NULL, NULL),
  ('FAPUN6', 'Omega-6 fatty acids', 'g', 'macronutrient', NULL, NULL, NULL),
  ('CHOLE', 'Cholesterol', 'mg', 'other', NULL, 300, NULL),
  ('CHOCDF', 'Carbohydrates', 'g', 'macronutrient', 'carbohydrates', 275, 260),
  ('SUGAR', 'Sugars', 'g', 'macronutrient', 'sugar', NULL, 90),
  ('SUGAD', 'Added sugars', 'g', 'macronutrient', NULL, 50, NULL),
  ('FRUS', 'Fructose', 'g', 'macronutrient', NULL, NULL, NULL),
  ('GLUS', 'Glucose', 'g', 'macronutrient', NULL, NULL, NULL),
  ('SUCS', 'Sucrose', 'g', 'macronutrient', NULL, NULL, NULL),
  ('LACS', 'Lactose', 'g', 'macronutrient', NULL, NULL, NULL),
  ('STARCH', 'Starch', 'g', 'macronutrient', NULL, NULL, NULL),
  ('POLYL', 'Polyols', 'g', 'macronutrient', NULL, NULL, NULL),
  ('ERYTHL', 'Erythritol', 'g', 'macronutrient', NULL, NULL, NULL),
  ('FIBTG', 'Fibre', 'g', 'macronutrient', 'fiber', 28, NULL),
  ('FIBSOL', 'Soluble fibre', 'g', 'macronutrient', NULL, NULL, NULL),
  ('FIBINS', 'Insoluble fibre', 'g', 'macronutrient', NULL, NULL, NULL),
  ('PROCNT', 'Protein', 'g', 'macronutrient', 'protein', 50, 50),
  ('ALC', 'Alcohol', 'g', 'macronutrient', NULL, NULL, NULL),
  ('OA', 'Organic acids', 'g', 'macronutrient', NULL, NULL, NULL),
  ('WATER', 'Water', 'g', 'other', NULL, NULL, NULL),
  ('ASH', 'Ash', 'g', 'other', NULL, NULL, NULL),
  ('CAFFN', 'Caffeine', 'mg', 'other', NULL, NULL, NULL),
  ('NA', 'Sodium', 'mg', 'mineral', 'sodium', 2300, 2400),
  ('K', 'Potassium', 'mg', 'mineral', NULL, 4700, 2000),
  ('CLD', 'Chloride', 'mg', 'mineral', NULL, 2300, 800),
  ('CA', 'Calcium', 'mg', 'mineral', NULL, 1300, 800),
  ('P', 'Phosphorus', 'mg', 'mineral', NULL, 1250, 700),
  ('MG', 'Magnesium', 'mg', 'mineral', NULL, 420, 375),
  ('FE', 'Iron', 'mg', 'mineral', NULL, 18, 14),
  ('ZN', 'Zinc', 'mg', 'mineral', NULL, 11, 10),
  ('CU', 'Copper', 'mg', 'mineral', NULL, 0.9, 1),
  ('MN', 'Manganese', 'mg', 'mineral', NULL, 2.3, 2),
  ('FD', 'Fluoride', 'mg', 'mineral', NULL, NULL, 3.5),
  ('SE', 'Selenium', 'ug', 'mineral', NULL, 55, 55),
  ('CR', 'Chromium', 'ug', 'mineral', NULL, 35, 40),
  ('MO', 'Molybdenum', 'ug', 'mineral', NULL, 45, 50),
  ('ID', 'Iodine', 'ug', 'mineral', NULL, 150, 150),
  ('VITA_RAE', 'Vitamin A, RAE', 'ug', 'vitamin', NULL, 900, 800),
  ('RETOL', 'Retinol', 'ug', 'vitamin', NULL, NULL, NULL),
  ('CARTA', 'Carotene, alpha', 'ug', 'vitamin', NULL, NULL, NULL),
  ('CARTB', 'Carotene, beta', 'ug', 'vitamin', NULL, NULL, NULL),
  ('CRYPX', 'Cryptoxanthin, beta', 'ug', 'vitamin', NULL, NULL, NULL),
  ('LYCPN', 'Lycopene', 'ug', 'vitamin', NULL, NULL, NULL),
  ('LUT_ZEA', 'Lutein and zeaxanthin', 'ug', 'vitamin', NULL, NULL, NULL),
  ('VITC', 'Vitamin C', 'mg', 'vitamin', NULL, 90, 80),
  ('VITD', 'Vitamin D', 'ug', 'vitamin', NULL, 20, 5),
  ('VITE', 'Vitamin E', 'mg', 'vitamin', NULL, 15, 12),
  ('VITK', 'Vitamin K', 'ug', 'vitamin', NULL, 120, 75),
  ('THIA', 'Thiamin', 'mg', 'vitamin', NULL, 1.2, 1.1),
  ('RIBF', 'Riboflavin', 'mg', 'vitamin', NULL, 1.3, 1.4),
  ('NIA', 'Niacin', 'mg', 'vitamin', NULL, 16, 16),
  ('NIAEQ', 'Niacin equivalents', 'mg', 'vitamin', NULL, 16, 16),
  ('PANTAC', 'Pantothenic acid', 'mg', 'vitamin', NULL, 5, 6),
  ('VITB6A', 'Vitamin B6', 'mg', 'vitamin', NULL, 1.7, 1.4),
  ('BIOT', 'Biotin', 'ug', 'vitamin', NULL, 30, 50),
  ('FOLDFE', 'Folate, DFE', 'ug', 'vitamin', NULL, 400, NULL),
  ('FOL', 'Folate, total', 'ug', 'vitamin', NULL, NULL, 200),
  ('FOLAC', 'Folic acid', 'ug', 'vitamin', NULL, NULL, NULL),
  ('FOLFD', 'Folate, food', 'ug', 'vitamin', NULL, NULL, NULL),
  ('VITB12', 'Vitamin B12', 'ug', 'vitamin', NULL, 2.4, 2.5),
  ('CHOLN', 'Choline', 'mg', 'vitamin', NULL, 550, NULL),
  ('HISTN', 'Histidine', 'g', 'amino acid', NULL, NULL, NULL),
  ('ILE', 'Isoleucine', 'g', 'amino acid', NULL, NULL, NULL),
  ('LEU', 'Leucine', 'g', 'amino acid', NULL, NULL, NULL),
  ('LYS', 'Lysine', 'g', 'amino acid', NULL, NULL, NULL),
  ('MET', 'Methionine', 'g', 'amino acid', NULL, NULL, NULL),
  ('PHE', 'Phenylalanine', 'g', 'amino acid', NULL, NULL, NULL),
  ('THR', 'Threonine', 'g', 'amino acid', NULL, NULL, NULL),
  ('TRP', 'Tryptophan', 'g', 'amino acid', NULL, NULL, NULL),
  ('VAL', 'Valine', 'g', 'amino acid', NULL, NULL, NULL)
) AS v (code, name, unit, category, headline, fda_daily_value, eu_daily_value)
ON CONFLICT (code) DO UPDATE SET position = excluded.position, category = excluded.category,
  fda_daily_value = excluded.fda_daily_value, eu_daily_value = excluded.eu_daily_value;

ALTER TABLE nutrition_data
  ADD COLUMN basis text NOT NULL DEFAULT 'user' CONSTRAINT nutrition_data_basis_check CHECK (basis IN ('analysed', 'label', 'estimated', 'user')),
  ADD COLUMN licence text CONSTRAINT nutrition_data_licence_check CHECK (length(licence) BETWEEN 1 AND 100),
  ADD COLUMN fetched_at timestamptz,
  ADD COLUMN carbohydrate_basis text
    CONSTRAINT nutrition_data_carbohydrate_basis_check CHECK (carbohydrate_basis IN ('total', 'available'));
COMMENT ON COLUMN nutrition_data.basis IS 'how the amounts came to be known: analysed in a laboratory, printed on a label, estimated, or what a person typed';
COMMENT ON COLUMN nutrition_data.licence IS 'the terms of the source, an SPDX identifier where there is one';
COMMENT ON COLUMN nutrition_data.fetched_at IS 'when this version was taken over from the source; NULL for what somebody typed';
COMMENT ON COLUMN nutrition_data.carbohydrate_basis IS 'whether carbohydrates include fibre (total, by difference: USA) or not (available: EU); NULL when nobody said';
GRANT INSERT (basis, licence, fetched_at, carbohydrate_basis), UPDATE (basis, licence, fetched_at, carbohydrate_basis) ON nutrition_data TO hale_app;

-- What the catalogues say of what is stored already, so that importing a file again finds it unchanged.
UPDATE nutrition_data n SET carbohydrate_basis = 'total', fetched_at = n.created_at,
    basis = CASE WHEN f.source = 'hale' THEN 'estimated' WHEN f.source = 'usda-fdc' AND f.brand IS NOT NULL THEN 'label' ELSE 'analysed' END,
    licence = CASE WHEN f.source = 'hale' THEN 'MIT OR Apache-2.0' ELSE 'CC0-1.0' END
  FROM food_items f WHERE f.id = n.food_item_id AND f.owner_id IS NULL AND f.source IN ('hale', 'usda-sr', 'usda-fdc');
