//! What the market does to the sums: prices make positions worth more or less, days begin.

use qt_engine::{Deaf, Exposure};
use qt_types::{Event, InstrumentId, Payload, Price, ReportKind};

use crate::quick::clock_bound_ns;
use crate::reference::Reference;
use crate::risk_gate::RiskGate;
use crate::settle::in_range;
use crate::state::{GLOBAL, InstrumentState, Session, State};
use crate::tally::Node;

/// A day in nanoseconds.
const DAY_NS: i64 = 86_400_000_000_000;

impl RiskGate {
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
        known.look_ns = match is_followed {
            true => i64::MIN,
            false => day_end_ns.min(known.drop_ns()).min(self.account.next_look_ns()),
        };
    }

    /// From when on an event of the market has to be seen. While the best prices of `instrument`
    /// are as they were, what is held of it is worth what it was.
    pub(crate) fn looks_from(&self, instrument: InstrumentId, exposure: &Exposure<'_>) -> Deaf {
        let Some(known) = self.state.instruments.get(instrument.index()) else {
            return Deaf::NEVER;
        };
        let to_best_ns = known.look_ns;
        if to_best_ns != i64::MIN {
            return Deaf { to_best_ns, to_rest_ns: to_best_ns };
        }
        // Any price may be the rate of a currency; and without a middle a trade is the mark.
        let may_move = exposure.ledger.has_currencies()
            || (known.held > 0 && !exposure.market.marks_by_book(instrument));
        let to_rest_ns = match may_move {
            true => i64::MIN,
            false => self.state.day_end_ns.min(known.drop_ns()).min(self.account.next_look_ns()),
        };
        Deaf { to_best_ns, to_rest_ns }
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
        if known.drift_ns > 0 && now_ns >= known.drop_ns() {
            known.drop_anchor(instrument, now_ns, exposure);
        }
        if known.held == 0 {
            return;
        }
        if !self.state.tracks_loss {
            // Nobody asks for the value before the next order does.
            if !known.is_dirty && exposure.market.mark(instrument) != known.mark {
                self.state.mark_dirty(instrument);
            }
            return;
        }
        self.state.follow_losses(instrument, now_ns, exposure);
    }
}

impl InstrumentState {
    /// When another window of the drift begins.
    #[inline]
    const fn drop_ns(&self) -> i64 {
        match self.drift_ns {
            0 => i64::MAX,
            drift_ns => self.anchor_ns.saturating_add(drift_ns),
        }
    }

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
            let has_moved = mark.is_some() && mark != self.instruments[instrument.index()].mark;
            // Where nobody asked, the position itself is another one.
            if has_moved || !self.tracks_worth {
                self.revalue(instrument, mark, exposure);
            }
        }
    }

    /// The position in `instrument` is another one: it is valued now, or where no limit reads what
    /// it is worth, when somebody asks.
    pub(crate) fn position_moved(&mut self, instrument: InstrumentId, exposure: &Exposure<'_>) {
        let mark = exposure.market.mark(instrument);
        let known = &mut self.instruments[instrument.index()];
        if self.tracks_worth {
            self.revalue(instrument, mark, exposure);
        } else if known.held > 0 {
            known.mark = mark.or(known.mark);
            self.mark_dirty(instrument);
            self.follow_all_kept(instrument.index());
        } else {
            // Nothing is worth nothing, at any price.
            known.is_dirty = false;
            self.dirty.retain(|dirty| *dirty != instrument);
            self.revalue(instrument, mark, exposure);
        }
    }

    /// Positions in `instrument` have to be valued before the next look at what they are worth.
    #[inline]
    pub(crate) fn mark_dirty(&mut self, instrument: InstrumentId) {
        let known = &mut self.instruments[instrument.index()];
        if !known.is_dirty {
            known.is_dirty = true;
            self.dirty.push(instrument);
        }
    }

    /// Limits have changed: from now on what is worth something is counted, or no more.
    pub(crate) fn follow_limits(&mut self) {
        self.tracks_loss = self.nodes.iter().any(|node| node.tracks_loss);
        self.clock_bound_ns = clock_bound_ns(&self.nodes[GLOBAL].limits);
        let tracks_worth = self.nodes.iter().any(Node::tracks_worth);
        if tracks_worth && !self.tracks_worth {
            // What is held is valued with the next order: no mark that is known is of now.
            for &dirty in &self.dirty {
                self.instruments[dirty.index()].mark = None;
            }
            self.sum_up_all();
        }
        self.tracks_worth = tracks_worth;
        self.instruments.iter_mut().for_each(|known| known.look_ns = i64::MIN);
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
