//! The port of a strategy.

use qt_types::{Bar, Denied, Report, Trade};

use super::Context;
use crate::Order;

/// What became of one of the strategy's orders.
#[derive(Clone, Copy, Debug)]
pub struct OrderUpdate {
    /// The order after the report.
    pub order: Order,
    /// The report.
    pub report: Report,
}

/// A strategy: told what happens, it answers through the [`Context`]. It sees nothing else, so
/// its decisions are a function of the events alone, and the same code runs in a backtest, on
/// paper and live. Every method does nothing unless it is written.
pub trait Strategy: Send {
    /// A bar of `ctx.instrument()` was completed. Its close is the last price known.
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        let _ = (bar, ctx);
    }

    /// A trade of `ctx.instrument()` was printed.
    fn on_trade(&mut self, trade: &Trade, ctx: &mut Context<'_>) {
        let _ = (trade, ctx);
    }

    /// The venue reported on an order; ledger and order table are already up to date.
    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        let _ = (update, ctx);
    }

    /// The risk stage denied an intent.
    fn on_denied(&mut self, denied: &Denied, ctx: &mut Context<'_>) {
        let _ = (denied, ctx);
    }

    /// How many bars of each instrument must be seen before the first decision can be made.
    /// The run feeds that many bars from before its start where the data has them.
    fn warmup(&self) -> usize {
        0
    }
}

impl<T: Strategy + ?Sized> Strategy for Box<T> {
    #[inline]
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        (**self).on_bar(bar, ctx);
    }

    #[inline]
    fn on_trade(&mut self, trade: &Trade, ctx: &mut Context<'_>) {
        (**self).on_trade(trade, ctx);
    }

    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        (**self).on_order(update, ctx);
    }

    fn on_denied(&mut self, denied: &Denied, ctx: &mut Context<'_>) {
        (**self).on_denied(denied, ctx);
    }

    fn warmup(&self) -> usize {
        (**self).warmup()
    }
}
