//! What the market itself does: a participant without an account.
//!
//! It says what it has at a price, and it takes. Its quantity at a price stands in the queue like
//! an order: what it adds comes behind everything that is there, what it takes back was the last
//! to come. What accounts take from it is gone until it says again what it has there. Where it
//! adds at a price that orders of accounts would take, it trades with them first.

use super::core::{AMOUNT_MAX, Exchange};
use super::event::Event;
use super::level::Front;
use super::matching::{Taken, Taker};
use super::order::{OrderStatus, SelfTrade, Side};
use super::symbol::{SymbolError, SymbolId, SymbolStatus};
use super::units::{Price, Qty, UNITS_MAX};

impl Exchange {
    /// The market has `qty` at `price` from now on. Says whether that was taken: a price or
    /// quantity that is no whole amount, too large or one too many is not. Zero removes it.
    pub fn market_level(&mut self, symbol: SymbolId, side: Side, price: Price, qty: Qty) -> bool {
        if !self.is_market_number(symbol, price, qty) {
            return false;
        }
        let board = &mut self.boards[usize::from(symbol.0)];
        if board.spec.status != SymbolStatus::Trading {
            let key = (side, price);
            let has_room = board.held_back.len() < 2 * self.settings.limits.levels_max
                || board.held_back.contains_key(&key);
            if has_room {
                board.held_back.insert(key, qty);
            }
            return has_room;
        }
        let levels = board.book.side(side);
        let now = levels.get(&price).map_or(0, super::level::Level::market);
        let wanted = i128::from(qty);
        if wanted < now {
            if let Some(level) = board.book.level_mut(side, price) {
                level.drop_market(now - wanted);
            }
            self.tell_level(symbol, side, price);
        } else if wanted > now {
            let is_new = !levels.contains_key(&price);
            if is_new && levels.len() >= self.settings.limits.levels_max {
                return false;
            }
            self.market_adds(symbol, side, price, Qty::try_from(wanted - now).unwrap_or(Qty::MAX));
        }
        true
    }

    /// The market has all that is in `levels` from now on, and nothing else: a whole book.
    pub fn market_book(&mut self, symbol: SymbolId, bids: &[(Price, Qty)], asks: &[(Price, Qty)]) {
        if usize::from(symbol.0) >= self.boards.len() {
            return;
        }
        for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
            let wanted: std::collections::BTreeSet<Price> =
                levels.iter().map(|(price, _)| *price).collect();
            let held = self.boards[usize::from(symbol.0)].book.side(side).iter();
            let gone: Vec<Price> = held
                .filter(|(price, level)| level.market() > 0 && !wanted.contains(*price))
                .map(|(price, _)| *price)
                .collect();
            for price in gone {
                self.market_level(symbol, side, price, 0);
            }
        }
        for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
            for (price, qty) in levels {
                self.market_level(symbol, side, *price, *qty);
            }
        }
    }

    /// What the market has at a price.
    #[must_use]
    pub fn market_at(&self, symbol: SymbolId, side: Side, price: Price) -> Qty {
        let board = self.boards.get(usize::from(symbol.0));
        let level = board.and_then(|board| board.book.side(side).get(&price));
        level.map_or(0, |level| Qty::try_from(level.market()).unwrap_or(Qty::MAX))
    }

    /// The market takes up to `qty` at `price` or better, from itself too; what is not there is
    /// not traded. Says how much was.
    pub fn market_take(&mut self, symbol: SymbolId, side: Side, price: Price, qty: Qty) -> Qty {
        if !self.is_market_number(symbol, price, qty) || !self.is_trading(symbol) {
            return 0;
        }
        let mut taker = market_taker(symbol, side, Some(price), qty);
        let (other, mut taken) = (side.opposite(), Taken::default());
        while taker.left > 0 {
            let book = &self.boards[usize::from(symbol.0)].book;
            let best = book.best_of(other).and_then(|(price, level)| Some((price, level.front()?)));
            let Some((at, front)) = best.filter(|(at, _)| taker.takes(*at)) else { break };
            self.market_meets(&mut taker, at, front, &mut taken);
        }
        self.complete_aggregate(symbol);
        self.finish();
        qty - taker.left
    }

    /// A trade of a recording: `qty` traded at `price`, and somebody of the side `side` took.
    ///
    /// Orders of accounts at better prices would have traded before it and do. At the price itself
    /// the queue decides, and what is not in it was traded between others: the sum of all that is
    /// traded is `qty`. What the market has does not change by it, only where it stands in the
    /// queue: how much is left the recording says itself.
    pub fn market_print(&mut self, symbol: SymbolId, side: Side, price: Price, qty: Qty) {
        if qty == 0 || !self.is_market_number(symbol, price, qty) || !self.is_trading(symbol) {
            return;
        }
        let mut taker = market_taker(symbol, side, Some(price), qty);
        let other = side.opposite();
        self.print_better(&mut taker, price);
        let (mut moved, mut own, mut taken) = (0, 0, Taken::default());
        while taker.left > 0 {
            let book = &mut self.boards[usize::from(symbol.0)].book;
            let level = book.level_mut(other, price).filter(|level| level.has_orders());
            let Some((level, front)) = level.and_then(|level| level.front().map(|f| (level, f)))
            else {
                break;
            };
            match front {
                Front::Market(there) => {
                    let part = taker.left.min(Qty::try_from(there).unwrap_or(Qty::MAX));
                    level.take_market(i128::from(part));
                    taker.left -= part;
                    (moved, own) = (moved + part, own + part);
                }
                Front::Order(_) => {
                    self.print_own(symbol, side, price, std::mem::take(&mut own));
                    self.market_meets(&mut taker, price, front, &mut taken);
                }
            }
        }
        self.print_own(symbol, side, price, own + taker.left);
        if moved > 0 {
            let book = &mut self.boards[usize::from(symbol.0)].book;
            let came = book.arrival();
            book.level(other, price).add_market(came, i128::from(moved));
            self.tell_level(symbol, other, price);
        }
        self.complete_aggregate(symbol);
        self.finish();
    }

    /// Orders of accounts that stand before `price` trade with a recorded trade there.
    fn print_better(&mut self, taker: &mut Taker, price: Price) {
        let (symbol, other) = (taker.symbol, taker.side.opposite());
        let mut taken = Taken::default();
        let book = &self.boards[usize::from(symbol.0)].book;
        let mut next = book.best_of(other).map(|(at, _)| at);
        while let Some(at) = next.filter(|at| taker.takes(*at) && *at != price) {
            while taker.left > 0 {
                let book = &self.boards[usize::from(symbol.0)].book;
                let order = book.side(other).get(&at).and_then(super::level::Level::first_order);
                let Some(order) = order else { break };
                self.market_meets(taker, at, Front::Order(order), &mut taken);
            }
            next = self.boards[usize::from(symbol.0)].book.next_of(other, at).map(|(at, _)| at);
        }
    }

    /// The status of a symbol from now on. Its open orders expire when it is delisted; what the
    /// market has said meanwhile is done when it trades again.
    pub fn set_status(&mut self, symbol: SymbolId, status: SymbolStatus) {
        let Some(board) = self.boards.get_mut(usize::from(symbol.0)) else { return };
        if board.spec.status == status {
            return;
        }
        board.spec.status = status;
        let held_back = match status {
            SymbolStatus::Trading => std::mem::take(&mut board.held_back),
            _ => std::collections::BTreeMap::new(),
        };
        let time_ns = self.now_ns;
        self.tell(Event::Status { symbol, status, time_ns });
        if status == SymbolStatus::Delisted {
            self.expire_all(symbol);
        }
        // First what becomes less, so that the market does not meet itself.
        let less = |exchange: &Self, ((side, price), qty): (&(Side, Price), &Qty)| {
            *qty < exchange.market_at(symbol, *side, *price)
        };
        for first in [true, false] {
            for (key, qty) in &held_back {
                if less(self, (key, qty)) == first {
                    self.market_level(symbol, key.0, key.1, *qty);
                }
            }
        }
    }

    /// The tick of a symbol from now on; orders that are open stay where they are.
    ///
    /// # Errors
    /// When amounts would not be whole any more.
    pub fn set_tick(&mut self, symbol: SymbolId, tick: Price) -> Result<(), SymbolError> {
        let Some(board) = self.boards.get_mut(usize::from(symbol.0)) else { return Ok(()) };
        let mut spec = board.spec.clone();
        spec.filters.price.step = tick;
        spec.filters.price.min = tick;
        super::core::scale_of(&self.settings, &spec)?;
        board.spec = spec;
        let time_ns = self.now_ns;
        self.tell(Event::Tick { symbol, tick, time_ns });
        Ok(())
    }

    /// The exchange holds as many executions as it can: nothing trades any more.
    pub(super) fn close_full(&mut self) {
        for at in 0..self.boards.len() {
            let symbol = SymbolId(u16::try_from(at).unwrap_or(u16::MAX));
            if self.boards[at].spec.status == SymbolStatus::Trading {
                self.set_status(symbol, SymbolStatus::CancelOnly);
            }
        }
    }

    fn expire_all(&mut self, symbol: SymbolId) {
        let open = |account: &super::desk::Account| {
            account.desks.get(&symbol).map(|desk| desk.open.iter().copied().collect::<Vec<_>>())
        };
        let ids: Vec<u64> = self.accounts.iter().filter_map(open).flatten().collect();
        for id in ids {
            self.withdraw(id, OrderStatus::Expired);
            let kind = super::event::ExecutionKind::Expired;
            self.tell_report(id, kind, super::core::Details::default());
        }
        self.finish();
    }

    fn is_trading(&self, symbol: SymbolId) -> bool {
        self.boards[usize::from(symbol.0)].spec.status == SymbolStatus::Trading
    }

    /// Whether a price and a quantity make whole amounts of which sums can be made.
    fn is_market_number(&self, symbol: SymbolId, price: Price, qty: Qty) -> bool {
        let Some(board) = self.boards.get(usize::from(symbol.0)) else { return false };
        let step = board.spec.filters.lot.step;
        (1..UNITS_MAX).contains(&price)
            && (0..UNITS_MAX).contains(&qty)
            && qty % step == 0
            && board.scale.is_exact(price, step)
            && board.scale.fits(price, qty)
            && i128::from(qty) <= AMOUNT_MAX
    }

    /// The market adds at a price. What it has itself on the other side in the way is gone.
    fn market_adds(&mut self, symbol: SymbolId, side: Side, price: Price, qty: Qty) {
        let mut taker = market_taker(symbol, side, Some(price), qty);
        let (other, mut taken) = (side.opposite(), Taken::default());
        let mut has_traded = false;
        while taker.left > 0 {
            let book = &mut self.boards[usize::from(symbol.0)].book;
            let best = book.best_of(other).and_then(|(at, level)| Some((at, level.front()?)));
            let Some((at, front)) = best.filter(|(at, _)| taker.takes(*at)) else { break };
            if let Front::Market(_) = front {
                if let Some(level) = book.level_mut(other, at) {
                    level.drop_market(level.market());
                }
                self.tell_level(symbol, other, at);
            } else {
                has_traded = true;
                self.market_meets(&mut taker, at, front, &mut taken);
            }
        }
        if taker.left > 0 {
            let book = &mut self.boards[usize::from(symbol.0)].book;
            let came = book.arrival();
            book.level(side, price).add_market(came, i128::from(taker.left));
            self.tell_level(symbol, side, price);
        }
        if has_traded {
            self.complete_aggregate(symbol);
            self.finish();
        }
    }

    /// The market takes from what is in front at a price.
    fn market_meets(&mut self, taker: &mut Taker, price: Price, front: Front, taken: &mut Taken) {
        let side = taker.side.opposite();
        match front {
            Front::Order(order) => {
                let can = taker.left;
                self.hit(taker, order, price, can, taken);
            }
            Front::Market(there) => {
                let qty = taker.left.min(Qty::try_from(there).unwrap_or(Qty::MAX));
                if let Some(level) = self.level_mut(taker.symbol, side, price) {
                    level.take_market(i128::from(qty));
                }
                self.tell_level(taker.symbol, side, price);
                taker.left -= qty;
                self.print_own(taker.symbol, taker.side, price, qty);
            }
        }
    }

    /// A trade of the market with itself: everybody sees it, nothing moves.
    fn print_own(&mut self, symbol: SymbolId, side: Side, price: Price, qty: Qty) {
        if qty == 0 {
            return;
        }
        let board = &self.boards[usize::from(symbol.0)];
        let mut trade = board.tape.trade(symbol, price, qty, side, self.now_ns);
        trade.quote = board.scale.amount(price, qty);
        self.print(trade);
    }
}

const fn market_taker(symbol: SymbolId, side: Side, limit: Option<Price>, left: Qty) -> Taker {
    Taker {
        symbol,
        order: None,
        account: None,
        side,
        limit,
        left,
        quote: None,
        self_trade: SelfTrade::None,
    }
}
