//! The middle of part 3: the two meet in the room of their booking. They chat, signal a call, and stay until the end
//! while the clock is moved; by the record of that nobody is absent.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use konnect::id::ReservationId;
use konnect::session::{self, Role};
use serde_json::{Value, json};

use super::booking::Booking;
use super::text::{day_and_time, time};
use super::world::{Cast, World};

/// The server takes who was not heard of for a minute for gone: with shorter steps of the clock nobody is.
const STEP: TimeDelta = TimeDelta::seconds(45);
/// Longer than an access token lives without these: it is renewed after each.
const LONG_STEP: TimeDelta = TimeDelta::minutes(13);
/// How long a sign of life may take; one is given every 5 s, and when the clock was moved.
const PATIENCE: Duration = Duration::from_secs(15);

/// They chat: what one says is acknowledged when it is stored, and the other hears it.
pub async fn talk(world: &World, cast: &mut Cast, room: &str) -> Result<()> {
    let head = |state: &Value| format!("head {}, may write {}", state["head"], state["canWrite"]);
    cast.mentor.ask("chat.join", room, json!({}), head).await?;
    cast.mentee.ask("chat.join", room, json!({}), head).await?;
    let stored = |entry: &Value| format!("stored as {}", entry["seq"]);
    let first = json!({ "clientId": "demo-1", "text": "I am ready when you are." });
    cast.mentee.ask("chat.send", room, first.clone(), stored).await?;
    let again = |entry: &Value| format!("duplicate {}: it is {}", entry["duplicate"], entry["seq"]);
    let repeated = cast.mentee.ask("chat.send", room, first, again).await?;
    cast.mentor.ears.wait_frame("chat.message", |frame| frame["seq"] == 1).await?;
    let second = json!({ "clientId": "demo-1", "text": "네, 곧 시작해요.", "replyTo": 1 });
    cast.mentor.ask("chat.send", room, second, stored).await?;
    cast.mentee.ears.wait_frame("chat.message", |frame| frame["seq"] == 2).await?;
    let once = repeated["seq"] == 1 && repeated["duplicate"] == true;
    world.line.promise(once, "a message that was sent twice is there once; each heard the other")
}

/// They enter the session, and what a browser would need for a call goes from one to the other.
pub async fn meet(world: &World, cast: &mut Cast, room: &str) -> Result<()> {
    for person in [&mut cast.mentor, &mut cast.mentee] {
        person.refresh_socket().await?;
    }
    let who = |joined: &Value| {
        let role = joined["role"].as_str().unwrap_or_default();
        format!("{role}, polite {}, peer present {}", joined["polite"], joined["peer"]["present"])
    };
    cast.mentor.ask("session.join", room, json!({}), who).await?;
    let joined = cast.mentee.ask("session.join", room, json!({}), who).await?;
    world.line.promise(joined["peer"]["present"] == true, "both are in the room")?;
    let signal = |kind: &str| {
        let payload = json!({ "type": kind, "sdp": "v=0\r\n" });
        json!({ "epoch": joined["epoch"], "kind": kind, "payload": payload })
    };
    let nothing = |_: &Value| String::new();
    cast.mentor.ask("rtc.signal", room, signal("offer"), nothing).await?;
    cast.mentee.ears.wait_frame("rtc.signal", |frame| frame["kind"] == "offer").await?;
    cast.mentee.ask("rtc.signal", room, signal("answer"), nothing).await?;
    cast.mentor.ears.wait_frame("rtc.signal", |frame| frame["kind"] == "answer").await?;
    world.line.promise(true, "the offer reached the mentee, the answer the mentor")
}

/// They stay until the end. After ten minutes a job decides who did not come.
pub async fn stay(
    world: &mut World,
    cast: &mut Cast,
    booking: &Booking,
    ends_at: DateTime<Utc>,
) -> Result<()> {
    let id = &booking.id;
    let needed = world.rules.presence_needed() + STEP;
    let seen_enough = world.clock.now() + needed;
    while world.clock.now() < seen_enough {
        let to = world.clock.now() + STEP;
        pass(world, cast, id, to, "they talk").await?;
    }
    if let Some(after) = world.rules.no_show_after() {
        let decided = booking.starts_at + after;
        if decided > world.clock.now() {
            pass(world, cast, id, decided, "who has not come by now is absent").await?;
        }
        world.jobs.done("session.decide_no_show.v1", id).await?;
        let seen = world.show(cast, id).await?;
        let (verdict, state) = (verdict(world, id).await?, seen["state"].as_str());
        world
            .line
            .promise(verdict == "met" && state == Some("in_session"), "nobody was absent: both came")?;
    }
    let last = ends_at - TimeDelta::minutes(4);
    while world.clock.now() < last {
        for person in [&mut cast.mentor, &mut cast.mentee] {
            person.refresh_socket().await?;
        }
        let to = last.min(world.clock.now() + LONG_STEP);
        pass(world, cast, id, to, "they talk").await?;
    }
    for person in [&cast.mentor, &cast.mentee] {
        person.ears.wait_frame("session.ending", |frame| frame["room"] == id.as_str()).await?;
    }
    world.line.promise(true, "both were told that the session ends")?;
    for person in [&mut cast.mentor, &mut cast.mentee] {
        person.refresh_socket().await?;
    }
    pass(world, cast, id, ends_at, "the time is up").await
}

/// They leave.
pub async fn part(cast: &mut Cast, room: &str) -> Result<()> {
    cast.mentee.ask("session.leave", room, json!({}), |_| String::new()).await?;
    let gone = |frame: &Value| frame["role"] == "mentee" && frame["present"] == false;
    cast.mentor.ears.wait_frame("session.presence", gone).await?;
    cast.mentor.ask("session.leave", room, json!({}), |_| String::new()).await?;
    Ok(())
}

/// Moves the clock while both are in the room, and waits until the record says that they still are.
async fn pass(world: &mut World, cast: &Cast, room: &str, to: DateTime<Utc>, why: &str) -> Result<()> {
    world.move_clock(cast, to, why).await?;
    let id: ReservationId = room.parse()?;
    let give_up = tokio::time::Instant::now() + PATIENCE;
    loop {
        let stays = session::presences(&world.db, id).await?;
        if stays.iter().all(|stay| stay.left_at.is_some() || stay.seen_at >= to) {
            return Ok(());
        }
        if tokio::time::Instant::now() > give_up {
            bail!("not as promised: nobody says that {stays:?} live");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What was decided about who came.
async fn verdict(world: &World, room: &str) -> Result<String> {
    let id: ReservationId = room.parse()?;
    sqlx::query_scalar("SELECT verdict FROM session_decisions WHERE reservation_id = ?")
        .bind(id)
        .fetch_one(&world.db)
        .await
        .context("nobody decided who came")
}

/// Prints what is kept of the room, and checks it.
pub async fn show(world: &World, cast: &Cast, room: &str) -> Result<()> {
    world.line.part("The room of the session");
    let stays = session::presences(&world.db, room.parse()?).await?;
    for stay in &stays {
        let left_at = stay.left_at.context("a stay that nobody ended")?;
        let cause = stay.cause.map_or("", |cause| cause.name());
        let span = format!("{} to {}", day_and_time(stay.joined_at), time(left_at));
        world.line.plain(&format!("{:<8} {span}  {cause}", stay.side.name()));
    }
    world.line.plain("");
    let minutes = |side: Role| {
        let own = stays.iter().filter(|stay| stay.side == side);
        let seconds: i64 = own.filter_map(|stay| Some((stay.left_at? - stay.joined_at).num_seconds())).sum();
        seconds / 60
    };
    let least = minutes(Role::Mentor).min(minutes(Role::Mentee));
    let met = verdict(world, room).await? == "met";
    world.line.promise(met && least > 0, &format!("by the record both were there for {least} minutes"))?;
    let path = format!("/v1/reservations/{room}/chat/messages");
    let note = |page: &Value| format!("{} messages", page["messages"].as_array().map_or(0, Vec::len));
    let page = cast.mentee.send(cast.mentee.rest.get(&path), 200, note).await?;
    let seqs: Vec<_> = page["messages"].as_array().into_iter().flatten().map(|m| m["seq"].as_i64()).collect();
    world.line.promise(seqs == [Some(1), Some(2)], "the chat is stored, in order, once")?;
    let disputes = cast.mentee.rest.get("/v1/me/disputes").send().await?.expect(200)?.body;
    let nobody = disputes["items"].as_array().is_some_and(Vec::is_empty);
    world.line.promise(nobody, "nobody is marked absent and nothing is under review")
}
