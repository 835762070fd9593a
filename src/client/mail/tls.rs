//! Mail servers of a house that signs its certificates itself.

use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use reqwest::Url;

use super::SETTING;
use crate::client::ConfigError;

/// The kind of encryption that the URL asks for, with these certificates (PEM) believed beside the public ones.
pub(super) fn trusting(url: &str, roots: &[u8]) -> Result<Tls, ConfigError> {
    let url: Url = url.parse().map_err(|_| ConfigError::new(SETTING, "not a URL"))?;
    let host = url.host_str().ok_or_else(|| ConfigError::new(SETTING, "it names no host"))?;
    let none = || ConfigError::new("SMTP_CA_FILE", "no certificate in PEM");
    // The crate takes a text without a certificate for a list of none.
    if !String::from_utf8_lossy(roots).contains("-----BEGIN CERTIFICATE-----") {
        return Err(none());
    }
    let root = Certificate::from_pem(roots).map_err(|_| none())?;
    let parameters =
        TlsParameters::builder(host.to_owned()).add_root_certificate(root).build().map_err(|_| none())?;
    let asked = url.query_pairs().find_map(|(name, value)| (name == "tls").then_some(value));
    Ok(match (url.scheme(), asked.as_deref()) {
        ("smtps", _) => Tls::Wrapper(parameters),
        (_, Some("required")) => Tls::Required(parameters),
        (_, Some("opportunistic")) => Tls::Opportunistic(parameters),
        _ => {
            return Err(ConfigError::new(
                "SMTP_CA_FILE",
                "the URL of the mail server asks for no encryption",
            ));
        }
    })
}
