//! Mentors: applying, and what everybody may see of those who were approved.

use chrono::{DateTime, TimeDelta, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::answer::Created;
use super::caller::Caller;
use super::instant::When;
use super::mentor_view::MentorView;
use super::page_key::{card_key, card_text};
use super::problem::Problem;
use super::request::seen;
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::id::UserId;
use crate::mentor::{self, Application, Criteria, Mentor, Sort, State};
use crate::money::Krw;
use crate::{replica, reservation};

/// How far a search for free mentors goes when nobody says.
const DEFAULT_DAYS: i64 = 30;

pub struct MentorsApi;

#[derive(Debug, Object)]
#[oai(rename = "NewMentorApplication", rename_all = "camelCase", deny_unknown_fields)]
struct ApplyRequest {
    /// One line under the name.
    #[oai(validator(min_length = 1, max_length = 120))]
    headline: Text,
    #[oai(validator(min_length = 1, max_length = 4000))]
    bio: Text,
    /// 1 to 20 entries of 1 to 40 characters.
    #[oai(validator(min_items = 1, max_items = 20, max_length = 40))]
    expertise: Vec<Text>,
    #[oai(default, validator(max_length = 4000))]
    career: Text,
    #[oai(validator(min_length = 1, max_length = 100))]
    company: Option<Text>,
    /// The company is shown to administrators alone.
    #[oai(default)]
    company_hidden: bool,
    /// The languages that are spoken: at most 10 ISO 639-1 codes such as `ko`.
    #[oai(default, validator(max_items = 10, max_length = 2))]
    languages: Vec<Text>,
}

impl From<ApplyRequest> for Application {
    fn from(body: ApplyRequest) -> Self {
        Self {
            headline: body.headline.0,
            bio: body.bio.0,
            expertise: body.expertise.into_iter().map(|entry| entry.0).collect(),
            career: body.career.0,
            company: body.company.map(|company| company.0),
            company_hidden: body.company_hidden,
            languages: body.languages.into_iter().map(|code| code.0).collect(),
        }
    }
}

/// What a mentor says of themselves. What is absent stays as it is.
#[derive(Clone, Debug, Object)]
#[oai(rename = "MentorProfileChange", rename_all = "camelCase", deny_unknown_fields)]
struct ChangeRequest {
    /// The version the caller saw; refused when it has changed since.
    expected_version: i64,
    #[oai(validator(min_length = 1, max_length = 120))]
    headline: Option<Text>,
    #[oai(validator(min_length = 1, max_length = 4000))]
    bio: Option<Text>,
    /// 1 to 20 entries of 1 to 40 characters.
    #[oai(validator(min_items = 1, max_items = 20, max_length = 40))]
    expertise: Option<Vec<Text>>,
    #[oai(validator(max_length = 4000))]
    career: Option<Text>,
    /// Empty: none.
    #[oai(validator(max_length = 100))]
    company: Option<Text>,
    company_hidden: Option<bool>,
    /// At most 10 ISO 639-1 codes such as `ko`.
    #[oai(validator(max_items = 10, max_length = 2))]
    languages: Option<Vec<Text>>,
}

impl ChangeRequest {
    fn over(self, before: Mentor) -> Application {
        let texts = |texts: Vec<Text>| texts.into_iter().map(|text| text.0).collect();
        let company = match self.company {
            None => before.company,
            Some(company) => Some(company.0).filter(|name| !name.is_empty()),
        };
        Application {
            headline: self.headline.map_or(before.headline, |text| text.0),
            bio: self.bio.map_or(before.bio, |text| text.0),
            expertise: self.expertise.map_or(before.expertise.0, texts),
            career: self.career.map_or(before.career, |text| text.0),
            company,
            company_hidden: self.company_hidden.unwrap_or(before.company_hidden),
            languages: self.languages.map_or_else(|| codes(&before.languages), texts),
        }
    }
}

/// The entries of a column of codes.
fn codes(column: &str) -> Vec<String> {
    column.split(',').filter(|code| !code.is_empty()).map(str::to_owned).collect()
}

/// The caller's application, and what became of it.
#[derive(Debug, Object)]
#[oai(rename = "MentorApplication", rename_all = "camelCase", skip_serializing_if_is_none)]
struct ApplicationView {
    /// The caller; as a mentor, their id.
    mentor_id: UserId,
    state: State,
    headline: String,
    bio: String,
    expertise: Vec<String>,
    career: String,
    company: Option<String>,
    company_hidden: bool,
    languages: Vec<String>,
    /// Why it was rejected. The caller may apply again.
    rejection_reason: Option<String>,
    applied_at: DateTime<Utc>,
    decided_at: Option<DateTime<Utc>>,
    version: i64,
}

impl From<Mentor> for ApplicationView {
    fn from(mentor: Mentor) -> Self {
        Self {
            mentor_id: mentor.user_id,
            state: mentor.state,
            headline: mentor.headline,
            bio: mentor.bio,
            expertise: mentor.expertise.0,
            career: mentor.career,
            company: mentor.company,
            company_hidden: mentor.company_hidden,
            languages: codes(&mentor.languages),
            rejection_reason: mentor.rejection_reason,
            applied_at: mentor.applied_at,
            decided_at: mentor.decided_at,
            version: mentor.version,
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename = "MentorPage", rename_all = "camelCase", skip_serializing_if_is_none)]
struct Page {
    items: Vec<MentorView>,
    /// Send it as `after` to get the next page; absent on the last one.
    next: Option<String>,
}

#[OpenApi(prefix_path = "/v1/mentors", tag = "Tag::Mentors")]
impl MentorsApi {
    /// Apply to become a mentor
    ///
    /// By anybody who is logged in, and again after a rejection. An administrator decides; the outcome arrives as
    /// `mentor.approved` or `mentor.rejected`.
    #[oai(path = "/application", method = "post", operation_id = "applyAsMentor")]
    async fn apply(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<ApplyRequest>,
    ) -> Result<Created<ApplicationView>, Problem> {
        let application = Application::from(body.0);
        let mentor = unit!(app, caller.actor(), tx => {
            Ok(mentor::apply(tx, caller.user_id(), application.clone()).await?)
        })?;
        Ok(Created::Created(Json(mentor.into())))
    }

    /// Show the caller's application
    #[oai(path = "/application", method = "get", operation_id = "getMentorApplication")]
    async fn application(
        &self,
        app: Data<&Shared>,
        caller: Caller,
    ) -> Result<Json<ApplicationView>, Problem> {
        let mentor = mentor::find(app.core.db.pool(), caller.user_id()).await?;
        Ok(Json(mentor.into()))
    }

    /// Change the caller's profile as a mentor
    ///
    /// By approved mentors. Everybody reads it at once.
    #[oai(path = "/profile", method = "patch", operation_id = "changeMentorProfile")]
    async fn change(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<ChangeRequest>,
    ) -> Result<Json<ApplicationView>, Problem> {
        let mentor = caller.mentor()?;
        let changed = unit!(app, caller.actor(), tx => {
            // Refused below when it is not of the expected version, so this is what the caller saw.
            let before = mentor::find(tx.conn(), mentor).await?;
            let new = body.0.clone().over(before);
            Ok(mentor::change_profile(tx, mentor, new, body.expected_version).await?)
        })?;
        Ok(Json(changed.into()))
    }

    /// List mentors
    ///
    /// For everybody: approved mentors that meet all that is asked for. A page goes on only with what the page before was
    /// asked for. What it says of free slots can be some seconds old: whether one is still free is decided when it is
    /// reserved.
    #[oai(path = "/", method = "get", operation_id = "listMentors")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the address")]
    async fn list(
        &self,
        app: Data<&Shared>,
        /// They offer something in it; upper and lower case are the same.
        #[oai(validator(min_length = 1, max_length = 40))]
        category: Query<Option<String>>,
        /// 1 to 10 words, each of which is in their name, headline, expertise or titles: words in letters by their
        /// beginning, Korean anywhere. No sign has another meaning than itself.
        #[oai(validator(min_length = 1, max_length = 80))]
        q: Query<Option<String>>,
        /// Won: they offer something (of the category) at this price or above.
        #[oai(name = "priceFrom", validator(minimum(value = "0"), maximum(value = "10000000")))]
        price_from: Query<Option<i64>>,
        /// Won: they offer something (of the category, not below `priceFrom`) at this price or below.
        #[oai(name = "priceTo", validator(minimum(value = "0"), maximum(value = "10000000")))]
        price_to: Query<Option<i64>>,
        /// Their average, as it is shown, is at least this.
        #[oai(name = "minRating", validator(minimum(value = "1"), maximum(value = "5")))]
        min_rating: Query<Option<f64>>,
        /// They speak this language (ISO 639-1); may be given up to 5 times: one of those.
        #[oai(validator(max_items = 5))]
        language: Query<Vec<String>>,
        /// Something of theirs can start from this instant on: now, unless given with `freeTo`.
        #[oai(name = "freeFrom")]
        free_from: Query<Option<When>>,
        /// Something of theirs can start before this instant: 30 days after `freeFrom`, unless given; 62 days at most.
        #[oai(name = "freeTo")]
        free_to: Query<Option<When>>,
        #[oai(default)] sort: Query<Sort>,
        /// The `next` of the page before, which was in the same order.
        #[oai(validator(max_length = 128))]
        after: Query<Option<String>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
    ) -> Result<Json<Page>, Problem> {
        let now = app.core.clock.now();
        let criteria = Criteria {
            category: category.0,
            price_from: price_from.0.map(Krw),
            price_to: price_to.0.map(Krw),
            text: q.0,
            rating_from: min_rating.0.map(tenths),
            languages: language.0,
            free: window(free_from.0.map(|at| at.0), free_to.0.map(|at| at.0), now)?,
            sort: sort.0,
        };
        let after = after.0.as_deref().map(|text| card_key(sort.0, text)).transpose()?;
        let cards = replica::read(&app.core.db, seen(), |pool| {
            let criteria = &criteria;
            async move { mentor::search(&pool, criteria, after, limit.0, now).await }
        })
        .await?;
        let is_full = cards.len() == limit.0 as usize;
        let next = cards.last().filter(|_| is_full).map(|last| card_text(sort.0, last.after(sort.0)));
        let items = cards.into_iter().map(|card| MentorView::new(card, None, now)).collect();
        Ok(Json(Page { items, next }))
    }

    /// Show a mentor
    ///
    /// For everybody. Applicants and suspended mentors are not found.
    #[oai(path = "/:id", method = "get", operation_id = "getMentor")]
    async fn get(&self, app: Data<&Shared>, id: Path<UserId>) -> Result<Json<MentorView>, Problem> {
        let (card, record) = replica::read(&app.core.db, seen(), |pool| async move {
            let card = mentor::card(&pool, id.0).await?;
            Ok::<_, mentor::Error>((card, reservation::record(&pool, id.0).await?))
        })
        .await?;
        Ok(Json(MentorView::new(card, Some(record.into()), app.core.clock.now())))
    }
}

type Span = (DateTime<Utc>, DateTime<Utc>);

/// The window of `freeFrom` and `freeTo`, where one of them is given.
fn window(
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<Option<Span>, Problem> {
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let from = from.unwrap_or(now);
    let later = || from.checked_add_signed(TimeDelta::days(DEFAULT_DAYS));
    let to = to.or_else(later).ok_or_else(|| Problem::new("search.invalid").field("freeFrom"))?;
    Ok(Some((from, to)))
}

/// Tenths of a star, up to the next one: nobody below what is asked for.
#[expect(clippy::cast_possible_truncation, reason = "the parameter lies between 1 and 5")]
fn tenths(stars: f64) -> i64 {
    // Less than any tenth, more than what a tenth is off in binary.
    (stars * 10.0 - 1e-6).ceil() as i64
}

fn default_limit() -> u32 {
    20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_become_the_next_tenth() {
        for tenth in 10..=50_i64 {
            assert_eq!(tenths(tenth as f64 / 10.0), tenth);
        }
        assert_eq!((tenths(4.41), tenths(4.49), tenths(1.0), tenths(5.0)), (45, 45, 10, 50));
    }
}
