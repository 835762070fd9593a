-- People. `email` is stored normalised (lower case, ASCII), so that the case-insensitive key adds nothing but safety.
CREATE TABLE users (
    id            BINARY(16)   NOT NULL,
    email         VARCHAR(254) NOT NULL,
    password_hash VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    name          VARCHAR(80)  NOT NULL,
    locale        VARCHAR(2)   NOT NULL,
    time_zone     VARCHAR(64)  NOT NULL,
    is_admin      TINYINT(1)   NOT NULL,
    state         VARCHAR(10)  NOT NULL,
    created_at    DATETIME(6)  NOT NULL,
    version       BIGINT       NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY users_email (email),
    KEY users_state (state, id),
    CONSTRAINT users_state CHECK (state IN ('active', 'suspended', 'deleted')),
    CONSTRAINT users_locale CHECK (locale IN ('ko', 'en'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- What was done to a user, one row per version after the first: the version this act led to.
CREATE TABLE user_history (
    user_id    BINARY(16)   NOT NULL,
    version    BIGINT       NOT NULL,
    action     VARCHAR(24)  NOT NULL,
    note       VARCHAR(500) NULL,
    actor_kind VARCHAR(12)  NOT NULL,
    actor_id   BINARY(16)   NULL,
    request_id VARCHAR(64)  NOT NULL,
    at         DATETIME(6)  NOT NULL,
    PRIMARY KEY (user_id, version),
    CONSTRAINT user_history_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- One row per person, made at registration: locked first by whoever changes or reserves a person's time.
CREATE TABLE calendars (
    person_id BINARY(16) NOT NULL,
    version   BIGINT     NOT NULL,
    PRIMARY KEY (person_id),
    CONSTRAINT calendars_person FOREIGN KEY (person_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One login on one device: a family of refresh tokens.
CREATE TABLE sessions (
    id             BINARY(16)   NOT NULL,
    user_id        BINARY(16)   NOT NULL,
    user_agent     VARCHAR(255) NOT NULL,
    created_at     DATETIME(6)  NOT NULL,
    last_seen_at   DATETIME(6)  NOT NULL,
    revoked_at     DATETIME(6)  NULL,
    revoked_reason VARCHAR(16)  NULL,
    PRIMARY KEY (id),
    KEY sessions_user (user_id, id),
    CONSTRAINT sessions_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- Only SHA-256 hashes. A used token stays, so that its reuse is noticed.
CREATE TABLE refresh_tokens (
    token_hash BINARY(32)  NOT NULL,
    session_id BINARY(16)  NOT NULL,
    issued_at  DATETIME(6) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    used_at    DATETIME(6) NULL,
    PRIMARY KEY (token_hash),
    KEY refresh_tokens_session (session_id),
    CONSTRAINT refresh_tokens_session FOREIGN KEY (session_id) REFERENCES sessions (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Push tokens. The hash is the key because a token is longer than an index key may be on every server.
CREATE TABLE device_tokens (
    token_hash BINARY(32)   NOT NULL,
    token      VARCHAR(512) NOT NULL,
    user_id    BINARY(16)   NOT NULL,
    platform   VARCHAR(8)   NOT NULL,
    created_at DATETIME(6)  NOT NULL,
    PRIMARY KEY (token_hash),
    KEY device_tokens_user (user_id),
    CONSTRAINT device_tokens_platform CHECK (platform IN ('web', 'android', 'ios')),
    CONSTRAINT device_tokens_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
