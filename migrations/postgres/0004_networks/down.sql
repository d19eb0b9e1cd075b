-- What was counted so far is forgotten: the two ways of counting cannot be told in terms of each other.
DELETE FROM attempts;
ALTER TABLE attempts ADD COLUMN day_failures BIGINT NOT NULL
    CONSTRAINT attempts_day_failures_check CHECK (day_failures BETWEEN 0 AND 4294967295);
ALTER TABLE attempts ADD COLUMN day_started_at BIGINT NOT NULL;
ALTER TABLE attempts DROP COLUMN recent;
DROP TABLE known_networks;
