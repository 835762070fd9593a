-- One notice per happening, person and channel. The text is made when it is read or sent, from `kind` and `data`,
-- in the reader's language and time zone.
CREATE TABLE notices (
    id             BINARY(16)   NOT NULL,
    event_key      VARCHAR(160) NOT NULL,
    user_id        BINARY(16)   NOT NULL,
    channel        VARCHAR(8)   NOT NULL,
    kind           VARCHAR(64)  NOT NULL,
    -- No foreign key: its check would lock the reservation while the feeds are locked, in the order opposite to
    -- that of a reservation's own steps.
    reservation_id BINARY(16)   NULL,
    data           JSON         NOT NULL,
    -- `stored` is the only state of in-app notices; the others go from `queued` to one of three ends.
    state          VARCHAR(8)   NOT NULL,
    -- What the mail server or push service called it.
    provider_id    VARCHAR(255) NULL,
    -- Why it failed or was skipped, or why the last try did not end.
    error          VARCHAR(500) NULL,
    expires_at     DATETIME(6)  NULL,
    created_at     DATETIME(6)  NOT NULL,
    -- When it was last about to be handed over.
    attempted_at   DATETIME(6)  NULL,
    sent_at        DATETIME(6)  NULL,
    read_at        DATETIME(6)  NULL,
    deleted_at     DATETIME(6)  NULL,
    -- Indexes over what the owner sees, and over what is unread of it.
    shown          TINYINT(1) AS (CASE WHEN channel = 'in_app' AND deleted_at IS NULL THEN 1 END) STORED,
    unread         TINYINT(1) AS (CASE WHEN channel = 'in_app' AND deleted_at IS NULL AND read_at IS NULL THEN 1 END) STORED,
    PRIMARY KEY (id),
    UNIQUE KEY notices_once (event_key, user_id, channel),
    KEY notices_shown (user_id, shown, id),
    KEY notices_unread (user_id, unread, id),
    KEY notices_reservation (reservation_id, id),
    KEY notices_waiting (state, created_at),
    CONSTRAINT notices_channel CHECK (channel IN ('in_app', 'email', 'push')),
    CONSTRAINT notices_state CHECK (state IN ('stored', 'queued', 'sent', 'failed', 'skipped')),
    CONSTRAINT notices_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Devices that have got a push already, so that a retry for the others leaves them alone.
CREATE TABLE notice_pushes (
    notice_id   BINARY(16)   NOT NULL,
    -- SHA-256 of the device's token.
    token_hash  BINARY(32)   NOT NULL,
    provider_id VARCHAR(255) NOT NULL,
    sent_at     DATETIME(6)  NOT NULL,
    PRIMARY KEY (notice_id, token_hash),
    CONSTRAINT notice_pushes_notice FOREIGN KEY (notice_id) REFERENCES notices (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- A person's list of notices as one thing: locked until commit by whoever changes it, so that the unread counts
-- on the feed are exact and in order.
CREATE TABLE notice_inboxes (
    user_id BINARY(16) NOT NULL,
    version BIGINT     NOT NULL,
    PRIMARY KEY (user_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- How far the activity log has come: the id of the last event that was copied. Ids tell their time of creation.
CREATE TABLE activity_watermark (
    id         TINYINT     NOT NULL,
    event_id   BINARY(16)  NOT NULL,
    updated_at DATETIME(6) NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT INTO activity_watermark (id, event_id) VALUES (1, x'00000000000000000000000000000000');
