-- The networks from which owners log in, and a count of guesses that slides with the clock.
--
-- Accounts and networks are keyed hashes here too: the table names nobody and no place. No foreign key: there is a key for an
-- address whether or not there is an account.

CREATE TABLE known_networks (
    key         BYTEA  NOT NULL PRIMARY KEY CONSTRAINT known_networks_key_check CHECK (length(key) = 32),
    account_key BYTEA  NOT NULL CONSTRAINT known_networks_account_key_check CHECK (length(account_key) = 32),
    last_at     BIGINT NOT NULL
);

-- The networks of an account, the latest login first; and those that are known no more.
CREATE INDEX known_networks_account_key_last_at ON known_networks (account_key, last_at);
CREATE INDEX known_networks_last_at ON known_networks (last_at);

-- Guesses by the hour of the clock, from that of the latest guess backwards: 25 counts of four bytes. What was counted so
-- far counts as if it had been counted with the latest guess.
ALTER TABLE attempts ADD COLUMN recent BYTEA;
UPDATE attempts SET recent = decode(lpad(to_hex(day_failures), 8, '0') || repeat('0', 192), 'hex');
ALTER TABLE attempts ALTER COLUMN recent SET NOT NULL;
ALTER TABLE attempts ADD CONSTRAINT attempts_recent_check CHECK (length(recent) = 100);
ALTER TABLE attempts DROP COLUMN day_failures;
ALTER TABLE attempts DROP COLUMN day_started_at;
