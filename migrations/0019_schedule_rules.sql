-- More rules of a schedule. `exceptions`: dates on which the weekly windows do not hold (national holidays, dates with
-- hours of their own, vacations), read and replaced as a whole; NULL: none. Limits count sessions by the mentor's wall
-- clock; NULL: any number.
ALTER TABLE schedules
    ADD COLUMN slot_offset_min     INT UNSIGNED NOT NULL DEFAULT 0,
    ADD COLUMN max_per_day         INT UNSIGNED NULL,
    ADD COLUMN max_per_week        INT UNSIGNED NULL,
    ADD COLUMN max_per_mentee_week INT UNSIGNED NULL,
    ADD COLUMN exceptions          JSON NULL;

-- `local_starts_at`: what the wall clock of `time_zone` shows at the start, by the zone data of the process that wrote
-- it. NULL: booked before it was kept. The key is for limits, and for what a mentor has ahead.
ALTER TABLE reservations
    ADD COLUMN local_starts_at DATETIME NULL,
    ADD KEY reservations_mentor_starts (mentor_id, starts_at);

-- The newest zone data by which bookings were looked through; one row.
CREATE TABLE zone_data (
    id         TINYINT UNSIGNED NOT NULL,
    version    VARCHAR(16)      NOT NULL,
    checked_at DATETIME(6)      NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT zone_data_one CHECK (id = 1)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
