-- What certain days are judged by. The four daily goals hold for every day; a target here says more: for which days, of which nutrients,
-- and whether an amount is aimed at, a least, a most or both. Nothing in it but its end ever changes, so that days that are over stay judged as they were.

CREATE TABLE nutrition_targets (
  user_id uuid NOT NULL CONSTRAINT nutrition_targets_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  days text NOT NULL CONSTRAINT nutrition_targets_days_check CHECK (days IN ('every_day', 'weekdays', 'training_days', 'date')),
  weekdays smallint[] CONSTRAINT nutrition_targets_weekdays_check CHECK (cardinality(weekdays) BETWEEN 1 AND 7 AND weekdays <@ '{1,2,3,4,5,6,7}'::smallint[]),
  valid_from date NOT NULL CONSTRAINT nutrition_targets_valid_from_check CHECK (valid_from BETWEEN '1900-01-01' AND '2100-12-31'),
  valid_to date CONSTRAINT nutrition_targets_valid_to_check CHECK (valid_to BETWEEN valid_from AND '2101-01-01'),
  aims jsonb NOT NULL CONSTRAINT nutrition_targets_aims_check CHECK (jsonb_typeof(aims) = 'object' AND length(aims::text) BETWEEN 2 AND 20000),
  protein_percent numeric(4, 1) CONSTRAINT nutrition_targets_protein_percent_check CHECK (protein_percent BETWEEN 0 AND 100),
  carbohydrates_percent numeric(4, 1) CONSTRAINT nutrition_targets_carbohydrates_percent_check CHECK (carbohydrates_percent BETWEEN 0 AND 100),
  fat_percent numeric(4, 1) CONSTRAINT nutrition_targets_fat_percent_check CHECK (fat_percent BETWEEN 0 AND 100),
  created_from bytea CONSTRAINT nutrition_targets_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT nutrition_targets_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT nutrition_targets_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT nutrition_targets_when_check CHECK (CASE days
    WHEN 'weekdays' THEN weekdays IS NOT NULL WHEN 'training_days' THEN true
    WHEN 'date' THEN weekdays IS NULL AND valid_to IS NOT NULL ELSE weekdays IS NULL END),
  CONSTRAINT nutrition_targets_percentages_check CHECK (num_nonnulls(protein_percent, carbohydrates_percent, fat_percent) = 0
    OR protein_percent + carbohydrates_percent + fat_percent = 100)
);
COMMENT ON COLUMN nutrition_targets.weekdays IS '1 = Monday to 7 = Sunday; of training days those on which training is planned';
COMMENT ON COLUMN nutrition_targets.valid_to IS 'the first day on which it is no longer in force';
COMMENT ON COLUMN nutrition_targets.aims IS 'by code of the nutrient: {"amount": "2000"}, {"minimum": "25"}, {"maximum": "2300"} or {"range": ["100", "150"]}';
CREATE INDEX nutrition_targets_validity_idx ON nutrition_targets (user_id, valid_from DESC, id DESC);
CREATE INDEX nutrition_targets_created_by_idx ON nutrition_targets (created_by);
SELECT auth.protect('nutrition_targets', 'calorie',
  ARRAY['days', 'weekdays', 'valid_from', 'aims', 'protein_percent', 'carbohydrates_percent', 'fat_percent', 'created_from']);
SELECT auth.announce('nutrition_targets', '{calorie,reports}');

-- A report judges days too, and whether one was a training day decides by what.
GRANT SELECT ON nutrition_targets, exercise_diary TO hale_reports;
DO $$
DECLARE
  judged regclass;
  access_type text;
BEGIN
  FOREACH judged IN ARRAY ARRAY['nutrition_targets', 'exercise_diary']::regclass[] LOOP
    EXECUTE format('CREATE POLICY report_own ON %s FOR SELECT TO hale_reports USING (user_id = (SELECT auth.uid()))', judged);
    FOREACH access_type IN ARRAY ARRAY['calorie', 'reports'] LOOP
      EXECUTE format('CREATE POLICY %I ON %s FOR SELECT TO hale_reports USING (user_id = ANY (%s))', 'report_' || access_type, judged, auth.grantors(access_type, false));
    END LOOP;
  END LOOP;
END $$;

-- What may judge some day of the range: daily goals, of which `type` says what they are about, and targets. With those for training
-- days come the days of the range on which there was training.
DROP FUNCTION reports.nutrition_targets(uuid, date, date);
CREATE FUNCTION reports.nutrition_targets(person uuid, first_day date, last_day date)
RETURNS TABLE (type text, target_value numeric, target_unit text, id uuid, days text, weekdays smallint[], aims jsonb,
  protein_percent numeric, carbohydrates_percent numeric, fat_percent numeric, trained_on date[], valid_from date, valid_to date, set_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT g.type, g.target_value, g.target_unit, g.id, 'every_day', NULL, NULL, NULL, NULL, NULL, NULL::date[], g.valid_from, g.valid_to, g.created_at
  FROM goals g
  WHERE g.user_id = person AND g.type IN ('calorie_target', 'protein_target', 'carbohydrate_target', 'fat_target')
    AND g.valid_from <= last_day AND (g.valid_to IS NULL OR g.valid_to > first_day)
    AND g.status <> 'paused' AND g.target_value IS NOT NULL AND g.deleted_at IS NULL
  UNION ALL
  SELECT NULL, NULL, NULL, t.id, t.days, t.weekdays, t.aims, t.protein_percent, t.carbohydrates_percent, t.fat_percent,
    CASE WHEN t.days = 'training_days' THEN ARRAY(SELECT e.performed_on FROM exercise_diary e
      WHERE e.user_id = person AND e.performed_on BETWEEN first_day AND last_day AND e.deleted_at IS NULL GROUP BY e.performed_on) END,
    t.valid_from, t.valid_to, t.created_at
  FROM nutrition_targets t
  WHERE t.user_id = person AND t.valid_from <= last_day AND (t.valid_to IS NULL OR t.valid_to > first_day)
$$;
ALTER FUNCTION reports.nutrition_targets(uuid, date, date) OWNER TO hale_reports;
REVOKE EXECUTE ON FUNCTION reports.nutrition_targets(uuid, date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reports.nutrition_targets(uuid, date, date) TO hale_app;
