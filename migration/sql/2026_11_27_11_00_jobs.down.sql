DROP FUNCTION auth.enqueue(uuid, text, text, timestamptz, interval, boolean), auth.schedule(uuid, text, interval, timestamptz),
  auth.claim_job(uuid, timestamptz, timestamptz), auth.extend_job(uuid, uuid, timestamptz), auth.enter_job(uuid, uuid),
  auth.finish_job(uuid, uuid, timestamptz, timestamptz, boolean), auth.fail_job(uuid, uuid, timestamptz, timestamptz, text), auth.clean_up(timestamptz, integer);
DROP INDEX sessions_expires_at_idx, refresh_tokens_expires_at_idx;
REVOKE DELETE ON sessions FROM hale_auth;
DROP TABLE jobs;
