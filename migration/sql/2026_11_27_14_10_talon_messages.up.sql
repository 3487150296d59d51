-- Talon's messages: the changes of the feed, cell by cell. There is no second log.

-- A name of a person's as a UUID that is always the same: version 8 of RFC 9562, from SHA-256. service/src/talon.rs makes the same.
CREATE FUNCTION auth.named_id(person uuid, name text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT overlay(overlay(left(hash, 32) PLACING '8' FROM 13) PLACING translate(substr(hash, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab') FROM 17)::uuid
  FROM encode(sha256(uuid_send(person) || convert_to(name, 'UTF8')), 'hex') hash
$$;
GRANT EXECUTE ON FUNCTION auth.named_id(uuid, text) TO hale_app;

-- What a column holds, in Talon's words, is told by the synced table; a column that the table does not have is a part that other tables
-- hold, as JSON. Cells that no message brought follow from others that one did: Hale wrote them, and the device has yet to hear of them.
CREATE VIEW messages WITH (security_invoker = true) AS
SELECT
  coalesce(c.messages ->> cell.name, auth.named_id(c.user_id, concat_ws(':', c.collection, c.id, cell.name, cell.clock))::text) AS id,
  c.collection AS table_name,
  c.id::text AS row,
  cell.name AS "column",
  CASE WHEN cell.value = 'null' THEN 'null' ELSE kind.data_type END AS data_type,
  CASE
    WHEN cell.value = 'null' THEN ''
    WHEN kind.data_type = 'bool' THEN CASE WHEN cell.value = 'true' THEN '1' ELSE '0' END
    WHEN kind.data_type = 'json' THEN cell.value::text
    ELSE cell.value #>> '{}'
  END AS value,
  c.first_number + cell.place - 1 AS server_timestamp,
  cell.clock AS local_timestamp,
  c.user_id,
  CASE WHEN coalesce(c.messages, '{}') = '{}' OR c.messages ? cell.name THEN c.client ELSE 'hale' END AS client_id,
  c.number AS change_number
FROM sync_changes c
CROSS JOIN LATERAL (
  SELECT key AS name, value -> 0 AS value, value ->> 1 AS clock, row_number() OVER (ORDER BY key COLLATE "C") AS place FROM jsonb_each(c.cells)) cell
CROSS JOIN LATERAL (
  SELECT CASE
    WHEN cell.name = 'deleted' THEN 'bool'
    ELSE coalesce((
      SELECT CASE a.atttypid
        WHEN 'numeric'::regtype THEN 'double'
        WHEN 'integer'::regtype THEN 'int'
        WHEN 'smallint'::regtype THEN 'int'
        WHEN 'boolean'::regtype THEN 'bool'
        WHEN 'timestamptz'::regtype THEN 'datetime'
        WHEN 'jsonb'::regtype THEN 'json'
        ELSE 'string' END
      FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid
      WHERE t.relnamespace = 'public'::regnamespace AND t.relname = c.collection AND a.attname = cell.name AND NOT a.attisdropped), 'json')
  END AS data_type) kind;
COMMENT ON VIEW messages IS 'Talon: one row per written cell. Ask by user_id and change_number, which the primary key of sync_changes leads to';
COMMENT ON COLUMN messages.server_timestamp IS 'the number of the cell in the feed; not a time';
COMMENT ON COLUMN messages.change_number IS 'the greatest server_timestamp of the write that the message is part of';
GRANT SELECT ON messages TO hale_app;
