-- Pictures of a body over time. They are for its owner alone: no grant shows them.

CREATE TABLE progress_photos (
  user_id uuid NOT NULL CONSTRAINT progress_photos_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT progress_photos_kind_check CHECK (kind IN ('front', 'side', 'back')),
  taken_on date NOT NULL CONSTRAINT progress_photos_taken_on_check CHECK (taken_on BETWEEN '1900-01-01' AND '2100-12-31'),
  width integer NOT NULL CONSTRAINT progress_photos_width_check CHECK (width BETWEEN 1 AND 2048),
  height integer NOT NULL CONSTRAINT progress_photos_height_check CHECK (height BETWEEN 1 AND 2048),
  jpeg bytea NOT NULL CONSTRAINT progress_photos_jpeg_check CHECK (length(jpeg) BETWEEN 1 AND 4194304),
  created_from bytea CONSTRAINT progress_photos_created_from_check CHECK (length(created_from) = 32),
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT progress_photos_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN progress_photos.jpeg IS 'encoded by Hale: nothing but pixels is left of what was sent';
-- It is compressed already.
ALTER TABLE progress_photos ALTER COLUMN jpeg SET STORAGE EXTERNAL;
CREATE INDEX progress_photos_day_idx ON progress_photos (user_id, taken_on DESC, id DESC);
SELECT auth.protect('progress_photos', NULL, ARRAY['width', 'height', 'jpeg']);
SELECT auth.announce('progress_photos', '{own}');
