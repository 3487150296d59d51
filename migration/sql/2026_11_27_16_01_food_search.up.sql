-- Search by the words of the catalogue: a small table of them tells which words are meant, and an index over the words of each food
-- finds the foods. Comparing 200,000 names letter by letter, as before, took ten times as long.

CREATE TABLE food_words (
  word text CONSTRAINT food_words_pkey PRIMARY KEY CONSTRAINT food_words_word_check CHECK (length(word) BETWEEN 1 AND 600),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE food_words IS 'every word of a name or brand in the shared catalogue, folded; those of private foods are nobody''s to learn';
CREATE INDEX food_words_word_idx ON food_words USING gin (word gin_trgm_ops);
SELECT auth.guard('food_words');
GRANT SELECT ON food_words TO hale_search;
CREATE POLICY search_read ON food_words FOR SELECT TO hale_search USING (true);
-- What is found at a provider enters the catalogue through a function of hale_auth.
GRANT INSERT (word) ON food_words TO hale_auth;
CREATE POLICY noting ON food_words FOR INSERT TO hale_auth WITH CHECK (true);

-- In one order, so that two writers never wait for each other.
CREATE FUNCTION search.note_words() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO public.food_words (word) SELECT DISTINCT word FROM unnest(string_to_array(btrim(NEW.search_text), ' ')) word WHERE word <> '' ORDER BY word
    ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER words AFTER INSERT OR UPDATE OF name, brand ON food_items FOR EACH ROW WHEN (NEW.owner_id IS NULL)
  EXECUTE FUNCTION search.note_words();
INSERT INTO food_words (word)
  SELECT DISTINCT word FROM food_items f, unnest(string_to_array(btrim(f.search_text), ' ')) word WHERE f.owner_id IS NULL AND word <> '';

DROP INDEX food_items_search_idx;
CREATE INDEX food_items_words_idx ON food_items USING gin (string_to_array(search_text, ' ')) WHERE owner_id IS NULL AND deleted_at IS NULL;
-- Plain names first, with all that a search asks of a food. Every name is longer than nothing: only who says so gets this index, since
-- the planner would take it for words that it believes to be more frequent than they are.
CREATE INDEX food_items_plain_idx ON food_items (length(search_text), id) INCLUDE (search_text, barcode, source)
  WHERE owner_id IS NULL AND deleted_at IS NULL AND length(search_text) > 0;
GRANT SELECT (barcode, source) ON food_items TO hale_search;

DROP FUNCTION search.foods(text, integer, numeric, uuid);

-- Foods whose name or brand holds every word of `query`, or whose barcode is `gtin`: ids and ranks, best first. `whose` are some of own,
-- family and catalogue; `among` are the only ids to look at, NULL for all; `used` are foods that the viewer eats and `uses` how often.
-- Spelling mistakes are forgiven where few foods hold the words as typed. Of words that very many foods of the catalogue share, those
-- with the plainest names are found: the others need another word.
--
-- Under row level security an operator that is not leakproof may not use its index; here it may, so this function holds the predicate
-- of who sees what, and the rows are read under the policies afterwards. Foods of one's own, of relatives and often used ones are few, and
-- are compared one by one. In the catalogue frequent words are found among the plainest names at once, and others by the index of words.
CREATE FUNCTION search.foods(query text, gtin text, whose text[], sources text[], with_barcode boolean, among uuid[], used uuid[], uses integer[],
                             page_size integer, after_rank numeric, after_id uuid) RETURNS TABLE (id uuid, rank numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off
AS $$
DECLARE
  viewer uuid := auth.uid();
  words text[] := array_remove(string_to_array(search.fold(query), ' '), '');
  relatives uuid[] := ARRAY(SELECT a.grantor_user_id FROM family_access a WHERE a.grantee_user_id = viewer AND a.access_type = 'food_list'
                            AND a.status = 'active' AND (a.expires_at IS NULL OR a.expires_at > statement_timestamp()) AND 'family' = ANY (whose));
  owners uuid[] := CASE WHEN 'own' = ANY (whose) THEN relatives || viewer ELSE relatives END;
  familiar uuid[] := CASE WHEN 'catalogue' = ANY (whose) THEN coalesce(among, used, '{}') ELSE '{}' END;
  wanted text := CASE WHEN with_barcode THEN ' AND f.barcode IS NOT NULL' ELSE '' END
    || CASE WHEN sources IS NOT NULL THEN format(' AND f.source = ANY (%L)', sources) ELSE '' END
    || CASE WHEN among IS NOT NULL THEN format(' AND f.id = ANY (%L)', among) ELSE '' END;
  near text := format('SELECT array_agg(f.id), array_agg(f.search_text), array_agg(f.owner_id) FROM food_items f
                       WHERE (f.owner_id = ANY ($1) OR f.owner_id IS NULL AND f.id = ANY ($2)) AND f.deleted_at IS NULL%s', wanted);
  by_index constant text := 'SELECT $2 || array_agg(f.id), $3 || array_agg(f.search_text) FROM (
                               SELECT * FROM (SELECT f.id, f.search_text FROM food_items f
                                              WHERE f.owner_id IS NULL AND f.deleted_at IS NULL AND f.id <> ALL ($1 || $2)%s%s LIMIT 500) f
                               ORDER BY length(f.search_text), f.id LIMIT %s) f';
  longest integer := (SELECT max(length(word)) FROM unnest(words) word);
  asked text;
  part text;
  choice text[];
  typed text := '';
  alike text := '';
  likeness text := '0';
  by_words text := '';
  scanned uuid[];
  near_ids uuid[]; near_names text[]; near_owners uuid[];
  far_ids uuid[] := '{}'; far_names text[] := '{}';
BEGIN
  IF viewer IS NULL OR words = '{}' THEN
    RETURN;
  END IF;

  FOREACH asked IN ARRAY words LOOP
    part := CASE WHEN length(asked) < 3 THEN '% ' ELSE '%' END || asked || '%';
    typed := typed || format(' AND f.search_text LIKE %L', part);
    alike := alike || format(' AND (f.search_text LIKE %L OR strict_word_similarity(%L, f.search_text) >= 0.35)', part, asked);
    likeness := likeness || format(
      ' + CASE WHEN c.name LIKE %L THEN 2 WHEN c.name LIKE %L THEN 1.5 WHEN c.name LIKE %L THEN 1 ELSE strict_word_similarity(%L, c.name) - %s END',
      '% ' || asked || ' %', '% ' || asked || '%', part, asked, 3 * cardinality(words));
  END LOOP;
  EXECUTE near || typed INTO near_ids, near_names, near_owners USING owners, familiar;

  IF 'catalogue' = ANY (whose) AND among IS NULL THEN
    EXECUTE format('SELECT coalesce(array_agg(f.id), ''{}''), coalesce(array_agg(f.search_text), ''{}'') FROM (
                      SELECT f.id, f.search_text FROM (
                        SELECT f.id, f.search_text, f.barcode, f.source FROM food_items f
                        WHERE f.owner_id IS NULL AND f.deleted_at IS NULL AND length(f.search_text) > 0
                        ORDER BY length(f.search_text), f.id LIMIT 5000) f
                      WHERE f.id <> ALL ($1)%s%s LIMIT 50) f', wanted, typed)
      INTO far_ids, far_names USING familiar;
    -- Who has typed two letters is on the way to more: a page of plain names does. Beside a longer word they lead to too many foods.
    IF cardinality(far_ids) < (CASE WHEN longest < 3 THEN page_size ELSE 50 END) THEN
      FOREACH asked IN ARRAY words LOOP
        CONTINUE WHEN length(asked) < 3 AND longest >= 3;
        part := CASE WHEN length(asked) < 3 THEN '' ELSE '%' END || asked || '%';
        choice := ARRAY(SELECT w.word FROM food_words w WHERE w.word LIKE part LIMIT 201);
        -- So many words lead to too many foods: the index is left to the other words.
        IF cardinality(choice) <= 200 THEN
          by_words := by_words || format(' AND string_to_array(f.search_text, '' '') && %L', choice);
        END IF;
      END LOOP;
      IF by_words <> '' THEN
        EXECUTE format(by_index, wanted, by_words || typed, 500) INTO far_ids, far_names USING familiar, far_ids, far_names;
      END IF;
    END IF;
  END IF;

  IF coalesce(cardinality(near_ids), 0) + cardinality(far_ids) < 10 THEN
    EXECUTE near || alike INTO near_ids, near_names, near_owners USING owners, familiar;
    IF by_words <> '' THEN
      by_words := '';
      FOREACH asked IN ARRAY words LOOP
        part := CASE WHEN length(asked) < 3 THEN '' ELSE '%' END || asked || '%';
        choice := ARRAY(SELECT w.word FROM food_words w WHERE w.word LIKE part LIMIT 201);
        by_words := by_words || CASE WHEN cardinality(choice) > 200 THEN format(' AND f.search_text LIKE %L', '% ' || part) ELSE
          format(' AND string_to_array(f.search_text, '' '') && %L', choice || ARRAY(SELECT w.word FROM (
            SELECT w.word, similarity(w.word, asked) AS likeness, max(similarity(w.word, asked)) OVER () AS best
            FROM food_words w WHERE w.word % asked AND w.word <> ALL (choice)) w
            WHERE w.likeness >= greatest(0.35, w.best - 0.2) ORDER BY w.likeness DESC, w.word LIMIT 8)) END;
      END LOOP;
      -- Comparing letter by letter is slow, so fewer are.
      EXECUTE format(by_index, wanted, by_words, 100) INTO far_ids, far_names USING familiar, far_ids, far_names;
    END IF;
  END IF;

  -- The barcode of a duplicate means the food that was kept.
  scanned := ARRAY(SELECT f.id FROM food_items f WHERE f.deleted_at IS NULL
    AND f.id IN (SELECT coalesce(b.merged_into, b.id) FROM food_items b
                 WHERE b.barcode = gtin AND b.deleted_at IS NULL OR b.barcode = gtin AND b.merged_into IS NOT NULL)
    AND (f.owner_id = ANY (owners) OR f.owner_id IS NULL AND 'catalogue' = ANY (whose))
    AND (sources IS NULL OR f.source = ANY (sources)) AND (among IS NULL OR f.id = ANY (among)));
  RETURN QUERY EXECUTE format('
    SELECT found.id, found.rank FROM (
      SELECT c.id, round(((%s) / %s)::numeric + CASE WHEN starts_with(c.name, %L) THEN 0.5 ELSE 0 END - least(length(c.name), 200) * 0.005
          + CASE WHEN c.owner_id = $1 THEN 0.3 WHEN c.owner_id IS NOT NULL THEN 0.2 ELSE 0 END
          + least(0.25 * ln(1 + coalesce(u.uses, 0))::numeric, 1), 6) AS rank
      FROM (SELECT * FROM unnest($2::uuid[], $3::text[], $4::uuid[])
            UNION ALL SELECT *, NULL FROM unnest($5::uuid[], $6::text[])) AS c (id, name, owner_id)
      LEFT JOIN unnest($7::uuid[], $8::integer[]) AS u (id, uses) ON u.id = c.id
      WHERE c.id <> ALL ($9)
      UNION ALL SELECT f.id, 100 + CASE WHEN f.owner_id = $1 THEN 0.3 WHEN f.owner_id IS NOT NULL THEN 0.2 ELSE 0 END
      FROM food_items f WHERE f.id = ANY ($9)
    ) found
    WHERE $10 IS NULL OR (found.rank, found.id) < ($10, $11)
    ORDER BY found.rank DESC, found.id DESC
    LIMIT $12', likeness, cardinality(words), ' ' || words[1])
    USING viewer, near_ids, near_names, near_owners, far_ids, far_names, used, uses, scanned, after_rank, after_id, page_size;
END $$;
ALTER FUNCTION search.foods(text, text, text[], text[], boolean, uuid[], uuid[], integer[], integer, numeric, uuid) OWNER TO hale_search;
REVOKE EXECUTE ON FUNCTION search.foods(text, text, text[], text[], boolean, uuid[], uuid[], integer[], integer, numeric, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search.foods(text, text, text[], text[], boolean, uuid[], uuid[], integer[], integer, numeric, uuid) TO hale_app;
