DROP FUNCTION auth.enter_feed(text, timestamptz);
DROP TABLE calendar_feeds;
