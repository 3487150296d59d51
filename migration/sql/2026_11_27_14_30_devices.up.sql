-- Devices that keep a copy, and how long the feed waits for them.

CREATE TABLE devices (
  user_id uuid NOT NULL CONSTRAINT devices_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL CONSTRAINT devices_name_check CHECK (length(name) BETWEEN 1 AND 100),
  epoch uuid,
  acknowledged bigint NOT NULL DEFAULT 0,
  last_seen_at timestamptz NOT NULL CONSTRAINT devices_last_seen_at_check CHECK (last_seen_at BETWEEN '2000-01-01' AND '2101-01-01'),
  revoked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT devices_pkey PRIMARY KEY (user_id, id)
);
COMMENT ON COLUMN devices.acknowledged IS 'the number in that epoch up to which the device keeps the owner''s feed';
SELECT auth.protect('devices');
SELECT auth.announce('devices', '{own}');
GRANT SELECT ON devices TO hale_auth;
CREATE POLICY collecting ON devices FOR SELECT TO hale_auth USING (true);

ALTER TABLE sessions ADD COLUMN device_id uuid,
  ADD CONSTRAINT sessions_device_fkey FOREIGN KEY (user_id, device_id) REFERENCES devices (user_id, id) ON DELETE SET NULL (device_id);
CREATE INDEX sessions_device_idx ON sessions (user_id, device_id);
GRANT UPDATE (device_id) ON sessions TO hale_app;

-- Takes away what no device needs any more: changes and answers after 90 days, deleted rows once all living devices know of them, or
-- after 180 days. At most `most` of each; answers whether there may be more.
CREATE FUNCTION auth.collect_sync(at timestamptz, most integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  gone bigint;
  largest bigint;
BEGIN
  WITH old AS (
    SELECT c.user_id, c.number FROM sync_changes c WHERE c.created_at < at - interval '90 days' ORDER BY c.created_at LIMIT most),
  removed AS (DELETE FROM sync_changes c USING old WHERE c.user_id = old.user_id AND c.number = old.number RETURNING c.user_id, c.number),
  raised AS (
    UPDATE sync_spaces s SET change_floor = greatest(s.change_floor, r.number)
    FROM (SELECT user_id, max(number) AS number FROM removed GROUP BY user_id) r WHERE s.user_id = r.user_id)
  SELECT count(*) INTO largest FROM removed;

  WITH known AS (
    SELECT d.user_id, min(CASE WHEN d.epoch = auth.sync_epoch() THEN d.acknowledged ELSE 0 END) AS number FROM devices d
    WHERE d.revoked_at IS NULL AND d.last_seen_at > at - interval '180 days' GROUP BY d.user_id),
  old AS (
    SELECT r.user_id, r.collection, r.id, r.number FROM sync_rows r LEFT JOIN known k ON k.user_id = r.user_id
    WHERE r.deleted AND (r.number <= k.number OR r.written_at < at - interval '180 days') ORDER BY r.written_at LIMIT most),
  -- Locked as writers lock them, so that digests are those of the moment.
  spaces AS (SELECT s.user_id, s.digests FROM sync_spaces s WHERE s.user_id IN (SELECT user_id FROM old) ORDER BY s.user_id FOR UPDATE),
  removed AS (
    DELETE FROM sync_rows r USING old JOIN spaces USING (user_id)
    WHERE r.user_id = old.user_id AND r.collection = old.collection AND r.id = old.id AND r.number = old.number AND r.deleted
    RETURNING r.user_id, r.collection, r.number, auth.row_hash(r.id, r.version, true) AS hash),
  digests AS (
    SELECT r.user_id, max(r.number) AS number, jsonb_object_agg(r.collection, auth.bits_hex(('x' || (s.digests ->> r.collection))::bit(128) # r.hash)) AS changed
    FROM (SELECT user_id, collection, max(number) AS number, bit_xor(hash) AS hash FROM removed GROUP BY user_id, collection) r
    JOIN spaces s ON s.user_id = r.user_id GROUP BY r.user_id),
  raised AS (
    UPDATE sync_spaces s SET tombstone_floor = greatest(s.tombstone_floor, d.number), digests = s.digests || d.changed
    FROM digests d WHERE s.user_id = d.user_id)
  SELECT count(*) INTO gone FROM removed;
  largest := greatest(largest, gone);

  DELETE FROM sync_mutations m USING (SELECT user_id, id FROM sync_mutations WHERE created_at < at - interval '90 days' ORDER BY created_at LIMIT most) old
    WHERE m.user_id = old.user_id AND m.id = old.id;
  GET DIAGNOSTICS gone = ROW_COUNT;
  largest := greatest(largest, gone);
  DELETE FROM sync_rejections m USING (SELECT user_id, id FROM sync_rejections WHERE created_at < at - interval '90 days' ORDER BY created_at LIMIT most) old
    WHERE m.user_id = old.user_id AND m.id = old.id;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN greatest(largest, gone) >= most;
END $$;
GRANT SELECT, DELETE ON sync_mutations, sync_rejections TO hale_auth;
CREATE POLICY collecting ON sync_mutations FOR ALL TO hale_auth USING (true);
CREATE POLICY collecting ON sync_rejections FOR ALL TO hale_auth USING (true);
ALTER FUNCTION auth.collect_sync(timestamptz, integer) OWNER TO hale_auth;
REVOKE EXECUTE ON FUNCTION auth.collect_sync(timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION auth.collect_sync(timestamptz, integer) TO hale_app;
