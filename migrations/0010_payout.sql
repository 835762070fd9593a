-- Who is paid, as the provider knows them: one payee for each mentor and kind of business, whose reference is never
-- used for another. (The provider lets neither the reference nor the kind of business of a payee change.)
CREATE TABLE payout_sellers (
    mentor_id          BINARY(16)   NOT NULL,
    business_type      VARCHAR(20)  NOT NULL,
    -- The provider's refSellerId.
    ref_seller_id      VARCHAR(20)  NOT NULL,
    -- The destination of payouts; absent until the provider is known to have the payee.
    provider_seller_id VARCHAR(100) NULL,
    status             VARCHAR(20)  NOT NULL,
    -- The account that the registration was first asked for with, and when: set before the first call.
    asked_account_id   BINARY(16)   NULL,
    asked_at           DATETIME(6)  NULL,
    updated_at         DATETIME(6)  NOT NULL,
    PRIMARY KEY (mentor_id, business_type),
    UNIQUE KEY sellers_ref (ref_seller_id),
    UNIQUE KEY sellers_provider (provider_seller_id),
    CONSTRAINT sellers_type CHECK (business_type IN ('individual', 'individual_business', 'corporate')),
    CONSTRAINT sellers_status CHECK (status IN ('unknown', 'approval_required', 'partially_approved', 'kyc_required', 'approved'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Where a mentor's money goes: every version that was given, at most one of them current.
CREATE TABLE payout_accounts (
    id                  BINARY(16)   NOT NULL,
    mentor_id           BINARY(16)   NOT NULL,
    -- From 1, by mentor.
    version             BIGINT       NOT NULL,
    business_type       VARCHAR(20)  NOT NULL,
    -- Of the person or the company.
    name                VARCHAR(60)  NOT NULL,
    representative_name VARCHAR(60)  NULL,
    business_number     CHAR(10)     NULL,
    email               VARCHAR(100) NOT NULL,
    phone               VARCHAR(15)  NOT NULL,
    bank_code           VARCHAR(20)  NOT NULL,
    holder_name         VARCHAR(60)  NOT NULL,
    -- AES-256-GCM, bound to the id; wiped when the provider has the number, or nobody needs it any more.
    number_sealed       VARBINARY(80) NULL,
    -- The last digits, for the mask.
    number_tail         VARCHAR(4)   NOT NULL,
    state               VARCHAR(12)  NOT NULL,
    -- Why the provider or the bank refused it.
    error_code          VARCHAR(80)  NULL,
    idempotency_key     VARCHAR(64)  NOT NULL,
    -- Nothing is paid out before (UTC); absent for a mentor's first account.
    frozen_until        DATETIME(6)  NULL,
    -- When its e-mail was told that another account has taken its place (UTC).
    warned_at           DATETIME(6)  NULL,
    created_at          DATETIME(6)  NOT NULL,
    updated_at          DATETIME(6)  NOT NULL,
    current_of          BINARY(16) AS (CASE WHEN state <> 'superseded' THEN mentor_id END) STORED,
    PRIMARY KEY (id),
    UNIQUE KEY accounts_version (mentor_id, version),
    UNIQUE KEY accounts_current (current_of),
    KEY accounts_state (state, updated_at),
    CONSTRAINT accounts_type CHECK (business_type IN ('individual', 'individual_business', 'corporate')),
    CONSTRAINT accounts_state CHECK (state IN ('registering', 'registered', 'rejected', 'superseded'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- One run of paying out: the one of a week, or one that an administrator asked for.
CREATE TABLE payout_batches (
    id          BINARY(16)  NOT NULL,
    due_at      DATETIME(6) NOT NULL,
    cause       VARCHAR(8)  NOT NULL,
    state       VARCHAR(8)  NOT NULL,
    -- Why it stands still: 'paused' or 'not_configured'.
    blocked     VARCHAR(20) NULL,
    -- The last mentor that was looked at.
    reached     BINARY(16)  NULL,
    actor_kind  VARCHAR(12) NOT NULL,
    actor_id    BINARY(16)  NULL,
    created_at  DATETIME(6) NOT NULL,
    finished_at DATETIME(6) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY batches_due (due_at),
    KEY batches_state (state, due_at),
    CONSTRAINT batches_cause CHECK (cause IN ('weekly', 'manual')),
    CONSTRAINT batches_state CHECK (state IN ('open', 'done'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One transfer to one mentor. Its id is the provider's refPayoutId; amount and destination never change.
CREATE TABLE payouts (
    id                 BINARY(16)   NOT NULL,
    batch_id           BINARY(16)   NOT NULL,
    mentor_id          BINARY(16)   NOT NULL,
    account_id         BINARY(16)   NOT NULL,
    destination        VARCHAR(100) NOT NULL,
    amount_krw         BIGINT       NOT NULL,
    -- Won that were ready and had to wait, because of the provider's weekly limit.
    carried_krw        BIGINT       NOT NULL,
    state              VARCHAR(14)  NOT NULL,
    idempotency_key    VARCHAR(64)  NOT NULL,
    provider_payout_id VARCHAR(100) NULL,
    -- When the provider was first asked (UTC).
    sent_at            DATETIME(6)  NULL,
    concluded_at       DATETIME(6)  NULL,
    error_code         VARCHAR(80)  NULL,
    -- The provider contradicted itself after the end: a person looks.
    alert              VARCHAR(80)  NULL,
    -- The provider's last answer, or what two administrators saw.
    evidence           MEDIUMTEXT   NULL,
    created_at         DATETIME(6)  NOT NULL,
    updated_at         DATETIME(6)  NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY payouts_once (batch_id, mentor_id),
    UNIQUE KEY payouts_provider (provider_payout_id),
    KEY payouts_mentor (mentor_id, id),
    KEY payouts_destination (destination),
    KEY payouts_state (state, updated_at),
    CONSTRAINT payouts_amount CHECK (amount_krw > 0 AND carried_krw >= 0),
    CONSTRAINT payouts_state CHECK (state IN ('queued', 'sent', 'unknown', 'in_progress', 'paid', 'failed', 'cancelled', 'manual_review'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Why a mentor with something ready was not paid by a batch.
CREATE TABLE payout_skips (
    batch_id   BINARY(16)  NOT NULL,
    mentor_id  BINARY(16)  NOT NULL,
    reason     VARCHAR(24) NOT NULL,
    -- What was ready: below zero when the mentor owes.
    amount_krw BIGINT      NOT NULL,
    at         DATETIME(6) NOT NULL,
    PRIMARY KEY (batch_id, mentor_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- How a payout that nobody else can decide was decided: one administrator says, another one confirms.
CREATE TABLE payout_resolutions (
    payout_id    BINARY(16)   NOT NULL,
    outcome      VARCHAR(8)   NOT NULL,
    evidence     VARCHAR(500) NOT NULL,
    asked_by     BINARY(16)   NOT NULL,
    asked_at     DATETIME(6)  NOT NULL,
    confirmed_by BINARY(16)   NULL,
    confirmed_at DATETIME(6)  NULL,
    PRIMARY KEY (payout_id),
    CONSTRAINT resolutions_outcome CHECK (outcome IN ('paid', 'failed'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- Whether money may leave: one row.
CREATE TABLE payout_controls (
    id     SMALLINT     NOT NULL,
    paused TINYINT(1)   NOT NULL,
    -- Why, since when (UTC), and by whom it is as it is.
    reason VARCHAR(500) NOT NULL,
    since  DATETIME(6)  NOT NULL,
    actor_kind VARCHAR(12) NOT NULL,
    actor_id   BINARY(16)  NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
INSERT INTO payout_controls (id, paused, reason, since, actor_kind) VALUES (1, 0, '', '2026-01-01 00:00:00', 'operator');

-- Every pause and release.
CREATE TABLE payout_control_history (
    seq        BIGINT       NOT NULL AUTO_INCREMENT,
    paused     TINYINT(1)   NOT NULL,
    reason     VARCHAR(500) NOT NULL,
    at         DATETIME(6)  NOT NULL,
    actor_kind VARCHAR(12)  NOT NULL,
    actor_id   BINARY(16)   NULL,
    request_id VARCHAR(64)  NOT NULL,
    PRIMARY KEY (seq)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
