//! The words around a mail's own text, in both languages.

use crate::user::Locale;

/// What the button of a mail opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Session,
    Earnings,
    Account,
    Security,
    Notices,
    /// Where an account is taken back to its old address.
    TakeBack,
    /// The front page.
    Home,
}

impl Place {
    /// The place of a kind; `about_session`: it is about a reservation.
    pub fn of(kind: &str, about_session: bool) -> Self {
        match kind.split_once('.').map_or(kind, |(subject, _)| subject) {
            // Its reader may not be logged in.
            _ if kind == "security.email_code" => Self::Home,
            _ if kind == "security.email_moved" => Self::TakeBack,
            "settlement" => Self::Earnings,
            "security" => Self::Security,
            "payout" if kind.contains("account") => Self::Account,
            "payout" => Self::Earnings,
            _ if about_session => Self::Session,
            _ => Self::Notices,
        }
    }

    pub fn label(self, locale: Locale) -> &'static str {
        let (ko, en) = match self {
            Self::Session => ("예약 보기", "View the booking"),
            Self::Earnings => ("정산 내역 보기", "View your earnings"),
            Self::Account => ("정산 계좌 확인", "Check your payout account"),
            Self::Security => ("로그인 목록 보기", "See your logins"),
            Self::TakeBack => ("계정 되찾기", "Take the account back"),
            Self::Notices | Self::Home => ("Konnect에서 보기", "Open Konnect"),
        };
        in_language(locale, ko, en)
    }
}

pub(super) struct Words {
    /// The language, as HTML names it.
    pub lang: &'static str,
    pub session: &'static str,
    pub when: &'static str,
    /// Why a mail comes that cannot be switched off.
    pub always: &'static str,
    /// Why one comes that can.
    pub chosen: &'static str,
    pub unsubscribe: &'static str,
}

pub(super) fn words(locale: Locale) -> Words {
    match locale {
        Locale::Ko => Words {
            lang: "ko",
            session: "세션",
            when: "일시",
            always: "예약, 결제, 정산 또는 계정에 관한 안내이므로 알림 설정과 관계없이 보내 드립니다.",
            chosen: "알림 설정에서 이메일을 받기로 한 안내입니다.",
            unsubscribe: "이런 이메일 받지 않기",
        },
        Locale::En => Words {
            lang: "en",
            session: "Session",
            when: "Time",
            always: "This is about your bookings, your money or your account, so it is sent whatever your notice settings say.",
            chosen: "You get this mail because your notice settings say so.",
            unsubscribe: "Unsubscribe from such mails",
        },
    }
}

/// The first line.
pub(super) fn greeting(locale: Locale, name: &str) -> String {
    match locale {
        Locale::Ko if name.is_empty() => "안녕하세요.".to_owned(),
        Locale::Ko => format!("{name}님, 안녕하세요."),
        Locale::En if name.is_empty() => "Hello,".to_owned(),
        Locale::En => format!("Hello {name},"),
    }
}

fn in_language<T>(locale: Locale, ko: T, en: T) -> T {
    match locale {
        Locale::Ko => ko,
        Locale::En => en,
    }
}
