DROP FUNCTION search.exercises(text, text, text, text, text, boolean, uuid[], integer[], integer, numeric, uuid);
REVOKE SELECT (category, modality) ON exercises FROM hale_search;
ALTER TABLE exercises DROP secondary_muscles, DROP modality, DROP force, DROP mechanic, DROP level;
CREATE FUNCTION search.exercises(query text, muscle text, tool text, page_size integer, after_rank numeric, after_id uuid) RETURNS TABLE (id uuid, rank numeric)
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
          - length(e.search_text) * 0.005, 6) AS rank
      FROM exercises e
      WHERE (longest IS NULL OR longest <% e.search_text AND (SELECT bool_and(word <% e.search_text) FROM unnest(words) word))
        AND (muscle IS NULL OR e.muscle_groups @> ARRAY[muscle])
        AND (tool IS NULL OR e.equipment = tool)
        AND e.deleted_at IS NULL
        AND (e.owner_id IS NULL OR e.owner_id = viewer)
    ) found
    WHERE after_id IS NULL OR (found.rank, found.id) < (after_rank, after_id)
    ORDER BY found.rank DESC, found.id DESC
    LIMIT page_size;
END $$;
ALTER FUNCTION search.exercises(text, text, text, integer, numeric, uuid) OWNER TO hale_search;
REVOKE EXECUTE ON FUNCTION search.exercises(text, text, text, integer, numeric, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search.exercises(text, text, text, integer, numeric, uuid) TO hale_app;
