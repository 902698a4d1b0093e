//! What a strategy asks for, on its way to another stage.

use qt_types::{Intent, StrategyId, Timer};
use serde::{Deserialize, Serialize};

use crate::algo::Ask;

/// A part of what a strategy has asked for: as much as fits into an item of a ring. Only a
/// [`super::LeadStrategy`] makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    bytes: [u8; BYTES],
    len: u8,
    /// Whether the next one belongs to the same thing asked for.
    goes_on: bool,
}

const BYTES: usize = 126;
const _: () = assert!(size_of::<Wish>() == 128, "two lines of memory, as an event");

/// Whatever is asked for at once is no longer than this: a parent order with its curve.
const SAID_BYTES_MAX: usize = 512;

/// What a strategy says in one call, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Said {
    /// Of several strategies, which of them asks.
    Intent(Intent, Option<StrategyId>),
    Wake(Timer),
    Ask(Ask),
    /// That was all in this call, the number of which it is (from 1), in so many parts.
    Done {
        call: u64,
        parts: u32,
    },
}

impl Said {
    /// Puts it out in parts; false when it could not be written or is not taken.
    pub(super) fn put(&self, mut put: impl FnMut(Wish) -> bool) -> bool {
        let mut room = [0; SAID_BYTES_MAX];
        let Ok(said) = postcard::to_slice(self, &mut room) else { return false };
        let count = said.len().div_ceil(BYTES);
        said.chunks(BYTES).enumerate().all(|(at, part)| {
            let mut wish = Wish { bytes: [0; BYTES], len: 0, goes_on: at + 1 < count };
            for (byte, said) in wish.bytes.iter_mut().zip(part) {
                *byte = *said;
                wish.len += 1;
            }
            put(wish)
        })
    }
}

/// The parts of what was said, put together again.
#[derive(Debug)]
pub(super) struct Heard {
    bytes: [u8; SAID_BYTES_MAX],
    len: usize,
}

/// What comes of one part more.
#[expect(clippy::large_enum_variant, reason = "one at a time; a box would allocate")]
pub(super) enum Part {
    /// The whole.
    Said(Said),
    /// There is more to come.
    GoesOn,
    /// It is nothing that a strategy says.
    Wrong,
}

impl Heard {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; SAID_BYTES_MAX], len: 0 }
    }

    pub(super) fn hear(&mut self, wish: &Wish) -> Part {
        let part = wish.bytes.get(..usize::from(wish.len)).unwrap_or_default();
        let Some(room) = self.bytes.get_mut(self.len..self.len + part.len()) else {
            return Part::Wrong;
        };
        room.copy_from_slice(part);
        self.len += part.len();
        if wish.goes_on {
            return Part::GoesOn;
        }
        let whole = self.bytes.get(..self.len).unwrap_or_default();
        self.len = 0;
        postcard::from_bytes(whole).map_or(Part::Wrong, Part::Said)
    }
}

#[cfg(test)]
mod tests {
    use qt_types::{InstrumentId, Nanos, OrderKind, ParentId, Place, Price, Qty, Side};

    use super::*;
    use crate::algo::{Algo, Execute, SLICES_MAX};

    /// The longest of each kind comes out as it went in.
    #[test]
    fn what_is_said_is_heard() {
        let price = Price::from_ticks(i64::MIN);
        let kind = OrderKind::StopLimit { trigger: price, limit: price };
        let place = Place::new(InstrumentId(u16::MAX), Side::Sell, kind);
        let execute = Execute {
            instrument: InstrumentId(u16::MAX),
            side: Side::Sell,
            qty: Qty::from_lots(i64::MAX),
            algo: Algo::twap(SLICES_MAX),
            duration_ns: i64::MAX,
            patience_ns: i64::MAX,
            limit: Some(price),
        };
        let all = [
            Said::Intent(Intent::Place(place), Some(StrategyId(u16::MAX))),
            Said::Wake(Timer { due_ns: Nanos::MIN, token: 7, strategy: StrategyId::FIRST }),
            Said::Ask(Ask::Execute(ParentId(u32::MAX), StrategyId(u16::MAX), execute)),
            Said::Done { call: u64::MAX, parts: u32::MAX },
        ];
        let mut parts = Vec::new();
        let mut heard = Heard::new();
        for said in all {
            let from = parts.len();
            assert!(said.put(|wish| {
                parts.push(wish);
                true
            }));
            let mut is_whole = false;
            for (at, wish) in parts[from..].iter().enumerate() {
                match heard.hear(wish) {
                    Part::Said(now) => {
                        is_whole = at + 1 == parts.len() - from;
                        assert_eq!(now, said);
                    }
                    Part::GoesOn => {}
                    Part::Wrong => panic!("{said:?}"),
                }
            }
            assert!(is_whole, "{said:?}");
        }
        assert!(parts.len() > all.len(), "some of it goes in parts");
        // Nonsense is no wish, and neither is one without an end.
        let mut wrong = parts[0];
        wrong.bytes.fill(0xFF);
        assert!(matches!(Heard::new().hear(&wrong), Part::Wrong));
        let endless = Wish { goes_on: true, len: BYTES as u8, ..wrong };
        assert!((0..5).any(|_| matches!(heard.hear(&endless), Part::Wrong)));
    }
}
