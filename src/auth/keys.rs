//! The RSA keys that sign and verify access tokens, and their life on disk.
//!
//! A directory holds `*.pem` private keys (PKCS#8, at least 2048 bits): `current.pem` signs, all of them verify
//! and stand in the JWKS. The key id is the RFC 7638 thumbprint, so it needs no bookkeeping.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde_json::{Value, json};

use crate::config::TokenConfig;
use crate::id::secret;

const CURRENT: &str = "current.pem";
const PKCS8: &str = "-----BEGIN PRIVATE KEY-----";

/// What is wrong with the key directory; for an operator, never for a client.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is not an RSA private key of 2048 to 8192 bits in PKCS#8 PEM: {reason}", path.display())]
    Invalid { path: PathBuf, reason: String },
    #[error("{} does not exist: make it with `admin keys generate`", .0.display())]
    NoCurrent(PathBuf),
    #[error("{} exists and is not overwritten: use rotate", .0.display())]
    Exists(PathBuf),
    #[error("no key could be made")]
    Generate,
}

/// The keys in use.
pub struct SigningKeys {
    current: String,
    signing: EncodingKey,
    verifying: BTreeMap<String, DecodingKey>,
    jwks: Value,
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<_> = self.verifying.keys().collect();
        f.debug_struct("SigningKeys").field("current", &self.current).field("verifying", &kids).finish()
    }
}

/// One key, read and checked.
struct Loaded {
    kid: String,
    private: EncodingKey,
    public: Jwk,
}

impl SigningKeys {
    /// Reads every `*.pem` of the configured directory; one bad file is an error, so that nobody signs with
    /// keys that others do not know.
    pub fn load(config: &TokenConfig) -> Result<Self, KeyError> {
        let dir = &config.keys_dir;
        let path = dir.join(CURRENT);
        if !path.exists() {
            return Err(KeyError::NoCurrent(path));
        }
        let current = read(&path)?;
        let mut others = Vec::new();
        for entry in fs::read_dir(dir).map_err(io_at(dir))? {
            let path = entry.map_err(io_at(dir))?.path();
            if path.extension().is_some_and(|e| e == "pem") && path.file_name().is_some_and(|n| n != CURRENT)
            {
                others.push(read(&path)?);
            }
        }
        Self::assemble(current, others)
    }

    fn assemble(current: Loaded, mut others: Vec<Loaded>) -> Result<Self, KeyError> {
        others.sort_by(|a, b| a.kid.cmp(&b.kid));
        others.dedup_by(|a, b| a.kid == b.kid);
        others.retain(|key| key.kid != current.kid);
        let mut verifying = BTreeMap::new();
        let mut public = Vec::new();
        for key in std::iter::once(&current).chain(&others) {
            let decoding = DecodingKey::from_jwk(&key.public)
                .map_err(|e| KeyError::Invalid { path: key.kid.clone().into(), reason: e.to_string() })?;
            verifying.insert(key.kid.clone(), decoding);
            public.push(&key.public);
        }
        let jwks = json!({ "keys": public });
        Ok(Self { current: current.kid, signing: current.private, verifying, jwks })
    }

    /// The public halves as a JWK set (RFC 7517), the signing key first.
    pub fn jwks(&self) -> &Value {
        &self.jwks
    }

    pub(super) fn current(&self) -> (&str, &EncodingKey) {
        (&self.current, &self.signing)
    }

    pub(super) fn verifying(&self, kid: &str) -> Option<&DecodingKey> {
        self.verifying.get(kid)
    }

    #[cfg(test)]
    pub(super) fn from_pems(current: &str, others: &[&str]) -> Result<Self, KeyError> {
        let parse = |text: &&str| parse(Path::new("test"), text);
        Self::assemble(parse(&current)?, others.iter().map(parse).collect::<Result<_, _>>()?)
    }
}

fn read(path: &Path) -> Result<Loaded, KeyError> {
    parse(path, &fs::read_to_string(path).map_err(io_at(path))?)
}

fn parse(path: &Path, pem: &str) -> Result<Loaded, KeyError> {
    let invalid = |reason: &dyn fmt::Display| KeyError::Invalid {
        path: path.to_path_buf(),
        reason: reason.to_string(),
    };
    if !pem.trim_start().starts_with(PKCS8) {
        return Err(invalid(&format_args!("it does not begin with {PKCS8}")));
    }
    let private = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|e| invalid(&e))?;
    // The same parser that signs: it refuses keys under 2048 bits and keys whose parts do not belong together.
    KeyPair::from_der(private.as_bytes()).map_err(|e| invalid(&e))?;
    let mut public = Jwk::from_encoding_key(&private, Algorithm::RS256).map_err(|e| invalid(&e))?;
    let kid = public.thumbprint(ThumbprintHash::SHA256).map_err(|e| invalid(&e))?;
    public.common.key_id = Some(kid.clone());
    public.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok(Loaded { kid, private, public })
}

/// Makes `current.pem` with a new 2048-bit key, readable by its owner alone, and returns its key id.
/// Never overwrites. Blocks for up to a second.
pub fn generate(dir: &Path) -> Result<String, KeyError> {
    let path = dir.join(CURRENT);
    if path.exists() {
        return Err(KeyError::Exists(path));
    }
    fs::create_dir_all(dir).map_err(io_at(dir))?;
    let (kid, fresh) = write_fresh(dir)?;
    // A link fails where a rename would overwrite, and the file appears complete or not at all.
    let linked = fs::hard_link(&fresh, &path);
    fs::remove_file(&fresh).map_err(io_at(&fresh))?;
    match linked {
        Ok(()) => Ok(kid),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(KeyError::Exists(path)),
        Err(source) => Err(KeyError::Io { path, source }),
    }
}

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    pub current: String,
    pub previous: String,
}

/// Keeps the current key as `previous-<kid>.pem` (it still verifies) and puts a new one in its place.
/// `current.pem` exists at every moment. A process knows the keys it found at its start: restart all of them,
/// and remove the previous file once a token's life has passed.
pub fn rotate(dir: &Path) -> Result<Rotated, KeyError> {
    let path = dir.join(CURRENT);
    if !path.exists() {
        return Err(KeyError::NoCurrent(path));
    }
    let previous = read(&path)?.kid;
    let kept = dir.join(format!("previous-{previous}.pem"));
    let (current, fresh) = write_fresh(dir)?;
    match fs::hard_link(&path, &kept) {
        Ok(()) => {}
        // Left by a rotation that was interrupted here.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(source) => return Err(KeyError::Io { path: kept, source }),
    }
    fs::rename(&fresh, &path).map_err(io_at(&path))?;
    Ok(Rotated { current, previous })
}

/// A new key in a file of its own beside the others, not named `*.pem`.
fn write_fresh(dir: &Path) -> Result<(String, PathBuf), KeyError> {
    let pem = new_pem()?;
    let kid = parse(Path::new("the new key"), &pem)?.kid;
    let path = dir.join(format!(".{}.new", secret()));
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(io_at(&path))?;
    file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).map_err(io_at(&path))?;
    Ok((kid, path))
}

pub(super) fn new_pem() -> Result<String, KeyError> {
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generate)?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Generate)?;
    let text = STANDARD.encode(der.as_ref());
    let mut pem = format!("{PKCS8}\n");
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|b| char::from(*b)));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    Ok(pem)
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> KeyError + '_ {
    move |source| KeyError::Io { path: path.to_path_buf(), source }
}
