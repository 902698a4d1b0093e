//! The naive book: a map a side, keyed by the exact price.

use std::collections::BTreeMap;

use qt_codec::{Level, Number, Update};
use qt_types::{Side, TickKind};

/// A price in units of 10^-18: numbers of all scales compare.
fn key(number: Number) -> i128 {
    i128::from(number.mantissa()) * 10_i128.pow(18 - u32::from(number.decimals()))
}

/// The book of one symbol.
#[derive(Default)]
pub struct Book {
    pub bids: BTreeMap<i128, Level>,
    pub asks: BTreeMap<i128, Level>,
    /// Closed updates of levels that were no snapshot.
    pub applied: u64,
    pub gaps: u64,
    /// The id of the last update.
    pub last: u64,
}

impl Book {
    pub fn apply(&mut self, update: &Update) {
        let side = match update.side {
            Some(Side::Buy) => &mut self.bids,
            _ => &mut self.asks,
        };
        match update.kind {
            TickKind::Clear => side.clear(),
            TickKind::Level if update.qty.is_zero() => {
                side.remove(&key(update.price));
            }
            TickKind::Level => {
                let level = Level { price: update.price, qty: update.qty };
                side.insert(key(update.price), level);
            }
            TickKind::Gap => self.gaps += 1,
            _ => return,
        }
        self.last = update.sequence;
        let snapshot = update.flags.has(qt_types::TickFlags::SNAPSHOT);
        self.applied += u64::from(update.is_last() && !snapshot && update.kind == TickKind::Level);
    }

    /// The best `n` bids, then the best `n` asks, as `[price, quantity]` in the venue's digits.
    pub fn top(&self, n: usize) -> [Vec<[String; 2]>; 2] {
        let text = |level: &Level| [level.price.to_string(), level.qty.to_string()];
        [
            self.bids.values().rev().take(n).map(text).collect(),
            self.asks.values().take(n).map(text).collect(),
        ]
    }

    /// The best ten of both sides without zeros at the end: `1.5x2;1.4x1|1.6x3`.
    pub fn top10_text(&self) -> String {
        let text =
            |level: &Level| format!("{}x{}", level.price.normalized(), level.qty.normalized());
        let bids: Vec<String> = self.bids.values().rev().take(10).map(text).collect();
        let asks: Vec<String> = self.asks.values().take(10).map(text).collect();
        format!("{}|{}", bids.join(";"), asks.join(";"))
    }

    pub fn is_crossed(&self) -> bool {
        match (self.bids.last_key_value(), self.asks.first_key_value()) {
            (Some((bid, _)), Some((ask, _))) => bid >= ask,
            _ => false,
        }
    }
}

/// The books of all symbols of a decoder.
#[derive(Default)]
pub struct Books(pub BTreeMap<u16, Book>);

impl Books {
    /// Applies updates; counts the closed updates after which a book was crossed.
    pub fn apply(&mut self, updates: &[Update]) -> usize {
        let mut crossed = 0;
        for update in updates {
            let book = self.0.entry(update.symbol.0).or_default();
            book.apply(update);
            crossed += usize::from(update.is_last() && book.is_crossed());
        }
        crossed
    }
}
