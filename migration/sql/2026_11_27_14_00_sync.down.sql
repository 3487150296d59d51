DO $$
DECLARE
  relation regclass;
  trigger name;
  function regprocedure;
BEGIN
  FOR relation, trigger IN SELECT tgrelid, tgname FROM pg_trigger WHERE tgfoid = 'auth.note_write()'::regprocedure LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', trigger, relation);
  END LOOP;
  FOR relation IN SELECT polrelid FROM pg_policy WHERE polname = 'logging' AND polrelid::regclass::text !~ '^sync_' LOOP
    EXECUTE format('DROP POLICY logging ON %s', relation);
    EXECUTE format('REVOKE SELECT ON %s FROM hale_auth', relation);
  END LOOP;
  FOR function IN SELECT oid FROM pg_proc WHERE pronamespace = 'auth'::regnamespace AND proname ~ '_document$' LOOP
    EXECUTE format('DROP FUNCTION %s', function);
  END LOOP;
END $$;
DROP FUNCTION auth.sync(regclass, jsonb, text, text[], jsonb, text);
DROP FUNCTION auth.log_writes(regclass, text, text, text, text[]);
DROP FUNCTION auth.note_write();
DROP FUNCTION auth.log_change(text, uuid, uuid);
DROP FUNCTION auth.synced_value(text, regtype);
DROP FUNCTION auth.bits_hex(bit);
DROP FUNCTION auth.row_hash(uuid, integer, boolean);
DROP FUNCTION auth.clock_after(bigint, integer, bigint, integer, bigint);
DROP FUNCTION auth.clock_text(bigint, integer, text);
DROP FUNCTION auth.tombstone_floor(uuid);
DROP FUNCTION auth.sync_epoch();
DROP TABLE sync_rejections;
DROP TABLE sync_mutations;
DROP TABLE sync_epochs;
DROP TABLE sync_changes;
DROP TABLE sync_rows;
DROP TABLE sync_spaces;
