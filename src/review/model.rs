//! A review, and who may do what with it. Pure.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::content::{Content, Stars};
use crate::clock::Instant;
use crate::config::Rules;
use crate::id::{ReservationId, ReviewId, UserId};
use crate::reservation::{Absent, Reservation, State as Stage};

/// Versions of one review after which neither it nor the reply is written any more: the history keeps each.
pub(super) const MOST_VERSIONS: i64 = 100;
/// How long the words of a withdrawn review are kept for those who look into a complaint.
pub(super) const KEPT_AFTER_WITHDRAWAL: TimeDelta = TimeDelta::days(90);
/// How long the words before an edit are kept.
pub(super) const KEPT_IN_HISTORY: TimeDelta = TimeDelta::days(365);

/// The side of a session that somebody is on.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, poem_openapi::Enum,
)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "ReviewSide")]
pub enum Side {
    Mentee,
    Mentor,
}

crate::words!(Side { Mentee => "mentee", Mentor => "mentor" });

impl Side {
    pub fn of(user: UserId, r: &Reservation) -> Option<Self> {
        if r.mentor_id == user { Some(Self::Mentor) } else { (r.mentee_id == user).then_some(Self::Mentee) }
    }

    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Mentee => Self::Mentor,
            Self::Mentor => Self::Mentee,
        }
    }

    /// Who is on this side of a reservation.
    pub fn person(self, r: &Reservation) -> UserId {
        match self {
            Self::Mentee => r.mentee_id,
            Self::Mentor => r.mentor_id,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "ReviewState")]
pub enum State {
    /// Shown to its author alone.
    Sealed,
    Published,
    /// Its author took it back.
    Withdrawn,
}

crate::words!(State { Sealed => "sealed", Published => "published", Withdrawn => "withdrawn" });

/// What can happen to a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Written again while it is sealed, or after it was withdrawn before anybody saw it.
    Write,
    Publish,
    Withdraw,
}

impl State {
    /// The table of allowed moves.
    pub(super) fn after(self, step: Move) -> Option<Self> {
        Some(match (self, step) {
            (Self::Sealed | Self::Withdrawn, Move::Write) => Self::Sealed,
            (Self::Sealed, Move::Publish) => Self::Published,
            (Self::Sealed | Self::Published, Move::Withdraw) => Self::Withdrawn,
            _ => return None,
        })
    }
}

/// What is reported or hidden: the review's own words, or those of the reply to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "ReviewPart")]
pub enum Part {
    Review,
    Reply,
}

crate::words!(Part { Review => "review", Reply => "reply" });

/// Why an administrator hides words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "ReviewHidden")]
pub enum Hidden {
    /// Insults or threatens.
    Abusive,
    /// Tells what is nobody's business, such as a phone number.
    PersonalData,
    /// Must not be published by law.
    Illegal,
    /// Not about the session.
    OffTopic,
    /// Not what its author thinks of a session they were in: bought, extorted, or made up.
    Fake,
    Spam,
}

crate::words!(Hidden {
    Abusive => "abusive",
    PersonalData => "personal_data",
    Illegal => "illegal",
    OffTopic => "off_topic",
    Fake => "fake",
    Spam => "spam",
});

impl Hidden {
    /// Whether the stars still stand in the figures. Somebody who was there keeps their vote whatever their words were;
    /// what is no review of the session has none. The generated column `reviews.counted` says the same.
    pub fn still_counts(self) -> bool {
        matches!(self, Self::Abusive | Self::PersonalData | Self::Illegal)
    }
}

/// A row of `reviews`. All instants are UTC.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Review {
    pub id: ReviewId,
    pub reservation_id: ReservationId,
    pub author_id: UserId,
    /// Whom it is about.
    pub subject_id: UserId,
    /// The author's.
    pub side: Side,
    pub stars: Stars,
    pub body: String,
    pub state: State,
    pub version: i64,
    /// The end of the window.
    pub publish_at: Instant,
    pub published_at: Option<Instant>,
    pub hidden: Option<Hidden>,
    /// What the subject says to it.
    pub reply: Option<String>,
    pub replied_at: Option<Instant>,
    pub reply_edited_at: Option<Instant>,
    pub reply_hidden: Option<Hidden>,
    /// Reports that no administrator has looked into.
    pub open_reports: i32,
    /// When the words of a withdrawn one go.
    pub forget_at: Option<Instant>,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl Review {
    /// Whether its stars stand in the figures of its subject.
    pub fn counts(&self) -> bool {
        self.state == State::Published && self.hidden.is_none_or(Hidden::still_counts)
    }

    /// The words that readers are shown: none while they are hidden.
    pub fn shown_words(&self) -> Option<&str> {
        self.hidden.is_none().then_some(self.body.as_str())
    }

    pub fn shown_reply(&self) -> Option<&str> {
        self.reply.as_deref().filter(|_| self.reply_hidden.is_none())
    }

    /// Whether somebody may see it: one about a mentor is everybody's, one about a mentee that of the two alone.
    pub fn is_shown_to(&self, reader: UserId) -> bool {
        let is_member = [self.author_id, self.subject_id].contains(&reader);
        self.state == State::Published && (is_member || self.side == Side::Mentee && self.counts())
    }

    /// Who wrote a part of it.
    pub fn author_of(&self, part: Part) -> UserId {
        match part {
            Part::Review => self.author_id,
            Part::Reply => self.subject_id,
        }
    }

    /// Until when the reply can be edited; `None` before there is one.
    pub fn reply_until(&self, rules: &Rules) -> Option<Instant> {
        self.replied_at.map(|at| at + rules.review_reply_window())
    }

    /// Whether its subject may reply to it at `now`, or edit what they replied.
    pub fn takes_reply(&self, rules: &Rules, now: Instant) -> bool {
        self.state == State::Published
            && self.hidden.is_none()
            && self.reply_hidden.is_none()
            && self.reply_until(rules).is_none_or(|until| now < until)
    }

    pub(super) fn says(&self, content: &Content) -> bool {
        self.stars == content.stars && self.body == content.words.as_str()
    }
}

/// What of a session can be reviewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not over, or came to nothing before anything was paid.
    NotYet,
    /// Both sides may write until the instant.
    Open(Instant),
    /// It could be reviewed until the instant.
    Over(Instant),
    /// There are no stars to give; this is what became of it.
    Fact(Fact),
}

/// What became of a session that nobody gives stars to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case", rename = "SessionFact")]
pub enum Fact {
    MentorCancelled,
    MenteeCancelled,
    /// Neither side did.
    Cancelled,
    MentorNoShow,
    MenteeNoShow,
    NobodyCame,
    /// Everything that was paid for it was given back.
    Refunded,
}

impl Standing {
    /// `is_refunded`: everything that was paid was given back, or is promised. `canceller`: the side that cancelled.
    ///
    /// A completed session is one in which nobody was found to be absent: whoever was makes it a no-show, and where the
    /// record could not say, a dispute gave the money back or did not.
    pub fn of(
        r: &Reservation,
        rules: &Rules,
        now: Instant,
        is_refunded: bool,
        canceller: Option<Side>,
    ) -> Self {
        match (r.state, r.completed_at().map(|at| at + rules.review_window())) {
            (Stage::Completed, _) if is_refunded => Self::Fact(Fact::Refunded),
            (Stage::Completed, Some(until)) if now < until => Self::Open(until),
            (Stage::Completed, Some(until)) => Self::Over(until),
            (Stage::Cancelled, _) => Self::Fact(match canceller {
                Some(Side::Mentor) => Fact::MentorCancelled,
                Some(Side::Mentee) => Fact::MenteeCancelled,
                None => Fact::Cancelled,
            }),
            (Stage::NoShow, _) => Self::Fact(match r.absent {
                Some(Absent::Mentor) => Fact::MentorNoShow,
                Some(Absent::Mentee) => Fact::MenteeNoShow,
                Some(Absent::Both) | None => Fact::NobodyCame,
            }),
            _ => Self::NotYet,
        }
    }
}

/// One line of a review's history.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct HistoryRow {
    pub version: i64,
    pub cause: String,
    pub stars: Stars,
    /// What was written, until it is forgotten.
    pub words: Option<String>,
    pub reason: Option<String>,
    pub actor_kind: String,
    pub actor_id: Option<uuid::Uuid>,
    pub request_id: String,
    pub at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_moves_are_allowed() {
        use State::{Published, Sealed, Withdrawn};
        let allowed = [
            (Sealed, Move::Write, Sealed),
            (Withdrawn, Move::Write, Sealed),
            (Sealed, Move::Publish, Published),
            (Sealed, Move::Withdraw, Withdrawn),
            (Published, Move::Withdraw, Withdrawn),
        ];
        for from in State::ALL {
            for step in [Move::Write, Move::Publish, Move::Withdraw] {
                let to = allowed.iter().find(|(f, s, _)| (f, *s) == (from, step)).map(|m| m.2);
                assert_eq!(from.after(step), to, "{from:?} {step:?}");
            }
        }
    }
}
