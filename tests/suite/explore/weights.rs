//! What one booking costs, from slot to settlement: jobs, SQL statements, rows and bytes. `docs/SCALING.md` and
//! `./dev simulate` count with these figures. `KONNECT_WEIGHTS=300` makes so many bookings, so that the bytes of a table
//! are those of its rows, and prints all of it.

use std::collections::BTreeMap;

use chrono::{DurationRound, TimeDelta};
use konnect_tests::{Booking, effort};
use serde_json::{Value, json};

use super::place::{Cast, Place};

/// Jobs of one booking, as `tests/tools/src/simulate/size.rs` has them: those that are due by the session's time, and
/// all others.
const TIMED: i64 = 7;
const OTHERS: i64 = 26;

/// Kinds that are due by the session's time.
const BY_THE_CLOCK: [&str; 5] = [
    "reservation.remind.v1",
    "reservation.start.v1",
    "session.decide_no_show.v1",
    "reservation.complete.v1",
    "settlement.release.v1",
];

/// Books, pays and takes place; all of it in the first lane, whose statements are counted.
async fn whole_life(place: &Place, cast: &Cast, number: i64) -> (Booking, u64) {
    let app = &place.app;
    let hour = app.now().duration_trunc(TimeDelta::hours(1)).expect("an hour");
    let starts_at = hour + TimeDelta::hours(26 + 2 * number);
    let mentee = cast.mentees[0].clone();
    let before = place.stage.passed(0);
    let client = place.client(0, &mentee).await;
    let body = json!({ "offeringId": cast.offerings[0], "startsAt": starts_at });
    let made = client.post("/v1/reservations", body).await.ok(201);
    let id: konnect::id::ReservationId = made["id"].as_str().expect("an id").parse().expect("an id");
    let order = client.post(&format!("/v1/reservations/{id}/payment-orders"), json!({})).await.ok(200);
    let order = order["orderId"].as_str().expect("an order");
    let card = app.sandbox.checkout(order, super::model::PRICE).expect("the card is accepted");
    let paid = json!({ "orderId": order, "paymentKey": card.payment_key, "amount": super::model::PRICE });
    client.post("/v1/payments/confirm", paid).await.ok(202);
    let by_the_api = place.stage.passed(0) - before;
    let booking = Booking {
        id,
        offering: cast.offerings[0],
        mentor: cast.mentors[0].clone(),
        mentee,
        starts_at,
        price: super::model::PRICE,
    };
    work(place).await;
    (booking, by_the_api)
}

/// Runs what is due by the worker of the first lane.
async fn work(place: &Place) {
    while let Some(delivery) = place.app.take_due().await {
        place.lanes[0].executor.execute(delivery).await.expect("the database is there");
    }
}

async fn rows(place: &Place) -> BTreeMap<String, i64> {
    let pool = place.app.core.db.pool();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT CONVERT(table_name USING utf8mb4) FROM information_schema.tables WHERE table_schema = DATABASE()",
    )
    .fetch_all(pool)
    .await
    .expect("tables");
    let mut counts = BTreeMap::new();
    for table in tables {
        let count = format!("SELECT COUNT(*) FROM `{table}`");
        let rows = sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(pool).await.expect("a count");
        counts.insert(table, rows);
    }
    counts
}

/// Bytes with indexes, by table.
async fn bytes(place: &Place) -> BTreeMap<String, i64> {
    let pool = place.app.core.db.pool();
    for table in rows(place).await.keys() {
        let analyze = format!("ANALYZE TABLE `{table}`");
        sqlx::raw_sql(sqlx::AssertSqlSafe(analyze)).execute(pool).await.expect("figures of a table");
    }
    let sizes: Vec<(String, i64)> = sqlx::query_as(
        "SELECT CONVERT(table_name USING utf8mb4), CAST(data_length + index_length AS SIGNED)
         FROM information_schema.tables WHERE table_schema = DATABASE()",
    )
    .fetch_all(pool)
    .await
    .expect("sizes");
    sizes.into_iter().collect()
}

/// Jobs by kind, without the catalogue's and those that recur.
async fn jobs(place: &Place) -> BTreeMap<String, i64> {
    let counted: Vec<(String, i64)> = sqlx::query_as(
        "SELECT kind, COUNT(*) FROM outbox WHERE kind NOT LIKE 'catalogue.%' GROUP BY kind ORDER BY kind",
    )
    .fetch_all(place.app.core.db.pool())
    .await
    .expect("the outbox");
    counted.into_iter().collect()
}

fn gained(before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let gained = |(name, count): (&String, &i64)| {
        let more = count - before.get(name).copied().unwrap_or(0);
        (more > 0).then(|| (name.clone(), more))
    };
    after.iter().filter_map(gained).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn j08_what_one_booking_costs_is_what_the_documents_count_with() {
    let count = i64::try_from(effort("KONNECT_WEIGHTS").unwrap_or(1)).expect("few");
    let place = Place::open().await;
    let cast = place.cast(0, 1, 1).await;
    place.app.run_jobs().await;
    let (rows_before, bytes_before, jobs_before) =
        (rows(&place).await, bytes(&place).await, jobs(&place).await);
    let began = place.stage.passed(0);
    let mut by_the_api = 0;
    for number in 0..count {
        let (booking, api) = whole_life(&place, &cast, number % 12).await;
        by_the_api += api;
        for lead in [TimeDelta::hours(24), TimeDelta::hours(1), TimeDelta::minutes(10)] {
            place.app.advance_to(booking.starts_at - lead);
            work(&place).await;
        }
        place.app.meet(&booking).await;
        work(&place).await;
        // Completed by itself after two days, settled when nobody has complained for a week.
        for days in [2, 1, 8] {
            place.app.advance(TimeDelta::days(days) + TimeDelta::hours(2));
            work(&place).await;
        }
        assert_eq!(place.app.state(&booking).await, "completed");
    }
    let all = place.stage.passed(0) - began;
    let made = gained(&jobs_before, &jobs(&place).await);
    let timed: i64 = BY_THE_CLOCK.iter().filter_map(|kind| made.get(*kind)).sum();
    let others: i64 = made.values().sum::<i64>() - timed;
    let (row_gains, byte_gains) =
        (gained(&rows_before, &rows(&place).await), gained(&bytes_before, &bytes(&place).await));
    let each = |sums: &BTreeMap<String, i64>| -> Value {
        sums.iter().map(|(name, sum)| (name.clone(), json!(*sum as f64 / count as f64))).collect()
    };
    println!("jobs {:#}", each(&made));
    println!("rows {:#}", each(&row_gains));
    println!("bytes {:#}", each(&byte_gains));
    println!(
        "{} jobs by the clock and {} others; {} statements by the api, {} by workers; {} bytes",
        timed as f64 / count as f64,
        others as f64 / count as f64,
        by_the_api as f64 / count as f64,
        (all - by_the_api) as f64 / count as f64,
        byte_gains.values().sum::<i64>() as f64 / count as f64,
    );
    assert_eq!((timed, others), (count * TIMED, count * OTHERS), "{made:#?}");
    place.close().await;
}
