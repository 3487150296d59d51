-- Recorded activities: what files of watches tell beside an entry of the exercise diary, and places that are nobody else's business.

CREATE TABLE activities (
  user_id uuid NOT NULL,
  id uuid NOT NULL,
  exercise_entry_id uuid NOT NULL,
  sport text NOT NULL CONSTRAINT activities_sport_check CHECK (sport IN ('running', 'cycling', 'walking', 'hiking', 'swimming', 'rowing', 'skiing', 'other')),
  device text CONSTRAINT activities_device_check CHECK (length(device) BETWEEN 1 AND 200),
  started_at timestamptz NOT NULL CONSTRAINT activities_started_at_check CHECK (started_at BETWEEN '1970-01-01' AND '2101-01-02'),
  elapsed_seconds numeric(12, 3) NOT NULL CONSTRAINT activities_elapsed_seconds_check CHECK (elapsed_seconds BETWEEN 0 AND 700000),
  duration_seconds numeric(12, 3) NOT NULL CONSTRAINT activities_duration_seconds_check CHECK (duration_seconds BETWEEN 0 AND 700000),
  moving_seconds numeric(12, 3) NOT NULL CONSTRAINT activities_moving_seconds_check CHECK (moving_seconds BETWEEN 0 AND 700000),
  distance_m numeric(14, 3) CONSTRAINT activities_distance_m_check CHECK (distance_m BETWEEN 0 AND 100000000),
  elevation_gain_m numeric(9, 1) CONSTRAINT activities_elevation_gain_m_check CHECK (elevation_gain_m BETWEEN 0 AND 10000000),
  elevation_loss_m numeric(9, 1) CONSTRAINT activities_elevation_loss_m_check CHECK (elevation_loss_m BETWEEN 0 AND 10000000),
  average_heart_rate integer CONSTRAINT activities_average_heart_rate_check CHECK (average_heart_rate BETWEEN 20 AND 300),
  max_heart_rate integer CONSTRAINT activities_max_heart_rate_check CHECK (max_heart_rate BETWEEN 20 AND 300),
  average_cadence integer CONSTRAINT activities_average_cadence_check CHECK (average_cadence BETWEEN 0 AND 400),
  average_power integer CONSTRAINT activities_average_power_check CHECK (average_power BETWEEN 0 AND 4000),
  device_calories integer CONSTRAINT activities_device_calories_check CHECK (device_calories BETWEEN 1 AND 100000),
  zone_seconds integer[] CONSTRAINT activities_zone_seconds_check CHECK (cardinality(zone_seconds) = 6),
  zones_of_heart_rate numeric(4, 1) CONSTRAINT activities_zones_of_heart_rate_check CHECK (zones_of_heart_rate BETWEEN 60 AND 300),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT activities_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT activities_exercise_entry_fkey FOREIGN KEY (user_id, exercise_entry_id) REFERENCES exercise_diary (user_id, id) ON DELETE CASCADE
);
COMMENT ON COLUMN activities.elapsed_seconds IS 'from start to end; duration_seconds without interruptions, moving_seconds without standing';
COMMENT ON COLUMN activities.zone_seconds IS 'below and in the five zones of heart rate, by zones_of_heart_rate as the maximum';
CREATE INDEX activities_entry_idx ON activities (user_id, exercise_entry_id);
CREATE INDEX activities_time_idx ON activities (user_id, started_at DESC, id DESC);
SELECT auth.protect('activities', NULL, ARRAY['exercise_entry_id']);
SELECT auth.show('activities', 'calorie');
SELECT auth.announce('activities', '{calorie}');

CREATE TABLE activity_splits (
  user_id uuid NOT NULL,
  activity_id uuid NOT NULL,
  kind text NOT NULL CONSTRAINT activity_splits_kind_check CHECK (kind IN ('lap', 'kilometre', 'mile', 'best')),
  position integer NOT NULL CONSTRAINT activity_splits_position_check CHECK (position BETWEEN 0 AND 1999),
  distance_m numeric(14, 3) CONSTRAINT activity_splits_distance_m_check CHECK (distance_m BETWEEN 0 AND 100000000),
  begins_seconds numeric(12, 3) CONSTRAINT activity_splits_begins_seconds_check CHECK (begins_seconds BETWEEN 0 AND 700000),
  duration_seconds numeric(12, 3) NOT NULL CONSTRAINT activity_splits_duration_seconds_check CHECK (duration_seconds BETWEEN 0 AND 700000),
  average_heart_rate integer CONSTRAINT activity_splits_average_heart_rate_check CHECK (average_heart_rate BETWEEN 20 AND 300),
  max_heart_rate integer CONSTRAINT activity_splits_max_heart_rate_check CHECK (max_heart_rate BETWEEN 20 AND 300),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT activity_splits_pkey PRIMARY KEY (user_id, activity_id, kind, position),
  CONSTRAINT activity_splits_activity_fkey FOREIGN KEY (user_id, activity_id) REFERENCES activities (user_id, id) ON DELETE CASCADE
);
COMMENT ON TABLE activity_splits IS 'laps as the device says, each kilometre and mile, and (best) the fastest stretch of each standard distance';
SELECT auth.protect('activity_splits', NULL, ARRAY['activity_id']);
SELECT auth.show('activity_splits', 'calorie');
SELECT auth.announce('activity_splits', '{calorie}');

-- A file, and the track in it. Several may be of one activity. They show where somebody lives, so that they are their owner's alone:
-- others get what the function below leaves of a track.
CREATE TABLE activity_recordings (
  user_id uuid NOT NULL,
  id uuid NOT NULL,
  activity_id uuid NOT NULL,
  is_primary boolean NOT NULL,
  separated boolean NOT NULL DEFAULT false,
  sha256 bytea NOT NULL CONSTRAINT activity_recordings_sha256_check CHECK (length(sha256) = 32),
  format text NOT NULL CONSTRAINT activity_recordings_format_check CHECK (format IN ('gpx', 'tcx', 'fit')),
  file bytea NOT NULL CONSTRAINT activity_recordings_file_check CHECK (length(file) BETWEEN 1 AND 25000000),
  sport text NOT NULL CONSTRAINT activity_recordings_sport_check CHECK (sport IN ('running', 'cycling', 'walking', 'hiking', 'swimming', 'rowing', 'skiing', 'other')),
  device text CONSTRAINT activity_recordings_device_check CHECK (length(device) BETWEEN 1 AND 200),
  started_at timestamptz NOT NULL CONSTRAINT activity_recordings_started_at_check CHECK (started_at BETWEEN '1970-01-01' AND '2101-01-02'),
  ended_at timestamptz NOT NULL CONSTRAINT activity_recordings_ended_at_check CHECK (ended_at BETWEEN '1970-01-01' AND '2101-01-12'),
  distance_m numeric(14, 3) CONSTRAINT activity_recordings_distance_m_check CHECK (distance_m BETWEEN 0 AND 100000000),
  offsets integer[] NOT NULL CONSTRAINT activity_recordings_offsets_check CHECK (cardinality(offsets) <= 200000),
  latitudes integer[] NOT NULL CONSTRAINT activity_recordings_latitudes_check CHECK (cardinality(latitudes) IN (0, cardinality(offsets))),
  longitudes integer[] NOT NULL CONSTRAINT activity_recordings_longitudes_check CHECK (cardinality(longitudes) IN (0, cardinality(offsets))),
  elevations integer[] NOT NULL CONSTRAINT activity_recordings_elevations_check CHECK (cardinality(elevations) IN (0, cardinality(offsets))),
  heart_rates integer[] NOT NULL CONSTRAINT activity_recordings_heart_rates_check CHECK (cardinality(heart_rates) IN (0, cardinality(offsets))),
  cadences integer[] NOT NULL CONSTRAINT activity_recordings_cadences_check CHECK (cardinality(cadences) IN (0, cardinality(offsets))),
  powers integer[] NOT NULL CONSTRAINT activity_recordings_powers_check CHECK (cardinality(powers) IN (0, cardinality(offsets))),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT activity_recordings_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT activity_recordings_activity_fkey FOREIGN KEY (user_id, activity_id) REFERENCES activities (user_id, id) ON DELETE CASCADE
);
ALTER TABLE activity_recordings ALTER file SET STORAGE EXTERNAL;
COMMENT ON COLUMN activity_recordings.file IS 'as it was sent, compressed with zstd, to be read again';
COMMENT ON COLUMN activity_recordings.separated IS 'taken out of an activity by hand: it is not merged by itself again';
COMMENT ON COLUMN activity_recordings.offsets IS 'milliseconds since the start; the other columns are of the same points, or empty where the device noted nothing of the kind, and -2147483648 where it did not at this point';
COMMENT ON COLUMN activity_recordings.latitudes IS 'in 1e-7 degrees';
COMMENT ON COLUMN activity_recordings.elevations IS 'in decimetres';
CREATE UNIQUE INDEX activity_recordings_file_key ON activity_recordings (user_id, sha256);
CREATE INDEX activity_recordings_activity_idx ON activity_recordings (user_id, activity_id);
CREATE INDEX activity_recordings_time_idx ON activity_recordings (user_id, started_at);
SELECT auth.protect('activity_recordings', NULL, ARRAY['sha256', 'format', 'file', 'started_at', 'ended_at', 'offsets', 'latitudes', 'longitudes', 'elevations', 'heart_rates', 'cadences', 'powers']);
SELECT auth.announce('activity_recordings', '{own}');

CREATE TABLE privacy_zones (
  user_id uuid NOT NULL CONSTRAINT privacy_zones_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text CONSTRAINT privacy_zones_name_check CHECK (length(name) BETWEEN 1 AND 100),
  latitude numeric(10, 7) NOT NULL CONSTRAINT privacy_zones_latitude_check CHECK (latitude BETWEEN -90 AND 90),
  longitude numeric(10, 7) NOT NULL CONSTRAINT privacy_zones_longitude_check CHECK (longitude BETWEEN -180 AND 180),
  radius_m integer NOT NULL CONSTRAINT privacy_zones_radius_m_check CHECK (radius_m BETWEEN 50 AND 5000),
  created_from bytea CONSTRAINT privacy_zones_created_from_check CHECK (length(created_from) = 32),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT privacy_zones_pkey PRIMARY KEY (user_id, id)
);
SELECT auth.protect('privacy_zones');
SELECT auth.announce('privacy_zones', '{own}');

-- The track of an activity as the viewer may see it: its owner all of it, those with calorie the points outside of the owner's privacy
-- zones, as these are now.
GRANT SELECT ON activities, activity_recordings, privacy_zones TO hale_auth;
CREATE POLICY door ON activities FOR SELECT TO hale_auth USING (true);
CREATE POLICY door ON activity_recordings FOR SELECT TO hale_auth USING (true);
CREATE POLICY door ON privacy_zones FOR SELECT TO hale_auth USING (true);
CREATE FUNCTION auth.activity_track(person uuid, activity uuid)
RETURNS TABLE (hidden boolean, offsets integer[], latitudes integer[], longitudes integer[], elevations integer[], heart_rates integer[], cadences integer[], powers integer[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  WITH recording AS MATERIALIZED (
    SELECT r.* FROM activity_recordings r JOIN activities a ON a.user_id = r.user_id AND a.id = r.activity_id
      JOIN exercise_diary e ON e.user_id = a.user_id AND e.id = a.exercise_entry_id AND e.deleted_at IS NULL
    WHERE r.user_id = person AND r.activity_id = activity AND r.is_primary AND (person = (SELECT auth.uid()) OR EXISTS (
      SELECT FROM family_access f WHERE f.grantor_user_id = person AND f.grantee_user_id = (SELECT auth.uid()) AND f.access_type = 'calorie'
        AND f.status = 'active' AND (f.expires_at IS NULL OR f.expires_at > statement_timestamp())))),
  zones AS MATERIALIZED (
    SELECT radians(z.latitude::float8) AS latitude, radians(z.longitude::float8) AS longitude, z.radius_m::float8 AS radius
    FROM privacy_zones z WHERE z.user_id = person AND person <> (SELECT auth.uid())),
  points AS (
    SELECT p.*, p.latitude IS NOT NULL AND EXISTS (
        SELECT FROM zones z WHERE CASE WHEN abs(radians(p.latitude / 1e7::float8) - z.latitude) * 6371008.8 > z.radius THEN false ELSE
          2 * 6371008.8 * asin(least(1, sqrt(sin((radians(p.latitude / 1e7::float8) - z.latitude) / 2) ^ 2
            + cos(z.latitude) * cos(radians(p.latitude / 1e7::float8)) * sin((radians(p.longitude / 1e7::float8) - z.longitude) / 2) ^ 2))) <= z.radius END) AS inside
    FROM recording r, unnest(r.offsets, r.latitudes, r.longitudes, r.elevations, r.heart_rates, r.cadences, r.powers)
      WITH ORDINALITY AS p (at, latitude, longitude, elevation, heart_rate, cadence, power, number))
  SELECT coalesce(bool_or(p.inside), false), coalesce(array_agg(p.at ORDER BY number) FILTER (WHERE NOT p.inside), '{}'),
    coalesce(array_agg(coalesce(p.latitude, -2147483648) ORDER BY number) FILTER (WHERE NOT p.inside), '{}'),
    coalesce(array_agg(coalesce(p.longitude, -2147483648) ORDER BY number) FILTER (WHERE NOT p.inside), '{}'),
    coalesce(array_agg(coalesce(p.elevation, -2147483648) ORDER BY number) FILTER (WHERE NOT p.inside), '{}'),
    coalesce(array_agg(coalesce(p.heart_rate, -2147483648) ORDER BY number) FILTER (WHERE NOT p.inside), '{}'),
    coalesce(array_agg(coalesce(p.cadence, -2147483648) ORDER BY number) FILTER (WHERE NOT p.inside), '{}'),
    coalesce(array_agg(coalesce(p.power, -2147483648) ORDER BY number) FILTER (WHERE NOT p.inside), '{}')
  FROM recording r LEFT JOIN points p ON true GROUP BY r.id
$$;
ALTER FUNCTION auth.activity_track(uuid, uuid) OWNER TO hale_auth;
REVOKE EXECUTE ON FUNCTION auth.activity_track(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.activity_track(uuid, uuid) TO hale_app;
