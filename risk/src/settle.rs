//! What reports do to the sums: fills move positions, and ends give limits back.

use qt_engine::{Balance, Exposure, Ledger, Order, Settlement};
use qt_types::{CurrencyId, InstrumentId, OrderId, OrderKind, Side, StrategyId};

use crate::ask::{LOTS_MAX, MONEY_MAX, resting_price, worst_price};
use crate::control::Control;
use crate::keys::Key;
use crate::reference::Reference;
use crate::reservation::Reservation;
use crate::reserve::better;
use crate::risk_gate::RiskGate;
use crate::state::KnownRate;

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

    /// Whether `order`, which the venue has now, holds of the limits what it did. The account
    /// stands as it did: what moves in it is taken in with the event that moved it.
    #[inline]
    pub(crate) fn stands_as_taken(&mut self, order: &Order) -> bool {
        let Some(place) = self.state.reservations.find(order.id) else { return false };
        let of = self.state.reservations.at(place);
        let known = self.state.instruments.get(order.instrument.index());
        let stands = order.leaves().lots() == of.lots
            && !of.unknown
            // One that follows the book may rest elsewhere by now.
            && !matches!(order.kind, OrderKind::Pegged { .. })
            && known.is_some_and(|known| known.rate == KnownRate::Same);
        if stands {
            self.booked = (of.strategy == self.strategy).then_some(order.instrument);
        }
        stands
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
        let Settlement { order, instrument, side, ref kind, .. } = *settlement;
        self.count_open((order, strategy), (instrument, side), (kind, lots), exposure)
    }

    /// Takes what an open order needs that nobody was asked about.
    pub(crate) fn count_open(
        &mut self,
        (order, strategy): (OrderId, u16),
        (instrument, side): (InstrumentId, Side),
        (kind, lots): (&OrderKind, i64),
        exposure: &Exposure<'_>,
    ) -> Option<u32> {
        let known = &self.state.instruments[instrument.index()];
        let spec = exposure.specs.get(instrument.index())?;
        let reference = Reference::of(exposure, instrument, known.seen_ns);
        let collar = known.limits.get(Key::CollarBps).hard;
        let worst = worst_price(kind, side, &reference, collar).max(1);
        let of = Reservation {
            order,
            lots,
            worst,
            open_lots: lots,
            held_lots: lots,
            held_notional: known.worth(spec, worst, lots).unwrap_or(0),
            reference_x2: reference.price_x2,
            ..Reservation::empty(strategy, instrument, side)
        };
        let place = self.state.reservations.insert(of)?;
        self.state.hold(of.holder(), of.held_lots, of.held_notional, 1);
        self.state.reservations.name(place, order);
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
                if state.tracks_worth {
                    known.look_ns = i64::MIN;
                }
                known.held = known.held + u32::from(was_flat) - u32::from(line.position == 0);
            }
            state.position_moved(instrument, exposure);
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
}

/// What a strategy has earned by its own books, as [`Exposure::equity_base`] counts.
fn own_cash(own: &Ledger, exposure: &Exposure<'_>) -> i128 {
    let single = own.balance(CurrencyId::ACCOUNT).equity_base();
    own.total(exposure.market, Balance::equity_base).unwrap_or(single).nano()
}

/// An amount, and whether it left the range (then it counts as nothing, and its node is broken).
pub(crate) fn in_range(amount: Option<i128>) -> (i128, bool) {
    match amount.filter(|amount| amount.abs() <= MONEY_MAX) {
        Some(amount) => (amount, false),
        None => (0, true),
    }
}
