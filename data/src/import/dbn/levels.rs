//! Trades, best prices and levels to ticks: the schemas `trades`, `tbbo`, `mbp-1`, `mbp-10`,
//! `bbo`, their consolidated forms, and `status`.

use std::ffi::c_char;

use dbn::{
    BboMsg, BidAskPair, CbboMsg, Cmbp1Msg, ConsolidatedBidAskPair, FlagSet, Mbp1Msg, Mbp10Msg,
    RType, RecordRef, StatusMsg, TradeMsg, UNDEF_PRICE,
};
use qt_types::{InstrumentKind, Tick, TickFlags, TickKind};

use super::stream::{Stop, records, time, typed};
use super::symbols::Symbols;
use super::{fixed, side_flags};
use crate::error::DataError;
use crate::import::input::Input;
use crate::import::lines::Update;
use crate::import::row::{Place, Row, RowSink, RowSource};
use crate::import::shown::Shown;
use crate::source::number::Number;

/// The rows of such a file.
pub(super) struct LevelSource<'a> {
    pub(super) input: Input<'a>,
    pub(super) kind: Option<InstrumentKind>,
}

impl RowSource<Tick> for LevelSource<'_> {
    fn rows(&mut self, sink: &mut dyn RowSink<Tick>) -> Result<u64, DataError> {
        let begin = |metadata: &dbn::Metadata| {
            Ok(State {
                symbols: Symbols::of(metadata),
                update: Update::default(),
                last: None,
                books: Vec::new(),
            })
        };
        let (mut state, count) = records(&self.input, begin, |state, record, count| {
            state.record(&record, Place::Record(count), sink)
        })?;
        state.update.close(sink)?;
        Ok(count)
    }

    fn instrument_kind(&self) -> Option<InstrumentKind> {
        self.kind
    }
}

struct State {
    symbols: Symbols,
    update: Update<Tick>,
    // Instrument and time of the record before.
    last: Option<(u16, u64)>,
    // The ten levels of bid and ask, by instrument; `None` before the first record.
    books: Vec<Option<[Shown; 2]>>,
}

// One record: whose it is, when, and what its flags say.
struct At<'s> {
    instrument: u16,
    venue_ns: Option<i64>,
    recv_ns: Option<i64>,
    place: Place,
    sink: &'s mut dyn RowSink<Tick>,
}

impl At<'_> {
    fn row(&self, kind: TickKind, flags: TickFlags, price: Number, qty: u32) -> Row<Tick> {
        Row {
            instrument: self.instrument,
            kind,
            flags,
            venue_ns: self.venue_ns,
            recv_ns: self.recv_ns,
            order: 0,
            price,
            qty: Some(Number { mantissa: i64::from(qty), scale: 0, rounded: false }),
        }
    }
}

impl State {
    fn record(
        &mut self,
        record: &RecordRef<'_>,
        place: Place,
        sink: &mut dyn RowSink<Tick>,
    ) -> Result<(), Stop> {
        let Ok(rtype) = record.header().rtype() else {
            sink.fact("records of an unknown type (left out)", place);
            return Ok(());
        };
        let said = match rtype {
            RType::Status => return self.status(record, place, sink),
            RType::SymbolMapping => return self.symbols.learn(record),
            RType::System => return Ok(()),
            RType::Error => {
                sink.fact("errors of the gateway", place);
                return Ok(());
            }
            _ => match Said::read(rtype, record)? {
                Some(said) => said,
                None => {
                    sink.fact("records that are no ticks (left out)", place);
                    return Ok(());
                }
            },
        };
        let Some(mut at) = self.at(record, said.ts_recv, said.flags, place, sink)? else {
            return Ok(());
        };
        if let Some(pair) = &said.pair {
            self.top(&mut at, pair)?;
        }
        if let Some(ten) = said.ten {
            self.ten(&mut at, ten)?;
        }
        if let Some((price, size, side)) = said.trade {
            self.trade(&mut at, price, size, side)?;
        }
        if said.flags.is_last() || said.sampled {
            self.update.close(at.sink)?;
            self.last = None;
        }
        Ok(())
    }

    // Whose the record is, unless it is not wanted; what came before it is complete if it is of
    // another instrument or time.
    fn at<'s>(
        &mut self,
        record: &RecordRef<'_>,
        ts_recv: u64,
        flags: FlagSet,
        place: Place,
        sink: &'s mut dyn RowSink<Tick>,
    ) -> Result<Option<At<'s>>, Stop> {
        let ts_event = record.header().ts_event;
        let recv_ns = time(ts_recv);
        let now_ns = recv_ns.or(time(ts_event)).unwrap_or(0);
        let Some(instrument) = self.symbols.instrument(record, now_ns, sink)? else {
            return Ok(None);
        };
        // A snapshot is one event, whatever the times of its levels.
        let event = (instrument, if flags.is_snapshot() { u64::MAX } else { ts_event });
        if self.last.replace(event) != Some(event) {
            self.update.close(sink)?;
        }
        if flags.is_maybe_bad_book() {
            sink.fact("records of a book that may have lost something", place);
        }
        // The time of a snapshot's record is that of the order, not of the snapshot.
        let venue_ns = time(ts_event).filter(|_| !flags.is_snapshot());
        if venue_ns.is_none() && recv_ns.is_none() {
            sink.fact("records without a time (left out)", place);
            return Ok(None);
        }
        Ok(Some(At { instrument, venue_ns, recv_ns, place, sink }))
    }

    fn trade(&mut self, at: &mut At<'_>, price: i64, size: u32, side: u8) -> Result<(), Stop> {
        if price == UNDEF_PRICE || size == 0 {
            at.sink.fact("trades without price or quantity (left out)", at.place);
            return Ok(());
        }
        let flags = match side {
            b'A' => TickFlags::ASK,
            b'B' => TickFlags::NONE,
            _ => TickFlags::NO_AGGRESSOR,
        };
        let row = at.row(TickKind::Trade, flags, fixed(price), size);
        self.update.push(row, at.place, at.sink)?;
        // A trade is known as soon as it is told, whatever else its event brings.
        Ok(self.update.close(at.sink)?)
    }

    fn top(&mut self, at: &mut At<'_>, pair: &Pair) -> Result<(), Stop> {
        if pair.is_crossed() {
            at.sink.fact("crossed quotes", at.place);
        }
        for (side, (price, size)) in [pair.bid, pair.ask].into_iter().enumerate() {
            let flags = side_flags(side);
            let row = if price == UNDEF_PRICE {
                at.row(TickKind::Clear, flags, Number::ZERO, 0)
            } else {
                at.row(TickKind::Top, flags, fixed(price), size)
            };
            self.update.push(row, at.place, at.sink)?;
        }
        Ok(())
    }

    fn ten(&mut self, at: &mut At<'_>, m: &Mbp10Msg) -> Result<(), Stop> {
        let index = usize::from(at.instrument);
        if self.books.len() <= index {
            self.books.resize(index + 1, None);
        }
        let cleared = m.action as u8 == b'R';
        let first = self.books[index].is_none() || cleared;
        if first {
            self.books[index] = Some(Default::default());
            for side in [0, 1] {
                let flags = side_flags(side).with(TickFlags::SNAPSHOT);
                let row = at.row(TickKind::Clear, flags, Number::ZERO, 0);
                self.update.push(row, at.place, at.sink)?;
            }
        }
        let of_snapshot = if first { TickFlags::SNAPSHOT } else { TickFlags::NONE };
        let update = &mut self.update;
        for (side, shown) in self.books[index].iter_mut().flatten().enumerate() {
            let flags = side_flags(side).with(of_snapshot);
            shown.begin();
            for level in &m.levels {
                let pair = Pair::of(level);
                let (price, size) = if side == 0 { pair.bid } else { pair.ask };
                if price != UNDEF_PRICE {
                    let size = Number { mantissa: i64::from(size), scale: 0, rounded: false };
                    shown.level(fixed(price), size);
                }
            }
            shown.changes(|price, qty| {
                // The quantity is one of those above.
                let qty = u32::try_from(qty.mantissa).unwrap_or(u32::MAX);
                let row = at.row(TickKind::Level, flags, price, qty);
                update.push(row, at.place, at.sink)
            })?;
        }
        Ok(())
    }

    fn status(
        &mut self,
        record: &RecordRef<'_>,
        place: Place,
        sink: &mut dyn RowSink<Tick>,
    ) -> Result<(), Stop> {
        let status = typed::<StatusMsg>(record)?;
        let Some(at) = self.at(record, status.ts_recv, FlagSet::empty(), place, sink)? else {
            return Ok(());
        };
        let Some(trades) = status.is_trading() else {
            at.sink.fact("status records that do not say whether it trades", place);
            return Ok(());
        };
        let row = at.row(TickKind::Status, TickFlags::NONE, Number::ZERO, u32::from(trades));
        self.update.push(row, place, at.sink)?;
        Ok(self.update.close(at.sink)?)
    }
}

// What a record says, whichever type it has.
struct Said<'r> {
    ts_recv: u64,
    flags: FlagSet,
    pair: Option<Pair>,
    ten: Option<&'r Mbp10Msg>,
    // Price, size and side of a trade.
    trade: Option<(i64, u32, u8)>,
    // Whether it is a picture at fixed intervals, which no other record completes.
    sampled: bool,
}

impl<'r> Said<'r> {
    // `None` for a type without prices.
    fn read(rtype: RType, record: &RecordRef<'r>) -> Result<Option<Self>, Stop> {
        let said = |ts_recv, flags| Self {
            ts_recv,
            flags,
            pair: None,
            ten: None,
            trade: None,
            sampled: false,
        };
        let trade = |action: c_char, price, size, side: c_char| {
            (action as u8 == b'T').then_some((price, size, side as u8))
        };
        Ok(Some(match rtype {
            RType::Mbp0 => {
                let m = typed::<TradeMsg>(record)?;
                let trade = Some((m.price, m.size, m.side as u8));
                Self { trade, ..said(m.ts_recv, m.flags) }
            }
            RType::Mbp1 | RType::Tbbo => {
                let m = typed::<Mbp1Msg>(record)?;
                let pair = Some(Pair::of(&m.levels[0]));
                let trade = trade(m.action, m.price, m.size, m.side);
                Self { pair, trade, ..said(m.ts_recv, m.flags) }
            }
            RType::Mbp10 => {
                let m = typed::<Mbp10Msg>(record)?;
                let trade = trade(m.action, m.price, m.size, m.side);
                Self { ten: Some(m), trade, ..said(m.ts_recv, m.flags) }
            }
            RType::Cmbp1 | RType::Tcbbo => {
                let m = typed::<Cmbp1Msg>(record)?;
                let pair = Some(Pair::of_consolidated(&m.levels[0]));
                let trade = trade(m.action, m.price, m.size, m.side);
                Self { pair, trade, ..said(m.ts_recv, m.flags) }
            }
            RType::Bbo1S | RType::Bbo1M => {
                let m = typed::<BboMsg>(record)?;
                let pair = Some(Pair::of(&m.levels[0]));
                Self { pair, sampled: true, ..said(m.ts_recv, m.flags) }
            }
            RType::Cbbo1S | RType::Cbbo1M => {
                let m = typed::<CbboMsg>(record)?;
                let pair = Some(Pair::of_consolidated(&m.levels[0]));
                Self { pair, sampled: true, ..said(m.ts_recv, m.flags) }
            }
            _ => return Ok(None),
        }))
    }
}

// Price and size of bid and ask.
struct Pair {
    bid: (i64, u32),
    ask: (i64, u32),
}

impl Pair {
    const fn of(pair: &BidAskPair) -> Self {
        Self { bid: (pair.bid_px, pair.bid_sz), ask: (pair.ask_px, pair.ask_sz) }
    }

    const fn of_consolidated(pair: &ConsolidatedBidAskPair) -> Self {
        Self { bid: (pair.bid_px, pair.bid_sz), ask: (pair.ask_px, pair.ask_sz) }
    }

    const fn is_crossed(&self) -> bool {
        self.bid.0 != UNDEF_PRICE && self.ask.0 != UNDEF_PRICE && self.bid.0 > self.ask.0
    }
}
