-- The pepper that new passwords are hashed with, by an id that does not reveal it; NULL without a pepper, or if no instance that
-- records it has started yet.
CREATE TABLE password_pepper (
    id        INTEGER NOT NULL PRIMARY KEY CONSTRAINT password_pepper_id_check CHECK (id = 1),
    pepper_id BYTEA   CONSTRAINT password_pepper_pepper_id_check CHECK (length(pepper_id) = 8)
);

INSERT INTO password_pepper (id) VALUES (1);

-- Whether the setup token comes from the configuration, so that one that is no longer configured can be told from one that was
-- made here.
ALTER TABLE setup ADD COLUMN token_configured BOOLEAN NOT NULL DEFAULT FALSE;
