//! The port of the risk controls.

use qt_types::{
    Control, DenyReason, Event, InstrumentId, KillState, Nanos, OrderId, OrderKind, ParentId,
    Price, Qty, Side, StrategyId,
};
use serde::{Deserialize, Serialize};

use super::{Exposure, Tightest};
use crate::snapshot::{Reader, SnapshotError, Writer};
use crate::{Command, NewOrder, Order, values};

values!(OrderRequest);

/// A request for a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeRequest {
    /// What to trade.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// The last price, in ticks: the decision's close.
    pub price: Price,
    /// The price of the stop that protects the entry, where there is one.
    pub stop: Option<Price>,
    /// The share of the rule's size that is wanted, in basis points.
    pub share_bps: u32,
}

/// An order that asks for approval, with its final quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// What to trade.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Type and prices.
    pub kind: OrderKind,
    /// Total quantity in lots.
    pub qty: Qty,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// The open order that it takes the place of, or none: then `qty` is what stays open.
    pub replaces: OrderId,
}

/// An order after a report about it was taken in, as far as risk is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The order.
    pub order: OrderId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Type and prices as they stand now.
    pub kind: OrderKind,
    /// Still open, in lots; once it is over, those that the venue has executed and that we have
    /// yet to hear of.
    pub leaves: Qty,
    /// Whether it is over, and nothing more is to be heard of it.
    pub ended: bool,
    /// Whether its fate is not known.
    pub unknown: bool,
    /// Whether the report answers a change that was asked for, either way.
    pub change_answered: bool,
    /// Whether the venue refused the order.
    pub refused: bool,
    /// Whether the venue told of more lots than were ordered.
    pub overfilled: bool,
    /// The price of the fill that the report is about, in ticks; `None` where it is about none.
    /// What it did to cash and position the ledger tells.
    pub price: Option<Price>,
}

/// Before which times (UTC ns) a gate need not see what comes of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deaf {
    /// What changes a best price of its book.
    pub to_best_ns: i64,
    /// What leaves them as they are: levels behind them, trades. Not before the other.
    pub to_rest_ns: i64,
}

impl Deaf {
    /// It has to see all.
    pub const NEVER: Self = Self { to_best_ns: i64::MIN, to_rest_ns: i64::MIN };

    /// It sees nothing.
    pub const ALWAYS: Self = Self { to_best_ns: i64::MAX, to_rest_ns: i64::MAX };
}

/// The risk controls. Every order passes [`Gate::check`]; there is no way around it.
pub trait Gate: Send {
    /// How many lots an order of open size gets.
    ///
    /// # Errors
    /// Why no size can be given.
    fn size(&self, request: &SizeRequest, exposure: &Exposure<'_>) -> Result<Qty, DenyReason>;

    /// Whether the order may go out.
    ///
    /// # Errors
    /// Why it may not.
    fn check(&mut self, order: &OrderRequest, exposure: &Exposure<'_>) -> Result<(), DenyReason>;

    /// A command that [`Self::check`] approved (or that only protects or ends something) goes out.
    #[inline]
    fn sent(&mut self, command: &Command, exposure: &Exposure<'_>) {
        let _ = (command, exposure);
    }

    /// An order that was approved when it was asked for, and waited with us since, goes out now:
    /// what it holds is held already, but trading may have been stopped meanwhile.
    ///
    /// # Errors
    /// Why it may not go.
    #[inline]
    fn let_go(&mut self, new: &NewOrder, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        let _ = (new, exposure);
        Ok(())
    }

    /// The children of `parent` may have `qty` lots filled and open at a time from now on; none
    /// once it is over.
    fn watch_parent(&mut self, parent: ParentId, qty: Option<Qty>) {
        let _ = (parent, qty);
    }

    /// What is checked from now on works for `parent`, or for nobody.
    fn works_for(&mut self, parent: ParentId) {
        let _ = parent;
    }

    /// What is checked from now on is asked for by `strategy`, and what is settled is its. Where
    /// there is one strategy, nobody says so.
    fn asks_for(&mut self, strategy: StrategyId) {
        let _ = strategy;
    }

    /// Strategies settled between themselves what they held of `instrument` against each other:
    /// their books say what each holds now.
    fn netted(&mut self, instrument: InstrumentId, exposure: &Exposure<'_>) {
        let _ = (instrument, exposure);
    }

    /// What orders of `strategy` may be sent.
    fn may_send(&self, strategy: StrategyId) -> KillState {
        let _ = strategy;
        KillState::Active
    }

    /// The limit that is nearest to being reached, by the last valuation.
    fn tightest(&self, exposure: &Exposure<'_>) -> Option<Tightest> {
        let _ = exposure;
        None
    }

    /// The venue has `order`, which was on its way, in an account with one currency whose
    /// strategies have no books of their own: most reports say that and nothing else. Whether it
    /// means nothing to the gate; where it does, [`Self::settled`] follows.
    #[inline]
    fn accepted(&mut self, order: &Order) -> bool {
        let _ = order;
        false
    }

    /// A report about an order was taken in; order table and ledger know it already.
    #[inline]
    fn settled(&mut self, settlement: &Settlement, exposure: &Exposure<'_>) {
        let _ = (settlement, exposure);
    }

    /// Hears that `instrument` may have another price at `now_ns` (UTC). Whether
    /// [`Self::observe`] has to see the event that told so: where it need not, and nobody else
    /// waits for it, nothing more is done with it.
    #[inline]
    fn hears(&mut self, instrument: InstrumentId, now_ns: Nanos) -> bool {
        let _ = (instrument, now_ns);
        true
    }

    /// Before which time (UTC ns) it need not [`Self::observe`] what comes of the market of
    /// `instrument`.
    #[inline]
    fn deaf_until_ns(&self, instrument: InstrumentId, exposure: &Exposure<'_>) -> Deaf {
        let _ = (instrument, exposure);
        Deaf::NEVER
    }

    /// Until when (UTC ns) nothing that it observes, but for bars, makes it ask for the account
    /// to be closed out.
    fn rests_until_ns(&self) -> i64 {
        i64::MIN
    }

    /// Somebody decided something about the engine: kill switches are the gate's.
    fn control(&mut self, control: &Control, exposure: &Exposure<'_>) {
        let _ = (control, exposure);
    }

    /// Sees every event after the ledger was updated, but for changes of a book that it
    /// [`Self::hears`] and does not want to see, and for those by price that complete no update:
    /// what a book is in between is the price of nothing. `true` asks for the account to be closed
    /// out: open orders are cancelled and positions closed at the market.
    #[inline]
    fn observe(&mut self, event: &Event, exposure: &Exposure<'_>) -> bool {
        let _ = (event, exposure);
        false
    }

    /// Writes all that it remembers, and its limits, for a snapshot of the pipeline. One that does
    /// not say how has no snapshots.
    fn save(&self, to: &mut Writer<'_>) {
        to.refuse(std::any::type_name::<Self>());
    }

    /// Reads what [`Self::save`] has written.
    ///
    /// # Errors
    /// When the bytes are not those of such a state, or of other limits.
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let _ = from;
        Err(SnapshotError::NotStorable(std::any::type_name::<Self>()))
    }
}

impl<T: Gate + ?Sized> Gate for Box<T> {
    fn size(&self, request: &SizeRequest, exposure: &Exposure<'_>) -> Result<Qty, DenyReason> {
        (**self).size(request, exposure)
    }

    fn check(&mut self, order: &OrderRequest, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        (**self).check(order, exposure)
    }

    #[inline]
    fn hears(&mut self, instrument: InstrumentId, now_ns: Nanos) -> bool {
        (**self).hears(instrument, now_ns)
    }

    fn deaf_until_ns(&self, instrument: InstrumentId, exposure: &Exposure<'_>) -> Deaf {
        (**self).deaf_until_ns(instrument, exposure)
    }

    fn rests_until_ns(&self) -> i64 {
        (**self).rests_until_ns()
    }

    fn control(&mut self, control: &Control, exposure: &Exposure<'_>) {
        (**self).control(control, exposure);
    }

    #[inline]
    fn observe(&mut self, event: &Event, exposure: &Exposure<'_>) -> bool {
        (**self).observe(event, exposure)
    }

    #[inline]
    fn sent(&mut self, command: &Command, exposure: &Exposure<'_>) {
        (**self).sent(command, exposure);
    }

    fn let_go(&mut self, new: &NewOrder, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        (**self).let_go(new, exposure)
    }

    fn watch_parent(&mut self, parent: ParentId, qty: Option<Qty>) {
        (**self).watch_parent(parent, qty);
    }

    fn works_for(&mut self, parent: ParentId) {
        (**self).works_for(parent);
    }

    fn asks_for(&mut self, strategy: StrategyId) {
        (**self).asks_for(strategy);
    }

    fn may_send(&self, strategy: StrategyId) -> KillState {
        (**self).may_send(strategy)
    }

    fn tightest(&self, exposure: &Exposure<'_>) -> Option<Tightest> {
        (**self).tightest(exposure)
    }

    fn netted(&mut self, instrument: InstrumentId, exposure: &Exposure<'_>) {
        (**self).netted(instrument, exposure);
    }

    fn save(&self, to: &mut Writer<'_>) {
        (**self).save(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        (**self).load(from)
    }

    #[inline]
    fn accepted(&mut self, order: &Order) -> bool {
        (**self).accepted(order)
    }

    #[inline]
    fn settled(&mut self, settlement: &Settlement, exposure: &Exposure<'_>) {
        (**self).settled(settlement, exposure);
    }
}
