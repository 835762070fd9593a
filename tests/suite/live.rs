//! Live rooms over one Redis, as two processes see them; the clock stands until it is moved.

#[path = "live/leases.rs"]
mod leases;
#[path = "live/outages.rs"]
mod outages;
#[path = "live/races.rs"]
mod races;
#[path = "live/room.rs"]
mod room;
#[path = "live/signals.rs"]
mod signals;

use chrono::TimeDelta;
use konnect::realtime::To;
use konnect::realtime::live::{Action, LiveCommand, Role, Screen};
use serde_json::json;

use room::{Room, code, kinds, screen, told};

#[tokio::test(flavor = "multi_thread")]
async fn s52_a_screen_is_asked_for_granted_shared_and_revoked() {
    let room = Room::start().await;
    let (mentee, mentor) = room.both().await;
    let (sharer, viewer) = (mentee.user, mentor.user);

    let alone = room.say(0, &mentee, screen(Action::Start)).await;
    assert_eq!(code(alone), "SCREEN_NOT_GRANTED", "nobody begins without asking");
    let asked = room.say(0, &mentee, screen(Action::Request)).await.expect("a request");
    assert_eq!(asked.ack, json!({ "screen": { "state": "requested", "by": sharer } }));
    assert_eq!(told(&asked.frames, "rtc.state")["screen"], asked.ack["screen"]);
    assert_eq!(asked.frames[0].to, To::All);
    assert_eq!(code(room.say(0, &mentee, screen(Action::Grant)).await), "SCREEN_NOT_YOURS");
    let busy = room.say(1, &mentor, screen(Action::Request)).await.expect_err("busy");
    assert_eq!((busy.code, &busy.more["screen"]), ("SCREEN_BUSY", &asked.ack["screen"]));
    assert_eq!(code(room.say(1, &mentor, screen(Action::Start)).await), "SCREEN_NOT_GRANTED");

    room.say(1, &mentor, screen(Action::Grant)).await.expect("a grant");
    let sharing = room.say(0, &mentee, screen(Action::Start)).await.expect("sharing");
    assert_eq!(room.screen().await, Screen::Sharing(sharer));
    let again = room.say(0, &mentee, screen(Action::Start)).await.expect("the same once more");
    assert_eq!((again.ack, again.frames.len()), (sharing.ack, 0), "a second time changes nothing");

    let revoked = room.say(1, &mentor, screen(Action::Revoke)).await.expect("revoked");
    assert_eq!(told(&revoked.frames, "rtc.state")["screen"], json!({ "state": "idle" }));
    assert_eq!(told(&revoked.frames, "rtc.state")["reason"], "screen");
    let late = room.say(0, &mentee, screen(Action::Stop)).await.expect("a stop that crossed the revocation");
    assert!(late.frames.is_empty());
    assert_eq!(code(room.say(0, &mentee, screen(Action::Start)).await), "SCREEN_NOT_GRANTED");

    // A no; and what is taken back.
    room.say(1, &mentor, screen(Action::Request)).await.expect("the mentor asks like the mentee");
    assert_eq!(room.screen().await, Screen::Requested(viewer));
    room.say(0, &mentee, screen(Action::Deny)).await.expect("no");
    assert_eq!(code(room.say(1, &mentor, screen(Action::Start)).await), "SCREEN_NOT_GRANTED");
    room.say(1, &mentor, screen(Action::Request)).await.expect("another request");
    assert_eq!(code(room.say(0, &mentee, screen(Action::Stop)).await), "SCREEN_NOT_YOURS");
    room.say(1, &mentor, screen(Action::Stop)).await.expect("taken back");
    assert_eq!(code(room.say(0, &mentee, screen(Action::Grant)).await), "SCREEN_NOT_YOURS");
    assert_eq!(room.screen().await, Screen::Idle);
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s52_a_screen_ends_with_the_connection_that_shares_it() {
    let room = Room::start().await;
    let (mentee, mentor) = room.both().await;

    // The sharer's process dies: cleared with the lease, and the peer is told.
    room.share(&mentee, &mentor).await;
    room.pass(TimeDelta::seconds(14));
    room.renew(1, &[&mentor]).await;
    assert_eq!(room.sweep(1).await.gone, []);
    assert_eq!(room.screen().await, Screen::Sharing(mentee.user));
    room.pass(TimeDelta::seconds(1));
    let swept = room.sweep(1).await;
    assert_eq!(kinds(&swept.frames), ["session.presence", "rtc.state"]);
    assert_eq!(told(&swept.frames, "rtc.state")["screen"], json!({ "state": "idle" }));

    // The sharer leaves.
    room.enter(0, &mentee, false).await.expect("back");
    room.share(&mentee, &mentor).await;
    let left = room.leave(0, &mentee).await;
    assert_eq!(told(&left.frames, "rtc.state")["screen"], json!({ "state": "idle" }));
    assert_eq!(code(room.say(1, &mentor, screen(Action::Request)).await), "NO_PEER");

    // The sharer goes on with another device.
    room.enter(0, &mentee, false).await.expect("back");
    room.share(&mentee, &mentor).await;
    let phone = room.device(Role::Mentee);
    let entered = room.enter(1, &phone, true).await.expect("taken over");
    assert_eq!(entered.ack["screen"], json!({ "state": "idle" }));
    assert_eq!(told(&entered.frames, "rtc.state")["screen"], json!({ "state": "idle" }));

    // Who looks on leaves and comes back: the screen is still shared.
    room.share(&phone, &mentor).await;
    room.leave(1, &mentor).await;
    assert_eq!(room.screen().await, Screen::Sharing(mentee.user));
    let back = room.enter(1, &mentor, false).await.expect("back");
    assert_eq!(back.ack["screen"], json!({ "state": "sharing", "by": mentee.user }));
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_late_sees_what_is_on() {
    let room = Room::start().await;
    let mentee = room.device(Role::Mentee);
    let first = room.enter(0, &mentee, false).await.expect("an entry");
    assert!(first.first_of_user);
    assert_eq!(kinds(&first.frames), ["session.presence", "rtc.state"]);
    let nothing = json!({ "mic": false, "camera": false, "ready": false });
    assert_eq!(first.ack["peer"], json!({ "userId": mentee.peer, "present": false, "media": nothing }));
    let on = LiveCommand::Media { mic: true, camera: false, ready: true };
    let outcome = room.say(0, &mentee, on.clone()).await.expect("media");
    let media = json!({ "mic": true, "camera": false, "ready": true });
    assert_eq!(told(&outcome.frames, "rtc.state")["members"][0]["media"], media);
    assert!(room.say(0, &mentee, on).await.expect("the same").frames.is_empty());

    let mentor = room.device(Role::Mentor);
    let second = room.enter(1, &mentor, false).await.expect("an entry");
    let expected = json!({
        "role": "mentor", "polite": false, "epoch": second.epoch, "version": second.ack["version"],
        "peer": { "userId": mentee.user, "present": true, "media": media },
        "media": nothing, "screen": { "state": "idle" }, "turn": null,
        "opensAt": mentor.opens_at, "closesAt": mentor.closes_at, "serverNow": room.app.now(),
    });
    assert_eq!(second.ack, expected);
    assert_eq!(first.ack["polite"], true);
    assert!(second.epoch > first.epoch);
    let state = told(&second.frames, "rtc.state");
    assert_eq!((&state["reason"], &state["epoch"]), (&json!("joined"), &json!(second.epoch)));
    assert_eq!(
        state["members"],
        json!([
            { "userId": mentee.user, "role": "mentee", "present": true, "polite": true, "media": media },
            { "userId": mentor.user, "role": "mentor", "present": true, "polite": false, "media": nothing },
        ])
    );

    // What somebody had on goes with them.
    room.leave(0, &mentee).await;
    let snapshot = room.live[1].snapshot(mentee.room).await.expect("a snapshot");
    assert_eq!((snapshot.members[0].present, json!(snapshot.members[0].media)), (false, nothing));
    room.finish().await;
}
