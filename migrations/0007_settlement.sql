-- An entry is about a reservation or about a payout, which pays many.
ALTER TABLE ledger_entries
    MODIFY reservation_id BINARY(16) NULL,
    ADD COLUMN payout_id BINARY(16) NULL,
    ADD KEY ledger_payout (payout_id),
    ADD KEY ledger_at (at);
ALTER TABLE ledger_postings
    MODIFY reservation_id BINARY(16) NULL;

-- A reservation has one line for what it earned, and one more for each time some of it was given back. A line that
-- was paid is never changed: what is given back afterwards is a line of its own, netted by the next batch (I11).
ALTER TABLE settlement_lines
    DROP CONSTRAINT lines_sum,
    DROP KEY lines_reservation,
    ADD COLUMN line_key        VARCHAR(80)  NOT NULL DEFAULT 'accrual',
    ADD COLUMN vat_krw         BIGINT       NOT NULL DEFAULT 0,
    ADD COLUMN withholding_krw BIGINT       NOT NULL DEFAULT 0,
    ADD COLUMN vat_bps         INT UNSIGNED NOT NULL DEFAULT 0,
    ADD COLUMN withholding_bps INT UNSIGNED NOT NULL DEFAULT 0,
    -- Until then a problem may be reported (UTC).
    ADD COLUMN release_at      DATETIME(6)  NULL,
    -- Why a line whose window is over was not released.
    ADD COLUMN held_reason     VARCHAR(80)  NULL,
    ADD COLUMN payout_id       BINARY(16)   NULL,
    ADD COLUMN updated_at      DATETIME(6)  NULL,
    ADD UNIQUE KEY lines_once (reservation_id, line_key),
    ADD KEY lines_ready (state, mentor_id, id),
    ADD KEY lines_payout (payout_id),
    ADD CONSTRAINT lines_sum CHECK (gross_krw = fee_krw + withholding_krw + net_krw),
    ADD CONSTRAINT lines_state CHECK (state IN ('accrued', 'held', 'frozen', 'ready', 'paying', 'paid', 'reversed'));
UPDATE settlement_lines SET updated_at = created_at WHERE updated_at IS NULL;

-- Who keeps the lines of a reservation from being paid: a dispute, an operator. Frozen while there is one.
CREATE TABLE settlement_freezes (
    reservation_id BINARY(16)  NOT NULL,
    holder         VARCHAR(64) NOT NULL,
    at             DATETIME(6) NOT NULL,
    PRIMARY KEY (reservation_id, holder)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- How a mentor is taxed when something is earned: nothing is withheld from a registered business.
CREATE TABLE tax_profiles (
    mentor_id   BINARY(16)  NOT NULL,
    is_business BOOLEAN     NOT NULL,
    updated_at  DATETIME(6) NOT NULL,
    PRIMARY KEY (mentor_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who did not come to a session: 'mentee', 'mentor' or 'both'.
ALTER TABLE reservations
    ADD COLUMN absent VARCHAR(8) NULL,
    ADD CONSTRAINT reservations_absent CHECK (absent IN ('mentee', 'mentor', 'both'));
