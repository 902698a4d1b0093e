//! Names of runs.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

/// Nanoseconds since 1970 (UTC) on this machine's clock.
pub fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// `ns` as `2026-11-21 06:35:36` in UTC.
pub fn time_text(ns: i64) -> String {
    qt_data::stamp::iso_text(ns).get(..19).unwrap_or_default().replace('T', " ")
}

/// The name of a run: date and time (UTC), then eight letters that tell runs of one second apart.
/// Names sort by time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(String);

impl RunId {
    /// The name of a run that starts at `ns` (UTC ns).
    pub fn new(ns: i64) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let own = format!("{ns}/{}/{count}", std::process::id());
        let digest = Sha256::digest(own.as_bytes());
        let time: String =
            time_text(ns).chars().filter(|c| c.is_ascii_digit() || *c == ' ').collect();
        let letters: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{}-{letters}", time.replace(' ', "-")))
    }

    /// The name as text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time() {
        let a = RunId::new(1_700_000_000_000_000_000);
        let b = RunId::new(1_700_000_001_000_000_000);
        assert!(a.text().starts_with("20231114-221320-") && a.text().len() == 24, "{a}");
        assert!(a < b);
        assert_eq!(time_text(0), "1970-01-01 00:00:00");
        assert!(now_ns() > 1_700_000_000_000_000_000);
    }
}
