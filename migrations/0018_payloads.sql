-- One happening may concern ten thousand people at once: its job names them all, before it is split.
ALTER TABLE outbox MODIFY payload MEDIUMTEXT NOT NULL;
