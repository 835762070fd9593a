//! What mentee and mentor write down for one another (H8), and the whole history of a booking (D9).

use chrono::TimeDelta;
use konnect_tests::{Booking, Person, TestApp, monday};
use reqwest::Method;
use serde_json::{Value, json};

async fn put(
    app: &TestApp,
    booking: &Booking,
    who: &Person,
    what: &str,
    text: &str,
) -> konnect_tests::Answer {
    let path = format!("{}/{what}", booking.path());
    let body = json!({ what: text });
    app.log_in(who).await.client.send(Method::PUT, &path, Some(body), &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn h08_a_question_before_and_a_summary_after_are_read_by_the_two_alone() {
    let app = TestApp::start().await;
    let (mentor, mentee) = (app.mentor("mentor").await, app.mentee("mentee").await);
    let offering = app.offering(&mentor, konnect::mentor::Kind::Instant, 60, 50_000).await;
    let starts_at = monday() + TimeDelta::hours(26);
    let body = json!({ "offeringId": offering, "startsAt": starts_at, "question": "What is a trait?" });
    let made = mentee.client.post("/v1/reservations", body).await.ok(201);
    assert!(!made.to_string().contains("What is a trait?"), "it stands in the notes alone");
    let id = made["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    let booking = Booking { id, offering, mentor, mentee, starts_at, price: 50_000 };
    let notes = format!("{}/notes", booking.path());
    for who in [&booking.mentor, &booking.mentee] {
        assert_eq!(who.client.get(&notes).await.ok(200)["question"], "What is a trait?");
    }
    app.mentee("stranger").await.client.get(&notes).await.problem(404, "reservation.not_found");
    app.admin("admin").await.client.get(&notes).await.problem(404, "reservation.not_found");

    app.pay(&booking).await;
    put(&app, &booking, &booking.mentee, "question", "What is a lifetime?").await.ok(200);
    put(&app, &booking, &booking.mentor, "question", "Mine?").await.problem(409, "reservation.not_allowed");
    put(&app, &booking, &booking.mentor, "summary", "Early").await.problem(409, "reservation.not_allowed");
    let long = "가".repeat(2_000);
    put(&app, &booking, &booking.mentee, "question", &long).await.ok(200);
    put(&app, &booking, &booking.mentee, "question", &format!("{long}가"))
        .await
        .problem(400, "request.invalid");
    put(&app, &booking, &booking.mentee, "question", "").await.problem(400, "request.invalid");

    app.meet(&booking).await;
    app.run_jobs().await;
    put(&app, &booking, &booking.mentor, "summary", "We read <b>code</b>.").await.ok(200);
    put(&app, &booking, &booking.mentee, "summary", "Mine").await.problem(409, "reservation.not_allowed");
    app.advance_to(starts_at + TimeDelta::hours(1));
    put(&app, &booking, &booking.mentee, "question", "Too late")
        .await
        .problem(409, "reservation.not_allowed");
    let shown = app.log_in(&booking.mentee).await.client.get(&notes).await.ok(200);
    assert_eq!(shown["summary"], "We read <b>code</b>.");
    assert_eq!(shown["question"], long.as_str());
    assert_eq!(konnect_tests::instant(&shown["questionAt"]), monday());
    for person in [&booking.mentor, &booking.mentee] {
        let events = app.events_of(person).await;
        assert_eq!(events.iter().filter(|kind| *kind == "reservation.question_written").count(), 3);
        assert!(events.contains(&"reservation.summary_written".to_owned()));
    }
    app.run_jobs().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d09_the_history_says_who_when_from_where_to_where_why_and_by_which_request() {
    let app = TestApp::start().await;
    let booking = app.booking_of(konnect::mentor::Kind::Approval).await;
    let approve = format!("{}/approve", booking.path());
    let request = [("x-request-id", "the-approval")];
    booking.mentor.client.send(Method::POST, &approve, Some(json!({})), &request).await.ok(200);
    app.pay(&booking).await;
    app.propose(&booking, &booking.mentor, booking.starts_at + TimeDelta::hours(2)).await.ok(201);
    app.about_move(&booking, &booking.mentee, "accept").await.ok(200);
    app.cancel(&booking, &booking.mentee).await;
    app.run_jobs().await;

    let path = format!("{}/history", booking.path());
    let lines = app.log_in(&booking.mentee).await.client.get(&path).await.ok(200);
    let lines: Vec<Value> = lines.as_array().expect("lines").clone();
    let told: Vec<_> = lines
        .iter()
        .map(|l| {
            (
                l["cause"].as_str().expect("a cause"),
                l["from"].as_str(),
                l["to"].as_str().expect("a state"),
                l["actorKind"].as_str().expect("who"),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("reserved", None, "requested", "user"),
            ("approved", Some("requested"), "awaiting_payment", "user"),
            ("paying", Some("awaiting_payment"), "paying", "user"),
            ("confirmed", Some("paying"), "confirmed", "job"),
            ("reschedule_proposed", Some("confirmed"), "confirmed", "user"),
            ("rescheduled", Some("confirmed"), "confirmed", "user"),
            ("cancelled", Some("confirmed"), "cancelled", "user"),
        ]
    );
    let by = [&booking.mentee, &booking.mentor, &booking.mentee];
    for (line, who) in lines.iter().zip(by) {
        assert_eq!(line["actorId"], json!(who.id));
    }
    assert_eq!(lines[1]["requestId"], "the-approval");
    for (i, line) in lines.iter().enumerate() {
        assert_eq!(line["version"], json!(i + 1), "a line for each version");
        assert!(line["requestId"].as_str().is_some_and(|id| !id.is_empty()), "{line}");
        assert!(line["at"].is_string() && line["actorId"].is_string(), "{line}");
        assert_eq!(line.get("fromStartsAt").is_some(), [4, 5].contains(&i), "{line}");
    }
    assert_eq!((&lines[4]["reason"], &lines[6]["reason"]), (&json!("a dentist"), &json!("cannot come")));
    app.finish().await;
}
