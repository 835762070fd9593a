-- The trace that a job belongs to: a W3C traceparent of the transaction that wrote it, kept over all of its attempts.
-- Rows of builds before this one have none.
ALTER TABLE outbox ADD COLUMN trace VARCHAR(55) NULL;
