-- What devices tell in bulk: heart rates, steps, energy and the like, each with the source that told it.

-- Each time a source tells something its row changes, which is what whoever follows the person is told of.
CREATE TABLE device_sources (
  user_id uuid NOT NULL CONSTRAINT device_sources_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL CONSTRAINT device_sources_name_check CHECK (length(name) BETWEEN 1 AND 100),
  last_received_at timestamptz NOT NULL
    CONSTRAINT device_sources_last_received_at_check CHECK (last_received_at BETWEEN '1899-12-30' AND '2101-01-02'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT device_sources_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT device_sources_name_key UNIQUE (user_id, name)
);
SELECT auth.protect('device_sources', NULL, ARRAY['name']);
SELECT auth.show('device_sources', 'checkin');
SELECT auth.announce('device_sources', '{checkin}');

CREATE TABLE device_samples (
  user_id uuid NOT NULL CONSTRAINT device_samples_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  source text NOT NULL CONSTRAINT device_samples_source_check CHECK (length(source) BETWEEN 1 AND 100),
  metric text NOT NULL CONSTRAINT device_samples_metric_check CHECK (metric ~ '^[a-z][a-z0-9_]{0,49}$'),
  source_id text NOT NULL CONSTRAINT device_samples_source_id_check CHECK (length(source_id) BETWEEN 1 AND 200),
  revision bigint NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL CONSTRAINT device_samples_started_at_check CHECK (started_at BETWEEN '1899-12-30' AND '2101-01-02'),
  ended_at timestamptz NOT NULL CONSTRAINT device_samples_ended_at_check CHECK (ended_at BETWEEN '1899-12-30' AND '2101-01-02'),
  time_zone text NOT NULL CONSTRAINT device_samples_time_zone_check CHECK (length(time_zone) BETWEEN 1 AND 64),
  recorded_on date NOT NULL CONSTRAINT device_samples_recorded_on_check CHECK (recorded_on BETWEEN '1900-01-01' AND '2100-12-31'),
  value numeric(18, 6) NOT NULL CONSTRAINT device_samples_value_check CHECK (value BETWEEN -1000000 AND 1000000000),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT device_samples_pkey PRIMARY KEY (user_id, source, metric, source_id),
  CONSTRAINT device_samples_length_check CHECK (ended_at >= started_at AND ended_at <= started_at + interval '48 hours')
);
COMMENT ON COLUMN device_samples.source_id IS 'how the source calls it: told again, it is the same sample of that metric';
COMMENT ON COLUMN device_samples.revision IS 'told again with a greater one or the same it is corrected, with a smaller one it came late';
COMMENT ON COLUMN device_samples.ended_at IS 'started_at, of what has no length';
COMMENT ON COLUMN device_samples.recorded_on IS 'the person''s day that holds its middle, fixed when it was written';
COMMENT ON COLUMN device_samples.value IS 'in the unit of the metric';
CREATE INDEX device_samples_day_idx ON device_samples (user_id, metric, recorded_on, started_at, source, source_id);
SELECT auth.protect('device_samples', NULL, ARRAY['source', 'metric', 'source_id']);
SELECT auth.show('device_samples', 'checkin');
