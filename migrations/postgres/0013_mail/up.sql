-- Mail: who has proved to receive it, and what is to be sent.

-- Accounts that exist are vouched for. New ones are not unless a version that knows better says so: an older one also stores
-- those that register themselves.
ALTER TABLE users ADD COLUMN vouched BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE users ALTER COLUMN vouched SET DEFAULT FALSE;
ALTER TABLE users ADD COLUMN email_verified_at BIGINT;

-- The outbox: what is sent. When it is sent is the matter of the job with the same id. No row holds a secret. Kinds and
-- languages are checked when a row is read.
--
-- A row is written a few times and then deleted: the table is vacuumed early.
CREATE TABLE outbox (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind         TEXT COLLATE "C" NOT NULL,
    user_id      TEXT COLLATE "C" NOT NULL CONSTRAINT outbox_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    recipient    TEXT             NOT NULL,
    locale       TEXT COLLATE "C" NOT NULL,
    params       TEXT             NOT NULL,
    dedupe_key   TEXT COLLATE "C" NOT NULL CONSTRAINT outbox_dedupe_key_key UNIQUE,
    state        TEXT COLLATE "C" NOT NULL CONSTRAINT outbox_state_check CHECK (state IN ('queued', 'leased', 'sent', 'dead', 'dropped')),
    attempt      BIGINT           NOT NULL CONSTRAINT outbox_attempt_check CHECK (attempt BETWEEN 0 AND 4294967295),
    created_at   BIGINT           NOT NULL,
    expires_at   BIGINT           NOT NULL,
    ended_at     BIGINT,
    last_failure TEXT,
    CONSTRAINT outbox_ended_at_check CHECK ((ended_at IS NULL) = (state IN ('queued', 'leased')))
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 500);

-- The mails in a state, the oldest first, for counting. Then the mails about an account, and those to delete.
CREATE INDEX outbox_state_created_at ON outbox (state, created_at);
CREATE INDEX outbox_user_id_created_at ON outbox (user_id, created_at);
CREATE INDEX outbox_expires_at ON outbox (expires_at);
