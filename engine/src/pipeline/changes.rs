//! Levels of a book by price, and trades: most of what comes, and mostly nobody waits for it.

use qt_types::{
    BarFlags, Event, Head, InstrumentId, Nanos, Payload, Price, Qty, Seq, Tick, TickFlags,
    TickKind, Trade, VenueId,
};

use super::{Moment, Pipeline};
use crate::emulate::Seen;
use crate::market::Completed;
use crate::outbox::Outbox;
use crate::port::{Context, Exposure, Gate, Strategy};

/// The place of no tick.
const NO_TICK: usize = usize::MAX;

impl<S: Strategy, G: Gate> Pipeline<S, G> {
    /// [`Self::step`] for a level of a book: mostly nobody waits for it, and then there is
    /// nothing to be done but to take it in. Returns whether somebody did, so that there may be
    /// commands or timers.
    #[inline(always)]
    pub fn step_change(&mut self, head: Head, tick: Tick, out: &mut Outbox) -> bool {
        let Head { recv_ns, instrument, .. } = head;
        self.fold_tick(recv_ns, instrument, &tick);
        self.market.set_now(recv_ns);
        let completed = self.market.on_level(instrument, tick);
        let is_wanted = self.wants_book(completed) && self.strategy.hears_market();
        let is_waited_for = is_wanted | self.waits();
        let is_heard = self.risk.gate.hears(instrument, recv_ns);
        let is_watched = is_heard & (completed != Completed::Nothing);
        if is_waited_for | is_watched {
            let [first, second] = tick.to_halves();
            let ids = (instrument, head.venue, is_watched);
            self.end_change(out, head.seq, ids, completed, first, second);
        }
        is_waited_for | is_watched
    }

    /// [`Self::step_change`] for the levels of one frame of a venue, one after the other: `head` is
    /// that of the first, the others have the numbers behind it. Whatever comes of them is in `out`
    /// afterwards.
    pub fn step_frame(&mut self, head: Head, changes: &[Tick], out: &mut Outbox) {
        let (mut head, mut rest) = (head, changes);
        loop {
            let quiet = self.take_quiet(&head, rest);
            let behind = rest.get(quiet..).and_then(<[Tick]>::split_first);
            let Some((tick, behind)) = behind else { return };
            head.seq = Seq::new(head.seq.get() + quiet as u64);
            self.step_change(head, *tick, out);
            head.seq = Seq::new(head.seq.get() + 1);
            rest = behind;
        }
    }

    /// Takes in the first of `changes` up to the one that completes an update, unless somebody
    /// waits for one before that; how many.
    #[inline]
    fn take_quiet(&mut self, head: &Head, changes: &[Tick]) -> usize {
        let Head { recv_ns, instrument, .. } = *head;
        if self.waits() {
            return 0;
        }
        let Some((book, top_changed)) = self.market.open_book(instrument) else { return 0 };
        let (mut hash, mut count, mut told) = (self.hash, 0, book.told());
        for tick in changes {
            if tick.flags().has(TickFlags::LAST) {
                break;
            }
            super::fold::fold_tick(&mut hash, recv_ns, instrument, tick);
            if !book.put_behind(tick) {
                *top_changed |= book.apply_level(*tick);
            }
            told = (tick.venue_ns, tick.flags);
            count += 1;
        }
        if count > 0 {
            book.note_told(told);
            self.hash = hash;
            self.market.set_now(recv_ns);
            self.risk.gate.hears(instrument, recv_ns);
        }
        count
    }

    /// [`Self::step_change`] and [`Self::step_trade`] for one after the other of `ticks` of
    /// `instrument`, levels and trades, each with the time at which it reaches us (UTC ns), up to
    /// the first one behind `until_ns` (UTC) or that somebody may wait for: what has to be asked
    /// for each of them elsewhere is asked once. `again` gives the one after so many once more, if
    /// there is one. Returns how many it took in, and the time of the last of all events (UTC ns).
    // Not inlined: with all that its caller has in hand there are too few registers for its loop.
    #[inline(never)]
    pub fn take_changes(
        &mut self,
        instrument: InstrumentId,
        until_ns: i64,
        ticks: impl Iterator<Item = (i64, Tick)>,
        again: impl Fn(usize) -> Option<(i64, Tick)>,
    ) -> (usize, Nanos) {
        let (mut count, mut now_ns) = (0_usize, self.market.now_ns());
        let deaf = self.risk.gate.deaf_until_ns(instrument, &exposure!(self));
        let stop_ns = deaf.to_rest_ns.min(until_ns.saturating_add(1));
        let hears_market = self.strategy.hears_market();
        if (hears_market && self.wants_book(Completed::Update)) || self.waits() {
            return (count, now_ns);
        }
        let hears_best = hears_market && self.wants_book(Completed::TopChange);
        let Some((book, last)) = self.market.settled(instrument) else { return (count, now_ns) };
        // Before then a change of the best prices is for the book alone, if it ends an update.
        let best_ns = if hears_best || !book.ends_uncrossed() { i64::MIN } else { deaf.to_best_ns };
        let (mut hash, mut last_trade) = (self.hash, NO_TICK);
        let mut left = ticks;
        loop {
            for (recv_ns, tick) in left.by_ref() {
                let recv_ns = Nanos::new(recv_ns).max(now_ns);
                if recv_ns.get() >= stop_ns {
                    break;
                }
                let what = if tick.kind == TickKind::Level as u8 {
                    if !book.put_behind(&tick) {
                        break;
                    }
                    i64::from(tick.flags)
                } else {
                    if hears_market {
                        break;
                    }
                    *last = tick.price();
                    last_trade = count;
                    0
                };
                super::fold::fold_priced(&mut hash, recv_ns, instrument, &tick, what);
                now_ns = recv_ns;
                // No file has that many.
                count = count.wrapping_add(1);
            }
            // What has stopped the run is looked up again: with it in hand, or a call in it, there
            // are too few registers for the run.
            let Some((recv_ns, tick)) = again(count) else { break };
            let recv_ns = Nanos::new(recv_ns).max(now_ns);
            let is_whole = tick.kind == TickKind::Level as u8 && tick.flags().has(TickFlags::LAST);
            if !is_whole || recv_ns.get() >= stop_ns.min(best_ns) {
                break;
            }
            let (price, qty) = (Price::from_ticks(tick.price), Qty::from_lots(tick.qty));
            book.put_rare(tick.venue_ns, tick.flags, price, qty);
            super::fold::fold_tick(&mut hash, recv_ns, instrument, &tick);
            now_ns = recv_ns;
            count = count.wrapping_add(1);
        }
        self.hash = hash;
        if count > 0 {
            if let Some(level) = last_level(count, last_trade, &again) {
                book.note_told((level.venue_ns, level.flags));
            }
            self.market.set_now(now_ns);
            self.risk.gate.hears(instrument, now_ns);
        }
        (count, now_ns)
    }

    /// [`Self::step`] for a trade: mostly nobody but the strategy hears of it, and no event is
    /// made of it.
    #[inline]
    pub fn step_trade(&mut self, head: Head, venue_ns: Nanos, trade: &Trade, out: &mut Outbox) {
        let Head { recv_ns, instrument, .. } = head;
        self.fold_trade(recv_ns, instrument, trade);
        self.market.set_now(recv_ns);
        self.market.set_last(instrument, trade.price);
        self.see(instrument, Some(Seen::trade(trade.price)), out);
        let moment = Moment { instrument, recv_ns, venue_ns };
        let active = !trade.flags.has(BarFlags::WARMUP);
        let mut context = context!(self, moment, active);
        self.strategy.on_trade(trade, &mut context);
        let is_watched = self.risk.gate.hears(instrument, recv_ns);
        if is_watched | self.waits() | self.is_asked() {
            self.end_trade(head, venue_ns, trade, out);
        }
    }

    #[inline(never)]
    fn end_trade(&mut self, head: Head, venue_ns: Nanos, trade: &Trade, out: &mut Outbox) {
        let Head { seq, recv_ns, instrument, venue } = head;
        let payload = Payload::Trade(*trade);
        self.follow_up(&Event { seq, recv_ns, venue_ns, instrument, venue, payload }, out);
    }

    /// Whether there is something to be decided or done.
    #[inline(always)]
    fn is_asked(&self) -> bool {
        !self.intents.is_empty()
            | !self.asks.is_empty()
            | self.execution.is_work_due()
            | !self.execution.notices.is_empty()
    }

    /// Whether something with us waits for what comes: an order, a parent order.
    #[inline(always)]
    pub(super) fn waits(&self) -> bool {
        !self.execution.holds_nothing() | !self.parents.is_empty()
    }

    // The tick comes in halves: see `Tick::to_halves`.
    #[inline(never)]
    fn end_change(
        &mut self,
        out: &mut Outbox,
        seq: Seq,
        (instrument, venue, is_watched): (InstrumentId, VenueId, bool),
        completed: Completed,
        first: u128,
        second: u128,
    ) {
        let tick = Tick::from_halves([first, second]);
        let (recv_ns, venue_ns) = (self.market.now_ns(), Nanos::new(tick.venue_ns));
        self.see_best(instrument, completed, out);
        self.tell_book(&Moment { instrument, recv_ns, venue_ns }, completed);
        if is_watched | self.waits() | self.is_asked() {
            let payload = Payload::Tick(tick);
            let event = Event { seq, recv_ns, venue_ns, instrument, venue, payload };
            match completed {
                Completed::Nothing => self.act(&event, out),
                Completed::Update | Completed::TopChange => self.follow_up(&event, out),
            }
        }
    }
}

/// The last level of the first `count` ticks, of which the last trade is at `last_trade`. What only
/// the last one leaves behind is looked up after all of them: their loop has too few registers to
/// carry it along.
#[inline(always)]
fn last_level(
    count: usize,
    last_trade: usize,
    again: &impl Fn(usize) -> Option<(i64, Tick)>,
) -> Option<Tick> {
    let mut from_last = (0..count).rev().filter_map(again).map(|(_, tick)| tick);
    // What is no level is a trade, and almost all are levels.
    if last_trade == count.wrapping_sub(1) {
        return from_last.find(|tick| tick.kind == TickKind::Level as u8);
    }
    from_last.next()
}
