-- What was really taken may differ from what was due; what is given back is compared to it.
-- A virtual account (number, bank, deadline) is the provider's and is shown to the payer. The secret that a deposit's
-- webhook carries stands here sealed.
ALTER TABLE payment_attempts
    MODIFY state VARCHAR(24) NOT NULL,
    ADD COLUMN captured_krw   BIGINT         NULL,
    ADD COLUMN account_number VARCHAR(40)    NULL,
    ADD COLUMN account_bank   VARCHAR(8)     NULL,
    ADD COLUMN account_holder VARCHAR(100)   COLLATE utf8mb4_unicode_ci NULL,
    -- Until then a deposit is accepted (UTC).
    ADD COLUMN account_due_at DATETIME(6)    NULL,
    ADD COLUMN secret_sealed  VARBINARY(400) NULL,
    -- How often the bank took a deposit back: each names its own posting.
    ADD COLUMN reversals      INT UNSIGNED   NOT NULL DEFAULT 0,
    -- When the provider last told us how it stands, whatever it said.
    ADD COLUMN read_at        DATETIME(6)    NULL,
    -- An operator ended it by hand.
    ADD COLUMN closed_by      BINARY(16)     NULL,
    ADD COLUMN closed_reason  VARCHAR(500)   COLLATE utf8mb4_unicode_ci NULL,
    ADD CONSTRAINT attempts_captured CHECK (captured_krw > 0);
UPDATE payment_attempts a JOIN payments p ON p.id = a.payment_id
    SET a.captured_krw = p.amount_krw WHERE a.state IN ('done', 'surplus');

-- Why money is given back, and the row or happening that this is about: a quote, a dispute, a cancel of the
-- provider. Each is refunded once. A cancel of the provider counts once, whoever asked for it.
ALTER TABLE refunds
    ADD COLUMN cause_ref VARCHAR(80) NOT NULL DEFAULT '',
    DROP KEY refunds_once,
    ADD UNIQUE KEY refunds_once (attempt_id, cause, cause_ref),
    ADD UNIQUE KEY refunds_transaction (attempt_id, transaction_key);

-- Webhooks as they came, byte for byte: a signature is over the bytes.
ALTER TABLE webhook_inbox
    MODIFY body MEDIUMBLOB NOT NULL,
    ADD COLUMN transmission_time VARCHAR(64)   NULL,
    ADD COLUMN retried_count     INT UNSIGNED  NULL,
    ADD COLUMN signature         VARCHAR(1024) NULL,
    ADD COLUMN event             VARCHAR(64)   NULL,
    -- How often the same transmission came again.
    ADD COLUMN duplicates        INT UNSIGNED  NOT NULL DEFAULT 0,
    ADD KEY inbox_open (processed_at, received_at);
