//! The keys with which sources sign entries of the stream.
//!
//! A key is worked out from a secret of this installation, the tenant, the source and the version
//! of its key; the database has none of them, and whoever reads that can sign nothing.

use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use qt_store::SourceRow;
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::secret::Secret;
use qt_trading::time::Time;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;
use uuid::Uuid;

/// The secret's file in the data directory.
const FILE: &str = "signals.key";
const SECRET_BYTES: usize = 32;
/// What the keys are for, so that no other use of the secret gives the same ones.
const PURPOSE: &[u8] = b"quanttrade signal source, version 1";

/// Why there are no keys.
#[derive(Debug, Error)]
pub enum KeysError {
    /// The secret's file.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds something else, or others can read it.
    #[error("{}: it is no secret of 32 bytes that its owner alone can read: put back the one that \
             the keys of sources were made with, or move it away and give all sources new keys",
            .0.display())]
    Content(PathBuf),
}

/// Which key signed an entry: its tenant and its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId {
    /// The tenant.
    pub tenant: TenantId,
    /// The source.
    pub source: StrategyUid,
}

impl Display for KeyId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.tenant.0.simple(), self.source.0.simple())
    }
}

impl FromStr for KeyId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (tenant, source) = text.split_once('.').unwrap_or((text, ""));
        Ok(Self {
            tenant: TenantId(Uuid::parse_str(tenant)?),
            source: StrategyUid(Uuid::parse_str(source)?),
        })
    }
}

impl KeyId {
    /// That of `source`.
    #[must_use]
    pub const fn of(source: &SourceRow) -> Self {
        Self { tenant: source.tenant, source: source.id }
    }
}

/// All keys of this installation.
#[derive(Clone)]
pub struct SourceKeys {
    secret: hmac::Key,
}

impl fmt::Debug for SourceKeys {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("SourceKeys")
    }
}

/// One source's key.
#[derive(Clone)]
pub struct SourceKey(hmac::Key);

impl SourceKeys {
    /// With the secret in `data_dir`; one is made where there is none.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn open(data_dir: &Path) -> Result<Self, KeysError> {
        let path = data_dir.join(FILE);
        let failed = |source| KeysError::File { path: path.clone(), source };
        if !path.exists() {
            make(data_dir, &path).map_err(failed)?;
        }
        let about = fs::metadata(&path).map_err(failed)?;
        let bytes = fs::read(&path).map_err(failed)?;
        if about.mode() & 0o077 != 0 || bytes.len() != SECRET_BYTES {
            return Err(KeysError::Content(path));
        }
        Ok(Self { secret: hmac::Key::new(hmac::HMAC_SHA256, &bytes) })
    }

    /// Keys that end with the process.
    ///
    /// # Panics
    /// When the system has no random numbers.
    #[must_use]
    #[allow(clippy::expect_used, reason = "without random numbers nothing here is safe")]
    pub fn passing() -> Self {
        let made = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Self { secret: made.expect("random numbers") }
    }

    fn bytes_of(&self, source: &SourceRow, version: u32) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.secret);
        context.update(PURPOSE);
        context.update(source.tenant.0.as_bytes());
        context.update(source.id.0.as_bytes());
        context.update(&version.to_be_bytes());
        context.sign()
    }

    /// The key of `source`, for whoever registers it.
    #[must_use]
    pub fn shown(&self, source: &SourceRow) -> Secret {
        self.text(source, source.key_version)
    }

    fn text(&self, source: &SourceRow, version: u32) -> Secret {
        Secret::new(hex(self.bytes_of(source, version).as_ref()))
    }

    /// The key of `source`. What sources sign with is its hexadecimal text.
    #[must_use]
    pub fn of(&self, source: &SourceRow) -> SourceKey {
        self.key(source, source.key_version)
    }

    /// The keys that are good at `now`: the newest one, and for a while the one before it.
    #[must_use]
    pub fn good(&self, source: &SourceRow, now: Time) -> Vec<SourceKey> {
        let is_old_good = source.old_key_until.is_some_and(|until| now < until);
        let old = source.key_version.checked_sub(1).filter(|_| is_old_good);
        let versions = std::iter::once(source.key_version).chain(old);
        versions.map(|version| self.key(source, version)).collect()
    }

    fn key(&self, source: &SourceRow, version: u32) -> SourceKey {
        let shown = self.text(source, version);
        SourceKey(hmac::Key::new(hmac::HMAC_SHA256, shown.reveal().as_bytes()))
    }
}

impl SourceKey {
    /// The signature of `payload`, in hexadecimal digits.
    #[must_use]
    pub fn sign(&self, payload: &[u8]) -> String {
        hex(hmac::sign(&self.0, payload).as_ref())
    }

    /// Whether `signature` is that of `payload`; the comparison takes the same time wherever they
    /// differ.
    #[must_use]
    pub fn has_signed(&self, payload: &[u8], signature: &[u8]) -> bool {
        bytes(signature).is_some_and(|tag| hmac::verify(&self.0, payload, &tag).is_ok())
    }
}

/// Written beside and linked, so that two processes that start at once agree on one.
fn make(data_dir: &Path, path: &Path) -> std::io::Result<()> {
    let mut secret = [0; SECRET_BYTES];
    let random = SystemRandom::new().fill(&mut secret);
    random.map_err(|_| std::io::Error::other("there are no random numbers"))?;
    let beside = data_dir.join(format!(".{FILE}.{}", Uuid::now_v7()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = file.write_all(&secret).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match fs::hard_link(&beside, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    // Left behind it would be in nobody's way.
    let _ = fs::remove_file(&beside);
    linked
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn bytes(hex: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let (pairs, []) = hex.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::running::tests::source;

    #[test]
    fn a_signature_is_that_of_rfc_4231_and_of_one_source_alone() {
        // Test case 2 of RFC 4231.
        let jefe = SourceKey(hmac::Key::new(hmac::HMAC_SHA256, b"Jefe"));
        let signed = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(jefe.sign(b"what do ya want for nothing?"), signed);
        assert!(jefe.has_signed(b"what do ya want for nothing?", signed.as_bytes()));
        for wrong in ["", "5b", "5", "zz", &signed[2..], &signed.replace('5', "6")] {
            assert!(!jefe.has_signed(b"what do ya want for nothing?", wrong.as_bytes()));
        }
        let (keys, one) = (SourceKeys::passing(), source());
        let mut other = SourceRow { id: StrategyUid::new(), ..one.clone() };
        assert!(keys.of(&one).has_signed(b"x", keys.of(&one).sign(b"x").as_bytes()));
        assert!(!keys.of(&other).has_signed(b"x", keys.of(&one).sign(b"x").as_bytes()));
        other = SourceRow { key_version: 2, ..one.clone() };
        assert_ne!(keys.shown(&one).reveal(), keys.shown(&other).reveal());
        let signs = |keys: &[SourceKey], by: &SourceRow, of: &SourceKeys| {
            keys.iter().any(|key| key.has_signed(b"x", of.of(by).sign(b"x").as_bytes()))
        };
        // A new key, and for a while the one before it; none before that.
        let third = SourceRow { key_version: 3, old_key_until: Some(Time(10)), ..one.clone() };
        let (at_9, at_10) = (keys.good(&third, Time(9)), keys.good(&third, Time(10)));
        assert_eq!((at_9.len(), at_10.len()), (2, 1));
        assert!(signs(&at_9, &third, &keys) && signs(&at_9, &other, &keys));
        assert!(signs(&at_10, &third, &keys) && !signs(&at_10, &other, &keys));
        assert!(!signs(&at_9, &one, &keys));
        assert_eq!(KeyId::of(&one).to_string().parse::<KeyId>(), Ok(KeyId::of(&one)));
        for bad in ["", ".", "a.b", "00000000000000000000000000000000"] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_secret_is_made_once_and_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, one) = (tempfile::tempdir().unwrap(), source());
        let shown = |keys: SourceKeys| keys.shown(&one).reveal().to_owned();
        let first = shown(SourceKeys::open(folder.path()).unwrap());
        assert_eq!(first, shown(SourceKeys::open(folder.path()).unwrap()));
        let path = folder.path().join(FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(SourceKeys::open(folder.path()), Err(KeysError::Content(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"short").unwrap();
        assert!(matches!(SourceKeys::open(folder.path()), Err(KeysError::Content(_))));
    }
}
