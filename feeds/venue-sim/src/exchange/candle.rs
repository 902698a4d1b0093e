//! Candles: what the trades of an interval come to.

use std::collections::VecDeque;

use super::event::Trade;
use super::order::Side;
use super::units::{Amount, Nanos, Price};

/// A second in ns.
pub(super) const SECOND_NS: Nanos = 1_000_000_000;
/// A minute in ns.
pub(super) const MINUTE_NS: Nanos = 60 * SECOND_NS;
const DAY_NS: Nanos = 1_440 * MINUTE_NS;
/// The first Monday of 1970, the 5th of January.
const MONDAY_NS: Nanos = 4 * DAY_NS;

/// The length of a candle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interval {
    /// So many seconds, counted from 1970.
    Seconds(u32),
    /// A week from Monday.
    Week,
    /// A month of the calendar.
    Month,
}

impl Interval {
    /// The begin of the candle with the time `at_ns` in it, and of the next one.
    #[must_use]
    pub fn bounds(self, at_ns: Nanos) -> (Nanos, Nanos) {
        match self {
            Self::Seconds(seconds) => {
                let length = Nanos::from(seconds.max(1)) * SECOND_NS;
                let begin = at_ns.div_euclid(length).saturating_mul(length);
                (begin, begin.saturating_add(length))
            }
            Self::Week => {
                let length = 7 * DAY_NS;
                let week = at_ns.saturating_sub(MONDAY_NS).div_euclid(length);
                let begin = week.saturating_mul(length).saturating_add(MONDAY_NS);
                (begin, begin.saturating_add(length))
            }
            Self::Month => month(at_ns),
        }
    }
}

/// The month of a time by the proleptic Gregorian calendar.
fn month(at_ns: Nanos) -> (Nanos, Nanos) {
    let day = at_ns.div_euclid(DAY_NS);
    let (mut year, mut begin) = (1970, 0);
    let length = |year: i64| if is_leap(year) { 366 } else { 365 };
    while day < begin {
        year -= 1;
        begin -= length(year);
    }
    while day >= begin + length(year) {
        begin += length(year);
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < begin + days {
            return (begin.saturating_mul(DAY_NS), (begin + days).saturating_mul(DAY_NS));
        }
        begin += days;
    }
    (begin.saturating_mul(DAY_NS), (begin + 31).saturating_mul(DAY_NS))
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// What the trades of an interval come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candle {
    /// Its begin.
    pub open_ns: Nanos,
    /// The begin of the next one.
    pub end_ns: Nanos,
    /// First price; without a trade the last one before, as are the other prices.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// How much was traded.
    pub volume: Amount,
    /// What that cost.
    pub quote_volume: Amount,
    /// How much of it buyers took.
    pub taker_volume: Amount,
    /// What that cost.
    pub taker_quote_volume: Amount,
    /// How many trades.
    pub trades: u64,
    /// The first trade's id.
    pub first_trade: Option<u64>,
    /// The last trade's id.
    pub last_trade: Option<u64>,
}

impl Candle {
    /// One without a trade.
    const fn flat(bounds: (Nanos, Nanos), price: Price) -> Self {
        Self {
            open_ns: bounds.0,
            end_ns: bounds.1,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0,
            quote_volume: 0,
            taker_volume: 0,
            taker_quote_volume: 0,
            trades: 0,
            first_trade: None,
            last_trade: None,
        }
    }

    /// Adds what came after it.
    fn join(&mut self, next: &Self) {
        if self.trades == 0 {
            (self.open, self.high, self.low) = (next.open, next.high, next.low);
            self.first_trade = next.first_trade;
        }
        self.high = self.high.max(next.high);
        self.low = self.low.min(next.low);
        self.close = next.close;
        self.volume += next.volume;
        self.quote_volume += next.quote_volume;
        self.taker_volume += next.taker_volume;
        self.taker_quote_volume += next.taker_quote_volume;
        self.trades += next.trades;
        self.last_trade = next.last_trade.or(self.last_trade);
    }
}

/// The candles of one length that have trades, the oldest falling out.
#[derive(Clone, Debug)]
pub(super) struct Candles {
    length_ns: Nanos,
    kept: usize,
    pub(super) all: VecDeque<Candle>,
}

impl Candles {
    /// None yet.
    pub(super) fn new(length_ns: Nanos, kept: usize) -> Self {
        Self { length_ns, kept: kept.max(1), all: VecDeque::new() }
    }

    /// Adds a trade.
    pub(super) fn add(&mut self, trade: &Trade) {
        let begin = trade.time_ns.div_euclid(self.length_ns) * self.length_ns;
        let mut one = Candle::flat((begin, begin.saturating_add(self.length_ns)), trade.price);
        one.volume = Amount::from(trade.qty);
        one.quote_volume = trade.quote;
        if trade.aggressor == Side::Buy {
            (one.taker_volume, one.taker_quote_volume) = (one.volume, one.quote_volume);
        }
        one.trades = 1;
        one.first_trade = Some(trade.id);
        one.last_trade = Some(trade.id);
        match self.all.back_mut() {
            Some(last) if last.open_ns == begin => last.join(&one),
            _ => {
                if self.all.len() == self.kept {
                    self.all.pop_front();
                }
                self.all.push_back(one);
            }
        }
    }

    /// The candles of `interval` that begin in `from_ns..=to_ns` and not after `now_ns`, those
    /// without trades as well: the first `limit` of them, or the last ones without a begin.
    pub(super) fn of(
        &self,
        interval: Interval,
        from_ns: Option<Nanos>,
        to_ns: Nanos,
        limit: usize,
    ) -> Vec<Candle> {
        let Some(oldest) = self.all.front() else { return Vec::new() };
        let first = interval.bounds(oldest.open_ns).0;
        if to_ns < first {
            return Vec::new();
        }
        if from_ns.is_some_and(|from| from > to_ns) {
            return Vec::new();
        }
        let mut from = first.max(from_ns.unwrap_or(first));
        if interval.bounds(from).0 < from {
            from = interval.bounds(from).1;
        }
        if from_ns.is_none() {
            // The last ones: step back from the end.
            let mut begin = interval.bounds(to_ns).0;
            for _ in 1..limit {
                begin = interval.bounds(begin.saturating_sub(1)).0;
                if begin <= from {
                    break;
                }
            }
            from = from.max(begin);
        }
        let mut place = self.all.partition_point(|candle| candle.open_ns < from);
        let mut price = match place.checked_sub(1).and_then(|before| self.all.get(before)) {
            Some(before) => before.close,
            None => oldest.open,
        };
        let mut out = Vec::new();
        let mut begin = from;
        while out.len() < limit && begin <= to_ns {
            let bounds = interval.bounds(begin);
            let mut candle = Candle::flat(bounds, price);
            while let Some(part) = self.all.get(place).filter(|part| part.open_ns < bounds.1) {
                candle.join(part);
                place += 1;
            }
            price = candle.close;
            out.push(candle);
            begin = bounds.1;
        }
        out
    }

    /// All since `from_ns` as one, and the last price before.
    pub(super) fn since(&self, from_ns: Nanos) -> (Option<Candle>, Option<Price>) {
        let place = self.all.partition_point(|candle| candle.open_ns < from_ns);
        let before = place.checked_sub(1).and_then(|at| self.all.get(at)).map(|c| c.close);
        let mut parts = self.all.range(place..);
        let sum = parts.next().map(|first| {
            parts.fold(*first, |mut sum, part| {
                sum.join(part);
                sum
            })
        });
        (sum, before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::SymbolId;

    fn trade(id: u64, at: Nanos, price: Price, qty: i64) -> Trade {
        Trade {
            symbol: SymbolId(0),
            id,
            price,
            qty,
            quote: i128::from(price * qty),
            aggressor: if id.is_multiple_of(2) { Side::Buy } else { Side::Sell },
            buyer: None,
            seller: None,
            time_ns: at * SECOND_NS,
        }
    }

    #[test]
    fn candles_are_without_holes() {
        let mut candles = Candles::new(MINUTE_NS, 100);
        for (id, at, price) in [(1, 61, 10), (2, 70, 14), (3, 119, 9), (4, 300, 12)] {
            candles.add(&trade(id, at, price, 2));
        }
        let to = 330 * SECOND_NS;
        let minutes = candles.of(Interval::Seconds(60), None, to, 10);
        let seen: Vec<_> = minutes
            .iter()
            .map(|c| (c.open_ns / SECOND_NS, c.open, c.high, c.low, c.close, c.volume, c.trades))
            .collect();
        let wanted = [
            (60, 10, 14, 9, 9, 6, 3),
            (120, 9, 9, 9, 9, 0, 0),
            (180, 9, 9, 9, 9, 0, 0),
            (240, 9, 9, 9, 9, 0, 0),
            (300, 12, 12, 12, 12, 2, 1),
        ];
        assert_eq!(seen, wanted);
        assert_eq!(minutes[0].taker_volume, 2);
        assert_eq!((minutes[0].first_trade, minutes[0].last_trade), (Some(1), Some(3)));
        let two = candles.of(Interval::Seconds(120), None, to, 2);
        let opens: Vec<_> = two.iter().map(|c| (c.open_ns / SECOND_NS, c.trades)).collect();
        assert_eq!(opens, [(120, 0), (240, 1)]);
        let from = candles.of(Interval::Seconds(60), Some(121 * SECOND_NS), to, 2);
        let opens: Vec<_> = from.iter().map(|c| c.open_ns / SECOND_NS).collect();
        assert_eq!(opens, [180, 240]);
        assert!(candles.of(Interval::Seconds(60), Some(to + 1), to, 2).is_empty());
    }

    #[test]
    fn weeks_and_months_begin_where_the_calendar_says() {
        // Tuesday the 29th of February 2000, 12:00.
        let at = 951_825_600 * SECOND_NS;
        let (begin, end) = Interval::Week.bounds(at);
        assert_eq!((begin / SECOND_NS, end / SECOND_NS), (951_696_000, 952_300_800));
        let (begin, end) = Interval::Month.bounds(at);
        assert_eq!((begin / SECOND_NS, end / SECOND_NS), (949_363_200, 951_868_800));
        let (begin, end) = Interval::Month.bounds(-1);
        assert_eq!((begin, end), (-31 * DAY_NS, 0));
    }
}
