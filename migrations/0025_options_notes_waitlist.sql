-- Further durations of an offering with their prices, as JSON; the first one stands in the row itself. One of them may be
-- free.
ALTER TABLE offerings ADD COLUMN more_options JSON NULL;
ALTER TABLE offerings DROP CONSTRAINT offerings_price;
ALTER TABLE offerings ADD CONSTRAINT offerings_price CHECK (price_krw = 0 OR price_krw BETWEEN 1000 AND 10000000);

-- A mentor has not agreed to it yet, so nobody pays for it, also when the time to answer is over.
ALTER TABLE reservations ADD COLUMN needs_approval BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE reservations SET needs_approval = TRUE WHERE state = 'requested' AND extends_id IS NULL;

-- What the mentee asks before a session and what the mentor writes after it, for the two of them.
CREATE TABLE reservation_notes (
    reservation_id BINARY(16)  NOT NULL,
    question       TEXT        COLLATE utf8mb4_unicode_ci NULL,
    question_at    DATETIME(6) NULL,
    summary        TEXT        COLLATE utf8mb4_unicode_ci NULL,
    summary_at     DATETIME(6) NULL,
    PRIMARY KEY (reservation_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who waits for a slot of an offering. What becomes free is offered in the order of the ids, to one of each mentor's at a
-- time: `reservation_id` is the hold that was made for them.
CREATE TABLE waitlist_entries (
    id             BINARY(16)   NOT NULL,
    offering_id    BINARY(16)   NOT NULL,
    mentor_id      BINARY(16)   NOT NULL,
    mentee_id      BINARY(16)   NOT NULL,
    duration_min   INT UNSIGNED NOT NULL,
    from_at        DATETIME(6)  NOT NULL,
    to_at          DATETIME(6)  NOT NULL,
    state          VARCHAR(8)   NOT NULL,
    reservation_id BINARY(16)   NULL,
    created_at     DATETIME(6)  NOT NULL,
    updated_at     DATETIME(6)  NOT NULL,
    live_mentee_id BINARY(16) AS (CASE WHEN state IN ('waiting', 'offered') THEN mentee_id END) STORED,
    PRIMARY KEY (id),
    UNIQUE KEY waitlist_live (live_mentee_id, offering_id),
    KEY waitlist_queue (mentor_id, state, id),
    KEY waitlist_state (state, to_at),
    KEY waitlist_mentee (mentee_id, id),
    KEY waitlist_offer (reservation_id),
    CONSTRAINT waitlist_window CHECK (from_at < to_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
