//! What a depth frame says, in memory that is taken once.

use qt_types::{Nanos, Price, Qty, Tick, TickFlags, TickKind};

use crate::feed::Sides;
use crate::symbols::SYMBOL_BYTES_MAX;

use super::DepthError;
use super::head::Head;
use super::levels::Table;

/// A price of a book in ticks, and what rests there in lots; none: the price is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DepthLevel {
    /// The price.
    pub price: Price,
    /// The quantity.
    pub qty: Qty,
}

/// What the levels of a frame are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DepthKind {
    /// Changes of a book.
    #[default]
    Changes,
    /// The best levels, as many as the stream has, in the place of all that were known.
    Best(u32),
    /// A book, as the answer to a request has it; also the best levels where the frame came by a
    /// stream of its own and does not say how many they are.
    Book,
}

/// A decoded frame. One is made at the start and used for every frame of a connection.
#[derive(Debug)]
pub struct DepthFrame {
    pub(super) levels: Levels,
    pub(super) about: About,
    /// What is kept from frame to frame, because the next ones are most likely written alike.
    pub(super) head: Head,
    pub(super) table: Option<Table>,
    /// For frames that are not written as usual.
    pub(super) sides: Sides,
}

/// The levels: bids, then asks; what comes behind them is left of earlier frames.
#[derive(Debug)]
pub(super) struct Levels {
    list: Box<[DepthLevel]>,
    bids: usize,
    count: usize,
}

/// Everything but the levels.
#[derive(Debug)]
pub(super) struct About {
    pub(super) kind: DepthKind,
    pub(super) first_id: u64,
    pub(super) last_id: u64,
    pub(super) previous_id: Option<u64>,
    pub(super) venue_ns: Option<Nanos>,
    /// Whether it came by a combined stream.
    pub(super) is_wrapped: bool,
    symbol: [u8; SYMBOL_BYTES_MAX],
    symbol_bytes: usize,
}

impl DepthFrame {
    /// Room for `levels` levels, both sides together.
    #[must_use]
    pub fn new(levels: usize) -> Self {
        let list = vec![DepthLevel::default(); levels].into_boxed_slice();
        Self {
            levels: Levels { list, bids: 0, count: 0 },
            about: About::default(),
            head: Head::default(),
            table: None,
            sides: Sides::default(),
        }
    }

    /// How many levels there is room for.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.levels.list.len()
    }

    /// The levels of the bid side, in the order of the frame.
    #[must_use]
    #[inline]
    pub fn bids(&self) -> &[DepthLevel] {
        self.levels.list.get(..self.levels.bids).unwrap_or_default()
    }

    /// The levels of the ask side, in the order of the frame.
    #[must_use]
    #[inline]
    pub fn asks(&self) -> &[DepthLevel] {
        self.levels.list.get(self.levels.bids..self.levels.count).unwrap_or_default()
    }

    /// All levels as ticks of one update, which take the place of those in `ticks`: bids before
    /// asks, the last one with [`TickFlags::LAST`], those of a whole book with
    /// [`TickFlags::SNAPSHOT`]. What a frame does not say is as in `like`.
    #[inline]
    pub fn write_ticks(&self, like: &Tick, ticks: &mut Vec<Tick>) {
        let whole = self.whole_flags();
        let tick = |level: &DepthLevel, flags: TickFlags| Tick {
            price: level.price.ticks(),
            qty: level.qty.lots(),
            kind: TickKind::Level as u8,
            flags: flags.bits(),
            ..*like
        };
        let of_ask = whole.with(TickFlags::ASK);
        ticks.clear();
        ticks.extend(self.bids().iter().map(|level| tick(level, whole)));
        ticks.extend(self.asks().iter().map(|level| tick(level, of_ask)));
        if let Some(last) = ticks.last_mut() {
            last.flags = last.flags().with(TickFlags::LAST).bits();
        }
    }

    /// What is true of all levels.
    #[inline]
    const fn whole_flags(&self) -> TickFlags {
        match self.kind() {
            DepthKind::Changes => TickFlags::NONE,
            DepthKind::Best(_) | DepthKind::Book => TickFlags::SNAPSHOT,
        }
    }

    /// Whether the levels are changes or a book.
    #[must_use]
    #[inline]
    pub const fn kind(&self) -> DepthKind {
        self.about.kind
    }

    /// The first update that is in it; for a whole book the same as [`Self::last_id`].
    #[must_use]
    #[inline]
    pub const fn first_id(&self) -> u64 {
        self.about.first_id
    }

    /// The last update that is in it.
    #[must_use]
    #[inline]
    pub const fn last_id(&self) -> u64 {
        self.about.last_id
    }

    /// The last update of the frame before it, where the venue says so (futures).
    #[must_use]
    #[inline]
    pub const fn previous_id(&self) -> Option<u64> {
        self.about.previous_id
    }

    /// When it happened (UTC ns); a partial book of spot does not say.
    #[must_use]
    #[inline]
    pub const fn venue_ns(&self) -> Option<Nanos> {
        self.about.venue_ns
    }

    /// The symbol, in upper case if only the stream names it; empty if nothing does.
    #[must_use]
    #[inline]
    pub fn symbol(&self) -> &[u8] {
        self.about.symbol()
    }

    /// Takes everything out, also what was kept: it tells of a symbol that is not here any more.
    pub(super) fn clear(&mut self) {
        self.levels.clear();
        self.about = About::default();
        self.head.forget();
    }
}

impl Levels {
    /// Takes all out.
    #[inline(always)]
    pub(super) const fn clear(&mut self) {
        (self.bids, self.count) = (0, 0);
    }

    /// What is there is the bid side.
    #[inline(always)]
    pub(super) const fn begin_asks(&mut self) {
        self.bids = self.count;
    }

    /// Where the next levels go; [`Self::added`] makes them count.
    #[inline(always)]
    pub(super) fn places(&mut self) -> &mut [DepthLevel] {
        self.list.get_mut(self.count..).unwrap_or_default()
    }

    /// The next `count` levels are there.
    #[inline(always)]
    pub(super) const fn added(&mut self, count: usize) {
        self.count += count;
    }
}

impl Default for About {
    fn default() -> Self {
        Self {
            kind: DepthKind::Changes,
            first_id: 0,
            last_id: 0,
            previous_id: None,
            venue_ns: None,
            is_wrapped: false,
            symbol: [0; SYMBOL_BYTES_MAX],
            symbol_bytes: 0,
        }
    }
}

impl About {
    #[inline]
    pub(super) fn symbol(&self) -> &[u8] {
        self.symbol.get(..self.symbol_bytes).unwrap_or_default()
    }

    /// Notes the symbol.
    pub(super) fn set_symbol(&mut self, symbol: &[u8]) -> Result<(), DepthError> {
        let place = self.symbol.get_mut(..symbol.len()).ok_or(DepthError::Damaged)?;
        place.copy_from_slice(symbol);
        self.symbol_bytes = symbol.len();
        Ok(())
    }

    /// Puts the letters of the symbol into upper case.
    pub(super) fn raise_symbol(&mut self) {
        self.symbol.make_ascii_uppercase();
    }
}
