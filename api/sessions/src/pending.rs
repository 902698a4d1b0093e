//! Kills of a session that does not run and cannot be asked: nothing leaves it as it is, and from
//! its next beginning on they hold. They are in a file beside the journal until that has them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use qt_types::KillState;
use serde::{Deserialize, Serialize};

use super::lease::{FolderLock, LeaseError};
use super::request::Killing;
use super::view::{Shared, View};
use super::whole;
use qt_trading::ids::StrategyUid;
use qt_trading::time::Time;
use qt_trading::{KillLevel, Switch};

/// The file in the folder of a session.
const FILE: &str = "kills.json";
/// So long a session that has failed may take to give its lease back.
const LOCK_TIME: Duration = Duration::from_secs(2);
/// How often that is looked at.
const LOCK_EVERY: Duration = Duration::from_millis(10);
/// Held while one is added: the file is read, and written anew.
static ADDING: Mutex<()> = Mutex::new(());

/// A kill that the journal does not have yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingKill {
    level: KillLevel,
    strategy: Option<StrategyUid>,
    person: String,
    reason: String,
    at: Time,
}

impl PendingKill {
    /// What `killing` asks for, as of `at`.
    pub fn new(killing: Killing, at: Time) -> Self {
        let Killing { level, strategy, person, reason, .. } = killing;
        Self { level, strategy, person, reason, at }
    }

    /// It as it is asked of a session that runs.
    pub fn killing(self) -> Killing {
        let Self { level, strategy, person, reason, at } = self;
        Killing { level, strategy, person, reason, at: Some(at), is_absent: true }
    }

    /// It as a switch of the session `shared`.
    pub fn switch(&self, shared: &Shared) -> Switch {
        let subject = match (self.level, self.strategy) {
            (KillLevel::Strategy, Some(strategy)) => strategy.to_string(),
            (KillLevel::Account, _) => shared.account.to_string(),
            _ => shared.tenant.to_string(),
        };
        Switch {
            level: self.level,
            subject,
            is_killed: true,
            state: KillState::Halted.text().to_owned(),
            tripped_at: self.at,
            reason: self.reason.clone(),
            people: vec![self.person.clone()],
            changed_at: self.at,
        }
    }
}

/// Those of the session in `folder`.
///
/// # Errors
/// A file that cannot be read: it may hold trading back.
pub fn read(folder: &Path) -> io::Result<Vec<PendingKill>> {
    let path = folder.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            let text = format!("{}: {error}", path.display());
            io::Error::new(io::ErrorKind::InvalidData, text)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Why a kill is not kept.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// Somebody has the session, who would not look at the file.
    #[error(transparent)]
    Lease(#[from] LeaseError),
    /// The file or its folder.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Adds one, where nobody runs the session; it has outlived a loss of power when this returns.
///
/// # Errors
/// When somebody has the session; the file or its folder.
pub fn add(folder: &Path, kill: PendingKill) -> Result<(), NotKept> {
    let begun = Instant::now();
    loop {
        let adding = ADDING.lock().unwrap_or_else(PoisonError::into_inner);
        match FolderLock::take(folder) {
            Ok(_lock) => return push(folder, kill).map_err(NotKept::Io),
            // The session that has failed may still be giving its lease back.
            Err(LeaseError::Held(_)) if begun.elapsed() < LOCK_TIME => {}
            Err(why) => return Err(why.into()),
        }
        drop(adding);
        std::thread::sleep(LOCK_EVERY);
    }
}

fn push(folder: &Path, kill: PendingKill) -> io::Result<()> {
    let mut all = read(folder)?;
    all.retain(|it| (it.level, it.strategy) != (kill.level, kill.strategy));
    all.push(kill);
    write(folder, &all)
}

/// The journal has all of them but `rest`, which stay in the file.
pub fn done(folder: &Path, rest: &[PendingKill]) {
    let done = match rest {
        [] => fs::remove_file(path(folder)),
        rest => write(folder, rest),
    };
    if let Err(error) = done {
        // They are found once more at the next beginning, under the same times.
        tracing::warn!(%error, "kills that were taken over are still in their file");
    }
}

fn write(folder: &Path, all: &[PendingKill]) -> io::Result<()> {
    whole::write(folder, FILE, &serde_json::to_vec_pretty(all)?)
}

fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Shows `kills` among the switches of a session that does not run.
pub fn show(shared: &Shared, kills: &[PendingKill]) {
    for switch in kills.iter().map(|kill| kill.switch(shared)) {
        shared.view.rcu(|view| {
            let mut all = view.switches.to_vec();
            all.retain(|it| !it.is_of(switch.level, &switch.subject));
            all.push(switch.clone());
            View { switches: Arc::new(all), is_killed: true, ..View::clone(view) }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kill(level: KillLevel, reason: &str) -> PendingKill {
        let (person, reason) = ("ann".to_owned(), reason.to_owned());
        PendingKill { level, strategy: None, person, reason, at: Time(7) }
    }

    #[test]
    fn the_last_kill_of_a_switch_is_kept_until_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), []);
        for (level, reason) in
            [(KillLevel::Account, "one"), (KillLevel::Tenant, "two"), (KillLevel::Account, "three")]
        {
            add(folder.path(), kill(level, reason)).unwrap();
        }
        let all = [kill(KillLevel::Tenant, "two"), kill(KillLevel::Account, "three")];
        assert_eq!(read(folder.path()).unwrap(), all);
        done(folder.path(), &all[..1]);
        assert_eq!(read(folder.path()).unwrap(), all[..1]);
        done(folder.path(), &[]);
        assert_eq!(read(folder.path()).unwrap(), []);
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert!(read(folder.path()).is_err());
    }

    #[test]
    fn kills_at_once_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let kill = PendingKill {
                    strategy: Some(StrategyUid::new()),
                    ..kill(KillLevel::Strategy, "at once")
                };
                scope.spawn(move || add(path, kill).unwrap());
            }
        });
        assert_eq!(read(path).unwrap().len(), 8);
    }
}
