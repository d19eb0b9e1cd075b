ALTER TABLE setup DROP COLUMN token_configured;
DROP TABLE password_pepper;
