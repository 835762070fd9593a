//! Free slots, straight from their cache.

use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};

use super::instant::When;
use super::problem::Problem;
use super::raw_json::RawJson;
use super::{Shared, Tag};
use crate::availability::{self, Wanted};
use crate::id::{OfferingId, UserId};

/// How far a listing goes when nobody says.
const DEFAULT_DAYS: i64 = 30;

pub struct SlotsApi;

// The schema of what `availability::listing` gives: its JSON is sent as it is.
/// The free slots of an offering.
#[derive(Debug, Object)]
#[oai(rename = "SlotListing", rename_all = "camelCase", deny_unknown_fields)]
struct ListingView {
    offering_id: OfferingId,
    mentor_id: UserId,
    /// The mentor's IANA zone, for showing wall clocks.
    time_zone: String,
    duration_minutes: u32,
    /// Rises whenever the mentor's calendar changes.
    calendar_version: i64,
    /// Ascending.
    slots: Vec<SlotView>,
    /// The zone whose dates `days` are: the one that was asked for, or the mentor's.
    viewer_time_zone: String,
    /// The same slots by the viewer's dates; a date without a slot is not here.
    days: Vec<DayView>,
}

/// One free slot.
#[derive(Debug, Object)]
#[oai(rename = "Slot", rename_all = "camelCase", deny_unknown_fields)]
struct SlotView {
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

/// The slots that start on one date of the viewer.
#[derive(Debug, Object)]
#[oai(rename = "SlotDay", rename_all = "camelCase", deny_unknown_fields)]
struct DayView {
    /// `YYYY-MM-DD`
    date: NaiveDate,
    /// Ascending, with the viewer's offset: the wall clock can be read off, and a time that comes twice has two.
    starts: Vec<DateTime<FixedOffset>>,
}

#[OpenApi(prefix_path = "/v1/offerings", tag = "Tag::Availability")]
impl SlotsApi {
    /// List the free slots of an offering
    ///
    /// For everybody. Those that start from `from` until before `to`, 62 days at most. It can be some seconds old:
    /// whether a slot is still free is decided when it is reserved.
    #[oai(path = "/:id/slots", method = "get", operation_id = "listSlots")]
    async fn list(
        &self,
        app: Data<&Shared>,
        id: Path<OfferingId>,
        /// Now, unless given.
        from: Query<Option<When>>,
        /// 30 days after `from`, unless given.
        to: Query<Option<When>>,
        /// One of the offering's durations; the first, unless given.
        #[oai(name = "durationMinutes")]
        duration_minutes: Query<Option<u32>>,
        /// The viewer's IANA zone, such as `Asia/Kolkata`, by whose dates `days` are grouped; the mentor's, unless given.
        #[oai(name = "timeZone", validator(max_length = 64))]
        time_zone: Query<Option<String>>,
    ) -> Result<RawJson<ListingView>, Problem> {
        let from = from.0.map_or_else(|| app.core.clock.now(), |at| at.0);
        let later = || from.checked_add_signed(TimeDelta::days(DEFAULT_DAYS));
        let to = to.0.map(|at| at.0).or_else(later);
        let to = to.ok_or_else(|| Problem::new("slot.invalid_range").field("from"))?;
        let viewer = time_zone.0.map(|zone| zone.parse::<Tz>()).transpose();
        let viewer = viewer.map_err(|_| availability::Error::InvalidTimeZone)?;
        let wanted = Wanted { offering: id.0, duration_min: duration_minutes.0, from, to, viewer };
        let listing = availability::listing(&app.core, &wanted).await?;
        Ok(RawJson::new(listing))
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::{ParseFromJSON, ToJSON};

    use super::*;
    use crate::availability::{Day, Listing, Slot};

    #[test]
    fn the_document_shows_what_is_sent() {
        let slot = |starts: &str, ends: &str| Slot { starts_at: starts.into(), ends_at: ends.into() };
        let listing = Listing {
            offering_id: OfferingId::generate(),
            mentor_id: UserId::generate(),
            time_zone: "Asia/Seoul".into(),
            duration_minutes: 60,
            calendar_version: 7,
            slots: vec![slot("2026-03-02T00:00:00Z", "2026-03-02T01:00:00Z")],
            viewer_time_zone: "Asia/Kathmandu".into(),
            days: vec![Day { date: "2026-03-02".into(), starts: vec!["2026-03-02T05:45:00+05:45".into()] }],
        };
        let sent = serde_json::to_value(&listing).unwrap();
        let view = ListingView::parse_from_json(Some(sent.clone())).unwrap();
        let shown = view.to_json().unwrap();
        let instant = |value: &serde_json::Value| value.as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        assert_eq!(instant(&shown["slots"][0]["startsAt"]), instant(&sent["slots"][0]["startsAt"]));
        let names = |value: &serde_json::Value| {
            value.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(names(&shown), names(&sent));
        assert_eq!(names(&shown["slots"][0]), names(&sent["slots"][0]));
        assert_eq!(shown["days"], sent["days"]);
    }
}
