-- Second factors (RFC 6238). The secret is sealed; `last_step` is the last step of time whose code was used, so that no
-- code serves twice. Unconfirmed ones guard nothing.
CREATE TABLE second_factors (
    user_id      BINARY(16)     NOT NULL,
    secret       VARBINARY(128) NOT NULL,
    last_step    BIGINT         NOT NULL,
    created_at   DATETIME(6)    NOT NULL,
    confirmed_at DATETIME(6)    NULL,
    PRIMARY KEY (user_id),
    CONSTRAINT second_factors_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Each good once, in place of a code. HMAC-SHA256 alone, base64url.
CREATE TABLE recovery_codes (
    user_id BINARY(16)  NOT NULL,
    mac     CHAR(43)    NOT NULL,
    used_at DATETIME(6) NULL,
    PRIMARY KEY (user_id, mac),
    CONSTRAINT recovery_codes_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Logins whose password was right, and that wait for the second factor. SHA-256 of the token alone.
CREATE TABLE login_challenges (
    token_hash BINARY(32)  NOT NULL,
    user_id    BINARY(16)  NOT NULL,
    -- Whether an account that is being deleted shall stay.
    restores   TINYINT(1)  NOT NULL,
    attempts   TINYINT     NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    PRIMARY KEY (token_hash),
    KEY login_challenges_expiry (expires_at),
    KEY login_challenges_user (user_id),
    CONSTRAINT login_challenges_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- When the second factor was last shown in a login.
ALTER TABLE sessions ADD COLUMN factor_at DATETIME(6) NULL;

-- An account that is `leaving` is erased at `erase_at`, unless its owner comes back before.
ALTER TABLE users
    DROP CONSTRAINT users_state,
    ADD COLUMN erase_at DATETIME(6) NULL,
    -- The one that is shown.
    ADD COLUMN picture_id BINARY(16) NULL,
    ADD KEY users_erase (erase_at);
ALTER TABLE users
    ADD CONSTRAINT users_state CHECK (state IN ('active', 'suspended', 'leaving', 'deleted'));

-- Pictures of people: the row comes before the file, and goes after it.
CREATE TABLE user_pictures (
    id         BINARY(16)  NOT NULL,
    user_id    BINARY(16)  NOT NULL,
    file_key   VARCHAR(64) NOT NULL,
    media_type VARCHAR(32) NOT NULL,
    state      VARCHAR(8)  NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    KEY user_pictures_state (state, updated_at),
    KEY user_pictures_user (user_id),
    CONSTRAINT user_pictures_state CHECK (state IN ('coming', 'shown', 'gone'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
