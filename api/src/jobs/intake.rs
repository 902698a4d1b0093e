//! Data sets that clients send: looked at by a process of its own before they are kept.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::child::{self, Ended, Launch};
use super::holding;
use super::pool::{Jobs, stopping};
use super::settings::JobSettings;
use qt_trading::Refusal;
use qt_trading::ids::{DatasetId, TenantId};
use qt_trading::time::Time;

/// Processor time that a data set may take to be looked at, seconds.
const CPU_SECONDS: u64 = 20;
/// Bytes of what is said of a data set.
const FACTS_BYTES_MAX: u64 = 1 << 20;

/// What is known of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// `bars`, `trades` or `quotes`.
    pub kind: String,
    /// Its symbol.
    pub symbol: String,
    /// How many rows.
    pub rows: u64,
    /// Its first time.
    pub from: Time,
    /// Its last time.
    pub to: Time,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Warnings of the quality report.
    pub findings: Value,
    /// The score of the quality report.
    pub score: Option<f64>,
}

/// A data set that is being taken in. Unless it is kept, nothing is left of it when this is
/// dropped: the process that looks at it ends, and the folder goes with it.
pub struct Intake {
    jobs: Arc<Jobs>,
    id: DatasetId,
    stopped: watch::Receiver<bool>,
    folder: Arc<Folder>,
}

/// A folder that goes unless it is kept.
struct Folder {
    path: PathBuf,
    is_kept: AtomicBool,
    /// Nobody else may think that it was left behind.
    _filling: Option<File>,
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_kept.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "a data set that is not kept is not removed");
        }
    }
}

impl Jobs {
    /// A place for a data set of `tenant` that is being sent, below the data directory at `place`.
    ///
    /// # Errors
    /// When the tenant sends too many at one time, the service ends, or there is no folder.
    pub fn take_in(
        self: &Arc<Self>,
        tenant: TenantId,
        id: DatasetId,
        place: &str,
    ) -> Result<Intake, Refusal> {
        let stopped = {
            let mut state = self.lock();
            if state.is_stopping {
                return Err(stopping());
            }
            let own = state.intakes.values().filter(|(of, _)| *of == tenant).count();
            if own >= self.settings().tenant_intakes_max {
                let detail = format!("{own} data sets are being sent; wait for one of them");
                let code = "QUOTA_INTAKES";
                return Err(Refusal::Exhausted { code, detail, retry_after_s: 5 });
            }
            let (stop, stopped) = watch::channel(false);
            state.intakes.insert(id, (tenant, stop));
            stopped
        };
        let path = self.settings().data_dir.join(place);
        let made = child::fresh_folder(&path).and_then(|()| holding::filling(&path));
        let (made, filling) = match made {
            Ok(file) => (Ok(()), Some(file)),
            Err(error) => (Err(error), None),
        };
        let folder = Folder { path, is_kept: AtomicBool::new(false), _filling: filling };
        let folder = Arc::new(folder);
        let intake = Intake { jobs: Arc::clone(self), id, stopped, folder };
        match made {
            Ok(()) => Ok(intake),
            Err(error) => {
                tracing::error!(%error, "no folder for a data set");
                let detail = "the data set cannot be kept now, try again".to_owned();
                Err(Refusal::Unavailable { code: "DATA_UNAVAILABLE", detail })
            }
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        if let Some((_, stop)) = self.jobs.lock().intakes.remove(&self.id) {
            let _ = stop.send(true);
        }
    }
}

impl Intake {
    /// Where the file called `name` is.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path.join(name)
    }

    /// Looks at the file called `name`, when it is its turn.
    ///
    /// # Errors
    /// When the quality gate refuses it, it cannot be read within the limits, or the service ends.
    pub async fn look(&self, name: &str) -> Result<Facts, Refusal> {
        let mut stopped = self.stopped.clone();
        let turn = tokio::select! {
            turn = Arc::clone(&self.jobs.looks).acquire_owned() => turn,
            _ = stopped.wait_for(|is_stopped| *is_stopped) => return Err(stopping()),
        };
        let (jobs, folder) = (Arc::clone(&self.jobs), Arc::clone(&self.folder));
        let (name, stopped) = (name.to_owned(), self.stopped.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let facts = look(jobs.settings(), &folder.path, &name, &stopped);
            // The folder goes after the process, and then the next one has its turn.
            drop(folder);
            drop(turn);
            facts
        });
        let lost = |_| refused("it was not looked at to its end".to_owned());
        looking.await.unwrap_or_else(|error| Err(lost(error)))
    }

    /// The folder stays.
    pub fn keep(&self) {
        self.folder.is_kept.store(true, Ordering::Relaxed);
        holding::filled(&self.folder.path);
    }
}

/// Looks at the file called `name` in `folder`. It blocks the thread meanwhile.
fn look(
    settings: &JobSettings,
    folder: &Path,
    name: &str,
    stopped: &watch::Receiver<bool>,
) -> Result<Facts, Refusal> {
    let launch = Launch {
        program: settings.program.clone(),
        arguments: ["data", "check", name, "--json", "--threads=1"].map(str::to_owned).into(),
        folder: PathBuf::from(folder),
        cpu_seconds: CPU_SECONDS,
        memory_kib: settings.job_memory_kib,
        result_bytes_max: FACTS_BYTES_MAX,
        spent_ms: Arc::default(),
    };
    let (to, _progress) = mpsc::channel(1);
    match child::run(&launch, &to, stopped).0 {
        Ended::Done(document) => read(&document).ok_or_else(|| {
            refused("the file holds no data that a backtest can read (CSV or Parquet)".to_owned())
        }),
        Ended::Failed(words) => Err(refused(words)),
        Ended::Stopped => Err(stopping()),
    }
}

fn refused(detail: String) -> Refusal {
    Refusal::Invalid { field: "body", detail }
}

fn read(document: &Value) -> Option<Facts> {
    let text = |name: &str| document.get(name)?.as_str().map(str::to_owned);
    let time = |name: &str| serde_json::from_value(document.get(name)?.clone()).ok();
    Some(Facts {
        kind: text("kind")?,
        symbol: text("symbol")?,
        rows: document.get("rows")?.as_u64()?,
        from: time("from")?,
        to: time("to")?,
        sha256: text("sha256")?,
        findings: document.get("findings").cloned().unwrap_or_default(),
        score: document.get("score").and_then(Value::as_f64),
    })
}
