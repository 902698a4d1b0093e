//! How long the market data is under way to us: what a recording says, and what comes on top.

use std::fmt;

use qt_data::series::TradeRecord;

use crate::tape::Tape;
use crate::venue::{Action, Latency, LatencyModel};

/// What a feed latency is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FeedStart {
    /// The time of receipt that the data has; the venue's time where it has none.
    #[default]
    Receipt,
    /// The venue's time: what the recorder took does not count.
    Venue,
}

/// When we know what happened at the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedLatency {
    /// What it is counted from.
    pub start: FeedStart,
    /// The time from then on; that of a new order where it depends on the action.
    pub model: LatencyModel,
}

impl Default for FeedLatency {
    /// As the data says.
    fn default() -> Self {
        Self::constant(0)
    }
}

impl FeedLatency {
    /// Always `ns` more than the data says.
    #[must_use]
    pub const fn constant(ns: i64) -> Self {
        Self { start: FeedStart::Receipt, model: LatencyModel::constant(ns) }
    }

    /// What is added to every time of receipt (ns), where that is all.
    #[must_use]
    pub fn added_ns(&self) -> Option<i64> {
        match (self.start, &self.model) {
            (FeedStart::Receipt, LatencyModel::Constant { new_ns, .. }) => Some((*new_ns).max(0)),
            _ => None,
        }
    }

    /// The clock of the feed number `feed` of a run: feeds do not jitter in step.
    #[must_use]
    pub(crate) fn clock(&self, feed: usize) -> FeedClock {
        let mut model = self.model.clone();
        if let LatencyModel::Jittered { seed, .. } = &mut model {
            *seed = seed.wrapping_add(feed as u64);
        }
        let latency = Latency::new(model);
        FeedClock { start: self.start, latency, start_ns: i64::MIN, known_ns: i64::MIN }
    }
}

impl fmt::Display for FeedLatency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.start {
            FeedStart::Receipt => write!(f, "as recorded, and {}", self.model),
            FeedStart::Venue => write!(f, "{} from the venue's time on", self.model),
        }
    }
}

/// Says when we know the records of one feed, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct FeedClock {
    start: FeedStart,
    latency: Latency,
    /// The start of the last message, and when we knew it (UTC ns).
    start_ns: i64,
    known_ns: i64,
}

impl FeedClock {
    /// When we know the next record, of these times at the venue and of receipt (UTC ns).
    pub(crate) fn known_ns(&mut self, venue_ns: i64, recv_ns: i64) -> i64 {
        match self.start {
            FeedStart::Receipt => self.arrival_ns(recv_ns),
            FeedStart::Venue => self.arrival_ns(venue_ns),
        }
    }

    /// When we know what starts at `start_ns` (UTC ns), which does not go back. What starts at one
    /// time comes in one message, and no message overtakes the one before.
    fn arrival_ns(&mut self, start_ns: i64) -> i64 {
        if start_ns != self.start_ns {
            self.start_ns = start_ns;
            self.known_ns = self.latency.arrival_ns(Action::New, start_ns);
        }
        self.known_ns
    }
}

/// When we know the bars and trades of one instrument (UTC ns), where that is not the same time
/// later for all.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    /// By bar, from the first one that is fed.
    bars: Vec<i64>,
    /// By trade.
    prints: Vec<i64>,
    first_bar: usize,
}

impl Arrivals {
    /// Of `tape`, which is feed number `feed`.
    pub(crate) fn of(tape: &Tape<'_>, latency: &FeedLatency, feed: usize) -> Self {
        let mut clock = latency.clock(feed);
        let is_recorded = latency.start == FeedStart::Receipt;
        let print_start_ns = |print: &TradeRecord| {
            if is_recorded { print.recv_ns.max(print.venue_ns) } else { print.venue_ns }
        };
        let mut prints = tape.prints.iter().peekable();
        let mut arrivals = Self {
            bars: Vec::with_capacity(tape.end.saturating_sub(tape.warmup_from)),
            prints: Vec::with_capacity(tape.prints.len()),
            first_bar: tape.warmup_from,
        };
        for at in tape.warmup_from..tape.end {
            let close_ns = tape.series.bars[at].close_ns;
            let start_ns = if is_recorded { tape.known_ns(at) } else { close_ns };
            // Nobody knows a bar before the trades in it.
            while let Some(print) = prints.next_if(|print| print_start_ns(print) <= start_ns) {
                arrivals.prints.push(clock.arrival_ns(print_start_ns(print)));
            }
            arrivals.bars.push(clock.arrival_ns(start_ns));
        }
        arrivals.prints.extend(prints.map(|print| clock.arrival_ns(print_start_ns(print))));
        arrivals
    }

    /// When we know bar `at`.
    pub(crate) fn bar_ns(&self, at: usize) -> i64 {
        self.bars.get(at.wrapping_sub(self.first_bar)).copied().unwrap_or(i64::MAX)
    }

    /// When we know trade `at`.
    pub(crate) fn print_ns(&self, at: usize) -> i64 {
        self.prints.get(at).copied().unwrap_or(i64::MAX)
    }
}
