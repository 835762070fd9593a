//! What mentors offer.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::answer::{Created, Done};
use super::caller::Caller;
use super::problem::Problem;
use super::request::seen;
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::id::{OfferingId, UserId};
use crate::mentor::{self, Kind, NewOffering, Offering, OfferingFilter, PriceOption, RefundPolicy};
use crate::money::Krw;
use crate::replica;

pub struct OfferingsApi;

/// One duration and what it costs.
#[derive(Clone, Debug, Object)]
#[oai(rename = "OfferingOption", rename_all = "camelCase", deny_unknown_fields)]
struct OptionView {
    /// 15 to 480, a multiple of 15.
    duration_minutes: u32,
    /// Won: 0, or 1,000 to 10,000,000. A free session is confirmed without a payment, once for each pair.
    price_krw: Krw,
}

impl From<PriceOption> for OptionView {
    fn from(option: PriceOption) -> Self {
        Self { duration_minutes: option.duration_min, price_krw: option.price_krw }
    }
}

impl From<OptionView> for PriceOption {
    fn from(option: OptionView) -> Self {
        Self { duration_min: option.duration_minutes, price_krw: option.price_krw }
    }
}

#[derive(Debug, Object)]
#[oai(rename = "NewOffering", rename_all = "camelCase", deny_unknown_fields)]
struct CreateRequest {
    #[oai(validator(min_length = 1, max_length = 100))]
    title: Text,
    #[oai(default, validator(max_length = 4000))]
    description: Text,
    /// Won: 0, or 1,000 to 10,000,000.
    price_krw: Krw,
    /// 15 to 480, a multiple of 15.
    duration_minutes: u32,
    /// Every duration that can be booked, beginning with the one above; it alone, unless given. Each duration once, and
    /// one free session at most.
    #[oai(default, validator(max_items = 6))]
    options: Vec<OptionView>,
    /// Upper and lower case are the same.
    #[oai(validator(min_length = 1, max_length = 40))]
    category: Text,
    kind: Kind,
    /// What a mentee who cancels gets back; each reservation shows it in instants and won.
    #[oai(default)]
    refund_policy: RefundPolicy,
    /// Private offerings are seen by their mentor alone.
    #[oai(default = "yes")]
    is_public: bool,
}

impl From<CreateRequest> for NewOffering {
    fn from(body: CreateRequest) -> Self {
        Self {
            title: body.title.0,
            description: body.description.0,
            price_krw: body.price_krw,
            duration_min: body.duration_minutes,
            options: body.options.into_iter().map(PriceOption::from).collect(),
            category: body.category.0,
            kind: body.kind,
            refund_policy: body.refund_policy,
            is_public: body.is_public,
        }
    }
}

/// What is absent stays as it is.
#[derive(Clone, Debug, Object)]
#[oai(rename = "OfferingChange", rename_all = "camelCase", deny_unknown_fields)]
struct ChangeRequest {
    /// The version the caller saw; refused when the offering has changed since.
    expected_version: i64,
    #[oai(validator(min_length = 1, max_length = 100))]
    title: Option<Text>,
    #[oai(validator(max_length = 4000))]
    description: Option<Text>,
    /// Won, of the first duration: 0, or 1,000 to 10,000,000.
    price_krw: Option<Krw>,
    /// The first duration: 15 to 480, a multiple of 15.
    duration_minutes: Option<u32>,
    /// Every duration that can be booked, the first one first.
    #[oai(validator(min_items = 1, max_items = 6))]
    options: Option<Vec<OptionView>>,
    #[oai(validator(min_length = 1, max_length = 40))]
    category: Option<Text>,
    kind: Option<Kind>,
    /// For bookings from now on; reservations that exist keep theirs.
    refund_policy: Option<RefundPolicy>,
    is_public: Option<bool>,
}

impl ChangeRequest {
    fn over(self, before: Offering) -> NewOffering {
        let given: Option<Vec<PriceOption>> =
            self.options.map(|options| options.into_iter().map(PriceOption::from).collect());
        let mut options = given.clone().unwrap_or_else(|| before.options().collect());
        let price_krw = self.price_krw.unwrap_or(options[0].price_krw);
        let duration_min = self.duration_minutes.unwrap_or(options[0].duration_min);
        if given.is_none() {
            options[0] = PriceOption { duration_min, price_krw };
        }
        NewOffering {
            title: self.title.map_or(before.title, |title| title.0),
            description: self.description.map_or(before.description, |description| description.0),
            price_krw,
            duration_min,
            options,
            category: self.category.map_or(before.category, |category| category.0),
            kind: self.kind.unwrap_or(before.kind),
            refund_policy: self.refund_policy.unwrap_or(before.refund_policy),
            is_public: self.is_public.unwrap_or(before.is_public),
        }
    }
}

#[derive(Debug, Object)]
#[oai(rename = "Offering", rename_all = "camelCase")]
struct OfferingView {
    id: OfferingId,
    mentor_id: UserId,
    title: String,
    description: String,
    /// Won, of the first duration.
    price_krw: Krw,
    /// The first duration.
    duration_minutes: u32,
    /// Every duration that can be booked, the first one first.
    options: Vec<OptionView>,
    category: String,
    /// Whether the mentee pays at once or the mentor agrees first.
    kind: Kind,
    /// What a mentee who cancels gets back.
    refund_policy: RefundPolicy,
    is_public: bool,
    /// `false`: retired, for good.
    is_active: bool,
    /// Send it back to change what you saw.
    version: i64,
    created_at: DateTime<Utc>,
}

impl From<Offering> for OfferingView {
    fn from(offering: Offering) -> Self {
        let options = offering.options().map(OptionView::from).collect();
        Self {
            id: offering.id,
            mentor_id: offering.mentor_id,
            title: offering.title,
            description: offering.description,
            options,
            price_krw: offering.price_krw,
            duration_minutes: offering.duration_min,
            category: offering.category,
            kind: offering.kind,
            refund_policy: offering.refund_policy,
            is_public: offering.is_public,
            is_active: offering.is_active,
            version: offering.version,
            created_at: offering.created_at,
        }
    }
}

/// A page, newest first.
#[derive(Debug, Object)]
#[oai(rename = "OfferingPage", rename_all = "camelCase", skip_serializing_if_is_none)]
struct Page {
    items: Vec<OfferingView>,
    /// Send it as `before` to get the next page; absent on the last one.
    next: Option<OfferingId>,
}

impl Page {
    fn new(rows: Vec<Offering>, limit: u32) -> Self {
        let full = rows.len() == limit as usize;
        let next = rows.last().filter(|_| full).map(|last| last.id);
        Self { items: rows.into_iter().map(OfferingView::from).collect(), next }
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Mentors")]
impl OfferingsApi {
    /// Offer something
    ///
    /// By approved mentors.
    #[oai(path = "/offerings", method = "post", operation_id = "createOffering")]
    async fn create(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<CreateRequest>,
    ) -> Result<Created<OfferingView>, Problem> {
        let mentor = caller.mentor()?;
        let new = NewOffering::from(body.0);
        let offering = unit!(app, caller.actor(), tx => {
            Ok(mentor::create_offering(tx, mentor, new.clone()).await?)
        })?;
        Ok(Created::Created(Json(offering.into())))
    }

    /// Change an offering
    ///
    /// By its mentor. Reservations that exist keep the price and duration they were made with.
    #[oai(path = "/offerings/:id", method = "patch", operation_id = "changeOffering")]
    async fn change(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<OfferingId>,
        body: Json<ChangeRequest>,
    ) -> Result<Json<OfferingView>, Problem> {
        let mentor = caller.mentor()?;
        let offering = unit!(app, caller.actor(), tx => {
            // Refused below when it is not of the expected version, so this is what the caller saw.
            let before = mentor::find_offering_for_owner(tx.conn(), id.0, mentor).await?;
            let new = body.0.clone().over(before);
            Ok(mentor::update_offering(tx, mentor, id.0, new, body.expected_version).await?)
        })?;
        Ok(Json(offering.into()))
    }

    /// Take an offering off the market
    ///
    /// By its mentor, for good. Reservations that exist stay.
    #[oai(path = "/offerings/:id", method = "delete", operation_id = "retireOffering")]
    async fn retire(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        id: Path<OfferingId>,
        /// The version the caller saw; refused when the offering has changed since.
        #[oai(name = "expectedVersion")]
        expected_version: Query<i64>,
    ) -> Result<Done, Problem> {
        let mentor = caller.mentor()?;
        unit!(app, caller.actor(), tx => {
            Ok(mentor::retire_offering(tx, mentor, id.0, expected_version.0).await?)
        })?;
        Ok(Done::Done)
    }

    /// List the caller's offerings
    ///
    /// Private and retired ones too, newest first.
    #[oai(path = "/me/offerings", method = "get", operation_id = "listMyOfferings")]
    async fn own(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        /// The `next` of the page before.
        before: Query<Option<OfferingId>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
    ) -> Result<Json<Page>, Problem> {
        let pool = app.core.db.pool();
        let rows = mentor::list_offerings(pool, caller.user_id(), before.0, limit.0).await?;
        Ok(Json(Page::new(rows, limit.0)))
    }

    /// List offerings
    ///
    /// For everybody: what can be booked, newest first.
    #[oai(path = "/offerings", method = "get", operation_id = "listOfferings")]
    async fn list(
        &self,
        app: Data<&Shared>,
        #[oai(name = "mentorId")] mentor_id: Query<Option<UserId>>,
        #[oai(validator(min_length = 1, max_length = 40))] category: Query<Option<String>>,
        /// The `next` of the page before.
        before: Query<Option<OfferingId>>,
        #[oai(default = "default_limit", validator(minimum(value = "1"), maximum(value = "100")))]
        limit: Query<u32>,
    ) -> Result<Json<Page>, Problem> {
        let filter = OfferingFilter { mentor: mentor_id.0, category: category.0 };
        let rows = replica::read(&app.core.db, seen(), |pool| {
            let filter = &filter;
            async move { mentor::list_public_offerings(&pool, filter, before.0, limit.0).await }
        })
        .await?;
        Ok(Json(Page::new(rows, limit.0)))
    }

    /// Show an offering
    ///
    /// For everybody. Private and retired ones, and those of suspended mentors, are not found.
    #[oai(path = "/offerings/:id", method = "get", operation_id = "getOffering")]
    async fn get(&self, app: Data<&Shared>, id: Path<OfferingId>) -> Result<Json<OfferingView>, Problem> {
        let found = replica::read(&app.core.db, seen(), |pool| async move {
            mentor::find_public_offering(&pool, id.0).await
        });
        let offering = found.await?;
        Ok(Json(offering.into()))
    }
}

fn default_limit() -> u32 {
    20
}

fn yes() -> bool {
    true
}
