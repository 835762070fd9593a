-- What people chose to hear of, and how. Without a row it is the default of its topic and channel.
CREATE TABLE notice_preferences (
    user_id    BINARY(16)  NOT NULL,
    topic      VARCHAR(12) NOT NULL,
    channel    VARCHAR(8)  NOT NULL,
    mode       VARCHAR(8)  NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    PRIMARY KEY (user_id, topic, channel),
    CONSTRAINT notice_preferences_channel CHECK (channel IN ('in_app', 'email', 'push')),
    CONSTRAINT notice_preferences_mode CHECK (mode IN ('at_once', 'digest', 'off')),
    CONSTRAINT notice_preferences_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- When people want to be left alone and when they want their digest: wall clocks of their own time zone, in minutes
-- and hours of the day. A row may be missing, and so may its quiet hours.
CREATE TABLE notice_hours (
    user_id     BINARY(16)  NOT NULL,
    quiet_start SMALLINT    NULL,
    quiet_end   SMALLINT    NULL,
    digest_hour TINYINT     NULL,
    updated_at  DATETIME(6) NOT NULL,
    PRIMARY KEY (user_id),
    CONSTRAINT notice_hours_quiet CHECK (
        (quiet_start IS NULL AND quiet_end IS NULL)
        OR (quiet_start BETWEEN 0 AND 1439 AND quiet_end BETWEEN 0 AND 1439 AND quiet_start <> quiet_end)
    ),
    CONSTRAINT notice_hours_digest CHECK (digest_hour BETWEEN 0 AND 23),
    CONSTRAINT notice_hours_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What waits to be told together: one row per person and window, which ends at `due_at`. Whoever turns `open` into
-- `closed` writes the one notice that tells it all.
CREATE TABLE notice_digests (
    id         BINARY(16)  NOT NULL,
    user_id    BINARY(16)  NOT NULL,
    due_at     DATETIME(6) NOT NULL,
    state      VARCHAR(8)  NOT NULL,
    created_at DATETIME(6) NOT NULL,
    closed_at  DATETIME(6) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY notice_digests_window (user_id, due_at),
    KEY notice_digests_closed (closed_at),
    CONSTRAINT notice_digests_state CHECK (state IN ('open', 'closed')),
    CONSTRAINT notice_digests_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- `gathered` waits in a digest, `digested` went out in one. `opened_at`: the person opened the push that brought it,
-- as their device says.
ALTER TABLE notices
    DROP CONSTRAINT notices_state,
    ADD COLUMN digest_id BINARY(16) NULL,
    ADD COLUMN opened_at DATETIME(6) NULL,
    ADD KEY notices_digest (digest_id, id);
ALTER TABLE notices
    ADD CONSTRAINT notices_state
        CHECK (state IN ('stored', 'queued', 'sent', 'failed', 'skipped', 'gathered', 'digested'));
