-- For PostgreSQL only. SQLite has one writer, so that numbers follow the order of commits.

SELECT 1;
