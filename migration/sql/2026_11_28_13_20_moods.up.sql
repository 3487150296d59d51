-- How a person felt, as often as they say it.

CREATE TABLE moods (
  user_id uuid NOT NULL CONSTRAINT moods_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  value integer NOT NULL CONSTRAINT moods_value_check CHECK (value BETWEEN 0 AND 100),
  tags jsonb NOT NULL DEFAULT '[]' CONSTRAINT moods_tags_check
    CHECK (jsonb_typeof(tags) = 'array' AND jsonb_array_length(tags) <= 20 AND length(tags::text) <= 4000),
  felt_at timestamptz NOT NULL CONSTRAINT moods_felt_at_check CHECK (felt_at BETWEEN '1899-12-30' AND '2101-01-02'),
  time_zone text NOT NULL CONSTRAINT moods_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64),
  felt_on date NOT NULL CONSTRAINT moods_felt_on_check CHECK (felt_on BETWEEN '1900-01-01' AND '2100-12-31'),
  note text CONSTRAINT moods_note_check CHECK (length(note) BETWEEN 1 AND 10000),
  created_from bytea CONSTRAINT moods_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT moods_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  deleted_at timestamptz,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT moods_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN moods.value IS '0, as bad as can be, to 100, as good as can be';
COMMENT ON COLUMN moods.tags IS 'words for it, in lower case: built-in ones and one''s own';
CREATE INDEX moods_day_idx ON moods (user_id, felt_on) WHERE deleted_at IS NULL;
CREATE INDEX moods_time_idx ON moods (user_id, felt_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX moods_created_by_idx ON moods (created_by);
SELECT auth.protect('moods', 'checkin');
SELECT auth.announce('moods', '{checkin}');
SELECT auth.sync('moods', '{
  "value": ["value"], "tags": ["tags"], "moment": ["felt_at", "time_zone", "felt_on"], "note": ["note"]}', '''checkin''');
