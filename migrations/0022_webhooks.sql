-- What is told to systems outside: the change as it was when it was made, written by the transaction that made it, while
-- some endpoint listens. `seq` counts the changes of one subject, without gaps. The id is the change's.
CREATE TABLE webhook_events (
    id            BINARY(16)  NOT NULL,
    type          VARCHAR(64) NOT NULL,
    subject_kind  VARCHAR(16) NOT NULL,
    subject_id    BINARY(16)  NOT NULL,
    seq           BIGINT      NOT NULL,
    -- The bytes that are sent and signed.
    body          MEDIUMTEXT  NOT NULL,
    at            DATETIME(6) NOT NULL,
    -- When its deliveries were written.
    fanned_out_at DATETIME(6) NULL,
    PRIMARY KEY (id),
    UNIQUE KEY webhook_events_order (subject_id, seq),
    KEY webhook_events_waiting (fanned_out_at, at),
    KEY webhook_events_at (at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who listens. Secrets are sealed for their row; the old one is good until `old_until`.
CREATE TABLE webhook_endpoints (
    id              BINARY(16)     NOT NULL,
    url             VARCHAR(500)   NOT NULL,
    description     VARCHAR(200)   COLLATE utf8mb4_unicode_ci NOT NULL,
    -- Names of events, or beginnings such as 'payment.*'; empty: all.
    types           JSON           NOT NULL,
    state           VARCHAR(8)     NOT NULL,
    -- Of a disabled one: who or what ended it, in a word or an administrator's sentence.
    disabled_reason VARCHAR(500)   COLLATE utf8mb4_unicode_ci NULL,
    secret_sealed   VARBINARY(200) NULL,
    old_sealed      VARBINARY(200) NULL,
    old_until       DATETIME(6)    NULL,
    -- Since when nothing but failures came of it.
    failing_since   DATETIME(6)    NULL,
    -- What happened before it was enabled is not for it.
    enabled_at      DATETIME(6)    NOT NULL,
    version         BIGINT         NOT NULL,
    created_at      DATETIME(6)    NOT NULL,
    updated_at      DATETIME(6)    NOT NULL,
    PRIMARY KEY (id),
    KEY webhook_endpoints_state (state, id),
    CONSTRAINT webhook_endpoints_state CHECK (state IN ('enabled', 'disabled', 'deleted'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who changed an endpoint, from where to where. Append-only.
CREATE TABLE webhook_endpoint_history (
    endpoint_id BINARY(16)   NOT NULL,
    version     BIGINT       NOT NULL,
    from_state  VARCHAR(8)   NULL,
    to_state    VARCHAR(8)   NOT NULL,
    cause       VARCHAR(24)  NOT NULL,
    reason      VARCHAR(500) COLLATE utf8mb4_unicode_ci NULL,
    actor_kind  VARCHAR(12)  NOT NULL,
    actor_id    BINARY(16)   NULL,
    request_id  VARCHAR(64)  NOT NULL,
    at          DATETIME(6)  NOT NULL,
    PRIMARY KEY (endpoint_id, version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One event on its way to one endpoint.
CREATE TABLE webhook_deliveries (
    id           BINARY(16)   NOT NULL,
    event_id     BINARY(16)   NOT NULL,
    endpoint_id  BINARY(16)   NOT NULL,
    state        VARCHAR(10)  NOT NULL,
    -- Whether it was asked for by an administrator, as a test.
    is_test      BOOLEAN      NOT NULL,
    attempts     INT UNSIGNED NOT NULL,
    -- Why the last attempt failed, or why there will be no other.
    error        VARCHAR(500) NULL,
    created_at   DATETIME(6)  NOT NULL,
    updated_at   DATETIME(6)  NOT NULL,
    delivered_at DATETIME(6)  NULL,
    PRIMARY KEY (id),
    UNIQUE KEY webhook_deliveries_once (event_id, endpoint_id),
    KEY webhook_deliveries_listed (endpoint_id, state, id),
    KEY webhook_deliveries_waiting (state, updated_at),
    KEY webhook_deliveries_age (created_at),
    CONSTRAINT webhook_deliveries_state CHECK (state IN ('pending', 'delivered', 'failed'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Every try, written before it is made: one without an end is one of which nobody knows what became.
CREATE TABLE webhook_attempts (
    delivery_id BINARY(16)   NOT NULL,
    number      INT UNSIGNED NOT NULL,
    started_at  DATETIME(6)  NOT NULL,
    millis      INT UNSIGNED NULL,
    status      SMALLINT UNSIGNED NULL,
    error       VARCHAR(500) NULL,
    -- The beginning of the answer.
    answer      VARBINARY(1024) NULL,
    PRIMARY KEY (delivery_id, number),
    CONSTRAINT webhook_attempts_delivery FOREIGN KEY (delivery_id) REFERENCES webhook_deliveries (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Administrators are few among many.
ALTER TABLE users ADD KEY users_admins (is_admin, id);

-- Read by everything that happens, in the statement that numbers feeds: how many endpoints listen.
INSERT INTO topic_heads (topic, seq) VALUES ('webhooks', 0);
