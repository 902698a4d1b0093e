//! The decision, in the order of the table of controls.

use qt_engine::{Exposure, OrderRequest};
use qt_risk::{Key, KillState, Level, Limit, Session};
use qt_types::{DenyReason, OrderId, OrderKind, Side};

use super::{LEVELS, MS, Message, Slow, SlowOrder, limit_of, reference, trigger_of, worst};

use DenyReason as R;

fn above(limit: Limit, observed: i128, reason: R) -> Result<(), R> {
    if observed > limit.hard { Err(reason) } else { Ok(()) }
}

/// `part` of `whole`, both in the same unit.
fn share(limit: Limit, whole: i128, part: i128, reason: R) -> Result<(), R> {
    let off = limit.hard >= qt_risk::SHARE_OFF_BPS;
    if !off && part * 10_000 > limit.hard * whole.max(0) { Err(reason) } else { Ok(()) }
}

fn yes(failed: bool, reason: R) -> Result<(), R> {
    if failed { Err(reason) } else { Ok(()) }
}

fn resting(kind: &OrderKind) -> Option<i64> {
    match kind {
        OrderKind::Limit { price } => Some(price.ticks()),
        _ => None,
    }
}

struct Facts {
    now: i64,
    reference_x2: i64,
    notional: i128,
    worst: i64,
    reducing: bool,
    added_lots: i64,
    added_notional: i128,
    added_open: i64,
    parent: Option<usize>,
}

impl Slow {
    /// Decides, and where it approves takes the order in; one that is new has no id yet.
    pub fn decide(
        &mut self,
        request: &OrderRequest,
        strategy: usize,
        parent: Option<usize>,
        exposure: &Exposure<'_>,
    ) -> Result<(), R> {
        let result = self.judge(request, strategy, parent, exposure);
        match result {
            Ok(facts) => {
                self.take(request, strategy, &facts);
                Ok(())
            }
            Err(reason) => {
                if matches!(reason, R::StrategyDisabled | R::ParentQty) {
                    self.kill.push((strategy, Level::Strategy, KillState::Halted));
                }
                Err(reason)
            }
        }
    }

    fn take(&mut self, request: &OrderRequest, strategy: usize, facts: &Facts) {
        self.messages.push(Message {
            at: facts.now,
            strategy,
            request: *request,
            reducing: facts.reducing,
            notional: facts.notional,
        });
        for level in LEVELS {
            self.ratio(level, strategy, facts.now).1 += 1;
        }
        if request.replaces.is_none() {
            self.orders.push(SlowOrder {
                id: OrderId::NONE,
                strategy,
                request: *request,
                lots: request.qty.lots(),
                worst: facts.worst,
                kind: request.kind,
                asks: Vec::new(),
                waiting: 0,
                unknown: false,
                reference_x2: facts.reference_x2,
                parent: facts.parent,
            });
        } else {
            let of = self.orders.iter_mut().find(|order| order.id == request.replaces).unwrap();
            let rests = resting(&request.kind).unwrap_or(0);
            of.asks.push((request.qty.lots(), facts.worst, rests));
            of.waiting += 1;
        }
    }

    fn judge(
        &self,
        request: &OrderRequest,
        strategy: usize,
        parent: Option<usize>,
        exposure: &Exposure<'_>,
    ) -> Result<Facts, R> {
        let at = request.instrument.index();
        let known = request.replaces.is_none()
            || self.orders.iter().any(|order| order.id == request.replaces);
        let positive = |price: Option<i64>| price.is_none_or(|price| price > 0);
        let sound = positive(limit_of(&request.kind)) && positive(trigger_of(&request.kind));
        yes(request.qty.lots() <= 0 || !known || !sound, R::InvalidOrder)?;
        let facts = self.facts(request, strategy, parent, exposure);
        self.standing(request, strategy, &facts, exposure)?;
        let limits = self.profile.instrument("");
        let lots = i128::from(request.qty.lots()) * 1_000_000_000;
        if !facts.reducing {
            above(limits.get(Key::OrderQty), lots, R::MaxOrderQty)?;
            let volume = limits.get(Key::DayVolume).hard;
            share(limits.get(Key::OrderAdvBps), volume, lots, R::MaxAdvShare)?;
            self.trusted(at, &facts, exposure)?;
            above(limits.get(Key::OrderNotional), facts.notional, R::MaxOrderNotional)?;
            if let Some(median) = self.median(strategy) {
                let most = limits.get(Key::UnitMultiple).hard * median;
                above(Limit::hard(most), facts.notional, R::UnitSuspect)?;
            }
        }
        self.collar(request, &facts)?;
        self.duplicates(request, strategy, &facts)?;
        yes(self.meets_own(request, strategy), R::SelfTrade)?;
        if !facts.reducing {
            self.positions(request, strategy, &facts)?;
            self.exposures(request, strategy, &facts)?;
            self.open(request, strategy, &facts)?;
        }
        let full = facts.reducing && self.orders.len() >= self.orders_max + 64;
        yes(full && request.replaces.is_none(), R::OrdersOpenMax)?;
        self.rates(request, strategy, &facts)?;
        self.throttles(request, strategy, &facts)?;
        if let Some(parent) = facts.parent {
            let known = &self.parents[parent];
            let over = self.used(parent) + facts.added_open > known.lots;
            yes(known.strategy != strategy || over, R::ParentQty)?;
        }
        if !facts.reducing {
            self.losses(request, strategy, &facts)?;
        }
        Ok(facts)
    }

    fn facts(
        &self,
        request: &OrderRequest,
        strategy: usize,
        parent: Option<usize>,
        exposure: &Exposure<'_>,
    ) -> Facts {
        let at = request.instrument.index();
        let (reference_x2, ..) = reference(exposure, at);
        let collar = self.profile.instrument("").get(Key::CollarBps).hard;
        let worst = worst(&request.kind, request.side, reference_x2, collar);
        let lots = request.qty.lots();
        let notional = self.worth(at, worst, lots);
        let none = request.replaces.is_none();
        let before = self.orders.iter().find(|order| !none && order.id == request.replaces);
        let opens = before.filter(|order| !order.request.reduce_only);
        let added_lots = (lots - opens.map_or(0, Self::open_lots)).max(0);
        let added_notional = (notional - opens.map_or(0, |o| self.open_notional(o))).max(0);
        let closes = LEVELS.iter().all(|&level| {
            let members = self.members(level, strategy);
            let (open, _, reducing) = self.side(&members, at, request.side);
            let against = -self.position(&members, at) * request.side.sign();
            (against - open - reducing).max(0) >= added_lots
        });
        Facts {
            now: exposure.market.now_ns().get(),
            reference_x2,
            notional,
            worst,
            reducing: request.reduce_only || closes,
            added_lots,
            added_notional,
            added_open: (lots - before.map_or(0, Self::open_lots)).max(0),
            parent: before.map_or(parent, |order| order.parent),
        }
    }

    fn standing(
        &self,
        request: &OrderRequest,
        strategy: usize,
        facts: &Facts,
        exposure: &Exposure<'_>,
    ) -> Result<(), R> {
        let account = self.accounts[strategy];
        let applies = |&&(index, level, _): &&(usize, Level, KillState)| match level {
            Level::Strategy => index == strategy,
            Level::Account | Level::Tenant => index == account,
            _ => true,
        };
        let worst = self.kill.iter().filter(applies).map(|kill| kill.2).max();
        match worst.unwrap_or(KillState::Active) {
            KillState::Halted => return Err(R::KillHalted),
            KillState::ReduceOnly if !facts.reducing => return Err(R::KillReduceOnly),
            _ => {}
        }
        let limit = self.profile.level(Level::Global).get(Key::ClockOffset);
        let off = i128::from(self.clock_ns.abs());
        yes(!facts.reducing && off > limit.hard * i128::from(MS), R::ClockUnsynced)?;
        let at = request.instrument.index();
        let (_, _, halted) = reference(exposure, at);
        yes(halted || !self.sessions[at].takes_orders(), R::SessionNotOpen)?;
        yes(!self.venue_up || !self.strategy_up[strategy], R::LinkDown)?;
        let forbidden = self.forbidden.iter().any(|&(_, i, a)| (i, a) == (at, account));
        yes(forbidden, R::InstrumentNotAllowed)
    }

    fn trusted(&self, at: usize, facts: &Facts, exposure: &Exposure<'_>) -> Result<(), R> {
        let (price, sound, _) = reference(exposure, at);
        yes(price <= 0, R::ReferenceMissing)?;
        yes(!sound, R::BookUntrusted)?;
        let limit = self.profile.instrument("").get(Key::ReferenceAge).hard * i128::from(MS);
        let age = self.seen[at].map_or(i128::MAX, |seen| i128::from(facts.now - seen));
        yes(age > limit, R::ReferenceStale)
    }

    fn median(&self, strategy: usize) -> Option<i128> {
        let own =
            |m: &&Message| m.strategy == strategy && m.request.replaces.is_none() && !m.reducing;
        let mut last: Vec<i128> =
            self.messages.iter().rev().filter(own).take(15).map(|m| m.notional).collect();
        last.sort_unstable();
        (last.len() >= 5).then(|| last[last.len() / 2])
    }

    fn collar(&self, request: &OrderRequest, facts: &Facts) -> Result<(), R> {
        let at = request.instrument.index();
        let limits = self.profile.instrument("");
        let reference = facts.reference_x2;
        if reference <= 0 {
            return Ok(());
        }
        if let Some(limit) = limit_of(&request.kind) {
            let mut collar = limits.get(Key::CollarBps).hard;
            if self.sessions[at] != Session::Open {
                collar = collar.min(limits.get(Key::AuctionCollarBps).hard);
            }
            let trigger = trigger_of(&request.kind).map_or(reference, |trigger| trigger * 2);
            let (base, off) = match request.side {
                Side::Buy => (trigger.max(reference), limit * 2 - trigger.max(reference)),
                Side::Sell => (trigger.min(reference), trigger.min(reference) - limit * 2),
            };
            let collar = Limit::hard(collar);
            share(collar, i128::from(base), i128::from(off.max(0)), R::PriceCollar)?;
        }
        match self.anchors[at] {
            Some((_, anchor)) if !facts.reducing && anchor > 0 => {
                let moved = i128::from((reference - anchor).abs());
                share(limits.get(Key::DriftBps), i128::from(anchor), moved, R::PriceDrift)
            }
            _ => Ok(()),
        }
    }

    fn duplicates(&self, request: &OrderRequest, strategy: usize, f: &Facts) -> Result<(), R> {
        let limits = self.profile.instrument("");
        let window = self.ms(limits, Key::DuplicateWindow);
        if !request.replaces.is_none() || window == 0 {
            return Ok(());
        }
        let price = |kind: &OrderKind| limit_of(kind).or(trigger_of(kind));
        let own = |m: &&Message| m.strategy == strategy && m.request.replaces.is_none();
        let same = self.messages.iter().rev().filter(own).take(32).filter(|m| {
            f.now - m.at < window
                && m.request.instrument == request.instrument
                && m.request.side == request.side
                && m.request.qty == request.qty
                && price(&m.request.kind) == price(&request.kind)
        });
        above(limits.get(Key::Duplicates), same.count() as i128 + 1, R::DuplicateOrder)
    }

    fn meets_own(&self, request: &OrderRequest, strategy: usize) -> bool {
        if self.profile.instrument("").get(Key::SelfTrade).hard > 0 {
            return false;
        }
        let members = self.members(Level::Tenant, strategy);
        self.orders.iter().any(|order| {
            let other = members.contains(&order.strategy)
                && order.request.instrument == request.instrument
                && order.request.side != request.side;
            let asked = order.asks.iter().map(|ask| ask.2).filter(|&price| price > 0);
            let mut prices = resting(&order.kind).into_iter().chain(asked);
            other
                && prices.any(|own| match (&request.kind, request.side) {
                    (OrderKind::Market | OrderKind::Pegged { .. }, _) => true,
                    (OrderKind::Limit { price }, Side::Buy) => price.ticks() >= own,
                    (OrderKind::Limit { price }, Side::Sell) => price.ticks() <= own,
                    _ => false,
                })
        })
    }

    fn positions(&self, request: &OrderRequest, strategy: usize, f: &Facts) -> Result<(), R> {
        let (at, side) = (request.instrument.index(), request.side);
        let key = if side == Side::Buy { Key::Long } else { Key::Short };
        let limit = self.profile.instrument("").get(key);
        for level in LEVELS {
            let members = self.members(level, strategy);
            let (open, _, _) = self.side(&members, at, side);
            // Each strategy closes what it holds itself.
            let kept = members.iter().map(|&one| {
                let held = self.position(&[one], at) * side.sign();
                let (_, _, reducing) = self.side(&[one], at, side);
                if held < 0 { (held + reducing).min(0) } else { held }
            });
            let held: i64 = kept.sum();
            let reach = i128::from(held + open + f.added_lots) * 1_000_000_000;
            above(limit, reach, R::MaxPosition)?;
            let part = self.line_exposure(&members, at, (side, f.added_notional));
            let equity = self.capital(level, strategy) + self.pnl(&members);
            let limit = self.profile.level(level).get(Key::PositionShareBps);
            share(limit, equity, part, R::MaxPositionShare)?;
        }
        Ok(())
    }

    fn exposures(&self, request: &OrderRequest, strategy: usize, f: &Facts) -> Result<(), R> {
        let stress = self.profile.instrument("").get(Key::StressBps).hard;
        for level in LEVELS {
            let (members, limits) = (self.members(level, strategy), self.profile.level(level));
            let of = |at: usize| {
                let here = at == request.instrument.index();
                let more = if here { f.added_notional } else { 0 };
                self.line_exposure(&members, at, (request.side, more))
            };
            let exposure: i128 = (0..self.specs.len()).map(of).sum();
            above(limits.get(Key::Exposure), exposure, R::MaxExposure)?;
            let equity = self.capital(level, strategy) + self.pnl(&members);
            share(limits.get(Key::LeverageBps), equity, exposure, R::MaxLeverage)?;
            let limit = limits.get(Key::PortfolioRiskBps);
            // The stress is a share itself, so that one factor of 10,000 goes.
            let off = limit.hard >= qt_risk::SHARE_OFF_BPS;
            let over = !off && exposure * stress > limit.hard * equity.max(0);
            yes(over, R::PortfolioRisk)?;
        }
        Ok(())
    }

    fn open(&self, request: &OrderRequest, strategy: usize, f: &Facts) -> Result<(), R> {
        let is_new = request.replaces.is_none();
        if !is_new && f.added_lots == 0 && f.added_notional == 0 {
            return Ok(());
        }
        let account = self.members(Level::Account, strategy);
        let here = self.orders.iter().filter(|order| {
            account.contains(&order.strategy) && order.request.instrument == request.instrument
        });
        let one = i128::from(is_new);
        let limit = self.profile.instrument("").get(Key::LineOrders);
        above(limit, here.count() as i128 + one, R::MaxOpenOrders)?;
        for level in LEVELS {
            let orders = i128::from(self.open_orders(level, strategy)) + one;
            above(self.profile.level(level).get(Key::OpenOrders), orders, R::MaxOpenOrders)?;
        }
        yes(is_new && self.orders.len() >= self.orders_max, R::OrdersOpenMax)?;
        for level in LEVELS {
            let limit = self.profile.level(level).get(Key::Unexecuted);
            let open = self.unexecuted(level, strategy) + f.added_notional;
            above(limit, open, R::MaxUnexecuted)?;
        }
        Ok(())
    }

    /// The bucket, filled from the first message on.
    fn burst(&self, members: &[usize], now: i64, per_second: i128, only_new: bool) -> i128 {
        let gap = (1_000_000_000 + per_second - 1) / per_second;
        let mut due = i128::MIN;
        for message in self.messages.iter().filter(|m| members.contains(&m.strategy)) {
            if !only_new || message.request.replaces.is_none() {
                due = due.max(i128::from(message.at)) + gap;
            }
        }
        let ahead = (due.max(i128::from(now)) - i128::from(now)).max(0);
        (ahead + gap - 1) / gap + 1
    }

    fn rates(&self, request: &OrderRequest, strategy: usize, f: &Facts) -> Result<(), R> {
        for level in LEVELS {
            let (members, limits) = (self.members(level, strategy), self.profile.level(level));
            if request.replaces.is_none() {
                let rate = limits.get(Key::OrdersPerSecond).hard;
                let count = self.burst(&members, f.now, rate, true);
                above(limits.get(Key::OrdersBurst), count, R::RateOrders)?;
            }
            let rate = limits.get(Key::MessagesPerSecond).hard;
            let count = self.burst(&members, f.now, rate, false);
            above(limits.get(Key::MessagesBurst), count, R::RateMessages)?;
        }
        Ok(())
    }

    fn throttles(&self, request: &OrderRequest, strategy: usize, f: &Facts) -> Result<(), R> {
        if f.reducing {
            return Ok(());
        }
        for level in LEVELS {
            let limits = self.profile.level(level);
            let window = self.ms(limits, Key::RatioWindow);
            if window > 0 {
                let slot = self.ratio_windows[self.node(level, strategy)];
                let open = slot.filter(|(start, ..)| f.now - start < window);
                let (asked, filled) = open.map_or((1, 1), |(_, a, b)| (a + 1, b.max(1)));
                let most = limits.get(Key::OrdersPerFill).hard * filled;
                above(Limit::hard(most), asked, R::OrderTradeRatio)?;
            }
        }
        let limits = self.profile.level(Level::Strategy);
        let window = self.ms(limits, Key::EntriesWindow);
        if !request.replaces.is_none() || window == 0 {
            return Ok(());
        }
        let entries = self.messages[self.entries_from[strategy]..]
            .iter()
            .filter(|m| m.strategy == strategy && m.request.replaces.is_none() && !m.reducing);
        let count = self.within(entries.map(|m| m.at), f.now, window) + 1;
        above(limits.get(Key::Entries), count, R::StrategyDisabled)
    }

    fn losses(&self, request: &OrderRequest, strategy: usize, f: &Facts) -> Result<(), R> {
        for level in LEVELS {
            let memory = &self.memory[self.node(level, strategy)];
            let (limits, capital) = (self.profile.level(level), self.capital(level, strategy));
            above(limits.get(Key::DailyLoss), memory.day_loss, R::DailyLoss)?;
            let whole = capital + memory.day_start;
            share(limits.get(Key::DailyLossBps), whole, memory.day_loss, R::DailyLoss)?;
        }
        for level in LEVELS {
            let memory = &self.memory[self.node(level, strategy)];
            let (limits, capital) = (self.profile.level(level), self.capital(level, strategy));
            above(limits.get(Key::Drawdown), memory.drawdown, R::MaxDrawdown)?;
            let whole = capital + memory.high;
            share(limits.get(Key::DrawdownBps), whole, memory.drawdown, R::MaxDrawdown)?;
        }
        for level in LEVELS {
            let (members, limits) = (self.members(level, strategy), self.profile.level(level));
            let memory = &self.memory[self.node(level, strategy)];
            let window = self.ms(limits, Key::LossWindow);
            let open = memory.window.is_some_and(|(start, _)| f.now - start < window);
            let lost = if open { memory.window_loss } else { 0 };
            above(limits.get(Key::WindowLoss), lost, R::LossVelocity)?;
            let fills = self.fills.iter().filter(|fill| members.contains(&fill.1));
            let window = self.ms(limits, Key::FillsWindow);
            let count = self.within(fills.map(|fill| fill.0), f.now, window);
            above(limits.get(Key::Fills), count, R::FillVelocity)?;
        }
        for level in LEVELS {
            let refused = self.refusal_count(level, strategy, f.now);
            let limit = self.profile.level(level).get(Key::Refusals);
            above(limit, refused, R::RejectStorm)?;
        }
        for level in LEVELS {
            let members = self.members(level, strategy);
            let unknown = |o: &&SlowOrder| members.contains(&o.strategy) && o.unknown;
            let count = self.orders.iter().filter(unknown).count() as i128;
            above(self.profile.level(level).get(Key::UnknownOrders), count, R::UnknownOrders)?;
        }
        let here = (self.accounts[strategy], request.instrument.index());
        if let Some(known) = self.differs.iter().find(|known| (known.0, known.1) == here) {
            let limit = self.profile.level(Level::Account).get(Key::ReconcileTime).hard;
            let over = i128::from(f.now - known.2) > limit * i128::from(MS);
            yes(over, R::ReconciliationBreak)?;
        }
        yes(self.breaks[strategy] > 0, R::PostTradeBreak)
    }
}
