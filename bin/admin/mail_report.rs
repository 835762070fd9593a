//! Delivery reports by mail: one message on standard input, as the pipe of a mail server hands it over.
//!
//! The exit code speaks to that server, in the numbers of sysexits(3). 75 keeps the message in its queue: a store cannot be
//! reached, or a setting is wrong. Everything else is 0, also what says nothing to us, is too long or cannot be read: any
//! other number is a refusal, and would have a bounce sent about a bounce, or to whomever a spammer names.

use std::io::{self, Read};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;
use konnect::client::mail::about_mailbox_by_status;
use konnect::client::mail::report::{self, Failure, Report};
use konnect::context::{Actor, Context, Deed};
use konnect::notification::{self, Heard, Undelivered};
use konnect::redact;
use konnect::transact;

use crate::stores::Stores;

/// Bytes of a message. Reports give back our mails, which are far smaller.
const LARGEST: u64 = 1024 * 1024;
/// EX_TEMPFAIL.
const TRY_AGAIN: u8 = 75;
const NAME: &str = "mail-report";

#[derive(Args)]
pub struct Command {
    #[command(flatten)]
    stores: Stores,
}

impl Command {
    /// Prints one line without anybody's address in it.
    pub async fn run(self) -> ExitCode {
        match self.hear().await {
            Ok(line) => {
                say!("mail report: {line}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("error: {}", redact::addresses(&format!("{error:#}")));
                ExitCode::from(TRY_AGAIN)
            }
        }
    }

    async fn hear(&self) -> Result<String> {
        let mut message = Vec::new();
        io::stdin().take(LARGEST + 1).read_to_end(&mut message).context("standard input")?;
        if message.len() as u64 > LARGEST {
            return Ok("too long a message, nothing changes".to_owned());
        }
        // A panic of the reader is a message that cannot be read, and no refusal either.
        let report = match tokio::task::spawn_blocking(move || report::read(&message)).await {
            Ok(Ok(report)) => report,
            Ok(Err(silence)) => return Ok(format!("{silence}, nothing changes")),
            Err(_) => return Ok("a message that cannot be read, nothing changes".to_owned()),
        };
        Ok(match self.note(&report).await? {
            Some(Heard::Returned(notice)) => format!("the mail of notice {notice} came back"),
            Some(Heard::Known(notice)) => format!("notice {notice} had ended before, nothing changes"),
            Some(Heard::Elsewhere(notice)) => {
                format!("another address than that of notice {notice}, nothing changes")
            }
            None => "about no mail of ours, nothing changes".to_owned(),
        })
    }

    /// `None`: no mail of ours has this `Message-ID`.
    async fn note(&self, report: &Report) -> Result<Option<Heard>> {
        let failed: Vec<_> = report.failures.iter().map(undelivered).collect();
        let core = self.stores.connect().await?;
        let heard = transact!(core.db, context(), anyhow::Error, tx => {
            let heard = match notification::report_read(tx, &report.message_id, &failed).await {
                Err(notification::Error::NotFound) => None,
                other => Some(other?),
            };
            match (&heard, &mut tx.cx.deed) {
                (Some(Heard::Returned(notice)), Some(deed)) => Arc::make_mut(deed).object_id = Some(notice.0),
                // What changed nothing is no act.
                (_, deed) => *deed = None,
            }
            Ok(heard)
        })?;
        Ok(heard)
    }
}

fn undelivered(failure: &Failure) -> Undelivered {
    let Failure { recipient, status, diagnostic } = failure;
    Undelivered {
        recipient: recipient.clone(),
        reply: format!("{status} {diagnostic}"),
        gone: about_mailbox_by_status(status),
    }
}

fn context() -> Context {
    let deed = Deed {
        operation: format!("admin {NAME}"),
        object_kind: Some("notices".to_owned()),
        ..Deed::default()
    };
    Context::new(Actor::Operator, "admin").doing(Some(Arc::new(deed)))
}

/// What a wrong setting answers to a mail server: it is the operator's to mend, and the report waits for that. `None`: it
/// was not this command, or help was asked for.
pub fn refused(error: &clap::Error) -> Option<ExitCode> {
    let is_this = std::env::args().nth(1).is_some_and(|word| word == NAME);
    if !is_this || !error.use_stderr() {
        return None;
    }
    // Nobody may be there to read it.
    let _ = error.print();
    Some(ExitCode::from(TRY_AGAIN))
}
