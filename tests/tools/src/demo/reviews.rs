//! Part of the session: what the two say of one another, sealed until both have.

use anyhow::Result;
use serde_json::{Value, json};

use super::person::Person;
use super::world::{Cast, World};

/// Both review the session; nobody reads one of them before both are written.
pub async fn exchange(world: &World, cast: &Cast, reservation: &str, mentor: &str) -> Result<()> {
    write(&cast.mentee, reservation, 4, "Clear answers to every question.").await?;
    let path = format!("/v1/reservations/{reservation}/review");
    let sealed = |body: &Value| match &body["theirs"] {
        Value::Null if body["haveTheyWritten"] == true => "written, and sealed".to_owned(),
        _ => "not sealed".to_owned(),
    };
    let seen = cast.mentor.send(cast.mentor.rest.get(&path), 200, sealed).await?;
    world.line.promise(
        seen["haveTheyWritten"] == true && seen["theirs"].is_null(),
        "the mentor cannot read it before they have written too",
    )?;

    write(&cast.mentor, reservation, 5, "Well prepared.").await?;
    world.both_hear(cast, "review.published", reservation).await?;
    let path = format!("/v1/mentors/{mentor}/reviews");
    let shown = |body: &Value| format!("★ {} of {}", body["rating"]["average"], body["rating"]["count"]);
    let public = cast.mentee.send(world.rest.get(&path), 200, shown).await?;
    let rating = json!({ "average": 4.0, "count": 1, "distribution": [0, 0, 0, 1, 0] });
    world.line.promise(public["rating"] == rating, "everybody reads the mentee's, with the mentor's rating")
}

async fn write(who: &Person, reservation: &str, stars: u8, text: &str) -> Result<()> {
    let path = format!("/v1/reservations/{reservation}/review");
    let request = who.rest.put(&path).json(&json!({ "stars": stars, "text": text }));
    let note = |body: &Value| {
        let mine = &body["mine"];
        format!("★ {}, {}", mine["stars"], mine["state"].as_str().unwrap_or_default())
    };
    who.send(request, 200, note).await?;
    Ok(())
}
