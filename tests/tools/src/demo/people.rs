//! Part 1: a mentor and a mentee join; the mentor is approved, offers something and opens hours.

use anyhow::{Context, Result};
use konnect::id::secret;
use konnect_tools::client::Rest;
use serde_json::{Value, json};

use super::person::{Entry, Person};
use super::text::won;
use super::timeline::Timeline;
use super::world::{Cast, PRICE, World, field};

const PASSWORD: &str = "correct horse battery";

/// Who approves mentors.
pub struct Admin<'a> {
    pub email: &'a str,
    pub password: &'a str,
}

pub async fn gather(world: &World, admin: Admin<'_>) -> Result<Cast> {
    world.line.part("1. People: two accounts, an approval, an offering, opening hours");
    let rest = &world.rest;
    // Addresses of this run alone.
    let run: String = secret().chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let run = run.to_ascii_lowercase();
    let mut mentor = join(&world.line, rest, "mentor", Entry::Ticket, &run, "Haneul Kim", "ko").await?;
    let mut mentee = join(&world.line, rest, "mentee", Entry::Subprotocol, &run, "Minji Park", "en").await?;
    mentor.connect(false).await?;
    mentee.connect(false).await?;
    become_mentor(world, &mut mentor, admin).await?;
    let offering = offer(world, &mentor).await?;
    open_hours(&mentor).await?;
    Ok(Cast { mentor, mentee, offering })
}

async fn join(
    line: &Timeline,
    rest: &Rest,
    role: &'static str,
    entry: Entry,
    run: &str,
    name: &str,
    locale: &str,
) -> Result<Person> {
    let email = format!("{role}-{run}@demo.konnect.example");
    let body = json!({
        "email": email, "password": PASSWORD, "name": name, "locale": locale, "timeZone": "Asia/Seoul",
    });
    let mut person = Person::new(line, rest, role, entry, &email);
    let note = |profile: &Value| profile["email"].as_str().unwrap_or_default().to_owned();
    person.send(person.rest.post("/v1/auth/register").json(&body), 201, note).await?;
    person.log_in(PASSWORD).await?;
    Ok(person)
}

async fn become_mentor(world: &World, mentor: &mut Person, admin: Admin<'_>) -> Result<()> {
    let body = json!({
        "headline": "Backend engineer, ten years of Rust", "bio": "I review designs and code.",
        "expertise": ["rust", "databases"], "career": "Three marketplaces, one bank.",
    });
    let state = |answer: &Value| answer["state"].as_str().unwrap_or_default().to_owned();
    let applied = mentor.send(mentor.rest.post("/v1/mentors/application").json(&body), 201, state).await?;
    let id = field(&applied, "mentorId")?;

    let mut judge = Person::new(&world.line, &world.rest, "admin", Entry::Ticket, admin.email);
    judge.log_in(admin.password).await.context("the seeded administrator")?;
    let path = format!("/v1/admin/mentor-applications/{id}/approve");
    let body = json!({ "expectedVersion": applied["version"] });
    judge.send(judge.rest.post(&path).json(&body), 200, state).await?;
    mentor.ears.wait_any("mentor.approved").await?;
    world.line.promise(true, "the mentor heard of the approval")?;
    // Roles stand in the access token.
    mentor.refresh().await?;
    world.line.promise(mentor.roles.iter().any(|role| role == "mentor"), "the next token makes a mentor")
}

async fn offer(world: &World, mentor: &Person) -> Result<String> {
    let body = json!({
        "title": "Rust design review", "description": "Bring a design, leave with a better one.",
        "priceKrw": PRICE, "durationMinutes": 60, "category": "engineering", "kind": "instant",
    });
    let note = |made: &Value| {
        let price = made["priceKrw"].as_i64().map(won).unwrap_or_default();
        format!("{}, {price}, {} min", made["title"].as_str().unwrap_or_default(), made["durationMinutes"])
    };
    let made = mentor.send(mentor.rest.post("/v1/offerings").json(&body), 201, note).await?;
    world
        .line
        .promise(made["isPublic"] == true && made["isActive"] == true, "the offering is on the market")?;
    field(&made, "id")
}

/// Every day around the clock, so that the demo works at any hour.
async fn open_hours(mentor: &Person) -> Result<()> {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let windows: Vec<Value> =
        days.iter().map(|day| json!({ "weekday": day, "from": "00:00", "to": "24:00" })).collect();
    let body = json!({
        "expectedVersion": 0, "timeZone": "Asia/Seoul", "slotIntervalMinutes": 15, "bufferAfterMinutes": 15,
        "minNoticeMinutes": 15, "horizonDays": 30, "windows": windows,
    });
    let note = |schedule: &Value| {
        let windows = schedule["windows"].as_array().map_or(0, Vec::len);
        format!("{windows} windows a week in {}", schedule["timeZone"].as_str().unwrap_or_default())
    };
    mentor.send(mentor.rest.put("/v1/me/schedule").json(&body), 200, note).await?;
    Ok(())
}
