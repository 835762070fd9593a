CREATE TABLE reservations (
    id               BINARY(16)   NOT NULL,
    offering_id      BINARY(16)   NOT NULL,
    mentor_id        BINARY(16)   NOT NULL,
    mentee_id        BINARY(16)   NOT NULL,
    -- Snapshots: a later change of the offering changes no booking.
    title            VARCHAR(100) COLLATE utf8mb4_unicode_ci NOT NULL,
    price_krw        BIGINT       NOT NULL,
    duration_min     INT UNSIGNED NOT NULL,
    time_zone        VARCHAR(64)  NOT NULL,
    policy_version   SMALLINT     NOT NULL,
    starts_at        DATETIME(6)  NOT NULL,
    ends_at          DATETIME(6)  NOT NULL,
    -- Grows when the session is moved; jobs of an older schedule do nothing.
    schedule_version BIGINT       NOT NULL,
    state            VARCHAR(20)  NOT NULL,
    version          BIGINT       NOT NULL,
    request_deadline DATETIME(6)  NULL,
    hold_until       DATETIME(6)  NULL,
    -- Whether an attempt to pay has failed since the hold began.
    payment_failed   BOOLEAN      NOT NULL,
    refund_krw       BIGINT       NULL,
    created_at       DATETIME(6)  NOT NULL,
    updated_at       DATETIME(6)  NOT NULL,
    live_mentee_id   BINARY(16) AS (CASE WHEN state IN ('requested', 'awaiting_payment', 'paying') THEN mentee_id END) STORED,
    PRIMARY KEY (id),
    KEY reservations_mentee (mentee_id, id),
    KEY reservations_mentor (mentor_id, id),
    KEY reservations_unpaid (live_mentee_id),
    KEY reservations_state (state, starts_at),
    CONSTRAINT reservations_price CHECK (price_krw >= 0),
    CONSTRAINT reservations_time CHECK (ends_at > starts_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who moved what from where to where, when and why. Append-only.
CREATE TABLE reservation_history (
    reservation_id BINARY(16)  NOT NULL,
    version        BIGINT      NOT NULL,
    from_state     VARCHAR(20) NULL,
    to_state       VARCHAR(20) NOT NULL,
    cause          VARCHAR(40) NOT NULL,
    reason         VARCHAR(500) COLLATE utf8mb4_unicode_ci NULL,
    actor_kind     VARCHAR(12) NOT NULL,
    actor_id       BINARY(16)  NULL,
    request_id     VARCHAR(64) NOT NULL,
    at             DATETIME(6) NOT NULL,
    PRIMARY KEY (reservation_id, version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE idempotency_keys (
    user_id      BINARY(16)   NOT NULL,
    idem_key     VARCHAR(128) NOT NULL,
    request_hash BINARY(32)   NOT NULL,
    response     MEDIUMTEXT   NULL,
    created_at   DATETIME(6)  NOT NULL,
    PRIMARY KEY (user_id, idem_key),
    KEY idempotency_age (created_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
