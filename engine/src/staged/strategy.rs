//! The strategy of a stage: the one that decides, and the one that is told.

use qt_types::{Bar, Denied, Number, Signal, StrategyId, Timer, Trade};

use super::wish::{Heard, Part, Said, Wish};
use super::{Apart, Source, Staged};
use crate::Ensemble;
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
    /// Parts of what was asked for that were put out in this call.
    parts: u32,
    apart: Option<Apart>,
}

impl<S: Strategy, W: Sink<Wish>> LeadStrategy<S, W> {
    /// `strategy`, whose wishes go to `wishes`.
    #[must_use]
    pub const fn new(strategy: S, wishes: W) -> Self {
        Self { strategy, wishes, calls: 0, parts: 0, apart: None }
    }

    fn say(&mut self, said: Said) {
        let Self { wishes, parts, .. } = self;
        let put = |wish| {
            *parts += 1;
            wishes.push(wish)
        };
        if !said.put(put) {
            self.apart = self.apart.or(Some(Apart::Gone));
        }
    }

    /// Calls the strategy, and tells of what is new among what is asked for.
    fn call(&mut self, ctx: &mut Context<'_>, call: impl FnOnce(&mut S, &mut Context<'_>)) {
        self.parts = 0;
        let (intents, asks) = (ctx.intents.len(), ctx.asks.len());
        ctx.timers.listen();
        call(&mut self.strategy, ctx);
        for (at, &intent) in ctx.intents.as_slice().iter().enumerate().skip(intents) {
            self.say(Said::Intent(intent, ctx.intents.asked_by(at)));
        }
        for &timer in ctx.timers.heard() {
            self.say(Said::Wake(timer));
        }
        for &ask in ctx.asks.as_slice().iter().skip(asks) {
            self.say(Said::Ask(ask));
        }
        self.calls += 1;
        self.say(Said::Done { call: self.calls, parts: self.parts });
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

    fn on_signal(&mut self, signal: &Signal, ctx: &mut Context<'_>) {
        self.call(ctx, |strategy, ctx| strategy.on_signal(signal, ctx));
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        self.call(ctx, |strategy, ctx| strategy.on_timer(timer, ctx));
    }

    fn on_order(&mut self, update: &OrderUpdate<'_>, ctx: &mut Context<'_>) {
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

    fn ensemble(&self) -> Option<&Ensemble> {
        self.strategy.ensemble()
    }

    fn ensemble_mut(&mut self) -> Option<&mut Ensemble> {
        self.strategy.ensemble_mut()
    }

    fn name(&self) -> &'static str {
        self.strategy.name()
    }
}

/// A strategy that asks for what that of another stage has asked for in the same call.
pub struct FollowStrategy<W> {
    wishes: W,
    heard: Heard,
    interest: BookInterest,
    /// What there is to know of the strategies that it is made of, where it is made of several.
    members: Option<Ensemble>,
    calls: u64,
    apart: Option<Apart>,
}

impl<W: Source<Wish>> FollowStrategy<W> {
    /// A strategy that is told by `wishes` what `lead` asks for.
    #[must_use]
    pub fn new(lead: &dyn Strategy, wishes: W) -> Self {
        let (interest, members) = (lead.interest(), lead.ensemble().map(Ensemble::silent));
        Self { wishes, heard: Heard::new(), interest, members, calls: 0, apart: None }
    }

    fn follow(&mut self, ctx: &mut Context<'_>) {
        self.calls += 1;
        let mut parts = 0;
        while self.apart.is_none() {
            let wish = match self.wishes.take() {
                Ok(wish) => wish,
                Err(apart) => {
                    self.apart = Some(apart);
                    return;
                }
            };
            match self.heard.hear(&wish) {
                // What was asked for during a warm-up was dropped by the one who leads.
                Part::Said(Said::Intent(intent, asked_by)) => {
                    if ctx.intents.asked_by(ctx.intents.len()) != asked_by {
                        ctx.intents.begin_turn(asked_by);
                    }
                    ctx.intents.push(intent);
                }
                Part::Said(Said::Wake(timer)) => ctx.timers.set(timer),
                Part::Said(Said::Ask(ask)) => {
                    ctx.asks.push(ask);
                }
                Part::Said(Said::Done { call, parts: said })
                    if (call, said) == (self.calls, parts) =>
                {
                    return;
                }
                Part::GoesOn => {}
                Part::Said(Said::Done { .. }) | Part::Wrong => self.apart = Some(Apart::Strategy),
            }
            parts += 1;
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

    fn on_signal(&mut self, _: &Signal, ctx: &mut Context<'_>) {
        self.follow(ctx);
    }

    fn on_timer(&mut self, _: Timer, ctx: &mut Context<'_>) {
        self.follow(ctx);
    }

    fn on_order(&mut self, _: &OrderUpdate<'_>, ctx: &mut Context<'_>) {
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

    fn ensemble(&self) -> Option<&Ensemble> {
        self.members.as_ref()
    }

    fn ensemble_mut(&mut self) -> Option<&mut Ensemble> {
        self.members.as_mut()
    }
}
