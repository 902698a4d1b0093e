//! What a feed has done and how it is, in numbers.

use std::collections::BTreeMap;

use super::Status;

/// Whether a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// There is none.
    #[default]
    Down,
    /// It is being made.
    Opening,
    /// It stands.
    Up,
    /// It stands, and the one that will take its place is being made.
    Rotating,
}

/// How often something that takes time was done, and how long it took (ns).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// The last one.
    pub last_ns: i64,
    /// The longest one.
    pub max_ns: i64,
    /// All together.
    pub total_ns: i64,
}

impl Tally {
    /// One more, that took `ns`.
    pub fn add(&mut self, ns: i64) {
        self.count += 1;
        self.last_ns = ns;
        self.max_ns = self.max_ns.max(ns);
        self.total_ns = self.total_ns.saturating_add(ns);
    }
}

/// One instrument of a feed.
#[derive(Clone, Debug, PartialEq, Eq, Default, serde::Serialize)]
pub struct InstrumentFigures {
    /// Its name at the venue.
    pub symbol: String,
    /// Whether it trades.
    pub status: Status,
    /// Whether what was told of it is what the venue says.
    pub is_in_step: bool,
    /// Why nothing more will be told of it, where that is so.
    pub is_stopped: Option<String>,
    /// Events told.
    pub events: u64,
    /// Gaps.
    pub gaps: u64,
    /// How often its book was put in order again, and how long it was not.
    pub resyncs: Tally,
    /// How long it is out of step by now, at the time of these figures (ns).
    pub stale_ns: i64,
}

/// See the module. All are counts since the start where nothing else is said.
#[derive(Clone, Debug, PartialEq, Eq, Default, serde::Serialize)]
pub struct Figures {
    /// Whether the link of books, trades and best prices stands.
    pub link: Standing,
    /// Links that stood.
    pub connects: u64,
    /// Links that were lost.
    pub losses: u64,
    /// Attempts that came to nothing.
    pub refusals: u64,
    /// Why the last link went.
    pub last_loss: String,
    /// Links that took the place of an older one without a loss.
    pub rotations: u64,
    /// Subscriptions that were made again because they were silent, or for the book that comes with
    /// them.
    pub resubscriptions: u64,
    /// Links that were given up because they, or a subscription, were silent.
    pub silences: u64,
    /// Subscriptions that the venue refused.
    pub subscriptions_refused: u64,
    /// Messages that came.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Updates that were told to the engine.
    pub events: u64,
    /// Events that nobody had room for.
    pub dropped: u64,
    /// Trades and best prices that came twice.
    pub repeated: u64,
    /// Trades that were made while no link stood, asked for and told.
    pub trades_fetched: u64,
    /// Those that could not be had.
    pub trades_missing: u64,
    /// Gaps in books.
    pub gaps: u64,
    /// How often a book was put in order again, and how long it was not.
    pub resyncs: Tally,
    /// Snapshots that were asked for.
    pub snapshots_asked: u64,
    /// Snapshots that were of no use.
    pub snapshots_refused: u64,
    /// Requests that had no answer, or one that says no.
    pub requests_failed: u64,
    /// How often the venue wanted less of us (429, 418).
    pub throttled: u64,
    /// What has been spent of the budget of the window, by the venue's own count where that is
    /// higher than ours.
    pub weight_used: u64,
    /// The most that was ever spent in one window.
    pub weight_max: u64,
    /// The budget of a window that the venue advertises.
    pub weight_limit: u64,
    /// Messages that could not be read.
    pub unreadable: u64,
    /// Prices and quantities that were no whole number of steps.
    pub misfits: u64,
    /// Fields that nobody has told of.
    pub fields_unknown: u64,
    /// Messages that nothing is done with, by name.
    pub unknown: BTreeMap<String, u64>,
    /// How far the venue's clock is ahead of ours (ns).
    pub clock_offset_ns: i64,
    /// What that may be off by (ns); `None`: it is not known.
    pub clock_error_ns: Option<i64>,
    /// How fast it runs away from ours (billionths), where that is known.
    pub clock_drift_ppb: Option<i64>,
    /// The instruments, in the order in which they were wanted.
    pub instruments: Vec<InstrumentFigures>,
}
