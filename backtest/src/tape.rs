//! What a run plays: an instrument's bars, and the trades they were built from where the source
//! has them.

use qt_data::series::{BarRecord, BarSeries, TradeRecord};
use qt_types::{
    Bar, BarFlags, Event, InstrumentId, Nanos, Payload, Price, Qty, Seq, Side, Timer, Trade,
    VenueId,
};

/// The bars of a run and where its measured part begins.
#[derive(Clone, Copy, Debug)]
pub struct Tape<'a> {
    /// The series.
    pub series: &'a BarSeries,
    /// The trades that the bars were built from, in time order. Where there are any, orders meet
    /// them and not the bars.
    pub prints: &'a [TradeRecord],
    /// The place of the first of them in its series.
    pub prints_from: usize,
    /// The first bar to be fed; the ones up to `start` warm the strategy up.
    pub warmup_from: usize,
    /// The first bar that is traded and measured.
    pub start: usize,
    /// One past the last bar.
    pub end: usize,
}

impl<'a> Tape<'a> {
    /// The bars of `series` without trades.
    #[must_use]
    pub const fn of_bars(
        series: &'a BarSeries,
        warmup_from: usize,
        start: usize,
        end: usize,
    ) -> Self {
        Self { series, prints: &[], prints_from: 0, warmup_from, start, end }
    }

    /// The same with those of `prints` that fall into its bars.
    #[must_use]
    pub fn with_prints(mut self, prints: &'a [TradeRecord]) -> Self {
        if self.warmup_from < self.end {
            let first_ns = self.series.bars[self.warmup_from].open_ns;
            let end_ns = self.prints_end_ns(self.end - 1);
            let from = prints.partition_point(|print| print.venue_ns < first_ns);
            let to = prints.partition_point(|print| print.venue_ns < end_ns);
            self.prints = &prints[from..to.max(from)];
            self.prints_from = from;
        }
        self
    }

    /// Whether a bar ends with its last trade, which is one of it (tick, volume and dollar bars);
    /// bars of time end before a trade at their end.
    pub(crate) const fn ends_with_trade(&self) -> bool {
        self.series.interval_ns == 0
    }

    /// The trades of bar `at` and of those before it print before this time (UTC ns).
    pub(crate) fn prints_end_ns(&self, at: usize) -> i64 {
        let close_ns = self.series.bars[at].close_ns;
        if self.ends_with_trade() { close_ns.saturating_add(1) } else { close_ns }
    }

    /// The first bar from `at` on that has not ended by `now_ns`.
    pub(crate) fn ended_by(&self, at: usize, now_ns: i64) -> usize {
        let bars = &self.series.bars[at..self.end];
        at + bars.iter().take_while(|bar| bar.close_ns <= now_ns).count()
    }

    /// Bar `at` as the venue plays it and the strategy sees it.
    pub(crate) fn bar(&self, at: usize) -> Bar {
        let warmup = if at < self.start { BarFlags::WARMUP } else { BarFlags::NONE };
        let half_spread = self.series.half_spreads.get(at).copied().unwrap_or_default();
        bar_from(&self.series.bars[at], half_spread, warmup)
    }

    /// When bar `at` can be known where the data comes from: at its end, or with the last of the
    /// trades that it is made of.
    pub(crate) fn known_ns(&self, at: usize) -> i64 {
        let close_ns = self.series.bars[at].close_ns;
        // A trade at the very end may be one of them.
        let last = self.prints.partition_point(|print| print.venue_ns <= close_ns).checked_sub(1);
        last.map_or(close_ns, |last| close_ns.max(self.prints[last].recv_ns))
    }

    /// The end of bar `at`, as it reaches us `latency_ns` later.
    pub(crate) fn bar_event(&self, at: usize, instrument: InstrumentId, latency_ns: i64) -> Event {
        event_from(self.bar(at), self.series.bars[at].close_ns, instrument, latency_ns)
    }

    /// Trade `at` as it happens; `None` past the last one.
    pub(crate) fn print_event(&self, at: usize, instrument: InstrumentId) -> Option<Event> {
        let print = self.prints.get(at)?;
        let start_ns = self.series.bars.get(self.start).map_or(i64::MIN, |bar| bar.open_ns);
        let early = print.venue_ns < start_ns;
        let warmup = if early { BarFlags::WARMUP } else { BarFlags::NONE };
        let trade = Trade {
            price: Price::from_ticks(print.price),
            qty: Qty::from_lots(print.qty),
            aggressor: match print.aggressor {
                0 => None,
                side if side > 0 => Some(Side::Buy),
                _ => Some(Side::Sell),
            },
            flags: print.flags.with(warmup),
            row: u32::try_from(self.prints_from + at).unwrap_or(u32::MAX),
        };
        Some(event(Payload::Trade(trade), print.venue_ns, print.venue_ns, instrument))
    }
}

pub(crate) fn id_of(index: usize) -> InstrumentId {
    InstrumentId(u16::try_from(index).unwrap_or(u16::MAX))
}

#[inline(always)]
pub(crate) fn bar_from(record: &BarRecord, half_spread: [i32; 4], flags: BarFlags) -> Bar {
    Bar {
        open_ns: Nanos::new(record.open_ns),
        open: Price::from_ticks(record.open),
        high: Price::from_ticks(record.high),
        low: Price::from_ticks(record.low),
        close: Price::from_ticks(record.close),
        volume: Qty::from_lots(record.volume),
        half_spread,
        flags: record.flags.with(flags),
        row: record.row,
    }
}

#[inline(always)]
pub(crate) fn event_from(
    bar: Bar,
    close_ns: i64,
    instrument: InstrumentId,
    latency_ns: i64,
) -> Event {
    event(Payload::Bar(bar), close_ns, close_ns.saturating_add(latency_ns), instrument)
}

/// A time that was asked for has come, at our time `now_ns`.
pub(crate) fn timer_event(timer: Timer, now_ns: Nanos) -> Event {
    event(Payload::Timer(timer), now_ns.get(), now_ns.get(), InstrumentId(0))
}

#[inline(always)]
fn event(payload: Payload, venue_ns: i64, recv_ns: i64, instrument: InstrumentId) -> Event {
    Event {
        seq: Seq::default(),
        recv_ns: Nanos::new(recv_ns),
        venue_ns: Nanos::new(venue_ns),
        instrument,
        venue: VenueId(0),
        payload,
    }
}
