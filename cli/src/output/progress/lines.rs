//! Progress as lines of JSON, for a program that started this one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

/// How often a line is printed at most.
const EVERY: Duration = Duration::from_millis(200);

/// Work that is told of line by line.
#[derive(Debug)]
pub struct Lines {
    /// How much there is to do.
    pub length: AtomicU64,
    unit: &'static str,
    began: Instant,
    told: Mutex<Option<Instant>>,
}

impl Lines {
    /// Work of `length` units.
    pub fn new(length: u64, unit: &'static str) -> Self {
        let length = AtomicU64::new(length);
        Self { length, unit, began: Instant::now(), told: Mutex::default() }
    }

    /// The line that says that `done` units are done; none so soon after the last one.
    pub fn line(&self, done: u64, words: impl FnOnce() -> String) -> Option<String> {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|told| now - told < EVERY) {
            return None;
        }
        *told = Some(now);
        drop(told);
        let seconds = (now - self.began).as_secs_f64();
        let (of, unit, words) = (self.length.load(Ordering::Relaxed), self.unit, words());
        let progress = json!({
            "done": done, "of": of, "unit": unit, "seconds": seconds, "words": words,
        });
        Some(json!({ "progress": progress }).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn a_line_says_how_far_it_is_and_the_next_one_waits() {
        let lines = Lines::new(10, "events");
        let line = lines.line(5, || "equity 7".to_owned()).unwrap();
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["progress"]["done"], 5);
        assert_eq!(read["progress"]["of"], 10);
        assert_eq!(read["progress"]["words"], "equity 7");
        assert!(lines.line(6, String::new).is_none());
    }
}
