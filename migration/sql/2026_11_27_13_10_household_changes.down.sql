CREATE OR REPLACE FUNCTION auth.change_numbers(owners uuid[], ids uuid[]) RETURNS TABLE (id uuid, number bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT w.id, (SELECT coalesce(sum(c.number), 0)::bigint FROM change_counts c WHERE c.user_id = w.id)
             + (SELECT count(*) FROM sessions s WHERE s.user_id = w.owner AND s.id = w.id AND s.revoked_at IS NULL)
  FROM unnest(owners, ids) AS w (owner, id)
$$;
DO $$
DECLARE
  relation regclass;
  trigger name;
BEGIN
  FOR relation, trigger IN SELECT tgrelid, tgname FROM pg_trigger WHERE tgfoid = 'auth.note_household_change()'::regprocedure LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', trigger, relation);
  END LOOP;
END $$;
DROP FUNCTION auth.announce_household(regclass, text, text);
DROP FUNCTION auth.note_household_change();
DROP FUNCTION auth.count_household_change(uuid, uuid);
DROP TABLE household_change_counts;
