-- What bench/sync.mjs pushes at a time, written by hand: 10 rows, the counter moved by their 50 cells, 10 lines of the log. Without policies,
-- merging, rules, derived columns, clocks of groups, or anybody to be told of it.
\set n random(1, :people)
BEGIN;
INSERT INTO raw.measurements (user_id, id, type, value, unit, measured_at, time_zone)
  SELECT p.id, gen_random_uuid(), 'weight', 80.5, 'kg', now(), 'UTC' FROM raw.people p, generate_series(1, 10) WHERE p.n = :n;
UPDATE raw.spaces s SET head = head + 50 FROM raw.people p WHERE p.n = :n AND s.user_id = p.id;
INSERT INTO raw.changes (user_id, number, collection, id, cells, client)
  SELECT s.user_id, s.head - 50 + 5 * i, 'measurements', gen_random_uuid(),
    '{"type" : ["weight", "001764259200000-00001-phone"], "value" : ["80.5", "001764259200000-00001-phone"], "unit" : ["kg", "001764259200000-00001-phone"], "measured_at" : ["2026-11-27T16-00-00.000000Z", "001764259200000-00001-phone"], "time_zone" : ["UTC", "001764259200000-00001-phone"]}',
    'phone'
  FROM raw.people p JOIN raw.spaces s ON s.user_id = p.id, generate_series(1, 10) i WHERE p.n = :n;
COMMIT;
