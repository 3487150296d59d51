DROP TABLE energy_records;
-- What is told of the change is told before the table is altered.
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE exercise_diary SET calories_burned = NULL, calories_source = NULL WHERE calories_source = 'heart_rate';
ALTER TABLE exercise_diary
  DROP calories_basis,
  DROP CONSTRAINT exercise_diary_calories_source_check,
  ADD CONSTRAINT exercise_diary_calories_source_check CHECK (calories_source IN ('device', 'met'));
