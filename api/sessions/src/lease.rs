//! Who may run a session: one process at a time, each time with a higher epoch.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::whole;
use qt_trading::ids::{AccountId, TenantId};

/// Why a session may not be run here.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another process has it: which, where that is known.
    #[error("the session is held by {}", .0.as_deref().unwrap_or("another process"))]
    Held(Option<String>),
    /// Who gives it away does not answer.
    #[error("it cannot be told who holds the session: {0}")]
    Away(String),
    /// The folder cannot be locked.
    #[error("{path}: the lease cannot be taken: {source}")]
    Io {
        /// Of what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// How a lease stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenure {
    /// It is ours.
    Valid,
    /// It was not renewed in time: it may be ours again, and until then nothing may leave.
    Lapsed,
    /// It is another's.
    Lost,
}

/// A session that is ours, for as long as this lives.
pub trait Held: Send + Sync {
    /// Rises with each holder.
    fn epoch(&self) -> u64;

    /// How it stands: asked before each turn and each request, so it must not wait.
    fn tenure(&self) -> Tenure;
}

/// Gives sessions away.
pub trait Lease: Send + Sync {
    /// Takes the session of `account` of `tenant`, whose folder is `folder`, where nobody has it
    /// now. Whoever wants it asks again.
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

/// A folder that is ours alone, until this is dropped or the process ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Locks `folder` by its file `lease`, which says who has it.
    ///
    /// # Errors
    /// When another process has it, or the file cannot be written.
    pub fn take(folder: &Path) -> Result<Self, LeaseError> {
        let path = folder.join("lease");
        let failed = |source| LeaseError::Io { path: path.clone(), source };
        let opened = File::options().create(true).append(true).read(true).open(&path);
        let mut file = opened.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let name = fs::read_to_string(&path).unwrap_or_default();
                let name = name.lines().next().map(str::to_owned);
                return Err(LeaseError::Held(name.filter(|name| !name.is_empty())));
            }
            Err(fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "process {} of the same machine", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

struct FileHeld {
    epoch: u64,
    _lock: FolderLock,
}

impl Held for FileHeld {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn tenure(&self) -> Tenure {
        Tenure::Valid
    }
}

impl Lease for FileLeases {
    fn acquire(
        &self,
        _tenant: TenantId,
        _account: AccountId,
        folder: &Path,
    ) -> Result<Box<dyn Held>, LeaseError> {
        let lock = FolderLock::take(folder)?;
        let path = folder.join(EPOCH_FILE);
        let epoch = next_epoch(folder).map_err(|source| LeaseError::Io { path, source })?;
        Ok(Box::new(FileHeld { epoch, _lock: lock }))
    }
}

/// The file with the number of the last holder.
const EPOCH_FILE: &str = "lease-epoch";

/// The number of the next holder, which is on the disk before anybody uses it.
fn next_epoch(folder: &Path) -> io::Result<u64> {
    let path = folder.join(EPOCH_FILE);
    let last = match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, "lease-epoch holds no number")
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0_u64,
        Err(error) => return Err(error),
    };
    let next = last + 1;
    whole::write(folder, EPOCH_FILE, format!("{next}\n").as_bytes())?;
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
        let Err(LeaseError::Held(Some(by))) = take() else { panic!("it is held") };
        assert!(by.contains(&std::process::id().to_string()), "{by}");
        assert_eq!(first.tenure(), Tenure::Valid);
        drop(first);
        assert_eq!(take().unwrap().epoch(), 2);
    }
}
