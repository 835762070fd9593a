//! Mentors: applying, and what everybody may see of those who were approved.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::answer::Created;
use super::caller::Caller;
use super::page_key::{page_key, page_text};
use super::problem::Problem;
use super::review_view::{RatingView, RecordView};
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::id::UserId;
use crate::mentor::{self, Application, Mentor, PublicProfile, State};
use crate::review::{self, Figures, Side};
use crate::{reservation, user};

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
        }
    }
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
            rejection_reason: mentor.rejection_reason,
            applied_at: mentor.applied_at,
            decided_at: mentor.decided_at,
            version: mentor.version,
        }
    }
}

/// A mentor as everybody sees them.
#[derive(Debug, Object)]
#[oai(rename = "Mentor", rename_all = "camelCase", skip_serializing_if_is_none)]
struct MentorView {
    mentor_id: UserId,
    name: String,
    headline: String,
    bio: String,
    expertise: Vec<String>,
    career: String,
    /// Absent when there is none, and when the mentor hides it.
    company: Option<String>,
    approved_at: DateTime<Utc>,
    /// What mentees gave; the reviews are at `/v1/mentors/{id}/reviews`.
    rating: RatingView,
    /// Of one mentor; absent in lists.
    record: Option<RecordView>,
}

impl MentorView {
    fn new(profile: PublicProfile, name: String, figures: Figures) -> Self {
        Self {
            rating: figures.into(),
            record: None,
            mentor_id: profile.mentor_id,
            name,
            headline: profile.headline,
            bio: profile.bio,
            expertise: profile.expertise,
            career: profile.career,
            company: profile.company,
            approved_at: profile.approved_at,
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

    /// List mentors
    ///
    /// For everybody: approved mentors, the latest approval first; with a category, those who offer something in
    /// it.
    #[oai(path = "/", method = "get", operation_id = "listMentors")]
    async fn list(
        &self,
        app: Data<&Shared>,
        #[oai(validator(min_length = 1, max_length = 40))] category: Query<Option<String>>,
        /// The `next` of the page before.
        #[oai(validator(max_length = 128))]
        after: Query<Option<String>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
    ) -> Result<Json<Page>, Problem> {
        let pool = app.core.db.pool();
        let after = after.0.as_deref().map(page_key).transpose()?;
        let profiles = mentor::list(pool, category.0.as_deref(), after, limit.0).await?;
        let full = profiles.len() == limit.0 as usize;
        let next = profiles.last().filter(|_| full).map(|last| page_text(last.page_key()));
        let ids: Vec<UserId> = profiles.iter().map(|profile| profile.mentor_id).collect();
        let users = user::get_many(pool, &ids).await?;
        let mut names: HashMap<UserId, String> = users.into_iter().map(|u| (u.id, u.name)).collect();
        let figures: HashMap<UserId, Figures> =
            review::figures_of_mentors(pool, &ids).await?.into_iter().collect();
        let view = |profile: PublicProfile| {
            let name = names.remove(&profile.mentor_id).unwrap_or_default();
            let figures = figures.get(&profile.mentor_id).copied().unwrap_or_default();
            MentorView::new(profile, name, figures)
        };
        Ok(Json(Page { items: profiles.into_iter().map(view).collect(), next }))
    }

    /// Show a mentor
    ///
    /// For everybody. Applicants and suspended mentors are not found.
    #[oai(path = "/:id", method = "get", operation_id = "getMentor")]
    async fn get(&self, app: Data<&Shared>, id: Path<UserId>) -> Result<Json<MentorView>, Problem> {
        let pool = app.core.db.pool();
        let profile = mentor::profile(pool, id.0).await?;
        let user = user::get(pool, id.0).await?;
        let figures = review::figures(pool, id.0, Side::Mentor).await?;
        let record = Some(reservation::record(pool, id.0).await?.into());
        Ok(Json(MentorView { record, ..MentorView::new(profile, user.name, figures) }))
    }
}

fn default_limit() -> u32 {
    20
}
