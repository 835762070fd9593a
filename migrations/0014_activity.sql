-- Who made a change, under which request and from where. One append writes a row per person: `change_id` is common
-- to them, and the row whose id it is (the head) alone carries the rest. Rows from before have none of it.
ALTER TABLE events
    ADD COLUMN change_id    BINARY(16)   NULL,
    -- Everybody the change was shown to.
    ADD COLUMN people       JSON         NULL,
    ADD COLUMN actor_kind   VARCHAR(16)  NULL,
    ADD COLUMN actor_id     BINARY(16)   NULL,
    ADD COLUMN request_id   VARCHAR(64)  NULL,
    -- Personal data: cleared once `origin_until` has passed.
    ADD COLUMN client_ip    VARCHAR(45)  NULL,
    ADD COLUMN user_agent   VARCHAR(200) NULL,
    -- Of what a job did: the worker and the job's kind.
    ADD COLUMN worker       VARCHAR(120) NULL,
    ADD COLUMN job_kind     VARCHAR(64)  NULL,
    ADD COLUMN origin_until DATETIME(6)  NULL,
    ADD KEY events_origin (origin_until);

-- A refill sets the mark back and begins a new generation: a pass of an older one moves it no more.
ALTER TABLE activity_watermark ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;

-- The log begins anew, in a collection of its own.
UPDATE activity_watermark SET event_id = x'00000000000000000000000000000000', generation = 1;
