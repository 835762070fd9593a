//! Why a time is not offered, in words for the mentor.

use poem_openapi::Enum;

use super::request::Lang;
use crate::availability::{Reason, Refusal};

/// The rule that removes a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "SlotReason", rename_all = "snake_case")]
pub(super) enum SlotReason {
    /// The clocks are put forward over it.
    DstGap,
    /// The week's hours, or those of the date, do not reach over the whole session.
    OutsideHours,
    /// The date's own hours close what the week's hours open.
    OverrideClosed,
    Holiday,
    Vacation,
    Past,
    TooSoon,
    BeyondHorizon,
    /// Not where starts are, by interval and offset.
    Misaligned,
    /// Another session, or a buffer, is in the way.
    Taken,
    LimitDay,
    LimitWeek,
    LimitMentee,
}

impl From<Reason> for SlotReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::DstGap => Self::DstGap,
            Reason::Refused(refusal) => match refusal {
                Refusal::OutsideHours => Self::OutsideHours,
                Refusal::OverrideClosed => Self::OverrideClosed,
                Refusal::Holiday => Self::Holiday,
                Refusal::Vacation => Self::Vacation,
                Refusal::Past => Self::Past,
                Refusal::TooSoon => Self::TooSoon,
                Refusal::BeyondHorizon => Self::BeyondHorizon,
                Refusal::Misaligned => Self::Misaligned,
                Refusal::Taken => Self::Taken,
                Refusal::LimitDay => Self::LimitDay,
                Refusal::LimitWeek => Self::LimitWeek,
                Refusal::LimitMentee => Self::LimitMentee,
            },
        }
    }
}

impl SlotReason {
    pub fn text(self, lang: Lang) -> &'static str {
        let (en, ko) = match self {
            Self::DstGap => (
                "This time does not exist: the clocks are put forward over it.",
                "시계를 앞으로 당기는 때라 없는 시각입니다.",
            ),
            Self::OutsideHours => {
                ("Your hours do not cover the whole session.", "열어 둔 시간이 세션 전체를 담지 못합니다.")
            }
            Self::OverrideClosed => {
                ("Your exception for this date closes it.", "이 날짜에 따로 정한 시간 때문에 닫혀 있습니다.")
            }
            Self::Holiday => ("It is a national holiday.", "공휴일이라 닫혀 있습니다."),
            Self::Vacation => ("You are on vacation.", "휴가 기간입니다."),
            Self::Past => ("It has passed.", "이미 지난 시각입니다."),
            Self::TooSoon => (
                "It is sooner than the notice you want before a session.",
                "정해 둔 최소 예약 간격보다 임박한 시각입니다.",
            ),
            Self::BeyondHorizon => {
                ("It is further ahead than you can be booked.", "예약을 받는 기간보다 먼 시각입니다.")
            }
            Self::Misaligned => {
                ("No session starts here, by your interval and offset.", "시작 간격에 맞지 않는 시각입니다.")
            }
            Self::Taken => {
                ("Another session, or its buffer, is in the way.", "다른 세션이나 그 여유 시간과 겹칩니다.")
            }
            Self::LimitDay => {
                ("The day has as many sessions as you want.", "하루에 받기로 한 세션 수가 찼습니다.")
            }
            Self::LimitWeek => {
                ("The week has as many sessions as you want.", "한 주에 받기로 한 세션 수가 찼습니다.")
            }
            Self::LimitMentee => (
                "The week has as many sessions with this mentee as you want.",
                "한 주에 이 멘티와 하기로 한 세션 수가 찼습니다.",
            ),
        };
        match lang {
            Lang::En => en,
            Lang::Ko => ko,
        }
    }
}
