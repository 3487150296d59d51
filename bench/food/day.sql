-- What reading a food day costs PostgreSQL: the statements Hale sends for it, as hale_app, under row level security.
BEGIN READ ONLY;
SELECT auth.enter(:person, :session, now());
SELECT * FROM food_diary WHERE user_id = :person AND consumed_on BETWEEN :day AND :day AND deleted_at IS NULL ORDER BY consumed_on, consumed_at, id;
ROLLBACK;
