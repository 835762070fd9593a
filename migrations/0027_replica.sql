-- When the primary was last written to on purpose (UTC): a replica that shows it is no older than that.
CREATE TABLE replica_beats (
    id TINYINT     NOT NULL,
    at DATETIME(6) NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

INSERT INTO replica_beats (id, at) VALUES (1, '1970-01-01 00:00:00');
