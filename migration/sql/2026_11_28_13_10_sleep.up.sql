-- When a person slept, as they or their devices tell it, and in which stages.

-- Compares whose a row is within an exclusion constraint; of PostgreSQL's contrib package, as pg_trgm is, and trusted.
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

CREATE TABLE sleep_entries (
  user_id uuid NOT NULL CONSTRAINT sleep_entries_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  started_at timestamptz NOT NULL CONSTRAINT sleep_entries_started_at_check CHECK (started_at BETWEEN '1899-12-30' AND '2101-01-02'),
  ended_at timestamptz NOT NULL CONSTRAINT sleep_entries_ended_at_check CHECK (ended_at BETWEEN '1899-12-30' AND '2101-01-02'),
  time_zone text NOT NULL CONSTRAINT sleep_entries_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64),
  woke_on date NOT NULL CONSTRAINT sleep_entries_woke_on_check CHECK (woke_on BETWEEN '1900-01-01' AND '2100-12-31'),
  is_nap boolean NOT NULL DEFAULT false,
  asleep_minutes numeric(8, 3) CONSTRAINT sleep_entries_asleep_minutes_check CHECK (asleep_minutes BETWEEN 0 AND 1440),
  source text NOT NULL DEFAULT 'manual' CONSTRAINT sleep_entries_source_check CHECK (length(source) BETWEEN 1 AND 100),
  source_id text CONSTRAINT sleep_entries_source_id_check CHECK (length(source_id) BETWEEN 1 AND 200),
  told bytea CONSTRAINT sleep_entries_told_check CHECK (length(told) = 32),
  device_score numeric(5, 2) CONSTRAINT sleep_entries_device_score_check CHECK (device_score BETWEEN 0 AND 100),
  note text CONSTRAINT sleep_entries_note_check CHECK (length(note) BETWEEN 1 AND 1000),
  created_from bytea CONSTRAINT sleep_entries_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT sleep_entries_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sleep_entries_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT sleep_entries_length_check CHECK (ended_at > started_at AND ended_at <= started_at + interval '24 hours'),
  CONSTRAINT sleep_entries_overlap_check EXCLUDE USING gist (user_id WITH =, source WITH =, tstzrange(started_at, ended_at) WITH &&)
    WHERE (deleted_at IS NULL)
);
COMMENT ON COLUMN sleep_entries.started_at IS 'when they went to bed';
COMMENT ON COLUMN sleep_entries.ended_at IS 'when they got up';
COMMENT ON COLUMN sleep_entries.woke_on IS 'the date that clocks showed where they woke, whenever their day starts';
COMMENT ON COLUMN sleep_entries.asleep_minutes IS 'as told where there are no stages, which tell it otherwise';
COMMENT ON COLUMN sleep_entries.source IS 'manual, or the device or app that told it';
COMMENT ON COLUMN sleep_entries.source_id IS 'how the source calls it: told again, it is the same sleep';
COMMENT ON COLUMN sleep_entries.told IS 'SHA-256 of what the source told last: told once more, it changes nothing that the person changed since';
COMMENT ON COLUMN sleep_entries.device_score IS 'the score that the device gives; Hale''s own is computed';
CREATE UNIQUE INDEX sleep_entries_source_key ON sleep_entries (user_id, source, source_id) WHERE source_id IS NOT NULL;
CREATE INDEX sleep_entries_day_idx ON sleep_entries (user_id, woke_on) WHERE deleted_at IS NULL;
CREATE INDEX sleep_entries_created_by_idx ON sleep_entries (created_by);
SELECT auth.protect('sleep_entries', 'checkin', ARRAY['source', 'source_id']);
SELECT auth.announce('sleep_entries', '{checkin}');

CREATE TABLE sleep_stages (
  user_id uuid NOT NULL,
  sleep_entry_id uuid NOT NULL,
  position integer NOT NULL CONSTRAINT sleep_stages_position_check CHECK (position BETWEEN 0 AND 999),
  stage text NOT NULL CONSTRAINT sleep_stages_stage_check CHECK (stage IN ('awake', 'light', 'deep', 'rem', 'asleep')),
  started_at timestamptz NOT NULL CONSTRAINT sleep_stages_started_at_check CHECK (started_at BETWEEN '1899-12-30' AND '2101-01-02'),
  ended_at timestamptz NOT NULL CONSTRAINT sleep_stages_ended_at_check CHECK (ended_at BETWEEN '1899-12-30' AND '2101-01-02'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT sleep_stages_pkey PRIMARY KEY (user_id, sleep_entry_id, position),
  CONSTRAINT sleep_stages_entry_fkey FOREIGN KEY (user_id, sleep_entry_id) REFERENCES sleep_entries (user_id, id) ON DELETE CASCADE,
  CONSTRAINT sleep_stages_length_check CHECK (ended_at > started_at)
);
COMMENT ON COLUMN sleep_stages.position IS 'order: stages follow each other and lie within their sleep';
COMMENT ON COLUMN sleep_stages.stage IS 'asleep: in a stage that the source does not tell';
SELECT auth.protect('sleep_stages', 'checkin', ARRAY['sleep_entry_id']);
SELECT auth.announce('sleep_stages', '{checkin}');

SELECT auth.log_writes('sleep_stages', 'sleep_entries', 'user_id', 'sleep_entry_id', '{position,stage,started_at,ended_at}');
SELECT auth.sync('sleep_entries', '{
  "source": ["source", "source_id"],
  "times": ["started_at", "ended_at", "time_zone", "woke_on"],
  "nap": ["is_nap"], "asleep": ["asleep_minutes"], "device_score": ["device_score"], "note": ["note"]}', '''checkin''', '{}', '{"stages": {"stages":
    "(SELECT coalesce(jsonb_agg(jsonb_build_object(''stage'', g.stage, ''started_at'', to_char(g.started_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"''), ''ended_at'', to_char(g.ended_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'')) ORDER BY g.position), ''[]'') FROM public.sleep_stages g WHERE g.user_id = s.user_id AND g.sleep_entry_id = s.id)"}}');
