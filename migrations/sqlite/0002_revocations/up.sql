-- The log of what makes access tokens untrue before they expire. Every instance follows it by the number of its entries.
--
-- An entry is of a session, or of a user up to a version. No foreign keys: an entry outlives what it tells of.
-- AUTOINCREMENT: numbers are never used again, also when every entry has been swept away.

CREATE TABLE revocations (
    number         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at             INTEGER NOT NULL,
    session_id     TEXT,
    user_id        TEXT,
    lowest_version INTEGER,
    CONSTRAINT revocations_kind_check
        CHECK ((session_id IS NULL) = (user_id IS NOT NULL) AND (user_id IS NULL) = (lowest_version IS NULL))
) STRICT;
