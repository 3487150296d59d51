ALTER TABLE workouts DROP template_id, DROP programme_id, DROP programme_day;
DROP TABLE active_programmes;
DROP TABLE training_programmes;
DROP TABLE workout_templates;
