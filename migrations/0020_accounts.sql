-- Whoever came by a provider has no password; an address is verified once its owner gave back a code that was mailed to
-- it, or a provider vouched for it.
ALTER TABLE users
    MODIFY password_hash VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,
    ADD COLUMN email_verified_at DATETIME(6) NULL;

-- Codes that prove a mailbox: one for an address and a purpose. The code itself stands here sealed, until it is mailed.
CREATE TABLE email_codes (
    email      VARCHAR(254)  NOT NULL,
    purpose    VARCHAR(8)    NOT NULL,
    id         BINARY(16)    NOT NULL,
    -- HMAC-SHA256 of the id and the code, base64url.
    code_mac   CHAR(43)      NOT NULL,
    sealed     VARBINARY(64) NULL,
    locale     VARCHAR(2)    NOT NULL,
    attempts   TINYINT       NOT NULL,
    created_at DATETIME(6)   NOT NULL,
    expires_at DATETIME(6)   NOT NULL,
    PRIMARY KEY (email, purpose),
    UNIQUE KEY email_codes_id (id),
    KEY email_codes_expiry (expires_at),
    CONSTRAINT email_codes_purpose CHECK (purpose IN ('register', 'reset', 'verify'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who somebody is to a provider. A person has one identity of each provider, an identity one person.
CREATE TABLE user_identities (
    provider   VARCHAR(191) NOT NULL,
    subject    VARCHAR(255) NOT NULL,
    user_id    BINARY(16)   NOT NULL,
    -- As the provider told it at the last login.
    email      VARCHAR(254) NULL,
    created_at DATETIME(6)  NOT NULL,
    used_at    DATETIME(6)  NOT NULL,
    PRIMARY KEY (provider, subject),
    UNIQUE KEY user_identities_user (user_id, provider),
    CONSTRAINT user_identities_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
