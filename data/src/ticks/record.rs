//! What a block consists of: the records of `qt_types` and their form in the file.

use qt_types::{OrderTick, OrderTickKind, Tick, TickKind};
use rkyv::rancor::Error;
use rkyv::util::AlignedVec;
use rkyv::vec::ArchivedVec;
use rkyv::{Archive, Deserialize, Serialize};

/// What the records of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum RecordKind {
    /// Changes by price: [`Tick`].
    Levels = 1,
    /// Changes by order: [`OrderTick`].
    Orders = 2,
}

impl RecordKind {
    /// The kind with number `number`.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Levels),
            2 => Some(Self::Orders),
            _ => None,
        }
    }

    /// The kind in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Levels => "levels by price",
            Self::Orders => "orders",
        }
    }

    /// A number that changes when the layout of the records, of the index or of the description
    /// does: a reader of another layout must not read the file.
    #[must_use]
    pub const fn schema_hash(self) -> u64 {
        match self {
            Self::Levels => fnv(TICK_LAYOUT.as_bytes(), fnv(COMMON_LAYOUT.as_bytes(), FNV_START)),
            Self::Orders => fnv(ORDER_LAYOUT.as_bytes(), fnv(COMMON_LAYOUT.as_bytes(), FNV_START)),
        }
    }
}

const TICK_LAYOUT: &str = "venue_ns:i64 price:i64 qty:i64 latency_ns:u32 instrument:u16 kind:u8 \
     flags:u8; level top trade clear gap status mark funding; ask last snapshot no_aggressor";
const ORDER_LAYOUT: &str = "venue_ns:i64 order:u64 price:i64 qty:i64 latency_ns:u32 \
     instrument:u16 kind:u8 flags:u8; add reduce delete modify execute trade clear status; \
     ask last snapshot no_aggressor";
const COMMON_LAYOUT: &str = "rkyv 0.8 little_endian; index: offset venue_first venue_last \
     recv_first recv_last base_ns:i64 records crc:u32; description: instruments(symbol currency \
     kind tick lot multiplier) sources(path sha256 importer notes) shift facts(name count first); \
     hash 2";

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

const fn fnv(bytes: &[u8], mut hash: u64) -> u64 {
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

/// What can stand in a block of a tick file: [`Tick`] and [`OrderTick`].
pub trait Record: Copy + PartialEq + std::fmt::Debug + Send + Sync + 'static {
    /// The record as it lies in the file.
    type Stored: Send + Sync + 'static;
    /// What the record says.
    type Kind: Copy + PartialEq + std::fmt::Debug + Send + 'static;
    /// Which records these are.
    const KIND: RecordKind;
    /// Bytes of a record in memory and in the file.
    const BYTES: usize;

    /// The records of a block's bytes, without copying them; `None` when the bytes are no block.
    fn cast(block: &[u8]) -> Option<&[Self::Stored]>;

    /// The bytes of a block of `records`; `None` when memory is lacking.
    fn pack(records: &[Self]) -> Option<AlignedVec>;

    /// The record at its place in the file. Compiles to loads.
    fn load(stored: &Self::Stored) -> Self;

    /// A record of `fields`.
    fn of(fields: &Fields<Self::Kind>) -> Self;

    /// When the venue says it happened (UTC ns).
    fn venue_ns(&self) -> i64;

    /// When we could know it (UTC ns), in a block with the base `base_ns`.
    fn recv_ns(&self, base_ns: i64) -> i64;

    /// The same record with this latency above its block's base.
    #[must_use]
    fn with_latency(self, latency_ns: u32) -> Self;

    /// The instrument's index.
    fn instrument(&self) -> u16;

    /// The same record of another instrument.
    #[must_use]
    fn with_instrument(self, instrument: u16) -> Self;

    /// What it says; `None` for a number that no kind has.
    fn says(&self) -> Option<Self::Kind>;

    /// A number made of everything that the record says, with the time `recv_ns` at which we could
    /// know it in place of the latency.
    fn digest(&self, recv_ns: i64) -> u64;
}

/// The parts of a record, whichever kind it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<K> {
    /// When the venue says it happened (UTC ns).
    pub venue_ns: i64,
    /// The venue's id of the order; not kept in [`Tick`].
    pub order: u64,
    /// Price in ticks.
    pub price: i64,
    /// Quantity in lots.
    pub qty: i64,
    /// The instrument's index.
    pub instrument: u16,
    /// What it says.
    pub kind: K,
    /// [`qt_types::TickFlags`]' bits.
    pub flags: u8,
}

/// One step of the running hash over records: `hash` carried on over a record's digest.
#[must_use]
#[inline]
pub const fn fold(hash: u64, digest: u64) -> u64 {
    (hash.rotate_left(23) ^ digest).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

// The words of a record, each spread in its own way. Nothing here waits for anything else, so that
// a long hash takes one multiplication's time a record.
#[inline]
fn mixed<const N: usize>(words: [u64; N]) -> u64 {
    const ODD: [u64; 6] = [
        0xff51_afd7_ed55_8ccd,
        0xc4ce_b9fe_1a85_ec53,
        0x9fb2_1c65_1e98_df25,
        0xd6e8_feb8_6659_fd93,
        0xa076_1d64_78bd_642f,
        0xe703_7ed1_a0b4_28db,
    ];
    words.iter().zip(ODD).fold(0, |sum, (word, odd)| {
        let spread = (word ^ (word >> 32)).wrapping_mul(odd);
        sum ^ spread ^ (spread >> 29)
    })
}

/// A [`Tick`] in the file.
#[derive(Clone, Copy, Debug, Archive, Serialize, Deserialize)]
#[rkyv(attr(doc = "A tick as it lies in the file.", repr(C)))]
#[repr(C)]
pub struct TickOnDisk {
    venue_ns: i64,
    price: i64,
    qty: i64,
    latency_ns: u32,
    instrument: u16,
    kind: u8,
    flags: u8,
}

/// An [`OrderTick`] in the file.
#[derive(Clone, Copy, Debug, Archive, Serialize, Deserialize)]
#[rkyv(attr(doc = "An order tick as it lies in the file.", repr(C)))]
#[repr(C)]
pub struct OrderTickOnDisk {
    venue_ns: i64,
    order: u64,
    price: i64,
    qty: i64,
    latency_ns: u32,
    instrument: u16,
    kind: u8,
    flags: u8,
}

const _: () = assert!(size_of::<ArchivedTickOnDisk>() == size_of::<Tick>());
const _: () = assert!(size_of::<ArchivedOrderTickOnDisk>() == size_of::<OrderTick>());

const fn shape(instrument: u16, kind: u8, flags: u8) -> u64 {
    instrument as u64 | (kind as u64) << 16 | (flags as u64) << 24
}

impl Record for Tick {
    type Stored = ArchivedTickOnDisk;
    type Kind = TickKind;
    const KIND: RecordKind = RecordKind::Levels;
    const BYTES: usize = size_of::<Self>();

    #[inline]
    fn cast(block: &[u8]) -> Option<&[Self::Stored]> {
        let records = rkyv::access::<ArchivedVec<ArchivedTickOnDisk>, Error>(block).ok()?;
        Some(records.as_slice())
    }

    fn pack(records: &[Self]) -> Option<AlignedVec> {
        let disk = |tick: &Self| TickOnDisk {
            venue_ns: tick.venue_ns,
            price: tick.price,
            qty: tick.qty,
            latency_ns: tick.latency_ns,
            instrument: tick.instrument,
            kind: tick.kind,
            flags: tick.flags,
        };
        let records: Vec<TickOnDisk> = records.iter().map(disk).collect();
        rkyv::to_bytes::<Error>(&records).ok()
    }

    #[inline]
    fn load(stored: &Self::Stored) -> Self {
        Self {
            venue_ns: stored.venue_ns.to_native(),
            price: stored.price.to_native(),
            qty: stored.qty.to_native(),
            latency_ns: stored.latency_ns.to_native(),
            instrument: stored.instrument.to_native(),
            kind: stored.kind,
            flags: stored.flags,
        }
    }

    fn of(fields: &Fields<TickKind>) -> Self {
        let Fields { venue_ns, price, qty, instrument, kind, flags, .. } = *fields;
        Self { venue_ns, price, qty, latency_ns: 0, instrument, kind: kind as u8, flags }
    }

    #[inline]
    fn venue_ns(&self) -> i64 {
        self.venue_ns
    }

    #[inline]
    fn recv_ns(&self, base_ns: i64) -> i64 {
        Self::recv_ns(self, base_ns).get()
    }

    fn with_latency(self, latency_ns: u32) -> Self {
        Self { latency_ns, ..self }
    }

    fn instrument(&self) -> u16 {
        self.instrument
    }

    fn with_instrument(self, instrument: u16) -> Self {
        Self { instrument, ..self }
    }

    #[inline]
    fn says(&self) -> Option<TickKind> {
        self.kind()
    }

    #[inline]
    fn digest(&self, recv_ns: i64) -> u64 {
        let shape = shape(self.instrument, self.kind, self.flags);
        mixed([self.venue_ns as u64, self.price as u64, self.qty as u64, shape, recv_ns as u64])
    }
}

impl Record for OrderTick {
    type Stored = ArchivedOrderTickOnDisk;
    type Kind = OrderTickKind;
    const KIND: RecordKind = RecordKind::Orders;
    const BYTES: usize = size_of::<Self>();

    #[inline]
    fn cast(block: &[u8]) -> Option<&[Self::Stored]> {
        let records = rkyv::access::<ArchivedVec<ArchivedOrderTickOnDisk>, Error>(block).ok()?;
        Some(records.as_slice())
    }

    fn pack(records: &[Self]) -> Option<AlignedVec> {
        let disk = |tick: &Self| OrderTickOnDisk {
            venue_ns: tick.venue_ns,
            order: tick.order,
            price: tick.price,
            qty: tick.qty,
            latency_ns: tick.latency_ns,
            instrument: tick.instrument,
            kind: tick.kind,
            flags: tick.flags,
        };
        let records: Vec<OrderTickOnDisk> = records.iter().map(disk).collect();
        rkyv::to_bytes::<Error>(&records).ok()
    }

    #[inline]
    fn load(stored: &Self::Stored) -> Self {
        Self {
            venue_ns: stored.venue_ns.to_native(),
            order: stored.order.to_native(),
            price: stored.price.to_native(),
            qty: stored.qty.to_native(),
            latency_ns: stored.latency_ns.to_native(),
            instrument: stored.instrument.to_native(),
            kind: stored.kind,
            flags: stored.flags,
        }
    }

    fn of(fields: &Fields<OrderTickKind>) -> Self {
        let Fields { venue_ns, order, price, qty, instrument, kind, flags } = *fields;
        Self { venue_ns, order, price, qty, latency_ns: 0, instrument, kind: kind as u8, flags }
    }

    #[inline]
    fn venue_ns(&self) -> i64 {
        self.venue_ns
    }

    #[inline]
    fn recv_ns(&self, base_ns: i64) -> i64 {
        Self::recv_ns(self, base_ns).get()
    }

    fn with_latency(self, latency_ns: u32) -> Self {
        Self { latency_ns, ..self }
    }

    fn instrument(&self) -> u16 {
        self.instrument
    }

    fn with_instrument(self, instrument: u16) -> Self {
        Self { instrument, ..self }
    }

    #[inline]
    fn says(&self) -> Option<OrderTickKind> {
        self.kind()
    }

    #[inline]
    fn digest(&self, recv_ns: i64) -> u64 {
        let shape = shape(self.instrument, self.kind, self.flags);
        let (price, qty) = (self.price as u64, self.qty as u64);
        mixed([self.venue_ns as u64, price, qty, shape, recv_ns as u64, self.order])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_go_through_bytes_unchanged() {
        let ticks: Vec<Tick> = (0..100)
            .map(|at| Tick {
                venue_ns: at * 7 - 50,
                price: -at,
                qty: i64::MAX - at,
                latency_ns: u32::MAX - at as u32,
                instrument: at as u16,
                kind: (at % 8) as u8,
                flags: at as u8,
            })
            .collect();
        let bytes = Tick::pack(&ticks).unwrap();
        assert_eq!(bytes.len(), ticks.len() * 32 + 8, "the records and where they are");
        let back: Vec<Tick> = Tick::cast(&bytes).unwrap().iter().map(Tick::load).collect();
        assert_eq!(back, ticks);
        assert!(Tick::cast(&bytes[..bytes.len() - 8]).is_none());
        assert!(Tick::cast(&[]).is_none());
    }

    #[test]
    fn every_bit_of_a_record_counts() {
        let fields = Fields {
            venue_ns: 1_700_000_000_000_000_000,
            order: 77,
            price: 618_002,
            qty: 5,
            instrument: 1,
            kind: OrderTickKind::Add,
            flags: 2,
        };
        let one = OrderTick::of(&fields);
        let digest = one.digest(9);
        for bit in 0..64 {
            let (wide, flip) = (1_i64 << bit, 1_u64 << bit);
            assert_ne!(OrderTick { venue_ns: one.venue_ns ^ wide, ..one }.digest(9), digest);
            assert_ne!(OrderTick { price: one.price ^ wide, ..one }.digest(9), digest);
            assert_ne!(OrderTick { qty: one.qty ^ wide, ..one }.digest(9), digest);
            assert_ne!(OrderTick { order: one.order ^ flip, ..one }.digest(9), digest);
            assert_ne!(one.digest(9 ^ wide), digest);
        }
        for bit in 0..8 {
            assert_ne!(OrderTick { kind: one.kind ^ (1 << bit), ..one }.digest(9), digest);
            assert_ne!(OrderTick { flags: one.flags ^ (1 << bit), ..one }.digest(9), digest);
        }
        assert_eq!(OrderTick { latency_ns: 5, ..one }.digest(9), digest);
        // The order of records counts as well.
        assert_ne!(fold(fold(0, 1), 2), fold(fold(0, 2), 1));
    }

    #[test]
    fn layouts_have_numbers_of_their_own() {
        assert_ne!(RecordKind::Levels.schema_hash(), RecordKind::Orders.schema_hash());
        assert_eq!(RecordKind::from_number(2), Some(RecordKind::Orders));
        assert_eq!(RecordKind::from_number(3), None);
    }
}
