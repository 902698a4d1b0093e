//! Bars of a length of time.

use super::{Align, BuildError, piece};
use crate::calendar::Calendar;
use crate::calendar::civil::DAY_NS;
use crate::series::{BarRecord, TradeRecord};

/// 1970-01-01 was a Thursday: weeks begin on Mondays, four days later.
const MONDAY_NS: i64 = 4 * DAY_NS;
const WEEK_NS: i64 = 7 * DAY_NS;

/// Builds bars of the same length. A bar spans its whole interval, whenever its first and last
/// trade were, and is handed out when a later trade comes; an interval without trades has no bar.
///
/// Aligned to sessions, bars are counted from the session's open and cut at its open and close
/// and at the borders of the trading day; trading before and after the session goes into bars of
/// its own. A bar of a day is the session, stretched where trades before or after it require it,
/// so that no trade lies behind the time at which its bar is known.
#[derive(Clone, Debug)]
pub struct TimeBars {
    interval_ns: i64,
    align: Align,
    part: Option<BarRecord>,
    until_ns: i64,
    row: u32,
}

/// An interval: where its bar begins and ends, and before what time trades belong to it.
struct Slot {
    open_ns: i64,
    close_ns: i64,
    until_ns: i64,
}

impl TimeBars {
    /// Bars of `interval_ns`.
    ///
    /// # Errors
    /// When `interval_ns` is not above zero, or above a day with sessions to align to.
    pub fn new(interval_ns: i64, align: Align) -> Result<Self, BuildError> {
        let wrong = |what: &str| {
            let text = super::BarSpec::Time { interval_ns }.to_string();
            Err(BuildError::Size { text, what: what.to_owned() })
        };
        if interval_ns <= 0 {
            return wrong("the length is not above zero");
        }
        if interval_ns > DAY_NS && matches!(align, Align::Sessions(_)) {
            return wrong("bars of several days cannot be aligned to sessions");
        }
        Ok(Self { interval_ns, align, part: None, until_ns: i64::MIN, row: 0 })
    }

    /// Adds a trade; returns the bar before it when the trade is the first of a later one.
    pub fn push(&mut self, trade: &TradeRecord) -> Option<BarRecord> {
        self.push_bar(&piece::of_trade(trade))
    }

    /// Adds a smaller bar, which belongs to the interval in which it opens; returns the bar before
    /// it when it is the first of a later one.
    pub fn push_bar(&mut self, bar: &BarRecord) -> Option<BarRecord> {
        if self.part.is_some() && bar.open_ns < self.until_ns {
            piece::add(&mut self.part, bar, self.row);
            return None;
        }
        let done = piece::take(&mut self.part, &mut self.row);
        let slot = match &self.align {
            Align::Epoch => self.epoch_slot(bar.open_ns),
            Align::Sessions(calendar) => self.session_slot(calendar, bar.open_ns),
        };
        self.until_ns = slot.until_ns;
        self.part = Some(BarRecord {
            open_ns: slot.open_ns.min(bar.open_ns),
            close_ns: slot.close_ns.max(bar.close_ns),
            row: self.row,
            ..*bar
        });
        done
    }

    /// The bar that was begun, if any. It spans its whole interval, although the data may not.
    #[must_use]
    pub fn finish(self) -> Option<BarRecord> {
        self.part
    }

    fn epoch_slot(&self, ns: i64) -> Slot {
        let weeks = self.interval_ns % WEEK_NS == 0;
        let anchor_ns = if weeks { MONDAY_NS } else { 0 };
        let open_ns = ns.saturating_sub(ns.saturating_sub(anchor_ns).rem_euclid(self.interval_ns));
        let close_ns = open_ns.saturating_add(self.interval_ns);
        Slot { open_ns, close_ns, until_ns: close_ns }
    }

    fn session_slot(&self, calendar: &Calendar, ns: i64) -> Slot {
        let day = calendar.trading_day(ns);
        let (day_ns, day_end_ns) = calendar.day_span(day);
        let session = calendar.session(day);
        let (open_ns, close_ns) =
            session.map_or((day_ns, day_end_ns), |session| (session.open_ns, session.close_ns));
        if self.interval_ns == DAY_NS {
            return Slot { open_ns, close_ns, until_ns: day_end_ns };
        }
        let start_ns = ns.saturating_sub((ns.saturating_sub(open_ns)).rem_euclid(self.interval_ns));
        let end_ns = start_ns.saturating_add(self.interval_ns);
        // The piece of the day in which the instant lies: before, in, or after the session.
        let (from_ns, until_ns) = match ns {
            _ if ns < open_ns => (day_ns, open_ns),
            _ if ns < close_ns => (open_ns, close_ns),
            _ => (close_ns, day_end_ns),
        };
        let until_ns = end_ns.min(until_ns);
        Slot { open_ns: start_ns.max(from_ns), close_ns: until_ns, until_ns }
    }
}
