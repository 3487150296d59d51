-- 200,000 foods of the catalogue and the diaries of some people, without the log of changes, which reading does not ask.
BEGIN;
ALTER TABLE food_diary DISABLE TRIGGER USER;
ALTER TABLE food_items DISABLE TRIGGER USER;
ALTER TABLE nutrition_data DISABLE TRIGGER USER;
CREATE TEMPORARY TABLE word ON COMMIT DROP AS
  SELECT row_number() OVER () - 1 AS n, word FROM unnest(string_to_array('rice tomato chicken beef pork salmon tuna yoghurt milk cheddar butter oat wheat rye barley lentil bean pea carrot potato onion garlic spinach kale broccoli cabbage apple banana orange lemon cherry grape mango peach pear plum almond walnut hazelnut cashew peanut chocolate vanilla caramel honey maple sugar salt pepper curry ginger cinnamon basil oregano parsley olive sunflower rapeseed coconut soy tofu tempeh egg noodle pasta pizza burger sandwich soup stew salad sauce dressing ketchup mustard mayonnaise pickle jam marmalade biscuit cookie cake muffin bread roll bagel cracker crisp popcorn cereal muesli granola juice tea coffee cocoa water lemonade beer wine', ' ')) word;
CREATE TEMPORARY TABLE adjective ON COMMIT DROP AS
  SELECT row_number() OVER () - 1 AS n, word FROM unnest(string_to_array('fresh frozen dried smoked roasted grilled baked boiled raw organic light creamy spicy sweet sour salted unsalted whole sliced chopped minced crunchy soft dark white red green golden classic original', ' ')) word;
CREATE TEMPORARY TABLE food ON COMMIT DROP AS
  SELECT food.n, ('00000000-0000-7000-9000-' || (100000000000 + food.n))::uuid AS id,
    initcap(a.word) || ' ' || one.word || ' ' || two.word AS name, 'Brand ' || food.n % 997 AS brand
  FROM generate_series(0, :foods - 1) food (n)
  JOIN adjective a ON a.n = food.n * 7 % (SELECT count(*) FROM adjective)
  JOIN word one ON one.n = (food.n / 3 * 31 + food.n % 89) % (SELECT count(*) FROM word)
  JOIN word two ON two.n = (food.n / 7 * 17 + food.n % 53) % (SELECT count(*) FROM word);
INSERT INTO food_items (id, name, brand, source, source_id) SELECT id, name, brand, 'bench', n::text FROM food;
INSERT INTO food_words (word) SELECT DISTINCT word FROM food_items, unnest(string_to_array(btrim(search_text), ' ')) word WHERE source = 'bench' AND word <> ''
  ON CONFLICT DO NOTHING;
INSERT INTO nutrition_data (food_item_id, nutrition_version, serving_size, serving_unit, calories, protein, carbohydrates, fat)
  SELECT id, 1, 100, 'g', n % 900, n % 40, n % 80, n % 60 FROM food;
CREATE TEMPORARY TABLE eater ON COMMIT DROP AS
  SELECT n, ('00000000-0000-7000-8000-' || (100000000000 + n))::uuid AS id FROM generate_series(0, :people - 1) n;
INSERT INTO users (id, email, password_hash) SELECT id, n || '@example.org', 'nobody signs in here' FROM eater;
-- Twelve entries on each of 90 days, and twenty on the day that is measured.
INSERT INTO food_diary (user_id, id, food_item_id, food_name, nutrition_version, quantity, unit, servings, calories, protein, carbohydrates, fat, meal_type, consumed_at, time_zone, consumed_on)
  SELECT eater.id, gen_random_uuid(), food.id, food.name, 1, 150, 'g', 1.5, 112.5, 3.9, 19.2, 2.1, (ARRAY['breakfast', 'lunch', 'dinner', 'snack'])[entry % 4 + 1],
         (day + interval '7 hours' + entry * interval '40 minutes') AT TIME ZONE 'UTC', 'UTC', day
  FROM (SELECT id, n FROM eater UNION ALL SELECT :'person'::uuid, -1) eater
  CROSS JOIN (SELECT :'day'::date - back AS day, back FROM generate_series(0, 90) back) days
  CROSS JOIN LATERAL generate_series(1, CASE WHEN back = 0 THEN 20 ELSE 12 END) entry
  JOIN food ON food.n = (eater.n + 1) * 37 + back * 12 + entry;
ALTER TABLE food_diary ENABLE TRIGGER USER;
ALTER TABLE food_items ENABLE TRIGGER USER;
ALTER TABLE nutrition_data ENABLE TRIGGER USER;
COMMIT;
VACUUM ANALYZE food_items, food_words, nutrition_data, food_portions, food_diary, users;
