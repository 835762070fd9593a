//! What happens to sessions by itself.

use chrono::TimeDelta;
use serde_json::json;

use super::attendance::{Attendance, Verdict, judge, longest_outage};
use super::error::Error;
use super::model::Role;
use super::{early_end, query};
use crate::config::Rules;
use crate::db::{Db, Tx};
use crate::dispute;
use crate::id::ReservationId;
use crate::job::{DecideNoShow, EndExtensions, Job};
use crate::outbox;
use crate::reservation::{self, Expiry, Reservation, State};

/// Both sides read these, in both languages.
const BY_THE_RECORD: &str = "By the record of the room. 입장 기록에 따라 자동으로 처리되었습니다.";
const UNCLEAR: &str = "Somebody was in the room for a moment only. 짧은 입장 기록만 있어 확인이 필요합니다.";
const OUTAGE: &str = "The room could not be reached all the time. 서비스 장애가 있어 확인이 필요합니다.";
const CAME_TO_NOTHING: &str = "The session that was extended is over. 연장하려던 세션이 끝났습니다.";

/// Decides who did not come, once per schedule (S67): marks nobody who came, and nobody at all where the record cannot
/// say; then a person decides, and what was paid stays held.
pub async fn decide_no_show(tx: &mut Tx, rules: &Rules, job: &DecideNoShow) -> Result<Expiry, Error> {
    let Some(r) = reservation::lock(tx, job.reservation_id).await? else { return Ok(Expiry::Moot) };
    let Some(after) = rules.no_show_after() else { return Ok(Expiry::Moot) };
    let current = r.state == State::InSession && r.schedule_version == job.schedule_version;
    if !current || r.is_extension() || query::is_decided(tx, &r).await? {
        return Ok(Expiry::Moot);
    }
    // The settings may have changed since the job was written.
    if tx.now < r.starts_at + after {
        return Ok(Expiry::Pinned(r.starts_at + after));
    }
    let verdict = examine(tx, rules, &r).await?;
    metrics::counter!("konnect_attendance_total", "verdict" => verdict.name()).increment(1);
    match verdict {
        Verdict::Met => {}
        Verdict::Absent(absent) => {
            dispute::end_as_no_show(tx, rules, &r, absent, BY_THE_RECORD).await?;
        }
        Verdict::Unclear => {
            dispute::open_review(tx, rules, &r, UNCLEAR).await?;
        }
        Verdict::Outage => {
            dispute::open_review(tx, rules, &r, OUTAGE).await?;
        }
    }
    Ok(Expiry::Done)
}

/// Reads the record up to now, so that whoever came while the decision was late came in time, and writes down what
/// follows from it.
async fn examine(tx: &mut Tx, rules: &Rules, r: &Reservation) -> sqlx::Result<Verdict> {
    let (from, to) = (r.starts_at - rules.gate_early(), tx.now);
    let stays = query::presences(tx.conn(), r.id).await?;
    let mentor = Attendance::of(&stays, Role::Mentor, from, to);
    let mentee = Attendance::of(&stays, Role::Mentee, from, to);
    let last_beat = query::last_beat(tx.conn()).await?;
    let outage = longest_outage(&query::outages(tx, from, to).await?, last_beat, from, to);
    let verdict = judge(mentor, mentee, outage, rules.presence_needed());
    let facts = json!({ "mentor": mentor, "mentee": mentee, "outageSeconds": outage.num_seconds() });
    query::insert_decision(tx, r, verdict.name(), &facts.to_string()).await?;
    Ok(verdict)
}

/// Ends the extensions of a session that came to nothing: what was paid for them goes back.
pub async fn end_extensions(tx: &mut Tx, job: &EndExtensions) -> Result<Expiry, Error> {
    let Some(r) = reservation::lock(tx, job.reservation_id).await? else { return Ok(Expiry::Moot) };
    if !matches!(r.state, State::Cancelled | State::NoShow) {
        return Ok(Expiry::Moot);
    }
    let extensions = reservation::lock_extensions(tx, r.id).await?;
    if extensions.iter().any(|e| e.state == State::Paying) {
        return Ok(Expiry::Pinned(tx.now + TimeDelta::seconds(30)));
    }
    let mut outcome = Expiry::Moot;
    for extension in extensions.iter().filter(|e| e.state.holds_slot()) {
        early_end::undo(tx, extension, CAME_TO_NOTHING).await?;
        outcome = Expiry::Done;
    }
    Ok(outcome)
}

/// Sessions without a job that they should have.
#[derive(Debug, Default)]
pub struct Lacking {
    /// Nobody has decided who came, a minute after that was due.
    pub undecided: Vec<ReservationId>,
    /// Came to nothing, and have extensions that live.
    pub outlived: Vec<ReservationId>,
}

/// Looks for sessions whose job is lost or dead.
pub async fn lacking(db: &Db, rules: &Rules, limit: u32) -> sqlx::Result<Lacking> {
    let late = db.now() - TimeDelta::minutes(1);
    let undecided = match rules.no_show_after() {
        Some(after) => query::undecided(db.pool(), late - after, DecideNoShow::KIND, limit).await?,
        None => Vec::new(),
    };
    Ok(Lacking { undecided, outlived: query::outlived(db.pool(), late, limit).await? })
}

/// Writes the jobs that were found lacking. Jobs that exist stay as they are.
pub async fn reconcile(tx: &mut Tx, rules: &Rules, lacking: &Lacking) -> Result<(), Error> {
    for id in &lacking.undecided {
        reservation::reconcile(tx, rules, *id).await?;
    }
    for id in &lacking.outlived {
        outbox::enqueue(tx, &EndExtensions { reservation_id: *id }).await?;
    }
    Ok(())
}
