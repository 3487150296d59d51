-- The family rota: routines, and who has which night.

CREATE TABLE routines (
  household_id uuid NOT NULL CONSTRAINT routines_household_id_fkey REFERENCES households (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL CONSTRAINT routines_name_check CHECK (length(name) BETWEEN 1 AND 100),
  recurrence text NOT NULL DEFAULT 'every_day' CONSTRAINT routines_recurrence_check CHECK (recurrence IN ('every_day', 'weekdays', 'rrule')),
  weekdays smallint[] CONSTRAINT routines_weekdays_check CHECK (cardinality(weekdays) BETWEEN 1 AND 7 AND weekdays <@ '{1,2,3,4,5,6,7}'::smallint[]),
  rrule text CONSTRAINT routines_rrule_check CHECK (length(rrule) BETWEEN 1 AND 500),
  starts_on date NOT NULL CONSTRAINT routines_starts_on_check CHECK (starts_on BETWEEN '1900-01-01' AND '2100-12-31'),
  ends_on date CONSTRAINT routines_ends_on_check CHECK (ends_on BETWEEN '1900-01-01' AND '2100-12-31'),
  time_of_day time,
  duration_minutes integer CONSTRAINT routines_duration_minutes_check CHECK (duration_minutes BETWEEN 1 AND 1440),
  time_zone text NOT NULL CONSTRAINT routines_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64),
  day_starts_at time NOT NULL DEFAULT '00:00' CONSTRAINT routines_day_starts_at_check CHECK (day_starts_at BETWEEN '00:00' AND '12:00'),
  policy text NOT NULL DEFAULT 'ledger' CONSTRAINT routines_policy_check CHECK (policy IN ('ledger', 'night_routine')),
  effort integer NOT NULL DEFAULT 1 CONSTRAINT routines_effort_check CHECK (effort BETWEEN 1 AND 100),
  streak_limit integer DEFAULT 2 CONSTRAINT routines_streak_limit_check CHECK (streak_limit BETWEEN 1 AND 365),
  look_ahead_days integer NOT NULL DEFAULT 30 CONSTRAINT routines_look_ahead_days_check CHECK (look_ahead_days BETWEEN 1 AND 365),
  past_edit_days integer NOT NULL DEFAULT 5 CONSTRAINT routines_past_edit_days_check CHECK (past_edit_days BETWEEN 0 AND 30),
  created_from bytea CONSTRAINT routines_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT routines_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT routines_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT routines_when_check CHECK ((recurrence = 'weekdays') = (weekdays IS NOT NULL) AND (recurrence = 'rrule') = (rrule IS NOT NULL)),
  CONSTRAINT routines_duration_check CHECK (duration_minutes IS NULL OR time_of_day IS NOT NULL)
);
COMMENT ON COLUMN routines.effort IS 'how much work a turn is, relative to other routines'' turns';
COMMENT ON COLUMN routines.weekdays IS '1 = Monday to 7 = Sunday';
COMMENT ON COLUMN routines.time_of_day IS 'on the clock of time_zone; null for the whole day. Before day_starts_at it is in the night after the date';
COMMENT ON COLUMN routines.streak_limit IS 'how many turns in a row at most, if somebody else can; null for no limit';
COMMENT ON COLUMN routines.past_edit_days IS 'how many days back a turn may still be changed';
CREATE INDEX routines_created_by_idx ON routines (created_by);
SELECT auth.protect_household('routines');

-- Who has a turn: one per routine and date. It keeps the name, since whoever leaves stays in what was.
CREATE TABLE assignments (
  household_id uuid NOT NULL CONSTRAINT assignments_household_id_fkey REFERENCES households (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  routine_id uuid NOT NULL,
  date date NOT NULL CONSTRAINT assignments_date_check CHECK (date BETWEEN '1900-01-01' AND '2100-12-31'),
  starts_at timestamptz CONSTRAINT assignments_starts_at_check CHECK (starts_at BETWEEN '1899-12-30' AND '2101-01-02'),
  ends_at timestamptz CONSTRAINT assignments_ends_at_check CHECK (ends_at BETWEEN '1899-12-30' AND '2101-01-03'),
  member_id uuid,
  name text NOT NULL CONSTRAINT assignments_name_check CHECK (length(name) BETWEEN 1 AND 100),
  kind text NOT NULL DEFAULT 'member' CONSTRAINT assignments_kind_check CHECK (kind IN ('member', 'helper')),
  status text NOT NULL DEFAULT 'planned' CONSTRAINT assignments_status_check CHECK (status IN ('planned', 'done', 'skipped')),
  done_by uuid,
  done_at timestamptz CONSTRAINT assignments_done_at_check CHECK (done_at BETWEEN '2000-01-01' AND '2101-01-01'),
  pinned boolean NOT NULL DEFAULT false,
  reason text NOT NULL CONSTRAINT assignments_reason_check CHECK (length(reason) BETWEEN 1 AND 50),
  effort integer NOT NULL DEFAULT 1 CONSTRAINT assignments_effort_check CHECK (effort BETWEEN 1 AND 100),
  explanation jsonb CONSTRAINT assignments_explanation_check CHECK (length(explanation::text) <= 100000),
  cause text CONSTRAINT assignments_cause_check CHECK (cause ~ '^[a-z_]{1,30}$'),
  created_by uuid DEFAULT auth.uid() CONSTRAINT assignments_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT assignments_pkey PRIMARY KEY (household_id, id),
  CONSTRAINT assignments_date_key UNIQUE (household_id, routine_id, date),
  CONSTRAINT assignments_routine_fkey FOREIGN KEY (household_id, routine_id) REFERENCES routines (household_id, id) ON DELETE CASCADE,
  CONSTRAINT assignments_member_fkey FOREIGN KEY (household_id, member_id) REFERENCES household_members (household_id, id) ON DELETE SET NULL (member_id),
  CONSTRAINT assignments_done_by_fkey FOREIGN KEY (household_id, done_by) REFERENCES household_members (household_id, id) ON DELETE SET NULL (done_by),
  CONSTRAINT assignments_done_check CHECK ((status = 'done') = (done_at IS NOT NULL))
);
COMMENT ON COLUMN assignments.name IS 'who, by the name they had: of a member, or of a helper from outside who is none';
COMMENT ON COLUMN assignments.done_by IS 'the member who really did it; null when it was a helper who is no member';
COMMENT ON COLUMN assignments.pinned IS 'set by a person: no plan changes it until it is unlocked';
COMMENT ON COLUMN assignments.explanation IS 'what was known when it was decided: the candidates and why not the others';
COMMENT ON COLUMN assignments.cause IS 'why it last went from one person to another; null as long as it never did';
CREATE INDEX assignments_member_idx ON assignments (household_id, member_id, date);
CREATE INDEX assignments_done_by_idx ON assignments (household_id, done_by);
CREATE INDEX assignments_created_by_idx ON assignments (created_by);
SELECT auth.protect_household('assignments', 'members', ARRAY['routine_id', 'date']);
