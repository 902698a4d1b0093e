//! The machine that measurements were made on.

use std::fs;

use serde::Serialize;

use crate::version;

/// What a number cannot be read without.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Memory in bytes; 0 when unknown.
    pub memory_bytes: u64,
    /// The operating system's kernel.
    pub kernel: String,
    /// The compiler.
    pub rustc: &'static str,
    /// What it compiled for.
    pub target: &'static str,
    /// `release` or `debug`.
    pub profile: &'static str,
    /// The version of this program.
    pub version: &'static str,
    /// The commit it was built from; empty without git.
    pub commit: &'static str,
    /// Work on the machine before the measurement: the mean of the last minute.
    pub load_average: Option<f64>,
}

impl Machine {
    /// This machine, now.
    pub fn new() -> Self {
        Self {
            cpu: cpu_model(),
            cores: cores(),
            memory_bytes: memory().map_or(0, |(total, _)| total),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| std::env::consts::OS.to_owned(), |text| text.trim().to_owned()),
            rustc: version::RUSTC,
            target: version::TARGET,
            profile: version::PROFILE,
            version: version::VERSION,
            commit: version::COMMIT,
            load_average: load_average(),
        }
    }

    /// One line for people.
    pub fn text(&self) -> String {
        let load = self.load_average.map_or_else(String::new, |load| format!(", load {load:.2}"));
        let commit = if self.commit.is_empty() { "no commit" } else { self.commit };
        format!(
            "{}, {} cores, {}{load}; {}, {} build, {commit}",
            self.cpu, self.cores, self.kernel, self.rustc, self.profile
        )
    }
}

/// The processor's name.
pub fn cpu_model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        matches!(name.trim(), "model name" | "Model" | "cpu model").then(|| value.trim().to_owned())
    });
    model.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// All memory and what is available of it, in bytes.
pub fn memory() -> Option<(u64, u64)> {
    let info = fs::read_to_string("/proc/meminfo").ok()?;
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name))?;
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kilobytes * 1024)
    };
    Some((field("MemTotal:")?, field("MemAvailable:")?))
}

/// The mean number of running processes in the last minute.
pub fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}
