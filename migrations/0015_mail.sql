-- Addresses that refused mail. The row is the lock under which refusals are counted.
CREATE TABLE mail_addresses (
    -- Normalised, as in `users`.
    address    VARCHAR(254) NOT NULL,
    -- Since when nothing is sent there; mails are sent without it.
    off_since  DATETIME(6)  NULL,
    -- What the server of the address said last.
    reply      VARCHAR(500) NOT NULL,
    updated_at DATETIME(6)  NOT NULL,
    PRIMARY KEY (address),
    KEY mail_addresses_idle (off_since, updated_at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Permanent refusals of a mailbox since the last mail that it took, one per notice.
CREATE TABLE mail_refusals (
    notice_id BINARY(16)   NOT NULL,
    address   VARCHAR(254) NOT NULL,
    at        DATETIME(6)  NOT NULL,
    PRIMARY KEY (notice_id),
    KEY mail_refusals_address (address, at),
    KEY mail_refusals_age (at)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- The sessions in people's calendars: written before the invitation is sent, so that what may be there can be taken
-- out again.
CREATE TABLE mail_invitations (
    reservation_id BINARY(16)  NOT NULL,
    user_id        BINARY(16)  NOT NULL,
    -- The notice whose mail took it out again.
    withdrawn_by   BINARY(16)  NULL,
    updated_at     DATETIME(6) NOT NULL,
    PRIMARY KEY (reservation_id, user_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
