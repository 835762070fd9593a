-- A problem with a session that one side reports and the other answers; undecided, a person decides. One at a time per
-- reservation. While it is open, the reservation's settlement lines are frozen under the holder 'dispute:<id>'.
CREATE TABLE disputes (
    id               BINARY(16)   NOT NULL,
    reservation_id   BINARY(16)   NOT NULL,
    mentor_id        BINARY(16)   NOT NULL,
    mentee_id        BINARY(16)   NOT NULL,
    -- 'mentee', 'mentor', or 'platform' where nobody came and somebody must decide.
    opened_by        VARCHAR(8)   NOT NULL,
    kind             VARCHAR(12)  NOT NULL,
    description      TEXT         COLLATE utf8mb4_unicode_ci NOT NULL,
    -- Won asked for: back, by a mentee; to be paid, by a mentor.
    claim_krw        BIGINT       NOT NULL,
    state            VARCHAR(12)  NOT NULL,
    version          BIGINT       NOT NULL,
    -- When the state ends by itself (UTC): the answer's or the evidence's last moment.
    deadline         DATETIME(6)  NULL,
    -- What the other side said, and the won it agrees to.
    answer           TEXT         COLLATE utf8mb4_unicode_ci NULL,
    offer_krw        BIGINT       NULL,
    answered_at      DATETIME(6)  NULL,
    -- The decision, or the proposal of one that waits for a second administrator.
    outcome          VARCHAR(12)  NULL,
    refund_krw       BIGINT       NULL,
    compensation_krw BIGINT       NULL,
    bearer           VARCHAR(8)   NULL,
    decision_reason  TEXT         COLLATE utf8mb4_unicode_ci NULL,
    decided_by       BINARY(16)   NULL,
    approved_by      BINARY(16)   NULL,
    closed_at        DATETIME(6)  NULL,
    created_at       DATETIME(6)  NOT NULL,
    updated_at       DATETIME(6)  NOT NULL,
    live_reservation BINARY(16) AS (CASE WHEN state IN ('open', 'answered', 'in_review', 'proposed') THEN reservation_id END) STORED,
    PRIMARY KEY (id),
    UNIQUE KEY disputes_one_live (live_reservation),
    KEY disputes_reservation (reservation_id, id),
    KEY disputes_mentor (mentor_id, id),
    KEY disputes_mentee (mentee_id, id),
    KEY disputes_state (state, id),
    KEY disputes_deadline (deadline),
    CONSTRAINT disputes_opener CHECK (opened_by IN ('mentee', 'mentor', 'platform')),
    CONSTRAINT disputes_kind CHECK (kind IN ('not_held', 'quality', 'no_show', 'technical', 'other')),
    CONSTRAINT disputes_state CHECK (state IN ('open', 'answered', 'in_review', 'proposed', 'decided', 'accepted', 'withdrawn')),
    CONSTRAINT disputes_claim CHECK (claim_krw >= 0),
    CONSTRAINT disputes_amounts CHECK (COALESCE(offer_krw, 0) >= 0 AND COALESCE(refund_krw, 0) >= 0
        AND COALESCE(compensation_krw, 0) >= 0)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who moved a dispute from where to where, when and why. Append-only.
CREATE TABLE dispute_history (
    dispute_id BINARY(16)  NOT NULL,
    version    BIGINT      NOT NULL,
    from_state VARCHAR(12) NULL,
    to_state   VARCHAR(12) NOT NULL,
    cause      VARCHAR(40) NOT NULL,
    reason     TEXT        COLLATE utf8mb4_unicode_ci NULL,
    actor_kind VARCHAR(12) NOT NULL,
    actor_id   BINARY(16)  NULL,
    request_id VARCHAR(64) NOT NULL,
    at         DATETIME(6) NOT NULL,
    PRIMARY KEY (dispute_id, version)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- What the sides show. Append-only: what was decided on stays as it was read.
CREATE TABLE dispute_evidence (
    id         BINARY(16)    NOT NULL,
    dispute_id BINARY(16)    NOT NULL,
    side       VARCHAR(8)    NOT NULL,
    author_id  BINARY(16)    NOT NULL,
    kind       VARCHAR(12)   NOT NULL,
    body       TEXT          COLLATE utf8mb4_unicode_ci NOT NULL,
    -- Of links: an https address.
    url        VARCHAR(2000) NULL,
    at         DATETIME(6)   NOT NULL,
    PRIMARY KEY (id),
    KEY evidence_dispute (dispute_id, id),
    CONSTRAINT evidence_side CHECK (side IN ('mentee', 'mentor')),
    CONSTRAINT evidence_kind CHECK (kind IN ('statement', 'link')),
    CONSTRAINT evidence_url CHECK ((kind = 'link') = (url IS NOT NULL)),
    CONSTRAINT evidence_of FOREIGN KEY (dispute_id) REFERENCES disputes (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

-- Who says that somebody did not come. Append-only; one per person and session.
CREATE TABLE no_show_reports (
    id             BINARY(16)  NOT NULL,
    reservation_id BINARY(16)  NOT NULL,
    side           VARCHAR(8)  NOT NULL,
    reporter_id    BINARY(16)  NOT NULL,
    absent         VARCHAR(8)  NOT NULL,
    note           TEXT        COLLATE utf8mb4_unicode_ci NULL,
    at             DATETIME(6) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY reports_once (reservation_id, reporter_id),
    CONSTRAINT reports_side CHECK (side IN ('mentee', 'mentor')),
    CONSTRAINT reports_absent CHECK (absent IN ('mentee', 'mentor', 'both'))
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE TRIGGER dispute_history_no_update BEFORE UPDATE ON dispute_history FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the history of disputes is append-only';
CREATE TRIGGER dispute_history_no_delete BEFORE DELETE ON dispute_history FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the history of disputes is append-only';
CREATE TRIGGER dispute_evidence_no_update BEFORE UPDATE ON dispute_evidence FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'evidence is append-only';
CREATE TRIGGER dispute_evidence_no_delete BEFORE DELETE ON dispute_evidence FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'evidence is append-only';
CREATE TRIGGER no_show_reports_no_update BEFORE UPDATE ON no_show_reports FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'evidence is append-only';
CREATE TRIGGER no_show_reports_no_delete BEFORE DELETE ON no_show_reports FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'evidence is append-only';

-- Reservations whose state earns their mentor nothing, and of which a decision gave the mentor what is held all the
-- same. `award_key` names the decision.
CREATE TABLE settlement_awards (
    reservation_id BINARY(16)  NOT NULL,
    award_key      VARCHAR(64) NOT NULL,
    at             DATETIME(6) NOT NULL,
    PRIMARY KEY (reservation_id, award_key)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;
