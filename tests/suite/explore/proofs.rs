//! That the exploration can find something: a lost update among turns, and a story that no order explains.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use konnect_tests::{Servers, monday};
use rand::SeedableRng;
use rand::rngs::StdRng;
use sqlx::{Connection, MySqlConnection};

use super::act::{Act, What};
use super::model::{Booking, Id, PRICE, Side, World};
use super::order::explain;
use super::place::address;
use super::stage::Stage;
use super::{door, model};

/// Reads, and writes what it read plus one.
async fn count(url: String, lock: bool) {
    let mut connection = MySqlConnection::connect(&url).await.expect("the door leads to the database");
    let read = if lock { "SELECT n FROM counter FOR UPDATE" } else { "SELECT n FROM counter" };
    sqlx::raw_sql("BEGIN").execute(&mut connection).await.expect("a transaction");
    let n: i64 = sqlx::query_scalar(read).fetch_one(&mut connection).await.expect("a row");
    sqlx::query("UPDATE counter SET n = ?").bind(n + 1).execute(&mut connection).await.expect("a write");
    sqlx::raw_sql("COMMIT").execute(&mut connection).await.expect("a commit");
}

/// What two who count at once come to, for each of some seeds.
async fn counted(lock: bool) -> BTreeSet<i64> {
    let servers = Servers::fresh().await;
    let mut own = MySqlConnection::connect(&servers.database_url).await.expect("the database");
    sqlx::raw_sql("CREATE TABLE counter (n BIGINT NOT NULL) ENGINE = InnoDB")
        .execute(&mut own)
        .await
        .expect("a table");
    let stage = Stage::new(2);
    let (server, database) = address(&servers.database_url);
    let mut urls = Vec::new();
    for lane in 0..2 {
        let port = door::open(stage.clone(), lane, server.clone()).await;
        urls.push(format!("mysql://root@127.0.0.1:{port}/{database}?ssl-mode=disabled"));
    }
    let mut ends = BTreeSet::new();
    for seed in 0..12 {
        sqlx::raw_sql("DELETE FROM counter; INSERT INTO counter VALUES (0)")
            .execute(&mut own)
            .await
            .expect("a row");
        let acts: Vec<BoxFuture<'static, ()>> =
            urls.iter().map(|url| -> BoxFuture<'static, ()> { Box::pin(count(url.clone(), lock)) }).collect();
        stage.play(&mut StdRng::seed_from_u64(seed), acts).await;
        let n: i64 = sqlx::query_scalar("SELECT n FROM counter").fetch_one(&mut own).await.expect("a row");
        ends.insert(n);
    }
    drop(own);
    servers.remove().await;
    ends
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_find_an_update_that_is_lost_and_a_lock_keeps_it() {
    assert_eq!(counted(false).await, BTreeSet::from([1, 2]), "some orders lose one");
    assert_eq!(counted(true).await, BTreeSet::from([2]), "none does under the lock");
}

fn world() -> World {
    let mut held = Booking::new(Id::Row("one".into()), 0, 0, monday() + chrono::TimeDelta::hours(26));
    held.hold(monday());
    World { now: monday(), bookings: vec![held], claimed: BTreeSet::new(), keys: Default::default() }
}

fn act(place: usize, what: What) -> Act {
    Act { what, key: place }
}

fn says(answers: &[&str]) -> Vec<String> {
    answers.iter().map(|answer| (*answer).to_owned()).collect()
}

#[test]
fn two_who_get_one_slot_are_not_explained() {
    let before = World { bookings: Vec::new(), ..world() };
    let start = monday() + chrono::TimeDelta::hours(26);
    let reserve = |mentee| What::Reserve { mentee, offering: 0, start };
    let acts = [act(0, reserve(0)), act(1, reserve(1))];
    let mut after = before.clone();
    for mentee in [0, 1] {
        let mut booking = Booking::new(Id::New(mentee), mentee, 0, start);
        booking.hold(monday());
        after.bookings.push(booking);
    }
    assert!(explain(&before, &acts, &says(&["201", "201"]), &after.picture()).is_err(), "I1");
    after.bookings.pop();
    assert!(explain(&before, &acts, &says(&["201", "slot.taken"]), &after.picture()).is_ok());
    assert!(explain(&before, &acts, &says(&["slot.taken", "201"]), &after.picture()).is_err(), "who has it");
}

#[test]
fn more_given_back_than_taken_is_not_explained() {
    let mut before = world();
    let booking = &mut before.bookings[0];
    booking.step(konnect::reservation::State::Confirmed);
    booking.hold_until = None;
    booking.attempts.push(model::Attempt {
        id: Id::Row("paid".into()),
        state: konnect::payment::AttemptState::Done,
        sent: true,
        taken: PRICE,
        left: PRICE,
        refused: false,
    });
    let id = Id::Row("one".into());
    let acts = [
        act(0, What::Goodwill { id: id.clone(), amount: 30_000 }),
        act(1, What::Cancel { id, by: Side::Mentee, version: 2 }),
    ];
    let refund = |place, amount| model::Refund {
        id: Id::New(place),
        amount,
        state: konnect::payment::RefundState::Queued,
    };
    let mut after = before.clone();
    after.bookings[0].step(konnect::reservation::State::Cancelled);
    after.bookings[0].refunds = vec![refund(0, 30_000), refund(1, PRICE)];
    assert!(explain(&before, &acts, &says(&["201", "200"]), &after.picture()).is_err(), "I7");
    after.bookings[0].refunds = vec![refund(0, 30_000), refund(1, 20_000)];
    assert!(explain(&before, &acts, &says(&["201", "200"]), &after.picture()).is_ok());
}
