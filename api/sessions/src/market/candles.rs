//! Candles of seconds and minutes, from which all others are made.

use std::collections::VecDeque;

const SECOND_NS: i64 = 1_000_000_000;
const MINUTE_NS: i64 = 60 * SECOND_NS;
/// An hour of seconds, and a week of minutes.
const SECONDS_KEPT: usize = 3_600;
const MINUTES_KEPT: usize = 7 * 24 * 60;

/// A candle in ticks and lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawCandle {
    /// Where it begins (UTC ns).
    pub open_ns: i64,
    /// Open, high, low and close.
    pub prices: [i64; 4],
    /// Traded lots.
    pub volume: i64,
}

impl RawCandle {
    const fn of(open_ns: i64, price: i64, volume: i64) -> Self {
        Self { open_ns, prices: [price; 4], volume }
    }

    fn add(&mut self, later: &Self) {
        let [_, high, low, _] = self.prices;
        let [_, later_high, later_low, close] = later.prices;
        self.prices[1] = high.max(later_high);
        self.prices[2] = low.min(later_low);
        self.prices[3] = close;
        self.volume = self.volume.saturating_add(later.volume);
    }
}

/// Those of one instrument.
#[derive(Debug, Default)]
pub struct CandleStore {
    seconds: VecDeque<RawCandle>,
    minutes: VecDeque<RawCandle>,
}

impl CandleStore {
    /// A trade; the minute before comes back where it is over now.
    pub fn trade(&mut self, at_ns: i64, price: i64, lots: i64) -> Option<RawCandle> {
        let before = self.minute();
        put(&mut self.seconds, (SECOND_NS, SECONDS_KEPT), at_ns, price, lots);
        put(&mut self.minutes, (MINUTE_NS, MINUTES_KEPT), at_ns, price, lots);
        let now = self.minute();
        before.filter(|it| now.is_some_and(|now| now.open_ns != it.open_ns))
    }

    /// The minute that is not over.
    pub fn minute(&self) -> Option<RawCandle> {
        self.minutes.back().copied()
    }

    /// Minutes of an earlier process, oldest first.
    pub fn recall(&mut self, minutes: Vec<RawCandle>) {
        let last_ns = self.minute().map_or(i64::MIN, |last| last.open_ns);
        self.minutes.extend(minutes.into_iter().filter(|it| it.open_ns > last_ns));
        let first = self.minutes.len().saturating_sub(MINUTES_KEPT);
        self.minutes.drain(..first);
    }

    /// From where on minutes that memory does not have would be in an answer of [`Self::get`] (UTC
    /// ns), and where memory begins; none where it has all of them.
    pub fn missing(&self, interval_ns: i64, range: (i64, i64), limit: usize) -> Option<(i64, i64)> {
        if interval_ns % MINUTE_NS != 0 {
            return None;
        }
        let begins_ns = self.minutes.front().map_or(i64::MAX, |first| first.open_ns);
        let upper_ns = range.1.min(self.minutes.back().map_or(range.1, |last| last.open_ns));
        let span_ns = i64::try_from(limit).unwrap_or(i64::MAX).saturating_mul(interval_ns);
        let from_ns = range.0.max(upper_ns.saturating_sub(span_ns));
        let from_ns = from_ns.saturating_sub(from_ns.rem_euclid(interval_ns));
        (from_ns < begins_ns).then(|| (from_ns, begins_ns.min(range.1)))
    }

    /// At most `limit` candles of `interval_ns` that begin in `from_ns..to_ns` (UTC), the latest
    /// ones, oldest first, of `older` minutes and those in memory. Intervals are whole seconds;
    /// those that are not are cut to one.
    pub fn get(
        &self,
        older: &[RawCandle],
        interval_ns: i64,
        range: (i64, i64),
        limit: usize,
    ) -> Vec<RawCandle> {
        let interval_ns = (interval_ns - interval_ns % SECOND_NS).max(SECOND_NS);
        let is_minutes = interval_ns % MINUTE_NS == 0;
        let source = if is_minutes { &self.minutes } else { &self.seconds };
        let mut candles: Vec<RawCandle> = Vec::new();
        for candle in older.iter().chain(source) {
            let open_ns = candle.open_ns - candle.open_ns.rem_euclid(interval_ns);
            if open_ns < range.0 || open_ns >= range.1 {
                continue;
            }
            match candles.last_mut().filter(|last| last.open_ns == open_ns) {
                Some(last) => last.add(candle),
                None => candles.push(RawCandle { open_ns, ..*candle }),
            }
        }
        let first = candles.len().saturating_sub(limit);
        candles.split_off(first)
    }
}

fn put(
    to: &mut VecDeque<RawCandle>,
    (interval_ns, kept): (i64, usize),
    at_ns: i64,
    price: i64,
    lots: i64,
) {
    let open_ns = at_ns - at_ns.rem_euclid(interval_ns);
    let candle = RawCandle::of(open_ns, price, lots);
    match to.back_mut().filter(|last| last.open_ns >= open_ns) {
        Some(last) => last.add(&candle),
        None => {
            if to.len() == kept {
                to.pop_front();
            }
            to.push_back(candle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candles_of_any_length_come_from_seconds_and_minutes() {
        let mut store = CandleStore::default();
        for (second, price) in [(0, 10), (1, 13), (59, 9), (60, 11), (125, 12)] {
            let over = store.trade(second * SECOND_NS + 5, price, 2).map(|it| it.open_ns);
            let wanted = match second {
                60 => Some(0),
                125 => Some(MINUTE_NS),
                _ => None,
            };
            assert_eq!(over, wanted);
        }
        let all = (i64::MIN, i64::MAX);
        let minutes = store.get(&[], MINUTE_NS, all, 9);
        assert_eq!(minutes.len(), 3);
        assert_eq!(minutes[0].prices, [10, 13, 9, 9]);
        assert_eq!(minutes[0].volume, 6);
        let of_two = store.get(&[], 2 * MINUTE_NS, all, 9);
        assert_eq!(of_two[0].prices, [10, 13, 9, 11]);
        assert_eq!(store.get(&[], 30 * SECOND_NS, all, 2).len(), 2);
        assert_eq!(store.get(&[], MINUTE_NS, (MINUTE_NS, 2 * MINUTE_NS), 9), minutes[1..2]);
    }

    #[test]
    fn older_minutes_come_before_those_in_memory() {
        let minute = |at: i64| RawCandle::of(at * MINUTE_NS, at, 1);
        let mut store = CandleStore::default();
        store.recall(vec![minute(10), minute(11)]);
        assert_eq!(store.trade(11 * MINUTE_NS + 1, 11, 1), None);
        assert_eq!(store.minutes[1].volume, 2, "one minute in two lives");
        let all = (i64::MIN, i64::MAX);
        assert_eq!(store.missing(MINUTE_NS, all, 2), Some((9 * MINUTE_NS, 10 * MINUTE_NS)));
        assert_eq!(store.missing(MINUTE_NS, (10 * MINUTE_NS, i64::MAX), 9), None);
        assert_eq!(store.missing(SECOND_NS, all, 9), None);
        let older: Vec<RawCandle> = (6..10).map(minute).collect();
        let five = store.get(&older, 5 * MINUTE_NS, all, 9);
        assert_eq!(five.iter().map(|it| it.open_ns / MINUTE_NS).collect::<Vec<_>>(), [5, 10]);
        assert_eq!(five[0].prices, [6, 9, 6, 9]);
        assert_eq!(store.get(&older, MINUTE_NS, all, 3).len(), 3);
    }
}
