//! Playing bars at the venue: first the open, then what lies inside, then the end.

use qt_engine::LedgerError;
use qt_types::{
    Bar, BarFlags, E9, Event, InstrumentId, OrderKind, Payload, RejectReason, TimeInForce,
};

use super::config::FillAt;
use super::matching::{self, Outcome};
use super::order::{SimOrder, Since};
use super::side_bar::SideBar;
use super::{SimVenue, at_market};

impl SimVenue {
    /// Takes note of the end of a bar that meets no order from now on, for its price and its
    /// time. If orders have met its open, what they used of its volume stays used.
    #[inline]
    pub fn pass(&mut self, event: &Event) {
        if let Payload::Bar(bar) = &event.payload {
            if let Some(tape) = self.tapes.get_mut(event.instrument.index()) {
                if !tape.is_open || tape.bar.open_ns != bar.open_ns {
                    tape.budget = budget_of(bar, self.config.participation_e9);
                }
                tape.bar = *bar;
                tape.close_ns = event.venue_ns.get();
                tape.is_open = false;
            }
            self.account.mark(event);
        }
    }

    /// Begins a bar. Its open is played by [`Self::play_opens`], together with those of all
    /// other bars that begin at the same time.
    pub fn begin_bar(&mut self, instrument: InstrumentId, bar: &Bar) {
        let budget = budget_of(bar, self.config.participation_e9);
        let tape = &mut self.tapes[instrument.index()];
        tape.bar = *bar;
        tape.is_open = true;
        tape.is_opening = tape.live > 0;
        tape.is_ambiguous = false;
        tape.budget = budget;
        self.opening |= tape.is_opening;
    }

    /// Plays the opens of the bars that were begun: what waits for them fills, in the order in
    /// which it was placed, whatever the order of the instruments.
    ///
    /// # Errors
    /// When the venue's books fail their check.
    pub fn play_opens(&mut self) -> Result<(), LedgerError> {
        if !self.opening {
            return Ok(());
        }
        for index in 0..self.tapes.len() {
            let tape = &self.tapes[index];
            if tape.is_opening && tape.is_watched {
                let (open, open_ns) = (tape.bar.open, tape.bar.open_ns.get());
                self.check_margin_at(id_of(index), open, open_ns)?;
            }
        }
        for at in 0..self.orders.len() {
            self.play_open(at)?;
        }
        for index in 0..self.tapes.len() {
            let tape = &mut self.tapes[index];
            if tape.is_opening {
                tape.is_opening = false;
                let now_ns = tape.bar.open_ns.get();
                self.end_immediate(id_of(index), now_ns, false);
            }
        }
        self.opening = false;
        self.sweep();
        Ok(())
    }

    fn play_open(&mut self, at: usize) -> Result<(), LedgerError> {
        let order = &self.orders[at];
        let tape = &self.tapes[order.instrument.index()];
        if !tape.is_opening || order.ended {
            return Ok(());
        }
        if order.kind == OrderKind::Market && self.config.fill_at == FillAt::Close {
            return Ok(());
        }
        let now_ns = tape.bar.open_ns.get();
        if order.since == Since::Before && order.arrival_ns > now_ns {
            self.orders[at].since = Since::Later;
            return Ok(());
        }
        let side = SideBar::of(&tape.bar, order.side);
        let outcome = matching::at_open(order, &side, tape.bar.flags, self.config.touch_fills);
        self.act(at, outcome, now_ns, Since::Open)
    }

    /// Plays the rest of a bar, and what happens at its end: trailing stops move, DAY orders
    /// end with their session, short positions are charged for. `event` is the bar as it will be
    /// published.
    ///
    /// # Errors
    /// When the venue's books fail their check.
    pub fn close_bar(&mut self, event: &Event) -> Result<(), LedgerError> {
        let Payload::Bar(bar) = &event.payload else { return Ok(()) };
        let (instrument, close_ns) = (event.instrument, event.venue_ns.get());
        self.tapes[instrument.index()].close_ns = close_ns;
        if self.tapes[instrument.index()].live > 0 {
            self.play_inside(instrument, bar, close_ns)?;
            if self.config.fill_at == FillAt::Close {
                self.fill_at_close(instrument, bar, close_ns)?;
            }
            self.finish_bar(instrument, bar, close_ns);
            self.sweep();
        }
        self.tapes[instrument.index()].is_open = false;
        self.account.mark(event);
        self.charge_borrowing(instrument, close_ns)
    }

    /// First what the open alone proves to be hit; then stops before limits (the pessimistic
    /// order), each oldest first; then the protective orders of entries that were filled in this
    /// bar.
    fn play_inside(
        &mut self,
        instrument: InstrumentId,
        bar: &Bar,
        close_ns: i64,
    ) -> Result<(), LedgerError> {
        for pass in Pass::ALL {
            for at in 0..self.orders.len() {
                let order = &self.orders[at];
                if order.instrument != instrument || order.ended || !pass.takes(order) {
                    continue;
                }
                let side = SideBar::of(bar, order.side);
                let touch = self.config.touch_fills;
                if pass == Pass::AtOpen {
                    let outcome = matching::inside(order, &side.open_only(), touch);
                    self.act(at, outcome, close_ns, Since::Open)?;
                    continue;
                }
                let outcome = matching::inside(order, &side, touch);
                let outcome = self.pessimistic(at, &side, outcome);
                self.note_ambiguity(at, &side, outcome);
                let entry = entry_since(&self.orders[at], outcome);
                self.act(at, outcome, close_ns, entry)?;
            }
            // A position that its stop did not close may have met the end of its margin before
            // any target.
            if matches!(pass, Pass::Stops | Pass::NewOthers) {
                self.check_margin_in(instrument, bar, close_ns)?;
            }
        }
        Ok(())
    }

    /// Holds a position against its margin at the worst price of the bar.
    fn check_margin_in(
        &mut self,
        instrument: InstrumentId,
        bar: &Bar,
        close_ns: i64,
    ) -> Result<(), LedgerError> {
        let is_long = self.account.position(instrument) > 0;
        let worst = if is_long { bar.low } else { bar.high };
        self.check_margin_at(instrument, worst, close_ns)
    }

    /// Market orders of the `--fill close` mode that waited for this bar's end.
    pub(super) fn fill_at_close(
        &mut self,
        instrument: InstrumentId,
        bar: &Bar,
        close_ns: i64,
    ) -> Result<(), LedgerError> {
        for at in 0..self.orders.len() {
            let order = &self.orders[at];
            if order.instrument == instrument
                && !order.ended
                && order.kind == OrderKind::Market
                && order.since != Since::Held
            {
                let price = SideBar::of(bar, order.side).close;
                self.act(at, at_market(price), close_ns, Since::Before)?;
            }
        }
        self.end_immediate(instrument, close_ns, true);
        Ok(())
    }

    /// In the `--fill close` mode: market orders that arrived at the very end of the last bar
    /// fill at its close.
    pub(super) fn fill_on_arrival(&mut self, now_ns: i64) -> Result<(), LedgerError> {
        for index in 0..self.tapes.len() {
            let tape = &self.tapes[index];
            if tape.live > 0 && !tape.is_open && tape.close_ns == now_ns {
                let bar = tape.bar;
                self.fill_at_close(id_of(index), &bar, now_ns)?;
            }
        }
        self.sweep();
        Ok(())
    }

    /// Fills every market order at its instrument's last close and at the time of it, whatever
    /// its latency: the end of a run with `--close-at-end`.
    ///
    /// # Errors
    /// When the venue's books fail their check.
    pub fn fill_at_last_close(&mut self) -> Result<(), LedgerError> {
        self.apply_commands(i64::MAX)?;
        for index in 0..self.tapes.len() {
            let tape = &mut self.tapes[index];
            (tape.is_open, tape.budget) = (false, None);
            let (bar, close_ns) = (tape.bar, tape.close_ns);
            self.fill_at_close(id_of(index), &bar, close_ns)?;
        }
        self.sweep();
        Ok(())
    }

    /// Trailing stops move, DAY orders end, and what came inside the bar counts as there.
    pub(super) fn finish_bar(&mut self, instrument: InstrumentId, bar: &Bar, close_ns: i64) {
        let session_ends = bar.flags.has(BarFlags::SESSION_END);
        for at in 0..self.orders.len() {
            let order = &mut self.orders[at];
            if order.instrument != instrument || order.ended || order.since == Since::Held {
                continue;
            }
            let side = SideBar::of(bar, order.side);
            match order.since {
                Since::Before | Since::Open => order.follow(side.low),
                Since::Inside { .. } | Since::Later | Since::Held => order.follow(side.close),
            }
            let came_earlier = order.arrival_ns < close_ns;
            order.since = Since::Before;
            if session_ends && order.tif == TimeInForce::Day && came_earlier {
                self.end(at, RejectReason::SessionEnd, close_ns);
            }
        }
    }
}

/// The order in which the orders of one bar are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    AtOpen,
    Stops,
    Others,
    NewStops,
    NewOthers,
}

impl Pass {
    const ALL: [Self; 5] =
        [Self::AtOpen, Self::Stops, Self::Others, Self::NewStops, Self::NewOthers];

    fn takes(self, order: &SimOrder) -> bool {
        let is_new = matches!(order.since, Since::Inside { .. });
        let is_stop = order.kind.is_stop();
        match self {
            Self::AtOpen => !is_new,
            Self::Stops => is_stop && !is_new,
            Self::Others => !is_stop && !is_new,
            Self::NewStops => is_stop && is_new,
            Self::NewOthers => !is_stop && is_new,
        }
    }
}

/// What the protective orders of `order` are told when it fills inside a bar: the price, and
/// from where the market had come to it (in their mirror, so the other way round).
fn entry_since(order: &SimOrder, outcome: Outcome) -> Since {
    let Outcome::Fills { price, .. } = outcome else { return Since::Held };
    let rose_to_it = order.kind.is_stop();
    Since::Inside { price: -price, from_below: !rose_to_it }
}

/// The lots that we may trade in `bar`; `None` without a cap or without volume.
pub(super) fn budget_of(bar: &Bar, participation_e9: Option<i64>) -> Option<i64> {
    let share = participation_e9?;
    if bar.flags.has(BarFlags::NO_VOLUME) {
        return None;
    }
    let lots = i128::from(bar.volume.lots()) * i128::from(share) / i128::from(E9);
    Some(i64::try_from(lots).unwrap_or(i64::MAX))
}

fn id_of(index: usize) -> InstrumentId {
    InstrumentId(u16::try_from(index).unwrap_or(u16::MAX))
}
