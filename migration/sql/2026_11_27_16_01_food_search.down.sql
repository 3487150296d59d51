DROP FUNCTION search.foods(text, text, text[], text[], boolean, uuid[], uuid[], integer[], integer, numeric, uuid);
DROP TRIGGER words ON food_items;
DROP FUNCTION search.note_words();
DROP TABLE food_words;
REVOKE SELECT (barcode, source) ON food_items FROM hale_search;
DROP INDEX food_items_words_idx, food_items_plain_idx;
CREATE INDEX food_items_search_idx ON food_items USING gin (search_text gin_trgm_ops) WHERE deleted_at IS NULL;

-- Foods whose name or brand holds every word of `query`: ids and ranks, best first. Spelling mistakes are forgiven, and what is
-- spelt right ranks first, unless there are plenty of foods that hold the words as typed: then it is those alone, since
-- comparing tens of thousands of names letter by letter takes a second.
-- Under row level security a trigram operator may not use its index; here it may, so this function holds the predicate
-- of who sees what, and the rows are read under the policies afterwards.
CREATE FUNCTION search.foods(query text, page_size integer, after_rank numeric, after_id uuid) RETURNS TABLE (id uuid, rank numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  viewer uuid := auth.uid();
  words text[] := array_remove(string_to_array(search.fold(query), ' '), '');
  grantors uuid[] := ARRAY(SELECT a.grantor_user_id FROM family_access a WHERE a.grantee_user_id = viewer AND a.access_type = 'food_list'
                           AND a.status = 'active' AND (a.expires_at IS NULL OR a.expires_at > statement_timestamp()));
  visible constant text := 'f.deleted_at IS NULL AND (f.owner_id IS NULL OR f.owner_id = $1 OR f.owner_id = ANY ($2))';
  matches text;
  likeness text;
  enough boolean;
BEGIN
  IF viewer IS NULL OR words = '{}' THEN
    RETURN;
  END IF;
  -- The conditions are spelt out word by word, since only so the index looks for all words at once.
  SELECT string_agg(format('f.search_text LIKE %L', CASE WHEN length(word) < 3 THEN '% ' ELSE '%' END || word || '%'), ' AND '),
         string_agg(format('CASE WHEN f.search_text LIKE %L THEN 2 WHEN f.search_text LIKE %L THEN 1.5 ELSE 1 END',
                           '% ' || word || ' %', '% ' || word || '%'), ' + ')
    INTO matches, likeness FROM unnest(words) word;
  EXECUTE format('SELECT count(*) = 100 FROM (SELECT FROM food_items f WHERE %s AND %s LIMIT 100) found', matches, visible)
    INTO enough USING viewer, grantors;
  IF NOT enough THEN
    PERFORM set_config('pg_trgm.word_similarity_threshold', '0.5', true);
    SELECT string_agg(format('%L <%% f.search_text', word), ' AND '),
           string_agg(format('2 * strict_word_similarity(%L, f.search_text)', word), ' + ')
      INTO matches, likeness FROM unnest(words) word;
  END IF;
  RETURN QUERY EXECUTE format('
    SELECT found.id, found.rank FROM (
      SELECT f.id, round(((%s) / %s)::numeric
          + CASE WHEN starts_with(f.search_text, %L) THEN 0.5 ELSE 0 END
          + CASE WHEN f.owner_id = $1 THEN 0.3 WHEN f.owner_id IS NOT NULL THEN 0.2 ELSE 0 END
          - least(length(f.search_text), 200) * 0.005, 6) AS rank
      FROM food_items f WHERE %s AND %s
    ) found
    WHERE $3 IS NULL OR (found.rank, found.id) < ($3, $4)
    ORDER BY found.rank DESC, found.id DESC
    LIMIT $5', likeness, cardinality(words), ' ' || words[1], matches, visible)
    USING viewer, grantors, after_rank, after_id, page_size;
END $$;
ALTER FUNCTION search.foods(text, integer, numeric, uuid) OWNER TO hale_search;
REVOKE EXECUTE ON FUNCTION search.foods(text, integer, numeric, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search.foods(text, integer, numeric, uuid) TO hale_app;
