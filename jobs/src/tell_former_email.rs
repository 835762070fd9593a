//! Tells the old mailbox that its account has another address, with the way to take it back.
//!
//! A mail that was handed over and whose outcome could not be written is sent again, under the same Message-ID.

use anyhow::Result;
use konnect::job::TellFormerEmail;
use konnect::notification::Letter;
use konnect::transact;
use konnect::user;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::deliver_mail::compose;
use crate::{Handler, Outcome, Run};

impl Handler for TellFormerEmail {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let (services, id) = (&run.services, self.former_id);
        let waiting = transact!(services.core.db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            Ok(user::former_to_mail(tx, &services.sealer, id).await?)
        })?;
        let Some(former) = waiting else {
            return run.skip("the old address is not to be told any more").await;
        };
        let data = json!({
            "at": former.changed_at, "until": former.until, "token": former.token.expose_secret(),
        });
        let letter = Letter { to: former.email, ..Letter::new(former.user, "security.email_moved", data) };
        match services.mailer.send(compose(&letter, &services.mail_room, id.to_string())).await {
            Ok(_) => {}
            Err(error) if error.is_final() => {
                tracing::warn!(former_id = %id, %error, "an old address cannot be told");
            }
            Err(error) => return Ok(Outcome::Retry(error.to_string())),
        }
        transact!(services.core.db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            user::former_mailed(tx, id).await?;
            Ok(Outcome::Done(finished))
        })
    }
}
