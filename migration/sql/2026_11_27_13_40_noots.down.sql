DROP TABLE conflicted_noots;
DROP TABLE noots;
CREATE OR REPLACE FUNCTION auth.touch_and_count() RETURNS trigger
LANGUAGE plpgsql
AS $$ BEGIN NEW.updated_at := clock_timestamp(); NEW.version := OLD.version + 1; RETURN NEW; END $$;
