//! From the engine's commands to requests, and what the answers to them mean.

use qt_engine::{Command, NewOrder as Wanted, ReplaceOrder};
use qt_types::{
    ExecId, InstrumentId, Nanos, OrderId, OrderKind as Kind, Price, Qty, RejectReason, Report,
    ReportKind, TimeInForce,
};
use serde::Deserialize;

use super::super::order::{Amend, Cancel, Life, NewOrder, OrderKind, Replace, Request};
use super::OrderMachine;
use super::budget::Purpose;
use super::codes::{Meaning, meaning};
use super::reports::nanos;
use super::tracker::{Form, Owner, Replacing, Tracked};
use super::traded::Traded;
use super::trouble::Trouble;
use super::wire::{Amended, Cancelled, Fault, Placed, Replaced};

/// What a request about an order was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Place(OrderId),
    Cancel(OrderId),
    Amend(OrderId),
    Replace(OrderId),
    Modify(OrderId),
}

impl Asked {
    pub(super) const fn order(self) -> OrderId {
        match self {
            Self::Place(order)
            | Self::Cancel(order)
            | Self::Amend(order)
            | Self::Replace(order)
            | Self::Modify(order) => order,
        }
    }
}

/// What an order of the engine's is at the venue; none for one that it does not have.
fn kind_of(wanted: &Wanted, of: &Traded) -> Option<OrderKind> {
    let is_alone = wanted.parent.is_none() && wanted.oco.is_none();
    let can_reduce = of.spec.is_derivative();
    if wanted.reduce_only && !can_reduce || !wanted.display.is_zero() || !is_alone {
        return None;
    }
    kind(wanted.kind, wanted.tif, wanted.post_only, of)
}

fn kind(kind: Kind, tif: TimeInForce, is_post_only: bool, of: &Traded) -> Option<OrderKind> {
    let life = match tif {
        TimeInForce::Gtc => Life::Gtc,
        TimeInForce::Ioc => Life::Ioc,
        TimeInForce::Fok => Life::Fok,
        TimeInForce::Day | TimeInForce::Gtd(_) => return None,
    };
    match kind {
        Kind::Limit { price } if is_post_only => {
            (life == Life::Gtc).then_some(OrderKind::PostOnly(price))
        }
        _ if is_post_only => None,
        Kind::Limit { price } => Some(OrderKind::Limit(price, life)),
        // At once or not at all: a market order is what it is, however long it may live.
        Kind::Market => (life != Life::Fok).then_some(OrderKind::Market),
        Kind::StopLimit { trigger, limit } if of.takes_stop_limits => {
            Some(OrderKind::StopLimit { stop: trigger, price: limit, life })
        }
        _ => None,
    }
}

const fn price_of(kind: &OrderKind) -> Price {
    match *kind {
        OrderKind::Limit(price, _) | OrderKind::PostOnly(price) => price,
        OrderKind::StopLimit { price, .. } => price,
        OrderKind::Market => Price::ZERO,
    }
}

impl OrderMachine {
    /// Sends `command`, which was handed over at `handed_ns` (UTC), or says that it was not sent.
    pub fn submit(&mut self, command: &Command, handed_ns: Nanos, now_ns: Nanos) {
        self.now_ns = now_ns;
        let place = self.place_with(command.instrument());
        let Some(place) = place else {
            return self.not_sent(0, command, RejectReason::VenueRefused);
        };
        if !self.has_link() {
            self.standing.figures.not_sent += 1;
            return self.not_sent(place, command, RejectReason::LinkLost);
        }
        let is_late = handed_ns.saturating_add_ns(self.settings.late_ns) <= now_ns;
        if is_late && !matches!(command, Command::Cancel(_)) {
            self.standing.figures.not_sent += 1;
            return self.not_sent(place, command, RejectReason::LinkLost);
        }
        match command {
            Command::New(new) => self.place_order(place, new, command, handed_ns),
            Command::Cancel(cancel) => {
                let id = cancel.cancel.order;
                let revision = self.tracker.get(id).map_or(0, |it| it.revision);
                if !self.may_send(Purpose::Cancel, 1) {
                    self.standing.figures.throttled += 1;
                    return;
                }
                // A cancel does no harm however late it comes.
                let request = Request::Cancel(Cancel { id, revision });
                self.send(place, Asked::Cancel(id), &request, now_ns);
            }
            Command::Replace(change) => self.change_order(place, change, command, handed_ns),
        }
    }

    fn place_order(&mut self, place: usize, new: &Wanted, command: &Command, handed_ns: Nanos) {
        let of = self.settings.traded.get(place);
        let Some(kind) = of.and_then(|of| kind_of(new, of)) else {
            return self.not_sent(place, command, RejectReason::VenueRefused);
        };
        if !self.may_send(Purpose::Order, 1) {
            self.standing.figures.throttled += 1;
            return self.not_sent(place, command, RejectReason::Throttled);
        }
        let (id, reduce_only) = (new.order, new.reduce_only);
        let order = NewOrder { id, side: new.side, kind, qty: new.qty, reduce_only };
        let request = Request::New(order);
        if self.send(place, Asked::Place(new.order), &request, handed_ns) {
            let form = Form { side: new.side, tif: new.tif, is_post_only: new.post_only };
            let tracked = Tracked::new(place, 0, price_of(&kind), new.qty);
            let side = Some(new.side);
            self.tracker.insert(new.order, Tracked { form: Some(form), side, ..tracked });
        } else {
            self.not_sent(place, command, RejectReason::VenueRefused);
        }
    }

    /// Less at the same price: the order is made smaller and keeps its place. Anything else: it is
    /// replaced, as long as nothing of it was executed.
    fn change_order(
        &mut self,
        place: usize,
        change: &ReplaceOrder,
        command: &Command,
        handed_ns: Nanos,
    ) {
        if self.settings.profile.modifies() {
            return self.modify_order(place, change, command, handed_ns);
        }
        let refused = RejectReason::InvalidReplace;
        let (wanted, id) = (change.replace, change.replace.order);
        let Some(known) = self.tracker.get(id).copied() else {
            return self.not_sent(place, command, refused);
        };
        let of = self.settings.traded.get(place);
        let can = of.map_or((false, false), |of| (of.can_amend, of.can_replace));
        let price = match wanted.kind {
            Kind::Limit { price } => price,
            Kind::StopLimit { limit, .. } => limit,
            _ => return self.not_sent(place, command, refused),
        };
        let is_smaller = price == known.price && wanted.qty < known.qty;
        if is_smaller && matches!(wanted.kind, Kind::Limit { .. }) && can.0 {
            if !self.may_send(Purpose::Cancel, 4) {
                self.standing.figures.throttled += 1;
                return self.not_sent(place, command, refused);
            }
            let revision = known.revision;
            let request = Request::Amend(Amend { id, revision, qty: wanted.qty });
            if !self.send(place, Asked::Amend(id), &request, handed_ns) {
                self.not_sent(place, command, refused);
            }
            return;
        }
        let new = self.revised(place, &known, change);
        let revision = known.revision.checked_add(1);
        let is_free = known.filled == 0 && known.replacing.is_none() && !known.is_ended;
        let (Some(new), Some(revision), true) = (new, revision, is_free && can.1) else {
            return self.not_sent(place, command, refused);
        };
        if !self.may_send(Purpose::Order, 1) {
            self.standing.figures.throttled += 1;
            return self.not_sent(place, command, refused);
        }
        let request = Request::Replace(Replace { new, revision });
        if !self.send(place, Asked::Replace(id), &request, handed_ns) {
            return self.not_sent(place, command, refused);
        }
        if let Some(tracked) = self.tracker.get_mut(id) {
            let (qty, gone_ns) = (wanted.qty, None);
            tracked.replacing = Some(Replacing { handed_ns, price, qty, gone_ns });
        }
    }

    /// The order that is to take the place of another. Its side and its time in force are those of
    /// the order that was placed here; of one that was not, nobody knows them.
    fn revised(&self, place: usize, known: &Tracked, change: &ReplaceOrder) -> Option<NewOrder> {
        let of = self.settings.traded.get(place)?;
        let form = known.form?;
        let kind = kind(change.replace.kind, form.tif, form.is_post_only, of)?;
        let (id, qty) = (change.replace.order, change.replace.qty);
        (qty.lots() > 0 && known.place == place).then_some(NewOrder {
            id,
            side: form.side,
            kind,
            qty,
            reduce_only: false,
        })
    }

    /// Whether `request` has left.
    pub(super) fn send(
        &mut self,
        place: usize,
        asked: Asked,
        request: &Request,
        handed_ns: Nanos,
    ) -> bool {
        let at_ms = self.venue_ms(handed_ns);
        let number = self.next_number();
        let Some(writer) = self.writers.get_mut(place) else { return false };
        let mut buffer = [0; super::super::REQUEST_BYTES_MAX];
        let length = match writer.encode(number, request, at_ms, &mut buffer) {
            Ok(length) => length,
            Err(error) => {
                self.standing.trouble = Some(Trouble::Unfit(error.text().to_owned()));
                return false;
            }
        };
        let Some(message) = buffer.get(..length) else { return false };
        self.standing.figures.sent += 1;
        self.send_command(number, place, asked, message.to_vec());
        true
    }

    pub(super) fn may_send(&mut self, purpose: Purpose, weight: u64) -> bool {
        let venue_ns = self.venue_ns();
        self.budget.is_open(self.now_ns) && self.budget.take(purpose, weight, venue_ns)
    }

    /// Says that `command` has not left.
    pub(super) fn not_sent(&mut self, place: usize, command: &Command, reason: RejectReason) {
        let order = command.order();
        let report = match command {
            Command::New(_) => Report::plain(order, ReportKind::Rejected, reason),
            Command::Replace(_) => {
                let (kind, reason) = (ReportKind::RequestRejected, RejectReason::InvalidReplace);
                Report::plain(order, kind, reason)
            }
            // Whoever wants it repeats it.
            Command::Cancel(_) => return,
        };
        self.say_of(place, command.instrument(), report);
    }

    fn say_of(&mut self, place: usize, instrument: InstrumentId, report: Report) {
        if self.settings.traded.get(place).is_some_and(|of| of.instrument == instrument) {
            return self.say(place, report);
        }
        let (venue_ns, recv_ns) = (self.now_ns, self.now_ns);
        let delivery = qt_engine::Delivery { instrument, venue_ns, recv_ns, report };
        self.emit(qt_engine::GatewayEvent::Report(delivery));
    }

    /// The venue has done what was asked for.
    pub(super) fn done(&mut self, place: usize, asked: Asked, result: &str) {
        let order = asked.order();
        match asked {
            Asked::Place(_) => {
                let Ok(placed) = serde_json::from_str::<Placed>(result) else {
                    return self.unreadable();
                };
                self.tracker.owns(place, placed.number, Owner::Ours(order));
                let Some(tracked) = self.tracker.get_mut(order) else { return };
                if !std::mem::replace(&mut tracked.is_accepted, true) {
                    let (kind, reason) = (ReportKind::Accepted, RejectReason::None);
                    self.say_at(place, placed.at_ms, Report::plain(order, kind, reason));
                }
            }
            Asked::Cancel(_) => self.cancelled(place, order, result),
            Asked::Amend(_) => self.amended(place, order, result),
            Asked::Replace(_) => self.replaced(place, order),
            Asked::Modify(_) => self.modified(place, order, result),
        }
    }

    /// The answer to a cancel ends the order only where every execution that it counts was heard
    /// of: otherwise they come yet, and the report of the end behind them.
    fn cancelled(&mut self, place: usize, order: OrderId, result: &str) {
        let Ok(end) = serde_json::from_str::<Cancelled<'_>>(result) else {
            return self.unreadable();
        };
        let of = self.settings.traded.get(place);
        let Some(executed) = of.and_then(|of| of.qty(&end.executed)) else { return };
        let Some(tracked) = self.tracker.get(order) else { return };
        let is_heard = tracked.filled >= executed.lots() && end.status == "CANCELED";
        if tracked.is_ended || !is_heard || tracked.replacing.is_some() {
            return;
        }
        let (kind, reason) = (ReportKind::Cancelled, RejectReason::Requested);
        let report = Report { qty: executed, ..Report::plain(order, kind, reason) };
        self.note(&report, Qty::ZERO, Price::ZERO);
        self.say_at(place, end.at_ms, report);
    }

    fn amended(&mut self, place: usize, order: OrderId, result: &str) {
        let Ok(change) = serde_json::from_str::<Amended<'_>>(result) else {
            return self.unreadable();
        };
        let of = self.settings.traded.get(place);
        let found =
            of.and_then(|of| Some((of.price(&change.order.price)?, of.qty(&change.order.qty)?)));
        let Some((price, qty)) = found else {
            return self.compare_soon(place, self.now_ns);
        };
        if !self.tracker.is_news(place, change.execution) {
            return;
        }
        let filled = self.tracker.get(order).map_or(0, |it| it.filled);
        let exec = ExecId(change.execution.unwrap_or(0));
        let leaves = Qty::from_lots(qty.lots().saturating_sub(filled));
        let plain = Report::plain(order, ReportKind::Replaced, RejectReason::None);
        let report = Report { exec, price, qty, leaves, ..plain };
        self.note(&report, qty, price);
        self.say_at(place, change.at_ms, report);
    }

    fn replaced(&mut self, place: usize, order: OrderId) {
        let Some(tracked) = self.tracker.get_mut(order) else { return };
        // Whatever was reported of the new order has said so already.
        let Some(Replacing { price, qty, .. }) = tracked.replacing.take() else { return };
        let Some(revision) = tracked.revision.checked_add(1) else { return };
        (tracked.revision, tracked.price, tracked.qty) = (revision, price, qty);
        tracked.is_accepted = true;
        let plain = Report::plain(order, ReportKind::Replaced, RejectReason::None);
        self.say(place, Report { price, qty, leaves: qty, ..plain });
    }

    pub(super) fn say_at(&mut self, place: usize, at_ms: i64, report: Report) {
        let Some(instrument) = self.settings.traded.get(place).map(|of| of.instrument) else {
            return;
        };
        let venue_ns = if at_ms > 0 { nanos(at_ms) } else { self.venue_ns() };
        self.standing.figures.reports += 1;
        let delivery = qt_engine::Delivery { instrument, venue_ns, recv_ns: self.now_ns, report };
        self.emit(qt_engine::GatewayEvent::Report(delivery));
    }

    /// The venue has not done what was asked for, or does not say whether it has.
    pub(super) fn refused(&mut self, place: usize, asked: Asked, status: u16, fault: &Fault<'_>) {
        let order = asked.order();
        let meaning = self.learn_from(status, fault);
        if meaning == Meaning::Unknown {
            self.standing.figures.unsure += 1;
            return;
        }
        self.standing.figures.rules_refused += u64::from(speaks_of_rules(meaning));
        match asked {
            Asked::Place(_) => {
                let Some(tracked) = self.tracker.get(order) else { return };
                // What was heard of is there, whatever this says.
                if tracked.is_accepted || tracked.filled > 0 {
                    return self.compare_soon(place, self.now_ns);
                }
                let report = Report::plain(order, ReportKind::Rejected, reason_of(meaning));
                self.note(&report, Qty::ZERO, Price::ZERO);
                self.say(place, report);
            }
            Asked::Cancel(_) => {
                let reason = match meaning {
                    Meaning::NoOrder => RejectReason::UnknownOrder,
                    Meaning::Refused(reason) => reason,
                    // It is repeated until it is done.
                    _ => return,
                };
                self.say(place, Report::plain(order, ReportKind::RequestRejected, reason));
            }
            Asked::Amend(_) | Asked::Modify(_) => self.not_changed(place, order),
            Asked::Replace(_) => self.not_replaced(place, order, status, fault),
        }
    }

    fn not_changed(&mut self, place: usize, order: OrderId) {
        let (kind, reason) = (ReportKind::RequestRejected, RejectReason::InvalidReplace);
        self.say(place, Report::plain(order, kind, reason));
    }

    /// A replacement that failed, in one of its halves or in both.
    fn not_replaced(&mut self, place: usize, order: OrderId, status: u16, fault: &Fault<'_>) {
        let halves = fault.data.and_then(|data| Replaced::deserialize(data).ok());
        let is_gone = halves.as_ref().is_some_and(|it| it.cancel == "SUCCESS");
        let is_there = halves.as_ref().is_some_and(|it| it.new == "SUCCESS");
        let known = self.tracker.get_mut(order);
        if known.as_ref().is_some_and(|it| it.is_ended) {
            return;
        }
        let replacing = known.and_then(|it| it.replacing.take());
        let was_gone = replacing.is_some_and(|it| it.gone_ns.is_some());
        if is_there {
            // The old one stays as well: this was never asked for, and has to be looked at.
            return self.compare_soon(place, self.now_ns);
        }
        if !is_gone && !was_gone {
            return self.not_changed(place, order);
        }
        let response = halves.as_ref().and_then(|it| it.response);
        let why = response.and_then(|it| Fault::deserialize(it).ok());
        let why = why.map(|why| meaning(status.min(499), why.code, &why.msg));
        if why == Some(Meaning::Unknown) {
            self.standing.figures.unsure += 1;
            return;
        }
        let reason = why.map_or(RejectReason::Requested, reason_of);
        self.is_over_without(place, order, reason);
    }

    /// An order has gone, and the one that was to take its place does not come.
    pub(super) fn is_over_without(&mut self, place: usize, order: OrderId, reason: RejectReason) {
        self.not_changed(place, order);
        let report = Report::plain(order, ReportKind::Cancelled, reason);
        self.note(&report, Qty::ZERO, Price::ZERO);
        self.say(place, report);
    }
}

/// Whether a refusal says that the venue's rules are not those that are known here.
pub(super) const fn speaks_of_rules(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::Refused(
            RejectReason::TickSize
                | RejectReason::LotSize
                | RejectReason::MinNotional
                | RejectReason::Halted
                | RejectReason::InstrumentExpired
        )
    )
}

const fn reason_of(meaning: Meaning) -> RejectReason {
    match meaning {
        Meaning::Refused(reason) => reason,
        Meaning::TooOften => RejectReason::Throttled,
        Meaning::NoOrder => RejectReason::UnknownOrder,
        Meaning::Clock | Meaning::Keys | Meaning::Unknown => RejectReason::VenueRefused,
    }
}
