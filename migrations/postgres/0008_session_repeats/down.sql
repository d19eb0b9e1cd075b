ALTER TABLE sessions DROP COLUMN repeated_generation;
ALTER TABLE sessions DROP COLUMN repeats;
