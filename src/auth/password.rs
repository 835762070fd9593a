//! Password hashing: argon2id, away from the async threads, with a bound on how many run at once.

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use super::Error;

/// How dear one guess is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashCost {
    /// 19 MiB, two passes, one lane: OWASP's first recommendation for argon2id.
    Production,
    /// 8 KiB, one pass. For tests alone.
    Cheap,
}

impl HashCost {
    fn params(self) -> Params {
        let (memory_kib, passes) = match self {
            Self::Production => (19_456, 2),
            Self::Cheap => (8, 1),
        };
        Params::new(memory_kib, passes, 1, None).expect("the parameters lie in argon2's bounds")
    }
}

/// Hashes and verifies passwords; cheap to clone. Never call it inside a transaction: it is slow on purpose.
#[derive(Clone)]
pub struct Hasher {
    params: Params,
    /// Each hash takes 19 MiB, so a rush of logins waits in line instead of eating the memory.
    permits: Arc<Semaphore>,
    /// Verified when there is no user, so that the answer takes as long.
    dummy: Arc<str>,
}

impl Hasher {
    /// Computes one hash: some 20 ms at production cost.
    ///
    /// # Errors
    /// [`Error::Hashing`] when the system gives no random salt.
    pub fn new(cost: HashCost) -> Result<Self, Error> {
        let params = cost.params();
        let dummy = hash_now(&params, &crate::id::secret())?;
        let cores = available_parallelism().map_or(1, usize::from);
        Ok(Self { params, permits: Arc::new(Semaphore::new(2 * cores)), dummy: dummy.into() })
    }

    /// A PHC string (`$argon2id$v=19$…`, about 97 characters) with its own random salt.
    pub async fn hash(&self, password: &SecretString) -> Result<String, Error> {
        let (params, password) = (self.params.clone(), password.clone());
        self.blocking(move || hash_now(&params, password.expose_secret())).await
    }

    /// Compares in constant time. Without a hash (an unknown user) works as long and says no.
    ///
    /// # Errors
    /// [`Error::Hashing`] when the stored hash is not one.
    pub async fn verify(&self, password: &SecretString, hash: Option<&str>) -> Result<bool, Error> {
        let known = hash.is_some();
        let (password, hash) = (password.clone(), hash.unwrap_or(&self.dummy).to_owned());
        let matches = self.blocking(move || verify_now(password.expose_secret(), &hash)).await?;
        Ok(matches && known)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let failed = |e: &dyn std::fmt::Display| Error::Hashing(e.to_string());
        let permit = self.permits.clone().acquire_owned().await.map_err(|e| failed(&e))?;
        // The permit goes along: the work goes on when the caller has hung up.
        let work = move || {
            let result = work();
            drop(permit);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(|e| failed(&e))?
    }
}

fn hash_now(params: &Params, password: &str) -> Result<String, Error> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let hash: PasswordHash =
        argon2.hash_password(password.as_bytes()).map_err(|e| Error::Hashing(e.to_string()))?;
    Ok(hash.to_string())
}

/// The parameters come from the hash, so that hashes of older parameters stay good.
fn verify_now(password: &str, hash: &str) -> Result<bool, Error> {
    let hash = PasswordHash::new(hash).map_err(|e| Error::Hashing(e.to_string()))?;
    match Argon2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(HashError::PasswordInvalid) => Ok(false),
        Err(error) => Err(Error::Hashing(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[tokio::test]
    async fn a_password_matches_its_hash_alone() {
        let hasher = Hasher::new(HashCost::Cheap).unwrap();
        let hash = hasher.hash(&secret("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert!(hasher.verify(&secret("correct horse"), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(&secret("Correct horse"), Some(&hash)).await.unwrap());
        assert_ne!(hash, hasher.hash(&secret("correct horse")).await.unwrap(), "each hash has its own salt");
    }

    #[tokio::test]
    async fn an_unknown_user_is_refused_after_the_same_work() {
        let hasher = Hasher::new(HashCost::Cheap).unwrap();
        assert!(!hasher.verify(&secret("anything at all"), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_broken_hash_is_an_error_and_no_match() {
        let hasher = Hasher::new(HashCost::Cheap).unwrap();
        assert!(hasher.verify(&secret("x"), Some("not a hash")).await.is_err());
        assert!(!hasher.verify(&secret("x"), Some("$argon2id$v=19$m=8,t=1,p=1")).await.unwrap());
    }

    #[test]
    fn production_parameters_are_the_agreed_ones() {
        let hash = hash_now(&HashCost::Production.params(), "correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify_now("correct horse", &hash).unwrap());
    }
}
