//! What reservations, listings, searches and one's own list cost when there are more and more reservations.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use konnect::clock::Instant;
use konnect_tools::picture::Axis;
use serde_json::{Value, json};
use sqlx::MySqlPool;

use super::super::catalogue::history::History;
use super::super::catalogue::{CONNECTIONS, bump_all, listed, people, queries, refresh_all};
use super::super::http::{Connection, get, get_as, post};
use super::super::load::{Until, drive};
use super::super::process::Process;
use super::super::report::{Curves, Section, Target};
use super::super::sample::Sample;
use super::super::server::{forget, settle};
use super::super::world::{self, Mentee, Mentor};
use super::super::{Bench, say};
use super::{Course, picture};

/// Of one reader, whatever the size: a page of the list is full. They are the first that are written, long over.
const READ: usize = 20;
/// Made over HTTP by one mentee.
const HOLDS: usize = 2;
/// Rounds of all listings at one size.
const ROUNDS: usize = 2;
/// Sessions to come of a mentor with 1,000 past ones; with fewer, as many less.
const AHEAD: usize = 40;
/// Days from now to the sessions that are made over HTTP: behind those that are written ahead.
const BEHIND: i64 = 23;
/// At the largest size, by what it was at the smallest.
const GROWS: Target = Target::AtMost(1.5);

/// What stays the same at every size.
struct Stage<'a> {
    bench: &'a Bench,
    mentors: Vec<Mentor>,
    /// Each has [`READ`] reservations from the first size on.
    readers: Vec<Mentee>,
    /// What the mentors can be asked for.
    starts: Vec<Instant>,
}

/// At one size.
struct Measured {
    rows: i64,
    reserved: Sample,
    misses: Sample,
    searches: Sample,
    lists: Sample,
}

pub async fn measure(bench: &Bench) -> Result<Curves> {
    let (core, size) = (&bench.core, &bench.plan.growth);
    let pool = core.db.pool();
    forget(pool).await?;
    say("growth: making mentors and readers");
    let stage = Stage {
        bench,
        mentors: people::make(core, "growth", size.mentors).await?,
        readers: world::make_people(core, &bench.tokens, "growth-reader", size.mentors / READ).await?,
        starts: world::starts(core, BEHIND)?,
    };
    let mut api = Process::start(&bench.programs, "api", &[("KONNECT_DB_CONNECTIONS", &bench.pool)])?;
    api.wait_ready(bench.api, "/readyz").await?;
    let history = History::begin(pool, &stage.mentors, core.clock.now()).await?;
    refresh_all(bench).await?;
    say("growth: warm-up");
    stage.measured(0).await?;
    forget(pool).await?;

    let mut sizes = Vec::new();
    let (mut past, mut ahead) = (0, 0);
    for (nth, each) in (1..).zip(size.each) {
        let rows = each * stage.mentors.len();
        say(&format!("growth: {rows} reservations"));
        let to_come = each * AHEAD / 1_000;
        history.grow(past..*each).await?;
        history.ahead(ahead..to_come).await?;
        if past == 0 {
            stage.give_to_readers().await?;
        }
        (past, ahead) = (*each, to_come);
        history.analyse().await?;
        bump_all(bench, &stage.mentors).await?;
        refresh_all(bench).await?;
        settle(pool).await?;
        sizes.push((rows, stage.measured(nth).await?));
    }
    api.stop().await?;
    Ok(curves(&stage, &sizes))
}

fn curves(stage: &Stage, sizes: &[(usize, Measured)]) -> Curves {
    let of = "reservations";
    let p95 = |sample: &Sample| sample.quantile(0.95);
    let course = |what, value: fn(&Measured) -> f64| Course::new(what, "ms", sizes, value);
    let medians = [
        course("reserve, p50", |m| m.reserved.p50()),
        course("slots missed, p50", |m| m.misses.p50()),
        course("search page, p50", |m| m.searches.p50()),
        course("own list, p50", |m| m.lists.p50()),
    ];
    let tails = [
        Course::new("reserve, p95", "ms", sizes, |m| p95(&m.reserved)),
        Course::new("slots missed, p95", "ms", sizes, |m| p95(&m.misses)),
        Course::new("search page, p95", "ms", sizes, |m| p95(&m.searches)),
        Course::new("own list, p95", "ms", sizes, |m| p95(&m.lists)),
    ];
    let mut figures: Vec<_> = medians
        .iter()
        .zip(&tails)
        .flat_map(|(p50, p95)| [p50.figures(of), p95.figures(of)])
        .flatten()
        .collect();
    figures.extend(tails.iter().filter_map(|course| course.ratio(of, GROWS)));
    let rows: Vec<_> = sizes.iter().map(|(_, measured)| measured.rows.to_string()).collect();
    let section = Section {
        title: "Cost against data size: reservations",
        figures,
        notes: vec![
            format!(
                "past sessions of {} mentors in 90 days; with what is ahead and what was made over HTTP before, rows in the table: {}",
                stage.mentors.len(),
                rows.join(", ")
            ),
            format!("{CONNECTIONS} connections in a closed loop; one mentor in four approves each reservation"),
            "slots missed: 30 days of each mentor, after the calendar has changed; search page: nine kinds of search in four orders".to_owned(),
            format!("own list: the first page of {} people who have {READ} reservations each", stage.readers.len()),
        ],
    };
    let drawn = picture(
        "Cost against data size: what a request takes, p95",
        "reservations in the database",
        Axis::by_powers("milliseconds"),
        &tails,
    );
    Curves { sections: vec![section], pictures: vec![("performance-growth-reservations.svg", drawn)] }
}

impl Stage<'_> {
    fn pool(&self) -> &MySqlPool {
        self.bench.core.db.pool()
    }

    /// The first session of every mentor was somebody's who can log in: all readers have as many.
    async fn give_to_readers(&self) -> Result<()> {
        for (nth, reader) in self.readers.iter().enumerate() {
            let given = sqlx::query(
                "UPDATE reservations r JOIN bench_mentors m ON m.mentor_id = r.mentor_id
                 SET r.mentee_id = ? WHERE m.i % ? = ? AND r.state <> 'confirmed'",
            )
            .bind(reader.id)
            .bind(u32::try_from(self.readers.len())?)
            .bind(u32::try_from(nth)?)
            .execute(self.pool())
            .await?;
            ensure!(
                given.rows_affected() == READ as u64,
                "{} reservations of a reader",
                given.rows_affected()
            );
        }
        Ok(())
    }

    /// Everything once; `nth` is 0 for the warm-up and another number for each size.
    async fn measured(&self, nth: usize) -> Result<Measured> {
        let (bench, size) = (self.bench, &self.bench.plan.growth);
        let rows = sqlx::query_scalar("SELECT COUNT(*) FROM reservations").fetch_one(self.pool()).await?;
        let mut misses = Vec::new();
        for _ in 0..ROUNDS {
            misses.push(listed(bench, &self.mentors).await?);
        }
        let length = Until::Elapsed(Duration::from_secs_f64(size.seconds));
        let over_and_over = async |requests: Vec<Vec<u8>>| {
            let requests = Arc::new(requests);
            drive(bench.api, CONNECTIONS, requests.clone(), 200, Until::AllSent).await?;
            drive(bench.api, CONNECTIONS, requests, 200, length).await
        };
        let paths = queries(bench).await?.into_iter().flat_map(|(_, paths)| paths);
        let searches = over_and_over(paths.map(|path| get(&path)).collect()).await?;
        if nth > 0 {
            self.expect_full_page().await?;
        }
        let own = self.readers.iter().map(|reader| get_as("/v1/reservations", &reader.token));
        let lists = over_and_over(own.collect()).await?;
        // Last: they add to what there is.
        let reserved = self.reserve(nth).await?;
        Ok(Measured { rows, reserved, misses: Sample::join(&misses), searches, lists })
    }

    async fn expect_full_page(&self) -> Result<()> {
        let reader = self.readers.first().context("there are readers")?;
        let mut connection = Connection::open(self.bench.api).await?;
        let page = connection.send(&get_as("/v1/reservations", &reader.token)).await?.expect(200)?.to_vec();
        let page: Value = serde_json::from_slice(&page)?;
        let shown = page["items"].as_array().map_or(0, Vec::len);
        ensure!(shown == READ, "{shown} reservations on the page of a reader");
        Ok(())
    }

    /// New people take slots that nobody has: of every mentor in turn, at hours that belong to this size.
    async fn reserve(&self, nth: usize) -> Result<Sample> {
        let count = self.bench.plan.growth.reservations;
        let name = format!("growth-mentee-{nth}");
        let mentees =
            world::make_people(&self.bench.core, &self.bench.tokens, &name, count.div_ceil(HOLDS)).await?;
        ensure!(HOLDS * (nth + 1) <= self.starts.len(), "there are hours for every size");
        let request = |index: usize| {
            let mentee = &mentees[index % mentees.len()];
            let offering = self.mentors[index % self.mentors.len()].offering;
            let starts_at = self.starts[HOLDS * nth + index / mentees.len()];
            let body = json!({ "offeringId": offering, "startsAt": starts_at }).to_string();
            post("/v1/reservations", &mentee.token, &format!("{name}-{index}"), &body)
        };
        let requests: Vec<_> = (0..count).map(request).collect();
        drive(self.bench.api, CONNECTIONS, Arc::new(requests), 201, Until::AllSent).await
    }
}
