//! Taking of the limits on approval, and giving back.

use qt_engine::NewOrder;
use qt_types::{DenyReason, InstrumentSpec, OrderId, Side};

use crate::ask::{Ask, named_price, resting_price};
use crate::repeat_check::{LAST_ORDERS, fingerprint};
use crate::reservation::{Holder, NONE, Reservation};
use crate::risk_gate::{PENDING_MAX, RiskGate};
use crate::state::{Sent, State, StrategyState};
use crate::tally::{Line, Node, Sums};

impl State {
    /// Changes the line of `instrument` at `place`, and the sums there with it.
    #[inline(always)]
    pub(crate) fn change_line(
        &mut self,
        instrument: usize,
        place: usize,
        change: impl FnOnce(&mut Line),
    ) -> &mut Sums {
        change(&mut self.lines[instrument * self.sums.len() + place]);
        self.follow_line(instrument, place)
    }

    /// Brings the sums in line after a change of the line of `instrument` at `place`, where
    /// anybody reads them.
    #[inline(always)]
    fn follow_line(&mut self, instrument: usize, place: usize) -> &mut Sums {
        if self.tracks_worth { self.sum_up(instrument, place) } else { &mut self.sums[place] }
    }

    #[inline(always)]
    fn sum_up(&mut self, instrument: usize, place: usize) -> &mut Sums {
        let stress_bps = self.instruments[instrument].stress_bps;
        let line = &mut self.lines[instrument * self.sums.len() + place];
        let worst = line.exposure();
        let more = worst - line.worst;
        line.worst = worst;
        let sums = &mut self.sums[place];
        sums.exposure += more;
        // 82 and 20 bits.
        sums.stress += more.wrapping_mul(stress_bps);
        sums
    }

    /// Brings all sums in line with all lines.
    #[cold]
    pub(crate) fn sum_up_all(&mut self) {
        for instrument in 0..self.instruments.len() {
            for place in 0..self.sums.len() {
                self.sum_up(instrument, place);
            }
        }
    }

    /// Takes what the new order `of` needs, which is to rest at `price` (zero: it does not); its
    /// place.
    #[inline(always)]
    pub(crate) fn reserve_order(&mut self, of: Reservation, price: i64) -> Option<u32> {
        let (holder, parent) = (of.holder(), of.parent);
        let (lots, notional) = (of.held_lots, of.held_notional);
        let place = self.reservations.insert(of)?;
        self.hold(holder, lots, notional, 1);
        if let Some(parent) = self.parents.get_mut(parent as usize) {
            parent.used += lots;
            parent.children += 1;
        }
        self.rest_at(place, price);
        Some(place)
    }

    /// Takes (or with negative amounts gives back) open lots and notional at every level.
    pub(crate) fn hold(&mut self, of: Holder, lots: i64, notional: i128, orders: i64) {
        if self.is_single {
            return self.hold_at(0, of, lots, notional, orders);
        }
        let nodes = self.strategies[usize::from(of.strategy)].nodes;
        for place in nodes.into_iter().skip(usize::from(of.is_foreign)) {
            self.hold_at(place, of, lots, notional, orders);
        }
        if of.reduce_only {
            self.follow_kept(of.instrument.index(), usize::from(of.strategy));
        }
    }

    /// Brings the levels above several strategies in line with what each keeps of its position in
    /// `instrument`.
    pub(crate) fn follow_all_kept(&mut self, instrument: usize) {
        if !self.is_single {
            for strategy in 0..self.strategies.len() {
                self.follow_kept(instrument, strategy);
            }
        }
    }

    /// The same for one of them.
    fn follow_kept(&mut self, instrument: usize, strategy: usize) {
        let [own, above @ ..] = self.strategies[strategy].nodes;
        let line = &mut self.lines[instrument * self.sums.len() + own];
        let now = line.kept_by_one();
        let before = std::mem::replace(&mut line.kept, now);
        if now == before {
            return;
        }
        for place in above {
            self.change_line(instrument, place, |line| {
                for (sum, (now, before)) in line.kept.iter_mut().zip(now.iter().zip(&before)) {
                    sum.lots = sum.lots.saturating_add(now.lots - before.lots);
                    sum.value += now.value - before.value;
                }
            });
        }
    }

    #[inline(always)]
    fn hold_at(&mut self, place: usize, of: Holder, lots: i64, notional: i128, orders: i64) {
        let (side, instrument) = (of.side as usize, of.instrument.index());
        let line = &mut self.lines[instrument * self.sums.len() + place];
        line.orders += orders;
        if of.reduce_only {
            line.closing[side] += lots;
        } else {
            line.open[side].lots += lots;
            line.open[side].notional += notional;
        }
        let sums = self.follow_line(instrument, place);
        sums.orders += orders;
        if !of.reduce_only {
            sums.unexecuted += notional;
        }
    }

    /// Brings what the reservation at `place` holds in line with its facts.
    pub(crate) fn refresh(&mut self, place: u32, spec: &InstrumentSpec) {
        let before = *self.reservations.at(place);
        let open_lots = before.lots.max(before.asked_lots);
        let held_lots = open_lots;
        let held_notional = if before.reduce_only {
            0
        } else {
            let known = &self.instruments[before.instrument.index()];
            let now = known.worth(spec, before.worst, before.lots);
            let asked = known.worth(spec, before.asked_worst, before.asked_lots);
            // A venue may say anything; what cannot be counted stays as it was.
            match (now, asked) {
                (Some(now), Some(asked)) => now.max(asked),
                _ => before.held_notional,
            }
        };
        let after = self.reservations.at_mut(place);
        (after.open_lots, after.held_lots, after.held_notional) =
            (open_lots, held_lots, held_notional);
        let (lots, notional) = (held_lots - before.held_lots, held_notional - before.held_notional);
        if lots != 0 || notional != 0 {
            self.hold(before.holder(), lots, notional, 0);
        }
        if let Some(parent) = self.parents.get_mut(before.parent as usize) {
            parent.used += open_lots - before.open_lots;
        }
    }

    /// The resting order at `place` rests at `price` now; zero: it rests no more.
    #[inline]
    pub(crate) fn rest_at(&mut self, place: u32, price: i64) {
        if self.tracks_resting && self.reservations.at(place).resting != price {
            self.move_resting(place, price);
        }
    }

    #[inline(never)]
    fn move_resting(&mut self, place: u32, price: i64) {
        let of = *self.reservations.at(place);
        let tenant = self.tenant_of(usize::from(of.strategy));
        let slot = of.instrument.index() * self.tenants + tenant;
        let side = of.side as usize;
        if of.resting != 0 {
            match of.before {
                NONE => self.resting[slot][side].first = of.after,
                before => self.reservations.at_mut(before).after = of.after,
            }
            if of.after != NONE {
                self.reservations.at_mut(of.after).before = of.before;
            }
            if self.resting[slot][side].best == of.resting {
                self.resting[slot][side].best =
                    self.best_of(self.resting[slot][side].first, of.side);
            }
        }
        let moved = self.reservations.at_mut(place);
        (moved.resting, moved.before, moved.after) = (price, NONE, NONE);
        if price == 0 {
            return;
        }
        let list = &mut self.resting[slot][side];
        let first = list.first;
        moved.after = first;
        list.first = place;
        list.best = better(list.best, price, of.side);
        if first != NONE {
            self.reservations.at_mut(first).before = place;
        }
    }

    /// The best price of the list that begins at `at`.
    fn best_of(&self, mut at: u32, side: Side) -> i64 {
        let mut best = 0;
        while at != NONE {
            let of = self.reservations.at(at);
            best = better(best, of.resting, side);
            at = of.after;
        }
        best
    }
}

/// The price that the other side meets first; zero is none.
pub(crate) fn better(one: i64, other: i64, side: Side) -> i64 {
    match (one, other, side) {
        (0, price, _) | (price, 0, _) => price,
        (one, other, Side::Buy) => one.max(other),
        (one, other, Side::Sell) => one.min(other),
    }
}

impl Node {
    /// Counts a message in every rate.
    #[inline(always)]
    pub(crate) fn count_message(&mut self, now_ns: i64, is_change: bool) {
        self.message_rate.take(now_ns, self.message_gap_ns);
        if !is_change {
            self.order_rate.take(now_ns, self.order_gap_ns);
        }
        let window_ns = self.windows.ratio_ns;
        if window_ns > 0 {
            self.ratio.roll(now_ns, window_ns);
            self.ratio.asked += 1;
        }
    }

    /// Counts an order of a strategy that adds to risk.
    #[inline(always)]
    pub(crate) fn count_entry(&mut self, now_ns: i64, notional: i128, tracks_usual: bool) {
        if self.windows.entries_ns > 0 {
            self.entries.push(now_ns);
        }
        if tracks_usual {
            self.usual.push(notional);
        }
    }
}

impl StrategyState {
    /// Keeps an order, which looks like `print`, among the last ones.
    #[inline(always)]
    pub(crate) fn remember(&mut self, sent: Sent, print: u32) {
        if let Some(place) = self.prints.get_mut(self.next) {
            *place = print;
        }
        match self.last.get_mut(self.next) {
            Some(place) => *place = sent,
            // Until the ring is full, the next one comes behind the last.
            None => self.last.push(sent),
        }
        self.next = (self.next + 1) % LAST_ORDERS;
    }
}

impl RiskGate {
    /// Takes what an approved order needs.
    pub(crate) fn reserve(&mut self, ask: &Ask<'_>) -> Result<(), DenyReason> {
        if ask.is_change {
            self.reserve_change(ask);
        } else {
            if self.pending.len() >= PENDING_MAX {
                return Err(DenyReason::OrdersOpenMax);
            }
            let place = self.reserve_new(ask).ok_or(DenyReason::OrdersOpenMax)?;
            self.pending.push_back(place);
        }
        self.count(ask);
        Ok(())
    }

    #[inline]
    fn reserve_new(&mut self, ask: &Ask<'_>) -> Option<u32> {
        let request = ask.request;
        let lots = request.qty.lots();
        let of = Reservation {
            order: OrderId::NONE,
            strategy: ask.strategy as u16,
            instrument: request.instrument,
            side: request.side,
            reduce_only: request.reduce_only,
            unknown: false,
            lots,
            worst: ask.worst,
            asked_lots: 0,
            asked_worst: 0,
            asked: 0,
            open_lots: lots,
            held_lots: lots,
            held_notional: if request.reduce_only { 0 } else { ask.notional },
            resting: 0,
            asked_resting: 0,
            before: NONE,
            after: NONE,
            parent: ask.parent,
            reference_x2: ask.reference.price_x2,
        };
        self.state.reserve_order(of, resting_price(&request.kind))
    }

    /// A change counts as the larger of before and after until it is answered.
    fn reserve_change(&mut self, ask: &Ask<'_>) {
        let Some(place) = self.state.reservations.find(ask.request.replaces) else { return };
        let of = self.state.reservations.at_mut(place);
        of.asked += 1;
        of.asked_lots = of.asked_lots.max(ask.request.qty.lots());
        of.asked_worst = of.asked_worst.max(ask.worst);
        let resting = resting_price(&ask.request.kind);
        of.asked_resting = better(of.asked_resting, resting, of.side);
        let rests = better(of.resting, resting, of.side);
        if let Some(spec) = ask.exposure.specs.get(ask.instrument) {
            self.state.refresh(place, spec);
        }
        self.state.rest_at(place, rests);
    }

    /// Counts an approved order in every rate.
    fn count(&mut self, ask: &Ask<'_>) {
        for &at in &ask.nodes[..self.state.levels()] {
            self.state.nodes[at].count_message(ask.now_ns, ask.is_change);
        }
        if ask.is_change {
            return;
        }
        let node = &mut self.state.nodes[ask.nodes[0]];
        if !ask.is_reducing {
            node.count_entry(ask.now_ns, ask.notional, self.state.tracks_usual);
        }
        if self.state.tracks_repeats {
            let sent = Sent {
                at_ns: ask.now_ns,
                lots: ask.request.qty.lots(),
                price: named_price(&ask.request.kind),
                instrument: ask.request.instrument,
                side: ask.request.side,
            };
            let print = fingerprint(sent.instrument, sent.side, sent.lots, sent.price);
            self.state.strategies[ask.strategy].remember(sent, print);
        }
    }

    /// Gives an approved order its id. A protective order that came with an entry has taken
    /// nothing yet: it gets a place of its own, reduce-only as it is.
    pub(crate) fn sent_new(&mut self, new: &NewOrder) {
        let reservations = &self.state.reservations;
        let is_it = |place: &u32, reduce_only: bool| {
            let of = reservations.at(*place);
            of.instrument == new.instrument
                && of.side == new.side
                && of.lots == new.qty.lots()
                && of.reduce_only == reduce_only
        };
        let place = if new.is_protective() {
            self.reserve_protective(new)
        } else if self.pending.front().is_some_and(|place| is_it(place, new.reduce_only)) {
            // Almost always: orders go out as they were approved.
            self.pending.pop_front()
        } else {
            let find = |reduce_only| self.pending.iter().position(|at| is_it(at, reduce_only));
            let at = find(new.reduce_only);
            // One that reduces what its strategy holds may have been approved as one that does
            // not reduce what the account holds.
            match at.or_else(|| if new.reduce_only { find(false) } else { None }) {
                Some(at) => self.pending.remove(at),
                None => self.reserve_protective(new),
            }
        };
        if let Some(place) = place {
            self.name(place, new.order);
        }
    }

    /// The oldest order that was approved and not sent goes out as `order`: for callers that
    /// make no [`NewOrder`] of it. `false` where none waits, or the id is taken.
    pub fn bind(&mut self, order: OrderId) -> bool {
        self.pending.pop_front().is_some_and(|place| self.name(place, order))
    }

    fn name(&mut self, place: u32, order: OrderId) -> bool {
        if order.is_none() || self.state.reservations.find(order).is_some() {
            // Two orders of one id cannot be told apart. The one that came later keeps what it
            // holds: it may be out there.
            return false;
        }
        self.state.reservations.name(place, order);
        true
    }

    fn reserve_protective(&mut self, new: &NewOrder) -> Option<u32> {
        if new.instrument.index() >= self.state.instruments.len() {
            return None;
        }
        let lots = new.qty.lots();
        let of = Reservation {
            reduce_only: true,
            lots,
            open_lots: lots,
            held_lots: lots,
            ..Reservation::empty(self.strategy, new.instrument, new.side)
        };
        let holder = of.holder();
        let place = self.state.reservations.insert(of)?;
        self.state.hold(holder, lots, 0, 1);
        Some(place)
    }

    /// Gives everything back that the order at `place` holds.
    pub(crate) fn release(&mut self, place: u32) {
        self.state.rest_at(place, 0);
        let of = self.state.reservations.at(place);
        let (holder, parent, is_unknown) = (of.holder(), of.parent, of.unknown);
        let (lots, notional, open_lots) = (of.held_lots, of.held_notional, of.open_lots);
        self.state.hold(holder, -lots, -notional, -1);
        if let Some(parent) = self.state.parents.get_mut(parent as usize) {
            parent.used -= open_lots;
            parent.children -= 1;
        }
        if is_unknown {
            for place in self.state.places(usize::from(holder.strategy)) {
                self.state.sums[place].unknown -= 1;
            }
        }
        self.state.reservations.remove(place);
    }
}
