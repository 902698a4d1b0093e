//! The schema `mbo` to order ticks.
//!
//! An execution is told three times: `T`, the trade as whoever took liquidity saw it; `F`, a fill
//! of each resting order; and then what is left of that order, a cancel `C` or a change `M`. The
//! first two do not change the book. Here the fill is the execution, the quantity that a later
//! cancel of the same event takes away once more is left out, and the trade is only told for
//! what no resting order tells of.

use dbn::{Action, MboMsg, RType, RecordRef, UNDEF_PRICE};
use qt_types::{InstrumentKind, OrderTick, OrderTickKind, TickFlags};

use super::stream::{Stop, records, time, typed};
use super::symbols::Symbols;
use super::{fixed, side_flags};
use crate::error::DataError;
use crate::import::input::Input;
use crate::import::lines::Update;
use crate::import::row::{Place, Row, RowSink, RowSource};
use crate::source::number::Number;

/// Fills of one event that are remembered; more are an event that never ends.
const FILLS_MAX: usize = 1 << 16;

/// The rows of such a file.
pub(super) struct OrderSource<'a> {
    pub(super) input: Input<'a>,
    pub(super) kind: Option<InstrumentKind>,
}

impl RowSource<OrderTick> for OrderSource<'_> {
    fn rows(&mut self, sink: &mut dyn RowSink<OrderTick>) -> Result<u64, DataError> {
        let begin = |metadata: &dbn::Metadata| {
            Ok(State {
                symbols: Symbols::of(metadata),
                events: Vec::new(),
                update: Update::default(),
                last: None,
            })
        };
        let (mut state, count) = records(&self.input, begin, |state, record, count| {
            state.record(&record, Place::Record(count), sink)
        })?;
        state.finish(sink)?;
        Ok(count)
    }

    fn instrument_kind(&self) -> Option<InstrumentKind> {
        self.kind
    }
}

struct State {
    symbols: Symbols,
    // By instrument.
    events: Vec<Event>,
    update: Update<OrderTick>,
    // The instrument of the record before.
    last: Option<u16>,
}

// What an event of one instrument has told so far.
#[derive(Clone, Debug, Default)]
struct Event {
    ts_event: u64,
    // A trade, and what of it no fill has told of yet.
    trade: Option<(Row<OrderTick>, Place, u64)>,
    // Orders that were filled, and how much.
    fills: Vec<(u64, u64)>,
}

// One record, read.
struct Read {
    row: Row<OrderTick>,
    place: Place,
    size: u32,
    sided: bool,
    last: bool,
}

impl State {
    fn record(
        &mut self,
        record: &RecordRef<'_>,
        place: Place,
        sink: &mut dyn RowSink<OrderTick>,
    ) -> Result<(), Stop> {
        match record.header().rtype() {
            Ok(RType::Mbo) => {}
            Ok(RType::SymbolMapping) => return self.symbols.learn(record),
            Ok(RType::System) => return Ok(()),
            Ok(_) => {
                sink.fact("records that are about no order (left out)", place);
                return Ok(());
            }
            Err(_) => {
                sink.fact("records of an unknown type (left out)", place);
                return Ok(());
            }
        }
        let mbo = typed::<MboMsg>(record)?;
        let recv_ns = time(mbo.ts_recv);
        let now_ns = recv_ns.or(time(mbo.hd.ts_event)).unwrap_or(0);
        let Some(instrument) = self.symbols.instrument(record, now_ns, sink)? else {
            return Ok(());
        };
        let snapshot = mbo.flags.is_snapshot();
        // The time of a snapshot's record is that of the order, not of the snapshot.
        let venue_ns = time(mbo.hd.ts_event).filter(|_| !snapshot);
        if venue_ns.is_none() && recv_ns.is_none() {
            sink.fact("records without a time (left out)", place);
            return Ok(());
        }
        if mbo.flags.is_maybe_bad_book() {
            sink.fact("records of a book that may have lost something", place);
        }
        let side = side_flags(usize::from(mbo.side as u8 == b'A'));
        let row = Row {
            instrument,
            kind: OrderTickKind::Add,
            flags: if snapshot { side.with(TickFlags::SNAPSHOT) } else { side },
            venue_ns,
            recv_ns,
            order: mbo.order_id,
            price: if mbo.price == UNDEF_PRICE { Number::ZERO } else { fixed(mbo.price) },
            qty: Some(Number { mantissa: i64::from(mbo.size), scale: 0, rounded: false }),
        };
        let sided = matches!(mbo.side as u8, b'A' | b'B');
        let read = Read { row, place, size: mbo.size, sided, last: mbo.flags.is_last() };
        // A snapshot is one event, whatever the times of its orders.
        self.begin(instrument, if snapshot { u64::MAX } else { mbo.hd.ts_event }, sink)?;
        let action = mbo.action();
        let Ok(action) = action else {
            sink.fact("records of an unknown action (left out)", place);
            return Ok(());
        };
        self.act(action, mbo.price != UNDEF_PRICE, &read, sink)?;
        if read.last {
            self.tell_trade(instrument, sink)?;
            self.update.close(sink)?;
            self.events[usize::from(instrument)] = Event::default();
        }
        Ok(())
    }

    // A record of another instrument or event ends what was told before.
    fn begin(
        &mut self,
        instrument: u16,
        ts_event: u64,
        sink: &mut dyn RowSink<OrderTick>,
    ) -> Result<(), Stop> {
        let index = usize::from(instrument);
        if self.events.len() <= index {
            self.events.resize(index + 1, Event::default());
        }
        let other = self.events[index].ts_event != ts_event;
        if other {
            self.tell_trade(instrument, sink)?;
            self.events[index].fills.clear();
            self.events[index].ts_event = ts_event;
        }
        if other || self.last != Some(instrument) {
            self.update.close(sink)?;
        }
        self.last = Some(instrument);
        Ok(())
    }

    fn act(
        &mut self,
        action: Action,
        priced: bool,
        read: &Read,
        sink: &mut dyn RowSink<OrderTick>,
    ) -> Result<(), Stop> {
        let index = usize::from(read.row.instrument);
        if !matches!(action, Action::Fill) {
            self.tell_trade(read.row.instrument, sink)?;
        }
        match action {
            Action::Add | Action::Modify if !priced => {
                sink.fact("orders without a price (left out)", read.place);
            }
            Action::Add => self.give(OrderTickKind::Add, read, read.size, sink)?,
            Action::Modify => self.give(OrderTickKind::Modify, read, read.size, sink)?,
            Action::Cancel => {
                let filled = self.events[index].fills.iter_mut();
                let filled = filled.rev().find(|(order, _)| *order == read.row.order);
                let mut left = read.size;
                if let Some((_, filled)) = filled {
                    let told = u32::try_from(*filled).unwrap_or(u32::MAX).min(left);
                    *filled -= u64::from(told);
                    left -= told;
                }
                if left > 0 {
                    self.give(OrderTickKind::Reduce, read, left, sink)?;
                }
            }
            Action::Clear => {
                for side in [0, 1] {
                    let flags = side_flags(side);
                    let snapshot = read.row.flags.has(TickFlags::SNAPSHOT);
                    let mine = !read.sided || read.row.flags.has(TickFlags::ASK) == (side == 1);
                    let flags = if snapshot { flags.with(TickFlags::SNAPSHOT) } else { flags };
                    let kind = OrderTickKind::Clear;
                    let row = Row { kind, flags, order: 0, price: Number::ZERO, ..read.row };
                    let row = Row { qty: Some(Number::ZERO), ..row };
                    if mine {
                        self.update.push(row, read.place, sink)?;
                    }
                }
            }
            Action::Trade => {
                let flags = if read.sided { read.row.flags } else { TickFlags::NO_AGGRESSOR };
                let row = Row { kind: OrderTickKind::Trade, flags, order: 0, ..read.row };
                self.events[index].trade = Some((row, read.place, u64::from(read.size)));
            }
            Action::Fill => {
                let event = &mut self.events[index];
                if let Some((_, _, left)) = &mut event.trade {
                    *left = left.saturating_sub(u64::from(read.size));
                }
                let known = event.fills.iter().position(|(order, _)| *order == read.row.order);
                match known {
                    Some(at) => event.fills[at].1 += u64::from(read.size),
                    None if event.fills.len() < FILLS_MAX => {
                        event.fills.push((read.row.order, u64::from(read.size)));
                    }
                    None => sink.fact("fills beyond the most that an event may have", read.place),
                }
                self.give(OrderTickKind::Execute, read, read.size, sink)?;
            }
            Action::None => {}
        }
        Ok(())
    }

    fn give(
        &mut self,
        kind: OrderTickKind,
        read: &Read,
        size: u32,
        sink: &mut dyn RowSink<OrderTick>,
    ) -> Result<(), Stop> {
        let qty = Some(Number { mantissa: i64::from(size), scale: 0, rounded: false });
        Ok(self.update.push(Row { kind, qty, ..read.row }, read.place, sink)?)
    }

    // What of the trade at hand no fill has told of.
    fn tell_trade(
        &mut self,
        instrument: u16,
        sink: &mut dyn RowSink<OrderTick>,
    ) -> Result<(), Stop> {
        let event = self.events.get_mut(usize::from(instrument));
        let Some((row, place, left)) = event.and_then(|event| event.trade.take()) else {
            return Ok(());
        };
        if left == 0 {
            return Ok(());
        }
        let qty = Number { mantissa: i64::try_from(left).unwrap_or(i64::MAX), ..Number::ZERO };
        Ok(self.update.push(Row { qty: Some(qty), ..row }, place, sink)?)
    }

    fn finish(&mut self, sink: &mut dyn RowSink<OrderTick>) -> Result<(), DataError> {
        let told = |stop| match stop {
            Stop::Error(error) => error,
            Stop::Issue(issue) => issue.at("", Place::Record(0)),
        };
        for instrument in 0..self.events.len() {
            self.tell_trade(instrument as u16, sink).map_err(told)?;
        }
        self.update.close(sink)
    }
}
