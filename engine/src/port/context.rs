//! What a strategy sees and answers through.

use qt_types::{
    Bracket, Cancel, Cash, InstrumentId, InstrumentSpec, Intent, Link, Nanos, OrderId, OrderKind,
    ParentId, Place, Price, Qty, Replace, Side, Size, StrategyId, Timer, round_half_even,
};
use serde::{Deserialize, Serialize};

use super::{Exposure, Intents};
use crate::algo::{Ask, Execute, ParentReport, ParentTable};
use crate::book::{BookView, StaleReason};
use crate::{Bounded, Order, Sink, Timers};

/// Protective orders that the run adds to every entry made by [`Context::enter`], as distances
/// from the decision's close in basis points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exits {
    /// A stop this far on the losing side.
    pub stop_bps: Option<u32>,
    /// A limit order this far on the winning side.
    pub target_bps: Option<u32>,
    /// A trailing stop this far behind the best price; not together with `stop_bps`.
    pub trail_bps: Option<u32>,
}

impl Exits {
    /// The protective orders of an entry on `side` decided at `price`. Prices are rounded
    /// half-even to a tick and never below one tick.
    #[must_use]
    pub fn bracket(&self, side: Side, price: Price) -> Bracket {
        let at = |bps: u32, sign: i64| {
            let scaled =
                i128::from(price.ticks()) * (10_000 + i128::from(sign) * i128::from(bps)).max(0);
            let ticks = round_half_even(scaled, 10_000).max(1);
            Price::from_ticks(i64::try_from(ticks).unwrap_or(i64::MAX))
        };
        Bracket {
            stop: self.stop_bps.map(|bps| at(bps, -side.sign())),
            target: self.target_bps.map(|bps| at(bps, side.sign())),
            trail_bps: self.trail_bps,
        }
    }
}

/// The world as a strategy sees it, and the way in which it answers. Prices are the last ones
/// known; nothing in here tells of anything later.
pub struct Context<'a> {
    pub(crate) view: Exposure<'a>,
    pub(crate) instrument: InstrumentId,
    pub(crate) now_ns: Nanos,
    pub(crate) venue_ns: Nanos,
    pub(crate) exits: &'a Exits,
    pub(crate) active: bool,
    /// Whether the best prices changed, where it is about a book.
    pub(crate) is_top: bool,
    /// Which of several strategies sees it; `None` where there is one.
    pub(crate) member: Option<StrategyId>,
    pub(crate) intents: &'a mut Intents,
    pub(crate) timers: &'a mut Timers,
    pub(crate) parents: &'a ParentTable,
    pub(crate) asks: &'a mut Bounded<Ask>,
}

impl Context<'_> {
    /// The instrument that the event is about.
    #[must_use]
    #[inline]
    pub const fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// The time of the event (UTC ns); for a bar, when it was complete.
    #[must_use]
    #[inline]
    pub const fn now_ns(&self) -> Nanos {
        self.now_ns
    }

    /// When the venue says that the event happened (UTC ns).
    #[must_use]
    #[inline]
    pub const fn venue_ns(&self) -> Nanos {
        self.venue_ns
    }

    /// Whether the warm-up is over: before that, whatever is asked for is dropped.
    #[must_use]
    #[inline]
    pub const fn is_active(&self) -> bool {
        self.active
    }

    /// How many instruments the run has.
    #[must_use]
    pub fn instruments(&self) -> usize {
        self.view.specs.len()
    }

    /// The units of `instrument`; `None` for an instrument that is not in the run.
    #[must_use]
    #[inline]
    pub fn spec(&self, instrument: InstrumentId) -> Option<&InstrumentSpec> {
        self.view.spec(instrument)
    }

    /// `price` in units of the currency: for indicators, never for money.
    #[must_use]
    #[inline]
    pub fn price_f64(&self, price: Price) -> f64 {
        self.view.spec(self.instrument).map_or(f64::NAN, |spec| spec.price_f64(price))
    }

    /// The last price of `instrument` in ticks.
    #[must_use]
    #[inline]
    pub fn last(&self, instrument: InstrumentId) -> Option<Price> {
        self.view.last(instrument)
    }

    /// The book of `instrument` as we know it; `None` where the run keeps none, and while it may
    /// be wrong ([`Self::stale_reason`]).
    #[must_use]
    #[inline]
    pub fn book(&self, instrument: InstrumentId) -> Option<BookView<'_>> {
        self.view.book(instrument).filter(|book| !book.is_stale())
    }

    /// Why the book of `instrument` is not to be trusted at the moment, if it is not.
    #[must_use]
    #[inline]
    pub fn stale_reason(&self, instrument: InstrumentId) -> Option<StaleReason> {
        self.view.book(instrument).and_then(BookView::stale_reason)
    }

    /// Wakes the strategy at `due_ns` (UTC ns) by [`super::Strategy::on_timer`] with `token`; at
    /// the next event if that time has passed. [`Timer::ENGINE`] is no token: nothing happens.
    pub fn wake_at(&mut self, due_ns: Nanos, token: u32) {
        if token != Timer::ENGINE {
            let strategy = self.member.unwrap_or(StrategyId::FIRST);
            self.timers.set(Timer { due_ns, token, strategy });
        }
    }

    /// Lots held of `instrument`; negative when short. Of several strategies each has its own.
    #[must_use]
    #[inline]
    pub fn position(&self, instrument: InstrumentId) -> Qty {
        match self.member {
            None => self.view.position(instrument),
            Some(member) => self.view.ledger.held_by(member, instrument),
        }
    }

    /// Whether there is no position in `instrument` and no order that could open one.
    #[must_use]
    #[inline]
    pub fn is_flat(&self, instrument: InstrumentId) -> bool {
        self.position(instrument).is_zero()
            && (self.view.orders.is_empty()
                || !self.orders().any(|order| order.instrument == instrument))
    }

    /// Whether there is a long position in `instrument` and no order under way to close it at
    /// once. Protective orders that rest do not count.
    #[must_use]
    #[inline]
    pub fn is_long(&self, instrument: InstrumentId) -> bool {
        self.position(instrument).lots() > 0 && !self.is_closing(instrument)
    }

    /// The same for a short position.
    #[must_use]
    #[inline]
    pub fn is_short(&self, instrument: InstrumentId) -> bool {
        self.position(instrument).lots() < 0 && !self.is_closing(instrument)
    }

    fn is_closing(&self, instrument: InstrumentId) -> bool {
        !self.view.orders.is_empty()
            && self.orders().any(|order| {
                order.instrument == instrument
                    && order.kind == OrderKind::Market
                    && (order.side == Side::Sell) == (self.position(instrument).lots() > 0)
            })
    }

    /// Money that is there to be spent, in the currency of the account.
    #[must_use]
    pub fn cash(&self) -> Cash {
        self.view.cash()
    }

    /// Cash plus positions at their last prices, in the currency of the account; the cash alone
    /// where that would overflow.
    #[must_use]
    pub fn equity(&self) -> Cash {
        self.view.equity().unwrap_or_else(|_| self.view.cash())
    }

    /// The strategy's open orders, oldest first.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        own_orders(self.view, self.member)
    }

    /// The run's protective orders of an entry on `side` at `price`.
    #[must_use]
    pub fn exits_at(&self, side: Side, price: Price) -> Bracket {
        self.exits.bracket(side, price)
    }

    /// Opens a position at the market, sized by the run's rule, with the run's protective
    /// orders.
    pub fn enter(&mut self, instrument: InstrumentId, side: Side) {
        self.enter_share(instrument, side, 10_000);
    }

    /// The same with `share_bps` basis points of the size that the run's rule gives.
    pub fn enter_share(&mut self, instrument: InstrumentId, side: Side, share_bps: u32) {
        let bracket =
            self.last(instrument).map_or_else(Bracket::default, |p| self.exits.bracket(side, p));
        let order = Place::new(instrument, side, OrderKind::Market)
            .size(Size::Share(share_bps))
            .bracket(bracket);
        self.place(order);
    }

    /// Closes the position in `instrument` at the market. Nothing happens without one.
    pub fn close(&mut self, instrument: InstrumentId) {
        let lots = self.position(instrument).lots();
        if lots == 0 {
            return;
        }
        let side = if lots > 0 { Side::Sell } else { Side::Buy };
        self.place(
            Place::new(instrument, side, OrderKind::Market).size(Size::Position).reduce_only(),
        );
    }

    /// Asks for an order.
    pub fn place(&mut self, order: Place) {
        self.ask(Intent::Place(order));
    }

    /// Asks for an order, and says how others that are asked for in the same call can name it:
    /// with [`Place::triggered_by`] or [`Place::oco`].
    pub fn place_linked(&mut self, order: Place) -> Link {
        let number = u16::try_from(self.intents.len()).unwrap_or(u16::MAX);
        self.ask(Intent::Place(order));
        Link::Call(number)
    }

    /// Asks for two orders of which one cancels the other: as one is filled, as much less is left
    /// of the other. Each passes the risk stage by itself.
    pub fn place_oco(&mut self, one: Place, other: Place) {
        let one = self.place_linked(one);
        self.place(other.oco(one));
    }

    /// Asks for `parent`, and for `children` that wait until it is filled whole.
    pub fn place_oto(&mut self, parent: Place, children: &[Place]) {
        let parent = self.place_linked(parent);
        for child in children {
            self.place(child.triggered_by(parent));
        }
    }

    /// Asks for the end of an order.
    pub fn cancel(&mut self, order: OrderId) {
        self.ask(Intent::Cancel(Cancel { order }));
    }

    /// Asks for the end of every open order in `instrument`.
    pub fn cancel_all(&mut self, instrument: InstrumentId) {
        let orders = own_orders(self.view, self.member);
        for order in orders.filter(|order| order.instrument == instrument) {
            self.ask(Intent::Cancel(Cancel { order: order.id }));
        }
    }

    /// Asks for another price or quantity.
    pub fn replace(&mut self, order: OrderId, kind: OrderKind, qty: Qty) {
        self.ask(Intent::Replace(Replace { order, kind, qty }));
    }

    /// Begins a parent order: the engine does it by orders of its own, each of which passes the
    /// risk stage. What becomes of it [`super::Strategy::on_parent`] tells.
    pub fn execute(&mut self, asked: Execute) -> ParentId {
        let begun = self.asks.as_slice().iter().filter(|ask| matches!(ask, Ask::Execute(..)));
        let number = u32::try_from(begun.count()).unwrap_or(u32::MAX);
        let id = ParentId(self.parents.next_id.saturating_add(number));
        let strategy = self.member.unwrap_or(StrategyId::FIRST);
        let ask = Ask::Execute(id, strategy, asked);
        if self.active && self.asks.push(ask) { id } else { ParentId::NONE }
    }

    /// Makes a parent order smaller or larger: `qty` is the new whole, with what is done.
    pub fn amend_parent(&mut self, parent: ParentId, qty: Qty) {
        if self.active && self.is_own(parent) {
            self.asks.push(Ask::Amend(parent, qty));
        }
    }

    /// Ends a parent order and its children.
    pub fn cancel_parent(&mut self, parent: ParentId) {
        if self.active && self.is_own(parent) {
            self.asks.push(Ask::Cancel(parent));
        }
    }

    /// Whether no other strategy has asked for that parent order.
    fn is_own(&self, parent: ParentId) -> bool {
        let Some(member) = self.member else { return true };
        let known = self.parents.reports().find(|report| report.id == parent);
        let asked =
            self.asks.as_slice().iter().any(
                |ask| matches!(ask, Ask::Execute(id, of, _) if *id == parent && *of == member),
            );
        known.map_or(asked, |report| report.strategy == member)
    }

    /// The parent orders that are in work, oldest first.
    pub fn parents(&self) -> impl Iterator<Item = &ParentReport> {
        let member = self.member;
        let is_own = move |report: &&ParentReport| member.is_none_or(|of| report.strategy == of);
        self.parents.reports().filter(|report| report.end.is_none()).filter(is_own)
    }

    /// What `member` of several strategies sees, which may ask where it is `active`.
    pub(crate) fn of_member(&mut self, member: StrategyId, active: bool) -> Context<'_> {
        self.intents.begin_turn(Some(member));
        Context {
            view: self.view,
            instrument: self.instrument,
            now_ns: self.now_ns,
            venue_ns: self.venue_ns,
            exits: self.exits,
            active: self.active && active,
            is_top: self.is_top,
            member: Some(member),
            intents: self.intents,
            timers: self.timers,
            parents: self.parents,
            asks: self.asks,
        }
    }

    fn ask(&mut self, intent: Intent) {
        if self.active {
            self.intents.push(intent);
        }
    }
}

/// The open orders of `member`, or all where there is one strategy, oldest first.
fn own_orders<'a>(
    view: Exposure<'a>,
    member: Option<StrategyId>,
) -> impl Iterator<Item = &'a Order> {
    let is_own = move |order: &&Order| member.is_none_or(|of| order.strategy == of);
    view.orders.iter().filter(is_own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_sit_on_the_right_sides() {
        let exits = Exits { stop_bps: Some(100), target_bps: Some(250), trail_bps: None };
        let long = exits.bracket(Side::Buy, Price::from_ticks(20_000));
        assert_eq!(long.stop, Some(Price::from_ticks(19_800)));
        assert_eq!(long.target, Some(Price::from_ticks(20_500)));
        let short = exits.bracket(Side::Sell, Price::from_ticks(20_000));
        assert_eq!(short.stop, Some(Price::from_ticks(20_200)));
        assert_eq!(short.target, Some(Price::from_ticks(19_500)));
        let all = Exits { stop_bps: Some(10_000), ..Exits::default() };
        let floor = all.bracket(Side::Buy, Price::from_ticks(50)).stop;
        assert_eq!(floor, Some(Price::from_ticks(1)), "a price is never below one tick");
    }
}
