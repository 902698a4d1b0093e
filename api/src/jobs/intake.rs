//! Data sets that clients send: looked at by a process of its own before they are kept.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::child::{self, Ended, Launch};
use super::settings::JobSettings;
use qt_trading::Refusal;
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

/// Looks at the file called `name` in `folder`. It blocks the thread meanwhile.
///
/// # Errors
/// When the quality gate refuses it, or it cannot be read within the limits.
pub fn look(settings: &JobSettings, folder: &Path, name: &str) -> Result<Facts, Refusal> {
    let launch = Launch {
        program: settings.program.clone(),
        arguments: ["data", "check", name, "--json", "--threads=1"].map(str::to_owned).into(),
        folder: PathBuf::from(folder),
        cpu_seconds: CPU_SECONDS,
        memory_kib: settings.job_memory_kib,
        result_bytes_max: FACTS_BYTES_MAX,
    };
    let (to, _progress) = mpsc::channel(1);
    let (_stop, stopped) = watch::channel(false);
    match child::run(&launch, &to, &stopped).0 {
        Ended::Done(document) => read(&document).ok_or_else(|| {
            refused("the file holds no data that a backtest can read (CSV or Parquet)".to_owned())
        }),
        Ended::Failed(words) => Err(refused(words)),
        Ended::Stopped => Err(refused("it was not looked at to its end".to_owned())),
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
