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
