-- The first schema. The same tables, columns and names as in migrations/sqlite; what differs is said there or here.
--
-- Ids are text in their one canonical spelling, instants are whole microseconds since 1970-01-01T00:00:00Z, counters
-- are at most 4294967295. Vocabularies that will not grow are checked here; those that grow with the product (kinds of
-- events, reasons of endings, purposes of keys) are checked when a row is read, so that a new word needs no migration.
--
-- Text that is ordered or looked up has COLLATE "C": compared by its bytes, as SQLite does, whatever the language of
-- the database, and safe from an index going wrong when the operating system's collations change.

CREATE TABLE users (
    id               TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    email            TEXT             NOT NULL,
    email_canonical  TEXT COLLATE "C" NOT NULL CONSTRAINT users_email_canonical_key UNIQUE,
    name             TEXT,
    status           TEXT COLLATE "C" NOT NULL CONSTRAINT users_status_check CHECK (status IN ('active', 'disabled')),
    version          BIGINT           NOT NULL CONSTRAINT users_version_check CHECK (version BETWEEN 0 AND 4294967295),
    password_digest  TEXT             NOT NULL,
    password_version BIGINT           NOT NULL
        CONSTRAINT users_password_version_check CHECK (password_version BETWEEN 0 AND 4294967295),
    created_at       BIGINT           NOT NULL,
    updated_at       BIGINT           NOT NULL
);

-- Pages of the users who are disabled, in order of id. The active ones are nearly all, and need no index of their own.
CREATE INDEX users_disabled ON users (id) WHERE status = 'disabled';

CREATE TABLE user_roles (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, role)
);

-- Pages of the users with one role, in order of id; the count of the administrators.
CREATE INDEX user_roles_role_user_id ON user_roles (role, user_id);

-- A refresh updates its session's row: the room left in each page lets the new version of the row stay beside the old
-- one, without touching any index.
CREATE TABLE sessions (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id      TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key          BYTEA            NOT NULL CONSTRAINT sessions_key_check CHECK (length(key) = 32),
    generation   BIGINT           NOT NULL
        CONSTRAINT sessions_generation_check CHECK (generation BETWEEN 0 AND 4294967295),
    rotated_at   BIGINT           NOT NULL,
    created_at   BIGINT           NOT NULL,
    last_used_at BIGINT           NOT NULL,
    expires_at   BIGINT           NOT NULL,
    ended_at     BIGINT,
    end_reason   TEXT,
    ip           TEXT,
    user_agent   TEXT,
    CONSTRAINT sessions_ended_check CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) WITH (fillfactor = 85);

-- The sessions of a user: those still open, and all of them when the account is deleted. None of its columns changes
-- when a session is refreshed, which therefore writes to no index.
CREATE INDEX sessions_user_id_ended_at_expires_at ON sessions (user_id, ended_at, expires_at);

CREATE TABLE attempts (
    key            BYTEA  NOT NULL PRIMARY KEY CONSTRAINT attempts_key_check CHECK (length(key) = 32),
    failures       BIGINT NOT NULL CONSTRAINT attempts_failures_check CHECK (failures BETWEEN 0 AND 4294967295),
    day_failures   BIGINT NOT NULL
        CONSTRAINT attempts_day_failures_check CHECK (day_failures BETWEEN 0 AND 4294967295),
    day_started_at BIGINT NOT NULL,
    last_at        BIGINT NOT NULL
);

-- No foreign keys: the log outlives the accounts and sessions that it tells of.
CREATE TABLE events (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at         BIGINT           NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL,
    outcome    TEXT             NOT NULL CONSTRAINT events_outcome_check CHECK (outcome IN ('success', 'failure')),
    user_id    TEXT COLLATE "C",
    actor_id   TEXT COLLATE "C",
    session_id TEXT COLLATE "C",
    ip         TEXT,
    user_agent TEXT,
    request_id TEXT             NOT NULL,
    detail     TEXT             NOT NULL
);

-- Pages of the events of one user, or of one kind, in order of id.
CREATE INDEX events_user_id_id ON events (user_id, id);
CREATE INDEX events_kind_id ON events (kind, id);

CREATE TABLE keys (
    purpose    TEXT COLLATE "C" NOT NULL,
    ordinal    BIGINT           NOT NULL CONSTRAINT keys_ordinal_check CHECK (ordinal BETWEEN 0 AND 4294967295),
    id         TEXT COLLATE "C" NOT NULL CONSTRAINT keys_id_key UNIQUE,
    algorithm  TEXT             NOT NULL,
    public     BYTEA            NOT NULL,
    sealed     BYTEA            NOT NULL,
    created_at BIGINT           NOT NULL,
    PRIMARY KEY (purpose, ordinal)
);

-- One row, made here, so that every step of the first start is a conditional update of it.
CREATE TABLE setup (
    id           INTEGER NOT NULL PRIMARY KEY CONSTRAINT setup_id_check CHECK (id = 1),
    token_digest BYTEA   CONSTRAINT setup_token_digest_check CHECK (length(token_digest) = 32),
    completed_at BIGINT
);

INSERT INTO setup (id) VALUES (1);
