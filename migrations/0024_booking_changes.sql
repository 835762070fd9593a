-- A booking that stands can be moved. `move_id` owns the cells that a proposal claims beside the booking's own, until it is
-- agreed to or ends. `moves_freely`: the mentee need not ask while the start is far. `refund_cap_bps`: the most of the
-- price that a mentee who moved it may still get back by cancelling.
ALTER TABLE reservations
    ADD COLUMN moves_freely   BOOLEAN      NOT NULL DEFAULT FALSE,
    ADD COLUMN move_id        BINARY(16)   NULL,
    ADD COLUMN move_by        VARCHAR(8)   NULL,
    ADD COLUMN move_to        DATETIME(6)  NULL,
    ADD COLUMN move_until     DATETIME(6)  NULL,
    ADD COLUMN move_proposals INT UNSIGNED NOT NULL DEFAULT 0,
    ADD COLUMN refund_cap_bps INT UNSIGNED NULL,
    ADD KEY reservations_mentee_fresh (mentee_id, updated_at),
    ADD KEY reservations_move_until (move_until),
    ADD CONSTRAINT reservations_move CHECK ((move_id IS NULL) = (move_by IS NULL) AND (move_id IS NULL) = (move_to IS NULL)
        AND (move_id IS NULL) = (move_until IS NULL) AND (move_id IS NULL OR state = 'confirmed'));

-- Of a line about a move: the start it is about to leave and the one that was proposed or taken.
ALTER TABLE reservation_history
    ADD COLUMN from_starts_at DATETIME(6) NULL,
    ADD COLUMN to_starts_at   DATETIME(6) NULL;
