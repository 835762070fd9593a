-- Codes that prove the mailbox somebody wants to change to.
-- rolling: the build before writes none of the new value, and what it writes is allowed as before.
ALTER TABLE email_codes DROP CONSTRAINT email_codes_purpose;
-- rolling: every value that was allowed still is.
ALTER TABLE email_codes
    ADD CONSTRAINT email_codes_purpose CHECK (purpose IN ('register', 'reset', 'verify', 'change'));

-- Addresses that people want to have, until the code comes back: one of a person, asked for in one login.
CREATE TABLE email_changes (
    user_id    BINARY(16)   NOT NULL,
    session_id BINARY(16)   NOT NULL,
    email      VARCHAR(254) NOT NULL,
    expires_at DATETIME(6)  NOT NULL,
    PRIMARY KEY (user_id),
    KEY email_changes_expiry (expires_at),
    CONSTRAINT email_changes_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Addresses that accounts had until lately, and can have again by a token that was mailed there. SHA-256 of the token; the
-- token itself stands here sealed, until it is mailed.
CREATE TABLE former_emails (
    id         BINARY(16)     NOT NULL,
    user_id    BINARY(16)     NOT NULL,
    email      VARCHAR(254)   NOT NULL,
    token_hash BINARY(32)     NOT NULL,
    sealed     VARBINARY(128) NULL,
    created_at DATETIME(6)    NOT NULL,
    expires_at DATETIME(6)    NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY former_emails_token (token_hash),
    KEY former_emails_email (email),
    KEY former_emails_user (user_id, created_at),
    KEY former_emails_expiry (expires_at),
    CONSTRAINT former_emails_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
