//! What reports and the market do to the sums: fills move positions, ends give limits back, and
//! prices make positions worth more or less.

use qt_engine::{Balance, Exposure, Ledger, Settlement};
use qt_types::{CurrencyId, Event, InstrumentId, Payload, Price, ReportKind, StrategyId};

use crate::ask::{LOTS_MAX, MONEY_MAX, resting_price, worst_price};
use crate::control::Control;
use crate::keys::Key;
use crate::reference::Reference;
use crate::reservation::Reservation;
use crate::reserve::better;
use crate::risk_gate::RiskGate;
use crate::state::{InstrumentState, KnownRate, Session, State};

/// A day in nanoseconds.
const DAY_NS: i64 = 86_400_000_000_000;

impl RiskGate {
    /// Takes in what a report did to an order. Cash and position come from the ledger, which has
    /// booked it already: what it booked since the last time belongs to this order.
    pub(crate) fn settle(&mut self, settlement: &Settlement, exposure: &Exposure<'_>) {
        let place = self.state.reservations.find(settlement.order);
        let strategy = match place {
            Some(place) => self.state.reservations.at(place).strategy,
            None => self.strategy,
        };
        let instrument = settlement.instrument.index();
        if instrument >= self.state.instruments.len()
            || usize::from(strategy) >= self.state.strategies.len()
        {
            return;
        }
        if let Some(place) = place
            && self.is_unmoved(place, settlement, exposure)
        {
            self.booked = (strategy == self.strategy).then_some(settlement.instrument);
            return;
        }
        let now_ns = exposure.market.now_ns().get();
        let moved = self.book(usize::from(strategy), settlement.instrument, exposure);
        self.booked = (strategy == self.strategy).then_some(settlement.instrument);
        if settlement.price.is_some() {
            self.count_fill(strategy, now_ns);
        }
        if settlement.refused {
            self.count_refusal(strategy, now_ns);
        }
        self.inspect(settlement, place, strategy);
        let place = place.or_else(|| self.adopt(settlement, strategy, exposure));
        let Some(place) = place else { return };
        if moved == 0 && self.changes_nothing(place, settlement) {
            return;
        }
        let Some(spec) = exposure.specs.get(instrument) else { return };
        let of = self.state.reservations.at_mut(place);
        let executed = moved.saturating_mul(of.side.sign());
        let parent = of.parent;
        if let Some(parent) = self.state.parents.get_mut(parent as usize) {
            // What was executed stays used; what is open is brought in line below.
            parent.used = parent.used.saturating_add(executed);
        }
        if settlement.ended {
            return self.release(place);
        }
        if settlement.change_answered {
            of.asked = of.asked.saturating_sub(1);
            if of.asked == 0 {
                (of.asked_lots, of.asked_worst, of.asked_resting) = (0, 0, 0);
            }
        }
        of.lots = settlement.leaves.lots().clamp(0, LOTS_MAX);
        if !of.reduce_only && settlement.change_answered {
            let known = &self.state.instruments[instrument];
            let reference = Reference { price_x2: of.reference_x2, ..Reference::default() };
            let collar = known.limits.get(Key::CollarBps).hard;
            of.worst = worst_price(&settlement.kind, of.side, &reference, collar).max(1);
        }
        let rests = better(resting_price(&settlement.kind), of.asked_resting, of.side);
        self.mark_unknown(place, settlement.unknown);
        self.state.refresh(place, spec);
        self.state.rest_at(place, rests);
    }

    /// Whether the order at `place` stands as it did before, and so does the account: most reports
    /// only say that it is there.
    #[inline]
    fn is_unmoved(&self, place: u32, settlement: &Settlement, exposure: &Exposure<'_>) -> bool {
        !settlement.refused
            // Strategies with books of their own are held against those.
            && exposure.ledger.strategies() == 0
            && self.changes_nothing(place, settlement)
            && self.moves_nothing(place, settlement.instrument, exposure)
    }

    /// Whether the ledger is as it was for the order at `place`.
    #[inline]
    fn moves_nothing(&self, place: u32, at: InstrumentId, exposure: &Exposure<'_>) -> bool {
        let of = &self.state.strategies[usize::from(self.state.reservations.at(place).strategy)];
        self.state.line(at.index(), of.nodes[1]).position == exposure.position(at).lots()
            && self.state.ledger_cash[usize::from(of.account)]
                == Some(exposure.equity_base().nano())
    }

    /// Whether the order at `place` stands as it did before.
    #[inline]
    fn changes_nothing(&self, place: u32, settlement: &Settlement) -> bool {
        let of = self.state.reservations.at(place);
        let rests = || better(resting_price(&settlement.kind), of.asked_resting, of.side);
        !settlement.ended
            && settlement.price.is_none()
            && !settlement.change_answered
            && settlement.leaves.lots() == of.lots
            && settlement.unknown == of.unknown
            && (!self.state.tracks_resting || rests() == of.resting)
            // With a rate it may be worth something else by now.
            && self.state.instruments[settlement.instrument.index()].rate == KnownRate::Same
    }

    /// An order that holds nothing of the limits and is open all the same, as one that the venue
    /// made larger when it was filled: it counts from now on, whatever the limits say to it.
    #[cold]
    fn adopt(
        &mut self,
        settlement: &Settlement,
        strategy: u16,
        exposure: &Exposure<'_>,
    ) -> Option<u32> {
        let lots = settlement.leaves.lots().clamp(0, LOTS_MAX);
        if settlement.ended || lots == 0 {
            return None;
        }
        let known = &self.state.instruments[settlement.instrument.index()];
        let spec = exposure.specs.get(settlement.instrument.index())?;
        let reference = Reference::of(exposure, settlement.instrument, known.seen_ns);
        let collar = known.limits.get(Key::CollarBps).hard;
        let worst = worst_price(&settlement.kind, settlement.side, &reference, collar).max(1);
        let of = Reservation {
            lots,
            worst,
            open_lots: lots,
            held_lots: lots,
            held_notional: known.worth(spec, worst, lots).unwrap_or(0),
            reference_x2: reference.price_x2,
            ..Reservation::empty(strategy, settlement.instrument, settlement.side)
        };
        let place = self.state.reservations.insert(of)?;
        self.state.hold(of.holder(), of.held_lots, of.held_notional, 1);
        self.state.reservations.name(place, settlement.order);
        Some(place)
    }

    /// Brings cash and the position in `instrument` in line with the ledger, on behalf of
    /// `strategy`. Returns the lots that the position moved by.
    #[inline]
    pub(crate) fn book(
        &mut self,
        strategy: usize,
        instrument: InstrumentId,
        exposure: &Exposure<'_>,
    ) -> i64 {
        let state = &self.state;
        let of = &state.strategies[strategy];
        let own = exposure.ledger.own(StrategyId(strategy as u16));
        // Where strategies have books of their own, each is held against its own.
        let (held, node) = match own {
            Some(own) => (own.position(instrument).qty(), of.nodes[0]),
            None => (exposure.position(instrument), of.nodes[1]),
        };
        let held = held.lots().clamp(-LOTS_MAX, LOTS_MAX);
        let moved = held - state.line(instrument.index(), node).position;
        // A derivative counts at its worth: its notional must have left the money.
        let cash = exposure.equity_base().nano();
        // Most reports move nothing.
        let is_known = state.ledger_cash[usize::from(of.account)] == Some(cash);
        if moved == 0 && is_known && own.is_none() {
            return 0;
        }
        self.book_moved(strategy, instrument, (moved, cash), exposure)
    }

    #[inline(never)]
    fn book_moved(
        &mut self,
        strategy: usize,
        instrument: InstrumentId,
        (moved, cash): (i64, i128),
        exposure: &Exposure<'_>,
    ) -> i64 {
        let state = &mut self.state;
        let of = &state.strategies[strategy];
        let (nodes, account, at) = (of.nodes, usize::from(of.account), instrument.index());
        let own = exposure.ledger.own(StrategyId(strategy as u16));
        let known = state.ledger_cash[account].unwrap_or_else(|| exposure.initial().nano());
        state.ledger_cash[account] = Some(cash);
        let earned = cash.saturating_sub(known);
        // With one strategy the sums of all levels are the same.
        let apart = own.filter(|_| !state.is_single);
        let own_earned = apart.map(|own| own_cash(own, exposure) - state.own_cash[strategy]);
        if moved == 0 && earned == 0 && own_earned.is_none_or(|earned| earned == 0) {
            return 0;
        }
        let places = state.places(strategy);
        let (earned, is_broken) = in_range(Some(earned));
        for place in places.clone() {
            let sums = &mut state.sums[place];
            sums.cash += earned;
            sums.is_broken |= is_broken;
        }
        if let Some(own_earned) = own_earned {
            let (own_earned, is_broken) = in_range(Some(own_earned));
            state.own_cash[strategy] += own_earned;
            let sums = &mut state.sums[nodes[0]];
            sums.cash += own_earned - earned;
            sums.is_broken |= is_broken;
        }
        if moved != 0 {
            for place in places {
                let line = &mut state.lines[at * state.sums.len() + place];
                let was_flat = line.position == 0;
                // What went before stays in range; sums of strategies may not.
                line.position = line.position.saturating_add(moved).clamp(-LOTS_MAX, LOTS_MAX);
                let known = &mut state.instruments[at];
                known.look_ns = i64::MIN;
                known.held = known.held + u32::from(was_flat) - u32::from(line.position == 0);
            }
            let mark = exposure.market.mark(instrument);
            state.revalue(instrument, mark, exposure);
        }
        if state.tracks_loss {
            let now_ns = exposure.market.now_ns().get();
            for &node in &nodes[..state.levels()] {
                let pnl = state.sums(node).pnl();
                state.nodes[node].remember_loss(pnl, now_ns);
            }
        }
        moved
    }

    /// Brings all strategies in line with their own books in `instrument`.
    #[cold]
    pub(crate) fn follow_books(&mut self, instrument: InstrumentId, exposure: &Exposure<'_>) {
        if instrument.index() < self.state.instruments.len() {
            for strategy in 0..self.state.strategies.len().min(exposure.ledger.strategies()) {
                self.book(strategy, instrument, exposure);
            }
        }
    }

    fn count_fill(&mut self, strategy: u16, now_ns: i64) {
        for &node in &self.state.strategies[usize::from(strategy)].nodes[..self.state.levels()] {
            let node = &mut self.state.nodes[node];
            if node.windows.fills_ns > 0 {
                node.fills.push(now_ns);
            }
            let window_ns = node.windows.ratio_ns;
            if window_ns > 0 {
                node.ratio.roll(now_ns, window_ns);
                node.ratio.answered += 1;
            }
        }
    }

    /// C25: a strategy that is refused again and again is halted.
    fn count_refusal(&mut self, strategy: u16, now_ns: i64) {
        let mut storm = false;
        for &node in &self.state.strategies[usize::from(strategy)].nodes[..self.state.levels()] {
            let node = &mut self.state.nodes[node];
            let window_ns = node.windows.refusals_ns;
            if window_ns > 0 {
                node.refusals.push(now_ns);
                let count = node.refusals.within(now_ns, window_ns) as i128;
                storm |= count > node.limits.get(Key::Refusals).hard;
            }
        }
        if storm {
            self.trip_strategy(strategy, Control::Refusals, now_ns);
        }
    }

    /// C31: a fill of an order that nobody knows, of more than was ordered, or far from the price
    /// that the order was held against.
    fn inspect(&mut self, settlement: &Settlement, place: Option<u32>, strategy: u16) {
        let Some(price) = settlement.price else { return };
        let far = place.is_some_and(|place| {
            let reference_x2 = i128::from(self.state.reservations.at(place).reference_x2);
            let known = &self.state.instruments[settlement.instrument.index()];
            let band = known.limits.get(Key::FillBandBps).hard;
            let off = (i128::from(price.ticks()) * 2 - reference_x2).abs();
            reference_x2 > 0 && off * 10_000 > band.saturating_mul(reference_x2)
        });
        if place.is_none() || settlement.overfilled || far {
            let node = self.state.strategies[usize::from(strategy)].nodes[0];
            self.state.nodes[node].breaks += 1;
        }
    }

    fn mark_unknown(&mut self, place: u32, unknown: bool) {
        let of = self.state.reservations.at_mut(place);
        if of.unknown == unknown {
            return;
        }
        of.unknown = unknown;
        let strategy = usize::from(of.strategy);
        for place in self.state.places(strategy) {
            self.state.sums[place].unknown += if unknown { 1 } else { -1 };
        }
    }

    /// Sees an event: the time, the prices, and what the account paid for holding positions.
    #[inline(always)]
    pub(crate) fn watch(&mut self, event: &Event, exposure: &Exposure<'_>) {
        let now_ns = event.recv_ns.get();
        if now_ns >= self.state.day_end_ns {
            self.start_day(now_ns);
        }
        if exposure.ledger.has_currencies() {
            self.follow_rates(exposure);
        }
        let booked = self.booked.take();
        match event.payload {
            Payload::Bar(_) | Payload::Trade(_) | Payload::Tick(_) | Payload::Order(_) => {
                self.on_price(event.instrument, now_ns, exposure);
            }
            Payload::Report(ref report) => {
                if report.kind == ReportKind::Settled {
                    self.set_session(event.instrument, Session::Expired);
                    // Also where the account held nothing of it.
                    self.follow_books(event.instrument, exposure);
                }
                // Mostly the settlement of an order has taken it in already.
                if booked != Some(event.instrument) {
                    self.on_report(event.instrument, exposure);
                }
            }
            _ => {}
        }
    }

    /// What a report has moved that belongs to no order.
    #[inline(never)]
    fn on_report(&mut self, instrument: InstrumentId, exposure: &Exposure<'_>) {
        let strategy = usize::from(self.strategy);
        if strategy < self.state.strategies.len()
            && instrument.index() < self.state.instruments.len()
        {
            let of = &self.state.strategies[strategy];
            let known = self.state.ledger_cash[usize::from(of.account)];
            let held = self.state.line(instrument.index(), of.nodes[1]).position;
            if known != Some(exposure.equity_base().nano())
                || held != exposure.position(instrument).lots()
            {
                match exposure.ledger.strategies() {
                    0 => {
                        self.book(strategy, instrument, exposure);
                    }
                    _ => self.follow_books(instrument, exposure),
                }
            }
        }
    }

    /// Works out from when on a price of `instrument` has to be seen again.
    #[inline(never)]
    pub(crate) fn look_again(&mut self, instrument: InstrumentId, exposure: &Exposure<'_>) {
        let day_end_ns = self.state.day_end_ns;
        let tracks_loss = self.state.tracks_loss;
        let Some(known) = self.state.instruments.get_mut(instrument.index()) else { return };
        // Any price may be the rate of a currency.
        let is_followed = exposure.ledger.has_currencies()
            || (known.held > 0 && (tracks_loss || !known.is_dirty));
        let drop_ns = match known.drift_ns {
            0 => i64::MAX,
            drift_ns => known.anchor_ns.saturating_add(drift_ns),
        };
        known.look_ns = match is_followed {
            true => i64::MIN,
            false => day_end_ns.min(drop_ns).min(self.account.next_look_ns()),
        };
    }

    #[cold]
    fn start_day(&mut self, now_ns: i64) {
        for node in self.state.kept_nodes() {
            let pnl = self.state.sums(node).pnl();
            self.state.nodes[node].start_day(pnl);
        }
        let days = now_ns.div_euclid(DAY_NS);
        self.state.day_end_ns = (days + 1).saturating_mul(DAY_NS);
    }

    #[inline(always)]
    fn on_price(&mut self, instrument: InstrumentId, now_ns: i64, exposure: &Exposure<'_>) {
        let Some(known) = self.state.instruments.get_mut(instrument.index()) else { return };
        known.seen_ns = now_ns;
        if known.drift_ns > 0 && now_ns >= known.anchor_ns.saturating_add(known.drift_ns) {
            known.drop_anchor(instrument, now_ns, exposure);
        }
        if known.held == 0 {
            return;
        }
        if !self.state.tracks_loss {
            // Nobody asks for the value before the next order does.
            if !known.is_dirty {
                known.is_dirty = true;
                self.state.dirty.push(instrument);
            }
            return;
        }
        self.state.follow_losses(instrument, now_ns, exposure);
    }
}

impl InstrumentState {
    /// Another window of the drift begins.
    #[inline(never)]
    fn drop_anchor(&mut self, instrument: InstrumentId, now_ns: i64, exposure: &Exposure<'_>) {
        self.anchor_ns = now_ns;
        self.anchor_x2 = Reference::of(exposure, instrument, now_ns).price_x2;
    }
}

impl State {
    /// Values the positions in `instrument`, and takes note of what was lost.
    #[inline(never)]
    fn follow_losses(&mut self, instrument: InstrumentId, now_ns: i64, exposure: &Exposure<'_>) {
        let at = instrument.index();
        let mark = exposure.market.mark(instrument);
        if mark == self.instruments[at].mark || mark.is_none() {
            return;
        }
        self.revalue(instrument, mark, exposure);
        for node in self.kept_nodes() {
            if self.line(at, node).position != 0 {
                let pnl = self.sums(node).pnl();
                self.nodes[node].remember_loss(pnl, now_ns);
            }
        }
    }

    /// Values the positions whose prices have moved since they were valued last.
    #[inline]
    pub(crate) fn catch_up(&mut self, exposure: &Exposure<'_>) {
        while let Some(instrument) = self.dirty.pop() {
            let known = &mut self.instruments[instrument.index()];
            (known.is_dirty, known.look_ns) = (false, i64::MIN);
            let mark = exposure.market.mark(instrument);
            if mark.is_some() && mark != self.instruments[instrument.index()].mark {
                self.revalue(instrument, mark, exposure);
            }
        }
    }

    /// Values every position in `instrument` at `mark`.
    pub(crate) fn revalue(
        &mut self,
        instrument: InstrumentId,
        mark: Option<Price>,
        exposure: &Exposure<'_>,
    ) {
        let at = instrument.index();
        let Some(spec) = exposure.specs.get(at) else { return };
        let price = mark.or(self.instruments[at].mark);
        self.instruments[at].mark = price;
        for place in 0..self.sums.len() {
            let line = &self.lines[at * self.sums.len() + place];
            if line.position == 0 && line.value == 0 {
                continue;
            }
            let (before, lots) = (line.value, line.position);
            // A position without any price cannot be counted.
            let known = &self.instruments[at];
            let value = price.and_then(|price| known.worth(spec, price.ticks(), lots));
            let (value, is_broken) = in_range(if lots == 0 { Some(0) } else { value });
            let is_inverse = self.instruments[at].is_inverse;
            let sums = self.change_line(at, place, |line| line.value = value);
            let gained = value - before;
            sums.value += if is_inverse { -gained } else { gained };
            sums.is_broken |= is_broken;
        }
        self.follow_all_kept(at);
    }
}

/// What a strategy has earned by its own books, as [`Exposure::equity_base`] counts.
fn own_cash(own: &Ledger, exposure: &Exposure<'_>) -> i128 {
    let single = own.balance(CurrencyId::ACCOUNT).equity_base();
    own.total(exposure.market, Balance::equity_base).unwrap_or(single).nano()
}

/// An amount, and whether it left the range (then it counts as nothing, and its node is broken).
fn in_range(amount: Option<i128>) -> (i128, bool) {
    match amount.filter(|amount| amount.abs() <= MONEY_MAX) {
        Some(amount) => (amount, false),
        None => (0, true),
    }
}
