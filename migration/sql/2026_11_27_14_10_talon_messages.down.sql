DROP VIEW messages;
DROP FUNCTION auth.named_id(uuid, text);
