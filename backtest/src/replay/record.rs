//! What a replay needs of a record: how the venue plays it, and how we are told of it.

use qt_data::ticks::Record;
use qt_engine::LedgerError;
use qt_types::{
    BarFlags, InstrumentId, OrderTick, OrderTickKind, Payload, Tick, TickFlags, TickKind, Trade,
};

use crate::venue::SimVenue;

/// A record that can be replayed.
pub trait Replayed: Record {
    /// Its price in ticks; zero where it has none.
    fn price_ticks(&self) -> i64;

    /// Plays it at the venue.
    ///
    /// # Errors
    /// When the venue's books fail their check.
    fn play(
        &self,
        venue: &mut SimVenue,
        instrument: InstrumentId,
        row: impl FnOnce() -> u32,
    ) -> Result<(), LedgerError>;

    /// What we are told; `is_warmup` when it is from before the start.
    fn told(&self, is_warmup: bool, row: u32) -> Payload;

    /// The trade that we are told of, as in [`Self::told`]; `None` for what is none.
    fn trade(&self, is_warmup: bool, row: impl FnOnce() -> u32) -> Option<Trade>;

    /// What most records are, a level of a book; `None` for all others.
    fn change(&self) -> Option<Tick>;

    /// What almost all records are, a level of a book or a trade beside it, of the instrument with
    /// number `of` in the file and no part of a snapshot; `None` for all others.
    fn level_or_trade(&self, of: u16) -> Option<Tick>;

    /// A record at `ns` (UTC) of no instrument: it says that nothing from before is to come.
    fn nothing_at(ns: i64) -> Self;
}

/// What makes no difference to [`Replayed::level_or_trade`] of instrument, kind and flags: the bit
/// that tells a trade from a level, and every flag but that of a snapshot.
const IGNORED: u32 = (TickKind::Trade as u32) << 16 | (!TickFlags::SNAPSHOT.bits() as u32) << 24;

const _: () = assert!(TickKind::Level as u8 == 0 && (TickKind::Trade as u8).is_power_of_two());

/// The instrument of [`Replayed::nothing_at`].
pub(super) const NO_INSTRUMENT: u16 = u16::MAX;

impl Replayed for Tick {
    fn price_ticks(&self) -> i64 {
        self.price
    }

    #[inline(always)]
    fn play(
        &self,
        venue: &mut SimVenue,
        instrument: InstrumentId,
        row: impl FnOnce() -> u32,
    ) -> Result<(), LedgerError> {
        venue.on_tick(instrument, self, row)
    }

    #[inline(always)]
    fn told(&self, is_warmup: bool, row: u32) -> Payload {
        self.trade(is_warmup, || row).map_or(Payload::Tick(*self), Payload::Trade)
    }

    #[inline(always)]
    fn trade(&self, is_warmup: bool, row: impl FnOnce() -> u32) -> Option<Trade> {
        if self.kind != TickKind::Trade as u8 {
            return None;
        }
        let no_aggressor = self.flags().has(TickFlags::NO_AGGRESSOR);
        Some(Trade {
            price: self.price(),
            qty: self.qty(),
            aggressor: (!no_aggressor).then(|| self.side()),
            flags: if is_warmup { BarFlags::WARMUP } else { BarFlags::NONE },
            row: row(),
        })
    }

    #[inline(always)]
    fn change(&self) -> Option<Tick> {
        (self.kind == TickKind::Level as u8).then_some(*self)
    }

    #[inline(always)]
    fn level_or_trade(&self, of: u16) -> Option<Tick> {
        // One load and one comparison: the three lie beside each other.
        let [low, high] = self.instrument.to_le_bytes();
        let word = u32::from_le_bytes([low, high, self.kind, self.flags]);
        (word & !IGNORED == u32::from(of)).then_some(*self)
    }

    fn nothing_at(ns: i64) -> Self {
        Self {
            venue_ns: ns,
            price: 0,
            qty: 0,
            latency_ns: 0,
            instrument: NO_INSTRUMENT,
            kind: TickKind::Status as u8,
            flags: 0,
        }
    }
}

impl Replayed for OrderTick {
    fn price_ticks(&self) -> i64 {
        self.price
    }

    #[inline(always)]
    fn play(
        &self,
        venue: &mut SimVenue,
        instrument: InstrumentId,
        row: impl FnOnce() -> u32,
    ) -> Result<(), LedgerError> {
        venue.on_order_tick(instrument, self, row())
    }

    #[inline(always)]
    fn told(&self, _is_warmup: bool, _row: u32) -> Payload {
        Payload::Order(*self)
    }

    #[inline(always)]
    fn trade(&self, _is_warmup: bool, _row: impl FnOnce() -> u32) -> Option<Trade> {
        None
    }

    #[inline(always)]
    fn change(&self) -> Option<Tick> {
        None
    }

    #[inline(always)]
    fn level_or_trade(&self, _of: u16) -> Option<Tick> {
        None
    }

    fn nothing_at(ns: i64) -> Self {
        Self {
            venue_ns: ns,
            order: 0,
            price: 0,
            qty: 0,
            latency_ns: 0,
            instrument: NO_INSTRUMENT,
            kind: OrderTickKind::Status as u8,
            flags: 0,
        }
    }
}
