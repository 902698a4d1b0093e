//! Several strategies over one account, as one strategy: each member is told of what is its own,
//! sees its own position and orders, and asks for itself.

use qt_types::{Bar, Denied, InstrumentId, Number, Signal, StrategyId, Timer, Trade};

use crate::algo::ParentReport;
use crate::book::BookView;
use crate::port::{BookInterest, Context, OrderUpdate, Strategy};
use crate::snapshot::{Reader, SnapshotError, Writer};

/// Several strategies. Members are called in the order in which they were added, which is that of
/// their [`StrategyId`]s.
///
/// Cash, equity and margin are those of the account. Position, open orders, parent orders, timers,
/// reports and denials are the member's own, and what closes or reduces is about its own position.
#[derive(Default)]
pub struct Ensemble {
    members: Vec<Member>,
}

struct Member {
    strategy: Box<dyn Strategy>,
    /// What it trades, by [`InstrumentId`].
    trades: Vec<bool>,
    interest: BookInterest,
    /// Whether it may ask for anything.
    is_active: bool,
}

impl Ensemble {
    /// No strategies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more, which trades the instruments that `trades` says, by
    /// [`InstrumentId`]: it hears of no others, and its orders in others are denied.
    #[must_use]
    pub fn with(mut self, strategy: Box<dyn Strategy>, trades: Vec<bool>) -> Self {
        let interest = strategy.interest();
        self.members.push(Member { strategy, trades, interest, is_active: true });
        self
    }

    /// Puts `strategy` in the place of member `of`; it trades what `trades` says. What the member
    /// before it holds and has open is its own from now on. False where there is no such member.
    pub(crate) fn recast(
        &mut self,
        of: StrategyId,
        strategy: Box<dyn Strategy>,
        trades: Vec<bool>,
    ) -> bool {
        let Some(member) = self.members.get_mut(of.index()) else { return false };
        let (interest, is_active) = (strategy.interest(), member.is_active);
        *member = Member { strategy, trades, interest, is_active };
        true
    }

    /// The same number of strategies that trade the same and never ask for anything.
    #[must_use]
    pub(crate) fn silent(&self) -> Self {
        let members = self.members.iter().map(|member| Member {
            strategy: Box::new(Silent),
            trades: member.trades.clone(),
            interest: member.interest,
            is_active: member.is_active,
        });
        Self { members: members.collect() }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether `strategy` trades `instrument`.
    #[must_use]
    pub fn trades(&self, strategy: StrategyId, instrument: InstrumentId) -> bool {
        self.members.get(strategy.index()).is_some_and(|member| member.hears(instrument))
    }

    /// Whether `strategy` may ask for anything.
    #[must_use]
    pub fn is_active(&self, strategy: StrategyId) -> bool {
        self.members.get(strategy.index()).is_some_and(|member| member.is_active)
    }

    /// `strategy` may ask for something from now on, or only looks on.
    pub(crate) fn set_active(&mut self, strategy: StrategyId, is_active: bool) {
        if let Some(member) = self.members.get_mut(strategy.index()) {
            member.is_active = is_active;
        }
    }

    /// Which of `instruments` instruments more than one of them trades.
    pub(crate) fn shared(&self, instruments: usize) -> Vec<bool> {
        let traders = |at: usize| {
            let trades = |member: &&Member| member.trades.get(at).copied().unwrap_or(false);
            self.members.iter().filter(trades).count()
        };
        (0..instruments).map(|at| traders(at) > 1).collect()
    }

    /// Tells each member that trades the instrument of the event, and `wants` to know.
    #[inline]
    fn tell(
        &mut self,
        ctx: &mut Context<'_>,
        wants: impl Fn(&Member) -> bool,
        tell: impl Fn(&mut dyn Strategy, &mut Context<'_>),
    ) {
        let instrument = ctx.instrument();
        for (at, member) in self.members.iter_mut().enumerate() {
            if member.hears(instrument) && wants(member) {
                let mut own = ctx.of_member(id_of(at), member.is_active);
                tell(&mut *member.strategy, &mut own);
            }
        }
    }

    /// Tells the one that it is about.
    fn tell_one(
        &mut self,
        ctx: &mut Context<'_>,
        strategy: StrategyId,
        tell: impl Fn(&mut dyn Strategy, &mut Context<'_>),
    ) {
        if let Some(member) = self.members.get_mut(strategy.index()) {
            tell(&mut *member.strategy, &mut ctx.of_member(strategy, member.is_active));
        }
    }
}

/// Never asks for anything.
struct Silent;

impl Strategy for Silent {}

impl Member {
    #[inline]
    fn hears(&self, instrument: InstrumentId) -> bool {
        self.trades.get(instrument.index()).copied().unwrap_or(false)
    }
}

fn id_of(at: usize) -> StrategyId {
    StrategyId(u16::try_from(at).unwrap_or(u16::MAX))
}

impl Strategy for Ensemble {
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        self.tell(ctx, |_| true, |strategy, own| strategy.on_bar(bar, own));
    }

    fn on_trade(&mut self, trade: &Trade, ctx: &mut Context<'_>) {
        self.tell(ctx, |_| true, |strategy, own| strategy.on_trade(trade, own));
    }

    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        let is_top = ctx.is_top;
        let wants = move |member: &Member| match member.interest {
            BookInterest::None => false,
            BookInterest::TopChange => is_top,
            BookInterest::EveryUpdate => true,
        };
        self.tell(ctx, wants, |strategy, own| strategy.on_book(book, own));
    }

    fn on_signal(&mut self, signal: &Signal, ctx: &mut Context<'_>) {
        self.tell(ctx, |_| true, |strategy, own| strategy.on_signal(signal, own));
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        self.tell_one(ctx, timer.strategy, |strategy, own| strategy.on_timer(timer, own));
    }

    fn on_order(&mut self, update: &OrderUpdate<'_>, ctx: &mut Context<'_>) {
        let of = update.order.strategy;
        self.tell_one(ctx, of, |strategy, own| strategy.on_order(update, own));
    }

    fn on_parent(&mut self, report: &ParentReport, ctx: &mut Context<'_>) {
        self.tell_one(ctx, report.strategy, |strategy, own| strategy.on_parent(report, own));
    }

    fn on_denied(&mut self, denied: &Denied, ctx: &mut Context<'_>) {
        self.tell_one(ctx, denied.strategy, |strategy, own| strategy.on_denied(denied, own));
    }

    fn warmup(&self) -> usize {
        self.members.iter().map(|member| member.strategy.warmup()).max().unwrap_or(0)
    }

    fn interest(&self) -> BookInterest {
        let all = self.members.iter().map(|member| member.interest);
        all.max().unwrap_or_default()
    }

    fn rests(&self) -> bool {
        self.members.iter().all(|member| member.strategy.rests())
    }

    fn hears_market(&self) -> bool {
        self.members.iter().any(|member| member.strategy.hears_market())
    }

    fn tune(&mut self, strategy: StrategyId, param: u16, value: Number) {
        if let Some(member) = self.members.get_mut(strategy.index()) {
            member.strategy.tune(StrategyId::FIRST, param, value);
        }
    }

    fn ensemble(&self) -> Option<&Ensemble> {
        Some(self)
    }

    fn ensemble_mut(&mut self) -> Option<&mut Ensemble> {
        Some(self)
    }

    fn save(&self, to: &mut Writer<'_>) {
        to.same(&self.members.len());
        for member in &self.members {
            to.same(member.strategy.name());
            to.same(&member.trades);
            to.put(&member.is_active);
            member.strategy.save(to);
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the number of strategies", &self.members.len())?;
        for member in &mut self.members {
            from.same("a strategy", &member.strategy.name().to_owned())?;
            from.same("the instruments of a strategy", &member.trades)?;
            member.is_active = from.take()?;
            member.strategy.load(from)?;
        }
        Ok(())
    }

    fn name(&self) -> &'static str {
        "several strategies"
    }
}
