//! Mails to the address that a mentor's last bank account was known by, that another account has taken its place:
//! whoever changed it may have changed every other address too (A8).
//!
//! A mail that was handed over and whose outcome could not be written is sent again, under the same Message-ID.

use anyhow::Result;
use konnect::job::WarnOldContact;
use konnect::notification::Letter;
use konnect::payout;
use konnect::transact;
use konnect::user;
use serde_json::json;

use crate::deliver_mail::compose;
use crate::{Handler, Outcome, Run};

impl Handler for WarnOldContact {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let (db, id) = (&run.services.core.db, self.payout_account_id);
        let told = transact!(db, run.context(), anyhow::Error, tx => {
            run.hold(tx).await?;
            Ok(payout::was_warned(tx, id).await?)
        })?;
        if told {
            return run.skip("the old contact was told").await;
        }
        let pool = db.pool();
        let Some(account) = payout::find_account(pool, id).await? else {
            return run.skip("there is no such account").await;
        };
        let mentor = user::get(pool, account.mentor_id).await?;
        let data = json!({ "bankCode": account.bank_code, "accountNumber": account.masked() });
        let letter = Letter::new(mentor, "payout.account_replaced", data);
        let letter = Letter { to: account.email, ..letter };
        let mail = compose(&letter, &run.services.mail_room, id.to_string());
        match run.services.mailer.send(mail).await {
            Ok(_) => {}
            Err(error) if error.is_final() => {
                tracing::warn!(account_id = %id, %error, "the old contact cannot be reached");
            }
            Err(error) => return Ok(Outcome::Retry(error.to_string())),
        }
        transact!(db, run.context(), anyhow::Error, tx => {
            let finished = run.finish(tx).await?;
            payout::mark_warned(tx, id).await?;
            Ok(Outcome::Done(finished))
        })
    }
}
