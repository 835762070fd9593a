-- The provider is asked about a payment for one webhook at a time: by which job, and until when it is waited for; and when
-- the last look that came to its end began, which saw what every webhook from well before hinted at.
ALTER TABLE payment_attempts
    ADD COLUMN look_by    BINARY(16)  NULL,
    ADD COLUMN look_until DATETIME(6) NULL,
    ADD COLUMN looked_at  DATETIME(6) NULL;
