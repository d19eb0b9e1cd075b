-- How often the refresh token before the current one was repeated from another address or client than the rotation's.
--
-- The count belongs to one generation: it is zero whenever `repeated_generation` is not the current one. So a rotation
-- need not reset it, and one by an earlier version, which knows nothing of it, counts as well.

ALTER TABLE sessions ADD COLUMN repeats BIGINT NOT NULL DEFAULT 0
    CONSTRAINT sessions_repeats_check CHECK (repeats BETWEEN 0 AND 4294967295);
ALTER TABLE sessions ADD COLUMN repeated_generation BIGINT;
