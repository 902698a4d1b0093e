//! The kill switches of a venue and of everything: in force in every session, also in those that
//! begin later. They are kept in a file beside the journals, and need nothing else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::whole;
use qt_trading::Switch;
use qt_trading::time::Time;

/// The file in the folder of the sessions.
const FILE: &str = "switches.json";

/// See the module.
#[derive(Debug)]
pub struct Platform {
    folder: PathBuf,
    now: ArcSwap<Vec<Switch>>,
    /// Held while they change, and while the file is written.
    changing: Mutex<()>,
}

impl Platform {
    /// Those that `folder` has. A file that cannot be read is an error: it may hold trading back.
    ///
    /// # Errors
    /// The file.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let kept = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let text = format!("{}: {error}", path.display());
                io::Error::new(io::ErrorKind::InvalidData, text)
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let folder = folder.to_owned();
        Ok(Self { folder, now: ArcSwap::from_pointee(kept), changing: Mutex::default() })
    }

    /// All that were ever tripped.
    pub fn all(&self) -> Arc<Vec<Switch>> {
        self.now.load_full()
    }

    /// Trips one now, for all sessions to see at once; when that was. [`Self::keep`] makes it last.
    pub fn trip(&self, switch: Switch) -> Time {
        let _changing = self.lock();
        let known = self.find(&switch);
        // The time names the trip, whatever became of the clock since the last one.
        let after = known.map_or(Time(i64::MIN), |it| Time(it.changed_at.0.saturating_add(1)));
        let at = switch.tripped_at.max(after);
        let switch = Switch { tripped_at: at, changed_at: at, ..switch };
        self.now.store(Arc::new(self.with(switch)));
        at
    }

    /// Takes over what was decided elsewhere, where that is newer than what is known here.
    ///
    /// # Errors
    /// The file or its folder. A trip holds all the same.
    pub fn take_over(&self, switch: Switch) -> io::Result<()> {
        let _changing = self.lock();
        let newness = |it: &Switch| (it.tripped_at, it.changed_at);
        if self.find(&switch).is_some_and(|known| newness(&known) >= newness(&switch)) {
            return Ok(());
        }
        let is_killed = switch.is_killed;
        let all = Arc::new(self.with(switch));
        if is_killed {
            self.now.store(Arc::clone(&all));
        }
        self.write(&all)?;
        self.now.store(all);
        Ok(())
    }

    fn find(&self, of: &Switch) -> Option<Switch> {
        self.now.load().iter().find(|it| it.is_of(of.level, &of.subject)).cloned()
    }

    /// Arms one again, once that is kept: what the file does not have holds nobody's orders free.
    ///
    /// # Errors
    /// The file or its folder; then nothing has changed.
    pub fn arm(&self, switch: Switch) -> io::Result<()> {
        let _changing = self.lock();
        let all = self.with(switch);
        self.write(&all)?;
        self.now.store(Arc::new(all));
        Ok(())
    }

    /// Writes the file; it has outlived a loss of power when this returns.
    ///
    /// # Errors
    /// The file or its folder.
    pub fn keep(&self) -> io::Result<()> {
        let _changing = self.lock();
        self.write(&self.now.load())
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them, with `switch` in the place of what it was.
    fn with(&self, switch: Switch) -> Vec<Switch> {
        let mut all = Vec::clone(&self.now.load());
        all.retain(|it| !it.is_of(switch.level, &switch.subject));
        all.push(switch);
        all
    }

    fn write(&self, all: &[Switch]) -> io::Result<()> {
        whole::write(&self.folder, FILE, &serde_json::to_vec_pretty(all)?)
    }
}

#[cfg(test)]
mod tests {
    use qt_trading::KillLevel;

    use super::*;

    #[test]
    fn what_was_kept_is_there_again_and_what_cannot_be_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let platform = Platform::open(folder.path()).unwrap();
        let switch = Switch {
            level: KillLevel::Global,
            subject: String::new(),
            is_killed: true,
            state: "HALTED".to_owned(),
            tripped_at: Time(1_700_000_000_000_000_001),
            reason: "a test".to_owned(),
            people: vec!["ann".to_owned()],
            changed_at: Time(1_700_000_000_000_000_001),
        };
        platform.trip(switch.clone());
        platform.keep().unwrap();
        let again = Platform::open(folder.path()).unwrap();
        assert_eq!(*again.all(), std::slice::from_ref(&switch));
        again.arm(Switch { is_killed: false, ..switch.clone() }).unwrap();
        let armed = Platform::open(folder.path()).unwrap();
        assert!(!armed.all()[0].is_killed);
        // What another process says counts where it is newer.
        armed.take_over(switch.clone()).unwrap();
        assert!(!armed.all()[0].is_killed);
        let newer = Switch { tripped_at: Time(switch.tripped_at.0 + 1), ..switch.clone() };
        armed.take_over(newer).unwrap();
        assert!(Platform::open(folder.path()).unwrap().all()[0].is_killed);
        // A clock that went back names no trip of before.
        assert!(armed.trip(switch.clone()) > switch.changed_at);
        fs::write(folder.path().join(FILE), b"[{").unwrap();
        assert!(Platform::open(folder.path()).is_err());
    }
}
