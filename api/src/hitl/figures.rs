//! Figures of the process: how many were asked about, what was decided, how long that took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use hdrhistogram::Histogram;

use crate::http::metrics::Series;
use qt_store::Verdict;

/// The longest time that is told apart, ms: a week.
const MS_MAX: u64 = 7 * 24 * 3_600 * 1_000;

/// Counted since the process began; of no tenant.
#[derive(Debug)]
pub struct Figures {
    asked: AtomicU64,
    expired: AtomicU64,
    released: AtomicU64,
    refused: AtomicU64,
    /// approve, reject, modify.
    decisions: [AtomicU64; 3],
    /// ms from request to decision, to two digits.
    took: Mutex<Option<Histogram<u64>>>,
}

impl Default for Figures {
    fn default() -> Self {
        let took = Mutex::new(Histogram::new_with_bounds(1, MS_MAX, 2).ok());
        Self {
            asked: AtomicU64::default(),
            expired: AtomicU64::default(),
            released: AtomicU64::default(),
            refused: AtomicU64::default(),
            decisions: Default::default(),
            took,
        }
    }
}

const VERDICTS: [(Verdict, &str); 3] =
    [(Verdict::Approve, "approve"), (Verdict::Reject, "reject"), (Verdict::Modify, "modify")];

impl Figures {
    /// Somebody was asked.
    pub fn asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests expired.
    pub fn expired(&self, count: usize) {
        self.expired.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// What was approved of is in the session, or will never be.
    pub fn released(&self, is_taken: bool) {
        let count = if is_taken { &self.released } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody has decided, so long after the request.
    pub fn decided(&self, verdict: Verdict, took_ns: i64) {
        if let Some(at) = VERDICTS.iter().position(|(known, _)| *known == verdict) {
            self.decisions[at].fetch_add(1, Ordering::Relaxed);
        }
        let took_ms = u64::try_from(took_ns / 1_000_000).unwrap_or(0);
        if let Some(took) = self.took.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            took.saturating_record(took_ms);
        }
    }

    /// All of it for `/metrics`.
    #[must_use]
    pub fn series(&self) -> Vec<Series> {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        let mut decisions = Vec::new();
        for ((_, name), count) in VERDICTS.iter().zip(&self.decisions) {
            decisions.push((Some(("decision", (*name).to_owned())), read(count)));
        }
        let mut quantiles = Vec::new();
        if let Some(took) = self.took.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            for (name, quantile) in [("0.5", 0.5), ("0.99", 0.99)] {
                let seconds = took.value_at_quantile(quantile) as f64 / 1_000.0;
                quantiles.push((Some(("quantile", name.to_owned())), seconds));
            }
        }
        vec![
            Series::one("quanttrade_hitl_requests", read(&self.asked)),
            Series { name: "quanttrade_hitl_decisions", values: decisions },
            Series { name: "quanttrade_hitl_decision_seconds", values: quantiles },
            Series::one("quanttrade_hitl_expired", read(&self.expired)),
            Series::one("quanttrade_hitl_released", read(&self.released)),
            Series::one("quanttrade_hitl_refused", read(&self.refused)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::Figures;
    use qt_store::Verdict;

    #[test]
    fn decisions_are_counted_and_timed() {
        let figures = Figures::default();
        for seconds in 1..=100 {
            let verdict = if seconds % 4 == 0 { Verdict::Reject } else { Verdict::Approve };
            figures.decided(verdict, seconds * 1_000_000_000);
        }
        let series = figures.series();
        let values = |name: &str| {
            let found = series.iter().find(|it| it.name == name).unwrap();
            found.values.iter().map(|(_, value)| *value).collect::<Vec<_>>()
        };
        assert_eq!(values("quanttrade_hitl_decisions"), [75.0, 25.0, 0.0]);
        let quantiles = values("quanttrade_hitl_decision_seconds");
        assert!((50.0..51.0).contains(&quantiles[0]), "{quantiles:?}");
        assert!((99.0..100.0).contains(&quantiles[1]), "{quantiles:?}");
    }
}
