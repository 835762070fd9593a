//! Who somebody is to a provider. Pure.

use crate::clock::Instant;
use crate::user::values::Email;

/// Who says so, of those that everybody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, poem_openapi::Enum)]
#[oai(rename = "IdentityProvider", rename_all = "snake_case")]
pub enum Provider {
    Google,
    Kakao,
    Naver,
}

crate::words!(Provider { Google => "google", Kakao => "kakao", Naver => "naver" });

/// Who says so.
///
/// An issuer is its name and its address together: another one that gets the name later knows nobody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    Provider(Provider),
    Issuer {
        /// As the operator calls it.
        name: String,
        /// Without a slash at its end.
        url: String,
    },
}

/// How somebody names a way in of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    Provider(Provider),
    Issuer(&'a str),
}

impl Source {
    /// The word in rows: that of a provider, or the name and the address of an issuer with a blank between them.
    pub(super) fn word(&self) -> String {
        match self {
            Self::Provider(provider) => provider.name().to_owned(),
            Self::Issuer { name, url } => format!("{name} {url}"),
        }
    }

    /// The name for people.
    pub fn name(&self) -> &str {
        match self {
            Self::Provider(provider) => provider.name(),
            Self::Issuer { name, .. } => name,
        }
    }

    pub(super) fn is(&self, named: Named<'_>) -> bool {
        match (self, named) {
            (Self::Provider(known), Named::Provider(meant)) => *known == meant,
            (Self::Issuer { name, .. }, Named::Issuer(meant)) => name == meant,
            _ => false,
        }
    }
}

impl TryFrom<String> for Source {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        if let Some(provider) = Provider::parse(&word) {
            return Ok(Self::Provider(provider));
        }
        let (name, url) = word.split_once(' ').ok_or_else(|| format!("{word} says who nobody is"))?;
        Ok(Self::Issuer { name: name.to_owned(), url: url.to_owned() })
    }
}

/// What a provider or an issuer said of somebody, checked by the caller.
#[derive(Clone, Debug)]
pub struct Vouched {
    pub source: Source,
    /// Names the person for ever at this source.
    pub subject: String,
    /// Absent also where the provider's word is no address.
    pub email: Option<Email>,
    /// Whether it is known that the person reads that mailbox: the provider vouches for it, or a code of ours proved it.
    pub email_verified: bool,
    pub name: Option<String>,
}

/// A way in of somebody, for themselves.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Identity {
    #[sqlx(rename = "provider", try_from = "String")]
    pub source: Source,
    /// As the provider told it at the last login.
    pub email: Option<String>,
    pub created_at: Instant,
    pub used_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_in_a_row_says_who_it_was() {
        let issuer =
            Source::Issuer { name: "corp".to_owned(), url: "https://id.corp.example/a b".to_owned() };
        let providers = Provider::ALL.iter().copied().map(Source::Provider);
        for source in providers.chain([issuer]) {
            assert_eq!(Source::try_from(source.word()), Ok(source));
        }
        assert!(Source::try_from("myspace".to_owned()).is_err());
    }

    #[test]
    fn an_issuer_is_no_provider_of_the_same_name() {
        let google = Source::Issuer { name: "google".to_owned(), url: "https://a.example".to_owned() };
        assert!(google.is(Named::Issuer("google")) && !google.is(Named::Provider(Provider::Google)));
        assert!(!Source::Provider(Provider::Google).is(Named::Issuer("google")));
    }
}
