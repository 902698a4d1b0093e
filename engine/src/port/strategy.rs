//! The port of a strategy.

use qt_types::{Bar, Denied, Number, Report, Signal, StrategyId, Timer, Trade};

use super::Context;
use crate::algo::ParentReport;
use crate::book::BookView;
use crate::snapshot::{Reader, SnapshotError, Writer};
use crate::{Ensemble, Order};

/// What became of one of the strategy's orders.
#[derive(Clone, Copy, Debug)]
pub struct OrderUpdate<'a> {
    /// The order after the report.
    pub order: &'a Order,
    /// The report.
    pub report: &'a Report,
}

/// Which changes of a book a strategy wants to be told of. It is called when an update of the
/// venue is complete, never between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum BookInterest {
    /// None: it looks at the book when something else calls it.
    #[default]
    None,
    /// Those of the best prices and their quantities.
    TopChange,
    /// All of them.
    EveryUpdate,
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

    /// The book of `ctx.instrument()` changed in a way that [`Self::interest`] names. Never called
    /// with a book that may be wrong: after a gap the next call is the one for the book that was
    /// built anew.
    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        let _ = (book, ctx);
    }

    /// A source of signals said something about `ctx.instrument()`. It was issued at
    /// `ctx.venue_ns()`, and may have expired on its way.
    fn on_signal(&mut self, signal: &Signal, ctx: &mut Context<'_>) {
        let _ = (signal, ctx);
    }

    /// A time asked for by [`Context::wake_at`] has come.
    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        let _ = (timer, ctx);
    }

    /// The venue reported on an order; ledger and order table are already up to date.
    fn on_order(&mut self, update: &OrderUpdate<'_>, ctx: &mut Context<'_>) {
        let _ = (update, ctx);
    }

    /// A parent order of this strategy has ended.
    fn on_parent(&mut self, report: &ParentReport, ctx: &mut Context<'_>) {
        let _ = (report, ctx);
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

    /// Which changes of books it wants to be told of; asked once, at the start.
    fn interest(&self) -> BookInterest {
        BookInterest::None
    }

    /// Whether, as it stands now, nothing but a timer makes it ask for anything, be it an order
    /// or another timer: of all else it only takes note. A replay then looks ahead as far as the
    /// next timer, which makes it faster and changes nothing; one that asks all the same ends the
    /// run with an error.
    fn rests(&self) -> bool {
        false
    }

    /// Whether, as it stands now, [`Self::on_trade`] and [`Self::on_book`] mean anything to it.
    /// Where they do not, a replay may take in what comes without calling them, which makes it
    /// faster and changes nothing.
    fn hears_market(&self) -> bool {
        true
    }

    /// Its parameter at place `param` has `value` from now on. Only those come that its
    /// declaration says may be changed while it runs, and within their ranges. `strategy` says
    /// whose it is where it is made of several.
    fn tune(&mut self, strategy: StrategyId, param: u16, value: Number) {
        let _ = (strategy, param, value);
    }

    /// The strategies that it is made of; `None` for one.
    fn ensemble(&self) -> Option<&Ensemble> {
        None
    }

    /// The same, to be changed.
    fn ensemble_mut(&mut self) -> Option<&mut Ensemble> {
        None
    }

    /// Writes all that it remembers, for a snapshot of the pipeline; parameters included, so that
    /// a snapshot is not taken over by one with others. One that does not say how has no
    /// snapshots. With [`stored!`](crate::stored) it is `Stored::save(self, to)`.
    fn save(&self, to: &mut Writer<'_>) {
        to.refuse(self.name());
    }

    /// Reads what [`Self::save`] has written: from then on it does what the one would have done
    /// that wrote it. With [`stored!`](crate::stored) it is `Stored::load(self, from)`.
    ///
    /// # Errors
    /// When the bytes are not those of such a state, or of other parameters.
    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let _ = from;
        Err(SnapshotError::NotStorable(self.name()))
    }

    /// What it is called in a snapshot and in messages about it: that of its type.
    fn name(&self) -> &'static str {
        std::any::type_name::<Self>()
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

    #[inline]
    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        (**self).on_book(book, ctx);
    }

    fn on_signal(&mut self, signal: &Signal, ctx: &mut Context<'_>) {
        (**self).on_signal(signal, ctx);
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        (**self).on_timer(timer, ctx);
    }

    fn on_order(&mut self, update: &OrderUpdate<'_>, ctx: &mut Context<'_>) {
        (**self).on_order(update, ctx);
    }

    fn on_parent(&mut self, report: &ParentReport, ctx: &mut Context<'_>) {
        (**self).on_parent(report, ctx);
    }

    fn on_denied(&mut self, denied: &Denied, ctx: &mut Context<'_>) {
        (**self).on_denied(denied, ctx);
    }

    fn warmup(&self) -> usize {
        (**self).warmup()
    }

    fn interest(&self) -> BookInterest {
        (**self).interest()
    }

    fn rests(&self) -> bool {
        (**self).rests()
    }

    fn hears_market(&self) -> bool {
        (**self).hears_market()
    }

    fn tune(&mut self, strategy: StrategyId, param: u16, value: Number) {
        (**self).tune(strategy, param, value);
    }

    fn ensemble(&self) -> Option<&Ensemble> {
        (**self).ensemble()
    }

    fn ensemble_mut(&mut self) -> Option<&mut Ensemble> {
        (**self).ensemble_mut()
    }

    fn save(&self, to: &mut Writer<'_>) {
        (**self).save(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        (**self).load(from)
    }

    fn name(&self) -> &'static str {
        (**self).name()
    }
}
