UPDATE revocations SET number = DEFAULT WHERE number < 0;
DROP INDEX revocations_transaction_id;
ALTER TABLE revocations DROP COLUMN transaction_id;
