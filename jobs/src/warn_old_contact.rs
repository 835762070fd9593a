//! Mails to the address that a mentor's last bank account was known by, that another account has taken its place:
//! whoever changed it may have changed every other address too (A8).
//!
//! A mail that was handed over and whose outcome could not be written is sent again, under the same Message-ID.

use anyhow::Result;
use konnect::client::mail::{Mail, MailError};
use konnect::job::WarnOldContact;
use konnect::notification;
use konnect::payout;
use konnect::transact;
use konnect::user;
use serde_json::json;

use crate::{Handler, Outcome, Run};

impl Handler for WarnOldContact {
    async fn run(self, run: &Run) -> Result<Outcome> {
        let pool = run.services.core.db.pool();
        let Some(account) = payout::find_account(pool, self.payout_account_id).await? else {
            return run.skip("there is no such account").await;
        };
        let mentor = user::get(pool, account.mentor_id).await?;
        let data = json!({ "bankCode": account.bank_code, "accountNumber": account.masked() });
        let text = notification::render("payout.account_replaced", &data, mentor.locale, mentor.time_zone);
        let mail = Mail {
            to: account.email,
            subject: text.title,
            text: text.body,
            html: None,
            message_id: self.payout_account_id.to_string(),
        };
        match run.services.mailer.send(mail).await {
            Ok(_) => transact!(run.services.core.db, run.context(), anyhow::Error, tx => {
                Ok(Outcome::Done(run.finish(tx).await?))
            }),
            Err(MailError::Permanent(why)) => {
                tracing::warn!(account_id = %self.payout_account_id, why, "the old contact cannot be reached");
                run.skip("the old contact's address is refused for good").await
            }
            Err(error @ MailError::Transient(_)) => Ok(Outcome::Retry(error.to_string())),
        }
    }
}
