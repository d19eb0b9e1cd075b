-- The log of what makes access tokens untrue before they expire. Every instance follows it by the number of its entries.
--
-- An entry is of a session, or of a user up to a version. No foreign keys: an entry outlives what it tells of.
-- Numbers are never used again. That they are given in the order of commits is the writers' doing: they hold a lock.

CREATE TABLE revocations (
    number         BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             BIGINT NOT NULL,
    session_id     TEXT COLLATE "C",
    user_id        TEXT COLLATE "C",
    lowest_version BIGINT,
    CONSTRAINT revocations_kind_check
        CHECK ((session_id IS NULL) = (user_id IS NOT NULL) AND (user_id IS NULL) = (lowest_version IS NULL))
);
