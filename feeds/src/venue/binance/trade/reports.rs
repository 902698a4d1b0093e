//! From the venue's reports to ours: whose it is, what it means, in ticks and lots.

use qt_engine::{Delivery, GatewayEvent};
use qt_types::{
    ExecId, FeeIn, Liquidity, Nanos, OrderId, Price, Qty, RejectReason, Report, ReportKind,
};

use super::OrderMachine;
use super::changes::Change;
use super::codes;
use super::tracker::{Owner, Tracked};
use super::traded::{self, Traded};
use super::trouble::Trouble;
use super::wire::{ExecutionReport, OwnTrade};
use crate::client_id;

/// Marks the number of an allocation: they are numbered apart from trades.
const ALLOCATION_MARK: u64 = 1 << 62;

/// UTC milliseconds as the time of a report.
pub(super) fn nanos(ms: i64) -> Nanos {
    Nanos::new(ms.saturating_mul(1_000_000))
}

/// The number of an execution: zero stands for none, and the venue counts from zero.
fn exec_of(trade: i64, allocation: Option<u64>) -> Option<ExecId> {
    if let Ok(trade) = u64::try_from(trade) {
        return Some(ExecId(trade + 1));
    }
    let allocation = allocation.filter(|number| *number < ALLOCATION_MARK)?;
    Some(ExecId(ALLOCATION_MARK | allocation))
}

/// What an execution is: the venue's own closes a position.
const fn kind_of(owner: Owner) -> ReportKind {
    match owner {
        Owner::Venue => ReportKind::Liquidated,
        Owner::Ours(_) | Owner::Other => ReportKind::Filled,
    }
}

/// A report in ticks and lots.
struct Read {
    order: OrderId,
    revision: u16,
    price: Price,
    qty: Qty,
    executed: Qty,
    prevented: Qty,
    /// The number of the report.
    exec: ExecId,
}

impl Read {
    /// The total that the order can still come to.
    const fn total(&self) -> Qty {
        Qty::from_lots(self.qty.lots().saturating_sub(self.prevented.lots()))
    }

    const fn leaves(&self) -> Qty {
        Qty::from_lots(self.total().lots().saturating_sub(self.executed.lots()))
    }
}

fn read(of: &Traded, report: &ExecutionReport<'_>) -> Option<Read> {
    // Of a cancel the first id is that of the request.
    let original = report.original.as_deref().filter(|text| !text.is_empty());
    let own = match &*report.what {
        "CANCELED" => original.unwrap_or(&report.client),
        _ => &report.client,
    };
    let named = client_id::revision(own.as_bytes());
    // An amended order may have been given another name.
    let named = named.or_else(|| client_id::revision(original?.as_bytes()));
    let (order, revision) = named.unwrap_or((OrderId::NONE, 0));
    Some(Read {
        order,
        revision,
        price: of.price(&report.price)?,
        qty: of.qty(&report.qty)?,
        executed: of.qty(&report.executed)?,
        prevented: match report.prevented.as_deref() {
            Some(text) => of.qty(text)?,
            None => Qty::ZERO,
        },
        exec: ExecId(report.execution.unwrap_or(0)),
    })
}

impl OrderMachine {
    /// An `executionReport` that came at `now_ns`.
    pub(super) fn hear_report(&mut self, report: &ExecutionReport<'_>, now_ns: Nanos) {
        let Some(place) = self.place_of(&report.symbol) else {
            self.standing.figures.elsewhere += 1;
            return;
        };
        if !self.tracker.is_news(place, report.execution) {
            self.standing.figures.doubled += 1;
            return;
        }
        let read = self.settings.traded.get(place).and_then(|of| read(of, report));
        let Some(read) = read else { return self.unfit(place, &report.symbol, now_ns) };
        let owner = match read.order {
            OrderId::NONE => self.owner_of(&report.client),
            order => Owner::Ours(order),
        };
        self.tracker.owns(place, report.number, owner);
        match owner {
            Owner::Ours(_) if self.is_of_the_past(place, &read, report) => return,
            Owner::Ours(order) if report.what == "REPLACED" && self.settings.profile.modifies() => {
                let (number, at_ms) = (report.number, report.at_ms);
                let change = Change { order, number, price: read.price, qty: read.qty, at_ms };
                return self.has_changed(place, change);
            }
            Owner::Ours(_) => {}
            Owner::Other => self.standing.figures.foreign += 1,
            // What it executes is told below; that such an order comes and goes is nothing to tell.
            Owner::Venue if report.what != "TRADE" => return,
            Owner::Venue => self.standing.figures.liquidations += 1,
        }
        self.tell_report(place, &read, owner, report, now_ns);
    }

    /// Whose the order with that client id is.
    pub(super) fn owner_of(&self, client: &str) -> Owner {
        match Owner::of(client) {
            // Where nothing is promised nothing is closed either: somebody calls his orders so.
            Owner::Venue if !self.settings.profile.has_positions() => Owner::Other,
            owner => owner,
        }
    }

    /// The order has another name at the venue by now, or gets one; whether there is nothing to
    /// be told of the one that the report is about.
    fn is_of_the_past(&mut self, place: usize, read: &Read, report: &ExecutionReport<'_>) -> bool {
        let what = &*report.what;
        let side = traded::side(&report.side);
        let new = Tracked::new(place, read.revision, read.price, read.total());
        let new = Tracked { side, ..new };
        let Some(tracked) = self.tracker.entry(read.order, new) else { return false };
        if read.revision < tracked.revision {
            return what != "TRADE";
        }
        if read.revision > tracked.revision && what == "REJECTED" {
            // The old one has gone, and the new one was refused: the answer says so as well.
            tracked.replacing = None;
            if !tracked.is_ended {
                self.is_over_without(place, read.order, codes::rejected(&report.refusal));
            }
            return true;
        }
        if read.revision > tracked.revision {
            // Whatever is told of it first: it is there, and the one before it has gone.
            (tracked.revision, tracked.replacing) = (read.revision, None);
            (tracked.price, tracked.qty) = (read.price, read.total());
            (tracked.is_ended, tracked.is_accepted) = (false, true);
            let (kind, reason) = (ReportKind::Replaced, RejectReason::None);
            let plain = Report::plain(read.order, kind, reason);
            let (exec, price, qty) = (read.exec, read.price, read.total());
            self.say(place, Report { exec, price, qty, leaves: qty, ..plain });
            return what == "NEW";
        }
        if what == "NEW" {
            // The answer to the request has told so.
            return std::mem::replace(&mut tracked.is_accepted, true);
        }
        if what == "CANCELED"
            && read.executed.is_zero()
            && let Some(replacing) = &mut tracked.replacing
        {
            // The other half decides what that means.
            replacing.gone_ns = Some(self.now_ns);
            return true;
        }
        false
    }

    fn tell_report(
        &mut self,
        place: usize,
        read: &Read,
        owner: Owner,
        report: &ExecutionReport<'_>,
        now_ns: Nanos,
    ) {
        let venue_ns = nanos(report.at_ms);
        let plain = |kind, reason| Report::plain(read.order, kind, reason);
        let ended = |kind, reason| Report { qty: read.executed, ..plain(kind, reason) };
        let changed = |reason| Report {
            exec: read.exec,
            price: read.price,
            qty: read.total(),
            leaves: read.leaves(),
            ..plain(ReportKind::Replaced, reason)
        };
        let said = match &*report.what {
            "NEW" => plain(ReportKind::Accepted, RejectReason::None),
            "TRADE" => return self.hear_trade(place, read, owner, report, venue_ns),
            "CANCELED" => ended(ReportKind::Cancelled, RejectReason::Requested),
            "REJECTED" => ended(ReportKind::Rejected, codes::rejected(&report.refusal)),
            "REPLACED" => changed(RejectReason::None),
            "EXPIRED" | "TRADE_PREVENTION" if report.status == "EXPIRED_IN_MATCH" => {
                ended(ReportKind::Cancelled, RejectReason::SelfTrade)
            }
            "EXPIRED" => {
                let expiry = report.expiry.as_deref().unwrap_or_default();
                let reason = codes::expired(expiry, &report.kind, &report.life);
                ended(ReportKind::Cancelled, reason)
            }
            "TRADE_PREVENTION" => changed(RejectReason::SelfTrade),
            _ => {
                self.standing.figures.unknown_values += 1;
                return self.compare_soon(place, now_ns);
            }
        };
        self.note(&said, read.total(), read.price);
        self.tell(place, said, venue_ns, now_ns);
    }

    fn hear_trade(
        &mut self,
        place: usize,
        read: &Read,
        owner: Owner,
        report: &ExecutionReport<'_>,
        venue_ns: Nanos,
    ) {
        let now_ns = self.now_ns;
        let found = self.settings.traded.get(place).and_then(|of| {
            let exec = exec_of(report.trade, report.allocation)?;
            Some((exec, of.price(&report.last_price)?, of.qty(&report.last_qty)?))
        });
        let Some((exec, price, qty)) = found else {
            return self.unfit(place, &report.symbol, now_ns);
        };
        let fee = self.fee_of(place, owner, report.fee.as_deref(), report.fee_asset.as_deref());
        if !self.tracker.is_new_trade(place, report.number, exec.0) {
            self.standing.figures.doubled += 1;
            return;
        }
        if let Some(tracked) = self.tracker.get_mut(read.order) {
            tracked.filled = tracked.filled.saturating_add(qty.lots());
            tracked.is_accepted = true;
        }
        let report = Report {
            exec,
            price,
            qty,
            leaves: read.leaves(),
            fee: fee.0,
            fee_in: fee.1,
            liquidity: if report.is_maker { Liquidity::Maker } else { Liquidity::Taker },
            ..Report::plain(read.order, kind_of(owner), RejectReason::None)
        };
        self.tell(place, report, venue_ns, now_ns);
    }

    /// The commission of an execution. One that cannot be booked is told and counted: the
    /// execution itself must be.
    pub(super) fn fee_of(
        &mut self,
        place: usize,
        owner: Owner,
        amount: Option<&str>,
        asset: Option<&str>,
    ) -> (qt_types::Cash, FeeIn) {
        let none = (qt_types::Cash::ZERO, FeeIn::Quote);
        let (Some(amount), Some(of)) = (amount, self.settings.traded.get(place)) else {
            return none;
        };
        let asset = asset.unwrap_or(&of.quote);
        match traded::fee(of, &self.settings.currencies, amount, asset) {
            Some(fee) => {
                // What the venue closes by itself is booked in the quote currency alone.
                let is_other = owner == Owner::Venue && fee.fee_in != FeeIn::Quote;
                if fee.is_unbooked || is_other {
                    self.standing.figures.fees_unbooked += 1;
                }
                if is_other { none } else { (fee.amount, fee.fee_in) }
            }
            None => {
                self.standing.figures.fees_unbooked += 1;
                let what = format!("a commission of {amount} {asset}");
                self.standing.trouble = Some(Trouble::Unfit(what));
                none
            }
        }
    }

    /// An execution out of a list, as the report that told of it.
    pub(super) fn delivery_of(
        &mut self,
        place: usize,
        owner: Owner,
        trade: &OwnTrade<'_>,
    ) -> Option<Delivery> {
        let of = self.settings.traded.get(place)?;
        let (instrument, exec) = (of.instrument, exec_of(trade.id, None)?);
        let (price, qty) = (of.price(&trade.price)?, of.qty(&trade.qty)?);
        let asset = trade.commission_asset.as_deref();
        let fee = self.fee_of(place, owner, trade.commission.as_deref(), asset);
        let report = Report {
            exec,
            price,
            qty,
            fee: fee.0,
            fee_in: fee.1,
            liquidity: if trade.is_maker { Liquidity::Maker } else { Liquidity::Taker },
            ..Report::plain(owner.order(), kind_of(owner), RejectReason::None)
        };
        let venue_ns = nanos(trade.at_ms);
        Some(Delivery { instrument, venue_ns, recv_ns: self.now_ns, report })
    }

    /// Takes note of what is about to be said of an order.
    pub(super) fn note(&mut self, report: &Report, qty: Qty, price: Price) {
        let Some(tracked) = self.tracker.get_mut(report.order) else { return };
        match report.kind {
            ReportKind::Accepted => tracked.is_accepted = true,
            ReportKind::Replaced => (tracked.qty, tracked.price) = (qty, price),
            ReportKind::Cancelled | ReportKind::Rejected | ReportKind::Expired => {
                (tracked.is_ended, tracked.replacing) = (true, None);
            }
            _ => {}
        }
    }

    /// Says something of an order that follows from an answer.
    pub(super) fn say(&mut self, place: usize, report: Report) {
        let venue_ns = self.venue_ns();
        self.tell(place, report, venue_ns, self.now_ns);
    }

    fn tell(&mut self, place: usize, report: Report, venue_ns: Nanos, recv_ns: Nanos) {
        let Some(of) = self.settings.traded.get(place) else { return };
        self.standing.figures.reports += 1;
        let instrument = of.instrument;
        self.emit(GatewayEvent::Report(Delivery { instrument, venue_ns, recv_ns, report }));
    }

    /// Something was said that is no number of ticks or lots, and is not rounded.
    pub(super) fn unfit(&mut self, place: usize, symbol: &str, now_ns: Nanos) {
        self.standing.figures.unfit += 1;
        let what = format!("a price or quantity in {symbol} that is no number of ticks or lots");
        self.standing.trouble = Some(Trouble::Unfit(what));
        self.compare_soon(place, now_ns);
    }

    /// Something has happened that cannot be told: a report of nobody makes whoever hears it
    /// compare everything.
    pub(super) fn compare_soon(&mut self, place: usize, now_ns: Nanos) {
        let (kind, reason) = (ReportKind::Accepted, RejectReason::None);
        let venue_ns = self.venue_ns();
        self.tell(place, Report::plain(OrderId::NONE, kind, reason), venue_ns, now_ns);
    }
}
