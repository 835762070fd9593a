-- An extension is a reservation of its own, for the cells right after the session it extends: always the first one of
-- the chain. `ended_at`: when both sides ended a session before its time.
ALTER TABLE reservations
    ADD COLUMN extends_id BINARY(16)  NULL,
    ADD COLUMN ended_at   DATETIME(6) NULL,
    ADD KEY reservations_extends (extends_id, starts_at);

-- Who was in a session's room, on which connection, from when to when: the evidence for no-shows and disputes. A row
-- is closed once; `seen_at` grows while it is open.
CREATE TABLE session_presences (
    id             BINARY(16)  NOT NULL,
    reservation_id BINARY(16)  NOT NULL,
    user_id        BINARY(16)  NOT NULL,
    side           VARCHAR(8)  NOT NULL,
    connection_id  BINARY(16)  NOT NULL,
    -- The process that served the connection.
    node           VARCHAR(64) NOT NULL,
    joined_at      DATETIME(6) NOT NULL,
    seen_at        DATETIME(6) NOT NULL,
    left_at        DATETIME(6) NULL,
    cause          VARCHAR(12) NULL,
    PRIMARY KEY (id),
    KEY presences_room (reservation_id, joined_at),
    KEY presences_open (left_at, seen_at),
    CONSTRAINT presences_side CHECK (side IN ('mentee', 'mentor')),
    CONSTRAINT presences_closed CHECK ((left_at IS NULL) = (cause IS NULL))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- When each process that serves rooms was last alive.
CREATE TABLE session_nodes (
    node    VARCHAR(64) NOT NULL,
    beat_at DATETIME(6) NOT NULL,
    PRIMARY KEY (node)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Times in which no process served rooms, written by the first one that is back.
CREATE TABLE session_outages (
    began_at DATETIME(6) NOT NULL,
    ended_at DATETIME(6) NOT NULL,
    PRIMARY KEY (began_at),
    KEY outages_ended (ended_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Sides who want to end a session before its time.
CREATE TABLE session_ends (
    reservation_id BINARY(16)  NOT NULL,
    user_id        BINARY(16)  NOT NULL,
    at             DATETIME(6) NOT NULL,
    PRIMARY KEY (reservation_id, user_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What was decided about who came, with what it was decided on, as JSON. Once per schedule of a session.
CREATE TABLE session_decisions (
    reservation_id   BINARY(16)  NOT NULL,
    schedule_version BIGINT      NOT NULL,
    verdict          VARCHAR(16) NOT NULL,
    facts            TEXT        NOT NULL,
    at               DATETIME(6) NOT NULL,
    PRIMARY KEY (reservation_id, schedule_version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Sessions that run already began before presence was recorded: nobody is judged by it.
INSERT INTO session_decisions (reservation_id, schedule_version, verdict, facts, at)
    SELECT id, schedule_version, 'not_recorded', '{}', updated_at FROM reservations WHERE state = 'in_session';
