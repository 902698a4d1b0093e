//! One change of a market as a tick store holds it and a replay plays it: smaller than an event,
//! because a replay is bound by the bytes that it reads.

use crate::{Nanos, Price, Qty, Side};

/// What a [`Tick`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TickKind {
    /// The quantity at one price of one side is now `qty` (zero: the price is empty).
    Level = 0,
    /// The best price of one side is now `price` with `qty`: whatever the book held at better
    /// prices of that side is gone. Feeds that only tell the best prices consist of these: a
    /// side of which no [`Self::Level`] was told since its last [`Self::Clear`] holds no other
    /// price, and the best price before is gone too.
    Top = 1,
    /// A trade of `qty` at `price`; the side is the aggressor's.
    Trade = 2,
    /// The side is emptied, a snapshot follows. Price and quantity are zero.
    Clear = 3,
    /// The feed may have lost something: the book is not to be trusted until both sides have
    /// seen a [`Self::Clear`].
    Gap = 4,
    /// Trading stops (`qty` 0) or goes on (`qty` 1).
    Status = 5,
    /// The venue's mark price, in ticks.
    Mark = 6,
    /// A funding settlement: `qty` is the rate in billionths, longs pay when it is positive;
    /// `price` is the mark at that instant.
    Funding = 7,
}

impl TickKind {
    /// All kinds, at the place of their number.
    pub const ALL: [Self; 8] = [
        Self::Level,
        Self::Top,
        Self::Trade,
        Self::Clear,
        Self::Gap,
        Self::Status,
        Self::Mark,
        Self::Funding,
    ];

    /// The kind with number `number`.
    #[must_use]
    #[inline]
    pub const fn from_number(number: u8) -> Option<Self> {
        if (number as usize) < Self::ALL.len() { Some(Self::ALL[number as usize]) } else { None }
    }
}

/// Facts about a [`Tick`] or an [`OrderTick`], as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct TickFlags(u8);

impl TickFlags {
    /// None.
    pub const NONE: Self = Self(0);
    /// It is about the ask side, or the aggressor sold. Without it: bid, or bought.
    pub const ASK: Self = Self(1);
    /// The last one of an update of the venue: what a strategy may see is complete.
    pub const LAST: Self = Self(2);
    /// Part of a snapshot.
    pub const SNAPSHOT: Self = Self(4);
    /// The source does not say who took liquidity.
    pub const NO_AGGRESSOR: Self = Self(8);

    /// Those of `side` of a book.
    #[must_use]
    pub const fn of(side: Side) -> Self {
        match side {
            Side::Buy => Self::NONE,
            Side::Sell => Self::ASK,
        }
    }

    /// Flags from their bits; bits without a meaning are kept.
    #[must_use]
    #[inline]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    #[inline]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `other` are set.
    #[must_use]
    #[inline]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and `other`.
    #[must_use]
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One change of a market by price. 32 bytes, no padding.
///
/// The time at which we could know it is the venue's time plus `latency_ns` plus the base of the
/// block that it stands in (see `docs/DATA.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Tick {
    /// When the venue says it happened (UTC ns).
    pub venue_ns: i64,
    /// Price in ticks.
    pub price: i64,
    /// Quantity in lots.
    pub qty: i64,
    /// From the venue to us, in ns above the base of the block.
    pub latency_ns: u32,
    /// What it is about: an index into the instruments of the file.
    pub instrument: u16,
    /// A [`TickKind`]'s number.
    pub kind: u8,
    /// [`TickFlags`]' bits.
    pub flags: u8,
}

const _: () = assert!(size_of::<Tick>() == 32, "half a cache line");

impl Tick {
    /// What it says; `None` for a number that no kind has.
    #[must_use]
    #[inline]
    pub const fn kind(&self) -> Option<TickKind> {
        TickKind::from_number(self.kind)
    }

    /// Its flags.
    #[must_use]
    #[inline]
    pub const fn flags(&self) -> TickFlags {
        TickFlags::from_bits(self.flags)
    }

    /// The side of the book, or of the aggressor.
    #[must_use]
    #[inline]
    pub const fn side(&self) -> Side {
        if self.flags & TickFlags::ASK.bits() != 0 { Side::Sell } else { Side::Buy }
    }

    /// Its price.
    #[must_use]
    #[inline]
    pub const fn price(&self) -> Price {
        Price::from_ticks(self.price)
    }

    /// Its quantity.
    #[must_use]
    #[inline]
    pub const fn qty(&self) -> Qty {
        Qty::from_lots(self.qty)
    }

    /// The news of a feed that it may have lost something, the last of its update; without a time
    /// and an instrument.
    #[must_use]
    pub const fn gap() -> Self {
        Self { kind: TickKind::Gap as u8, flags: TickFlags::LAST.bits(), ..Self::empty() }
    }

    /// `side` is emptied, the last of its update; without a time and an instrument.
    #[must_use]
    pub const fn clear(side: Side) -> Self {
        let flags = TickFlags::of(side).with(TickFlags::LAST).bits();
        Self { kind: TickKind::Clear as u8, flags, ..Self::empty() }
    }

    const fn empty() -> Self {
        Self { venue_ns: 0, price: 0, qty: 0, latency_ns: 0, instrument: 0, kind: 0, flags: 0 }
    }

    /// Its fields as two numbers: as arguments they stay in registers, where a reference would
    /// have every tick put into memory for the sake of the few that somebody looks at.
    #[must_use]
    #[inline(always)]
    pub const fn to_halves(self) -> [u128; 2] {
        let small = self.latency_ns as u64
            | (self.instrument as u64) << 32
            | (self.kind as u64) << 48
            | (self.flags as u64) << 56;
        [
            self.venue_ns as u64 as u128 | (self.price as u64 as u128) << 64,
            self.qty as u64 as u128 | (small as u128) << 64,
        ]
    }

    /// The tick of [`Self::to_halves`].
    #[must_use]
    #[inline]
    pub const fn from_halves([first, second]: [u128; 2]) -> Self {
        let small = (second >> 64) as u64;
        Self {
            venue_ns: first as i64,
            price: (first >> 64) as i64,
            qty: second as i64,
            latency_ns: small as u32,
            instrument: (small >> 32) as u16,
            kind: (small >> 48) as u8,
            flags: (small >> 56) as u8,
        }
    }

    /// When we could know it, in a block with the base `base_ns` (UTC ns). Of times that no clock
    /// shows, centuries away, the sum wraps.
    #[must_use]
    #[inline]
    pub const fn recv_ns(&self, base_ns: i64) -> Nanos {
        Nanos::new(self.venue_ns.wrapping_add(base_ns).wrapping_add(self.latency_ns as i64))
    }
}

/// What an [`OrderTick`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OrderTickKind {
    /// An order of `qty` lots came to rest at `price`, behind all others there.
    Add = 0,
    /// `qty` lots less of the order rest; it keeps its place. Without any left it is gone.
    Reduce = 1,
    /// The order is gone.
    Delete = 2,
    /// The order now rests with `qty` at `price`; without any quantity it is gone. It goes to the
    /// end of the queue unless the price stayed and the quantity did not grow.
    Modify = 3,
    /// `qty` lots of the order were executed at `price`: a trade, and that much less rests.
    Execute = 4,
    /// A trade of `qty` at `price` that no resting order of the book tells of.
    Trade = 5,
    /// The side is emptied, a snapshot follows.
    Clear = 6,
    /// Trading stops (`qty` 0) or goes on (`qty` 1).
    Status = 7,
}

impl OrderTickKind {
    /// All kinds, at the place of their number.
    pub const ALL: [Self; 8] = [
        Self::Add,
        Self::Reduce,
        Self::Delete,
        Self::Modify,
        Self::Execute,
        Self::Trade,
        Self::Clear,
        Self::Status,
    ];

    /// The kind with number `number`.
    #[must_use]
    #[inline]
    pub const fn from_number(number: u8) -> Option<Self> {
        if (number as usize) < Self::ALL.len() { Some(Self::ALL[number as usize]) } else { None }
    }
}

/// One change of a market by order. 40 bytes, no padding. Its side is that of the resting order;
/// for [`OrderTickKind::Trade`] the aggressor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct OrderTick {
    /// When the venue says it happened (UTC ns).
    pub venue_ns: i64,
    /// The venue's id of the order; zero for trades without one.
    pub order: u64,
    /// Price in ticks.
    pub price: i64,
    /// Quantity in lots.
    pub qty: i64,
    /// From the venue to us, in ns above the base of the block.
    pub latency_ns: u32,
    /// What it is about: an index into the instruments of the file.
    pub instrument: u16,
    /// An [`OrderTickKind`]'s number.
    pub kind: u8,
    /// [`TickFlags`]' bits.
    pub flags: u8,
}

const _: () = assert!(size_of::<OrderTick>() == 40, "five words");

impl OrderTick {
    /// `side` is emptied, the last of its update; without a time and an instrument.
    #[must_use]
    pub const fn clear(side: Side) -> Self {
        let kind = OrderTickKind::Clear as u8;
        let flags = TickFlags::of(side).with(TickFlags::LAST).bits();
        Self { venue_ns: 0, order: 0, price: 0, qty: 0, latency_ns: 0, instrument: 0, kind, flags }
    }

    /// What it says; `None` for a number that no kind has.
    #[must_use]
    #[inline]
    pub const fn kind(&self) -> Option<OrderTickKind> {
        OrderTickKind::from_number(self.kind)
    }

    /// Its flags.
    #[must_use]
    #[inline]
    pub const fn flags(&self) -> TickFlags {
        TickFlags::from_bits(self.flags)
    }

    /// The side of the resting order, or of the aggressor.
    #[must_use]
    #[inline]
    pub const fn side(&self) -> Side {
        if self.flags & TickFlags::ASK.bits() != 0 { Side::Sell } else { Side::Buy }
    }

    /// Whether something was traded.
    #[must_use]
    #[inline]
    pub const fn is_trade(&self) -> bool {
        self.kind == OrderTickKind::Execute as u8 || self.kind == OrderTickKind::Trade as u8
    }

    /// Who took liquidity in a trade, where the source says so: the other side of a resting
    /// order that was executed.
    #[must_use]
    #[inline]
    pub const fn aggressor(&self) -> Option<Side> {
        if self.flags().has(TickFlags::NO_AGGRESSOR) {
            return None;
        }
        let is_resting = self.kind == OrderTickKind::Execute as u8;
        Some(if is_resting { self.side().opposite() } else { self.side() })
    }

    /// When we could know it, in a block with the base `base_ns` (UTC ns). Of times that no clock
    /// shows, centuries away, the sum wraps.
    #[must_use]
    #[inline]
    pub const fn recv_ns(&self, base_ns: i64) -> Nanos {
        Nanos::new(self.venue_ns.wrapping_add(base_ns).wrapping_add(self.latency_ns as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_the_same_in_halves() {
        let tick = Tick {
            venue_ns: -2,
            price: i64::MIN,
            qty: i64::MAX,
            latency_ns: 0x89ab_cdef,
            instrument: 0xfedc,
            kind: 0xba,
            flags: 0x98,
        };
        assert_eq!(Tick::from_halves(tick.to_halves()), tick);
    }
}
