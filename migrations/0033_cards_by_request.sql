-- Whether a mentor has only sessions that they approve: those want more notice.
ALTER TABLE mentor_cards ADD COLUMN by_request BOOLEAN NOT NULL DEFAULT FALSE;
