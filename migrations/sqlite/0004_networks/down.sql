-- What was counted so far is forgotten: the two ways of counting cannot be told in terms of each other.
DROP TABLE attempts;

CREATE TABLE attempts (
    key            BLOB    NOT NULL PRIMARY KEY CONSTRAINT attempts_key_check CHECK (length(key) = 32),
    failures       INTEGER NOT NULL CONSTRAINT attempts_failures_check CHECK (failures BETWEEN 0 AND 4294967295),
    day_failures   INTEGER NOT NULL
        CONSTRAINT attempts_day_failures_check CHECK (day_failures BETWEEN 0 AND 4294967295),
    day_started_at INTEGER NOT NULL,
    last_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_last_at ON attempts (last_at);
DROP TABLE known_networks;
