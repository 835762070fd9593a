-- What the two sides of a completed session say of one another: one row per session and side, which stays when its author
-- takes the review back. Nobody but the author is shown one that is sealed.
CREATE TABLE reviews (
    id              BINARY(16)       NOT NULL,
    reservation_id  BINARY(16)       NOT NULL,
    author_id       BINARY(16)       NOT NULL,
    -- Whom it is about.
    subject_id      BINARY(16)       NOT NULL,
    -- The side of the author.
    side            VARCHAR(8)       NOT NULL,
    stars           TINYINT UNSIGNED NOT NULL,
    body            TEXT             COLLATE utf8mb4_unicode_ci NOT NULL,
    state           VARCHAR(12)      NOT NULL,
    version         BIGINT           NOT NULL,
    -- The end of the window (UTC): a sealed one is published then at the latest.
    publish_at      DATETIME(6)      NOT NULL,
    published_at    DATETIME(6)      NULL,
    -- Why the words are not shown.
    hidden          VARCHAR(16)      NULL,
    -- What the subject says to it.
    reply           TEXT             COLLATE utf8mb4_unicode_ci NULL,
    replied_at      DATETIME(6)      NULL,
    reply_edited_at DATETIME(6)      NULL,
    reply_hidden    VARCHAR(16)      NULL,
    -- Reports that no administrator has looked into.
    open_reports    INT              NOT NULL DEFAULT 0,
    -- When the words of a withdrawn one go.
    forget_at       DATETIME(6)      NULL,
    created_at      DATETIME(6)      NOT NULL,
    updated_at      DATETIME(6)      NOT NULL,
    -- Whether its stars stand in the figures: also when the words are hidden for what they say, unless they are no review.
    counted         TINYINT AS (CASE WHEN state = 'published'
        AND (hidden IS NULL OR hidden IN ('abusive', 'personal_data', 'illegal')) THEN 1 ELSE 0 END) STORED,
    is_reported     TINYINT AS (CASE WHEN open_reports > 0 THEN 1 END) STORED,
    is_hidden       TINYINT AS (CASE WHEN hidden IS NOT NULL OR reply_hidden IS NOT NULL THEN 1 END) STORED,
    PRIMARY KEY (id),
    UNIQUE KEY reviews_once (reservation_id, side),
    KEY reviews_author (author_id, id),
    KEY reviews_subject (subject_id, published_at, id),
    KEY reviews_newest (subject_id, side, counted, published_at, id),
    KEY reviews_highest (subject_id, side, counted, stars, published_at, id),
    KEY reviews_due (state, publish_at),
    KEY reviews_reported (is_reported, id),
    KEY reviews_hidden (is_hidden, id),
    KEY reviews_forget (forget_at),
    KEY reviews_updated (updated_at),
    CONSTRAINT reviews_side CHECK (side IN ('mentee', 'mentor')),
    CONSTRAINT reviews_stars CHECK (stars BETWEEN 1 AND 5),
    CONSTRAINT reviews_state CHECK (state IN ('sealed', 'published', 'withdrawn')),
    CONSTRAINT reviews_published CHECK (state <> 'sealed' OR published_at IS NULL),
    CONSTRAINT reviews_shown CHECK (state <> 'published' OR published_at IS NOT NULL),
    CONSTRAINT reviews_others CHECK (author_id <> subject_id),
    CONSTRAINT reviews_replied CHECK (replied_at IS NULL OR published_at IS NOT NULL)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who did what to a review and when, with the words as they were from then on. No row is ever deleted; the words go at
-- `words_until`.
CREATE TABLE review_history (
    review_id   BINARY(16)       NOT NULL,
    version     BIGINT           NOT NULL,
    cause       VARCHAR(24)      NOT NULL,
    stars       TINYINT UNSIGNED NOT NULL,
    words       TEXT             COLLATE utf8mb4_unicode_ci NULL,
    words_until DATETIME(6)      NULL,
    reason      TEXT             COLLATE utf8mb4_unicode_ci NULL,
    actor_kind  VARCHAR(12)      NOT NULL,
    actor_id    BINARY(16)       NULL,
    request_id  VARCHAR(64)      NOT NULL,
    at          DATETIME(6)      NOT NULL,
    PRIMARY KEY (review_id, version),
    KEY review_history_words (words_until)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TRIGGER review_history_no_delete BEFORE DELETE ON review_history FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the history of reviews is append-only';

-- The figures of a person on one side of sessions, changed with the reviews that count. Integers alone: an average is
-- `total / reviews`.
CREATE TABLE review_sums (
    person_id  BINARY(16)  NOT NULL,
    -- The side the person was on.
    side       VARCHAR(8)  NOT NULL,
    stars_1    BIGINT      NOT NULL DEFAULT 0,
    stars_2    BIGINT      NOT NULL DEFAULT 0,
    stars_3    BIGINT      NOT NULL DEFAULT 0,
    stars_4    BIGINT      NOT NULL DEFAULT 0,
    stars_5    BIGINT      NOT NULL DEFAULT 0,
    reviews    BIGINT      NOT NULL DEFAULT 0,
    total      BIGINT      NOT NULL DEFAULT 0,
    -- When it was last compared with the rows.
    checked_at DATETIME(6) NOT NULL,
    PRIMARY KEY (person_id, side),
    KEY review_sums_checked (checked_at),
    CONSTRAINT review_sums_side CHECK (side IN ('mentee', 'mentor')),
    CONSTRAINT review_sums_positive CHECK (stars_1 >= 0 AND stars_2 >= 0 AND stars_3 >= 0 AND stars_4 >= 0 AND stars_5 >= 0),
    CONSTRAINT review_sums_count CHECK (reviews = stars_1 + stars_2 + stars_3 + stars_4 + stars_5),
    CONSTRAINT review_sums_total CHECK (total = stars_1 + 2 * stars_2 + 3 * stars_3 + 4 * stars_4 + 5 * stars_5)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who says that a review, or the reply to it, should not be shown. One per person and part.
CREATE TABLE review_reports (
    id          BINARY(16)  NOT NULL,
    review_id   BINARY(16)  NOT NULL,
    part        VARCHAR(8)  NOT NULL,
    reporter_id BINARY(16)  NOT NULL,
    reason      VARCHAR(16) NOT NULL,
    note        TEXT        COLLATE utf8mb4_unicode_ci NULL,
    at          DATETIME(6) NOT NULL,
    closed_at   DATETIME(6) NULL,
    outcome     VARCHAR(12) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY review_reports_once (review_id, part, reporter_id),
    KEY review_reports_reporter (reporter_id, at),
    KEY review_reports_closed (closed_at),
    CONSTRAINT review_reports_part CHECK (part IN ('review', 'reply')),
    CONSTRAINT review_reports_outcome CHECK ((closed_at IS NULL) = (outcome IS NULL))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What a mentor's record counts.
ALTER TABLE reservations ADD KEY reservations_mentor_state (mentor_id, state);
