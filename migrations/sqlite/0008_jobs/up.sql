-- The queue of jobs: work that follows from a transaction, queued in it and done after it.
--
-- A claim moves `due_at` to the end of the lease and counts an attempt. A job that is done is deleted; one that was given up
-- has `died_at`. Kinds are checked when a row is read, and kinds that a version does not know stay untouched.

CREATE TABLE jobs (
    id           TEXT    NOT NULL PRIMARY KEY,
    kind         TEXT    NOT NULL,
    payload      TEXT    NOT NULL CONSTRAINT jobs_payload_check CHECK (length(CAST(payload AS BLOB)) <= 16384),
    dedupe_key   TEXT    CONSTRAINT jobs_dedupe_key_key UNIQUE,
    attempts     INTEGER NOT NULL CONSTRAINT jobs_attempts_check CHECK (attempts BETWEEN 0 AND 4294967295),
    created_at   INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    give_up_at   INTEGER NOT NULL,
    died_at      INTEGER,
    last_failure TEXT
) STRICT;

-- What is due of a kind, in the order in which it is claimed. Then the dead: by kind for counting, by age for deletion.
CREATE INDEX jobs_kind_due_at ON jobs (kind, due_at, id) WHERE died_at IS NULL;
CREATE INDEX jobs_kind_dead ON jobs (kind) WHERE died_at IS NOT NULL;
CREATE INDEX jobs_died_at ON jobs (died_at) WHERE died_at IS NOT NULL;
