-- What an exercise is like: its secondary muscles, what is recorded of it, and how hard it is; and a search by all of that.

ALTER TABLE exercises
  ADD secondary_muscles text[] NOT NULL DEFAULT '{}' CONSTRAINT exercises_secondary_muscles_check CHECK (cardinality(secondary_muscles) <= 30),
  ADD modality text NOT NULL DEFAULT 'weight_reps'
    CONSTRAINT exercises_modality_check CHECK (modality IN ('weight_reps', 'reps_only', 'duration', 'duration_distance')),
  ADD force text CONSTRAINT exercises_force_check CHECK (force IN ('push', 'pull', 'static')),
  ADD mechanic text CONSTRAINT exercises_mechanic_check CHECK (mechanic IN ('compound', 'isolation')),
  ADD level text CONSTRAINT exercises_level_check CHECK (level IN ('beginner', 'intermediate', 'expert'));
COMMENT ON COLUMN exercises.muscle_groups IS 'all that it trains, the main ones first';
COMMENT ON COLUMN exercises.secondary_muscles IS 'those of muscle_groups that only help';
COMMENT ON COLUMN exercises.modality IS 'what is recorded of a set';
GRANT INSERT (secondary_muscles, modality, force, mechanic, level), UPDATE (secondary_muscles, modality, force, mechanic, level) ON exercises TO hale_app;
GRANT SELECT (category, modality) ON exercises TO hale_search;

-- Exercises by words of the name and by what they are, each of which may be missing: ids and ranks, best first. `mine` is true for one's
-- own alone, false for the catalogue alone. `familiar` are the exercises that the viewer does most, `times_done` how often.
DROP FUNCTION search.exercises(text, text, text, integer, numeric, uuid);
CREATE FUNCTION search.exercises(query text, muscle text, tool text, kind text, recorded text, mine boolean, familiar uuid[], times_done integer[], page_size integer,
                                 after_rank numeric, after_id uuid)
RETURNS TABLE (id uuid, rank numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  viewer uuid := auth.uid();
  words text[] := array_remove(regexp_split_to_array(search.fold(coalesce(query, '')), '[^[:alnum:]]+'), '');
  longest text := (SELECT word FROM unnest(words) word ORDER BY length(word) DESC LIMIT 1);
BEGIN
  IF viewer IS NULL OR (query IS NOT NULL AND longest IS NULL) THEN
    RETURN;
  END IF;
  PERFORM set_config('pg_trgm.word_similarity_threshold', '0.5', true);
  RETURN QUERY
    SELECT found.id, found.rank FROM (
      SELECT e.id, round(
          coalesce((SELECT avg(word_similarity(word, e.search_text) + strict_word_similarity(word, e.search_text)) FROM unnest(words) word), 0)::numeric
          + CASE WHEN starts_with(e.search_text, words[1]) THEN 0.5 ELSE 0 END
          + CASE WHEN e.owner_id = viewer THEN 0.3 ELSE 0 END
          + least(0.25 * ln(1 + coalesce(u.uses, 0))::numeric, 1)
          - length(e.search_text) * 0.005, 6) AS rank
      FROM exercises e LEFT JOIN unnest(familiar, times_done) AS u (id, uses) ON u.id = e.id
      WHERE (longest IS NULL OR longest <% e.search_text AND (SELECT bool_and(word <% e.search_text) FROM unnest(words) word))
        AND (muscle IS NULL OR e.muscle_groups @> ARRAY[muscle])
        AND (tool IS NULL OR e.equipment = tool)
        AND (kind IS NULL OR lower(e.category) = kind)
        AND (recorded IS NULL OR e.modality = recorded)
        AND e.deleted_at IS NULL
        AND (e.owner_id IS NULL AND mine IS DISTINCT FROM true OR e.owner_id = viewer AND mine IS DISTINCT FROM false)
    ) found
    WHERE after_id IS NULL OR (found.rank, found.id) < (after_rank, after_id)
    ORDER BY found.rank DESC, found.id DESC
    LIMIT page_size;
END $$;
ALTER FUNCTION search.exercises(text, text, text, text, text, boolean, uuid[], integer[], integer, numeric, uuid) OWNER TO hale_search;
REVOKE EXECUTE ON FUNCTION search.exercises(text, text, text, text, text, boolean, uuid[], integer[], integer, numeric, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search.exercises(text, text, text, text, text, boolean, uuid[], integer[], integer, numeric, uuid) TO hale_app;
