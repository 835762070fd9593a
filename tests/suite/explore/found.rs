//! What the exploration found, each as a race of its own.

use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use konnect::job::{ExpireHold, Job};
use konnect::outbox::Delivery;
use konnect_tests::Booking;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;

use super::model::PRICE;
use super::place::{Cast, Place};
use super::request::answer;

/// Holds, each of somebody else, that are over and whose end is on its way.
async fn ending_holds(place: &Place, cast: &Cast) -> Vec<(Booking, String, Delivery)> {
    let app = &place.app;
    let mut holds = Vec::new();
    for (mentee, at) in cast.mentees.iter().zip(0..) {
        let starts_at = cast.first + TimeDelta::hours(at);
        let booking = app.book(&cast.mentors[0], mentee, cast.offerings[0], starts_at).await;
        let order = app.order(&booking).await["orderId"].as_str().expect("an order").to_owned();
        holds.push((booking, order));
    }
    app.advance(TimeDelta::minutes(15));
    let mut ends = Vec::new();
    while let Some(delivery) = app.take_due().await {
        let row = app.job(delivery.job_id).await;
        match holds.iter().find(|(booking, _)| row.payload.contains(&booking.id.to_string())) {
            Some((booking, order)) if row.kind == ExpireHold::KIND => {
                ends.push((booking.clone(), order.clone(), delivery));
            }
            _ => {
                app.run_delivery(delivery).await;
            }
        }
    }
    assert_eq!(ends.len(), holds.len());
    ends
}

#[tokio::test(flavor = "multi_thread")]
async fn s14_whoever_pays_while_the_hold_ends_holds_the_slot_again() {
    let place = Place::open().await;
    let cast = place.cast(0, 1, 16).await;
    for (seed, (booking, order, delivery)) in (0_u64..).zip(ending_holds(&place, &cast).await) {
        let pays = seed.is_multiple_of(2);
        let executor = place.lanes[0].executor.clone();
        let client = place.client(1, &booking.mentee).await;
        let (path, body) = if pays {
            let card = place.app.sandbox.checkout(&order, PRICE).expect("the card is accepted");
            let body = json!({ "orderId": order, "paymentKey": card.payment_key, "amount": PRICE });
            ("/v1/payments/confirm".to_owned(), body)
        } else {
            (format!("{}/payment-orders", booking.path()), json!({}))
        };
        let end = async move { format!("{:?}", executor.execute(delivery).await.expect("the database")) };
        let ask = async move { answer(client.post(&path, body).await, pays) };
        let acts: Vec<BoxFuture<'static, String>> = vec![Box::pin(end), Box::pin(ask)];
        let (answers, turns) = place.stage.play(&mut StdRng::seed_from_u64(seed), acts).await;
        let state = place.app.state(&booking).await;
        let told: Vec<String> = turns.iter().map(ToString::to_string).collect();
        let ends = (&*answers[0], &*answers[1], &*state);
        let fits = if pays {
            // Pinned, or over and held again.
            matches!(ends, ("Snoozed" | "Done", "accepted", "paying"))
        } else {
            // An order does not pin a hold: it ends after it, or is held again.
            matches!(ends, ("Done", "200", "expired" | "awaiting_payment"))
        };
        assert!(fits, "seed {seed}: {answers:?}, {state}\n{}", told.join("\n"));
    }
    place.app.run_jobs().await;
    place.close().await;
}
