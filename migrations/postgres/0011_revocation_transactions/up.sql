-- Entries are found by the transaction that wrote them: a reader asks for those of transactions that its last snapshot did not
-- contain. Numbers no longer follow the order of commits by themselves, so writers no longer wait for each other. The default
-- also serves instances of the last release, which do not name the column.

ALTER TABLE revocations
    ADD COLUMN transaction_id BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint);

CREATE INDEX revocations_transaction_id ON revocations (transaction_id);
