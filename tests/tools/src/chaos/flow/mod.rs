//! A booking from its slot to its end, as two people and their front ends live through it, and what they were told.

mod booking;
mod money;
mod session;

use std::fmt;

use konnect::clock::Instant;
use konnect_tools::client::{Answer, Rest};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::caller::Caller;
use super::people::{Mentee, Mentor};
use super::record::Record;
use super::room::Said;

/// How a booking is meant to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Booked, paid, held, completed, paid out.
    Meets,
    /// The first card is declined, the second one is taken.
    SecondCard,
    /// The card is declined, and nobody tries another one.
    Declined,
    /// The provider takes the money and hangs up.
    LostAnswer,
    /// The provider takes its time.
    LateAnswer,
    CancelledLate,
    CancelledEarly,
    CancelledByMentor,
    /// Moved to another time with the other side's consent.
    Moved,
    MoveDeclined,
    Disputed,
    DisputeWithdrawn,
    MenteeAbsent,
    MentorAbsent,
    NobodyComes,
    /// An administrator gives something back after the session.
    Goodwill,
    Approved,
    Rejected,
    RequestExpires,
    HoldExpires,
    /// Two want the same slot.
    Race,
}

/// Kinds in a deck that is dealt again and again; what happens most stands in it more than once.
const DECK: [Kind; 26] = [
    Kind::Meets,
    Kind::Meets,
    Kind::Meets,
    Kind::Meets,
    Kind::SecondCard,
    Kind::Declined,
    Kind::LostAnswer,
    Kind::LostAnswer,
    Kind::LateAnswer,
    Kind::CancelledLate,
    Kind::CancelledEarly,
    Kind::CancelledByMentor,
    Kind::Moved,
    Kind::MoveDeclined,
    Kind::Disputed,
    Kind::Disputed,
    Kind::DisputeWithdrawn,
    Kind::MenteeAbsent,
    Kind::MentorAbsent,
    Kind::NobodyComes,
    Kind::Goodwill,
    Kind::Approved,
    Kind::Rejected,
    Kind::RequestExpires,
    Kind::HoldExpires,
    Kind::Race,
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Meets => "paid, met, completed",
            Self::SecondCard => "first card declined, second taken",
            Self::Declined => "card declined, given up",
            Self::LostAnswer => "provider took the money and hung up",
            Self::LateAnswer => "provider answered late",
            Self::CancelledLate => "cancelled by the mentee, half back",
            Self::CancelledEarly => "cancelled by the mentee, all back",
            Self::CancelledByMentor => "cancelled by the mentor",
            Self::Moved => "moved to another time",
            Self::MoveDeclined => "another time declined",
            Self::Disputed => "disputed",
            Self::DisputeWithdrawn => "dispute withdrawn",
            Self::MenteeAbsent => "mentee did not come",
            Self::MentorAbsent => "mentor did not come",
            Self::NobodyComes => "nobody came",
            Self::Goodwill => "refund out of goodwill",
            Self::Approved => "request approved",
            Self::Rejected => "request rejected",
            Self::RequestExpires => "request never answered",
            Self::HoldExpires => "never paid",
            Self::Race => "two wanted one slot",
        })
    }
}

/// What the people of a flow were told for certain.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The booking was shown as confirmed.
    pub is_paid: bool,
    pub is_cancelled: bool,
    pub is_rejected: bool,
    pub is_completed: bool,
    /// Won that the cancellation promised.
    pub promised: Option<i64>,
    /// Mentor and mentee: in the room long enough by any rule.
    pub was_there: [bool; 2],
}

pub struct Flow {
    pub number: usize,
    pub kind: Kind,
    pub mentor: Mentor,
    pub mentee: Mentee,
    /// Who wants the same slot.
    pub rival: Option<Mentee>,
    /// When the session is to begin (UTC).
    pub starts_at: Instant,
    /// Of the reservation, once it is made.
    pub id: Option<String>,
    pub dispute: Option<String>,
    pub facts: Facts,
    /// What the mentor and the mentee said.
    pub said: [Said; 2],
    dice: StdRng,
}

/// The kinds of so many flows, by the seed.
pub fn deal(seed: u64, flows: usize) -> Vec<Kind> {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut dealt = Vec::new();
    while dealt.len() < flows {
        let mut deck = DECK;
        deck.shuffle(&mut dice);
        dealt.extend(deck);
    }
    dealt.truncate(flows);
    dealt
}

/// What flows need beside their people.
#[derive(Clone)]
pub struct Outside {
    pub toss: Rest,
    pub admins: [Caller; 2],
    pub record: Record,
}

impl Flow {
    pub fn new(
        number: usize,
        kind: Kind,
        seed: u64,
        mentor: Mentor,
        mentees: [Mentee; 2],
        starts_at: Instant,
    ) -> Self {
        let [mentee, rival] = mentees;
        Self {
            number,
            kind,
            mentor,
            mentee,
            rival: (kind == Kind::Race).then_some(rival),
            starts_at,
            id: None,
            dispute: None,
            facts: Facts::default(),
            said: Default::default(),
            dice: StdRng::seed_from_u64(seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
        }
    }

    /// Whether the two mean to meet.
    pub fn is_to_meet(&self) -> bool {
        use Kind as K;
        !matches!(
            self.kind,
            K::Declined
                | K::CancelledLate
                | K::CancelledEarly
                | K::CancelledByMentor
                | K::Rejected
                | K::RequestExpires
                | K::HoldExpires
        )
    }

    /// `/v1/reservations/{id}` and what follows.
    fn path(&self, rest: &str) -> String {
        format!("/v1/reservations/{}{rest}", self.id.as_deref().unwrap_or_default())
    }

    fn wrong(&self, outside: &Outside, why: &str, answer: &Answer) {
        let code = answer.body["code"].as_str().unwrap_or_default();
        let state = answer.body["state"].as_str().unwrap_or_default();
        outside.record.wrong(format!(
            "flow {} ({}), reservation {}: {why}: {} {} answered {} {code}{state}",
            self.number,
            self.kind,
            self.id.as_deref().unwrap_or("none"),
            answer.method,
            answer.path,
            answer.status,
        ));
    }

    /// The reservation as the mentee sees it.
    async fn view(&self, outside: &Outside) -> Option<Value> {
        let answer = self.mentee.caller.get(&self.path("")).await?;
        if answer.status != 200 {
            self.wrong(outside, "a reservation that was made is gone", &answer);
            return None;
        }
        Some(answer.body)
    }

    fn chance(&mut self, of_hundred: u32) -> bool {
        self.dice.random_range(0..100) < of_hundred
    }

    fn one_of<T: Clone>(&mut self, list: &[T]) -> T {
        list.choose(&mut self.dice).expect("a list that is not empty").clone()
    }
}

fn state(view: &Value) -> &str {
    view["state"].as_str().unwrap_or_default()
}

fn because(reason: &str) -> Value {
    json!({ "reason": reason })
}
