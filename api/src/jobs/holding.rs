//! What an earlier process left, and what another one has: jobs belong to the process that says so
//! again and again, and one that has ended says nothing any more.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::pool::{Jobs, Waiting};
use qt_store::backtests::JobHolder;
use qt_store::page::PAGE_ROWS_MAX;
use qt_store::{Actor, Page, StoreError};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// So long jobs are a process's own without its saying so again (ns).
const HELD_NS: i64 = 20_000_000_000;
/// How often it says so.
const HELD_EVERY: Duration = Duration::from_secs(5);
/// It looks so rarely, in these steps, for what others have lost.
const RECOVERED_EVERY: u64 = 4;
/// Locked by the process that takes a data set in, in the folder of that.
const TAKING: &str = ".taking";

impl Jobs {
    /// This process, as the one that has jobs from now on.
    pub(super) fn holder(&self) -> JobHolder {
        let until = Time(Time::now().0.saturating_add(HELD_NS));
        JobHolder { name: self.settings().name.clone(), until }
    }

    /// Takes over what nobody has any more: jobs that ran are marked as interrupted, those that
    /// waited wait again, and data sets that were not taken in to their end go. What another
    /// process has stays with it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn recover(self: &Arc<Self>) -> Result<(), StoreError> {
        // Alone over its database, all jobs that are there at the start are of an earlier process.
        let is_first = self.settings().is_alone && !self.has_recovered();
        let lapsed = if is_first { Time(i64::MAX) } else { Time::now() };
        for tenant in self.store().tenants().await? {
            for row in self.store().recover_backtests(tenant, self.holder(), lapsed).await? {
                let actor = Actor::new(tenant, row.person.clone(), "");
                match serde_json::from_value(row.config.clone()) {
                    Ok(config) => self.push(Waiting { id: row.id, config, actor }),
                    Err(_) => self.fail(&actor, row.id, "its settings cannot be read").await,
                }
            }
            self.sweep(tenant).await?;
        }
        self.recovered();
        Ok(())
    }

    /// Says again and again which jobs are its own, and takes over what others have lost, until it
    /// is dropped.
    pub async fn keep_up(self: Arc<Self>) {
        for round in 1_u64.. {
            tokio::time::sleep(HELD_EVERY).await;
            let mut done = self.hold(self.holder()).await;
            if !self.settings().is_alone && round.is_multiple_of(RECOVERED_EVERY) {
                done = done.and(self.recover().await);
            }
            if let Err(error) = done {
                tracing::warn!(%error, "jobs are not looked after");
            }
        }
    }

    /// Those who wait are anybody's again.
    pub(super) async fn let_go(&self) {
        let holder = JobHolder { until: Time(0), ..self.holder() };
        if let Err(error) = self.hold(holder).await {
            tracing::warn!(%error, "backtests that wait are taken up a little later");
        }
    }

    async fn hold(&self, holder: JobHolder) -> Result<(), StoreError> {
        let tenants = self.tenants();
        for tenant in tenants {
            self.store().hold_backtests(tenant, holder.clone()).await?;
        }
        Ok(())
    }

    /// Removes the folders of data sets that a process was taking in when it ended.
    async fn sweep(&self, tenant: TenantId) -> Result<(), StoreError> {
        let folder = self.settings().data_dir.join("datasets").join(tenant.to_string());
        let finding = tokio::task::spawn_blocking(move || left_behind(&folder));
        let Ok(left) = finding.await else { return Ok(()) };
        if left.is_empty() {
            return Ok(());
        }
        let page = Page { after: None, limit: PAGE_ROWS_MAX };
        let kept = self.store().datasets(tenant, page).await?.items;
        for (path, lock) in left {
            let is_kept =
                kept.iter().any(|row| self.settings().data_dir.join(&row.path).starts_with(&path));
            let done = match is_kept {
                true => tokio::fs::remove_file(path.join(TAKING)).await,
                false => tokio::fs::remove_dir_all(&path).await,
            };
            drop(lock);
            match done {
                Ok(()) => {
                    tracing::info!(is_kept, "a data set was being taken in when a process ended")
                }
                Err(error) => tracing::warn!(%error, "a data set that is not kept is not removed"),
            }
        }
        Ok(())
    }
}

/// Marks `folder` as one that is being filled, for as long as the file is open or until
/// [`filled`].
///
/// # Errors
/// The file.
pub(super) fn filling(folder: &Path) -> io::Result<File> {
    let file = File::create(folder.join(TAKING))?;
    file.lock()?;
    Ok(file)
}

/// The folder is filled, and stays.
pub(super) fn filled(folder: &Path) {
    if let Err(error) = std::fs::remove_file(folder.join(TAKING)) {
        tracing::warn!(%error, "the mark of a data set stays until the next start");
    }
}

/// Folders in `of` that nobody fills any more, each with its lock.
fn left_behind(of: &Path) -> Vec<(PathBuf, File)> {
    let Ok(entries) = std::fs::read_dir(of) else { return Vec::new() };
    let free = |path: PathBuf| {
        let file = File::open(path.join(TAKING)).ok()?;
        match file.try_lock() {
            Ok(()) => Some((path, file)),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
        }
    };
    entries.filter_map(Result::ok).filter_map(|entry| free(entry.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_fills_is_not_left_behind() {
        let of = tempfile::tempdir().unwrap();
        let [busy, left, kept] = ["busy", "left", "kept"].map(|name| of.path().join(name));
        for path in [&busy, &left, &kept] {
            std::fs::create_dir(path).unwrap();
        }
        let _busy = filling(&busy).unwrap();
        drop(filling(&left).unwrap());
        let _kept = filling(&kept).unwrap();
        filled(&kept);
        let found: Vec<PathBuf> =
            left_behind(of.path()).into_iter().map(|(path, _)| path).collect();
        assert_eq!(found, [left]);
    }
}
