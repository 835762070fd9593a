//! The people, offerings and hours that are measured with, made by the use cases of the domains.

use anyhow::{Context as _, Result, ensure};
use chrono::TimeDelta;
use futures_util::{StreamExt, TryStreamExt, stream};
use konnect::auth::Tokens;
use konnect::availability::{self, Booked, Cell, CellRange, NewSchedule, Window};
use konnect::clock::Instant;
use konnect::context::{Actor, Context};
use konnect::core::Core;
use konnect::id::{OfferingId, SessionId, UserId};
use konnect::mentor::{self, Application, Decision, Kind, NewOffering, RefundPolicy};
use konnect::money::Krw;
use konnect::transact;
use konnect::user::{self, Locale, NewUser};
use secrecy::ExposeSecret;

/// Minutes.
pub const DURATION: u32 = 60;
/// People made by one transaction, and transactions at a time.
const BATCH: usize = 25;
const WIDTH: usize = 4;

pub struct Mentor {
    pub id: UserId,
    pub offering: OfferingId,
}

pub struct Mentee {
    pub id: UserId,
    pub session: SessionId,
    pub token: String,
}

pub struct World {
    /// All with the same hours.
    pub mentors: Vec<Mentor>,
    pub mentees: Vec<Mentee>,
    /// Instants at which every mentor can be booked, two hours apart or more.
    pub starts: Vec<Instant>,
}

pub fn context() -> Context {
    Context::new(Actor::Operator, "bench")
}

/// Weekdays 09:00 to 18:00 in Seoul, every 30 minutes, a quarter of an hour after each session.
pub fn hours() -> NewSchedule {
    NewSchedule {
        time_zone: "Asia/Seoul".into(),
        slot_interval_min: 30,
        slot_offset_min: 0,
        buffer_before_min: 0,
        buffer_after_min: 15,
        min_notice_min: 120,
        horizon_days: 60,
        exceptions: Default::default(),
        limits: Default::default(),
        windows: (0..5).map(|weekday| Window { weekday, from_minute: 540, to_minute: 1080 }).collect(),
    }
}

impl World {
    pub async fn make(core: &Core, tokens: &Tokens, mentors: usize, mentees: usize) -> Result<Self> {
        let admin = register(core, &["admin".to_owned()]).await?[0];
        let mentors = batches("mentor", mentors, |names| make_mentors(core, admin, names)).await?;
        let mentees = make_people(core, tokens, "mentee", mentees).await?;
        Ok(Self { mentors, mentees, starts: starts(core, 3)? })
    }
}

/// People who are logged in; `name` tells them from others.
pub async fn make_people(core: &Core, tokens: &Tokens, name: &str, count: usize) -> Result<Vec<Mentee>> {
    batches(name, count, |names| make_mentees(core, tokens, names)).await
}

/// Calls `make` with names, some at a time.
async fn batches<T, A: Future<Output = Result<Vec<T>>>>(
    name: &str,
    count: usize,
    make: impl Fn(Vec<String>) -> A,
) -> Result<Vec<T>> {
    let names: Vec<String> = (0..count).map(|i| format!("{name}-{i}")).collect();
    let made: Vec<Vec<T>> = stream::iter(names.chunks(BATCH).map(|batch| make(batch.to_vec())))
        .buffered(WIDTH)
        .try_collect()
        .await?;
    Ok(made.into_iter().flatten().collect())
}

pub async fn register(core: &Core, names: &[String]) -> Result<Vec<UserId>> {
    transact!(core.db, context(), anyhow::Error, tx => {
        let mut made = Vec::new();
        for name in names {
            let new = NewUser::parse(&format!("{name}@bench.example"), name, Locale::Ko, "Asia/Seoul")?;
            made.push(user::register(tx, &new, "nobody logs in").await?.id);
        }
        Ok(made)
    })
}

async fn make_mentors(core: &Core, admin: UserId, names: Vec<String>) -> Result<Vec<Mentor>> {
    let people = register(core, &names).await?;
    let application = Application {
        headline: "Ten years of backends".into(),
        bio: "Reads code with you.".into(),
        expertise: vec!["rust".into()],
        career: String::new(),
        company: None,
        company_hidden: false,
        languages: vec!["ko".into()],
    };
    let new = NewOffering {
        title: "백엔드 코드 리뷰".into(),
        description: "An hour over your code.".into(),
        price_krw: Krw(50_000),
        duration_min: DURATION,
        options: Vec::new(),
        category: "backend".into(),
        kind: Kind::Instant,
        refund_policy: RefundPolicy::Standard,
        is_public: true,
    };
    transact!(core.db, Context::new(Actor::Admin(admin), "bench"), anyhow::Error, tx => {
        let mut made = Vec::new();
        for id in &people {
            let applied = mentor::apply(tx, *id, application.clone()).await?;
            mentor::decide(tx, *id, Decision::Approve, applied.version).await?;
            availability::set_schedule(tx, *id, hours(), 0).await?;
            let offering = mentor::create_offering(tx, *id, new.clone()).await?;
            made.push(Mentor { id: *id, offering: offering.id });
        }
        Ok(made)
    })
}

async fn make_mentees(core: &Core, tokens: &Tokens, names: Vec<String>) -> Result<Vec<Mentee>> {
    let people = register(core, &names).await?;
    transact!(core.db, context(), anyhow::Error, tx => {
        let mut made = Vec::new();
        for id in &people {
            let (user, grant) = user::open_session(tx, *id, "bench", tokens.refresh_life()).await?;
            let token = tokens.issue(*id, grant.session_id, &user.roles(false), tx.now)?;
            let token = token.token.expose_secret().to_owned();
            made.push(Mentee { id: *id, session: grant.session_id, token });
        }
        Ok(made)
    })
}

/// Every fourth slot of the four weeks that begin in so many days: they are half an hour apart, so these are two hours.
pub fn starts(core: &Core, in_days: i64) -> Result<Vec<Instant>> {
    let now = core.clock.now();
    let from = now + TimeDelta::days(in_days);
    let range =
        CellRange { first: Cell::at_or_after(from), end: Cell::at_or_after(from + TimeDelta::days(28)) };
    let rules = hours().rules().ok().context("the hours are good")?;
    let all = availability::rules::list(&rules, DURATION, &Booked::default(), range, now);
    let mut starts: Vec<Instant> = Vec::new();
    for start in all {
        if starts.last().is_none_or(|last| start - *last >= TimeDelta::hours(2)) {
            starts.push(start);
        }
    }
    ensure!(starts.len() >= 60, "a month has more slots than {}", starts.len());
    Ok(starts)
}
