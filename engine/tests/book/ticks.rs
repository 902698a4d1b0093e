//! Random ticks of a book, for its tests.

use std::ops::Range;

use proptest::prelude::*;
use qt_types::{Side, Tick, TickFlags, TickKind};

/// The last tick of an update.
pub const LAST: TickFlags = TickFlags::LAST;

/// A tick in the middle of an update.
pub fn tick(kind: TickKind, side: Side, price: i64, lots: i64) -> Tick {
    let flags = if side == Side::Sell { TickFlags::ASK } else { TickFlags::NONE };
    let (kind, flags) = (kind as u8, flags.bits());
    Tick { venue_ns: 0, price, qty: lots, latency_ns: 0, instrument: 0, kind, flags }
}

/// A level of the bids, in the middle of an update.
pub fn bid(price: i64, lots: i64) -> Tick {
    tick(TickKind::Level, Side::Buy, price, lots)
}

/// A level of the asks, in the middle of an update.
pub fn ask(price: i64, lots: i64) -> Tick {
    tick(TickKind::Level, Side::Sell, price, lots)
}

/// More flags on a tick.
pub trait With {
    /// The tick with `flags` as well.
    fn with(self, flags: TickFlags) -> Self;
}

impl With for Tick {
    fn with(self, flags: TickFlags) -> Self {
        Self { flags: self.flags | flags.bits(), ..self }
    }
}

/// The numbers of kinds: levels mostly, everything else and a number without a kind too.
fn kind() -> impl Strategy<Value = u8> {
    prop_oneof![
        90 => Just(TickKind::Level as u8),
        8 => Just(TickKind::Top as u8),
        4 => Just(TickKind::Trade as u8),
        1 => Just(TickKind::Clear as u8),
        1 => Just(TickKind::Gap as u8),
        2 => Just(TickKind::Status as u8),
        1 => Just(TickKind::Mark as u8),
        1 => 7_u8..10,
    ]
}

fn lots() -> impl Strategy<Value = i64> {
    prop_oneof![10 => Just(0), 30 => 1_i64..4, 1 => any::<i64>()]
}

/// Ticks without any sense: near, far, out of all range, crossed.
pub fn wild() -> impl Strategy<Value = Tick> {
    let near = 10_000_i64;
    let price = prop_oneof![
        60 => near - 100..near + 100,
        20 => near - 1_000..near + 1_000,
        10 => -100_000_i64..100_000,
        2 => any::<i64>(),
    ];
    (kind(), price, lots(), any::<u8>(), any::<u16>()).prop_map(|(kind, price, qty, flags, ns)| {
        let venue_ns = i64::from(ns);
        Tick { venue_ns, price, qty, latency_ns: 0, instrument: 0, kind, flags }
    })
}

/// A market: bids below a price that walks, asks above it; rarely crossed.
pub fn walk(count: Range<usize>) -> impl Strategy<Value = Vec<Tick>> {
    let distance = prop_oneof![70 => 0_i64..20, 20 => 0_i64..300, 10 => 0_i64..20_000];
    let step = prop_oneof![20 => Just(0_i64), 5 => -3_i64..=3, 1 => -400_i64..=400];
    let one = (wild(), distance, step);
    prop::collection::vec(one, count).prop_map(|parts| {
        let mut middle = 10_000;
        parts
            .into_iter()
            .map(|(tick, distance, step)| {
                middle += step;
                Tick { price: middle - tick.side().sign() * (distance + 1), ..tick }
            })
            .collect()
    })
}
