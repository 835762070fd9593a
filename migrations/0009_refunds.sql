-- What a mentee who cancels gets back, by name; a reservation freezes the number of the version (`policy_version`).
ALTER TABLE offerings
    ADD COLUMN refund_policy VARCHAR(12) COLLATE utf8mb4_bin NOT NULL DEFAULT 'standard',
    ADD CONSTRAINT offerings_refund_policy CHECK (refund_policy IN ('flexible', 'standard', 'strict'));

-- A promise of what a cancellation gives back: good for minutes, for one version of one reservation, for one person,
-- once.
CREATE TABLE cancellation_quotes (
    id                  BINARY(16)   NOT NULL,
    reservation_id      BINARY(16)   NOT NULL,
    reservation_version BIGINT       NOT NULL,
    user_id             BINARY(16)   NOT NULL,
    refund_krw          BIGINT       NOT NULL,
    share_bps           INT UNSIGNED NOT NULL,
    -- What holds after the tier of the quote, and from when on (UTC).
    next_at             DATETIME(6)  NULL,
    next_refund_krw     BIGINT       NULL,
    next_share_bps      INT UNSIGNED NULL,
    created_at          DATETIME(6)  NOT NULL,
    -- The instant itself is still good.
    valid_until         DATETIME(6)  NOT NULL,
    used_at             DATETIME(6)  NULL,
    PRIMARY KEY (id),
    KEY quotes_reservation (reservation_id),
    KEY quotes_age (valid_until),
    CONSTRAINT quotes_refund CHECK (refund_krw >= 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

ALTER TABLE refunds
    MODIFY state VARCHAR(24) NOT NULL,
    -- Who pays for it, where an operator chose: 'shared' or 'platform'.
    ADD COLUMN bearer         VARCHAR(12)   NULL,
    ADD COLUMN reason         VARCHAR(500)  COLLATE utf8mb4_unicode_ci NULL,
    -- The administrator who asked for it, and the one who agreed or not.
    ADD COLUMN requested_by   BINARY(16)    NULL,
    ADD COLUMN decided_by     BINARY(16)    NULL,
    -- The payer's bank account, for payments by virtual account: sealed, and wiped when the refund is over.
    ADD COLUMN account_sealed VARBINARY(600) NULL,
    -- An operator ends it: 'by_hand' (given back outside the provider) or 'abandoned', and says why. A job compares
    -- that with the provider first.
    ADD COLUMN ending        VARCHAR(12)   NULL,
    ADD COLUMN evidence       VARCHAR(1000) COLLATE utf8mb4_unicode_ci NULL,
    -- Lines of the refund's history.
    ADD COLUMN changes        INT UNSIGNED  NOT NULL DEFAULT 0,
    ADD KEY refunds_listed (state, id),
    ADD CONSTRAINT refunds_bearer CHECK (bearer IN ('shared', 'platform')),
    ADD CONSTRAINT refunds_ending CHECK (ending IN ('by_hand', 'abandoned')),
    ADD CONSTRAINT refunds_known_state CHECK (state IN ('awaiting_approval', 'rejected', 'queued', 'needs_account',
        'sent', 'unknown', 'manual_review', 'done', 'by_hand', 'abandoned'));

-- Who moved a refund from where to where, when and why. Append-only.
CREATE TABLE refund_history (
    refund_id  BINARY(16)    NOT NULL,
    number     INT UNSIGNED  NOT NULL,
    from_state VARCHAR(24)   NULL,
    to_state   VARCHAR(24)   NOT NULL,
    reason     VARCHAR(1000) COLLATE utf8mb4_unicode_ci NULL,
    actor_kind VARCHAR(12)   NOT NULL,
    actor_id   BINARY(16)    NULL,
    request_id VARCHAR(64)   NOT NULL,
    at         DATETIME(6)   NOT NULL,
    PRIMARY KEY (refund_id, number)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What administrators count against a mentor, once for each reservation and cause.
CREATE TABLE mentor_strikes (
    mentor_id      BINARY(16)  NOT NULL,
    reservation_id BINARY(16)  NOT NULL,
    cause          VARCHAR(24) NOT NULL,
    at             DATETIME(6) NOT NULL,
    PRIMARY KEY (mentor_id, reservation_id, cause)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
