//! A venue that answers by the dice: late, doubled, in parts, out of order, and not always as
//! asked.

use qt_engine::{Command, Exposure};
use qt_types::{
    Cash, CurrencyId, ExecId, FeeIn, FxRate, InstrumentId, OrderId, OrderKind, Price, Qty,
    RejectReason, Replace, Report, ReportKind,
};

use crate::world::{Dice, Market};

struct Open {
    id: OrderId,
    instrument: InstrumentId,
    lots: i64,
    filled: i64,
    is_accepted: bool,
    cancel_asked: bool,
    change: Option<Replace>,
}

#[derive(Default)]
pub struct Venue {
    open: Vec<Open>,
    execs: u64,
    last: Option<(InstrumentId, Report)>,
    fills: Vec<(InstrumentId, Report)>,
}

impl Venue {
    pub fn submit(&mut self, command: &Command) {
        match command {
            Command::New(new) => self.open.push(Open {
                id: new.order,
                instrument: new.instrument,
                lots: new.qty.lots(),
                filled: 0,
                is_accepted: false,
                cancel_asked: false,
                change: None,
            }),
            Command::Replace(change) => {
                let id = change.replace.order;
                if let Some(open) = self.open.iter_mut().find(|open| open.id == id) {
                    open.change = Some(change.replace);
                }
            }
            Command::Cancel(end) => {
                let id = end.cancel.order;
                if let Some(open) = self.open.iter_mut().find(|open| open.id == id) {
                    open.cancel_asked = true;
                }
            }
        }
    }

    /// What the venue says next, if anything.
    pub fn next(&mut self, market: &Market, dice: &mut Dice) -> Option<(InstrumentId, Report)> {
        if dice.is(25) {
            return Some(of_account(dice));
        }
        if dice.is(60) {
            return Some(of_position(market, dice));
        }
        if dice.is(15) {
            return self.last;
        }
        if dice.is(30) && !self.fills.is_empty() {
            let at = dice.below(self.fills.len() as i64) as usize;
            let (instrument, fill) = self.fills.swap_remove(at);
            return Some((instrument, Report { kind: ReportKind::Busted, ..fill }));
        }
        if self.open.is_empty() {
            return None;
        }
        let at = dice.below(self.open.len() as i64) as usize;
        let told = self.answer(at, market, dice)?;
        self.last = Some(told);
        Some(told)
    }

    fn answer(
        &mut self,
        at: usize,
        market: &Market,
        dice: &mut Dice,
    ) -> Option<(InstrumentId, Report)> {
        let open = &mut self.open[at];
        let (id, instrument) = (open.id, open.instrument);
        let told = |kind, reason| Some((instrument, Report::plain(id, kind, reason)));
        if !open.is_accepted {
            open.is_accepted = true;
            if dice.is(20) {
                self.open.swap_remove(at);
                return told(ReportKind::Rejected, RejectReason::VenueRefused);
            }
            return told(ReportKind::Accepted, RejectReason::None);
        }
        if open.cancel_asked {
            open.cancel_asked = false;
            if dice.is(4) {
                return told(ReportKind::RequestRejected, RejectReason::UnknownOrder);
            }
            self.open.swap_remove(at);
            return told(ReportKind::Cancelled, RejectReason::Requested);
        }
        if let Some(change) = open.change.take() {
            if dice.is(4) || change.qty.lots() <= open.filled {
                return told(ReportKind::RequestRejected, RejectReason::InvalidReplace);
            }
            open.lots = change.qty.lots();
            let mut report = Report::plain(id, ReportKind::Replaced, RejectReason::None);
            report.qty = change.qty;
            report.leaves = Qty::from_lots(open.lots - open.filled);
            if let OrderKind::Limit { price } = change.kind {
                report.price = price;
            }
            return Some((instrument, report));
        }
        match dice.below(12) {
            0 => told(ReportKind::Unknown, RejectReason::LinkLost),
            1 => {
                self.open.swap_remove(at);
                told(ReportKind::Expired, RejectReason::SessionEnd)
            }
            2..5 => None,
            _ => Some(self.fill(at, market, dice)),
        }
    }

    fn fill(&mut self, at: usize, market: &Market, dice: &mut Dice) -> (InstrumentId, Report) {
        let open = &mut self.open[at];
        let lots = 1 + dice.below((open.lots - open.filled).max(1));
        open.filled += lots;
        self.execs += 1;
        let price = market.middle(open.instrument) + dice.below(5) - 2;
        let mut report = Report::plain(open.id, ReportKind::Filled, RejectReason::None);
        report.exec = ExecId(self.execs);
        report.price = Price::from_ticks(price);
        report.qty = Qty::from_lots(lots);
        report.leaves = Qty::from_lots(open.lots - open.filled);
        report.fee = Cash::from_nano(i128::from(dice.below(1_000_000)));
        report.fee_in = match (open.instrument.0, dice.below(4)) {
            (0, 0) => FeeIn::Base,
            (_, 1) => FeeIn::Currency(CurrencyId(2)),
            _ => FeeIn::Quote,
        };
        let instrument = open.instrument;
        if open.filled >= open.lots {
            self.open.swap_remove(at);
        }
        self.fills.push((instrument, report));
        (instrument, report)
    }
}

/// Whether a report can be: no more is liquidated than is held.
pub fn can_be(told: &(InstrumentId, Report), exposure: &Exposure<'_>) -> bool {
    let held = exposure.position(told.0).abs();
    told.1.kind != ReportKind::Liquidated || told.1.qty <= held
}

/// The venue closes some of a position, or settles it because its instrument has expired.
fn of_position(market: &Market, dice: &mut Dice) -> (InstrumentId, Report) {
    let expires = dice.is(20);
    let (kind, instrument) = match expires {
        true => (ReportKind::Settled, InstrumentId(2)),
        false => (ReportKind::Liquidated, InstrumentId(dice.below(3) as u16)),
    };
    let mut report = Report::plain(OrderId::NONE, kind, RejectReason::None);
    report.price = Price::from_ticks(market.middle(instrument));
    if !expires {
        report.qty = Qty::from_lots(1 + dice.below(3));
        report.fee = Cash::from_nano(1_000_001);
    }
    (instrument, report)
}

/// Something about the account, and about no order.
fn of_account(dice: &mut Dice) -> (InstrumentId, Report) {
    let rate = FxRate::new(90 + dice.below(30), 100).unwrap_or(FxRate::ONE);
    let paid = |kind| {
        let fee = Cash::from_nano(1_000_000);
        Report { fee, ..Report::plain(OrderId::NONE, kind, RejectReason::None) }
    };
    let report = match dice.below(5) {
        0 => paid(ReportKind::Carry),
        1 => paid(ReportKind::Funding),
        2 => {
            let fee = Cash::from_nano(3_000_000_000);
            Report { fee, ..Report::of_rate(ReportKind::Exchanged, CurrencyId(1), rate) }
        }
        _ => Report::of_rate(ReportKind::Rate, CurrencyId(1), rate),
    };
    (InstrumentId(2), report)
}
