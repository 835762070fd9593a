-- A person who offers sessions, or asked to. `version` rises with every change.
CREATE TABLE mentors (
    user_id          BINARY(16)    NOT NULL,
    state            VARCHAR(10)   COLLATE utf8mb4_bin NOT NULL,
    headline         VARCHAR(120)  NOT NULL,
    bio              TEXT          NOT NULL,
    expertise        JSON          NOT NULL,
    career           TEXT          NOT NULL,
    company          VARCHAR(100)  NULL,
    company_hidden   BOOLEAN       NOT NULL,
    rejection_reason VARCHAR(1000) NULL,
    decided_by       BINARY(16)    NULL,
    decided_at       DATETIME(6)   NULL,
    applied_at       DATETIME(6)   NOT NULL,
    version          BIGINT        NOT NULL,
    PRIMARY KEY (user_id),
    KEY mentors_decided (state, decided_at, user_id),
    KEY mentors_applied (state, applied_at, user_id),
    CONSTRAINT mentors_user FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT mentors_state CHECK (state IN ('applied', 'approved', 'rejected', 'suspended'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- One row per change of state: who did it, when and why.
CREATE TABLE mentor_history (
    mentor_id  BINARY(16)    NOT NULL,
    version    BIGINT        NOT NULL,
    from_state VARCHAR(10)   COLLATE utf8mb4_bin NULL,
    to_state   VARCHAR(10)   COLLATE utf8mb4_bin NOT NULL,
    reason     VARCHAR(1000) NULL,
    actor_kind VARCHAR(10)   COLLATE utf8mb4_bin NOT NULL,
    actor_id   BINARY(16)    NULL,
    request_id VARCHAR(64)   COLLATE utf8mb4_bin NOT NULL,
    at         DATETIME(6)   NOT NULL,
    PRIMARY KEY (mentor_id, version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- What a mentor sells. A reservation copies price and duration, so a change never reaches one that exists.
CREATE TABLE offerings (
    id           BINARY(16)    NOT NULL,
    mentor_id    BINARY(16)    NOT NULL,
    title        VARCHAR(100)  NOT NULL,
    description  VARCHAR(4000) NOT NULL,
    price_krw    BIGINT        NOT NULL,
    duration_min INT UNSIGNED  NOT NULL,
    category     VARCHAR(40)   NOT NULL,
    kind         VARCHAR(10)   COLLATE utf8mb4_bin NOT NULL,
    is_public    BOOLEAN       NOT NULL,
    is_active    BOOLEAN       NOT NULL,
    version      BIGINT        NOT NULL,
    created_at   DATETIME(6)   NOT NULL,
    PRIMARY KEY (id),
    KEY offerings_mentor (mentor_id, id),
    KEY offerings_public (is_public, is_active, category, id),
    CONSTRAINT offerings_of_mentor FOREIGN KEY (mentor_id) REFERENCES mentors (user_id),
    CONSTRAINT offerings_price CHECK (price_krw BETWEEN 1000 AND 10000000),
    CONSTRAINT offerings_duration CHECK (duration_min BETWEEN 15 AND 480 AND MOD(duration_min, 15) = 0),
    CONSTRAINT offerings_kind CHECK (kind IN ('instant', 'approval'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- When a mentor can be booked. Times of day are local to `time_zone`, an IANA name.
CREATE TABLE schedules (
    mentor_id         BINARY(16)   NOT NULL,
    time_zone         VARCHAR(64)  NOT NULL,
    slot_interval_min INT UNSIGNED NOT NULL,
    buffer_before_min INT UNSIGNED NOT NULL,
    buffer_after_min  INT UNSIGNED NOT NULL,
    min_notice_min    INT UNSIGNED NOT NULL,
    horizon_days      INT UNSIGNED NOT NULL,
    version           BIGINT       NOT NULL,
    PRIMARY KEY (mentor_id),
    CONSTRAINT schedules_of_mentor FOREIGN KEY (mentor_id) REFERENCES mentors (user_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Weekly opening hours; weekday 0 is Monday, minutes count from local midnight, 1440 is the next one.
CREATE TABLE schedule_windows (
    mentor_id   BINARY(16)        NOT NULL,
    weekday     TINYINT UNSIGNED  NOT NULL,
    from_minute SMALLINT UNSIGNED NOT NULL,
    to_minute   SMALLINT UNSIGNED NOT NULL,
    PRIMARY KEY (mentor_id, weekday, from_minute),
    CONSTRAINT schedule_windows_of FOREIGN KEY (mentor_id) REFERENCES schedules (mentor_id) ON DELETE CASCADE,
    CONSTRAINT schedule_windows_span CHECK (weekday <= 6 AND from_minute < to_minute AND to_minute <= 1440)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One row per person and quarter of an hour (UTC) that a live reservation owns: the primary key is what makes a
-- double booking impossible.
CREATE TABLE slot_claims (
    person_id      BINARY(16) NOT NULL,
    cell_start     DATETIME   NOT NULL,
    reservation_id BINARY(16) NOT NULL,
    PRIMARY KEY (person_id, cell_start),
    KEY slot_claims_reservation (reservation_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
