-- The networks from which owners log in, and a count of guesses that slides with the clock.
--
-- Accounts and networks are keyed hashes here too: the table names nobody and no place. No foreign key: there is a key for an
-- address whether or not there is an account.

CREATE TABLE known_networks (
    key         BLOB    NOT NULL PRIMARY KEY CONSTRAINT known_networks_key_check CHECK (length(key) = 32),
    account_key BLOB    NOT NULL CONSTRAINT known_networks_account_key_check CHECK (length(account_key) = 32),
    last_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The networks of an account, the latest login first; and those that are known no more.
CREATE INDEX known_networks_account_key_last_at ON known_networks (account_key, last_at);
CREATE INDEX known_networks_last_at ON known_networks (last_at);

-- Guesses by the hour of the clock, from that of the latest guess backwards: 25 counts of four bytes. What was counted so
-- far counts as if it had been counted with the latest guess. SQLite cannot change a table so far: it is made anew.
CREATE TABLE attempts_by_hour (
    key      BLOB    NOT NULL PRIMARY KEY CONSTRAINT attempts_key_check CHECK (length(key) = 32),
    failures INTEGER NOT NULL CONSTRAINT attempts_failures_check CHECK (failures BETWEEN 0 AND 4294967295),
    last_at  INTEGER NOT NULL,
    recent   BLOB    NOT NULL CONSTRAINT attempts_recent_check CHECK (length(recent) = 100)
) STRICT, WITHOUT ROWID;

INSERT INTO attempts_by_hour (key, failures, last_at, recent)
    SELECT key, failures, last_at, unhex(printf('%08x%0192d', day_failures, 0)) FROM attempts;

DROP TABLE attempts;
ALTER TABLE attempts_by_hour RENAME TO attempts;
CREATE INDEX attempts_last_at ON attempts (last_at);
