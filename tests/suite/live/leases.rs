//! Leases: a connection is there as long as its process vouches for it; one device of a person is active.

use chrono::TimeDelta;
use konnect::id::ReservationId;
use konnect::realtime::To;
use konnect::realtime::live::{Held, Renewal, Role};
use serde_json::json;

use super::room::{Room, code, kinds, offer, told};

#[tokio::test(flavor = "multi_thread")]
async fn s44_a_dead_process_loses_its_leases_and_one_sweeper_tells() {
    let room = Room::start().await;
    let (mentee, mentor) = room.both().await;
    let seen_at = room.app.now();
    // The first process dies; the second goes on.
    for _ in 0..2 {
        room.pass(TimeDelta::seconds(5));
        assert!(matches!(room.renew(1, &[&mentor]).await[..], [Renewal::Kept]));
        assert_eq!(room.sweep(1).await.gone, [], "not before the lease is over");
    }
    let epoch = room.epoch().await;
    room.pass(TimeDelta::seconds(5));
    room.renew(1, &[&mentor]).await;
    let rooms = [room.id];
    let sweeps = (0..12).map(|n| room.live[n % 2].sweep(&rooms));
    let swept = futures_util::future::join_all(sweeps).await;
    let telling: Vec<_> = swept.iter().filter(|swept| !swept.gone.is_empty()).collect();
    assert_eq!(telling.len(), 1, "one sweeper alone tells of it");
    assert!(swept.iter().all(|swept| swept.complete && swept.gone.is_empty() == swept.frames.is_empty()));
    let gone = &telling[0].gone[0];
    assert_eq!((gone.user, gone.role, gone.connection), (mentee.user, Role::Mentee, mentee.connection));
    assert_eq!((gone.node.as_str(), gone.seen_at), ("node-0", seen_at));
    let absent = told(&telling[0].frames, "session.presence");
    assert_eq!((&absent["userId"], &absent["present"]), (&json!(mentee.user), &json!(false)));
    let state = told(&telling[0].frames, "rtc.state");
    assert_eq!((&state["reason"], &state["members"][1]["present"]), (&json!("expired"), &json!(true)));
    assert!(state["epoch"].as_i64() > Some(epoch), "what comes back is another connection of peers");
    assert_eq!(code(room.say(1, &mentor, offer(room.epoch().await)).await), "NO_PEER");

    // The process was only frozen: it comes back by itself, and both are told.
    let [Renewal::Restored { first_of_user: true, superseded: None, gone: None, frames }] =
        &room.renew(0, &[&mentee]).await[..]
    else {
        panic!("not restored")
    };
    assert_eq!(kinds(frames), ["session.presence", "rtc.state"]);
    assert_eq!(told(frames, "rtc.state")["reason"], "restored");
    assert!(room.renew(0, &[&mentee, &mentor]).await.iter().all(|r| matches!(r, Renewal::Kept)));
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s44_the_client_of_a_dead_process_comes_back_elsewhere() {
    let room = Room::start().await;
    let (mentee, mentor) = room.both().await;
    let elsewhere = room.device(Role::Mentee);
    assert_eq!(code(room.enter(1, &elsewhere, false).await), "ALREADY_ELSEWHERE");
    // By confirmation at once, or when the lease is over. A sweep has nothing left to tell then.
    room.pass(TimeDelta::seconds(15));
    room.renew(1, &[&mentor]).await;
    let entered = room.enter(1, &elsewhere, false).await.expect("the lease is over");
    assert_eq!((entered.first_of_user, entered.superseded), (true, None));
    assert_eq!(entered.gone.map(|gone| gone.connection), Some(mentee.connection));
    assert_eq!(room.sweep(0).await.gone, []);
    assert!(matches!(room.renew(0, &[&mentee]).await[..], [Renewal::Superseded]));
    let left = room.leave(0, &mentee).await;
    assert_eq!((left.last_of_user, left.frames), (false, vec![]));
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s50_one_device_of_a_person_is_active() {
    let room = Room::start().await;
    let (laptop, mentor) = room.both().await;
    let phone = room.device(Role::Mentee);
    assert_eq!(code(room.enter(1, &phone, false).await), "ALREADY_ELSEWHERE");
    let entered = room.enter(1, &phone, true).await.expect("taken over");
    assert_eq!((entered.first_of_user, entered.superseded), (false, Some(laptop.connection)));
    assert_eq!(kinds(&entered.frames), ["rtc.superseded", "rtc.state"], "the person was there all the time");
    assert_eq!(entered.frames[0].to, To::Connection(laptop.connection));
    assert_eq!(entered.frames[1].to, To::AllBut(phone.connection));
    assert_eq!(entered.frames[1].data["reason"], "taken_over");

    let epoch = entered.epoch;
    assert_eq!(code(room.say(0, &laptop, offer(epoch)).await), "SUPERSEDED");
    let sent = room.say(1, &mentor, offer(epoch)).await.expect("an offer");
    assert_eq!(sent.frames[0].to, To::Connection(phone.connection));
    assert!(matches!(room.renew(0, &[&laptop]).await[..], [Renewal::Superseded]));
    let left = room.leave(0, &laptop).await;
    assert_eq!((left.last_of_user, left.frames), (false, vec![]));

    // And back again.
    let back = room.enter(0, &laptop, true).await.expect("taken back");
    assert_eq!(back.superseded, Some(phone.connection));
    assert!(matches!(room.renew(1, &[&phone, &mentor]).await[..], [Renewal::Superseded, Renewal::Kept]));
    let left = room.leave(0, &laptop).await;
    assert!(left.last_of_user);
    assert_eq!(kinds(&left.frames), ["session.presence", "rtc.state"]);
    assert!(
        matches!(room.renew(1, &[&phone]).await[..], [Renewal::Gone]),
        "nobody takes an old device for new"
    );
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_end_with_the_window() {
    let room = Room::start().await;
    let (mentee, mentor) = room.both().await;
    room.pass(TimeDelta::minutes(119) + TimeDelta::seconds(55));
    assert!(room.renew(0, &[&mentee, &mentor]).await.iter().all(|r| matches!(r, Renewal::Kept)));
    let key = room.app.core.keys.live_room(room.id);
    assert!(key.contains(&format!("{{{}}}", room.id)), "one slot of a cluster for a room");
    let ttl: i64 =
        redis::cmd("PTTL").arg(key).query_async(&mut room.app.core.redis.clone()).await.expect("Redis");
    assert!((3_590_000..=3_605_000).contains(&ttl), "{ttl} ms: an hour after the window");
    room.pass(TimeDelta::seconds(5));
    assert!(room.renew(0, &[&mentee, &mentor]).await.iter().all(|r| matches!(r, Renewal::Gone)));
    assert_eq!(room.sweep(0).await.gone.len(), 2);
    assert_eq!(room.sweep(1).await.gone, []);
    room.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_room_is_empty() {
    let room = Room::start().await;
    assert_eq!(room.live[0].close(room.id).await, Ok(vec![]));
    let (mentee, mentor) = room.both().await;
    let (one, two) = tokio::join!(room.live[0].close(room.id), room.live[1].close(room.id));
    let told = [one.expect("closed"), two.expect("closed")];
    assert_eq!(told.iter().map(Vec::len).sum::<usize>(), 2, "each is told to one");
    assert!(room.renew(0, &[&mentee, &mentor]).await.iter().all(|r| matches!(r, Renewal::Gone)));
    assert_eq!(code(room.say(0, &mentee, offer(room.epoch().await)).await), "NOT_JOINED");
    room.finish().await;
}

/// More rooms than one pipeline takes, each with one member on either process.
#[tokio::test(flavor = "multi_thread")]
async fn many_leases_are_renewed_together() {
    let room = Room::start().await;
    let mut held: [Vec<Held>; 2] = Default::default();
    for _ in 0..300 {
        let id = ReservationId::generate();
        for (node, role) in [Role::Mentee, Role::Mentor].into_iter().enumerate() {
            let mut member = room.device(role);
            member.room = id;
            held[node].push(room.live[node].enter(&member, false).await.expect("an entry").held);
        }
    }
    let rooms: Vec<_> = held[0].iter().map(|held| held.member.room).collect();
    for _ in 0..3 {
        room.pass(TimeDelta::seconds(5));
        let (one, two) = tokio::join!(room.live[0].renew(&held[0]), room.live[1].renew(&held[1]));
        assert!(one.iter().chain(&two).all(|renewal| matches!(renewal, Renewal::Kept)));
        assert_eq!(room.live[0].sweep(&rooms).await.gone, []);
    }
    room.pass(TimeDelta::seconds(10));
    room.live[1].renew(&held[1]).await;
    room.pass(TimeDelta::seconds(5));
    let (one, two) = tokio::join!(room.live[0].sweep(&rooms), room.live[1].sweep(&rooms));
    assert_eq!(one.gone.len() + two.gone.len(), 300, "each mentee is told once");
    assert!(one.gone.iter().chain(&two.gone).all(|gone| gone.role == Role::Mentee));
    room.finish().await;
}
