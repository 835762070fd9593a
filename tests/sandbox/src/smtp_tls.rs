//! Encryption of the mail server: after STARTTLS (RFC 3207), or from the first byte (RFC 8314). Its certificate is made
//! for it when it starts, and nobody knows it but those who are told.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// A connection, encrypted or not.
pub(crate) type Line = Box<dyn Both>;

pub(crate) trait Both: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Both for T {}

/// Where a mail server is that encrypts.
#[derive(Clone, Debug)]
pub struct SecureMail {
    /// Takes mail only after STARTTLS.
    pub starttls_url: String,
    /// Encrypts from the first byte.
    pub smtps_url: String,
    /// What its certificate is signed by, in PEM.
    pub roots: String,
}

/// What a connection may still do, or has done.
#[derive(Clone)]
pub(crate) enum Encryption {
    /// Nothing is encrypted.
    Open,
    /// Must be, before a mail is taken.
    StartTls(TlsAcceptor),
    Wrapped(TlsAcceptor),
    Encrypted,
}

impl Encryption {
    pub(crate) fn may_encrypt(&self) -> bool {
        matches!(self, Self::StartTls(_))
    }

    /// What goes before the greeting.
    pub(crate) async fn greet(self, stream: TcpStream) -> io::Result<(Line, Self)> {
        match self {
            Self::Wrapped(acceptor) => Ok((Box::new(acceptor.accept(stream).await?), Self::Encrypted)),
            other => Ok((Box::new(stream), other)),
        }
    }

    /// What was said before counts no more (RFC 3207, 4.2).
    pub(crate) async fn encrypt(&self, line: Line) -> io::Result<(Line, Self)> {
        match self {
            Self::StartTls(acceptor) => Ok((Box::new(acceptor.accept(line).await?), Self::Encrypted)),
            _ => Err(io::Error::other("nothing to encrypt with")),
        }
    }
}

/// For servers that are called so, with the certificate in PEM.
pub(crate) fn acceptor(name: &str) -> anyhow::Result<(TlsAcceptor, String)> {
    let made = rcgen::generate_simple_self_signed([name.to_owned()])?;
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok((TlsAcceptor::from(Arc::new(config)), made.cert.pem()))
}
