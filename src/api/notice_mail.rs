//! The mailbox that the caller's notices go to, and mails that came back from one.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::answer::Done;
use super::caller::Caller;
use super::problem::Problem;
use super::text::Text;
use super::{Shared, Tag, unit};
use crate::client::mail;
use crate::db::Tx;
use crate::notification::{self, Mailbox};
use crate::user::Moved;

pub struct NoticeMailApi;

/// Where the caller's mails go.
#[derive(Debug, Object)]
#[oai(rename = "Mailbox", rename_all = "camelCase", skip_serializing_if_is_none)]
struct MailboxView {
    address: String,
    /// Since when nothing is sent there, because its server refuses our mails; absent while mails are sent.
    off_since: Option<DateTime<Utc>>,
    /// What the server said, in its words.
    reason: Option<String>,
}

/// What a mail server said of a mail that it had taken before.
#[derive(Debug, Object)]
#[oai(rename = "MailBounce", rename_all = "camelCase", deny_unknown_fields)]
struct Bounce {
    /// The `Message-ID` of the mail that came back, with its angle brackets.
    #[oai(validator(min_length = 3, max_length = 300))]
    message_id: Text,
    /// The `Status` of RFC 3464, such as `5.1.1`.
    #[oai(validator(pattern = r"^[245]\.\d{1,3}\.\d{1,3}$"))]
    status: Text,
    /// The `Diagnostic-Code`.
    #[oai(default, validator(max_length = 500))]
    diagnostic: Text,
}

/// Somebody has another address, and has proven that they read its mailbox: what either one refused before does not count.
pub(super) async fn mailbox_moved(tx: &mut Tx, moved: &Moved) -> Result<(), Problem> {
    notification::forget_address(tx, &moved.left).await?;
    notification::resume(tx, moved.user.id).await?;
    Ok(())
}

#[OpenApi(prefix_path = "/v1")]
impl NoticeMailApi {
    /// Show where the caller's mails go
    #[oai(path = "/me/mailbox", method = "get", operation_id = "getMailbox", tag = "Tag::Me")]
    async fn show(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<MailboxView>, Problem> {
        let mailbox = unit!(app, caller.actor(), tx => {
            Ok(notification::mailbox(tx, caller.user_id()).await?)
        })?;
        Ok(Json(mailbox.into()))
    }

    /// Have mails sent again
    ///
    /// After the address refused mails and nothing was sent there any more. What could not be sent meanwhile stands in
    /// the app and is not sent again.
    #[oai(path = "/me/mailbox/resume", method = "post", operation_id = "resumeMailbox", tag = "Tag::Me")]
    async fn resume(&self, app: Data<&Shared>, caller: Caller) -> Result<Json<MailboxView>, Problem> {
        let mailbox = unit!(app, caller.actor(), tx => {
            Ok(notification::resume(tx, caller.user_id()).await?)
        })?;
        Ok(Json(mailbox.into()))
    }

    /// Report a mail that came back
    ///
    /// For whatever reads the mailbox of delivery reports. A status about the mailbox counts like a refusal at once; one
    /// that says that the mail is late (`4.x.x`) changes nothing. Reported again it changes nothing. For administrators.
    #[oai(
        path = "/admin/mail-bounces",
        method = "post",
        operation_id = "adminReportBounce",
        tag = "Tag::Admin"
    )]
    async fn bounce(&self, app: Data<&Shared>, caller: Caller, body: Json<Bounce>) -> Result<Done, Problem> {
        let actor = caller.admin()?;
        let Bounce { message_id, status, diagnostic } = &body.0;
        if status.starts_with('5') {
            let (reply, gone) =
                (format!("{} {}", &**status, &**diagnostic), mail::about_mailbox_by_status(status));
            unit!(app, actor, tx => {
                Ok(notification::bounced(tx, message_id, &reply, gone).await?)
            })?;
        }
        Ok(Done::Done)
    }
}

impl From<Mailbox> for MailboxView {
    fn from(mailbox: Mailbox) -> Self {
        Self { address: mailbox.address, off_since: mailbox.off_since, reason: mailbox.reply }
    }
}
