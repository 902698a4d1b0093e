//! What a person asked for from outside: it reaches the pipeline as an event like everything else,
//! and becomes an intent of the strategy that it is asked for.

use crate::{
    Bracket, Cancel, InstrumentId, Intent, Link, OrderKind, Place, Qty, Replace, Side, Size,
    StrategyId, TimeInForce,
};

/// A wish from outside about one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The order as whoever asks names it: sixteen bytes that mean nothing to the engine.
    pub outer: [u8; 16],
    /// Who asks; the number stands for a name kept elsewhere.
    pub person: u64,
    /// Whose order it is, or is to be.
    pub strategy: StrategyId,
    /// What is to be done.
    pub what: AskedFor,
}

/// What is to be done about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedFor {
    /// A new one, of the event's instrument.
    Place {
        /// Buy or sell.
        side: Side,
        /// The type, with its prices.
        kind: OrderKind,
        /// How long it lives.
        tif: TimeInForce,
        /// How many lots.
        qty: Qty,
        /// Whether it may only make a position smaller.
        reduce_only: bool,
        /// Whether it may only add liquidity.
        post_only: bool,
    },
    /// Another price or quantity.
    Replace(Replace),
    /// Its end.
    Cancel(Cancel),
}

impl Asked {
    /// The intent that it becomes; `instrument` is that of the event.
    #[must_use]
    pub const fn intent(&self, instrument: InstrumentId) -> Intent {
        match self.what {
            AskedFor::Place { side, kind, tif, qty, reduce_only, post_only } => {
                Intent::Place(Place {
                    instrument,
                    side,
                    kind,
                    tif,
                    size: Size::Fixed(qty),
                    reduce_only,
                    post_only,
                    display: Qty::ZERO,
                    bracket: Bracket { stop: None, target: None, trail_bps: None },
                    triggered_by: Link::None,
                    oco: Link::None,
                })
            }
            AskedFor::Replace(replace) => Intent::Replace(replace),
            AskedFor::Cancel(cancel) => Intent::Cancel(cancel),
        }
    }
}
