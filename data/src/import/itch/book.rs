//! Messages to order ticks.

use std::io::Read;

use qt_types::{InstrumentKind, OrderTick, OrderTickKind, TickFlags};

use super::message::{Frames, Head, Message, decode};
use super::orders::{Orders, Resting};
use crate::calendar::civil::DAY_NS;
use crate::error::DataError;
use crate::import::day::{Midnight, issue_text};
use crate::import::input::Input;
use crate::import::row::{Place, Row, RowIssue, RowSink, RowSource};
use crate::source::number::Number;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Decimals of the prices, which are whole numbers in the stream.
const PRICE_DECIMALS: u32 = 4;

/// The rows of `input` on the day that begins at `midnight`.
pub(in crate::import) fn source<'a>(
    input: Input<'a>,
    midnight: Midnight,
) -> Box<dyn RowSource<OrderTick> + 'a> {
    Box::new(ItchSource { input, midnight })
}

struct ItchSource<'a> {
    input: Input<'a>,
    midnight: Midnight,
}

impl RowSource<OrderTick> for ItchSource<'_> {
    fn rows(&mut self, sink: &mut dyn RowSink<OrderTick>) -> Result<u64, DataError> {
        let path = self.input.name();
        let mut day = Day {
            path,
            midnight: self.midnight.clone(),
            orders: Orders::default(),
            instruments: Vec::new(),
            picked: false,
        };
        self.input.read(|reader| {
            let (mut buffer, mut offset, mut count) = (Vec::with_capacity(CHUNK_BYTES), 0_u64, 0);
            loop {
                let read = (&mut *reader).take(CHUNK_BYTES as u64).read_to_end(&mut buffer);
                let read = read.map_err(|source| broken(path, offset, source))?;
                let mut frames = Frames::new(&buffer);
                loop {
                    let place = Place::Byte(offset + frames.passed() as u64);
                    let Some(frame) = frames.next() else { break };
                    day.message(frame, place, sink)?;
                    count += 1;
                }
                let passed = frames.passed();
                offset += passed as u64;
                buffer.drain(..passed);
                if read < CHUNK_BYTES {
                    break;
                }
            }
            if !buffer.is_empty() {
                let what = format!("ends within a message, after {count} whole ones");
                let issue = RowIssue::new("", b"", what).fixed_by("Fetch the file again");
                return Err(issue.at(path, Place::Byte(offset)));
            }
            Ok(count)
        })
    }

    fn instrument_kind(&self) -> Option<InstrumentKind> {
        Some(InstrumentKind::Equity)
    }
}

fn broken(path: &str, offset: u64, source: std::io::Error) -> DataError {
    DataError::Compression {
        path: path.to_owned(),
        what: format!("it cannot be read on after {offset} bytes: {source}"),
        fix: "Fetch the file again".to_owned(),
    }
}

// What must be remembered of a day's messages.
struct Day<'a> {
    path: &'a str,
    midnight: Midnight,
    orders: Orders,
    // By locate code: the instrument of the sink, or that it is not wanted.
    instruments: Vec<Option<Option<u16>>>,
    // Whether one of them is not wanted: orders of such are unknown and no fault.
    picked: bool,
}

// What a row says beside its times.
struct Said {
    instrument: u16,
    kind: OrderTickKind,
    flags: TickFlags,
    order: u64,
    price: u32,
    qty: u64,
}

impl Said {
    fn of(resting: Resting, kind: OrderTickKind, order: u64, qty: u32) -> Self {
        let flags = if resting.sells { TickFlags::ASK } else { TickFlags::NONE };
        let Resting { instrument, price, .. } = resting;
        Self { instrument, kind, flags, order, price, qty: u64::from(qty) }
    }
}

// A message, and where what it says goes.
struct Told<'s> {
    head: Head,
    place: Place,
    sink: &'s mut dyn RowSink<OrderTick>,
}

impl Day<'_> {
    fn message(
        &mut self,
        frame: &[u8],
        place: Place,
        sink: &mut dyn RowSink<OrderTick>,
    ) -> Result<(), DataError> {
        let (head, message) = match decode(frame) {
            Ok(decoded) => decoded,
            // Some writers end a file with an empty message.
            Err(super::ItchIssue::Empty) => return Ok(()),
            Err(issue) => {
                let issue = RowIssue::new("", b"", format!("holds {issue}"));
                return Err(issue.fixed_by("Fetch the file again").at(self.path, place));
            }
        };
        let told = &mut Told { head, place, sink };
        match message {
            Message::Add { order, sells, shares, stock, price } => {
                let Some(instrument) = self.instrument(&stock, told)? else { return Ok(()) };
                self.add(order, Resting { instrument, sells, shares, price }, told)
            }
            Message::Execute { order, shares } => {
                self.less(OrderTickKind::Execute, order, shares, None, told)
            }
            Message::ExecuteAt { order, shares, printable, price } => {
                // What is not printable is told in the print of an auction.
                let kind = if printable { OrderTickKind::Execute } else { OrderTickKind::Reduce };
                self.less(kind, order, shares, Some(price), told)
            }
            Message::Cancel { order, shares } => {
                self.less(OrderTickKind::Reduce, order, shares, None, told)
            }
            Message::Delete { order } => match self.remove(order, told) {
                Some(said) => self.give(said, true, told),
                None => Ok(()),
            },
            Message::Replace { old, new, shares, price } => {
                let Some(said) = self.remove(old, told) else { return Ok(()) };
                let (instrument, sells) = (said.instrument, said.flags.has(TickFlags::ASK));
                self.give(said, false, told)?;
                self.add(new, Resting { instrument, sells, shares, price }, told)
            }
            Message::Trade { shares, stock, price } => {
                self.trade(u64::from(shares), &stock, price, told)
            }
            // In an auction nobody may have met.
            Message::Cross { shares: 0, .. } => Ok(()),
            Message::Cross { shares, stock, price } => self.trade(shares, &stock, price, told),
            Message::Action { stock, state } => match self.instrument(&stock, told)? {
                Some(instrument) => self.status(instrument, state == b'T', told),
                None => Ok(()),
            },
            Message::System { event: event @ (b'S' | b'E') } => {
                let known: Vec<u16> =
                    self.instruments.iter().copied().flatten().flatten().collect();
                known.into_iter().try_for_each(|one| self.status(one, event == b'S', told))
            }
            Message::Broken { .. } => {
                told.sink.fact("broken trades", place);
                Ok(())
            }
            Message::Unknown(_) => {
                told.sink.fact("messages of an unknown type (left out)", place);
                Ok(())
            }
            Message::System { .. } | Message::Silent(_) => Ok(()),
        }
    }

    // The instrument that a message is about; `None` when its rows are not wanted.
    fn instrument(
        &mut self,
        stock: &[u8; 8],
        told: &mut Told<'_>,
    ) -> Result<Option<u16>, DataError> {
        let locate = usize::from(told.head.locate);
        if let Some(Some(instrument)) = self.instruments.get(locate) {
            return Ok(*instrument);
        }
        let name = String::from_utf8_lossy(stock.trim_ascii_end());
        let instrument = told.sink.instrument(&name)?;
        if self.instruments.len() <= locate {
            self.instruments.resize(locate + 1, None);
        }
        self.instruments[locate] = Some(instrument);
        self.picked |= instrument.is_none();
        Ok(instrument)
    }

    fn unknown(&self, told: &mut Told<'_>) {
        if !self.picked {
            told.sink.fact("messages about unknown orders (left out)", told.place);
        }
    }

    fn add(&mut self, order: u64, resting: Resting, told: &mut Told<'_>) -> Result<(), DataError> {
        if self.orders.add(order, resting).is_some() {
            told.sink.fact("orders added twice", told.place);
        }
        let said = Said::of(resting, OrderTickKind::Add, order, resting.shares);
        self.give(said, true, told)
    }

    // The end of an order, if it is known.
    fn remove(&mut self, order: u64, told: &mut Told<'_>) -> Option<Said> {
        let Some(before) = self.orders.remove(order) else {
            self.unknown(told);
            return None;
        };
        Some(Said::of(before, OrderTickKind::Delete, order, before.shares))
    }

    // Fewer shares of an order.
    fn less(
        &mut self,
        kind: OrderTickKind,
        order: u64,
        shares: u32,
        price: Option<u32>,
        told: &mut Told<'_>,
    ) -> Result<(), DataError> {
        let Some(before) = self.orders.reduce(order, shares) else {
            self.unknown(told);
            return Ok(());
        };
        if shares > before.shares {
            told.sink.fact("orders reduced by more than rested", told.place);
        }
        let mut said = Said::of(before, kind, order, shares.min(before.shares));
        said.price = price.unwrap_or(before.price);
        self.give(said, true, told)
    }

    fn trade(
        &mut self,
        qty: u64,
        stock: &[u8; 8],
        price: u32,
        told: &mut Told<'_>,
    ) -> Result<(), DataError> {
        let Some(instrument) = self.instrument(stock, told)? else { return Ok(()) };
        // The exchange does not say who took liquidity in these.
        let (kind, flags) = (OrderTickKind::Trade, TickFlags::NO_AGGRESSOR);
        self.give(Said { instrument, kind, flags, order: 0, price, qty }, true, told)
    }

    fn status(
        &mut self,
        instrument: u16,
        trades: bool,
        told: &mut Told<'_>,
    ) -> Result<(), DataError> {
        let (kind, flags) = (OrderTickKind::Status, TickFlags::NONE);
        let qty = u64::from(trades);
        self.give(Said { instrument, kind, flags, order: 0, price: 0, qty }, true, told)
    }

    fn give(&mut self, said: Said, last: bool, told: &mut Told<'_>) -> Result<(), DataError> {
        let wrong = |column, text: String, what: &str| {
            RowIssue::new(column, text.as_bytes(), what).at(self.path, told.place)
        };
        let since = told.head.since_midnight_ns;
        if !(0..DAY_NS).contains(&since) {
            return Err(wrong("time", since.to_string(), "is past the end of the day"));
        }
        let instant = self.midnight.at_ns(since);
        let venue_ns =
            instant.map_err(|issue| wrong("time", since.to_string(), issue_text(issue)))?;
        let Ok(qty) = i64::try_from(said.qty) else {
            return Err(wrong("shares", said.qty.to_string(), "is too large"));
        };
        let scale = if said.price == 0 { 0 } else { PRICE_DECIMALS };
        let row = Row {
            instrument: said.instrument,
            kind: said.kind,
            flags: if last { said.flags.with(TickFlags::LAST) } else { said.flags },
            venue_ns: Some(venue_ns),
            recv_ns: None,
            order: said.order,
            price: Number { mantissa: i64::from(said.price), scale, rounded: false },
            qty: Some(Number { mantissa: qty, scale: 0, rounded: false }),
        };
        told.sink.row(&row, told.place)
    }
}
