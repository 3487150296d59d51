-- Requests that may be sent again: what was answered is kept by the key that the client gave it, in the transaction that did it.

CREATE TABLE idempotency_keys (
  user_id uuid NOT NULL CONSTRAINT idempotency_keys_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  key text NOT NULL CONSTRAINT idempotency_keys_key_check CHECK (length(key) BETWEEN 1 AND 255),
  request bytea NOT NULL CONSTRAINT idempotency_keys_request_check CHECK (length(request) = 32),
  answer text NOT NULL DEFAULT '' CONSTRAINT idempotency_keys_answer_check CHECK (length(answer) BETWEEN 0 AND 4000000),
  reads jsonb NOT NULL DEFAULT '[]' CONSTRAINT idempotency_keys_reads_check CHECK (jsonb_typeof(reads) = 'array'),
  expires_at timestamptz NOT NULL CONSTRAINT idempotency_keys_expires_at_check CHECK (expires_at BETWEEN '2000-01-01' AND '2101-01-01'),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key)
);
COMMENT ON COLUMN idempotency_keys.request IS 'SHA-256 of the request: the same key with another request is a mistake';
COMMENT ON COLUMN idempotency_keys.answer IS 'what was answered, JSON; empty only inside the transaction that works on it';
COMMENT ON COLUMN idempotency_keys.reads IS 'whose data the answer shows and by which access: they must still share it when it is answered again';
CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (user_id, expires_at);
SELECT auth.protect('idempotency_keys', NULL, ARRAY['key', 'request', 'expires_at']);
