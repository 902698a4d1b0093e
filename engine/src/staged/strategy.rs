//! The strategy of a stage: the one that decides, and the one that is told.

use qt_types::{Bar, Denied, Number, StrategyId, Timer, Trade};

use super::wish::{Heard, Part, Said, Wish};
use super::{Apart, Source, Staged};
use crate::algo::ParentReport;
use crate::book::BookView;
use crate::port::{BookInterest, Context, OrderUpdate, Strategy};
use crate::sink::Sink;

/// A strategy that decides, and tells the other stages after every call what it has asked for.
#[derive(Debug)]
pub struct LeadStrategy<S, W> {
    strategy: S,
    wishes: W,
    calls: u64,
    apart: Option<Apart>,
}

impl<S: Strategy, W: Sink<Wish>> LeadStrategy<S, W> {
    /// `strategy`, whose wishes go to `wishes`.
    #[must_use]
    pub const fn new(strategy: S, wishes: W) -> Self {
        Self { strategy, wishes, calls: 0, apart: None }
    }

    fn say(&mut self, said: Said) {
        let wishes = &mut self.wishes;
        if !said.put(|wish| wishes.push(wish)) {
            self.apart = self.apart.or(Some(Apart::Gone));
        }
    }

    /// Calls the strategy, and tells of what is new among what is asked for.
    fn call(&mut self, ctx: &mut Context<'_>, call: impl FnOnce(&mut S, &mut Context<'_>)) {
        let (intents, asks) = (ctx.intents.len(), ctx.asks.len());
        ctx.timers.listen();
        call(&mut self.strategy, ctx);
        for &intent in ctx.intents.as_slice().iter().skip(intents) {
            self.say(Said::Intent(intent));
        }
        for &timer in ctx.timers.heard() {
            self.say(Said::Wake(timer));
        }
        for &ask in ctx.asks.as_slice().iter().skip(asks) {
            self.say(Said::Ask(ask));
        }
        self.calls += 1;
        self.say(Said::Done(self.calls));
    }
}

impl<S, W> Staged for LeadStrategy<S, W> {
    fn apart(&self) -> Option<Apart> {
        self.apart
    }
}

/// It has no snapshot: its stage begins with the first event.
impl<S: Strategy, W: Sink<Wish> + Send> Strategy for LeadStrategy<S, W> {
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        self.call(ctx, |strategy, ctx| strategy.on_bar(bar, ctx));
    }

    fn on_trade(&mut self, trade: &Trade, ctx: &mut Context<'_>) {
        self.call(ctx, |strategy, ctx| strategy.on_trade(trade, ctx));
    }

    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        self.call(ctx, |strategy, ctx| strategy.on_book(book, ctx));
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        self.call(ctx, |strategy, ctx| strategy.on_timer(timer, ctx));
    }

    fn on_order(&mut self, update: &OrderUpdate, ctx: &mut Context<'_>) {
        self.call(ctx, |strategy, ctx| strategy.on_order(update, ctx));
    }

    fn on_parent(&mut self, report: &ParentReport, ctx: &mut Context<'_>) {
        self.call(ctx, |strategy, ctx| strategy.on_parent(report, ctx));
    }

    fn on_denied(&mut self, denied: &Denied, ctx: &mut Context<'_>) {
        self.call(ctx, |strategy, ctx| strategy.on_denied(denied, ctx));
    }

    fn warmup(&self) -> usize {
        self.strategy.warmup()
    }

    fn interest(&self) -> BookInterest {
        self.strategy.interest()
    }

    fn tune(&mut self, strategy: StrategyId, param: u16, value: Number) {
        self.strategy.tune(strategy, param, value);
    }

    fn name(&self) -> &'static str {
        self.strategy.name()
    }
}

/// A strategy that asks for what that of another stage has asked for in the same call.
#[derive(Debug)]
pub struct FollowStrategy<W> {
    wishes: W,
    heard: Heard,
    interest: BookInterest,
    calls: u64,
    apart: Option<Apart>,
}

impl<W: Source<Wish>> FollowStrategy<W> {
    /// A strategy that is told by `wishes`. `interest` is that of the strategy that it follows.
    #[must_use]
    pub const fn new(interest: BookInterest, wishes: W) -> Self {
        Self { wishes, heard: Heard::new(), interest, calls: 0, apart: None }
    }

    fn follow(&mut self, ctx: &mut Context<'_>) {
        self.calls += 1;
        while self.apart.is_none() {
            let Some(wish) = self.wishes.take() else {
                self.apart = Some(Apart::Gone);
                return;
            };
            match self.heard.hear(&wish) {
                // What was asked for during a warm-up was dropped by the one who leads.
                Part::Said(Said::Intent(intent)) => {
                    ctx.intents.push(intent);
                }
                Part::Said(Said::Wake(timer)) => ctx.timers.set(timer),
                Part::Said(Said::Ask(ask)) => {
                    ctx.asks.push(ask);
                }
                Part::Said(Said::Done(calls)) if calls == self.calls => return,
                Part::GoesOn => {}
                Part::Said(Said::Done(_)) | Part::Wrong => self.apart = Some(Apart::Strategy),
            }
        }
    }
}

impl<W> Staged for FollowStrategy<W> {
    fn apart(&self) -> Option<Apart> {
        self.apart
    }
}

impl<W: Source<Wish>> Strategy for FollowStrategy<W> {
    fn on_bar(&mut self, _: &Bar, ctx: &mut Context<'_>) {
        self.follow(ctx);
    }

    fn on_trade(&mut self, _: &Trade, ctx: &mut Context<'_>) {
        self.follow(ctx);
    }

    fn on_book(&mut self, _: BookView<'_>, ctx: &mut Context<'_>) {
        self.follow(ctx);
    }

    fn on_timer(&mut self, _: Timer, ctx: &mut Context<'_>) {
        self.follow(ctx);
    }

    fn on_order(&mut self, _: &OrderUpdate, ctx: &mut Context<'_>) {
        self.follow(ctx);
    }

    fn on_parent(&mut self, _: &ParentReport, ctx: &mut Context<'_>) {
        self.follow(ctx);
    }

    fn on_denied(&mut self, _: &Denied, ctx: &mut Context<'_>) {
        self.follow(ctx);
    }

    fn interest(&self) -> BookInterest {
        self.interest
    }
}
