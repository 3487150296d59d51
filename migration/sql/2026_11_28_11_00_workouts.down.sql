SET CONSTRAINTS ALL IMMEDIATE;
DROP TRIGGER written ON exercise_sets;
DROP TRIGGER erased ON exercise_sets;
DROP TRIGGER written ON exercise_diary;
DROP TRIGGER erased ON exercise_diary;
DROP FUNCTION auth.exercise_diary_document(uuid, uuid), auth.workouts_document(uuid, uuid);
DROP INDEX exercise_diary_exercise_idx;
ALTER TABLE exercise_sets DROP load_kind, DROP per_hand, DROP duration_seconds, DROP distance, DROP distance_unit, DROP distance_m, DROP rest_seconds,
  DROP rpe, DROP rir, DROP notes;
ALTER TABLE exercise_diary DROP average_heart_rate, DROP max_heart_rate, DROP body_load_kg, DROP workout_id, DROP workout_position, DROP superset_group;
ALTER TABLE exercises DROP body_weight_fraction;
DROP TABLE workouts;
DELETE FROM sync_changes WHERE collection = 'workouts';
DELETE FROM sync_rows WHERE collection = 'workouts';
UPDATE sync_spaces SET digests = digests - 'workouts' WHERE digests ? 'workouts';
SELECT auth.log_writes('exercise_sets', 'exercise_diary', 'user_id', 'exercise_entry_id', '{position,kind,reps,weight,weight_unit}');
SELECT auth.sync('exercise_diary', '{
  "exercise": ["exercise_id", "exercise_name"],
  "energy": ["duration_minutes", "calories_burned", "calories_source"],
  "distance": ["distance", "distance_unit", "distance_m"],
  "notes": ["notes"],
  "moment": ["performed_at", "time_zone", "performed_on"]}', '''calorie''', '{exercise_id}', '{"sets": {"sets":
    "(SELECT coalesce(jsonb_agg(jsonb_build_object(''kind'', e.kind, ''reps'', e.reps, ''weight'', trim_scale(e.weight)::text, ''weight_unit'', e.weight_unit) ORDER BY e.position), ''[]'') FROM public.exercise_sets e WHERE e.user_id = s.user_id AND e.exercise_entry_id = s.id)"}}');
