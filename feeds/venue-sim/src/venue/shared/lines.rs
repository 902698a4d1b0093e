//! The lines of the truth that nobody has taken yet.

use crate::exchange::{Event, Exchange};
use crate::truth;

/// How many lines wait for whoever takes them.
const TRUTH_MAX: usize = 1_000_000;

/// The lines, from the first time on that somebody has asked for them.
#[derive(Debug, Default)]
pub(in crate::venue) struct TruthLines(Option<Vec<String>>);

impl TruthLines {
    /// The lines since the last call.
    pub(in crate::venue) fn take(&mut self) -> Vec<String> {
        self.0.replace(Vec::new()).unwrap_or_default()
    }

    /// Keeps what an event says, where lines are wanted.
    pub(in crate::venue) fn keep(&mut self, exchange: &Exchange, event: &Event) {
        if let Some(lines) = self.0.as_mut().filter(|lines| lines.len() < TRUTH_MAX) {
            lines.extend(truth::line(exchange, event));
        }
    }
}
