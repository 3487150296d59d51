-- What a search costs PostgreSQL: ids in the order of their rank, then their rows.
\set word random(1, :words)
BEGIN READ ONLY;
SELECT auth.enter(:person, :session, now());
SELECT array_agg(id) AS ids FROM search.foods((:searches::text[])[:word], 21, NULL, NULL) \gset
SELECT f.*, n.*, coalesce((SELECT jsonb_agg(jsonb_build_object('name', p.name, 'amount', p.amount::text, 'unit', p.unit) ORDER BY p.position)
  FROM food_portions p WHERE p.food_item_id = f.id), '[]') FROM food_items f JOIN nutrition_data n ON n.food_item_id = f.id
  WHERE f.id = ANY (:ids) AND n.nutrition_version = f.nutrition_version AND f.deleted_at IS NULL;
ROLLBACK;
