//! What a change of the book does to our orders.

use qt_engine::LedgerError;
use qt_engine::book::{BOOK_TICKS_MAX, Book, RestingOrder};
use qt_types::{
    InstrumentId, OrderTick, OrderTickKind, Price, Qty, Side, Tick, TickFlags, TickKind,
};

use super::own::OwnOrders;
use super::{BookMarket, VenueBook};
use crate::venue::order::Queue;
use crate::venue::{FillPath, QueueModel, SimVenue};

/// The place of no tick.
const NO_TICK: usize = usize::MAX;

impl SimVenue {
    /// A tick of an instrument with a book by price, when it happens at the venue. `row` is its
    /// place in the data.
    ///
    /// # Errors
    /// When the venue's books fail their check.
    #[inline(always)]
    pub fn on_tick(
        &mut self,
        instrument: InstrumentId,
        tick: &Tick,
        row: impl FnOnce() -> u32,
    ) -> Result<(), LedgerError> {
        let index = instrument.index();
        let Some(Some(market)) = self.markets.get_mut(index) else { return Ok(()) };
        // Almost every level is neither ours nor the best one.
        let side = tick.flags & TickFlags::ASK.bits();
        if tick.kind == TickKind::Level as u8
            && tick.flags & TickFlags::SNAPSHOT.bits() == 0
            && !market.is_ours(usize::from(side), tick.price)
        {
            let changed = market.apply_level(*tick);
            return if changed | market.pegs_due {
                let [first, second] = tick.to_halves();
                self.meet_change(instrument, first, second, row(), changed)
            } else {
                Ok(())
            };
        }
        if tick.kind == TickKind::Trade as u8 && !self.has_triggers && market.lets_pass(tick) {
            market.last_trade = Some(Price::from_ticks(tick.price));
            market.has_trades = true;
            market.apply(tick);
            let tape = &mut self.tapes[index];
            if tape.live > 0 {
                tape.bar.row = row();
            }
            return Ok(());
        }
        let [first, second] = tick.to_halves();
        self.meet_rare(instrument, first, second, row())
    }

    /// [`Self::on_tick`] for one after the other of `ticks` of `instrument`, levels and trades that
    /// are no part of a snapshot, up to the first one that is about an order of ours, or a best
    /// price that means something to one. `again` gives the one after so many once more, if there
    /// is one, `row` its place in the data. Returns how many it took.
    ///
    /// What only the last of them leaves behind is looked up after all of them: the loop has too
    /// few registers to carry it along.
    // Not inlined: with all that its caller has in hand there are too few registers for its loop.
    #[inline(never)]
    pub fn take_alone(
        &mut self,
        instrument: InstrumentId,
        ticks: impl Iterator<Item = Tick>,
        (again, row): (impl Fn(usize) -> Option<Tick>, impl Fn(usize) -> u32),
    ) -> usize {
        let index = instrument.index();
        let Some(Some(market)) = self.markets.get_mut(index) else { return 0 };
        let (ours, own) = (market.our_prices(), market.own);
        let ([bids, asks], lets_trades) = (own, !self.has_triggers && !market.is_watched);
        let tape = &mut self.tapes[index];
        let lets_best = tape.live == 0 || market.lets_best(self.has_triggers);
        let VenueBook::Levels(book) = &mut market.book else { return 0 };
        if market.pegs_due || book.is_crossed() {
            return 0;
        }
        let lets_best = lets_best && book.ends_uncrossed();
        let (mut count, mut last_trade, mut last_best) = (0_usize, NO_TICK, NO_TICK);
        let mut left = ticks;
        loop {
            for tick in left.by_ref() {
                if tick.kind == TickKind::Level as u8 {
                    let side = usize::from(tick.flags & TickFlags::ASK.bits());
                    let is_ours = ours[side] >> (tick.price & 63) & 1 != 0;
                    if is_ours || !book.put_behind(&tick) {
                        break;
                    }
                } else {
                    let is_met = !is_in_range(tick.price)
                        || bids.reaches(tick.price)
                        || asks.reaches(-tick.price);
                    if is_met || !lets_trades {
                        break;
                    }
                    last_trade = count;
                }
                // No file has that many.
                count = count.wrapping_add(1);
            }
            // What has stopped the run is looked up again: with it in hand, or a call in it, there
            // are too few registers for the run.
            let Some(tick) = again(count).filter(|tick| lets_best && is_free(tick, &ours, &own))
            else {
                break;
            };
            if book.put_rare(
                tick.venue_ns,
                tick.flags,
                Price::from_ticks(tick.price),
                Qty::from_lots(tick.qty),
            ) {
                last_best = count;
            }
            count = count.wrapping_add(1);
        }
        note_last(book, (count, last_trade), &again);
        if last_trade != NO_TICK
            && let Some(trade) = again(last_trade)
        {
            market.last_trade = Some(trade.price());
            market.has_trades = true;
        }
        // One more than the place: none is zero.
        let last_met = last_trade.wrapping_add(1).max(last_best.wrapping_add(1));
        if last_met > 0 && tape.live > 0 {
            tape.bar.row = row(last_met.wrapping_sub(1));
        }
        count
    }

    /// A level that is none of ours was applied: `changed` says whether the best price or the
    /// quantity at it did.
    // The tick comes in halves, here and below: see `Tick::to_halves`.
    #[inline(never)]
    fn meet_change(
        &mut self,
        instrument: InstrumentId,
        first: u128,
        second: u128,
        row: u32,
        changed: bool,
    ) -> Result<(), LedgerError> {
        let tick = Tick::from_halves([first, second]);
        let tape = &mut self.tapes[instrument.index()];
        if tape.live == 0 {
            return Ok(());
        }
        tape.bar.row = row;
        if changed {
            self.meet_best(instrument, tick.side(), tick.venue_ns)?;
        }
        self.follow_best(instrument, tick.flags(), tick.venue_ns)
    }

    /// Any other tick.
    #[inline(never)]
    fn meet_rare(
        &mut self,
        instrument: InstrumentId,
        first: u128,
        second: u128,
        row: u32,
    ) -> Result<(), LedgerError> {
        let (index, tick) = (instrument.index(), Tick::from_halves([first, second]));
        if self.tapes[index].live == 0 {
            if let Some(market) = self.market(instrument) {
                market.play_alone(&tick);
            }
            return Ok(());
        }
        self.tapes[index].bar.row = row;
        self.meet_tick(instrument, &tick)?;
        self.follow_best(instrument, tick.flags(), tick.venue_ns)
    }

    fn meet_tick(&mut self, instrument: InstrumentId, tick: &Tick) -> Result<(), LedgerError> {
        let (side, price, now_ns) = (tick.side(), tick.price(), tick.venue_ns);
        let Some(market) = self.market(instrument) else { return Ok(()) };
        if !is_in_range(tick.price) {
            market.play_alone(tick);
            return Ok(());
        }
        match tick.kind() {
            Some(TickKind::Level) => {
                let before = market.view().qty_at(side, price).lots();
                market.refresh(side, price);
                let changed = market.apply(tick);
                self.move_queues(instrument, side, tick.price, before);
                if changed {
                    self.meet_best(instrument, side, now_ns)?;
                }
            }
            Some(TickKind::Top) => {
                market.refresh_top(side, price);
                market.has_tops = true;
                let changed = market.apply(tick);
                self.settle_top(instrument, side, tick.price);
                if changed {
                    self.meet_best(instrument, side, now_ns)?;
                }
            }
            Some(TickKind::Trade) => {
                market.note_trade(tick.price);
                market.apply(tick);
                market.pegs_due |= market.is_watched;
                let aggressor = (!tick.flags().has(TickFlags::NO_AGGRESSOR)).then_some(side);
                self.meet_trade(instrument, price, tick.qty, aggressor, now_ns)?;
            }
            Some(TickKind::Clear) => market.play_alone(tick),
            Some(_) | None => {
                market.apply(tick);
            }
        }
        if tick.flags().has(TickFlags::SNAPSHOT) && tick.flags().has(TickFlags::LAST) {
            self.settle_queues(instrument);
        }
        Ok(())
    }

    /// A tick of an instrument with a book by order.
    ///
    /// # Errors
    /// When the venue's books fail their check.
    #[inline]
    pub fn on_order_tick(
        &mut self,
        instrument: InstrumentId,
        tick: &OrderTick,
        row: u32,
    ) -> Result<(), LedgerError> {
        let index = instrument.index();
        let live = self.tapes.get(index).is_some_and(|tape| tape.live > 0);
        let Some(Some(market)) = self.markets.get_mut(index) else { return Ok(()) };
        if !live || !is_in_range(tick.price) {
            market.play_order_alone(tick);
            return Ok(());
        }
        self.tapes[index].bar.row = row;
        let price = Price::from_ticks(tick.price);
        let resting = market.resting(tick.order);
        // What happens to an order happens on its side, whatever the tick says.
        let side = resting.map_or(tick.side(), |order| order.side);
        let changed = market.play_order_alone(tick);
        if tick.is_trade() {
            market.pegs_due |= market.is_watched;
            match resting.filter(|_| tick.kind == OrderTickKind::Execute as u8) {
                Some(order) => self.meet_execution(instrument, &order, tick)?,
                None => {
                    let aggressor = tick.aggressor();
                    self.meet_trade(instrument, price, tick.qty, aggressor, tick.venue_ns)?;
                }
            }
        }
        if changed {
            self.meet_best(instrument, side, tick.venue_ns)?;
        }
        self.follow_best(instrument, tick.flags(), tick.venue_ns)
    }

    /// The best price of `side` changed: our orders of the other side that it reaches fill at
    /// their own prices, as makers; stops may be triggered where there are no trades.
    #[inline]
    fn meet_best(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let own = side.opposite();
        let Some(market) = self.market(instrument) else { return Ok(()) };
        let has_trades = market.has_trades;
        market.pegs_due |= market.has_pegs;
        let reached =
            market.opposite_best(own).is_some_and(|price| market.own[own as usize].reaches(price));
        if reached {
            self.fill_reached(instrument, own, now_ns)?;
        }
        if !has_trades { self.trigger_by_best(instrument, now_ns) } else { Ok(()) }
    }

    #[inline(never)]
    fn fill_reached(
        &mut self,
        instrument: InstrumentId,
        side: Side,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        self.list_resting(instrument, side);
        for place in 0..self.scratch.len() {
            let at = self.scratch[place];
            let (order, whole) = (&self.orders[at], self.config.whole_fills);
            let (Some(limit), leaves) = (order.limit(), order.leaves()) else { continue };
            let Some(Some(market)) = self.markets.get(instrument.index()) else { break };
            let there = market.available(side, limit, leaves);
            if order.ended || there == 0 {
                continue;
            }
            let (filled, lots) = (order.filled, if whole { leaves } else { there });
            self.fill_lots(at, limit, lots, FillPath::Reached, now_ns)?;
            let got = self.orders[at].filled - filled;
            if !self.config.no_impact
                && let Some(market) = self.market(instrument)
            {
                market.take_up_to(side, limit, got);
            }
        }
        self.tidy_ended(instrument);
        self.activate_children(instrument, now_ns)
    }

    /// The level at `price`, of which `before` lots were displayed, was told.
    fn move_queues(&mut self, instrument: InstrumentId, side: Side, price: i64, before: i64) {
        let (model, mirrored) = (self.config.queue_model, price * side.sign());
        let view = self.book(instrument);
        let now = view.map_or(0, |view| view.qty_at(side, Price::from_ticks(price)).lots());
        for order in self.orders.iter_mut().filter(|o| o.instrument == instrument) {
            let is_there = order.side == side && order.limit() == Some(mirrored) && order.rests();
            if let Some(Queue::Levels(place)) = &mut order.queue
                && is_there
            {
                place.on_level(model, before, now);
            }
        }
    }

    /// The best price of `side` was told: no more can be ahead of our orders than is displayed
    /// there, and nothing at better prices. Of worse prices such a feed says nothing.
    fn settle_top(&mut self, instrument: InstrumentId, side: Side, price: i64) {
        let best = price * side.sign();
        let view = self.book(instrument);
        let now = view.map_or(0, |view| view.qty_at(side, Price::from_ticks(price)).lots());
        for order in self.orders.iter_mut().filter(|o| o.instrument == instrument) {
            let Some(limit) = order.limit().filter(|_| order.side == side && order.rests()) else {
                continue;
            };
            if let Some(Queue::Levels(place)) = &mut order.queue
                && limit >= best
            {
                let displayed = if limit == best { now } else { 0 };
                place.on_level(QueueModel::RiskAverse, displayed, displayed);
            }
        }
    }

    /// No more can be ahead of our orders than is displayed: after the book was told anew.
    fn settle_queues(&mut self, instrument: InstrumentId) {
        let Some(Some(market)) = self.markets.get(instrument.index()) else { return };
        for order in self.orders.iter_mut().filter(|o| o.instrument == instrument) {
            let (Some(limit), true) = (order.limit(), order.rests()) else { continue };
            let displayed = market.view().qty_at(order.side, order.actual(limit)).lots();
            if let Some(Queue::Levels(place)) = &mut order.queue {
                place.on_level(QueueModel::RiskAverse, displayed, displayed);
            }
        }
    }
}

impl BookMarket {
    /// A tick that meets none of our orders.
    #[inline]
    fn play_alone(&mut self, tick: &Tick) {
        if tick.kind != TickKind::Level as u8 {
            self.note(tick);
        } else {
            self.refresh(tick.side(), tick.price());
        }
        self.apply(tick);
    }

    /// Whether a trade meets none of our orders, whoever was the aggressor, and nobody else waits
    /// for it here but orders with a trigger.
    #[inline(always)]
    fn lets_pass(&self, trade: &Tick) -> bool {
        let [bids, asks] = &self.own;
        is_in_range(trade.price)
            && !trade.flags().has(TickFlags::SNAPSHOT)
            && !self.is_watched
            && !self.pegs_due
            && !bids.reaches(trade.price)
            && !asks.reaches(-trade.price)
    }

    /// Whether another best price, if it reaches none of our orders, means nothing to any of them.
    #[inline]
    fn lets_best(&self, has_triggers: bool) -> bool {
        let is_met = |own: Side| {
            let best = self.opposite_best(own);
            best.is_some_and(|price| self.own[own as usize].reaches(price))
        };
        !self.has_pegs
            && (self.has_trades || !has_triggers)
            && !is_met(Side::Buy)
            && !is_met(Side::Sell)
    }

    /// What ticks other than levels leave behind.
    fn note(&mut self, tick: &Tick) {
        match tick.kind() {
            Some(TickKind::Trade) => self.note_trade(tick.price),
            Some(TickKind::Top) => {
                self.has_tops = true;
                if is_in_range(tick.price) {
                    self.refresh_top(tick.side(), tick.price());
                }
            }
            Some(TickKind::Clear) => self.refresh_side(tick.side()),
            _ => {}
        }
    }

    fn note_trade(&mut self, ticks: i64) {
        if is_in_range(ticks) {
            self.last_trade = Some(Price::from_ticks(ticks));
            self.has_trades = true;
        }
    }

    /// A tick by order that meets none of our orders; whether the best changed.
    #[inline]
    fn play_order_alone(&mut self, tick: &OrderTick) -> bool {
        if tick.is_trade() {
            self.note_trade(tick.price);
        }
        if !self.taken.is_empty() {
            self.note_order(tick);
        }
        self.apply_order(tick)
    }

    /// The levels that a tick by order tells: where the order is and where it was.
    fn note_order(&mut self, tick: &OrderTick) {
        if tick.kind == OrderTickKind::Clear as u8 {
            return self.refresh_side(tick.side());
        }
        if tick.kind == OrderTickKind::Trade as u8 {
            return;
        }
        self.refresh(tick.side(), Price::from_ticks(tick.price));
        if let Some(order) = self.resting(tick.order) {
            self.refresh(order.side, order.price);
        }
    }

    /// The venue's order `id`, if it rests here.
    fn resting(&self, id: u64) -> Option<RestingOrder> {
        match &self.book {
            super::VenueBook::Orders(book) => book.order(id),
            super::VenueBook::Levels(_) => None,
        }
    }
}

/// Whether a book can hold such a price. Nothing trades at another one: its negative and sums of
/// two of them must be numbers as well.
const fn is_in_range(ticks: i64) -> bool {
    -BOOK_TICKS_MAX < ticks && ticks < BOOK_TICKS_MAX
}

/// Notes in `book` when the last of the first `count` ticks was told; the last trade of them is at
/// `last_trade`.
#[inline(always)]
fn note_last(
    book: &mut Book,
    (count, last_trade): (usize, usize),
    again: &impl Fn(usize) -> Option<Tick>,
) {
    let last = count.wrapping_sub(1);
    let Some(tick) = again(last).filter(|_| count > 0) else { return };
    // What is no level is a trade, and almost all are levels.
    let is_level = |tick: &Tick| tick.kind == TickKind::Level as u8;
    let mut from_last = (0..count).rev().filter_map(again);
    let level = if last == last_trade { from_last.find(is_level) } else { Some(tick) };
    let venue_ns = level.map_or(book.told().0, |level| level.venue_ns);
    book.note_told((venue_ns, tick.flags));
}

/// Whether `tick` is a level that ends an update, is at none of the prices `ours` and, as a best
/// price, reaches none of our orders.
#[inline]
fn is_free(tick: &Tick, ours: &[u64; 2], [bids, asks]: &[OwnOrders; 2]) -> bool {
    let (side, is_last) = (tick.side(), tick.flags().has(TickFlags::LAST));
    let is_met = match side {
        Side::Buy => asks.reaches(tick.price.wrapping_neg()),
        Side::Sell => bids.reaches(tick.price),
    };
    let is_ours = ours[side as usize] >> (tick.price & 63) & 1 != 0;
    tick.kind == TickKind::Level as u8 && is_last && !is_met && !is_ours
}
