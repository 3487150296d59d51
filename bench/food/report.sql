-- What a report over 90 days costs PostgreSQL.
BEGIN READ ONLY;
SELECT auth.enter(:person, :session, now());
SELECT * FROM reports.nutrition_days(:person, :first, :last);
SELECT * FROM reports.nutrition_targets(:person, :first, :last);
ROLLBACK;
