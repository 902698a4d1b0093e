//! One parent order at work: what is due, the one child that does it, and the conservation.

use qt_types::{
    Cancel, Intent, Nanos, OrderId, OrderKind, ParentId, Place, Price, Qty, Replace, Report,
    ReportKind, Side, Size, StrategyId,
};
use serde::{Deserialize, Serialize};

use super::{Execute, ParentEnd, ParentReport, Plan, pov};
use crate::oms::{Booked, Order, OrderTable, Pending};
use crate::port::Exposure;

/// After a child was refused or ended early there is none for this long.
const QUIET_NS: i64 = 1_000_000_000;

/// A parent order.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Parent {
    pub(crate) report: ParentReport,
    /// Smaller than what is open: it holds once that is gone.
    smaller: Option<Qty>,
    /// Why it is coming to its end.
    ending: Option<ParentEnd>,
    child_ns: Nanos,
    /// The child was told to go to this price (ticks), or was asked to end.
    asked_price: Option<Price>,
    quiet_until: Nanos,
    /// When it looks at the clock next (UTC ns).
    pub(crate) wake_ns: Nanos,
    pub(crate) is_told: bool,
}

impl Parent {
    /// The parent order `asked` that begins at `now_ns`, with the market at `arrival_x2`.
    pub(crate) const fn new(
        (id, strategy): (ParentId, StrategyId),
        asked: Execute,
        now_ns: Nanos,
        arrival_x2: i64,
        end: Option<ParentEnd>,
    ) -> Self {
        let report = ParentReport {
            id,
            strategy,
            asked,
            start_ns: now_ns,
            filled: Qty::ZERO,
            cost: 0,
            arrival_x2,
            volume: 0,
            volume_cost: 0,
            child: OrderId::NONE,
            end,
        };
        Self {
            report,
            smaller: None,
            ending: None,
            child_ns: now_ns,
            asked_price: None,
            quiet_until: Nanos::MIN,
            wake_ns: now_ns,
            is_told: false,
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.report.end.is_some()
    }

    /// The market traded `lots` at `price`.
    pub(crate) fn on_trade(&mut self, price: Price, lots: i64) {
        if !self.is_over() && lots > 0 {
            self.report.volume = self.report.volume.saturating_add(lots);
            let cost = i128::from(price.ticks()) * i128::from(lots);
            self.report.volume_cost = self.report.volume_cost.saturating_add(cost);
        }
    }

    /// The ledger has booked something for a child, late ones and those taken back included.
    pub(crate) fn on_booked(&mut self, booked: &Booked) {
        let movement = &booked.movement;
        let sign = if movement.is_taken_back { -1 } else { 1 };
        let lots = sign * movement.qty.lots();
        self.report.filled = Qty::from_lots(self.report.filled.lots().saturating_add(lots));
        let cost = i128::from(movement.price.ticks()) * i128::from(lots);
        self.report.cost = self.report.cost.saturating_add(cost);
    }

    /// A child was reported on.
    pub(crate) fn on_child(&mut self, child: &Order, report: &Report, now_ns: Nanos) {
        if child.id != self.report.child {
            return;
        }
        let is_refused = report.kind == ReportKind::RequestRejected;
        if child.answers_change(report) {
            self.asked_price = None;
        }
        if is_refused || child.leaves_unfilled() {
            self.quiet_until = now_ns.saturating_add_ns(QUIET_NS);
        }
        if child.is_ended() {
            (self.report.child, self.asked_price) = (OrderId::NONE, None);
        }
    }

    /// The intent of a child became `order`; none where the risk stage denied it.
    pub(crate) fn on_decided(&mut self, intent: &Intent, order: OrderId, now_ns: Nanos) {
        if let Intent::Place(_) = intent {
            self.report.child = order;
            self.child_ns = now_ns;
            self.asked_price = None;
            if order.is_none() {
                self.quiet_until = now_ns.saturating_add_ns(QUIET_NS);
            }
        }
    }

    /// A change was denied.
    pub(crate) fn on_denied(&mut self, now_ns: Nanos) {
        self.asked_price = None;
        self.quiet_until = now_ns.saturating_add_ns(QUIET_NS);
    }

    /// The whole is now `qty` lots, but never less than is done.
    pub(crate) fn amend(&mut self, qty: Qty) {
        self.smaller = Some(qty);
    }

    /// Its owner wants it to end.
    pub(crate) fn cancel(&mut self) {
        self.ending = self.ending.or(Some(ParentEnd::Cancelled));
    }

    /// Its oldest child that is open.
    fn oldest_child<'a>(&self, orders: &'a OrderTable) -> Option<&'a Order> {
        orders.iter().find(|order| order.works_for == self.report.id)
    }

    /// Lots of its children that are open, as the order table has them.
    fn open(&self, orders: &OrderTable) -> i64 {
        let ours = orders.iter().filter(|order| order.works_for == self.report.id);
        ours.fold(0_i64, |sum, order| sum.saturating_add(order.leaves().lots()))
    }

    /// Holds filled and open against the whole: more than that stops the parent.
    pub(crate) fn check(&mut self, orders: &OrderTable) {
        let used = self.report.filled.lots().saturating_add(self.open(orders));
        if used > self.report.asked.qty.lots() {
            self.ending = Some(ParentEnd::Halted);
        }
    }

    /// What is to be done now; `None` for nothing. Sets when it looks at the clock next.
    pub(crate) fn work(&mut self, exposure: &Exposure<'_>, now_ns: Nanos) -> Option<Intent> {
        self.wake_ns = Nanos::MAX;
        if self.is_over() {
            return None;
        }
        let end_ns = self.report.start_ns.saturating_add_ns(self.report.asked.duration_ns);
        if now_ns >= end_ns {
            self.ending = self.ending.or(Some(ParentEnd::TimeOver));
        }
        // One that the venue opened again is a child like any other.
        let child = exposure.orders.get(self.report.child);
        let child = child.or_else(|| self.oldest_child(exposure.orders)).copied();
        self.report.child = child.map_or(OrderId::NONE, |child| child.id);
        let open = self.open(exposure.orders);
        self.settle_size(open);
        if open == 0 {
            let is_filled = self.report.rest().is_zero();
            self.report.end = if is_filled { Some(ParentEnd::Filled) } else { self.ending };
            if self.ending == Some(ParentEnd::Halted) {
                self.report.end = self.ending;
            }
            if self.is_over() {
                return None;
            }
        }
        self.wait_until(end_ns, now_ns);
        let is_too_much = self.smaller.is_some() || self.ending.is_some();
        match child {
            Some(child) if is_too_much => end_of(&child),
            Some(child) => self.follow(&child, exposure, now_ns),
            None if is_too_much => None,
            None => self.place(exposure, now_ns),
        }
    }

    /// A smaller size holds once no more than it is filled and open.
    fn settle_size(&mut self, open: i64) {
        if let Some(qty) = self.smaller {
            let filled = self.report.filled.lots();
            if filled.saturating_add(open) <= qty.lots() || open == 0 {
                self.report.asked.qty = Qty::from_lots(qty.lots().max(filled));
                self.smaller = None;
            }
        }
    }

    fn wait_until(&mut self, ns: Nanos, now_ns: Nanos) {
        if ns > now_ns && ns < self.wake_ns {
            self.wake_ns = ns;
        }
    }

    /// Lots that are to be done by now.
    fn due(&mut self, now_ns: Nanos) -> i64 {
        let report = &self.report;
        let (whole, start_ns) = (report.asked.qty, report.start_ns);
        match report.asked.algo.plan {
            Plan::Schedule(curve) => {
                let slices = curve.slices() as i64;
                let slice_ns = (report.asked.duration_ns / slices).max(1);
                let passed_ns = now_ns.get().saturating_sub(start_ns.get()).max(0);
                let at = (passed_ns / slice_ns).min(slices - 1);
                let next_ns = start_ns.saturating_add_ns(slice_ns.saturating_mul(at + 1));
                self.wait_until(next_ns, now_ns);
                curve.part(usize::try_from(at).unwrap_or(0), whole).lots()
            }
            Plan::Share { share_bps, .. } => {
                pov::lots_of(report.volume, share_bps).min(whole.lots())
            }
        }
    }

    /// A new child for what is missing.
    fn place(&mut self, exposure: &Exposure<'_>, now_ns: Nanos) -> Option<Intent> {
        let mut missing = self.due(now_ns).saturating_sub(self.report.filled.lots());
        if let Plan::Share { child_max, .. } = self.report.asked.algo.plan {
            missing = missing.min(child_max.lots());
        }
        if missing <= 0 {
            return None;
        }
        if now_ns < self.quiet_until {
            self.wait_until(self.quiet_until, now_ns);
            return None;
        }
        let asked = &self.report.asked;
        let kind = match exposure.book(asked.instrument) {
            None => asked.limit.map_or(OrderKind::Market, |price| OrderKind::Limit { price }),
            Some(_) => {
                let (near, far) = self.touch(exposure)?;
                let price = if asked.patience_ns == 0 { far } else { near };
                OrderKind::Limit { price: self.within(price) }
            }
        };
        let size = Size::Fixed(Qty::from_lots(missing));
        Some(Intent::Place(Place::new(asked.instrument, asked.side, kind).size(size)))
    }

    /// A child that has waited long enough goes to the other side's best price.
    fn follow(&mut self, child: &Order, exposure: &Exposure<'_>, now_ns: Nanos) -> Option<Intent> {
        let OrderKind::Limit { price } = child.kind else { return None };
        self.due(now_ns);
        let patient_ns = self.child_ns.saturating_add_ns(self.report.asked.patience_ns);
        let ready_ns = patient_ns.max(self.quiet_until);
        if now_ns < ready_ns {
            self.wait_until(ready_ns, now_ns);
            return None;
        }
        let (_, far) = self.touch(exposure)?;
        let far = self.within(far);
        let sign = self.report.asked.side.sign();
        let reaches = (price.ticks() - far.ticks()).saturating_mul(sign) >= 0;
        if reaches || self.asked_price.is_some() || child.pending() != Pending::None {
            return None;
        }
        self.asked_price = Some(far);
        let (order, kind) = (child.id, OrderKind::Limit { price: far });
        Some(Intent::Replace(Replace { order, kind, qty: child.qty }))
    }

    /// The best prices of its own side and of the other, while the book can be trusted.
    fn touch(&self, exposure: &Exposure<'_>) -> Option<(Price, Price)> {
        let asked = &self.report.asked;
        let book = exposure.book(asked.instrument)?;
        if book.is_stale() || book.is_halted() {
            return None;
        }
        let ((bid, _), (ask, _)) = (book.best_bid()?, book.best_ask()?);
        if bid >= ask || bid.ticks() <= 0 {
            return None;
        }
        Some(if asked.side == Side::Buy { (bid, ask) } else { (ask, bid) })
    }

    /// `price`, or the worst one allowed where that is better.
    fn within(&self, price: Price) -> Price {
        match (self.report.asked.limit, self.report.asked.side) {
            (Some(limit), Side::Buy) => price.min(limit),
            (Some(limit), Side::Sell) => price.max(limit),
            (None, _) => price,
        }
    }
}

/// The end of `child`, unless it was asked for.
fn end_of(child: &Order) -> Option<Intent> {
    let asked = child.pending() == Pending::Cancel;
    (!asked).then_some(Intent::Cancel(Cancel { order: child.id }))
}
