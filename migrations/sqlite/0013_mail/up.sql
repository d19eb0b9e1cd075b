-- Mail: who has proved to receive it, and what is to be sent.

-- Accounts that exist are vouched for. New ones are not unless a version that knows better says so: an older one also stores
-- those that register themselves.
ALTER TABLE users ADD COLUMN vouched INTEGER NOT NULL DEFAULT 0 CONSTRAINT users_vouched_check CHECK (vouched IN (0, 1));
UPDATE users SET vouched = 1;
ALTER TABLE users ADD COLUMN email_verified_at INTEGER;

-- The outbox: what is sent. When it is sent is the matter of the job with the same id. No row holds a secret. Kinds and
-- languages are checked when a row is read.
CREATE TABLE outbox (
    id           TEXT    NOT NULL PRIMARY KEY,
    kind         TEXT    NOT NULL,
    user_id      TEXT    NOT NULL CONSTRAINT outbox_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
    recipient    TEXT    NOT NULL,
    locale       TEXT    NOT NULL,
    params       TEXT    NOT NULL,
    dedupe_key   TEXT    NOT NULL CONSTRAINT outbox_dedupe_key_key UNIQUE,
    state        TEXT    NOT NULL CONSTRAINT outbox_state_check CHECK (state IN ('queued', 'leased', 'sent', 'dead', 'dropped')),
    attempt      INTEGER NOT NULL CONSTRAINT outbox_attempt_check CHECK (attempt BETWEEN 0 AND 4294967295),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    last_failure TEXT,
    CONSTRAINT outbox_ended_at_check CHECK ((ended_at IS NULL) = (state IN ('queued', 'leased')))
) STRICT;

-- The mails in a state, the oldest first, for counting. Then the mails about an account, and those to delete.
CREATE INDEX outbox_state_created_at ON outbox (state, created_at);
CREATE INDEX outbox_user_id_created_at ON outbox (user_id, created_at);
CREATE INDEX outbox_expires_at ON outbox (expires_at);
