ALTER TABLE nutrition_data DROP COLUMN basis, DROP COLUMN licence, DROP COLUMN fetched_at, DROP COLUMN carbohydrate_basis;
DELETE FROM nutrients WHERE headline IS NOT NULL OR code IN ('FAPUN3', 'F18D3N3', 'F20D5N3', 'F22D6N3', 'FAPUN6', 'FRUS', 'GLUS', 'SUCS', 'LACS',
  'POLYL', 'ERYTHL', 'FIBSOL', 'FIBINS', 'OA', 'CLD', 'FD', 'CR', 'MO', 'NIAEQ', 'HISTN', 'ILE', 'LEU', 'LYS', 'MET', 'PHE', 'THR', 'TRP', 'VAL');
ALTER TABLE nutrients
  DROP CONSTRAINT nutrients_unit_check,
  ADD CONSTRAINT nutrients_unit_check CHECK (unit IN ('g', 'mg', 'ug')),
  DROP COLUMN position, DROP COLUMN category, DROP COLUMN headline, DROP COLUMN fda_daily_value, DROP COLUMN eu_daily_value;
