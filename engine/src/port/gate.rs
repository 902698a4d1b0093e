//! The port of the risk controls.

use qt_types::{DenyReason, Event, InstrumentId, OrderKind, Price, Qty, Side};

use super::Exposure;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// Sees every event after the ledger was updated. `true` asks for the account to be closed
    /// out: open orders are cancelled and positions closed at the market.
    #[inline]
    fn observe(&mut self, event: &Event, exposure: &Exposure<'_>) -> bool {
        let _ = (event, exposure);
        false
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
    fn observe(&mut self, event: &Event, exposure: &Exposure<'_>) -> bool {
        (**self).observe(event, exposure)
    }
}
