//! Codes of six digits that prove that somebody reads a mailbox.
//!
//! A code is good for ten minutes, five guesses and one use; asking again replaces it. It is made for whatever address is
//! asked for, so that nothing tells which addresses have an account. What stands in the database cannot be turned back
//! into the code without the data key, and the job that mails it carries its id alone.

mod model;
mod query;

use secrecy::SecretString;

use super::Error;
use crate::db::Tx;
use crate::id::{EmailCodeId, six_digits};
use crate::job::SendEmailCode;
use crate::outbox;
use crate::seal::Sealer;

pub use model::{CODE_LIFE, CodeToMail, Purpose};
use model::{MOST_GUESSES, NewCode, signed};

/// Makes the one live code of an address (normalised) and a purpose, and has it mailed in this language (`ko` or `en`).
pub async fn send_code(
    tx: &mut Tx,
    sealer: &Sealer,
    email: &str,
    purpose: Purpose,
    locale: &str,
) -> Result<(), Error> {
    let (id, code) = (EmailCodeId::generate(), six_digits());
    let new = NewCode {
        id,
        email,
        purpose,
        mac: sealer.sign(&signed(id, &code)),
        sealed: sealer.seal(&code, id.0.as_bytes()),
        locale,
    };
    query::replace(tx, &new).await?;
    outbox::enqueue(tx, &SendEmailCode { code_id: id }).await?;
    Ok(())
}

/// Whether this is the live code of an address, which is used up then; a wrong guess is counted. Commit both.
pub async fn try_code(
    tx: &mut Tx,
    sealer: &Sealer,
    email: &str,
    purpose: Purpose,
    code: &str,
) -> Result<bool, Error> {
    let Some(known) = query::lock(tx, email, purpose).await? else { return Ok(false) };
    if known.expires_at <= tx.now || known.attempts >= MOST_GUESSES {
        return Ok(false);
    }
    let right = sealer.is_signed(&signed(known.id, code), &known.code_mac);
    if right {
        query::delete(tx, known.id).await?;
    } else {
        query::count_guess(tx, known.id).await?;
    }
    Ok(right)
}

/// A code that is still to be mailed. `None`: it was mailed, replaced or used, or is too old.
pub async fn code_to_mail(
    tx: &mut Tx,
    sealer: &Sealer,
    id: EmailCodeId,
) -> Result<Option<(CodeToMail, SecretString)>, Error> {
    let Some(waiting) = query::waiting(tx, id).await? else { return Ok(None) };
    match sealer.open(&waiting.sealed, id.0.as_bytes()) {
        Ok(code) => Ok(Some((waiting, code))),
        Err(error) => {
            tracing::error!(code_id = %id, %error, "a code cannot be mailed: was the data key changed?");
            Ok(None)
        }
    }
}

/// The mail server took it: nobody mails it again.
pub async fn code_mailed(tx: &mut Tx, id: EmailCodeId) -> Result<(), Error> {
    Ok(query::forget_sealed(tx, id).await?)
}

/// Forgets every code of an address.
pub async fn forget_codes(tx: &mut Tx, email: &str) -> Result<(), Error> {
    Ok(query::delete_all(tx, email).await?)
}
