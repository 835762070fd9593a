//! A dispute and the one table of the moves it may make. Pure.

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::id::{DisputeId, EvidenceId, NoShowReportId, ReservationId, UserId};
use crate::money::Krw;
use crate::reservation::{Absent, Reservation};
use crate::settlement::Bearer;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "DisputeState")]
pub enum State {
    /// The other side may answer until the deadline.
    Open,
    /// Both sides may show evidence until the deadline.
    Answered,
    /// An administrator decides.
    InReview,
    /// A decision that costs the platform much waits for a second administrator.
    Proposed,
    Decided,
    /// The sides agreed.
    Accepted,
    Withdrawn,
}

crate::words!(State {
    Open => "open",
    Answered => "answered",
    InReview => "in_review",
    Proposed => "proposed",
    Decided => "decided",
    Accepted => "accepted",
    Withdrawn => "withdrawn",
});

/// What can happen to a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Move {
    /// The other side contests it, or offers less than was claimed.
    Answer,
    /// The other side agrees, but the money asked for is no longer held: somebody must decide to pay it.
    Concede,
    /// The sides agree on what is given back.
    Accept,
    /// The time to answer or to show evidence is over.
    Review,
    Propose,
    /// A second administrator does not agree with the proposal, or the first one takes it back.
    Return,
    Decide,
    Withdraw,
}

impl State {
    /// The table of allowed moves.
    pub fn after(self, step: Move) -> Option<Self> {
        use State as S;
        Some(match (self, step) {
            (S::Open, Move::Answer) => S::Answered,
            (S::Open, Move::Concede) | (S::Open | S::Answered, Move::Review) => S::InReview,
            // By the other side at once, or by the opener who takes what the other side offered.
            (S::Open | S::Answered | S::InReview, Move::Accept) => S::Accepted,
            (S::InReview, Move::Propose) => S::Proposed,
            (S::Proposed, Move::Return) => S::InReview,
            (S::InReview | S::Proposed, Move::Decide) => S::Decided,
            (S::Open | S::Answered | S::InReview | S::Proposed, Move::Withdraw) => S::Withdrawn,
            _ => return None,
        })
    }

    /// Whether it keeps the reservation's lines frozen.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Open | Self::Answered | Self::InReview | Self::Proposed)
    }

    /// The state that the sides are shown: a proposal is the back office's own affair.
    #[must_use]
    pub fn shown(self) -> Self {
        if self == Self::Proposed { Self::InReview } else { self }
    }
}

impl Move {
    pub const ALL: [Self; 8] = [
        Self::Answer,
        Self::Concede,
        Self::Accept,
        Self::Review,
        Self::Propose,
        Self::Return,
        Self::Decide,
        Self::Withdraw,
    ];

    /// The word in history rows.
    pub fn cause(self) -> &'static str {
        match self {
            Self::Answer => "answered",
            Self::Concede => "conceded",
            Self::Accept => "accepted",
            Self::Review => "in_review",
            Self::Propose => "proposed",
            Self::Return => "returned",
            Self::Decide => "decided",
            Self::Withdraw => "withdrawn",
        }
    }

    /// The last part of the event's name; `None` for what the sides are not told.
    pub fn told_as(self) -> Option<&'static str> {
        match self {
            Self::Propose | Self::Return => None,
            Self::Concede => Some("answered"),
            _ => Some(self.cause()),
        }
    }
}

/// Who acts in a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "DisputeParty")]
pub enum Party {
    Mentee,
    Mentor,
    /// Opens the review of a session to which nobody came.
    Platform,
}

crate::words!(Party { Mentee => "mentee", Mentor => "mentor", Platform => "platform" });

impl Party {
    /// The side of a member of the reservation.
    pub fn of(user: UserId, r: &Reservation) -> Option<Self> {
        Self::among(user, r.mentor_id, r.mentee_id)
    }

    fn among(user: UserId, mentor: UserId, mentee: UserId) -> Option<Self> {
        if user == mentor { Some(Self::Mentor) } else { (user == mentee).then_some(Self::Mentee) }
    }
}

/// What the problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "DisputeKind")]
pub enum Kind {
    /// The session did not take place.
    NotHeld,
    Quality,
    /// Somebody did not come, or is wrongly said not to have come.
    NoShow,
    Technical,
    Other,
}

crate::words!(Kind {
    NotHeld => "not_held",
    Quality => "quality",
    NoShow => "no_show",
    Technical => "technical",
    Other => "other",
});

/// What an administrator says of the claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "DisputeOutcome")]
pub enum Outcome {
    Upheld,
    Partly,
    Dismissed,
}

crate::words!(Outcome { Upheld => "upheld", Partly => "partly", Dismissed => "dismissed" });

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum EvidenceKind {
    Statement,
    Link,
}

crate::words!(EvidenceKind { Statement => "statement", Link => "link" });

/// A row of `disputes`. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Dispute {
    pub id: DisputeId,
    pub reservation_id: ReservationId,
    pub mentor_id: UserId,
    pub mentee_id: UserId,
    pub opened_by: Party,
    pub kind: Kind,
    pub description: String,
    /// Asked back by a mentee, or to be paid by a mentor. The review of a session to which nobody came asks for the
    /// price.
    pub claim_krw: Krw,
    pub state: State,
    pub version: i64,
    /// When the state ends by itself.
    pub deadline: Option<Instant>,
    /// What the other side said.
    pub answer: Option<String>,
    /// What the other side agrees to.
    pub offer_krw: Option<Krw>,
    pub answered_at: Option<Instant>,
    pub outcome: Option<Outcome>,
    /// Given back to the mentee, or proposed to be.
    pub refund_krw: Option<Krw>,
    /// Paid to the mentor out of the platform's own pocket, or proposed to be; the platform's fee is taken of it.
    pub compensation_krw: Option<Krw>,
    pub bearer: Option<Bearer>,
    pub decision_reason: Option<String>,
    pub decided_by: Option<UserId>,
    pub approved_by: Option<UserId>,
    pub closed_at: Option<Instant>,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl Dispute {
    /// The side of a member.
    pub fn party_of(&self, user: UserId) -> Option<Party> {
        Party::among(user, self.mentor_id, self.mentee_id)
    }

    /// Whether `party` is the one to answer.
    pub fn is_answered_by(&self, party: Party) -> bool {
        self.opened_by != Party::Platform && self.opened_by != party
    }

    /// Whether evidence is taken at `now`: until the deadline of the answer or of the evidence.
    pub fn takes_evidence(&self, now: Instant) -> bool {
        matches!(self.state, State::Open | State::Answered) && self.deadline.is_some_and(|until| now < until)
    }

    /// Whether `party` may answer at `now`.
    pub fn may_answer(&self, party: Party, now: Instant) -> bool {
        self.is_answered_by(party)
            && self.state == State::Open
            && self.deadline.is_some_and(|until| now < until)
    }

    /// Whether `party` may take what the other side offered: money that is held, so that only a mentee can.
    pub fn may_take_offer(&self, party: Party) -> bool {
        self.opened_by == Party::Mentee
            && party == Party::Mentee
            && matches!(self.state, State::Answered | State::InReview)
            && self.offer_krw.is_some_and(Krw::is_positive)
    }

    /// Whether `party` may withdraw it.
    pub fn may_withdraw(&self, party: Party) -> bool {
        self.opened_by == party && self.state.is_live()
    }

    /// As if nobody had proposed a decision.
    pub(super) fn forget_decision(&mut self) {
        self.outcome = None;
        self.refund_krw = None;
        self.compensation_krw = None;
        self.bearer = None;
        self.decision_reason = None;
        self.decided_by = None;
    }

    /// Names its freeze, its refund and its postings.
    pub fn key(&self) -> String {
        format!("dispute:{}", self.id)
    }
}

/// What one side shows.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Evidence {
    pub id: EvidenceId,
    pub dispute_id: DisputeId,
    pub side: Party,
    pub author_id: UserId,
    pub kind: EvidenceKind,
    pub body: String,
    pub url: Option<String>,
    pub at: Instant,
}

/// One person's word that somebody did not come.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct NoShowReport {
    pub id: NoShowReportId,
    pub reservation_id: ReservationId,
    pub side: Party,
    pub reporter_id: UserId,
    pub absent: Absent,
    pub note: Option<String>,
    pub at: Instant,
}

/// One line of a dispute's history.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct HistoryRow {
    pub version: i64,
    pub from_state: Option<State>,
    pub to_state: State,
    pub cause: String,
    pub reason: Option<String>,
    pub actor_kind: String,
    pub actor_id: Option<uuid::Uuid>,
    pub request_id: String,
    pub at: Instant,
}

/// Whether a text is the address of a page that a browser may be sent to: https, a host, no password, nothing that
/// hides what it is.
pub(super) fn is_link(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    text.chars().count() <= 2_000
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '<' | '>' | '"'))
        && !authority.contains('@')
        && host.contains('.')
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
        && !host.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_stays_so_and_what_lives_ends() {
        for state in State::ALL {
            let ways: Vec<_> = Move::ALL.into_iter().filter_map(|step| state.after(step)).collect();
            assert_eq!(ways.is_empty(), !state.is_live(), "{state:?}");
            assert_eq!(ways.contains(&State::Withdrawn), state.is_live(), "{state:?}");
        }
    }

    #[test]
    fn money_moves_after_a_review_or_by_agreement_alone() {
        assert_eq!(State::Open.after(Move::Decide), None, "the other side is heard first");
        assert_eq!(State::Answered.after(Move::Decide), None, "the evidence is heard first");
        assert_eq!(State::Proposed.after(Move::Accept), None);
        assert_eq!(State::Decided.after(Move::Decide), None);
    }

    #[test]
    fn links_are_plain_https() {
        for good in ["https://example.com/a?b=c#d", "https://drive.example.co.kr:8443/x"] {
            assert!(is_link(good), "{good}");
        }
        for bad in [
            "http://example.com",
            "javascript:alert(1)",
            "https://",
            "https://localhost/x",
            "https://a@example.com/",
            "https://example.com/a b",
            "https://.com",
            "https://exam\u{202e}ple.com",
            "https://example.com/<script>",
        ] {
            assert!(!is_link(bad), "{bad}");
        }
        assert!(!is_link(&format!("https://example.com/{}", "a".repeat(2_000))));
    }
}
