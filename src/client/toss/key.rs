//! The security key: 64 hex digits that encrypt what is sent about payouts and sign what comes back about them.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::client::ConfigError;

const SETTING: &str = "payment provider's security key";

/// Shown nowhere, wiped when dropped.
#[derive(Clone)]
pub struct SecurityKey(SecretString);

impl SecurityKey {
    /// # Errors
    /// When the text is not 64 hex digits. The error does not repeat it.
    pub fn parse(text: &SecretString) -> Result<Self, ConfigError> {
        let digits = text.expose_secret();
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ConfigError::new(SETTING, "must have 64 hex digits"));
        }
        Ok(Self(text.clone()))
    }

    /// The 256 bits that the digits stand for.
    pub(super) fn bytes(&self) -> [u8; 32] {
        let digits = self.digits();
        std::array::from_fn(|at| value(digits[2 * at]) << 4 | value(digits[2 * at + 1]))
    }

    /// The digits as they were given, in ASCII.
    pub(super) fn digits(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

/// Of a hex digit; [`SecurityKey::parse`] lets no other byte through.
fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

impl fmt::Debug for SecurityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecurityKey(..)")
    }
}
