//! What two do at the same moment comes in one order.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use konnect::realtime::live::{Action, LiveCommand, Role, Screen};

use super::room::{Room, code, offer, screen};

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_take_over_at_once() {
    let room = Room::start().await;
    let (mut active, _) = room.both().await;
    for round in 0..20 {
        let devices = [room.device(Role::Mentee), room.device(Role::Mentee)];
        let (one, two) = tokio::join!(room.enter(0, &devices[0], true), room.enter(1, &devices[1], true));
        let entered = [one.expect("an entry"), two.expect("an entry")];
        let last = usize::from(entered[1].epoch > entered[0].epoch);
        assert_ne!(entered[0].epoch, entered[1].epoch);
        assert_eq!(entered[1 - last].superseded, Some(active.connection), "round {round}");
        assert_eq!(entered[last].superseded, Some(devices[1 - last].connection));
        let epoch = entered[last].epoch;
        assert_eq!(code(room.say(0, &devices[1 - last], offer(epoch)).await), "SUPERSEDED");
        room.say(1, &devices[last], offer(epoch)).await.expect("the last one is active");
        active = devices[last].clone();
    }
    assert_eq!(room.live[0].close(room.id).await.expect("closed").len(), 2);
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_enter_at_once_without_asking() {
    let room = Room::start().await;
    for _ in 0..20 {
        let devices = [room.device(Role::Mentee), room.device(Role::Mentee)];
        let (one, two) = tokio::join!(room.enter(0, &devices[0], false), room.enter(1, &devices[1], false));
        let (first, second) = if one.is_ok() { (one, two) } else { (two, one) };
        let first = first.expect("one is let in");
        assert!(first.first_of_user);
        assert_eq!(code(second), "ALREADY_ELSEWHERE");
        room.leave(0, &first.held.member).await;
    }
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ask_for_the_screen_at_once() {
    let room = Room::start().await;
    let (mentee, mentor) = room.both().await;
    for _ in 0..20 {
        let (one, two) = tokio::join!(
            room.say(0, &mentee, screen(Action::Request)),
            room.say(1, &mentor, screen(Action::Request))
        );
        let (asked, other, owner) = if one.is_ok() { (one, two, &mentee) } else { (two, one, &mentor) };
        asked.expect("one asks");
        assert_eq!(code(other), "SCREEN_BUSY");
        assert_eq!(room.screen().await, Screen::Requested(owner.user));
        // Granted and taken back at the same moment: either is first, and it ends idle.
        let viewer = if owner.user == mentee.user { &mentor } else { &mentee };
        let (granted, stopped) = tokio::join!(
            room.say(0, viewer, screen(Action::Grant)),
            room.say(1, owner, screen(Action::Stop))
        );
        stopped.expect("one may always stop");
        assert!(granted.is_ok() || code(granted) == "SCREEN_NOT_YOURS");
        assert_eq!(room.screen().await, Screen::Idle);
    }
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_restart_at_once() {
    let room = Room::start().await;
    let (mentee, mentor) = room.both().await;
    let before = room.epoch().await;
    let restarts = (0..40).map(|n| {
        let member = if n % 2 == 0 { &mentee } else { &mentor };
        room.say(n % 2, member, LiveCommand::Restart {})
    });
    let mut told = BTreeSet::new();
    for outcome in join_all(restarts).await {
        let outcome = outcome.expect("a restart");
        let epoch = outcome.ack["epoch"].as_i64().expect("an epoch");
        assert_eq!(outcome.frames[0].data["epoch"], epoch);
        told.insert((outcome.frames[0].data["version"].as_i64(), epoch));
    }
    let epochs: Vec<_> = told.iter().map(|(_, epoch)| *epoch).collect();
    assert_eq!(
        epochs,
        (before + 1..=before + 40).collect::<Vec<_>>(),
        "each its own, in the order of versions"
    );
    assert_eq!(room.epoch().await, before + 40);
    room.finish().await;
}
