-- Meal plan templates and the history of AI chats: their owner's alone.

CREATE TABLE meal_plan_templates (
  user_id uuid NOT NULL CONSTRAINT meal_plan_templates_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL CONSTRAINT meal_plan_templates_name_check CHECK (length(name) BETWEEN 1 AND 255),
  description text CONSTRAINT meal_plan_templates_description_check CHECK (length(description) BETWEEN 1 AND 10000),
  target_calories numeric(12, 3) CONSTRAINT meal_plan_templates_target_calories_check CHECK (target_calories BETWEEN 0 AND 100000),
  is_active boolean NOT NULL DEFAULT true,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT meal_plan_templates_pkey PRIMARY KEY (user_id, id)
);
SELECT auth.protect('meal_plan_templates');

CREATE TABLE chat_history (
  user_id uuid NOT NULL CONSTRAINT chat_history_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  message text NOT NULL CONSTRAINT chat_history_message_check CHECK (length(message) BETWEEN 1 AND 20000),
  response text NOT NULL CONSTRAINT chat_history_response_check CHECK (length(response) <= 100000),
  ai_provider text CONSTRAINT chat_history_ai_provider_check CHECK (length(ai_provider) BETWEEN 1 AND 50),
  model_used text CONSTRAINT chat_history_model_used_check CHECK (length(model_used) BETWEEN 1 AND 100),
  tokens_used integer CONSTRAINT chat_history_tokens_used_check CHECK (tokens_used BETWEEN 0 AND 100000000),
  response_time_ms integer CONSTRAINT chat_history_response_time_ms_check CHECK (response_time_ms BETWEEN 0 AND 100000000),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chat_history_pkey PRIMARY KEY (user_id, id)
);
CREATE INDEX chat_history_created_at_idx ON chat_history (user_id, created_at DESC);
SELECT auth.protect('chat_history');
