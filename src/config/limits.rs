//! How often somebody may do what costs us or others something.

use std::fmt;
use std::str::FromStr;

use clap::Args;

/// So many at once, and so many in the long run within so many seconds; `None`: as often as anybody likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub Option<Quota>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// At least 1.
    pub most: u32,
    /// At least 1, at most a day.
    pub seconds: u32,
}

const LONGEST: u32 = 86_400;

impl Limit {
    pub const OFF: Self = Self(None);

    pub const fn of(most: u32, seconds: u32) -> Self {
        Self(Some(Quota { most, seconds }))
    }
}

impl FromStr for Limit {
    type Err = String;

    /// `10/300` is ten within five minutes; `off` is no limit.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::OFF);
        }
        let wrong = || format!("{text:?} is neither `off` nor `times/seconds`, such as 10/300");
        let (most, seconds) = text.split_once('/').ok_or_else(wrong)?;
        let (most, seconds): (u32, u32) =
            (most.parse().map_err(|_| wrong())?, seconds.parse().map_err(|_| wrong())?);
        let fits = (1..=1_000_000).contains(&most) && (1..=LONGEST).contains(&seconds);
        if fits { Ok(Self::of(most, seconds)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Quota { most, seconds }) => write!(f, "{most}/{seconds}"),
            None => f.write_str("off"),
        }
    }
}

/// Each limit is `times/seconds` or `off`, and is counted over all api processes together.
#[derive(Clone, Debug, Args)]
pub struct LimitsConfig {
    /// Attempts to log in, to reset and to change a password, of one account from one address of the network.
    #[arg(long, env = "KONNECT_LIMIT_LOGIN", default_value = "10/300")]
    pub limit_login: Limit,
    /// The same from one address of the network, whatever the account; registrations count too.
    #[arg(long, env = "KONNECT_LIMIT_LOGIN_IP", default_value = "100/300")]
    pub limit_login_ip: Limit,
    /// Codes of a second factor that are tried for one account, wherever from.
    #[arg(long, env = "KONNECT_LIMIT_SECOND_FACTOR", default_value = "10/900")]
    pub limit_second_factor: Limit,
    /// Codes that are mailed to one e-mail address.
    #[arg(long, env = "KONNECT_LIMIT_CODES", default_value = "5/3600")]
    pub limit_codes: Limit,
    /// Codes that are asked for from one address of the network.
    #[arg(long, env = "KONNECT_LIMIT_CODES_IP", default_value = "30/3600")]
    pub limit_codes_ip: Limit,
    /// Slots that one person reserves or waits for, whether or not they get them.
    #[arg(long, env = "KONNECT_LIMIT_HOLDS", default_value = "30/600")]
    pub limit_holds: Limit,
    /// Listings of mentors, offerings and slots, of one person or, without a token, one address of the network.
    #[arg(long, env = "KONNECT_LIMIT_SEARCH", default_value = "600/60")]
    pub limit_search: Limit,
}

/// The product's limits, whatever the environment says.
impl Default for LimitsConfig {
    fn default() -> Self {
        super::defaults()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_times_in_seconds() {
        assert_eq!("10/300".parse(), Ok(Limit::of(10, 300)));
        assert_eq!("off".parse(), Ok(Limit::OFF));
        for bad in ["", "10", "10/", "/300", "0/300", "10/0", "10/86401", "-1/5", "10/300/1", "OFF", "a/b"] {
            assert!(bad.parse::<Limit>().is_err(), "{bad}");
        }
        for limit in [Limit::of(1, 2), Limit::OFF] {
            assert_eq!(limit.to_string().parse(), Ok(limit));
        }
        assert_eq!(LimitsConfig::default().limit_codes, Limit::of(5, 3600));
    }
}
