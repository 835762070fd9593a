-- Languages a mentor speaks: ISO 639-1 codes with commas between them, without blanks.
ALTER TABLE mentors ADD COLUMN languages VARCHAR(40) COLLATE utf8mb4_bin NOT NULL DEFAULT '';

-- What the catalogue lists mentors by: one row per mentor who was ever approved. The first part is written by the
-- transaction that changes its source, the second by workers. Nothing here decides a booking.
CREATE TABLE mentor_cards (
    mentor_id        BINARY(16)   NOT NULL,
    approved_at      DATETIME(6)  NOT NULL,
    languages        VARCHAR(40)  NOT NULL,
    -- Of what everybody can book; NULL where there is nothing.
    lowest_price_krw BIGINT       NULL,
    shortest_min     INT UNSIGNED NULL,
    -- Name, headline, expertise and titles, one way of writing for all (see `mentor/terms.rs`).
    search_text      TEXT         NOT NULL,
    -- Copies of review_sums.
    stars_1          BIGINT       NOT NULL DEFAULT 0,
    stars_2          BIGINT       NOT NULL DEFAULT 0,
    stars_3          BIGINT       NOT NULL DEFAULT 0,
    stars_4          BIGINT       NOT NULL DEFAULT 0,
    stars_5          BIGINT       NOT NULL DEFAULT 0,
    -- The average in tenths of a star, as it is shown.
    rating_tenths    INT          NOT NULL DEFAULT 0,
    -- What lists are ordered by: thousandths of a star, few reviews drawn towards the middle; 0 without reviews.
    rating_rank      INT          NOT NULL DEFAULT 0,
    -- Rises with whatever slots depend on beside the calendar.
    revision         BIGINT       NOT NULL DEFAULT 1,
    -- When the first part was last compared with its sources.
    checked_at       DATETIME(6)  NOT NULL,

    next_free_at     DATETIME(6)  NULL,
    -- What the free days were made from: the calendar's version and the revision above.
    free_calendar    BIGINT       NOT NULL DEFAULT 0,
    free_revision    BIGINT       NOT NULL DEFAULT 0,
    -- When time alone makes them old; NULL: never.
    refresh_at       DATETIME(6)  NULL,
    -- Facts of the last 90 days; see docs/CATALOGUE.md.
    answers          INT          NOT NULL DEFAULT 0,
    answer_min       INT          NULL,
    sessions         INT          NOT NULL DEFAULT 0,
    completed        INT          NOT NULL DEFAULT 0,
    absences         INT          NOT NULL DEFAULT 0,
    facts_at         DATETIME(6)  NULL,

    price_order      BIGINT       AS (COALESCE(lowest_price_krw, 9000000000000000000)) STORED,
    free_order       DATETIME(6)  AS (COALESCE(next_free_at, '9999-12-31 00:00:00')) STORED,
    PRIMARY KEY (mentor_id),
    KEY mentor_cards_newest (approved_at, mentor_id),
    KEY mentor_cards_rating (rating_rank, mentor_id),
    KEY mentor_cards_price (price_order, mentor_id),
    KEY mentor_cards_free (free_order, mentor_id),
    KEY mentor_cards_refresh (refresh_at),
    KEY mentor_cards_checked (checked_at),
    KEY mentor_cards_facts (facts_at),
    CONSTRAINT mentor_cards_of FOREIGN KEY (mentor_id) REFERENCES mentors (user_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The words of each card's text: whole words of letters and digits, pairs of syllables where words are written without
-- blanks between them.
CREATE TABLE mentor_terms (
    mentor_id BINARY(16)  NOT NULL,
    term      VARCHAR(32) NOT NULL,
    PRIMARY KEY (mentor_id, term),
    KEY mentor_terms_term (term, mentor_id),
    CONSTRAINT mentor_terms_of FOREIGN KEY (mentor_id) REFERENCES mentor_cards (mentor_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- When the shortest session of a mentor can start: a bit per quarter of an hour of a day in UTC, 48 before noon and 48
-- after it, the lowest bit first. A day without any has no row.
CREATE TABLE mentor_free_days (
    mentor_id BINARY(16)      NOT NULL,
    day       DATE            NOT NULL,
    forenoon  BIGINT UNSIGNED NOT NULL,
    afternoon BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (mentor_id, day),
    KEY mentor_free_days_day (day, mentor_id),
    CONSTRAINT mentor_free_days_of FOREIGN KEY (mentor_id) REFERENCES mentor_cards (mentor_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Cards of those who are mentors already. Text, rating and slots are filled by the reconciler, which begins with those
-- that were never looked at.
INSERT INTO mentor_cards (mentor_id, approved_at, languages, search_text, checked_at)
SELECT user_id, COALESCE(decided_at, applied_at), '', '', '1970-01-01 00:00:00'
FROM mentors WHERE state IN ('approved', 'suspended');
