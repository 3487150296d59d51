-- Noots: containers of activities that clients keep offline and bring back whole, and that the organiser shows as lists.

-- A version always moves on by one at least. Where a table lets its writer say more, the higher one holds: clients of noots may
-- count themselves.
CREATE OR REPLACE FUNCTION auth.touch_and_count() RETURNS trigger
LANGUAGE plpgsql
AS $$ BEGIN NEW.updated_at := clock_timestamp(); NEW.version := greatest(OLD.version + 1, NEW.version); RETURN NEW; END $$;

CREATE TABLE noots (
  user_id uuid NOT NULL CONSTRAINT noots_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  version integer NOT NULL DEFAULT 1 CONSTRAINT noots_version_check CHECK (version BETWEEN 1 AND 2000000000),
  checksum text NOT NULL CONSTRAINT noots_checksum_check CHECK (checksum ~ '^[0-9a-f]{64}$'),
  data jsonb NOT NULL CONSTRAINT noots_data_check
    CHECK (jsonb_typeof(data -> 'activities') = 'array' AND jsonb_array_length(data -> 'activities') <= 500 AND octet_length(data::text) <= 600000),
  deleted boolean NOT NULL DEFAULT false,
  created_from bytea CONSTRAINT noots_created_from_check CHECK (length(created_from) = 32),
  created_by uuid DEFAULT auth.uid() CONSTRAINT noots_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT noots_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN noots.checksum IS 'SHA-256, in hex, of data as RFC 8785 writes it';
COMMENT ON COLUMN noots.data IS '{"activities": [{"activityType", "properties", "baseProperties": {"encrypted", "syncPriority"}}]}';
COMMENT ON COLUMN noots.deleted IS 'a tombstone; data stays, so that it can be taken back';
CREATE INDEX noots_time_idx ON noots (user_id, created_at DESC, id DESC);
CREATE INDEX noots_created_by_idx ON noots (created_by);
SELECT auth.protect('noots', 'organiser');
GRANT INSERT (version), UPDATE (version) ON noots TO hale_app;
SELECT auth.announce('noots', '{organiser}');

-- What a client sent on a version that was no longer the current one: it lost, and is kept until its owner has decided.
CREATE TABLE conflicted_noots (
  user_id uuid NOT NULL CONSTRAINT conflicted_noots_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  noot_id uuid NOT NULL,
  base_version integer NOT NULL CONSTRAINT conflicted_noots_base_version_check CHECK (base_version BETWEEN 0 AND 2000000000),
  checksum text NOT NULL CONSTRAINT conflicted_noots_checksum_check CHECK (checksum ~ '^[0-9a-f]{64}$'),
  data jsonb NOT NULL CONSTRAINT conflicted_noots_data_check
    CHECK (jsonb_typeof(data -> 'activities') = 'array' AND jsonb_array_length(data -> 'activities') <= 500 AND octet_length(data::text) <= 600000),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT conflicted_noots_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT conflicted_noots_checksum_key UNIQUE (user_id, noot_id, checksum)
);
COMMENT ON COLUMN conflicted_noots.noot_id IS 'of which noot; no foreign key, for the copy may outlive its tombstone';
COMMENT ON COLUMN conflicted_noots.base_version IS 'the version it was made from, as its client said, or the one that was overwritten';
CREATE INDEX conflicted_noots_time_idx ON conflicted_noots (user_id, created_at DESC, id DESC);
SELECT auth.protect('conflicted_noots', NULL, ARRAY['noot_id', 'checksum', 'data']);
SELECT auth.announce('conflicted_noots', '{own}');
