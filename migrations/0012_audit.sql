-- What the audit found. `live_key` makes a finding unique while it lasts, and free to come again afterwards.
CREATE TABLE audit_findings (
    id          BINARY(16)   NOT NULL,
    check_name  VARCHAR(40)  NOT NULL,
    -- The row that breaks the rule: an id as text, or the provider's transaction key.
    subject     VARCHAR(64)  NOT NULL,
    is_money    BOOLEAN      NOT NULL,
    -- What was compared, as JSON.
    facts       TEXT         NOT NULL,
    first_seen  DATETIME(6)  NOT NULL,
    last_seen   DATETIME(6)  NOT NULL,
    resolved_at DATETIME(6)  NULL,
    live_key    VARCHAR(110) AS (CASE WHEN resolved_at IS NULL THEN CONCAT(check_name, ':', subject) END) STORED,
    PRIMARY KEY (id),
    UNIQUE KEY findings_live (live_key),
    KEY findings_check (check_name, resolved_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The last pass of each pace; `started_at` is the watermark of the recent one.
CREATE TABLE audit_passes (
    pace       VARCHAR(12) NOT NULL,
    started_at DATETIME(6) NOT NULL,
    ended_at   DATETIME(6) NOT NULL,
    subjects   BIGINT      NOT NULL,
    findings   BIGINT      NOT NULL,
    PRIMARY KEY (pace)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The provider's transaction list as it was read, and what of our books stands against each row. A row of ours that
-- the provider does not have stands here too, as `missing_there`, until the day is read again.
CREATE TABLE provider_transactions (
    transaction_key VARCHAR(64)  NOT NULL,
    payment_key     VARCHAR(200) NOT NULL,
    order_id        VARCHAR(64)  NOT NULL,
    kind            VARCHAR(12)  NOT NULL,
    status          VARCHAR(32)  NOT NULL,
    amount_krw      BIGINT       NOT NULL,
    -- The provider's own time (UTC), and its date in Korea.
    at              DATETIME(6)  NOT NULL,
    day             DATE         NOT NULL,
    match_state     VARCHAR(16)  NOT NULL,
    -- What we posted for it.
    ledger_krw      BIGINT       NULL,
    attempt_id      BINARY(16)   NULL,
    -- When a job was first asked to close the gap.
    asked_at        DATETIME(6)  NULL,
    seen_at         DATETIME(6)  NOT NULL,
    PRIMARY KEY (transaction_key),
    KEY provider_day (day, match_state),
    KEY provider_payment (payment_key),
    CONSTRAINT provider_kind CHECK (kind IN ('approval', 'cancel', 'reversal', 'other')),
    CONSTRAINT provider_match CHECK (match_state IN ('matched', 'missing_here', 'missing_there', 'differs'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The provider's books against ours, by days in Korea.
CREATE TABLE provider_days (
    day                 DATE        NOT NULL,
    checked_at          DATETIME(6) NOT NULL,
    transactions        BIGINT      NOT NULL,
    matched             BIGINT      NOT NULL,
    unexplained         BIGINT      NOT NULL,
    captured_krw        BIGINT      NOT NULL,
    cancelled_krw       BIGINT      NOT NULL,
    ledger_captured_krw BIGINT      NOT NULL,
    ledger_refunded_krw BIGINT      NOT NULL,
    PRIMARY KEY (day)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What was touched lately, for the pass that runs every few minutes.
ALTER TABLE reservations ADD KEY reservations_touched (updated_at);
ALTER TABLE payments ADD KEY payments_touched (updated_at);
ALTER TABLE payment_attempts
    ADD KEY attempts_touched (updated_at),
    ADD KEY attempts_transaction (transaction_key);
ALTER TABLE refunds
    ADD KEY refunds_touched (updated_at),
    ADD KEY refunds_of_transaction (transaction_key);
ALTER TABLE settlement_lines ADD KEY lines_touched (updated_at);
