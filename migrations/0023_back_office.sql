-- What operators did: one row for each transaction of theirs, written by it. Append-only.
CREATE TABLE acts (
    id          BINARY(16)   NOT NULL,
    at          DATETIME(6)  NOT NULL,
    -- 'admin', or 'operator' with the command.
    actor_kind  VARCHAR(12)  NOT NULL,
    actor_id    BINARY(16)   NULL,
    -- What was asked for: 'POST /v1/admin/reservations/{id}/cancel'.
    operation   VARCHAR(120) NOT NULL,
    -- What it was about, and its kind as the address names it.
    object_kind VARCHAR(40)  NULL,
    object_id   BINARY(16)   NULL,
    reason      VARCHAR(1000) COLLATE utf8mb4_unicode_ci NULL,
    -- What moved from where to where: [{kind, id, from, to}].
    moves       JSON         NOT NULL,
    request_id  VARCHAR(64)  NOT NULL,
    PRIMARY KEY (id),
    KEY acts_actor (actor_id, id),
    KEY acts_object (object_id, id),
    KEY acts_operation (operation, id),
    KEY acts_request (request_id),
    KEY acts_at (at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TRIGGER acts_no_update BEFORE UPDATE ON acts FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'acts are append-only';
CREATE TRIGGER acts_no_delete BEFORE DELETE ON acts FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'acts are append-only';

-- What happened on one day of Korea, counted once the day is over; the present day is counted when it is asked for.
CREATE TABLE office_days (
    day    DATE        NOT NULL,
    figure VARCHAR(40) NOT NULL,
    amount BIGINT      NOT NULL,
    PRIMARY KEY (day, figure)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- One day of each is a short range of an index; so is a page of each list.
ALTER TABLE users ADD KEY users_created (created_at, id);
ALTER TABLE reservation_history ADD KEY reservation_history_at (at, to_state);
ALTER TABLE reservations ADD KEY reservations_created (created_at, id), ADD KEY reservations_starts (starts_at, id);
ALTER TABLE payments ADD KEY payments_state (state, id), ADD KEY payments_mentee (mentee_id, id),
    ADD KEY payments_created (created_at, id);
ALTER TABLE payouts ADD KEY payouts_created (created_at, id);

-- Queues of which nothing is given out, until an operator lets them go on.
CREATE TABLE queue_pauses (
    queue      VARCHAR(24)  NOT NULL,
    reason     VARCHAR(500) COLLATE utf8mb4_unicode_ci NOT NULL,
    since      DATETIME(6)  NOT NULL,
    actor_kind VARCHAR(12)  NOT NULL,
    actor_id   BINARY(16)   NULL,
    PRIMARY KEY (queue)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
