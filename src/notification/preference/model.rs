//! What people can choose to hear of. Pure.

use std::collections::HashMap;

use crate::id::UserId;
use crate::notification::Channel;

/// What notices are about, in the handful of kinds that people choose by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, poem_openapi::Enum)]
#[oai(rename = "NoticeType", rename_all = "snake_case")]
pub enum Topic {
    /// Requests and holds: asked, approved, declined, out of time.
    Request,
    /// Bookings that stand or no longer do: confirmed, cancelled, somebody did not come.
    Booking,
    Payment,
    Reminder,
    /// The live session: somebody waits, it is over.
    Session,
    Review,
    /// What a session earned.
    Earnings,
    /// Payouts and the account they go to.
    Payout,
    Dispute,
    /// The safety of the account.
    Security,
    Chat,
    /// The mail that tells together what was not told at once.
    Digest,
}

/// How somebody wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    AtOnce,
    /// Once a day, with everything else that can wait.
    Digest,
    Off,
}

crate::words!(Topic {
    Request => "request",
    Booking => "booking",
    Payment => "payment",
    Reminder => "reminder",
    Session => "session",
    Review => "review",
    Earnings => "earnings",
    Payout => "payout",
    Dispute => "dispute",
    Security => "security",
    Chat => "chat",
    Digest => "digest",
});
crate::words!(Mode { AtOnce => "at_once", Digest => "digest", Off => "off" });

impl Topic {
    /// The topic of a kind. One that this build does not know is a booking's, which cannot be switched off: rather
    /// told than lost.
    pub fn of(kind: &str) -> Self {
        match kind {
            "reservation.reserved"
            | "reservation.approved"
            | "reservation.rejected"
            | "reservation.request_expired"
            | "reservation.expired"
            | "reservation.hold_ending" => Self::Request,
            "reservation.payment_declined"
            | "reservation.payment_failed"
            | "reservation.capture_reversed" => Self::Payment,
            "reservation.reminder" => Self::Reminder,
            "reservation.completed" | "reservation.ended_early" => Self::Session,
            _ => match kind.split('.').next().unwrap_or_default() {
                "payment" => Self::Payment,
                "session" => Self::Session,
                "review" => Self::Review,
                "settlement" => Self::Earnings,
                "payout" => Self::Payout,
                "dispute" => Self::Dispute,
                "security" => Self::Security,
                "chat" => Self::Chat,
                "digest" => Self::Digest,
                _ => Self::Booking,
            },
        }
    }

    /// The channels of which it can be chosen. A digest is a mail.
    pub fn channels(self) -> &'static [Channel] {
        match self {
            Self::Digest => &[Channel::Email],
            _ => Channel::ALL,
        }
    }

    /// Money, standing bookings, disputes and the safety of the account are told in the app and by mail whatever
    /// somebody chose. A push never is.
    pub fn is_locked(self, channel: Channel) -> bool {
        let critical =
            matches!(self, Self::Booking | Self::Payment | Self::Payout | Self::Dispute | Self::Security);
        critical && channel != Channel::Push
    }

    /// Whether its mails may wait for a digest. A digest never waits for a digest.
    pub fn may_wait(self, channel: Channel) -> bool {
        channel == Channel::Email && matches!(self, Self::Review | Self::Earnings | Self::Chat)
    }

    /// What holds for whoever chose nothing.
    pub fn default_mode(self, channel: Channel) -> Mode {
        match (self, channel) {
            (Self::Chat, Channel::Email) => Mode::Digest,
            _ => Mode::AtOnce,
        }
    }

    /// What a choice comes to: a locked one, and one that makes no sense for this topic, is as if never made.
    fn settle(self, channel: Channel, chosen: Option<Mode>) -> Mode {
        match chosen {
            _ if self.is_locked(channel) => Mode::AtOnce,
            Some(Mode::Digest) if !self.may_wait(channel) => Mode::AtOnce,
            Some(mode) => mode,
            None => self.default_mode(channel),
        }
    }
}

/// One line of somebody's choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preference {
    pub topic: Topic,
    pub channel: Channel,
    pub mode: Mode,
}

/// Everything one person chose, and the defaults for the rest.
#[derive(Debug, Default)]
pub struct Choices(pub(super) HashMap<(Topic, Channel), Mode>);

impl Choices {
    pub fn mode(&self, topic: Topic, channel: Channel) -> Mode {
        topic.settle(channel, self.0.get(&(topic, channel)).copied())
    }

    /// A line for each topic and channel, in a fixed order.
    pub fn lines(&self) -> impl Iterator<Item = Preference> {
        let pairs = Topic::ALL.iter().flat_map(|topic| topic.channels().iter().map(move |c| (*topic, *c)));
        pairs.map(|(topic, channel)| Preference { topic, channel, mode: self.mode(topic, channel) })
    }
}

/// What many people chose of one topic.
#[derive(Debug)]
pub struct Crowd {
    pub(super) topic: Topic,
    pub(super) chosen: HashMap<(UserId, Channel), Mode>,
}

impl Crowd {
    pub fn mode(&self, person: UserId, channel: Channel) -> Mode {
        self.topic.settle(channel, self.chosen.get(&(person, channel)).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_critical_is_told_whatever_is_stored() {
        for topic in [Topic::Booking, Topic::Payment, Topic::Payout, Topic::Dispute, Topic::Security] {
            for channel in [Channel::InApp, Channel::Email] {
                assert!(topic.is_locked(channel), "{topic:?} {channel:?}");
                for mode in Mode::ALL {
                    let choices = Choices(HashMap::from([((topic, channel), *mode)]));
                    assert_eq!(choices.mode(topic, channel), Mode::AtOnce, "{topic:?} {channel:?}");
                }
            }
            let choices = Choices(HashMap::from([((topic, Channel::Push), Mode::Off)]));
            assert_eq!(choices.mode(topic, Channel::Push), Mode::Off);
        }
    }

    #[test]
    fn only_the_mails_of_chatty_topics_wait_for_a_digest() {
        for topic in Topic::ALL {
            for channel in Channel::ALL {
                let choices = Choices(HashMap::from([((*topic, *channel), Mode::Digest)]));
                let waits = choices.mode(*topic, *channel) == Mode::Digest;
                assert_eq!(waits, topic.may_wait(*channel), "{topic:?} {channel:?}");
                assert!(!(topic.is_locked(*channel) && topic.may_wait(*channel)), "{topic:?} {channel:?}");
            }
        }
        assert!(!Topic::Digest.may_wait(Channel::Email), "a digest is never gathered in a digest");
    }

    #[test]
    fn every_kind_has_its_topic() {
        for (kind, topic) in [
            ("reservation.reserved", Topic::Request),
            ("reservation.confirmed", Topic::Booking),
            ("reservation.cancelled", Topic::Booking),
            ("reservation.no_show", Topic::Booking),
            ("reservation.payment_failed", Topic::Payment),
            ("payment.refunded", Topic::Payment),
            ("reservation.reminder", Topic::Reminder),
            ("session.waiting", Topic::Session),
            ("review.requested", Topic::Review),
            ("settlement.accrued", Topic::Earnings),
            ("payout.paid", Topic::Payout),
            ("dispute.opened", Topic::Dispute),
            ("security.password_changed", Topic::Security),
            ("chat.messages", Topic::Chat),
            ("digest.daily", Topic::Digest),
            ("of.tomorrow", Topic::Booking),
        ] {
            assert_eq!(Topic::of(kind), topic, "{kind}");
        }
    }
}
