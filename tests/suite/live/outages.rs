//! Redis forgets, or is away.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use konnect::config::TurnConfig;
use konnect::realtime::live::{Action, LiveCommand, Media, Renewal, Role};
use konnect_tests::{PrivateRedis, TestApp};
use serde_json::json;

use super::room::{Room, code, kinds, offer, screen, told};

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_redis_forgot_restores_itself() {
    let room = Room::start().await;
    let (mentee, mentor) = room.both().await;
    room.say(0, &mentee, LiveCommand::Media { mic: true, camera: true, ready: true }).await.expect("media");
    room.share(&mentee, &mentor).await;
    let epoch = room.epoch().await;

    room.forget().await;
    room.pass(TimeDelta::seconds(3));
    assert_eq!(code(room.say(0, &mentee, offer(epoch)).await), "NOT_JOINED");
    assert_eq!(room.sweep(0).await.gone, [], "nobody is told to be gone");
    let [Renewal::Restored { first_of_user: true, frames, .. }] = &room.renew(0, &[&mentee]).await[..] else {
        panic!("not restored")
    };
    assert_eq!(kinds(frames), ["session.presence", "rtc.state"]);
    let state = told(frames, "rtc.state");
    assert!(state["epoch"].as_i64() > Some(epoch), "an epoch that was never used");
    let on = Media { mic: true, camera: true, ready: true };
    assert_eq!(state["members"][0]["media"], json!(on), "from what its process holds");
    assert_eq!(state["screen"], json!({ "state": "idle" }), "a screen needs a new yes");
    assert!(matches!(room.renew(1, &[&mentor]).await[..], [Renewal::Restored { .. }]));

    let fresh = room.epoch().await;
    assert_eq!(code(room.say(0, &mentee, offer(epoch)).await), "STALE_EPOCH");
    room.say(0, &mentee, offer(fresh)).await.expect("as before");
    assert!(room.renew(1, &[&mentee, &mentor]).await.iter().all(|r| matches!(r, Renewal::Kept)));
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_later_device_is_the_active_one_after_a_loss() {
    let room = Room::start().await;
    let (laptop, _) = room.both().await;
    let phone = room.device(Role::Mentee);
    room.enter(1, &phone, true).await.expect("taken over");
    room.forget().await;
    room.pass(TimeDelta::seconds(3));
    // The laptop's process had not heard that it was superseded.
    assert!(matches!(room.renew(0, &[&laptop]).await[..], [Renewal::Restored { .. }]));
    let [Renewal::Restored { first_of_user: false, superseded, frames, .. }] =
        &room.renew(1, &[&phone]).await[..]
    else {
        panic!("not restored")
    };
    assert_eq!(*superseded, Some(laptop.connection));
    assert_eq!(kinds(frames), ["rtc.superseded", "rtc.state"]);
    assert!(matches!(room.renew(0, &[&laptop, &phone]).await[..], [Renewal::Superseded, Renewal::Kept]));
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_everything_is_refused_in_two_seconds() {
    let redis = PrivateRedis::start().await;
    let app = TestApp::start_live_on(&redis).await;
    let room = Room::over(app, TurnConfig::default()).await;
    let now = room.app.now();
    let window = |role| {
        let mut member = room.device(role);
        member.opens_at = now;
        member.closes_at = now + TimeDelta::hours(1);
        member
    };
    let (mentee, mentor) = (window(Role::Mentee), window(Role::Mentor));
    room.enter(0, &mentee, false).await.expect("an entry");
    let epoch = room.enter(1, &mentor, false).await.expect("an entry").epoch;

    // It hangs.
    let mut pause = redis::cmd("CLIENT");
    pause.arg("PAUSE").arg(5_000).arg("ALL");
    pause.query_async::<()>(&mut room.app.core.redis.clone()).await.expect("Redis");
    let asked = Instant::now();
    let phone = window(Role::Mentee);
    let rooms = [room.id];
    let held = [room.held(&mentee), room.held(&mentor)];
    let (entry, signal, asking, renewals, swept) = tokio::join!(
        room.enter(0, &phone, true),
        room.say(0, &mentee, offer(epoch)),
        room.say(1, &mentor, screen(Action::Request)),
        room.live[1].renew(&held),
        room.live[0].sweep(&rooms),
    );
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    assert_eq!([code(entry), code(signal), code(asking)], ["UNAVAILABLE"; 3]);
    assert!(renewals.iter().all(|renewal| matches!(renewal, Renewal::Unknown)));
    assert!(!swept.complete && swept.gone.is_empty());

    // It comes back as it was: nothing was half done.
    room.app.until(async || room.live[0].snapshot(room.id).await.is_ok()).await;
    assert_eq!(room.epoch().await, epoch);
    room.say(0, &mentee, offer(epoch)).await.expect("as before");

    // It comes back empty, on all connections.
    let redis = redis.restart_empty().await;
    room.app.until(async || room.live[0].snapshot(room.id).await.is_ok()).await;
    for (node, member) in [(0, &mentee), (1, &mentor)] {
        room.app
            .until(async || matches!(room.renew(node, &[member]).await[..], [Renewal::Restored { .. }]))
            .await;
    }
    let fresh = room.epoch().await;
    assert!(fresh > epoch);
    room.say(1, &mentor, offer(fresh)).await.expect("as before");
    drop(redis);
    room.app.leave().await;
}
