DROP TABLE planned_meals, meal_plan_template_items;
DROP INDEX meal_plan_templates_time_idx;
ALTER TABLE meal_plan_templates DROP COLUMN days, DROP COLUMN created_from;
