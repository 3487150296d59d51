-- Which source a person trusts most, for each kind of thing that several devices may tell.

CREATE TABLE source_rankings (
  user_id uuid NOT NULL CONSTRAINT source_rankings_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  metric text NOT NULL CONSTRAINT source_rankings_metric_check CHECK (metric ~ '^[a-z][a-z0-9_]{0,49}$'),
  sources text[] NOT NULL CONSTRAINT source_rankings_sources_check
    CHECK (cardinality(sources) BETWEEN 1 AND 50 AND array_position(sources, NULL) IS NULL AND length(array_to_string(sources, '')) <= 5000),
  created_by uuid DEFAULT auth.uid() CONSTRAINT source_rankings_created_by_fkey REFERENCES users (id) ON DELETE SET NULL,
  version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT source_rankings_pkey PRIMARY KEY (user_id, id),
  CONSTRAINT source_rankings_metric_key UNIQUE (user_id, metric)
);
COMMENT ON COLUMN source_rankings.metric IS 'sleep, or a metric of samples';
COMMENT ON COLUMN source_rankings.sources IS 'the best first; what is not among them comes after them';
CREATE INDEX source_rankings_created_by_idx ON source_rankings (created_by);
SELECT auth.protect('source_rankings', 'checkin', ARRAY['metric']);
SELECT auth.announce('source_rankings', '{checkin}');
