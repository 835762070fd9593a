//! Where the money of a virtual account goes back to: a bank account that the payer names for one refund, sealed, and
//! wiped when the refund is over.

use std::fmt;

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::model::{Refund, RefundState};
use super::{lock_for_payer, query, send_off, step};
use crate::db::Tx;
use crate::id::{RefundId, ReservationId, UserId, secret};
use crate::payment::Error;
use crate::seal::{SealError, Sealer};

/// A bank account of the payer. Its `Debug` shows the bank alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayerAccount {
    /// The provider's code: 2 or 3 letters and digits.
    pub bank: String,
    /// 6 to 20 digits.
    pub account_number: String,
    /// 1 to 60 characters.
    pub holder_name: String,
}

impl fmt::Debug for PayerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayerAccount").field("bank", &self.bank).finish_non_exhaustive()
    }
}

impl PayerAccount {
    /// Whether it can be an account; whether there is one, the provider says.
    ///
    /// # Errors
    /// `AccountInvalid` with the field.
    pub fn check(&self) -> Result<(), Error> {
        let bank = (2..=3).contains(&self.bank.len()) && self.bank.bytes().all(|b| b.is_ascii_alphanumeric());
        let number = (6..=20).contains(&self.account_number.len())
            && self.account_number.bytes().all(|b| b.is_ascii_digit());
        let holder = !self.holder_name.trim().is_empty()
            && self.holder_name.chars().count() <= 60
            && !self.holder_name.contains(char::is_control);
        match (bank, number, holder) {
            (true, true, true) => Ok(()),
            (false, ..) => Err(Error::AccountInvalid("bank")),
            (_, false, _) => Err(Error::AccountInvalid("accountNumber")),
            _ => Err(Error::AccountInvalid("holderName")),
        }
    }
}

/// Names the account for every refund of a reservation that waits for one, and sends them on their way.
///
/// # Errors
/// `NotFound` for another person's payment, `NoAccountNeeded`, `AccountInvalid`
pub async fn set_refund_account(
    tx: &mut Tx,
    sealer: &Sealer,
    id: ReservationId,
    payer: UserId,
    account: &PayerAccount,
) -> Result<Vec<RefundId>, Error> {
    let payment = lock_for_payer(tx, id, payer).await?;
    account.check()?;
    let mut waiting = query::lock_refunds_of(tx, id).await?;
    waiting.retain(|f| f.state == RefundState::NeedsAccount && f.ending.is_none());
    if waiting.is_empty() {
        return Err(Error::NoAccountNeeded);
    }
    let text = serde_json::to_string(account).expect("an account is plain data");
    let mut named = Vec::new();
    for was in waiting {
        // What the provider was asked for before is looked up first.
        let state = if was.sent_at.is_none() { RefundState::Queued } else { RefundState::Unknown };
        let sealed = sealer.seal(&text, was.id.0.as_bytes());
        let refund = step(tx, &was, state, None, |f| {
            f.account_sealed = Some(sealed);
            f.error_code = None;
            f.idempotency_key = secret();
        })
        .await?;
        send_off(tx, &payment, &refund).await?;
        named.push(refund.id);
    }
    Ok(named)
}

/// The account of a refund, for the call to the provider.
///
/// # Errors
/// When it was sealed with another key or for another refund.
pub fn open_account(sealer: &Sealer, refund: &Refund) -> Result<Option<PayerAccount>, Error> {
    let Some(sealed) = &refund.account_sealed else { return Ok(None) };
    let text = sealer.open(sealed, refund.id.0.as_bytes())?;
    let account = serde_json::from_str(text.expose_secret()).map_err(|_| SealError::Broken)?;
    Ok(Some(account))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(bank: &str, number: &str, holder: &str) -> PayerAccount {
        PayerAccount { bank: bank.into(), account_number: number.into(), holder_name: holder.into() }
    }

    #[test]
    fn what_can_be_no_account_is_refused_by_its_field() {
        account("088", "110123456789", "김민지").check().expect("an account");
        for (bad, field) in [
            (account("", "110123456789", "김민지"), "bank"),
            (account("신한", "110123456789", "김민지"), "bank"),
            (account("88", "110-123-456789", "김민지"), "accountNumber"),
            (account("88", "12345", "김민지"), "accountNumber"),
            (account("88", &"1".repeat(21), "김민지"), "accountNumber"),
            (account("88", "110123456789", "  "), "holderName"),
            (account("88", "110123456789", "김\n민지"), "holderName"),
            (account("88", "110123456789", &"가".repeat(61)), "holderName"),
        ] {
            assert!(matches!(bad.check(), Err(Error::AccountInvalid(named)) if named == field), "{field}");
        }
    }

    #[test]
    fn a_debug_text_shows_no_number_and_no_name() {
        let text = format!("{:?}", account("88", "110123456789", "김민지"));
        assert!(!text.contains("110123456789") && !text.contains("김민지"), "{text}");
    }
}
