//! Secrets that must be read again, sealed for the database: AES-256-GCM with a key that the
//! database does not have, bound to what the secret is for.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;

use qt_trading::secret::Secret;

/// The file of the key in the data directory.
pub const KEY_FILE: &str = "secrets.key";
const KEY_BYTES: usize = 32;

/// Why nothing can be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// The key cannot be had.
    #[error("{0}")]
    Key(String),
    /// Another key sealed it, or for something else.
    #[error("it was sealed with another key: is SECRETS_KEY, or secrets.key, the one of before?")]
    Foreign,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

/// Seals and opens.
pub struct Sealer {
    key: LessSafeKey,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

fn random<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SealError::Random)?;
    Ok(bytes)
}

/// A new secret of 32 random bytes, with what stands before it.
///
/// # Errors
/// When the system gives no random numbers.
pub fn new_secret(prefix: &str) -> Result<Secret, SealError> {
    let bytes: [u8; 32] = random()?;
    Ok(Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))))
}

/// Written beside and linked: whole or not at all, and two processes that start at once agree on
/// one.
fn make(folder: &Path, path: &Path, key: &str) -> std::io::Result<()> {
    let beside = folder.join(format!(".{KEY_FILE}.{}", uuid::Uuid::now_v7()));
    let mut options = std::fs::File::options();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = file.write_all(key.as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match std::fs::hard_link(&beside, path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    // Left behind it would be in nobody's way.
    let _ = std::fs::remove_file(&beside);
    linked
}

impl Sealer {
    fn new(bytes: &[u8]) -> Result<Self, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes)
            .map_err(|_| SealError::Key("a key has 32 bytes".to_owned()))?;
        Ok(Self { key: LessSafeKey::new(key) })
    }

    /// With a key that nobody has: for one process.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn passing() -> Result<Self, SealError> {
        Self::new(&random::<KEY_BYTES>()?)
    }

    /// With the key that `SECRETS_KEY` holds: 32 bytes as base64.
    ///
    /// # Errors
    /// When it is none; the text does not repeat it.
    pub fn of_text(text: &Secret) -> Result<Self, SealError> {
        let wrong = || SealError::Key("it must be 32 bytes as base64".to_owned());
        let bytes = STANDARD.decode(text.reveal().trim()).map_err(|_| wrong())?;
        Self::new(&bytes).map_err(|_| wrong())
    }

    /// With the key of the data directory, which is made where there is none.
    ///
    /// # Errors
    /// When the file cannot be made or read.
    pub fn of_folder(folder: &Path) -> Result<Self, SealError> {
        let path = folder.join(KEY_FILE);
        let said = |error: std::io::Error| SealError::Key(format!("{}: {error}", path.display()));
        if !path.exists() {
            let key = STANDARD.encode(random::<KEY_BYTES>()?);
            make(folder, &path, &key).map_err(said)?;
        }
        let text = Secret::new(std::fs::read_to_string(&path).map_err(said)?);
        Self::of_text(&text)
    }

    /// Seals `secret` for the one thing that `purpose` names.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn seal(&self, purpose: &str, secret: &Secret) -> Result<String, SealError> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut text = secret.reveal().as_bytes().to_vec();
        let aad = Aad::from(purpose.as_bytes());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text)
            .map_err(|_| SealError::Random)?;
        Ok(STANDARD.encode([nonce.as_slice(), &text].concat()))
    }

    /// Opens what was sealed for `purpose`.
    ///
    /// # Errors
    /// When it was sealed with another key or for another purpose, or was changed.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<Secret, SealError> {
        let bytes = STANDARD.decode(sealed).map_err(|_| SealError::Foreign)?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN).ok_or(SealError::Foreign)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Foreign)?;
        let mut text = text.to_vec();
        let aad = Aad::from(purpose.as_bytes());
        let open = self.key.open_in_place(nonce, aad, &mut text).map_err(|_| SealError::Foreign)?;
        let text = std::str::from_utf8(open).map_err(|_| SealError::Foreign)?;
        Ok(Secret::new(text))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_sealed_is_opened_for_its_purpose_and_by_its_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = Sealer::of_folder(folder.path()).unwrap();
        let secret = new_secret("whsec_").unwrap();
        let sealed = sealer.seal("webhook a", &secret).unwrap();
        assert!(!sealed.contains(secret.reveal()));
        assert_ne!(sealed, sealer.seal("webhook a", &secret).unwrap());
        let again = Sealer::of_folder(folder.path()).unwrap();
        assert_eq!(again.open("webhook a", &sealed), Ok(secret));
        assert_eq!(again.open("webhook b", &sealed), Err(SealError::Foreign));
        let mode = std::fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let files = std::fs::read_dir(folder.path()).unwrap();
        assert_eq!(files.count(), 1, "nothing is left beside it");
        let foreign = Sealer::passing().unwrap();
        for (sealer, bad) in [(&foreign, sealed.as_str()), (&again, ""), (&again, "AAAA")] {
            assert_eq!(sealer.open("webhook a", bad), Err(SealError::Foreign));
        }
    }

    #[test]
    fn a_key_that_is_none_is_refused_and_never_shown() {
        for bad in ["canary", "", "Y2FuYXJ5"] {
            let error = Sealer::of_text(&Secret::new(bad)).unwrap_err().to_string();
            assert!(!error.contains("canary") && error.contains("32 bytes"), "{error}");
        }
    }
}
