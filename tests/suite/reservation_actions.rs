//! The actions that a reservation lists (D11): each one that is listed succeeds, each one that is not is refused, in
//! every state, for both sides, and at the moments at which something changes.

use chrono::{DateTime, TimeDelta, Utc};
use konnect::id::UserId;
use konnect::mentor::Kind;
use konnect::payment::{self, Choice};
use konnect::reservation::{self, Action, Side, allowed};
use konnect::{session, transact};
use konnect_tests::{Booking, Person, TestApp, monday};
use serde_json::json;

const ALL: [Action; 13] = [
    Action::Approve,
    Action::Reject,
    Action::Pay,
    Action::Retry,
    Action::Cancel,
    Action::Complete,
    Action::GiveFree,
    Action::End,
    Action::Extend,
    Action::Reschedule,
    Action::AcceptReschedule,
    Action::DeclineReschedule,
    Action::WithdrawReschedule,
];

/// What a try came to: nothing of it stays.
#[derive(Debug)]
enum Tried {
    Worked,
    Refused(anyhow::Error),
}

impl From<sqlx::Error> for Tried {
    fn from(error: sqlx::Error) -> Self {
        Self::Refused(error.into())
    }
}

impl konnect::db::DbError for Tried {
    fn database(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Worked => None,
            Self::Refused(error) => konnect::db::DbError::database(error),
        }
    }
}

/// Does it as `viewer` in a transaction that is rolled back.
async fn try_out(app: &TestApp, booking: &Booking, viewer: UserId, action: Action) -> bool {
    let (rules, id) = (&app.core.rules, booking.id);
    let tried: Result<(), Tried> = transact!(app.core.db, app.context(), Tried, tx => {
        let found = reservation::lock_to_move(tx, id, viewer).await?.expect("a member's");
        let side = found.side_of(viewer);
        let to = found.starts_at + TimeDelta::hours(1);
        let done: anyhow::Result<()> = async {
            match action {
                Action::Approve => drop(reservation::approve(tx, rules, &found, viewer).await?),
                Action::Reject => drop(reservation::reject(tx, &found, viewer, "no").await?),
                Action::Pay | Action::Retry => {
                    let dead = found.state.after(reservation::Move::Reclaim).is_some();
                    anyhow::ensure!(dead == (action == Action::Retry), "another thing to do");
                    drop(payment::open_order(tx, rules, id, viewer).await?);
                }
                Action::Cancel => drop(payment::cancel_with(tx, &found, side, "no", Choice::Due).await?),
                Action::Complete => {
                    anyhow::ensure!(side == Side::Mentee, "the mentee says so");
                    drop(reservation::complete(tx, &found).await?);
                }
                Action::GiveFree => drop(reservation::give_free(tx, &found, viewer).await?),
                Action::End => drop(session::ask_end(tx, id, viewer).await?),
                Action::Extend => drop(session::extend(tx, rules, id, viewer, 15).await?),
                Action::Reschedule => {
                    drop(reservation::propose_move(tx, rules, &found, side, to, "x").await?);
                }
                Action::AcceptReschedule => drop(reservation::accept_move(tx, &found, side).await?),
                Action::DeclineReschedule => drop(reservation::decline_move(tx, &found, side, "no").await?),
                Action::WithdrawReschedule => drop(reservation::withdraw_move(tx, &found, side).await?),
            }
            Ok(())
        }
        .await;
        Err(match done {
            Ok(()) => Tried::Worked,
            Err(error) => Tried::Refused(error),
        })
    });
    match tried {
        Err(Tried::Worked) => true,
        Err(Tried::Refused(error)) => {
            assert!(konnect::db::database_error(error.as_ref()).is_none(), "{error:?}");
            false
        }
        Ok(()) => unreachable!("it is always rolled back"),
    }
}

/// Compares what is listed with what can be done, for both sides; returns what is listed for the mentee and the mentor.
async fn compare(app: &TestApp, booking: &Booking, when: &str) -> [Vec<Action>; 2] {
    let mut listed = [Vec::new(), Vec::new()];
    for (i, who) in [&booking.mentee, &booking.mentor].into_iter().enumerate() {
        let row = app.row(booking).await;
        let actions = allowed(&app.core.rules, &row, who.id, app.now(), konnect::money::Krw::ZERO);
        for allowed in &actions {
            let ahead = allowed.until.is_none_or(|until| until >= app.now());
            assert!(ahead, "{when}: {:?} until {:?}", allowed.action, allowed.until);
        }
        listed[i] = actions.into_iter().map(|a| a.action).collect();
        for action in ALL {
            let works = try_out(app, booking, who.id, action).await;
            let is_listed = listed[i].contains(&action);
            assert_eq!(works, is_listed, "{when}: {action:?} by {} in {}", who.email, row.state.name());
        }
        assert_eq!(app.row(booking).await.version, row.version, "nothing stays");
    }
    listed
}

async fn to(app: &TestApp, at: DateTime<Utc>) {
    app.advance_to(at);
    app.run_jobs().await;
}

async fn post(app: &TestApp, booking: &Booking, who: &Person, path: &str, body: serde_json::Value) {
    app.log_in(who).await.client.post(&format!("{}/{path}", booking.path()), body).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_what_is_listed_can_be_done_and_nothing_else_on_the_way_of_a_booking() {
    let app = TestApp::start().await;
    let booking = app.booking_of(Kind::Approval).await;
    use Action as A;
    let [mentee, mentor] = compare(&app, &booking, "asked").await;
    assert_eq!((mentee, mentor), (vec![A::Cancel], vec![A::Approve, A::Reject, A::Cancel]));
    post(&app, &booking, &booking.mentor, "approve", json!({})).await;
    let [mentee, mentor] = compare(&app, &booking, "approved").await;
    assert_eq!((mentee, mentor), (vec![A::Pay, A::Cancel], vec![A::Cancel]));
    let body = app.checkout(&booking).await;
    app.confirm(&booking, &body).await.ok(202);
    assert_eq!(compare(&app, &booking, "paying").await, [vec![], vec![]]);
    app.run_jobs().await;
    let both = [vec![A::Reschedule, A::Cancel], vec![A::Reschedule, A::Cancel]];
    assert_eq!(compare(&app, &booking, "confirmed").await, both);

    app.propose(&booking, &booking.mentor, booking.starts_at + TimeDelta::hours(1)).await.ok(201);
    let proposed =
        [vec![A::AcceptReschedule, A::DeclineReschedule, A::Cancel], vec![A::WithdrawReschedule, A::Cancel]];
    assert_eq!(compare(&app, &booking, "proposed").await, proposed);
    app.about_move(&booking, &booking.mentee, "decline").await.ok(200);
    assert_eq!(compare(&app, &booking, "declined").await, both);

    to(&app, booking.starts_at - TimeDelta::hours(1) - TimeDelta::microseconds(1)).await;
    assert_eq!(compare(&app, &booking, "more than an hour is left").await, both);
    to(&app, booking.starts_at - TimeDelta::hours(1)).await;
    assert_eq!(compare(&app, &booking, "an hour is left").await, [vec![A::Cancel], vec![A::Cancel]]);
    // The start is due and its worker is late.
    app.advance_to(booking.starts_at);
    assert_eq!(compare(&app, &booking, "the start is late").await, [vec![], vec![A::Cancel]]);
    app.run_jobs().await;
    let live = [vec![A::End, A::Extend], vec![A::End]];
    assert_eq!(compare(&app, &booking, "in session").await, live);
    app.advance_to(booking.starts_at + TimeDelta::hours(1));
    assert_eq!(compare(&app, &booking, "over").await, [vec![A::Complete], vec![]]);
    post(&app, &booking, &booking.mentee, "complete", json!({})).await;
    assert_eq!(compare(&app, &booking, "completed").await, [vec![], vec![]]);
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_what_is_listed_can_be_done_and_nothing_else_when_a_booking_ends() {
    let app = TestApp::start().await;
    let mentor = app.mentor("mentor").await;
    let instant = app.offering(&mentor, Kind::Instant, 60, 50_000).await;
    let approval = app.offering(&mentor, Kind::Approval, 60, 50_000).await;
    let slot = |n: i64| monday() + TimeDelta::hours(48 + n);
    let mut bookings = Vec::new();
    for n in 0..5 {
        let mentee = app.mentee(&format!("mentee{n}")).await;
        let offering = if n == 0 { approval } else { instant };
        bookings.push(app.book(&mentor, &mentee, offering, slot(n)).await);
    }
    let [rejected, expired, failed, cancelled, moved] = &bookings[..] else { unreachable!() };
    use Action as A;
    post(&app, rejected, &mentor, "reject", json!({ "reason": "no" })).await;
    assert_eq!(compare(&app, rejected, "rejected").await, [vec![], vec![]]);
    app.pay(cancelled).await;
    app.pay(moved).await;
    app.cancel(cancelled, &cancelled.mentee).await;
    assert_eq!(compare(&app, cancelled, "cancelled").await, [vec![], vec![]]);
    app.sandbox.fault(konnect_sandbox::Fault::once(
        konnect_sandbox::Endpoint::Confirm,
        konnect_sandbox::Effect::decline("REJECT_CARD_PAYMENT"),
    ));
    let body = app.checkout(failed).await;
    app.confirm(failed, &body).await.ok(202);
    app.run_jobs().await;
    assert_eq!(compare(&app, failed, "declined").await, [vec![A::Pay, A::Cancel], vec![A::Cancel]]);
    app.advance(TimeDelta::minutes(15));
    app.run_jobs().await;
    for dead in [expired, failed] {
        assert_eq!(compare(&app, dead, "dead").await, [vec![A::Retry], vec![]], "{}", app.state(dead).await);
    }
    // Moved twice: not again.
    app.propose(moved, &moved.mentee, slot(5)).await.ok(201);
    app.propose(moved, &moved.mentee, slot(4)).await.ok(201);
    assert_eq!(compare(&app, moved, "moved twice").await, [vec![A::Cancel], vec![A::Cancel]]);
    app.run_jobs().await;
    app.finish().await;
}
