//! The demo world, as data: who lives in it and what they offer.

use konnect::availability::{NewSchedule, Window};
use konnect::mentor::{Application, Kind, NewOffering, RefundPolicy};
use konnect::money::Krw;

/// Everybody's password. The demo world is for machines that nobody else reaches.
pub const PASSWORD: &str = "konnect-demo-1";
pub const TIME_ZONE: &str = "Asia/Seoul";

pub struct Person {
    pub email: &'static str,
    pub name: &'static str,
    pub is_admin: bool,
    pub mentor: Option<Mentor>,
}

pub struct Mentor {
    headline: &'static str,
    bio: &'static str,
    expertise: &'static [&'static str],
    company: &'static str,
    /// Title, what it is, category, won, minutes, kind.
    offerings: &'static [(&'static str, &'static str, &'static str, i64, u32, Kind)],
    /// First and last weekday (0 is Monday), from and to (hours of the day).
    hours: (u8, u8, u16, u16),
}

const fn person(email: &'static str, name: &'static str) -> Person {
    Person { email, name, is_admin: false, mentor: None }
}

pub const PEOPLE: &[Person] = &[
    Person { is_admin: true, ..person("admin@demo.konnect.example", "운영자") },
    person("mentee@demo.konnect.example", "김민지"),
    person("mentee2@demo.konnect.example", "박서준"),
    Person {
        mentor: Some(Mentor {
            headline: "백엔드 10년, 결제 시스템을 만듭니다",
            bio: "결제와 정산 시스템을 설계하고 운영해 왔습니다. 이력서, 코드, 설계를 함께 봅니다.",
            expertise: &["백엔드", "Rust", "결제"],
            company: "핀테크 회사",
            offerings: &[
                (
                    "백엔드 커리어 상담",
                    "지금 자리에서 다음 한 걸음을 정합니다.",
                    "커리어",
                    50_000,
                    60,
                    Kind::Instant,
                ),
                ("코드 리뷰 30분", "미리 보낸 코드를 함께 읽습니다.", "개발", 30_000, 30, Kind::Instant),
                (
                    "시스템 설계 모의 면접",
                    "질문지를 보고 나서 수락합니다.",
                    "면접",
                    90_000,
                    90,
                    Kind::Approval,
                ),
            ],
            hours: (0, 6, 9, 22),
        }),
        ..person("mentor@demo.konnect.example", "이도현")
    },
    Person {
        mentor: Some(Mentor {
            headline: "제품 디자이너, 포트폴리오를 다듬습니다",
            bio: "스타트업과 대기업에서 제품을 디자인했습니다. 포트폴리오의 첫 장부터 함께 고칩니다.",
            expertise: &["프로덕트 디자인", "포트폴리오"],
            company: "플랫폼 회사",
            offerings: &[
                ("포트폴리오 리뷰", "한 작업을 골라 깊게 봅니다.", "디자인", 40_000, 60, Kind::Instant),
                (
                    "디자인 면접 준비",
                    "지원하는 곳을 알려 주시면 보고 수락합니다.",
                    "면접",
                    60_000,
                    60,
                    Kind::Approval,
                ),
            ],
            hours: (0, 4, 19, 23),
        }),
        ..person("mentor2@demo.konnect.example", "최유나")
    },
    Person {
        mentor: Some(Mentor {
            headline: "데이터 분석가에서 팀장까지",
            bio: "SQL 한 줄에서 시작해 분석 팀을 이끌고 있습니다. 직무 전환을 여러 번 도왔습니다.",
            expertise: &["데이터 분석", "SQL", "직무 전환"],
            company: "커머스 회사",
            offerings: &[
                (
                    "데이터 직무 전환 상담",
                    "지금의 경험을 데이터로 옮깁니다.",
                    "커리어",
                    35_000,
                    45,
                    Kind::Instant,
                ),
                ("SQL 과제 봐주기", "과제를 보고 수락합니다.", "개발", 45_000, 60, Kind::Approval),
            ],
            hours: (5, 6, 10, 18),
        }),
        ..person("mentor3@demo.konnect.example", "정하은")
    },
];

impl Mentor {
    pub fn application(&self) -> Application {
        Application {
            headline: self.headline.to_owned(),
            bio: self.bio.to_owned(),
            expertise: self.expertise.iter().map(|e| (*e).to_owned()).collect(),
            career: String::new(),
            company: Some(self.company.to_owned()),
            company_hidden: true,
            languages: vec!["ko".to_owned()],
        }
    }

    pub fn offerings(&self) -> impl Iterator<Item = NewOffering> {
        self.offerings.iter().map(|(title, description, category, won, minutes, kind)| NewOffering {
            title: (*title).to_owned(),
            description: (*description).to_owned(),
            price_krw: Krw(*won),
            duration_min: *minutes,
            options: Vec::new(),
            category: (*category).to_owned(),
            kind: *kind,
            refund_policy: RefundPolicy::Standard,
            is_public: true,
        })
    }

    pub fn schedule(&self) -> NewSchedule {
        let (first, last, from, to) = self.hours;
        let window = |weekday| Window { weekday, from_minute: from * 60, to_minute: to * 60 };
        NewSchedule {
            time_zone: TIME_ZONE.to_owned(),
            slot_interval_min: NewSchedule::DEFAULT_SLOT_INTERVAL_MIN,
            slot_offset_min: 0,
            buffer_before_min: 0,
            buffer_after_min: 15,
            min_notice_min: NewSchedule::DEFAULT_MIN_NOTICE_MIN,
            horizon_days: NewSchedule::DEFAULT_HORIZON_DAYS,
            exceptions: Default::default(),
            limits: Default::default(),
            windows: (first..=last).map(window).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use konnect::user::{Email, Locale, NewUser, check_password};

    #[test]
    fn the_demo_world_keeps_every_rule() {
        for person in PEOPLE {
            let email = Email::parse(person.email).unwrap();
            check_password(PASSWORD, &email).unwrap();
            NewUser::parse(person.email, person.name, Locale::Ko, TIME_ZONE).unwrap();
            let Some(mentor) = &person.mentor else { continue };
            mentor.application().check().unwrap();
            mentor.schedule().rules().unwrap();
            mentor.offerings().for_each(|offering| offering.check().unwrap());
        }
        assert_eq!(PEOPLE.iter().filter(|p| p.mentor.is_some()).count(), 3);
    }
}
