-- When a person fasts.

CREATE TABLE fasts (
  user_id uuid NOT NULL CONSTRAINT fasts_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  started_at timestamptz NOT NULL CONSTRAINT fasts_started_at_check CHECK (started_at BETWEEN '1899-12-30' AND '2101-01-02'),
  ended_at timestamptz CONSTRAINT fasts_ended_at_check CHECK (ended_at BETWEEN '1899-12-30' AND '2101-01-02'),
  ended_on date CONSTRAINT fasts_ended_on_check CHECK (ended_on BETWEEN '1900-01-01' AND '2100-12-31'),
  time_zone text NOT NULL CONSTRAINT fasts_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64),
  planned_minutes integer CONSTRAINT fasts_planned_minutes_check CHECK (planned_minutes BETWEEN 1 AND 43200),
  note text CONSTRAINT fasts_note_check CHECK (length(note) BETWEEN 1 AND 1000),
  created_from bytea CONSTRAINT fasts_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT fasts_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT fasts_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT fasts_length_check CHECK (ended_at > started_at AND ended_at <= started_at + interval '60 days'),
  CONSTRAINT fasts_day_check CHECK ((ended_at IS NULL) = (ended_on IS NULL)),
  -- One that runs has no end.
  CONSTRAINT fasts_overlap_check EXCLUDE USING gist (user_id WITH =, tstzrange(started_at, ended_at) WITH &&) WHERE (deleted_at IS NULL)
);
COMMENT ON COLUMN fasts.ended_on IS 'the person''s day of the end, fixed when it was written';
COMMENT ON COLUMN fasts.planned_minutes IS 'how long it was to be';
CREATE UNIQUE INDEX fasts_running_key ON fasts (user_id) WHERE ended_at IS NULL AND deleted_at IS NULL;
CREATE INDEX fasts_time_idx ON fasts (user_id, started_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX fasts_created_by_idx ON fasts (created_by);
SELECT auth.protect('fasts', 'checkin');
SELECT auth.announce('fasts', '{checkin}');
SELECT auth.sync('fasts', '{
  "times": ["started_at", "ended_at", "time_zone", "ended_on"], "plan": ["planned_minutes"], "note": ["note"]}', '''checkin''');
