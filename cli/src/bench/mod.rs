//! Measurements: what is measured, on which machine, and how it compares to an earlier time.

pub mod backtest;
pub mod baseline;
pub mod book;
pub mod latency;
pub mod machine;
pub mod replay;
pub mod ring;
mod ring_rig;
pub mod risk;
mod risk_rig;
mod scratch;

use serde::Serialize;

/// One measurement.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Measurement {
    /// Its name.
    pub name: &'static str,
    /// What exactly was measured.
    pub definition: String,
    /// The unit of the times below.
    pub unit: &'static str,
    /// How often it was repeated.
    pub n: usize,
    /// The median time.
    pub p50: f64,
    /// What nine of ten took at most; only where single steps are measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p90: Option<f64>,
    /// The same for 99 of a hundred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<f64>,
    /// The same for 999 of a thousand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p999: Option<f64>,
    /// The longest time.
    pub max: f64,
    /// The shortest time.
    pub min: f64,
    /// Bars per second at the median.
    pub rate: f64,
    /// Bars per second at the shortest time.
    pub rate_best: f64,
    /// The floor in the same run and unit: a plain scan of the same records, the clock's own time,
    /// or bare memory between two cores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_p50: Option<f64>,
    /// What 999 of a thousand floors took at most; only where single steps are measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_p999: Option<f64>,
    /// How many times the floor it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Time per bar early in the run, in ns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_tenth_ns: Option<f64>,
    /// Time per bar late in the run, in ns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_tenth_ns: Option<f64>,
    /// Bytes that were read, per second at the median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<f64>,
    /// Late over early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenths_ratio: Option<f64>,
    /// The most memory of the whole process, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_rss_bytes: Option<u64>,
    /// Which part of the whole it is, where parts are measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// What latencies are read with.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Box<latency::Facts>>,
}

impl Measurement {
    /// A measurement of `bars` bars that took `seconds` each time.
    pub fn new(name: &'static str, definition: &str, bars: usize, mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let at = |index: usize| seconds.get(index).copied().unwrap_or(f64::NAN);
        let (min, p50, max) = (at(0), at(seconds.len() / 2), at(seconds.len().saturating_sub(1)));
        Self {
            name,
            definition: definition.to_owned(),
            unit: "s",
            n: seconds.len(),
            p50,
            max,
            min,
            rate: bars as f64 / p50,
            rate_best: bars as f64 / min,
            ..Self::default()
        }
    }

    /// `time` of this measurement in seconds.
    pub fn seconds(&self, time: f64) -> f64 {
        if self.unit == "ns" { time * 1e-9 } else { time }
    }

    /// With the bytes that each run reads.
    #[must_use]
    pub fn of_bytes(mut self, bytes: usize) -> Self {
        self.bytes_per_second = Some(bytes as f64 / self.p50);
        self
    }

    /// How far the repeats lie apart, as a share of the median. Of single steps the slowest tenth
    /// is left out: what comes between them is not theirs.
    pub fn noise(&self) -> f64 {
        (self.p90.unwrap_or(self.max) - self.min) / self.p50
    }
}

/// The most memory that this process has had, in bytes; `None` where the system does not say.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}
