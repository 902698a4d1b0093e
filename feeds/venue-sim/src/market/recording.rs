//! A market out of a recording: its book and its trades, at a speed.
//!
//! The rule: at every price the market has what the recording says, from the change of that price
//! on. What our accounts take from it is gone until the recording tells of that price again. A
//! recorded trade fills orders of accounts that stand before its price, then at its price by the
//! queue; how much the recording has is left to what it says of it next. An order of an account
//! joins behind what the recording has at that price at that time; where the recording's quantity
//! shrinks, what came last has left.

use std::collections::VecDeque;

use qt_codec::recording::{self, Direction, Format};
use qt_codec::venue::Venue;
use qt_codec::{Decoder, Frame, Mode, Number, Update};
use qt_types::TickKind;

use super::Market;
use crate::exchange::{Exchange, Nanos, Price, Qty, Side, SymbolId};

/// Why a recording cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// No line looks like one of a recording.
    #[error("it is no recording: no line has a known form")]
    Format,
    /// It is not known whose frames they are.
    #[error("it is not known which venue the recording is of")]
    Venue,
    /// A line is no line of it.
    #[error("line {line}: {what}")]
    Line {
        /// Which one, from one.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// It has no updates of that symbol.
    #[error("it has no book and no trades of {0:?}")]
    Symbol(String),
}

/// A group of updates of one time.
#[derive(Clone, Debug)]
struct Group {
    at_ns: Nanos,
    updates: Vec<Update>,
}

/// A recording that is played.
#[derive(Clone, Debug)]
pub struct Recording {
    symbol: SymbolId,
    groups: VecDeque<Group>,
    /// The first time in the recording.
    first_ns: Nanos,
    start_ns: Nanos,
    /// How much faster than it was recorded, in thousandths.
    speed_e3: u64,
    price_decimals: u8,
    qty_decimals: u8,
    /// Updates that the exchange could not take: numbers finer than its own.
    pub refused: u64,
    /// A book that is told anew: its levels so far.
    rebuilding: Option<[Vec<(Price, Qty)>; 2]>,
}

/// What a recording says about the numbers of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grain {
    /// The finest price in it is a multiple of 10^-this.
    pub price_decimals: u8,
    /// The finest quantity in it is a multiple of 10^-this.
    pub qty_decimals: u8,
}

impl Recording {
    /// Reads the lines of a recording of `name` (as its venue writes it), to be played as
    /// `symbol` from `start_ns` on, `speed_e3` thousandths as fast as it was recorded.
    ///
    /// # Errors
    /// When it is none, or has nothing of the symbol.
    pub fn read(
        bytes: &[u8],
        name: &str,
        symbol: SymbolId,
        start_ns: Nanos,
        speed_e3: u64,
    ) -> Result<Self, RecordingError> {
        Self::of_frames(&frames(bytes)?, name, symbol, start_ns, speed_e3)
    }

    /// The same of frames with their times, in their order.
    ///
    /// # Errors
    /// When nobody knows whose they are, or they have nothing of the symbol.
    pub fn of_frames(
        frames: &[(Nanos, Frame<'_>)],
        name: &str,
        symbol: SymbolId,
        start_ns: Nanos,
        speed_e3: u64,
    ) -> Result<Self, RecordingError> {
        let venue = frames.iter().find_map(|(_, frame)| Venue::of(frame));
        let mut decoder = Decoder::new(venue.ok_or(RecordingError::Venue)?, Mode::Strict);
        let (mut groups, mut out) = (VecDeque::new(), Vec::new());
        let mut last_ns = Nanos::MIN;
        for (at_ns, frame) in frames {
            out.clear();
            // A frame that cannot be read is counted by the decoder and changes nothing.
            if decoder.decode(frame, &mut out).is_err() {
                continue;
            }
            let wanted = decoder.symbols().id(name);
            let is_wanted = |update: &&Update| Some(update.symbol) == wanted;
            let updates: Vec<Update> = out.iter().filter(is_wanted).copied().collect();
            if !updates.is_empty() {
                last_ns = last_ns.max(*at_ns);
                groups.push_back(Group { at_ns: last_ns, updates });
            }
        }
        let first_ns = groups.front().map(|group| group.at_ns);
        let first_ns = first_ns.ok_or_else(|| RecordingError::Symbol(name.into()))?;
        Ok(Self {
            symbol,
            groups,
            first_ns,
            start_ns,
            speed_e3: speed_e3.max(1),
            price_decimals: 8,
            qty_decimals: 8,
            refused: 0,
            rebuilding: None,
        })
    }

    /// The decimals of the symbol's prices and of its base asset.
    #[must_use]
    pub const fn with_decimals(mut self, price: u8, qty: u8) -> Self {
        (self.price_decimals, self.qty_decimals) = (price, qty);
        self
    }

    /// How fine the numbers in it are.
    #[must_use]
    pub fn grain(&self) -> Grain {
        let mut grain = Grain { price_decimals: 0, qty_decimals: 0 };
        let updates = self.groups.iter().flat_map(|group| &group.updates);
        for update in updates.filter(|u| matches!(u.kind, TickKind::Level | TickKind::Trade)) {
            let decimals = |number: Number| number.normalized().decimals();
            grain.price_decimals = grain.price_decimals.max(decimals(update.price));
            grain.qty_decimals = grain.qty_decimals.max(decimals(update.qty));
        }
        grain
    }

    /// How many groups of updates are left.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn apply(&mut self, exchange: &mut Exchange, updates: &[Update]) {
        // What becomes less comes first: so the market does not meet itself.
        let mut more = Vec::new();
        for update in updates {
            let side = match update.side {
                Some(qt_types::Side::Buy) => Side::Buy,
                _ => Side::Sell,
            };
            let price = update.price.scaled(self.price_decimals);
            let qty = update.qty.scaled(self.qty_decimals);
            match (update.kind, price, qty) {
                (TickKind::Clear, ..) => {
                    self.rebuilding.get_or_insert_default();
                }
                (TickKind::Level, Some(price), Some(qty)) => {
                    if let Some(book) = &mut self.rebuilding {
                        book[usize::from(side == Side::Sell)].push((price, qty));
                    } else if qty < exchange.market_at(self.symbol, side, price) {
                        self.level(exchange, side, price, qty);
                    } else {
                        more.push((side, price, qty));
                    }
                }
                (TickKind::Trade, Some(price), Some(qty)) => {
                    exchange.market_print(self.symbol, side, price, qty);
                }
                (TickKind::Level | TickKind::Trade, ..) => self.refused += 1,
                _ => {}
            }
            if update.is_last() && update.kind != TickKind::Trade {
                self.rebuilt(exchange);
            }
        }
        for (side, price, qty) in more {
            self.level(exchange, side, price, qty);
        }
    }

    fn level(&mut self, exchange: &mut Exchange, side: Side, price: Price, qty: Qty) {
        if !exchange.market_level(self.symbol, side, price, qty) {
            self.refused += 1;
        }
    }

    /// A book that was told anew is complete.
    fn rebuilt(&mut self, exchange: &mut Exchange) {
        if let Some([bids, asks]) = self.rebuilding.take() {
            exchange.market_book(self.symbol, &bids, &asks);
        }
    }
}

impl Market for Recording {
    fn next_ns(&self) -> Option<Nanos> {
        let group = self.groups.front()?;
        let after = i128::from(group.at_ns - self.first_ns) * 1_000 / i128::from(self.speed_e3);
        Some(self.start_ns.saturating_add(Nanos::try_from(after).unwrap_or(Nanos::MAX)))
    }

    fn play(&mut self, exchange: &mut Exchange) {
        if let Some(group) = self.groups.pop_front() {
            self.apply(exchange, &group.updates);
        }
    }
}

/// The frames of a recording that came from the venue, with their times.
fn frames(bytes: &[u8]) -> Result<Vec<(Nanos, Frame<'_>)>, RecordingError> {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let format = Format::of(&lines[..lines.len().min(100)]).ok_or(RecordingError::Format)?;
    let mut frames = Vec::new();
    for (at, line) in lines.into_iter().enumerate() {
        let read = recording::line(format, line)
            .map_err(|error| RecordingError::Line { line: at + 1, what: error.to_string() })?;
        let Some(line) = read.filter(|line| line.direction != Direction::Sent) else { continue };
        let at_ns = line.recv_ns.map_or(0, qt_types::Nanos::get);
        frames.push((at_ns, Frame::new(line.frame)));
    }
    Ok(frames)
}
