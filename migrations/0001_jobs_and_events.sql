-- Durable jobs. `live_key` makes a dedup key unique while its row waits or runs, and free again afterwards.
CREATE TABLE outbox (
    id           BINARY(16)   NOT NULL,
    kind         VARCHAR(64)  NOT NULL,
    queue        VARCHAR(24)  NOT NULL,
    payload      TEXT         NOT NULL,
    dedup_key    VARCHAR(190) NULL,
    live_key     VARCHAR(190) AS (CASE WHEN state IN ('pending', 'published') THEN dedup_key END) STORED,
    subject      BINARY(16)   NULL,
    state        VARCHAR(10)  NOT NULL,
    run_at       DATETIME(6)  NOT NULL,
    attempts     INT UNSIGNED NOT NULL,
    delivery_id  BINARY(16)   NULL,
    worker       VARCHAR(120) NULL,
    claimed_at   DATETIME(6)  NULL,
    lease_until  DATETIME(6)  NULL,
    last_error   TEXT         NULL,
    request_id   VARCHAR(64)  NOT NULL,
    created_at   DATETIME(6)  NOT NULL,
    finished_at  DATETIME(6)  NULL,
    PRIMARY KEY (id),
    UNIQUE KEY outbox_live (live_key),
    KEY outbox_due (queue, state, run_at, id),
    KEY outbox_leases (state, lease_until),
    KEY outbox_subject (subject, kind),
    KEY outbox_finished (state, finished_at),
    CONSTRAINT outbox_state CHECK (state IN ('pending', 'published', 'done', 'dead', 'cancelled'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The head of each person's feed: locked until commit by whoever appends, so that sequences have no gaps.
CREATE TABLE topic_heads (
    topic VARCHAR(64) NOT NULL,
    seq   BIGINT      NOT NULL,
    PRIMARY KEY (topic)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TABLE events (
    topic VARCHAR(64)  NOT NULL,
    seq   BIGINT       NOT NULL,
    id    BINARY(16)   NOT NULL,
    type  VARCHAR(64)  NOT NULL,
    at    DATETIME(6)  NOT NULL,
    data  JSON         NOT NULL,
    PRIMARY KEY (topic, seq),
    UNIQUE KEY events_id (id),
    KEY events_at (at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
