//! How good the call was, in the words of the clients: kept in MongoDB so that a dispute can be judged. Losing it
//! loses no truth.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::TryStreamExt;
use mongodb::bson::{self, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, Database, IndexModel};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::member::Role;
use crate::clock::Instant;
use crate::core::Core;
use crate::id::{ConnectionId, ReservationId, UserId};
use crate::realtime::Refusal;

const COLLECTION: &str = "rtc_quality";
const RETENTION: Duration = Duration::from_secs(90 * 86_400);
/// A report per connection at most this often.
pub(super) const INTERVAL: TimeDelta = TimeDelta::seconds(10);
/// Reports of one person in one session, on all devices.
pub(super) const PER_PERSON: u32 = 400;

/// What a client measured (`RTCPeerConnection.getStats`); whatever it does not know is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Measures {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f64>,
    /// Of the packets since the last report, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_pct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitrate_kbps: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_per_second: Option<f64>,
    /// Of the picture that is received, as `1280x720`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// Times the picture stood still since the last report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freezes: Option<u32>,
    /// Whether the media goes through a TURN server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relayed: Option<bool>,
}

impl Measures {
    /// # Errors
    /// `frame.invalid` with the field that no client can have measured, or when nothing was measured.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let numbers = [
            ("report.rttMs", self.rtt_ms, 600_000.0),
            ("report.jitterMs", self.jitter_ms, 600_000.0),
            ("report.lossPct", self.loss_pct, 100.0),
            ("report.bitrateKbps", self.bitrate_kbps, 10_000_000.0),
            ("report.framesPerSecond", self.frames_per_second, 1_000.0),
            ("report.freezes", self.freezes.map(f64::from), 100_000.0),
        ];
        let wrong = |value: Option<f64>, most| value.is_some_and(|value| !(0.0..=most).contains(&value));
        let mut field = numbers.iter().find(|(_, value, most)| wrong(*value, *most)).map(|n| n.0);
        if self.resolution.as_deref().is_some_and(|text| !is_resolution(text)) {
            field = Some("report.resolution");
        }
        if *self == Self::default() {
            field = Some("report");
        }
        field.map_or(Ok(()), |field| Err(Refusal::new("frame.invalid").with("field", field)))
    }
}

fn is_resolution(text: &str) -> bool {
    let side = |text: &str| {
        text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit()) && text.parse().is_ok_and(|n: u32| n > 0)
    };
    text.split_once('x').is_some_and(|(width, height)| side(width) && side(height))
}

/// A report that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub room: ReservationId,
    pub user: UserId,
    pub role: Role,
    pub connection: ConnectionId,
    /// UTC, by the server; stored in whole milliseconds.
    pub at: Instant,
    pub measures: Measures,
}

/// Ids are text, as in the other collections.
#[derive(Serialize, Deserialize)]
struct Row {
    room: String,
    user: String,
    role: Role,
    connection: String,
    at: bson::DateTime,
    measures: Measures,
}

/// The reports in MongoDB; cheap to clone.
#[derive(Clone)]
pub struct Reports {
    mongo: Database,
    /// For one report or one list.
    patience: Duration,
    indexed: Arc<OnceCell<()>>,
}

impl Reports {
    pub fn new(core: &Core) -> Self {
        Self { mongo: core.mongo.clone(), patience: core.mongo_patience, indexed: Arc::default() }
    }

    /// # Errors
    /// When MongoDB is away: the report is lost, which the client need not care about.
    pub async fn store(&self, report: &Report) -> mongodb::error::Result<()> {
        let rows: Collection<Row> = self.mongo.collection(COLLECTION);
        let row = Row {
            room: report.room.to_string(),
            user: report.user.to_string(),
            role: report.role,
            connection: report.connection.to_string(),
            at: bson::DateTime::from_millis(report.at.timestamp_millis()),
            measures: report.measures.clone(),
        };
        self.answered(async {
            self.indexed.get_or_try_init(|| index(&rows)).await?;
            rows.insert_one(row).await.map(drop)
        })
        .await
    }

    /// All reports of a room, in the order of their time.
    pub async fn list(&self, room: ReservationId) -> mongodb::error::Result<Vec<Report>> {
        let rows: Collection<Row> = self.mongo.collection(COLLECTION);
        let found = rows
            .find(doc! { "room": room.to_string() })
            .sort(doc! { "at": 1, "_id": 1 })
            .limit(2 * i64::from(PER_PERSON));
        let rows: Vec<Row> = self.answered(async { found.await?.try_collect().await }).await?;
        Ok(rows.into_iter().filter_map(Row::report).collect())
    }

    /// The driver waits for ever for a server that took a question and fell silent; a socket does not.
    async fn answered<T>(
        &self,
        asked: impl Future<Output = mongodb::error::Result<T>>,
    ) -> mongodb::error::Result<T> {
        let late = |_| mongodb::error::Error::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        tokio::time::timeout(self.patience, asked).await.map_err(late)?
    }
}

impl Row {
    /// `None` for a row that this version did not write.
    fn report(self) -> Option<Report> {
        Some(Report {
            room: self.room.parse().ok()?,
            user: self.user.parse().ok()?,
            role: self.role,
            connection: self.connection.parse().ok()?,
            at: chrono::DateTime::from_timestamp_millis(self.at.timestamp_millis())?,
            measures: self.measures,
        })
    }
}

/// One index finds a room's reports, the other ends their keeping.
async fn index(rows: &Collection<Row>) -> mongodb::error::Result<()> {
    let ends = IndexOptions::builder().expire_after(RETENTION).build();
    let by_room = IndexModel::builder().keys(doc! { "room": 1, "at": 1 }).build();
    let by_age = IndexModel::builder().keys(doc! { "at": 1 }).options(ends).build();
    rows.create_indexes([by_room, by_age]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(report: serde_json::Value) -> Result<(), String> {
        let measures: Measures = serde_json::from_value(report).map_err(|error| error.to_string())?;
        measures.check().map_err(|refusal| refusal.more["field"].as_str().unwrap_or_default().to_owned())
    }

    #[test]
    fn what_can_be_measured_is_taken() {
        let full = json!({
            "rttMs": 42.5, "jitterMs": 3, "lossPct": 0.1, "bitrateKbps": 2400, "framesPerSecond": 29.97,
            "resolution": "1280x720", "freezes": 0, "relayed": false,
        });
        assert_eq!(checked(full), Ok(()));
        assert_eq!(checked(json!({ "lossPct": 100 })), Ok(()));
    }

    #[test]
    fn everything_else_is_refused() {
        let wrong = [
            (json!({}), "report"),
            (json!({ "rttMs": null }), "report"),
            (json!({ "rttMs": -1 }), "report.rttMs"),
            (json!({ "lossPct": 100.1 }), "report.lossPct"),
            (json!({ "bitrateKbps": 1e300 }), "report.bitrateKbps"),
            (json!({ "freezes": 100_001 }), "report.freezes"),
            (json!({ "resolution": "big" }), "report.resolution"),
            (json!({ "resolution": "1280x720x1" }), "report.resolution"),
            (json!({ "resolution": "0x720" }), "report.resolution"),
            (json!({ "resolution": "1280x" }), "report.resolution"),
            (json!({ "resolution": "9".repeat(10_000) }), "report.resolution"),
        ];
        for (report, field) in wrong {
            assert_eq!(checked(report.clone()), Err(field.to_owned()), "{report}");
        }
        for report in [json!({ "rttMs": "1" }), json!({ "freezes": 1.5 }), json!({ "mood": "good" })] {
            assert!(checked(report).is_err_and(|error| !error.is_empty()));
        }
    }
}
