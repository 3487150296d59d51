-- Days that a person has logged in full. On such a day nothing logged is nothing eaten.

CREATE TABLE completed_days (
  user_id uuid NOT NULL CONSTRAINT completed_days_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  consumed_on date NOT NULL CONSTRAINT completed_days_consumed_on_check CHECK (consumed_on BETWEEN '1900-01-01' AND '2100-12-31'),
  completed_at timestamptz NOT NULL CONSTRAINT completed_days_completed_at_check CHECK (completed_at BETWEEN '2000-01-01' AND '2101-01-02'),
  created_by uuid DEFAULT auth.uid() CONSTRAINT completed_days_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT completed_days_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT completed_days_day_key UNIQUE (user_id, consumed_on)
);
COMMENT ON COLUMN completed_days.completed_at IS 'when the person said so; entries that are added later leave it';
CREATE INDEX completed_days_created_by_idx ON completed_days (created_by);
SELECT auth.protect('completed_days', 'calorie', ARRAY['consumed_on']);
SELECT auth.announce('completed_days', '{calorie,reports}');

GRANT SELECT ON completed_days TO hale_reports;
CREATE POLICY report_own ON completed_days FOR SELECT TO hale_reports USING (user_id = (SELECT auth.uid()));
DO $$
DECLARE
  access_type text;
BEGIN
  FOREACH access_type IN ARRAY ARRAY['calorie', 'reports'] LOOP
    EXECUTE format('CREATE POLICY %I ON completed_days FOR SELECT TO hale_reports USING (user_id = ANY (%s))', 'report_' || access_type, auth.grantors(access_type, false));
  END LOOP;
END $$;

-- One row for each day on which something was eaten, or that was logged in full: then without an entry too.
DROP FUNCTION reports.nutrition_days(uuid, date, date);
CREATE FUNCTION reports.nutrition_days(person uuid, first_day date, last_day date)
RETURNS TABLE (day date, calories numeric, protein numeric, carbohydrates numeric, fat numeric, fiber numeric, sugar numeric, sodium numeric, unknown text[],
               complete boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT coalesce(d.consumed_on, c.consumed_on), coalesce(d.calories, 0), coalesce(d.protein, 0), coalesce(d.carbohydrates, 0), coalesce(d.fat, 0),
    coalesce(d.fiber, 0), coalesce(d.sugar, 0), coalesce(d.sodium, 0), coalesce(d.unknown, '{}'), c.consumed_on IS NOT NULL
  FROM (
    SELECT e.consumed_on, sum(e.calories) AS calories, sum(e.protein) AS protein, sum(e.carbohydrates) AS carbohydrates, sum(e.fat) AS fat,
      sum(e.fiber) AS fiber, sum(e.sugar) AS sugar, sum(e.sodium) AS sodium,
      array_remove(ARRAY[
        CASE WHEN bool_or(e.calories IS NULL) THEN 'calories' END, CASE WHEN bool_or(e.protein IS NULL) THEN 'protein' END,
        CASE WHEN bool_or(e.carbohydrates IS NULL) THEN 'carbohydrates' END, CASE WHEN bool_or(e.fat IS NULL) THEN 'fat' END,
        CASE WHEN bool_or(e.fiber IS NULL) THEN 'fiber' END, CASE WHEN bool_or(e.sugar IS NULL) THEN 'sugar' END,
        CASE WHEN bool_or(e.sodium IS NULL) THEN 'sodium' END], NULL) AS unknown
    FROM food_diary e
    WHERE e.user_id = person AND e.consumed_on BETWEEN first_day AND last_day AND e.deleted_at IS NULL AND e.status = 'eaten'
    GROUP BY e.consumed_on) d
  FULL JOIN (SELECT k.consumed_on FROM completed_days k WHERE k.user_id = person AND k.consumed_on BETWEEN first_day AND last_day) c
    ON c.consumed_on = d.consumed_on
  ORDER BY 1
$$;
ALTER FUNCTION reports.nutrition_days(uuid, date, date) OWNER TO hale_reports;
REVOKE EXECUTE ON FUNCTION reports.nutrition_days(uuid, date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reports.nutrition_days(uuid, date, date) TO hale_app;
