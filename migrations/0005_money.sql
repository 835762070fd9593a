-- Double entry. An entry is one happening; its postings sum to zero. Debits are positive.
CREATE TABLE ledger_entries (
    id             BINARY(16)   NOT NULL,
    -- Names the happening: a second posting of it is refused.
    posting_key    VARCHAR(120) NOT NULL,
    kind           VARCHAR(32)  NOT NULL,
    reservation_id BINARY(16)   NOT NULL,
    at             DATETIME(6)  NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY ledger_once (posting_key),
    KEY ledger_reservation (reservation_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE ledger_postings (
    entry_id       BINARY(16)  NOT NULL,
    line           SMALLINT    NOT NULL,
    account        VARCHAR(24) NOT NULL,
    -- The mentor of a payable; nobody for the platform's own accounts.
    owner_id       BINARY(16)  NULL,
    reservation_id BINARY(16)  NOT NULL,
    amount_krw     BIGINT      NOT NULL,
    PRIMARY KEY (entry_id, line),
    KEY postings_reservation (reservation_id, account),
    KEY postings_owner (owner_id, account),
    CONSTRAINT postings_entry FOREIGN KEY (entry_id) REFERENCES ledger_entries (id),
    CONSTRAINT postings_amount CHECK (amount_krw <> 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the ledger is append-only';
CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the ledger is append-only';
CREATE TRIGGER ledger_postings_no_update BEFORE UPDATE ON ledger_postings FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the ledger is append-only';
CREATE TRIGGER ledger_postings_no_delete BEFORE DELETE ON ledger_postings FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the ledger is append-only';

-- One payment per reservation, many attempts, one success.
CREATE TABLE payments (
    id             BINARY(16)  NOT NULL,
    reservation_id BINARY(16)  NOT NULL,
    mentee_id      BINARY(16)  NOT NULL,
    amount_krw     BIGINT      NOT NULL,
    state          VARCHAR(20) NOT NULL,
    version        BIGINT      NOT NULL,
    created_at     DATETIME(6) NOT NULL,
    updated_at     DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY payments_reservation (reservation_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE payment_attempts (
    -- Its text is the provider's orderId.
    id              BINARY(16)   NOT NULL,
    payment_id      BINARY(16)   NOT NULL,
    payment_key     VARCHAR(200) NULL,
    state           VARCHAR(12)  NOT NULL,
    idempotency_key VARCHAR(64)  NOT NULL,
    -- When the provider was first asked to take the money.
    sent_at         DATETIME(6)  NULL,
    error_code      VARCHAR(80)  NULL,
    error_class     VARCHAR(16)  NULL,
    method          VARCHAR(40)  COLLATE utf8mb4_unicode_ci NULL,
    transaction_key VARCHAR(64)  NULL,
    -- The provider's last answer, without its secret: evidence.
    evidence        MEDIUMTEXT   NULL,
    created_at      DATETIME(6)  NOT NULL,
    updated_at      DATETIME(6)  NOT NULL,
    success_of      BINARY(16) AS (CASE WHEN state = 'done' THEN payment_id END) STORED,
    PRIMARY KEY (id),
    UNIQUE KEY attempts_payment_key (payment_key),
    UNIQUE KEY attempts_one_success (success_of),
    KEY attempts_payment (payment_id, id),
    KEY attempts_state (state, updated_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE refunds (
    id              BINARY(16)   NOT NULL,
    payment_id      BINARY(16)   NOT NULL,
    attempt_id      BINARY(16)   NOT NULL,
    reservation_id  BINARY(16)   NOT NULL,
    amount_krw      BIGINT       NOT NULL,
    cause           VARCHAR(40)  NOT NULL,
    state           VARCHAR(16)  NOT NULL,
    idempotency_key VARCHAR(64)  NOT NULL,
    sent_at         DATETIME(6)  NULL,
    transaction_key VARCHAR(64)  NULL,
    error_code      VARCHAR(80)  NULL,
    created_at      DATETIME(6)  NOT NULL,
    updated_at      DATETIME(6)  NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY refunds_once (attempt_id, cause),
    KEY refunds_reservation (reservation_id),
    KEY refunds_state (state, updated_at),
    CONSTRAINT refunds_amount CHECK (amount_krw > 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Webhooks as they came. Nothing in them is believed; a job re-reads the provider.
CREATE TABLE webhook_inbox (
    transmission_id VARCHAR(100) NOT NULL,
    body            MEDIUMTEXT   NOT NULL,
    received_at     DATETIME(6)  NOT NULL,
    outcome         VARCHAR(40)  NULL,
    processed_at    DATETIME(6)  NULL,
    PRIMARY KEY (transmission_id),
    KEY inbox_received (received_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE settlement_lines (
    id             BINARY(16)   NOT NULL,
    reservation_id BINARY(16)   NOT NULL,
    mentor_id      BINARY(16)   NOT NULL,
    gross_krw      BIGINT       NOT NULL,
    fee_krw        BIGINT       NOT NULL,
    net_krw        BIGINT       NOT NULL,
    fee_bps        INT UNSIGNED NOT NULL,
    rule_version   SMALLINT     NOT NULL,
    state          VARCHAR(12)  NOT NULL,
    created_at     DATETIME(6)  NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY lines_reservation (reservation_id),
    KEY lines_mentor (mentor_id, id),
    CONSTRAINT lines_sum CHECK (gross_krw = fee_krw + net_krw)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
