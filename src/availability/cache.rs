//! The slot cache: listings as finished JSON in Redis. It never decides a booking.
//!
//! A payload's key names everything the listing depends on: the offering and its version, the calendar's version
//! (raised by every claim, release and change of schedule), the range, the viewer's zone, the release of the zone data
//! and the quarter of an hour in which it was asked (notice and horizon are multiples of a quarter, so their cut-offs
//! stand still within one). So a payload is never wrong, only no longer asked for. What can be old are the versions that Redis knows: by the way of a
//! signal, and by `CALENDAR_TTL` and `OFFERING_TTL` when a signal was lost. An offering that nobody may book any
//! more is gone from Redis after `OFFERING_TTL` at the latest, and with it the way to its payloads.
//!
//! In front of Redis stands the memory of each process ([`crate::core::Core::memo`]): it hears the same signals,
//! and a second is the most it can add where one was lost.

use std::future::Future;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use chrono_tz::Tz;
use redis::Script;

use super::cells::{Cell, CellRange, whole_cells};
use super::error::Error;
use super::listing::{Listing, by_day, slots};
use super::load::Booked;
use super::zone::ZONE_DATA;
use super::{engine, load, query, rules_for};
use crate::clock::Instant;
use crate::core::Core;
use crate::id::{OfferingId, UserId};
use crate::mentor::{self, Offering};
use crate::signal::CALENDAR_TTL;

pub const MAX_LISTING_DAYS: i64 = 62;
/// An offering is believed to stand as it did for this long when no change is announced.
const OFFERING_TTL: Duration = Duration::from_secs(5);
const PAYLOAD_TTL: Duration = Duration::from_secs(15 * 60);
/// Longer than any answer of a Redis that is well: without it a request would wait for the reconnection.
const PATIENCE: Duration = Duration::from_millis(200);

/// KEYS: the offering, the payload without its versions. ARGV: what the keys of calendars begin with. Gives what
/// is known of the offering, the version of its mentor's calendar, and the payload under both.
static GET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"local offering = redis.call('get', KEYS[1])
        if not offering then return {false, false, false} end
        local mentor, version = string.match(offering, '^(%S+) (%d+)$')
        if not mentor then return {false, false, false} end
        local calendar = redis.call('get', ARGV[1] .. mentor)
        if not calendar then return {offering, false, false} end
        return {offering, calendar, redis.call('get', KEYS[2] .. ':' .. version .. ':' .. calendar)}",
    )
});

/// KEYS: the offering, the calendar's version, the payload. ARGV: what is known of the offering, its TTL, the
/// calendar's version, its TTL, the payload, its TTL (ms). An older version of the calendar gives way, so that a
/// lost signal costs one miss; a newer one stays. The offering was just read, so what is written lives no longer
/// than its TTL after a change.
static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
        local known = tonumber(redis.call('get', KEYS[2]) or '-1')
        if known < tonumber(ARGV[3]) then redis.call('set', KEYS[2], ARGV[3], 'px', ARGV[4]) end
        redis.call('set', KEYS[3], ARGV[5], 'px', ARGV[6])",
    )
});

/// Which slots of an offering are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub offering: OfferingId,
    /// One of the offering's durations; its first, unless given.
    pub duration_min: Option<u32>,
    /// Starts from here …
    pub from: Instant,
    /// … until before here.
    pub to: Instant,
    /// The zone by whose dates they are grouped; the mentor's, unless given.
    pub viewer: Option<Tz>,
}

/// The form of a payload. One of another form, by a process of another build, is not asked for.
const FORM: u32 = 3;

/// The free slots of an offering, as the JSON of a [`Listing`]: from this process' memory when it gave it a moment ago,
/// with one round trip to Redis when it is known there.
///
/// # Errors
/// `slot.invalid_range`, `schedule.missing`, `offering.not_found` (also when it is private, retired, or its mentor
/// is not approved; some seconds late), `slot.duration_unknown`
pub async fn listing(core: &Core, wanted: &Wanted) -> Result<Bytes, Error> {
    let Wanted { offering, duration_min, from, to, viewer } = *wanted;
    if to <= from || to - from > TimeDelta::days(MAX_LISTING_DAYS) {
        return Err(Error::InvalidRange);
    }
    let now = core.clock.now();
    let range = CellRange { first: Cell::at_or_after(from), end: Cell::at_or_after(to) };
    let place = Place::new(core, offering, duration_min, range, viewer, now);
    let since = match core.memo.get(&place.payload_key) {
        Ok(payload) => {
            count("remembered");
            return Ok(payload);
        }
        Err(since) => since,
    };
    let (mentor, payload) = place.find(offering).await?;
    let payload = Bytes::from(payload);
    core.memo.put(since, place.payload_key, [mentor.0, offering.0], payload.clone());
    Ok(payload)
}

fn not_bookable(error: mentor::Error) -> Error {
    match error {
        mentor::Error::Database(error) => Error::Database(error),
        _ => Error::OfferingNotFound,
    }
}

async fn compute(
    core: &Core,
    offering: &Offering,
    duration_min: Option<u32>,
    calendar_version: i64,
    range: CellRange,
    viewer: Option<Tz>,
    now: Instant,
) -> Result<Vec<u8>, Error> {
    let duration_min = offering.option(duration_min).ok_or(Error::DurationUnknown)?.duration_min;
    let rules = rules_for(core.db.pool(), offering.mentor_id, offering.kind).await?;
    let length = whole_cells(duration_min).ok_or(Error::Misaligned)?;
    let bookable = engine::bookable(&rules, range, now);
    let starts = if bookable.is_empty() {
        Vec::new()
    } else {
        let needed = rules.with_buffers(bookable.widened(0, length));
        let busy = query::claims(core.db.pool(), offering.mentor_id, needed).await?;
        let load = load(core.db.pool(), &rules, offering.mentor_id, None, bookable, None).await?;
        engine::list(&rules, duration_min, &Booked { busy, load }, bookable, now)
    };
    let viewer = viewer.unwrap_or(rules.zone());
    let listing = Listing {
        offering_id: offering.id,
        mentor_id: offering.mentor_id,
        time_zone: rules.zone().name().to_owned(),
        duration_minutes: duration_min,
        calendar_version,
        slots: slots(&starts, duration_min),
        viewer_time_zone: viewer.name().to_owned(),
        days: by_day(&starts, viewer),
    };
    Ok(serde_json::to_vec(&listing).expect("a listing is plain data"))
}

fn count(outcome: &'static str) {
    metrics::counter!("konnect_slot_cache_total", "outcome" => outcome).increment(1);
}

/// What Redis has to say to a listing.
enum Known {
    Payload(UserId, Vec<u8>),
    /// The versions, but no payload under them.
    NoPayload,
    /// Not both versions.
    NoVersions,
    /// It did not answer.
    Unreachable,
}

/// One listing's place in Redis.
struct Place<'a> {
    core: &'a Core,
    duration_min: Option<u32>,
    range: CellRange,
    viewer: Option<Tz>,
    now: Instant,
    offering_key: String,
    /// Without the versions of offering and calendar.
    payload_key: String,
}

impl<'a> Place<'a> {
    fn new(
        core: &'a Core,
        offering: OfferingId,
        duration_min: Option<u32>,
        range: CellRange,
        viewer: Option<Tz>,
        now: Instant,
    ) -> Self {
        // Both roundings of now: notice counts from the next quarter, the horizon from the last one.
        let suffix = format!(
            "{FORM}:{offering}:{}:{}-{}:{}-{}:{}:{ZONE_DATA}",
            duration_min.map_or_else(String::new, |minutes| minutes.to_string()),
            range.first.0,
            range.end.0,
            Cell::at_or_before(now).0,
            Cell::at_or_after(now).0,
            viewer.map_or("", Tz::name),
        );
        let (offering_key, payload_key) = (core.keys.offering(offering), core.keys.slots(&suffix));
        Self { core, duration_min, range, viewer, now, offering_key, payload_key }
    }

    /// The listing and the mentor it is of: from Redis, or made and put there.
    async fn find(&self, offering: OfferingId) -> Result<(UserId, Vec<u8>), Error> {
        let known = match self.get().await {
            Known::Payload(mentor, payload) => {
                count("hit");
                return Ok((mentor, payload));
            }
            known => known,
        };
        let core = self.core;
        // The versions before everything they cover: a payload may be newer than its versions, never older.
        let offering = mentor::find_public_offering(core.db.pool(), offering).await.map_err(not_bookable)?;
        let version = query::calendar_version(core.db.pool(), offering.mentor_id).await?;
        if matches!(known, Known::NoVersions)
            && let Some(payload) = self.get_at(&offering, version).await
        {
            count("revalidated");
            self.put(&offering, version, &payload).await;
            return Ok((offering.mentor_id, payload));
        }
        count("miss");
        let payload =
            compute(core, &offering, self.duration_min, version, self.range, self.viewer, self.now).await?;
        if !matches!(known, Known::Unreachable) {
            self.put(&offering, version, &payload).await;
        }
        Ok((offering.mentor_id, payload))
    }

    fn payload_key_at(&self, offering: &Offering, calendar_version: i64) -> String {
        format!("{}:{}:{calendar_version}", self.payload_key, offering.version)
    }

    /// One round trip.
    async fn get(&self) -> Known {
        type Answer = (Option<String>, Option<i64>, Option<Vec<u8>>);
        let mut redis = self.core.redis.clone();
        let mut script = GET.key(&self.offering_key);
        script.key(&self.payload_key).arg(self.core.keys.calendar_versions());
        match patiently::<Answer>(script.invoke_async(&mut redis)).await {
            None => Known::Unreachable,
            Some((Some(offering), Some(_), payload)) => match (mentor_in(&offering), payload) {
                (Some(mentor), Some(payload)) => Known::Payload(mentor, payload),
                _ => Known::NoPayload,
            },
            Some(_) => Known::NoVersions,
        }
    }

    async fn get_at(&self, offering: &Offering, calendar_version: i64) -> Option<Vec<u8>> {
        let mut redis = self.core.redis.clone();
        let command = redis::Cmd::get(self.payload_key_at(offering, calendar_version));
        patiently(command.query_async(&mut redis)).await?
    }

    async fn put(&self, offering: &Offering, calendar_version: i64, payload: &[u8]) {
        let mut redis = self.core.redis.clone();
        let mut script = PUT.key(&self.offering_key);
        script.key(self.core.keys.calendar_version(offering.mentor_id));
        script.key(self.payload_key_at(offering, calendar_version));
        script.arg(format!("{} {}", offering.mentor_id, offering.version)).arg(millis(OFFERING_TTL));
        script.arg(calendar_version).arg(millis(CALENDAR_TTL)).arg(payload).arg(millis(PAYLOAD_TTL));
        patiently::<()>(script.invoke_async(&mut redis)).await;
    }
}

/// What is known of an offering begins with its mentor.
fn mentor_in(known: &str) -> Option<UserId> {
    known.split(' ').next()?.parse().ok()
}

fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)
}

/// What Redis answers, or nothing when it fails or is slow: then MySQL does the work.
async fn patiently<T>(answer: impl Future<Output = redis::RedisResult<T>>) -> Option<T> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(value)) => Some(value),
        Ok(Err(error)) => {
            tracing::debug!(%error, "slot cache not usable");
            None
        }
        Err(_) => {
            tracing::debug!("slot cache too slow");
            None
        }
    }
}
