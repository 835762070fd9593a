//! Links that switch the mails of a topic off, without a login (RFC 8058).
//!
//! A link says whose mails and which topic, and is signed; it has no end, because a mail is read years later too. It
//! shows nothing of its owner, and does nothing but that.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::db::Tx;
use crate::id::UserId;
use crate::notification::error::Error;
use crate::notification::model::Channel;
use crate::notification::preference::{self, Topic};
use crate::seal::Sealer;
use crate::user::{self, State};

/// Longer than any token of ours.
const LONGEST: usize = 200;
const ID: usize = 16;

/// The token for one topic of one person; the same for every mail.
pub(super) fn token(sealer: &Sealer, owner: UserId, topic: Topic) -> String {
    let said = URL_SAFE_NO_PAD.encode([owner.0.as_bytes(), topic.name().as_bytes()].concat());
    let signature = sealer.sign(&signed(&said));
    format!("{said}.{signature}")
}

/// Whose mails of which topic a token is for; `None` when it is not one of ours. Compared in constant time.
pub fn read_token(sealer: &Sealer, token: &str) -> Option<(UserId, Topic)> {
    let (said, signature) = token.split_once('.').filter(|_| token.len() <= LONGEST)?;
    if !sealer.is_signed(&signed(said), signature) {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(said).ok()?;
    let (id, topic) = bytes.split_at_checked(ID)?;
    let topic = Topic::ALL.iter().find(|known| known.name().as_bytes() == topic)?;
    Some((UserId(Uuid::from_slice(id).ok()?), *topic))
}

/// What is signed: no signature of ours for another purpose fits.
fn signed(said: &str) -> String {
    format!("unsubscribe v1 {said}")
}

/// Switches the mails of a topic off. Again it changes nothing, and neither does it for somebody who is gone.
///
/// # Errors
/// [`Error::PreferenceLocked`] for a topic that cannot be switched off any more.
pub async fn unsubscribe(tx: &mut Tx, owner: UserId, topic: Topic) -> Result<(), Error> {
    match user::get(tx.conn(), owner).await {
        Ok(user) if user.state != State::Deleted => {
            preference::set_preference(tx, owner, topic, Channel::Email, false).await
        }
        Ok(_) | Err(user::Error::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn sealer(digit: &str) -> Sealer {
        Sealer::new(&SecretString::from(digit.repeat(64))).unwrap()
    }

    #[test]
    fn a_token_is_for_its_owner_and_topic_alone() {
        let (owner, sealer) = (UserId::generate(), sealer("a"));
        for topic in Topic::ALL {
            let token = token(&sealer, owner, *topic);
            assert_eq!(read_token(&sealer, &token), Some((owner, *topic)));
            assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{token}");
        }
    }

    #[test]
    fn a_token_that_was_changed_is_none() {
        let (owner, ours) = (UserId::generate(), sealer("a"));
        let token = token(&ours, owner, Topic::Chat);
        let (said, signature) = token.split_once('.').unwrap();
        let other = super::token(&ours, UserId::generate(), Topic::Chat);
        let (other_said, _) = other.split_once('.').unwrap();
        for forged in [
            format!("{other_said}.{signature}"),
            format!("{said}."),
            format!("{said}.{}", ours.sign(said)),
            format!("{token}A"),
            token.to_lowercase(),
            said.to_owned(),
            "a".repeat(10_000),
            "한글.한글".to_owned(),
            String::new(),
        ] {
            assert_eq!(read_token(&ours, &forged), None, "{forged}");
        }
        assert_eq!(read_token(&sealer("b"), &token), None);
    }
}
