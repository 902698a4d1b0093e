//! The volatility of each instrument's recent prices, in integers.
//!
//! A return is the change of the price over the price before it, in billionths, rounded half-even.
//! From the last `window` of them: variance = (n Σr² - (Σr)²) / (n (n - 1)), times the periods of a
//! year, and the root of that, both rounded down. That is all the rounding there is.

use qt_engine::{Exposure, stored};
use qt_types::{E9, Event, InstrumentId, Payload, Price, round_half_even};
use serde::{Deserialize, Serialize};

/// A return beyond this (a thousandfold) counts as this much.
const RETURN_MAX_E9: i128 = 1_000_000_000_000;

/// What the prices are, and how many of them a year has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    /// Time between two marks, in nanoseconds; 0: the closes of bars.
    pub interval_ns: i64,
    /// Prices in a year, in thousandths.
    pub periods_e3: i64,
}

/// The recent returns of every instrument.
#[derive(Clone, Debug)]
pub(crate) struct Volatility {
    prices: Prices,
    rows: Vec<Returns>,
}

#[derive(Clone, Debug)]
struct Returns {
    last: i64,
    due_ns: i64,
    ring: Vec<i64>,
    next: usize,
    len: usize,
    sum: i128,
    squares: i128,
}

stored!(Volatility {
    each: rows;
    same: prices;
});
stored!(Returns {
    state: last, due_ns, next, len, sum, squares;
    each: ring;
    sound: Returns::is_sound;
});

impl Volatility {
    /// Room for the last `window` returns of so many instruments. At least two make a volatility.
    pub(crate) fn new(prices: Prices, window: u16, instruments: usize) -> Self {
        let ring = vec![0; usize::from(window).max(2)];
        let row = Returns { last: 0, due_ns: i64::MIN, ring, next: 0, len: 0, sum: 0, squares: 0 };
        Self { prices, rows: vec![row; instruments] }
    }

    /// Takes in an event.
    #[inline]
    pub(crate) fn on(&mut self, event: &Event, exposure: &Exposure<'_>) {
        let interval_ns = self.prices.interval_ns;
        let Some(row) = self.rows.get_mut(event.instrument.index()) else { return };
        match event.payload {
            Payload::Bar(bar) if interval_ns == 0 => row.push(bar.close),
            Payload::Trade(_) | Payload::Tick(_) | Payload::Order(_) if interval_ns > 0 => {
                let now_ns = event.recv_ns.get();
                if now_ns >= row.due_ns
                    && let Some(mark) = exposure.market.mark(event.instrument)
                {
                    let began = now_ns.div_euclid(interval_ns);
                    row.due_ns = began.saturating_add(1).saturating_mul(interval_ns);
                    row.push(mark);
                }
            }
            _ => {}
        }
    }

    /// The volatility of a year in billionths; `None` before the window is full.
    pub(crate) fn annual_e9(&self, instrument: InstrumentId) -> Option<i64> {
        let row = self.rows.get(instrument.index()).filter(|row| row.len == row.ring.len())?;
        let count = row.len as i128;
        let variance = (count * row.squares - row.sum * row.sum) / (count * (count - 1));
        let annual = variance.saturating_mul(i128::from(self.prices.periods_e3)) / 1_000;
        i64::try_from(annual.max(0).unsigned_abs().isqrt()).ok()
    }
}

impl Returns {
    const fn is_sound(&self) -> bool {
        self.next < self.ring.len() && self.len <= self.ring.len()
    }

    fn push(&mut self, price: Price) {
        let before = std::mem::replace(&mut self.last, price.ticks());
        if before <= 0 || price.ticks() <= 0 {
            return;
        }
        let change = i128::from(price.ticks()) - i128::from(before);
        let change = round_half_even(change * i128::from(E9), i128::from(before));
        let change = change.clamp(-RETURN_MAX_E9, RETURN_MAX_E9);
        let oldest = std::mem::replace(&mut self.ring[self.next], change as i64);
        self.next = (self.next + 1) % self.ring.len();
        if self.len == self.ring.len() {
            self.sum -= i128::from(oldest);
            self.squares -= i128::from(oldest) * i128::from(oldest);
        }
        self.len = (self.len + 1).min(self.ring.len());
        self.sum += change;
        self.squares += change * change;
    }
}

#[cfg(test)]
mod tests {
    use qt_engine::{Ledger, Market, OrderTable};
    use qt_types::{Bar, BarFlags, Cash, Nanos, Qty, Seq, VenueId};

    use super::*;

    fn event(at: i64, payload: Payload) -> Event {
        let (recv_ns, venue_ns) = (Nanos::new(at), Nanos::new(at));
        let instrument = InstrumentId(0);
        Event { seq: Seq::default(), recv_ns, venue_ns, instrument, venue: VenueId(0), payload }
    }

    fn feed(volatility: &mut Volatility, market: &mut Market, event: &Event) {
        market.on(event);
        let (ledger, orders) = (Ledger::new(Cash::ZERO, 1), OrderTable::new(0, 1));
        let exposure = Exposure { specs: &[], market, ledger: &ledger, orders: &orders };
        volatility.on(event, &exposure);
    }

    fn bar(close: i64) -> Payload {
        let price = Price::from_ticks(close);
        Payload::Bar(Bar {
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Qty::from_lots(1),
            half_spread: Default::default(),
            flags: BarFlags::NONE,
            row: 0,
            open_ns: Nanos::new(0),
        })
    }

    #[test]
    fn of_closes_by_hand() {
        // 100, 110, 99, 99: returns +0.1, -0.1, 0. Their squares sum to 0.02, they to nothing:
        // variance 3 x 0.02 / (3 x 2) = 0.01, of 252 closes a year 2.52, its root 1.587450786...
        let prices = Prices { interval_ns: 0, periods_e3: 252_000 };
        let mut volatility = Volatility::new(prices, 3, 1);
        let mut market = Market::new(1);
        for (at, close) in [100, 110, 99, 99].into_iter().enumerate() {
            assert_eq!(volatility.annual_e9(InstrumentId(0)), None, "{at} closes are too few");
            feed(&mut volatility, &mut market, &event(at as i64, bar(close)));
        }
        assert_eq!(volatility.annual_e9(InstrumentId(0)), Some(1_587_450_786));
        // The first return leaves: -0.1, 0, 0 have the variance (3 x 0.01 - 0.01) / 6 = 1 / 300,
        // times 252 is 0.84 (0.839999916 with the variance rounded down), its root 0.916515138...
        feed(&mut volatility, &mut market, &event(9, bar(99)));
        let annual = volatility.annual_e9(InstrumentId(0)).unwrap();
        assert!((annual - 916_515_138).abs() <= 1, "{annual}");
    }

    #[test]
    fn of_marks_at_even_times() {
        let prices = Prices { interval_ns: 10, periods_e3: 1_000 };
        let mut volatility = Volatility::new(prices, 2, 1);
        let mut market = Market::new(1);
        let trade = |price: i64| {
            Payload::Trade(qt_types::Trade {
                price: Price::from_ticks(price),
                qty: Qty::from_lots(1),
                aggressor: None,
                flags: BarFlags::NONE,
                row: 0,
            })
        };
        // Looked at: 100 at 1, 110 at 12, 99 at 25. What comes between two marks is not.
        for (at, price) in [(1, 100), (5, 500), (9, 7), (12, 110), (19, 1), (25, 99)] {
            feed(&mut volatility, &mut market, &event(at, trade(price)));
        }
        // +0.1 and -0.1: variance 2 x 0.02 / 2 = 0.02, one mark a year, root 0.141421356...
        assert_eq!(volatility.annual_e9(InstrumentId(0)), Some(141_421_356));
    }
}
