DROP TABLE chat_history, meal_plan_templates;
