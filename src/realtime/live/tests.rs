//! The room as a state machine: whatever comes in whatever order, some things always hold.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::member::{Held, Member, Role};
use super::screen::{Action, Screen};
use super::state::{LEASE, Renewed, State};
use super::{LiveCommand, Media, Turn, act};
use crate::clock::Instant;
use crate::config::TurnConfig;
use crate::id::{ConnectionId, ReservationId, UserId};

fn start() -> Instant {
    "2026-03-02T00:00:00Z".parse().expect("an instant")
}

/// Two devices of each of two people in one room.
fn devices() -> Vec<Member> {
    let room = ReservationId::generate();
    let people = [(UserId::generate(), Role::Mentee), (UserId::generate(), Role::Mentor)];
    let device = |n: usize| Member {
        room,
        user: people[n % 2].0,
        peer: people[1 - n % 2].0,
        role: people[n % 2].1,
        connection: ConnectionId::generate(),
        opens_at: start(),
        closes_at: start() + TimeDelta::hours(1),
    };
    (0..4).map(device).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Enter { device: usize, take_over: bool },
    Leave(usize),
    Renew(usize),
    Sweep,
    Flush,
    Restart(usize),
    Media(usize),
    Screen(usize, Action),
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let action = prop_oneof![
        Just(Action::Request),
        Just(Action::Grant),
        Just(Action::Deny),
        Just(Action::Start),
        Just(Action::Stop),
        Just(Action::Revoke),
    ];
    let step = prop_oneof![
        4 => (0..4usize, any::<bool>()).prop_map(|(device, take_over)| Step::Enter { device, take_over }),
        1 => (0..4usize).prop_map(Step::Leave),
        4 => (0..4usize).prop_map(Step::Renew),
        2 => Just(Step::Sweep),
        1 => Just(Step::Flush),
        1 => (0..4usize).prop_map(Step::Restart),
        2 => (0..4usize).prop_map(Step::Media),
        6 => (0..4usize, action).prop_map(|(device, action)| Step::Screen(device, action)),
        3 => (1..9_000i64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..80)
}

/// One step; whether one more person is in the room (`1`), one less (`-1`), or as many as before.
fn take(step: &Step, state: &mut State, held: &mut [Option<Held>], devices: &[Member], now: Instant) -> i32 {
    let turn = Turn::new(&TurnConfig::default()).expect("no servers");
    let mut obey = |device: usize, command: LiveCommand| {
        let _ = act::obey(state, &devices[device], &command, &turn, now);
        0
    };
    match *step {
        Step::Enter { device, take_over } => match state.enter(&devices[device], "node", take_over, now) {
            Ok(arrival) => {
                let member = devices[device].clone();
                held[device] = Some(Held { member, joined: state.epoch, media: Media::default() });
                i32::from(arrival.first_of_user) - i32::from(arrival.gone.is_some())
            }
            Err(_) => 0,
        },
        Step::Leave(device) => match held[device].take() {
            Some(held) => -i32::from(state.leave(&held, now)),
            None => 0,
        },
        Step::Renew(device) => match held[device].clone().map(|held| state.renew(&held, "node", now)) {
            Some(Renewed::Restored(arrival)) => {
                i32::from(arrival.first_of_user) - i32::from(arrival.gone.is_some())
            }
            Some(Renewed::Superseded | Renewed::Gone) => {
                held[device] = None;
                0
            }
            Some(Renewed::Kept) | None => 0,
        },
        Step::Sweep => -(state.expire(devices[0].room, now).len() as i32),
        Step::Flush => {
            let present = state.places.iter().filter(|place| place.lease.is_some()).count();
            *state = State::default();
            -(present as i32)
        }
        Step::Restart(device) => obey(device, LiveCommand::Restart {}),
        Step::Media(device) => obey(device, LiveCommand::Media { mic: true, camera: true, ready: true }),
        Step::Screen(device, action) => obey(device, LiveCommand::Screen { action }),
        Step::Wait(_) => 0,
    }
}

proptest! {
    #[test]
    fn whatever_happens(steps in steps()) {
        let devices = devices();
        let (mut state, mut now, mut present) = (State::default(), start(), 0);
        let mut held = vec![None; devices.len()];
        let mut latest = (0, 0);
        for step in &steps {
            // An empty start takes Redis longer than there were epochs in a millisecond.
            let passed = if let Step::Wait(millis) = step { *millis } else { 1 };
            now += TimeDelta::milliseconds(if matches!(step, Step::Flush) { 500 } else { passed });
            let before = state.clone();
            present += take(step, &mut state, &mut held, &devices, now);

            let leases: Vec<_> = state.places.iter().filter(|place| place.lease.is_some()).collect();
            prop_assert_eq!(leases.len() as i32, present, "who comes and goes is told once: {:?}", step);
            for place in &state.places {
                prop_assert!(place.lease.is_some() || place.media == Media::default());
            }
            let owner = state.screen.owner();
            prop_assert!(owner.is_none_or(|owner| leases.iter().any(|place| place.user == owner)));
            if let (Screen::Sharing(now), old) = (state.screen, before.screen) {
                prop_assert!([Screen::Granted(now), Screen::Sharing(now)].contains(&old), "{:?}", old);
            }
            let active = |state: &State| {
                state.places.iter().map(|p| p.lease.as_ref().map(|l| l.connection)).collect::<Vec<_>>()
            };
            if active(&before) != active(&state) && !matches!(step, Step::Flush | Step::Leave(_)) {
                prop_assert!(state.epoch > before.epoch || state.places.len() > before.places.len());
            }
            if state.version > 0 && state.version != before.version && before.version > 0 {
                prop_assert!((state.epoch, state.version) > latest);
            }
            latest = latest.max((state.epoch, state.version));
            prop_assert_eq!(&State::read(&state.text()), &state);
            prop_assert!(state.text().len() < 2_000);
        }
        now += LEASE;
        let gone = state.expire(devices[0].room, now).len() as i32;
        prop_assert_eq!(gone, present, "after the length of a lease nobody is left");
        prop_assert_eq!(state.screen, Screen::Idle);
    }
}

#[test]
fn an_unreadable_room_begins_anew() {
    for text in ["{", "[]", "7", r#"{"epoch":"x"}"#] {
        assert_eq!(State::read(text), State::default());
    }
}

#[test]
fn a_room_outlives_its_window_by_an_hour() {
    let (mut state, devices) = (State::default(), devices());
    assert_eq!(state.life(start()), TimeDelta::minutes(1), "a room that nobody entered is forgotten soon");
    state.enter(&devices[0], "node", false, start()).expect("an entry");
    assert_eq!(state.life(start()), TimeDelta::hours(2));
    assert_eq!(state.life(start() + TimeDelta::minutes(90)), TimeDelta::minutes(30));
    let mut longer = devices[1].clone();
    longer.closes_at += TimeDelta::minutes(30);
    state.enter(&longer, "node", false, start()).expect("an entry");
    assert_eq!(state.closes_at(), longer.closes_at, "an extension holds for both");
    assert_eq!(state.life(start() + TimeDelta::days(1)), TimeDelta::minutes(1));
}

#[test]
fn the_second_of_two_devices_stays_active_after_a_loss() {
    for first in [0, 2] {
        let devices = devices();
        let mut state = State::default();
        let mut enter = |device: usize| {
            state.enter(&devices[device], "node", true, start()).expect("an entry");
            let member = devices[device].clone();
            Held { member, joined: state.epoch, media: Media::default() }
        };
        let old = enter(0);
        let new = enter(2);
        let (mut state, now) = (State::default(), start() + TimeDelta::seconds(4));
        let order = if first == 0 { [&old, &new] } else { [&new, &old] };
        for held in order {
            state.renew(held, "node", now);
        }
        assert_eq!(state.active(&devices[0]).expect_err("superseded").code, "SUPERSEDED");
        state.active(&devices[2]).expect("active");
        assert_eq!(state.renew(&old, "node", now), Renewed::Superseded);
        assert_eq!(state.renew(&new, "node", now), Renewed::Kept);
    }
}

#[test]
fn who_left_is_not_brought_back_by_a_late_renewal() {
    let (devices, mut state) = (devices(), State::default());
    state.enter(&devices[0], "node", false, start()).expect("an entry");
    let held = Held { member: devices[0].clone(), joined: state.epoch, media: Media::default() };
    assert!(state.leave(&held, start()));
    assert_eq!(state.renew(&held, "node", start()), Renewed::Gone);
    // Also when its lease had run out before it left.
    state.enter(&devices[0], "node", false, start()).expect("an entry");
    let held = Held { joined: state.epoch, ..held };
    let later = start() + LEASE;
    assert_eq!(state.expire(devices[0].room, later).len(), 1);
    assert!(!state.leave(&held, later));
    assert_eq!(state.renew(&held, "node", later), Renewed::Gone);
}
