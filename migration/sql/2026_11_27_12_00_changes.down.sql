DO $$
DECLARE
  relation regclass;
  trigger name;
BEGIN
  FOR relation, trigger IN SELECT tgrelid, tgname FROM pg_trigger WHERE tgfoid = 'auth.note_change()'::regprocedure LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', trigger, relation);
  END LOOP;
END $$;
DROP TRIGGER gone ON sessions;
DROP TRIGGER ended ON sessions;
DROP FUNCTION auth.change_numbers(uuid[], uuid[]);
DROP FUNCTION auth.note_end_of_session();
DROP FUNCTION auth.announce(regclass, text[], text[]);
DROP FUNCTION auth.note_change();
DROP FUNCTION auth.count_change(uuid, text[]);
DROP TABLE change_counts;
