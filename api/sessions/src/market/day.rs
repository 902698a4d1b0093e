//! The figures of a UTC day.

/// A day in nanoseconds.
pub const DAY_NS: i64 = 86_400_000_000_000;

/// First, highest, lowest and last price of a day, in ticks, and what was traded, in lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayFigures {
    day: i64,
    /// None before the first trade.
    pub prices: Option<[i64; 3]>,
    /// Lots.
    pub volume: i64,
}

impl DayFigures {
    /// The day begins anew where `at_ns` (UTC) lies in another one.
    pub fn turn(&mut self, at_ns: i64) {
        let day = at_ns.div_euclid(DAY_NS);
        if day != self.day {
            *self = Self { day, prices: None, volume: 0 };
        }
    }

    /// A trade of `lots` at `price` ticks.
    pub fn trade(&mut self, at_ns: i64, price: i64, lots: i64) {
        self.turn(at_ns);
        let [open, high, low] = self.prices.unwrap_or([price; 3]);
        self.prices = Some([open, high.max(price), low.min(price)]);
        self.volume = self.volume.saturating_add(lots);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_anew_at_midnight() {
        let mut day = DayFigures::default();
        day.trade(5, 10, 1);
        day.trade(6, 12, 2);
        day.trade(7, 9, 3);
        assert_eq!((day.prices, day.volume), (Some([10, 12, 9]), 6));
        day.trade(DAY_NS, 11, 4);
        assert_eq!((day.prices, day.volume), (Some([11; 3]), 4));
        day.turn(3 * DAY_NS);
        assert_eq!(day.prices, None);
    }
}
