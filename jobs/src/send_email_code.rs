//! Mails a code that proves a mailbox.
//!
//! Nobody is mailed a code for the password of an account that does not exist, nor one for a new address that has an account:
//! its owner is told that somebody wants it. Whoever asked is told nothing of either. A mail
//! that was handed over and whose outcome could not be written is sent again, under the same Message-ID.

use anyhow::Result;
use konnect::auth::{self, CodeToMail, Purpose};
use konnect::job::SendEmailCode;
use konnect::notification::Letter;
use konnect::transact;
use konnect::user::{self, Email, Locale};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::deliver_mail::compose;
use crate::{Handler, Outcome, Run};

impl Handler for SendEmailCode {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let (services, id) = (&run.services, self.code_id);
        let waiting = transact!(services.core.db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            Ok(auth::code_to_mail(tx, &services.sealer, id).await?)
        })?;
        let Some((to, code)) = waiting else { return run.skip("the code is no longer wanted").await };
        if let Some(letter) = letter(run, to, code.expose_secret()).await? {
            match services.mailer.send(compose(&letter, &services.mail_room, id.to_string())).await {
                Ok(_) => {}
                Err(error) if error.is_final() => {
                    tracing::warn!(code_id = %id, %error, "a code cannot be mailed");
                }
                Err(error) => return Ok(Outcome::Retry(error.to_string())),
            }
        }
        transact!(services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            auth::code_mailed(tx, id).await?;
            Ok(Outcome::Done(finished))
        })
    }
}

/// What is mailed; `None`: nothing.
async fn letter(run: &Run, to: CodeToMail, code: &str) -> Result<Option<Letter>> {
    let owner = user::find_by_email(run.services.core.db.pool(), &Email::parse(&to.email)?).await?;
    let locale = Locale::parse(&to.locale).unwrap_or(Locale::Ko);
    let data = json!({ "code": code, "purpose": to.purpose.name() });
    Ok(match (to.purpose, owner) {
        (Purpose::Change, Some(owner)) => {
            Some(Letter::new(owner, "security.email_in_use", json!({ "at": run.run_at })))
        }
        (Purpose::Reset | Purpose::Verify, None) => None,
        _ => Some(Letter::to_address(to.email, locale, "security.email_code", data)),
    })
}
