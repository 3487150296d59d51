-- What a search costs PostgreSQL: ids in the order of their rank, then their rows.
\set word random(1, :words)
BEGIN READ ONLY;
SELECT auth.enter(:person, :session, now());
WITH familiar /* of search.foods: the first line names a command to pgbench */ AS (
  SELECT f.food_item_id AS id, count(*)::int AS uses FROM food_diary f
  WHERE f.user_id = :person AND f.deleted_at IS NULL AND f.status = 'eaten' AND f.food_item_id IS NOT NULL AND f.consumed_on > current_date - 92 AND f.consumed_at > now() - interval '90 days'
  GROUP BY f.food_item_id ORDER BY count(*) DESC, f.food_item_id LIMIT 200)
SELECT array_agg(id) AS ids FROM search.foods((:searches::text[])[:word], NULL, '{own,family,catalogue}', NULL, false, NULL,
  ARRAY(SELECT id FROM familiar), ARRAY(SELECT uses FROM familiar), 21, NULL, NULL) \gset
SELECT f.*, n.*, coalesce((SELECT jsonb_agg(jsonb_build_object('name', p.name, 'amount', p.amount::text, 'unit', p.unit) ORDER BY p.position)
  FROM food_portions p WHERE p.food_item_id = f.id), '[]') FROM food_items f JOIN nutrition_data n ON n.food_item_id = f.id
  WHERE f.id = ANY (:ids) AND n.nutrition_version = f.nutrition_version AND f.deleted_at IS NULL;
ROLLBACK;
