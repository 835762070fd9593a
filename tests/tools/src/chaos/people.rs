//! The people of a run, made by the use cases of the domains: nobody waits for passwords to be hashed.

use anyhow::{Context as _, Result};
use konnect::auth::Tokens;
use konnect::availability::{self, NewSchedule, Window};
use konnect::context::{Actor, Context};
use konnect::core::Core;
use konnect::id::{OfferingId, UserId};
use konnect::mentor::{self, Application, Decision, Kind, NewOffering, RefundPolicy};
use konnect::money::Krw;
use konnect::transact;
use konnect::user::{self, Locale, NewUser};
use konnect_tools::client::Rest;
use secrecy::ExposeSecret;

use super::caller::Caller;
use super::record::Record;

/// Won.
pub const PRICE: i64 = 50_000;
/// People made by one transaction.
const BATCH: usize = 25;

#[derive(Clone)]
pub struct Mentor {
    pub caller: Caller,
    /// Taken at once, and taken on the mentor's approval.
    pub instant: OfferingId,
    pub approval: OfferingId,
}

#[derive(Clone)]
pub struct Mentee {
    pub id: UserId,
    pub caller: Caller,
}

/// Where people are made, and whom they ask.
pub struct Maker<'a> {
    pub core: &'a Core,
    pub tokens: &'a Tokens,
    pub nodes: &'a [Rest],
    pub record: &'a Record,
}

fn context() -> Context {
    Context::new(Actor::Operator, "chaos")
}

impl Maker<'_> {
    async fn register(&self, names: &[String], is_admin: bool) -> Result<Vec<UserId>> {
        transact!(self.core.db, context(), anyhow::Error, tx => {
            let mut made = Vec::new();
            for name in names {
                let new = NewUser::parse(&format!("{name}@chaos.example"), name, Locale::Ko, "Asia/Seoul")?;
                let id = user::register(tx, &new, "nobody logs in").await?.id;
                if is_admin {
                    user::make_admin(tx, id).await?;
                }
                made.push(id);
            }
            Ok(made)
        })
    }

    /// A login for each of them, which lasts longer than any run.
    async fn log_in(&self, people: &[UserId], names: &[String], is_mentor: bool) -> Result<Vec<Caller>> {
        let tokens = transact!(self.core.db, context(), anyhow::Error, tx => {
            let mut made = Vec::new();
            for id in people {
                let (user, grant) = user::open_session(tx, *id, "chaos", self.tokens.refresh_life()).await?;
                let token = self.tokens.issue(*id, grant.session_id, &user.roles(is_mentor), tx.now)?;
                made.push(token.token.expose_secret().to_owned());
            }
            Ok(made)
        })?;
        let caller =
            |(token, name): (String, &String)| Caller::new(self.nodes, &token, name.as_str(), self.record);
        Ok(tokens.into_iter().zip(names).map(caller).collect())
    }

    /// Two administrators: what needs a second one has one.
    pub async fn admins(&self) -> Result<[Caller; 2]> {
        let names = ["admin-0".to_owned(), "admin-1".to_owned()];
        let people = self.register(&names, true).await?;
        let made = self.log_in(&people, &names, false).await?;
        made.try_into().ok().context("two administrators")
    }

    pub async fn mentees(&self, names: &[String]) -> Result<Vec<Mentee>> {
        let mut all = Vec::new();
        for names in names.chunks(BATCH) {
            let people = self.register(names, false).await?;
            let callers = self.log_in(&people, names, false).await?;
            all.extend(people.into_iter().zip(callers).map(|(id, caller)| Mentee { id, caller }));
        }
        Ok(all)
    }

    pub async fn mentors(&self, count: usize) -> Result<Vec<Mentor>> {
        let names: Vec<String> = (0..count).map(|number| format!("mentor-{number}")).collect();
        let mut all = Vec::new();
        for names in names.chunks(BATCH) {
            let people = self.register(names, false).await?;
            let offerings = self.offer(&people).await?;
            let callers = self.log_in(&people, names, true).await?;
            for ((instant, approval), caller) in offerings.into_iter().zip(callers) {
                all.push(Mentor { caller, instant, approval });
            }
        }
        Ok(all)
    }

    async fn offer(&self, people: &[UserId]) -> Result<Vec<(OfferingId, OfferingId)>> {
        let application = Application {
            headline: "Ten years of backends".into(),
            bio: "Reads code with you.".into(),
            expertise: vec!["rust".into()],
            career: String::new(),
            company: None,
            company_hidden: false,
            languages: vec!["ko".into()],
        };
        transact!(self.core.db, context(), anyhow::Error, tx => {
            let mut made = Vec::new();
            for id in people {
                let applied = mentor::apply(tx, *id, application.clone()).await?;
                mentor::decide(tx, *id, Decision::Approve, applied.version).await?;
                availability::set_schedule(tx, *id, around_the_clock(), 0).await?;
                let instant = mentor::create_offering(tx, *id, offering(Kind::Instant)).await?;
                let approval = mentor::create_offering(tx, *id, offering(Kind::Approval)).await?;
                made.push((instant.id, approval.id));
            }
            Ok(made)
        })
    }
}

fn offering(kind: Kind) -> NewOffering {
    NewOffering {
        title: if kind == Kind::Instant { "Code review" } else { "Mock interview" }.into(),
        description: "An hour over your code.".into(),
        price_krw: Krw(PRICE),
        duration_min: 60,
        options: Vec::new(),
        category: "backend".into(),
        kind,
        refund_policy: RefundPolicy::Standard,
        is_public: true,
    }
}

fn around_the_clock() -> NewSchedule {
    NewSchedule {
        time_zone: "Asia/Seoul".into(),
        slot_interval_min: 30,
        slot_offset_min: 0,
        buffer_before_min: 0,
        buffer_after_min: 0,
        min_notice_min: 15,
        horizon_days: 60,
        exceptions: Default::default(),
        limits: Default::default(),
        windows: (0..7).map(|weekday| Window { weekday, from_minute: 0, to_minute: 1440 }).collect(),
    }
}
