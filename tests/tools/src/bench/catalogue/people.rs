//! Mentors who differ: what they offer, for how much, in which words and languages.

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use konnect::availability::{self, NewSchedule};
use konnect::context::{Actor, Context};
use konnect::core::Core;
use konnect::id::UserId;
use konnect::mentor::{self, Application, Decision, Kind, NewOffering, RefundPolicy, Stars};
use konnect::money::Krw;
use konnect::transact;
use konnect::user::{self, Locale, NewUser};

use super::super::world::{self, DURATION, Mentor};

pub const CATEGORIES: [&str; 8] =
    ["backend", "frontend", "data", "design", "career", "interview", "management", "startup"];
const SUBJECTS: [&str; 10] = [
    "러스트 서버 개발",
    "결제 시스템 설계",
    "데이터 분석 입문",
    "포트폴리오 점검",
    "이직 면접 준비",
    "Kubernetes 운영",
    "React 성능 개선",
    "팀 리더십 상담",
    "스타트업 창업 이야기",
    "SQL 과제 풀이",
];
const BATCH: usize = 25;
const WIDTH: usize = 4;

/// All with the same hours; `name` tells them from those of another part.
pub async fn make(core: &Core, name: &str, count: usize) -> Result<Vec<Mentor>> {
    let admin = world::register(core, &[format!("{name}-admin")]).await?[0];
    let numbers: Vec<usize> = (0..count).collect();
    let made: Vec<Vec<Mentor>> =
        stream::iter(numbers.chunks(BATCH).map(|batch| make_some(core, name, admin, batch)))
            .buffered(WIDTH)
            .try_collect()
            .await?;
    Ok(made.into_iter().flatten().collect())
}

async fn make_some(core: &Core, name: &str, admin: UserId, numbers: &[usize]) -> Result<Vec<Mentor>> {
    transact!(core.db, Context::new(Actor::Admin(admin), "bench"), anyhow::Error, tx => {
        let mut made = Vec::new();
        for i in numbers {
            let new = NewUser::parse(
                &format!("{name}-{i}@bench.example"), &format!("멘토 {i}"), Locale::Ko, "Asia/Seoul",
            )?;
            let id = user::register(tx, &new, "nobody logs in").await?.id;
            let applied = mentor::apply(tx, id, application(*i)).await?;
            mentor::decide(tx, id, Decision::Approve, applied.version).await?;
            availability::set_schedule(tx, id, hours(*i), 0).await?;
            let first = mentor::create_offering(tx, id, offering(*i, 0)).await?;
            mentor::create_offering(tx, id, offering(*i, 1)).await?;
            mentor::rate(tx, id, stars(*i)).await?;
            made.push(Mentor { id, offering: first.id });
        }
        Ok(made)
    })
}

fn hours(i: usize) -> NewSchedule {
    // The rest is as it is for all: what a listing costs must not depend on who is asked.
    NewSchedule { min_notice_min: 120 + 60 * u32::try_from(i % 5).unwrap_or(0), ..world::hours() }
}

fn application(i: usize) -> Application {
    let languages: &[&str] = [&["ko"][..], &["ko", "en"], &["en"], &["ko", "ja"], &["ko"]][i % 5];
    Application {
        headline: format!("{}년 차, {}", 1 + i % 20, SUBJECTS[i % SUBJECTS.len()]),
        bio: "함께 읽고 함께 고칩니다.".into(),
        expertise: vec![SUBJECTS[(i / 3) % SUBJECTS.len()].into(), format!("주제{}", i % 97)],
        career: String::new(),
        company: Some("회사".into()),
        company_hidden: i.is_multiple_of(2),
        languages: languages.iter().map(|code| (*code).to_owned()).collect(),
    }
}

fn offering(i: usize, nth: usize) -> NewOffering {
    NewOffering {
        title: format!("{} {}", SUBJECTS[(i / 7 + nth) % SUBJECTS.len()], i % 13),
        description: "한 시간.".into(),
        price_krw: Krw(10_000 + 5_000 * i64::try_from((i + 3 * nth) % 30).unwrap_or(0)),
        duration_min: DURATION,
        options: Vec::new(),
        category: CATEGORIES[(i + nth) % CATEGORIES.len()].into(),
        kind: if i.is_multiple_of(4) { Kind::Approval } else { Kind::Instant },
        refund_policy: RefundPolicy::Standard,
        is_public: true,
    }
}

fn stars(i: usize) -> Stars {
    let some = |n: usize| i64::try_from(i % n).unwrap_or(0);
    if i.is_multiple_of(9) {
        Stars::default()
    } else {
        Stars([some(2), some(3), some(5), some(11), 1 + some(17)])
    }
}
