//! What the caller wants to hear of, and how.

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::caller::Caller;
use super::problem::Problem;
use super::{Shared, Tag, unit};
use crate::notification::{self, Channel, Choices, Mode, Preference, Topic};

pub struct NoticePreferencesApi;

/// One topic on one channel.
#[derive(Debug, Object)]
#[oai(rename = "NoticePreference", rename_all = "camelCase")]
struct PreferenceView {
    #[oai(rename = "type")]
    topic: Topic,
    channel: Channel,
    /// Whether the caller is told at all.
    enabled: bool,
    /// It cannot be switched off: money, standing bookings, disputes and the safety of the account.
    locked: bool,
    /// It is not told at once, but gathered in a mail a day.
    digest: bool,
    /// Whether `digest` may be chosen.
    may_digest: bool,
}

/// A line for every type and channel there is.
#[derive(Debug, Object)]
#[oai(rename = "NoticePreferences", rename_all = "camelCase")]
struct PreferencesView {
    preferences: Vec<PreferenceView>,
}

#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct ChosenPreference {
    #[oai(rename = "type")]
    topic: Topic,
    channel: Channel,
    enabled: bool,
    /// Only where `mayDigest` says so, and of no meaning where `enabled` is false.
    #[oai(default)]
    digest: bool,
}

#[derive(Debug, Object)]
#[oai(rename_all = "camelCase", deny_unknown_fields)]
struct ChooseRequest {
    /// What is not in it stays as it is. Taken as a whole or not at all; of two lines about the same the last counts.
    #[oai(validator(min_items = 1, max_items = 64))]
    preferences: Vec<ChosenPreference>,
}

#[OpenApi(prefix_path = "/v1/me/notification-preferences", tag = "Tag::Me")]
impl NoticePreferencesApi {
    /// Show what the caller is told, and how
    #[oai(path = "/", method = "get", operation_id = "getNoticePreferences")]
    async fn get(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<PreferencesView>, Problem> {
        let choices = notification::choices(app.core.db.pool(), caller.user_id()).await?;
        Ok(Json(PreferencesView::new(&choices)))
    }

    /// Choose what the caller is told, and how
    ///
    /// What was chosen counts for what happens from now on.
    #[oai(path = "/", method = "put", operation_id = "setNoticePreferences")]
    async fn set(
        &self,
        app: Data<&Shared>,
        caller: Caller,
        body: Json<ChooseRequest>,
    ) -> Result<Json<PreferencesView>, Problem> {
        let me = caller.user_id();
        let choices = unit!(app, caller.actor(), tx => {
            for (line, chosen) in body.0.preferences.iter().enumerate() {
                notification::choose(tx, me, chosen.preference()).await
                    .map_err(|error| Problem::from(error).field(format!("preferences[{line}]")))?;
            }
            Ok(notification::choices(tx.conn(), me).await?)
        })?;
        Ok(Json(PreferencesView::new(&choices)))
    }
}

impl ChosenPreference {
    fn preference(&self) -> Preference {
        let mode = match (self.enabled, self.digest) {
            (false, _) => Mode::Off,
            (true, false) => Mode::AtOnce,
            (true, true) => Mode::Digest,
        };
        Preference { topic: self.topic, channel: self.channel, mode }
    }
}

impl PreferencesView {
    fn new(choices: &Choices) -> Self {
        let line = |line: Preference| PreferenceView {
            topic: line.topic,
            channel: line.channel,
            enabled: line.mode != Mode::Off,
            locked: line.topic.is_locked(line.channel),
            digest: line.mode == Mode::Digest,
            may_digest: line.topic.may_wait(line.channel),
        };
        Self { preferences: choices.lines().map(line).collect() }
    }
}
