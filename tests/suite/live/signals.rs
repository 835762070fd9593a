//! Signals: from whom, to whom, of which epoch; the relay's credentials; reports of quality.

use chrono::{DateTime, TimeDelta, Utc};
use konnect::config::TurnConfig;
use konnect::realtime::To;
use konnect::realtime::live::{LiveCommand, Measures, Role};
use konnect_tests::TestApp;
use serde_json::json;

use super::room::{Room, candidate, code, offer, told};

#[tokio::test(flavor = "multi_thread")]
async fn s43_nobody_speaks_for_another() {
    let (room, other) = (Room::start().await, Room::start().await);
    let (mentee, mentor) = room.both().await;
    let (stranger, _) = other.both().await;
    let epoch = room.epoch().await;

    let sent = room.say(0, &mentee, offer(epoch)).await.expect("an offer");
    assert_eq!(sent.frames.len(), 1);
    assert_eq!(sent.frames[0].to, To::Connection(mentor.connection), "to the peer's device alone");
    assert_eq!(
        *told(&sent.frames, "rtc.signal"),
        json!({
            "from": mentee.user, "epoch": epoch, "kind": "offer",
            "payload": { "type": "offer", "sdp": "v=0" },
        })
    );

    // A connection that never joined, one of another room, one that claims to be somebody.
    let idle = room.device(Role::Mentee);
    assert_eq!(code(room.say(0, &idle, offer(epoch)).await), "SUPERSEDED");
    let mut elsewhere = stranger.clone();
    elsewhere.room = room.id;
    assert_eq!(code(room.say(0, &elsewhere, offer(epoch)).await), "NOT_JOINED");
    assert_eq!(code(room.enter(0, &elsewhere, true).await), "NOT_PARTICIPANT");
    let mut forged = mentor.clone();
    forged.connection = mentee.connection;
    assert_eq!(code(room.say(0, &forged, offer(epoch)).await), "SUPERSEDED");
    for field in ["from", "to", "userId", "room"] {
        let mut frame =
            json!({ "type": "rtc.signal", "epoch": epoch, "kind": "offer", "payload": { "sdp": "v" } });
        frame[field] = json!(mentor.user);
        assert_eq!(code(LiveCommand::parse(frame)), "frame.invalid");
    }

    // Nobody to hear it.
    room.leave(1, &mentor).await;
    let epoch = room.epoch().await;
    assert_eq!(code(room.say(0, &mentee, offer(epoch)).await), "NO_PEER");
    room.leave(0, &mentee).await;
    assert_eq!(code(room.say(0, &mentee, offer(epoch)).await), "NOT_JOINED");
    other.finish().await;
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s51_both_offer_at_once_and_stale_candidates_are_dropped() {
    let room = Room::start().await;
    let (mentee, mentor) = (room.device(Role::Mentee), room.device(Role::Mentor));
    let first = room.enter(0, &mentee, false).await.expect("an entry");
    let second = room.enter(1, &mentor, false).await.expect("an entry");
    assert_eq!((&first.ack["polite"], &second.ack["polite"]), (&json!(true), &json!(false)));

    let epoch = second.epoch;
    let (one, two) = tokio::join!(room.say(0, &mentee, offer(epoch)), room.say(1, &mentor, offer(epoch)));
    assert_eq!(one.expect("an offer").frames[0].to, To::Connection(mentor.connection));
    assert_eq!(two.expect("an offer").frames[0].to, To::Connection(mentee.connection));

    let restarted = room.say(1, &mentor, LiveCommand::Restart {}).await.expect("a restart");
    let fresh = restarted.ack["epoch"].as_i64().expect("an epoch");
    assert!(fresh > epoch);
    let state = told(&restarted.frames, "rtc.state");
    assert_eq!((&state["epoch"], &state["reason"]), (&json!(fresh), &json!("restart")));
    assert_eq!(restarted.frames[0].to, To::All);
    for stale in [candidate(epoch), offer(epoch), offer(fresh + 1), offer(0), offer(-1)] {
        let refusal = room.say(0, &mentee, stale).await.expect_err("stale");
        assert_eq!((refusal.code, &refusal.more["epoch"]), ("STALE_EPOCH", &json!(fresh)));
    }
    room.say(0, &mentee, candidate(fresh)).await.expect("a candidate of this epoch");

    // A page that was loaded again is another connection, and another epoch.
    room.leave(0, &mentee).await;
    let reloaded = room.device(Role::Mentee);
    let back = room.enter(0, &reloaded, false).await.expect("back");
    assert_eq!(code(room.say(1, &mentor, candidate(fresh)).await), "STALE_EPOCH");
    let sent = room.say(1, &mentor, offer(back.epoch)).await.expect("an offer");
    assert_eq!(sent.frames[0].to, To::Connection(reloaded.connection));
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s53_credentials_are_bound_to_person_room_and_window() {
    let turn_urls = vec!["turn:turn.example:3478".to_owned()];
    let turn = TurnConfig { turn_urls: turn_urls.clone(), turn_secret: Some("secret".into()) };
    let room = Room::over(TestApp::start().await, turn).await;
    let member = room.device(Role::Mentee);
    assert_eq!(code(room.say(0, &member, LiveCommand::Turn {}).await), "NOT_JOINED");
    let entered = room.enter(0, &member, false).await.expect("an entry");
    let in_an_hour = room.app.now() + TimeDelta::hours(1);
    let name = |at: DateTime<Utc>| json!(format!("{}:{}:{}", at.timestamp(), room.id, member.user));
    let first = &entered.ack["turn"];
    assert_eq!(first["urls"], json!(turn_urls));
    assert_eq!((&first["username"], &first["expiresAt"]), (&name(in_an_hour), &json!(in_an_hour)));

    room.pass(TimeDelta::minutes(90));
    room.renew(0, &[&member]).await;
    let renewed = room.say(0, &member, LiveCommand::Turn {}).await.expect("renewed").ack;
    assert_eq!(renewed["turn"]["username"], name(member.closes_at), "never beyond the window");
    assert_ne!(renewed["turn"]["credential"], first["credential"]);

    room.pass(TimeDelta::minutes(30));
    let over = room.say(0, &member, LiveCommand::Turn {}).await.expect_err("the window is over");
    assert_eq!((over.code, &over.more["closesAt"]), ("NOT_IN_TIME_WINDOW", &json!(member.closes_at)));
    assert_eq!(over.more["serverNow"], json!(room.app.now()));
    assert_eq!(code(room.enter(1, &room.device(Role::Mentor), false).await), "NOT_IN_TIME_WINDOW");

    // The session was made longer: who is told so first brings it to both.
    let mut mentor = room.device(Role::Mentor);
    mentor.closes_at += TimeDelta::minutes(15);
    room.enter(1, &mentor, false).await.expect("an entry");
    let longer = room.say(0, &member, LiveCommand::Turn {}).await.expect("renewed").ack;
    assert_eq!(longer["turn"]["username"], name(mentor.closes_at));
    let left = room.leave(0, &member).await;
    assert!(left.last_of_user);
    assert_eq!(code(room.say(0, &member, LiveCommand::Turn {}).await), "NOT_JOINED");
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_quality_are_few_and_kept() {
    let room = Room::start().await;
    let (mentee, mentor) = room.both().await;
    let report = |rtt: u32| {
        let report = Measures { rtt_ms: Some(rtt.into()), relayed: Some(true), ..Measures::default() };
        LiveCommand::Quality { report }
    };
    let first = room.say(0, &mentee, report(1)).await.expect("a report").report.expect("to be stored");
    let reports = room.live[0].reports();
    reports.store(&first).await.expect("MongoDB");
    let early = room.say(1, &mentee, report(2)).await.expect_err("too early");
    assert_eq!((early.code, &early.more["retryAfterMs"]), ("RATE_LIMITED", &json!(10_000)));
    let other = room.say(0, &mentor, report(3)).await.expect("the peer's own").report.expect("to be stored");
    reports.store(&other).await.expect("MongoDB");
    for n in 1..400 {
        room.pass(TimeDelta::seconds(10));
        room.say(0, &mentee, report(n)).await.expect("one each ten seconds");
    }
    room.pass(TimeDelta::seconds(10));
    assert_eq!(code(room.say(0, &mentee, report(9)).await), "RATE_LIMITED", "400 are enough");
    let phone = room.device(Role::Mentee);
    room.enter(1, &phone, true).await.expect("another device");
    assert_eq!(code(room.say(0, &phone, report(9)).await), "RATE_LIMITED", "on all devices together");
    let wrong = LiveCommand::Quality { report: Measures { loss_pct: Some(101.0), ..Measures::default() } };
    assert_eq!(code(room.say(0, &mentor, wrong).await), "frame.invalid");

    let kept = room.live[1].reports().list(room.id).await.expect("MongoDB");
    assert_eq!(kept, [first, other]);
    let indexes = room.app.core.mongo.collection::<mongodb::bson::Document>("rtc_quality");
    let mut found = indexes.list_indexes().await.expect("the indexes");
    let mut retention = None;
    while found.advance().await.expect("an index") {
        let index = found.deserialize_current().expect("an index");
        retention = retention.or(index.options.and_then(|options| options.expire_after));
    }
    assert_eq!(retention.map(|kept| kept.as_secs()), Some(90 * 86_400));
    room.finish().await;
}
