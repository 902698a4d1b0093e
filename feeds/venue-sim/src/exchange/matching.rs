//! Matching: what takes meets what rests, by price and by time.

use std::collections::VecDeque;

use super::account::AccountId;
use super::core::{Details, Exchange};
use super::event::{Event, ExecutionKind, Fill, Prevention};
use super::level::{Front, Level};
use super::order::{Order, OrderStatus, SelfTrade, Side};
use super::symbol::SymbolId;
use super::units::{Amount, Price, Qty};

/// What takes from the book.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taker {
    /// Of what.
    pub(super) symbol: SymbolId,
    /// The order; `None`: the market itself.
    pub(super) order: Option<u64>,
    /// Whose.
    pub(super) account: Option<AccountId>,
    pub(super) side: Side,
    /// The worst price; `None`: any.
    pub(super) limit: Option<Price>,
    /// How much is wanted.
    pub(super) left: Qty,
    /// How much may be spent instead: only a preview knows it, and says how much that is.
    pub(super) quote: Option<Amount>,
    pub(super) self_trade: SelfTrade,
}

/// What came of taking.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    /// The fills of the taker.
    pub(super) fills: Vec<Fill>,
    pub(super) preventions: Vec<Prevention>,
    /// Whether the taker has ended because it would have traded with its own account.
    pub(super) is_prevented: bool,
    /// How much of it was wanted and not had.
    pub(super) left: Qty,
}

/// What taking would come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Preview {
    pub(super) qty: Qty,
    pub(super) cost: Amount,
    /// How much would have traded with its own account.
    pub(super) prevented: Qty,
    /// Whether anything is there, also of its own account.
    pub(super) meets: bool,
}

impl Taker {
    /// Whether it takes at `price`.
    pub(super) const fn takes(&self, price: Price) -> bool {
        match (self.limit, self.side) {
            (None, _) => true,
            (Some(limit), Side::Buy) => price <= limit,
            (Some(limit), Side::Sell) => price >= limit,
        }
    }
}

impl Exchange {
    /// How much can be had at `price` with what may be spent, in whole steps.
    fn affordable(&self, taker: &Taker, price: Price) -> Qty {
        let Some(quote) = taker.quote else { return taker.left };
        let board = &self.boards[usize::from(taker.symbol.0)];
        let step = board.spec.filters.lot.step;
        taker.left.min(board.scale.qty(price, quote) / step * step)
    }

    /// Whether the order that rests counts as the taker's own.
    fn is_own(&self, taker: &Taker, maker: &Order) -> bool {
        let Some(account) = taker.account.filter(|_| taker.self_trade != SelfTrade::None) else {
            return false;
        };
        let of = |account: AccountId| &self.accounts[account.0 as usize];
        account == maker.account || of(account).is_one_with(of(maker.account))
    }

    /// What taking would come to; changes nothing.
    pub(super) fn preview(&self, taker: &Taker) -> Preview {
        let book = &self.boards[usize::from(taker.symbol.0)].book;
        let mut rest = Taker { ..*taker };
        let mut preview = Preview::default();
        let other = taker.side.opposite();
        let mut next = book.best_of(other);
        while let Some((price, level)) = next.filter(|(price, _)| taker.takes(*price)) {
            preview.meets = true;
            if !self.preview_level(&mut rest, price, level, &mut preview) {
                break;
            }
            next = book.next_of(other, price);
        }
        preview
    }

    /// The same at one price. Says whether the next price is looked at.
    fn preview_level(
        &self,
        rest: &mut Taker,
        price: Price,
        level: &Level,
        preview: &mut Preview,
    ) -> bool {
        let scale = self.boards[usize::from(rest.symbol.0)].scale;
        // Icebergs that are refilled stand behind everything else.
        let mut queue = level.queue();
        let mut refilled: VecDeque<(u64, Qty)> = VecDeque::new();
        loop {
            let (front, shown, hidden) = match queue.next() {
                Some(Front::Market(qty)) => {
                    (Front::Market(qty), Qty::try_from(qty).unwrap_or(Qty::MAX), 0)
                }
                Some(Front::Order(id)) => {
                    let shown = self.index(id).map_or(0, |at| self.places[at].shown);
                    (Front::Order(id), shown, self.order_at(id).left() - shown)
                }
                None => {
                    let Some((id, left)) = refilled.pop_front() else { return true };
                    let shown = self.order_at(id).iceberg_qty.min(left);
                    (Front::Order(id), shown, left - shown)
                }
            };
            let can = self.affordable(rest, price);
            if can == 0 {
                return false;
            }
            let is_own = match front {
                Front::Order(id) => self.is_own(rest, self.order_at(id)),
                Front::Market(_) => false,
            };
            let qty = match rest.self_trade {
                _ if !is_own => can.min(shown),
                SelfTrade::ExpireMaker => continue,
                SelfTrade::Decrement => can.min(shown + hidden),
                _ => can,
            };
            rest.left -= qty;
            if let Some(quote) = &mut rest.quote {
                *quote -= scale.amount(price, qty);
            }
            if is_own {
                preview.prevented += qty;
                if rest.self_trade != SelfTrade::Decrement {
                    return false;
                }
                continue;
            }
            preview.qty += qty;
            preview.cost += scale.amount(price, qty);
            if let (Front::Order(id), true) = (front, hidden > 0 && qty == shown) {
                refilled.push_back((id, hidden));
            }
        }
    }

    /// Takes from the book.
    pub(super) fn take(&mut self, mut taker: Taker) -> Taken {
        let mut taken = Taken::default();
        let other = taker.side.opposite();
        let symbol = taker.symbol;
        while taker.left > 0 && !taken.is_prevented {
            let book = &self.boards[usize::from(symbol.0)].book;
            let best = book.best_of(other).and_then(|(price, level)| Some((price, level.front()?)));
            let Some((price, front)) = best.filter(|(price, _)| taker.takes(*price)) else { break };
            let can = taker.left;
            match front {
                Front::Market(_) if taker.order.is_none() => break,
                Front::Market(qty) => {
                    let qty = Qty::try_from(qty).unwrap_or(Qty::MAX).min(can);
                    if let Some(level) = self.level_mut(symbol, other, price) {
                        level.take_market(i128::from(qty));
                    }
                    self.tell_level(symbol, other, price);
                    self.trade(&mut taker, None, price, qty, &mut taken);
                }
                Front::Order(id) if self.is_own(&taker, self.order_at(id)) => {
                    self.prevent(&mut taker, id, price, can, &mut taken);
                }
                Front::Order(id) => self.hit(&mut taker, id, price, can, &mut taken),
            }
        }
        taken.left = taker.left;
        self.complete_aggregate(symbol);
        taken
    }

    /// The aggregated trade of a taker that is done is told.
    pub(super) fn complete_aggregate(&mut self, symbol: SymbolId) {
        if let Some(complete) = self.boards[usize::from(symbol.0)].tape.complete() {
            self.tell(Event::AggTrade(complete));
        }
    }

    /// The queue at a price.
    pub(super) fn level_mut(
        &mut self,
        symbol: SymbolId,
        side: Side,
        price: Price,
    ) -> Option<&mut Level> {
        self.boards[usize::from(symbol.0)].book.level_mut(side, price)
    }

    /// Takes from an order that rests.
    pub(super) fn hit(
        &mut self,
        taker: &mut Taker,
        maker: u64,
        price: Price,
        can: Qty,
        taken: &mut Taken,
    ) {
        let place = *self.place_mut(maker);
        let order = self.order_at(maker);
        let (side, qty) = (order.side, can.min(place.shown));
        let left = order.left() - qty;
        let again = if place.shown == qty { order.iceberg_qty.min(left) } else { 0 };
        let book = &mut self.boards[usize::from(taker.symbol.0)].book;
        let at = if again > 0 { book.arrival() } else { place.at };
        if let Some(level) = book.level_mut(side, price) {
            if left == 0 || again > 0 {
                level.leave(place.at, place.shown);
            } else {
                level.show(-qty);
            }
            if again > 0 {
                level.join(at, maker, again);
            }
        }
        let stands = self.place_mut(maker);
        stands.shown = if again > 0 { again } else { place.shown - qty };
        stands.at = if left == 0 { 0 } else { at };
        self.tell_level(taker.symbol, side, price);
        self.trade(taker, Some(maker), price, qty, taken);
    }

    /// What happens instead of a trade between orders of one account.
    fn prevent(
        &mut self,
        taker: &mut Taker,
        maker: u64,
        price: Price,
        can: Qty,
        taken: &mut Taken,
    ) {
        let Some(order) = taker.order else { return };
        let left = self.order_at(maker).left();
        let (mine, its) = match taker.self_trade {
            SelfTrade::ExpireTaker => (can, 0),
            SelfTrade::ExpireBoth => (can, left),
            SelfTrade::Decrement => (can.min(left), can.min(left)),
            SelfTrade::ExpireMaker | SelfTrade::None => (0, left),
        };
        let board = &mut self.boards[usize::from(taker.symbol.0)];
        let id = board.next_prevention;
        board.next_prevention += 1;
        let mut prevention = Prevention {
            id,
            taker: order,
            maker,
            price,
            taker_qty: mine,
            maker_qty: its,
            qty: its,
            other: self.order_at(order).account,
            time_ns: self.now_ns,
        };
        if its > 0 {
            self.prevent_one(maker, its, &prevention);
        }
        if mine > 0 {
            let ends = taker.self_trade != SelfTrade::Decrement;
            prevention.qty = mine;
            prevention.other = self.order_at(maker).account;
            taker.left -= mine;
            taken.is_prevented = ends || taker.left == 0;
            self.prevent_one(order, mine, &prevention);
        }
        taken.preventions.push(prevention);
        let owners = [self.order_at(maker).account, self.order_at(order).account];
        let both = if owners[0] == owners[1] { &owners[..1] } else { &owners };
        for owner in both {
            self.desk_mut(*owner, taker.symbol).preventions.push(prevention);
        }
    }

    /// `qty` of an order does not trade because it would with its own account.
    fn prevent_one(&mut self, id: u64, qty: Qty, prevention: &Prevention) {
        self.choose(id);
        let now_ns = self.now_ns;
        let order = self.order_mut(id);
        let (account, symbol, side, price) = (order.account, order.symbol, order.side, order.price);
        order.prevented += qty;
        order.prevented_match = Some(prevention.id);
        order.updated_ns = now_ns;
        let left = order.left();
        let is_ended = left == 0;
        if side == Side::Buy {
            self.desk_mut(account, symbol).counts.buying -= Amount::from(qty);
        }
        let place = *self.place_mut(id);
        if place.at > 0 {
            let shown = place.shown.min(left);
            if let Some(level) = self.level_mut(symbol, side, price) {
                if is_ended {
                    level.leave(place.at, place.shown);
                } else {
                    level.show(shown - place.shown);
                }
            }
            let stands = self.place_mut(id);
            (stands.shown, stands.at) = (shown, if is_ended { 0 } else { place.at });
            self.tell_level(symbol, side, price);
        }
        if is_ended {
            self.end(id, OrderStatus::ExpiredInMatch);
        } else {
            self.relock(id);
        }
        let details = Details { prevention: Some(*prevention), ..Details::default() };
        self.tell_report(id, ExecutionKind::TradePrevention, details);
    }
}
