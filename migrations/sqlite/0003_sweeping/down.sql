DROP INDEX revocations_at;
DROP INDEX attempts_last_at;
DROP INDEX sessions_expires_at;
