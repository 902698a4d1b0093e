//! The market's candles as the spans that claims are judged by. Prices are in billionths.

use std::collections::HashMap;

use qt_strategies::quality::{Span, last_close};
use qt_trading::amount::Amount;
use qt_trading::time::Time;
use qt_trading::{Candle, Candles, MarketData};
use qt_types::Nanos;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

const SECOND_NS: i64 = 1_000_000_000;
const MINUTE_NS: i64 = 60 * SECOND_NS;
/// The market remembers the seconds of an hour, and the minutes of a week.
const SECONDS_NS: i64 = 55 * MINUTE_NS;
/// A quote is the price at an arrival only if that was just now.
const QUOTED_NS: i64 = 5 * SECOND_NS;
const E9: i64 = 1_000_000_000;

/// A price in billionths; none where it is too large.
#[must_use]
pub fn e9_of(price: Amount) -> Option<i64> {
    price.0.checked_mul(Decimal::from(E9))?.round().to_i64()
}

/// A price from billionths.
#[must_use]
pub fn amount_of(price_e9: i64) -> Amount {
    Amount(Decimal::new(price_e9, 9).normalize())
}

fn quoted(market: &dyn MarketData, symbol: &str) -> Option<i64> {
    let quote = market.quote(symbol)?;
    let middle = || Some(Amount(quote.bid?.0.checked_add(quote.ask?.0)? / Decimal::TWO));
    e9_of(quote.last.or_else(middle)?)
}

/// Spans by symbol and length, each asked for once.
pub struct Prices<'a> {
    market: &'a dyn MarketData,
    over: Time,
    known: HashMap<(String, i64), Vec<Span>>,
}

impl<'a> Prices<'a> {
    /// Of what was over at `over`: until then the market has told everything.
    #[must_use]
    pub fn new(market: &'a dyn MarketData, over: Time) -> Self {
        Self { market, over, known: HashMap::new() }
    }

    /// The spans of `symbol` for what arrived at `at`: seconds where they are all there, else
    /// minutes. They may begin before.
    pub fn since(&mut self, symbol: &str, at: Time) -> &[Span] {
        let is_new = self.over.0.saturating_sub(at.0) < SECONDS_NS;
        self.spans(symbol, if is_new { SECOND_NS } else { MINUTE_NS })
    }

    /// The last price of `symbol` at `at`: that of the last span that was over by then, or the
    /// quote where there is none yet.
    pub fn last(&mut self, symbol: &str, at: Time) -> Option<i64> {
        let ns = Nanos::new(at.0);
        let known = last_close(self.since(symbol, at), ns);
        let known = known.or_else(|| last_close(self.spans(symbol, MINUTE_NS), ns));
        let is_now = self.over.0.saturating_sub(at.0) <= QUOTED_NS;
        known.or_else(|| quoted(self.market, symbol).filter(|_| is_now))
    }

    fn spans(&mut self, symbol: &str, interval_ns: i64) -> &[Span] {
        let (market, over) = (self.market, Nanos::new(self.over.0));
        self.known.entry((symbol.to_owned(), interval_ns)).or_insert_with(|| {
            let which = Candles { interval_ns, from: None, to: None, limit: usize::MAX };
            let candles = market.candles(symbol, which).unwrap_or_default();
            let spans = candles.iter().filter_map(|candle| span(candle, interval_ns));
            spans.filter(|span| span.to_ns <= over).collect()
        })
    }
}

fn span(candle: &Candle, interval_ns: i64) -> Option<Span> {
    Some(Span {
        from_ns: Nanos::new(candle.open_time.0),
        to_ns: Nanos::new(candle.open_time.0.saturating_add(interval_ns)),
        open: e9_of(candle.open)?,
        high: e9_of(candle.high)?,
        low: e9_of(candle.low)?,
        close: e9_of(candle.close)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn billionths_and_back() {
        for e9 in [0, 1, -1, 43_250_250_000_000, i64::MAX] {
            assert_eq!(e9_of(amount_of(e9)), Some(e9));
        }
        assert_eq!(amount_of(1_500_000_000).to_string(), "1.5");
        assert_eq!(e9_of(Amount(Decimal::MAX)), None);
    }
}
