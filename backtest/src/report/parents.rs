//! Parent orders of execution algorithms that were in work when a run ended.

use qt_types::{Price, Side};
use serde::Serialize;

use crate::run::RunOutcome;
use crate::simulator::Ended;

/// One parent order that the run left undone.
#[derive(Clone, Debug, Serialize)]
pub struct ParentEntry {
    /// What it trades.
    pub symbol: String,
    /// `buy` or `sell`.
    pub side: &'static str,
    /// `twap`, `vwap`, `pov` or `is`.
    pub algorithm: &'static str,
    /// The whole of it.
    pub qty: String,
    /// What its children have filled.
    pub filled: String,
    /// What is not done.
    pub rest: String,
    /// The average price of what is; null without a fill.
    pub average_price: Option<f64>,
    /// Why it was not done: `END_OF_DATA`, `BANKRUPT` or `INTERRUPTED`.
    pub reason: &'static str,
}

impl ParentEntry {
    /// What is to be said of it.
    #[must_use]
    pub fn text(&self) -> String {
        let done = if self.side == Side::Buy.text() { "bought" } else { "sold" };
        let why = match self.reason {
            "BANKRUPT" => "the equity was used up",
            "INTERRUPTED" => "the run was interrupted",
            _ => "the data ended",
        };
        let Self { symbol, algorithm, qty, filled, rest, .. } = self;
        format!("{algorithm}: {done} {filled} of {qty} {symbol}, {rest} not done when {why}")
    }
}

/// Those of a run, oldest first.
#[must_use]
pub fn of(outcome: &RunOutcome) -> Vec<ParentEntry> {
    let reason = match outcome.ended {
        Ended::Data => "END_OF_DATA",
        Ended::Bankrupt => "BANKRUPT",
        Ended::Interrupted => "INTERRUPTED",
    };
    let entry = |parent: &qt_engine::ParentReport| {
        let spec = outcome.specs.get(parent.asked.instrument.index())?;
        let tick = spec.price_f64(Price::from_ticks(1));
        Some(ParentEntry {
            symbol: spec.symbol().to_owned(),
            side: parent.asked.side.text(),
            algorithm: parent.asked.algo.name(),
            qty: spec.qty_text(parent.asked.qty),
            filled: spec.qty_text(parent.filled),
            rest: spec.qty_text(parent.rest()),
            average_price: parent.average().map(|ticks| ticks * tick),
            reason,
        })
    };
    outcome.parents.iter().filter_map(entry).collect()
}
