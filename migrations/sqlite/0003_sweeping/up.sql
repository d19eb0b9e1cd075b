-- What is too old to matter is found without reading what is not. None of these columns changes when a session is refreshed.

CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX attempts_last_at ON attempts (last_at);
CREATE INDEX revocations_at ON revocations (at);
