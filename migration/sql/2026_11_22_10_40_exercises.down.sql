DROP TABLE exercise_sets, exercise_diary;
DROP FUNCTION search.exercises(text, text, text, integer, numeric, uuid);
DROP TABLE exercises;
