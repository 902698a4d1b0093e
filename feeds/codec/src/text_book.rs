//! The book that a checksum is computed from: it keeps the venue's digits. Only venues that send
//! checksums have one.

use qt_types::Side;

use crate::checksum::Scheme;
use crate::feed::Sides;
use crate::{Level, Number};

/// Most levels of a side where the venue sets no limit; the worst ones go first.
const SIDE_LEVELS_MAX: usize = 1 << 14;

/// The levels of one side, best last: changes are near the best price.
#[derive(Debug, Default)]
struct BookSide {
    levels: Vec<Level>,
}

impl BookSide {
    /// Where `price` is, or where it would have to be put.
    fn place(&self, side: Side, price: Number) -> Result<usize, usize> {
        self.levels.binary_search_by(|level| match side {
            Side::Buy => level.price.cmp(&price),
            Side::Sell => price.cmp(&level.price),
        })
    }

    fn apply(&mut self, side: Side, level: Level) {
        match (self.place(side, level.price), level.qty.is_zero()) {
            (Ok(at), true) => {
                self.levels.remove(at);
            }
            (Ok(at), false) => self.levels[at] = level,
            (Err(_), true) => {}
            (Err(at), false) => self.levels.insert(at, level),
        }
    }
}

/// A book that can compute its checksum.
#[derive(Debug)]
pub(crate) struct TextBook {
    scheme: Scheme,
    depth: usize,
    bids: BookSide,
    asks: BookSide,
}

impl TextBook {
    /// An empty book. `depth`: how many levels a side the subscription keeps; levels pushed out of
    /// it are never deleted by a message.
    pub(crate) fn new(scheme: Scheme, depth: Option<usize>) -> Self {
        let depth = depth.unwrap_or(SIDE_LEVELS_MAX).clamp(1, SIDE_LEVELS_MAX);
        Self { scheme, depth, bids: BookSide::default(), asks: BookSide::default() }
    }

    /// Applies the changes of one message, in their order. `pushed_out` gets what leaves the depth.
    pub(crate) fn apply(&mut self, sides: &Sides, mut pushed_out: impl FnMut(Side, Number)) {
        for (side, changes, book) in
            [(Side::Buy, &sides.bids, &mut self.bids), (Side::Sell, &sides.asks, &mut self.asks)]
        {
            for (at, level) in changes.iter().enumerate() {
                book.apply(side, *level);
                // Between the changes only what memory demands: a deletion may still follow.
                let last = at + 1 == changes.len();
                let most = if last { self.depth } else { SIDE_LEVELS_MAX };
                let excess = book.levels.len().saturating_sub(most);
                for gone in book.levels.drain(..excess) {
                    pushed_out(side, gone.price);
                }
            }
        }
    }

    /// The checksum of the book as it is.
    pub(crate) fn crc(&self) -> u32 {
        self.scheme.crc(self.bids.levels.iter().rev(), self.asks.levels.iter().rev())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn number(value: i64) -> Number {
        Number::new(value, 0).unwrap()
    }

    proptest! {
        /// Against a map that is cut to the depth after each message.
        #[test]
        fn it_is_the_map_cut_to_its_depth(
            messages in prop::collection::vec(
                prop::collection::vec((any::<bool>(), 1_i64..30, 0_i64..4), 1..6), 1..30),
            depth in 1_usize..8,
        ) {
            let mut book = TextBook::new(Scheme::ByTurns, Some(depth));
            let (mut bids, mut asks) = (BTreeMap::new(), BTreeMap::new());
            for message in messages {
                let mut sides = Sides::default();
                for (buy, price, qty) in message {
                    let level = Level { price: number(price), qty: number(qty) };
                    let (list, map, key) = if buy {
                        (&mut sides.bids, &mut bids, -price)
                    } else {
                        (&mut sides.asks, &mut asks, price)
                    };
                    list.push(level);
                    if qty == 0 { map.remove(&key); } else { map.insert(key, level); }
                }
                let mut out = 0;
                book.apply(&sides, |_, _| out += 1);
                let mut cut = 0;
                for map in [&mut bids, &mut asks] {
                    while map.len() > depth {
                        map.pop_last();
                        cut += 1;
                    }
                }
                prop_assert_eq!(out, cut);
                prop_assert_eq!(book.crc(), Scheme::ByTurns.crc(bids.values(), asks.values()));
            }
        }
    }
}
