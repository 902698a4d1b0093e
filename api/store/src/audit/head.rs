//! Signed heads: what the end of a tenant's audit was when it was last looked at, signed with a key
//! that the database does not have. Who cuts the end off cannot make an earlier head.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// The key, in the data directory.
pub const KEY_FILE: &str = "audit.key";
/// Its public half, for whoever verifies.
pub const PUBLIC_FILE: &str = "audit.pub";
/// The folder of the heads, in the data directory.
pub const HEADS_FOLDER: &str = "audit-heads";

/// Why a head cannot be signed or believed.
#[derive(Debug, Error)]
pub enum HeadError {
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {what}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
}

/// The end of a tenant's audit, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The last row.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
    /// When it was signed.
    pub signed_at: Time,
    /// Ed25519 over all of the above.
    pub signature: String,
}

/// The key and the folder of the heads.
pub struct HeadKeeper {
    key: Ed25519KeyPair,
    folder: PathBuf,
}

impl std::fmt::Debug for HeadKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeadKeeper").field("folder", &self.folder).finish_non_exhaustive()
    }
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> HeadError + '_ {
    |error| HeadError::File { path: path.to_owned(), error }
}

fn content(path: &Path, what: &'static str) -> HeadError {
    HeadError::Content { path: path.to_owned(), what }
}

impl HeadKeeper {
    /// With the key in `data_dir`; one is made where there is none.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn open(data_dir: &Path) -> Result<Self, HeadError> {
        let folder = data_dir.join(HEADS_FOLDER);
        fs::create_dir_all(&folder).map_err(file(&folder))?;
        let path = data_dir.join(KEY_FILE);
        if !path.exists() {
            let bad = |_| content(&path, "no key could be made");
            let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(bad)?;
            // Where another process is faster, its key is the one.
            make_private(&path, made.as_ref())?;
        }
        let bytes = fs::read(&path).map_err(file(&path))?;
        let unreadable = "it holds no key: put back the one that signed the heads, or move it away";
        let key = Ed25519KeyPair::from_pkcs8(&bytes).map_err(|_| content(&path, unreadable))?;
        let public = data_dir.join(PUBLIC_FILE);
        let text = STANDARD.encode(key.public_key().as_ref());
        if fs::read_to_string(&public).ok().is_none_or(|kept| kept.trim() != text) {
            write_whole(&public, format!("{text}\n").as_bytes())?;
        }
        Ok(Self { key, folder })
    }

    /// Signs the end of a tenant's audit and keeps it. A head that is further stays.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn sign(&self, tenant: TenantId, seq: u64, hash: &str) -> Result<(), HeadError> {
        let mut head = SignedHead {
            tenant_id: tenant,
            seq,
            hash: hash.to_owned(),
            signed_at: Time::now(),
            signature: String::new(),
        };
        head.signature = STANDARD.encode(self.key.sign(&head.signed_bytes()).as_ref());
        let path = self.folder.join(format!("{tenant}.json"));
        let text = serde_json::to_vec(&head).map_err(|_| content(&path, "no JSON"))?;
        write_whole(&path, &text)
    }

    /// What was signed last; none when nothing was.
    ///
    /// # Errors
    /// When the file cannot be read, or its signature is not of our key.
    pub fn head(&self, tenant: TenantId) -> Result<Option<SignedHead>, HeadError> {
        read(&self.folder, tenant, self.key.public_key().as_ref())
    }
}

/// The heads in a data directory, for whoever verifies and has no private key.
#[derive(Debug)]
pub struct Heads {
    folder: PathBuf,
    public: Vec<u8>,
}

impl Heads {
    /// The heads in `data_dir`, under its public key.
    ///
    /// # Errors
    /// When there is no public key.
    pub fn open(data_dir: &Path) -> Result<Self, HeadError> {
        let path = data_dir.join(PUBLIC_FILE);
        let text = fs::read_to_string(&path).map_err(file(&path))?;
        let public = STANDARD.decode(text.trim()).map_err(|_| content(&path, "it holds no key"))?;
        Ok(Self { folder: data_dir.join(HEADS_FOLDER), public })
    }

    /// The head of one tenant.
    ///
    /// # Errors
    /// When the file cannot be read, or its signature is not of the key.
    pub fn head(&self, tenant: TenantId) -> Result<Option<SignedHead>, HeadError> {
        read(&self.folder, tenant, &self.public)
    }

    /// Tenants that have a head: one whose rows are all gone is still found.
    #[must_use]
    pub fn tenants(&self) -> Vec<TenantId> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_suffix(".json")?.parse().ok()
        });
        let mut tenants: Vec<TenantId> = names.collect();
        tenants.sort_unstable();
        tenants
    }
}

impl SignedHead {
    fn signed_bytes(&self) -> Vec<u8> {
        let Self { tenant_id, seq, hash, signed_at, .. } = self;
        format!("quanttrade/audit-head/v1\n{tenant_id}\n{seq}\n{hash}\n{signed_at}\n").into_bytes()
    }
}

fn read(folder: &Path, tenant: TenantId, key: &[u8]) -> Result<Option<SignedHead>, HeadError> {
    let path = folder.join(format!("{tenant}.json"));
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(file(&path))?,
    };
    let bad = "it is no head of this audit: its signature is not of the key in audit.pub";
    let head: SignedHead = serde_json::from_str(&text).map_err(|_| content(&path, bad))?;
    let signature = STANDARD.decode(&head.signature).map_err(|_| content(&path, bad))?;
    let verified = UnparsedPublicKey::new(&ED25519, key).verify(&head.signed_bytes(), &signature);
    if verified.is_err() || head.tenant_id != tenant {
        return Err(content(&path, bad));
    }
    Ok(Some(head))
}

/// Makes a file that nobody else may read, whole or not at all; one that is there stays.
fn make_private(path: &Path, bytes: &[u8]) -> Result<(), HeadError> {
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let _ = fs::remove_file(&draft);
    let mut options = fs::File::options();
    let mut made = options.write(true).create_new(true).mode(0o600).open(&draft);
    let written =
        made.as_mut().map_err(|error| std::io::Error::new(error.kind(), "cannot be made"));
    let result = written.and_then(|made| made.write_all(bytes).and_then(|()| made.sync_all()));
    let linked = result.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    let _ = fs::remove_file(&draft);
    linked.map_err(file(path))
}

/// Writes a file so that a reader finds the old or the new one, whole.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), HeadError> {
    let draft = path.with_extension("new");
    let mut made = fs::File::create(&draft).map_err(file(&draft))?;
    made.write_all(bytes).and_then(|()| made.sync_all()).map_err(file(&draft))?;
    fs::rename(&draft, path).map_err(file(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn heads_are_signed_kept_and_not_believed_when_changed() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = HeadKeeper::open(folder.path()).unwrap();
        let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let tenant = TenantId::new();
        assert_eq!(keeper.head(tenant).unwrap(), None);
        keeper.sign(tenant, 7, "ab").unwrap();
        let again = HeadKeeper::open(folder.path()).unwrap();
        let head = again.head(tenant).unwrap().unwrap();
        assert_eq!((head.seq, head.hash.as_str()), (7, "ab"));
        let heads = Heads::open(folder.path()).unwrap();
        assert_eq!(heads.tenants(), [tenant]);
        let path = folder.path().join(HEADS_FOLDER).join(format!("{tenant}.json"));
        let text = fs::read_to_string(&path).unwrap().replace("\"seq\":7", "\"seq\":6");
        fs::write(&path, text).unwrap();
        assert!(heads.head(tenant).unwrap_err().to_string().contains("signature"));
        fs::write(folder.path().join(KEY_FILE), b"x").unwrap();
        assert!(HeadKeeper::open(folder.path()).unwrap_err().to_string().contains("no key"));
    }
}
