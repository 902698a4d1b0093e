//! Who may run a session: one process at a time, each time with a higher epoch.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use qt_trading::ids::{AccountId, TenantId};

/// Why a session may not be run here.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another process has it.
    #[error("the session is held by another process{}", .0.as_deref().unwrap_or_default())]
    Held(Option<String>),
    /// It cannot be told.
    #[error("{path}: the lease cannot be taken: {source}")]
    Io {
        /// Of what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A session that is ours, for as long as this lives.
pub trait Held: Send + Sync {
    /// Rises with each holder.
    fn epoch(&self) -> u64;

    /// Whether it is still ours: asked before each turn, so it must not wait.
    fn is_held(&self) -> bool;
}

/// Gives sessions away.
pub trait Lease: Send + Sync {
    /// Takes the session of `account` of `tenant`, whose folder is `folder`.
    ///
    /// # Errors
    /// When another process has it, or it cannot be told.
    fn acquire(
        &self,
        tenant: TenantId,
        account: AccountId,
        folder: &Path,
    ) -> Result<Box<dyn Held>, LeaseError>;
}

/// Leases by a lock on a file in the session's folder, which ends with the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileLeases;

struct FileHeld {
    epoch: u64,
    _lock: File,
}

impl Held for FileHeld {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn is_held(&self) -> bool {
        true
    }
}

impl Lease for FileLeases {
    fn acquire(
        &self,
        _tenant: TenantId,
        _account: AccountId,
        folder: &Path,
    ) -> Result<Box<dyn Held>, LeaseError> {
        let path = folder.join("lease");
        let failed = |source| LeaseError::Io { path: path.clone(), source };
        let lock = File::options().create(true).append(true).open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(LeaseError::Held(None)),
            Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        let epoch = next_epoch(folder).map_err(failed)?;
        Ok(Box::new(FileHeld { epoch, _lock: lock }))
    }
}

/// The number of the next holder, which is on the disk before anybody uses it.
fn next_epoch(folder: &Path) -> io::Result<u64> {
    let path = folder.join("lease-epoch");
    let last = match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, "lease-epoch holds no number")
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0_u64,
        Err(error) => return Err(error),
    };
    let next = last + 1;
    let aside = folder.join("lease-epoch.new");
    let mut file = File::create(&aside)?;
    writeln!(file, "{next}")?;
    file.sync_all()?;
    fs::rename(&aside, &path)?;
    File::open(folder)?.sync_all()?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_at_a_time_and_epochs_rise() {
        let folder = tempfile::tempdir().unwrap();
        let take = || FileLeases.acquire(TenantId::new(), AccountId::new(), folder.path());
        let first = take().unwrap();
        assert_eq!(first.epoch(), 1);
        assert!(matches!(take(), Err(LeaseError::Held(_))));
        drop(first);
        assert_eq!(take().unwrap().epoch(), 2);
    }
}
