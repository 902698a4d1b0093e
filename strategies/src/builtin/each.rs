//! One strategy per instrument.

use qt_engine::snapshot::{Reader, SnapshotError, Writer};
use qt_engine::{Context, OrderUpdate, Strategy};
use qt_types::{Bar, Denied, Signal, Trade};

/// Runs a strategy of one instrument on several: each has a copy of its own.
#[derive(Clone, Debug)]
pub struct Each<S> {
    copies: Vec<S>,
}

impl<S: Strategy> Each<S> {
    /// One strategy made by `make` for each of `instruments` instruments.
    pub fn new(instruments: usize, make: impl Fn() -> S) -> Self {
        Self { copies: (0..instruments).map(|_| make()).collect() }
    }

    fn copy_for(&mut self, ctx: &Context<'_>) -> Option<&mut S> {
        self.copies.get_mut(ctx.instrument().index())
    }
}

impl<S: Strategy> Strategy for Each<S> {
    #[inline]
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        if let Some(strategy) = self.copy_for(ctx) {
            strategy.on_bar(bar, ctx);
        }
    }

    fn on_trade(&mut self, trade: &Trade, ctx: &mut Context<'_>) {
        if let Some(strategy) = self.copy_for(ctx) {
            strategy.on_trade(trade, ctx);
        }
    }

    fn on_signal(&mut self, signal: &Signal, ctx: &mut Context<'_>) {
        if let Some(strategy) = self.copy_for(ctx) {
            strategy.on_signal(signal, ctx);
        }
    }

    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        if let Some(strategy) = self.copy_for(ctx) {
            strategy.on_order(update, ctx);
        }
    }

    fn on_denied(&mut self, denied: &Denied, ctx: &mut Context<'_>) {
        if let Some(strategy) = self.copy_for(ctx) {
            strategy.on_denied(denied, ctx);
        }
    }

    fn warmup(&self) -> usize {
        self.copies.iter().map(Strategy::warmup).max().unwrap_or(0)
    }

    fn save(&self, to: &mut Writer<'_>) {
        to.same(&self.copies.len());
        self.copies.iter().for_each(|strategy| strategy.save(to));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the number of instruments that are traded", &self.copies.len())?;
        self.copies.iter_mut().try_for_each(|strategy| strategy.load(from))
    }
}
