//! New orders: taken, matched, put into the book or made to wait.

use std::sync::Arc;

use super::account::AccountId;
use super::api::Placed;
use super::core::{Details, Exchange, Place};
use super::event::ExecutionKind;
use super::matching::{Taken, Taker};
use super::order::{NewOrder, Order, OrderKind, OrderStatus, SelfTrade, Side, TimeInForce};
use super::refusal::Refusal;
use super::symbol::SymbolId;
use super::units::{Amount, Qty};

impl Exchange {
    /// Places an order.
    ///
    /// # Errors
    /// Why it is refused; then nothing has changed.
    pub fn place(&mut self, account: AccountId, order: &NewOrder) -> Result<Placed, Refusal> {
        let lock = self.test_lock(account, order)?;
        let id = self.admit(account, order, lock);
        self.tell_report(id, ExecutionKind::New, Details::default());
        let taken = self.begin(id);
        self.finish();
        let order = self.order_at(id).clone();
        Ok(Placed { order, fills: taken.fills, preventions: taken.preventions })
    }

    /// Whether [`place`](Self::place) would take an order; changes nothing.
    ///
    /// # Errors
    /// Why it would be refused.
    pub fn test(&self, account: AccountId, order: &NewOrder) -> Result<(), Refusal> {
        self.test_lock(account, order).map(drop)
    }

    /// Checks an order, and says how much it is and how much it will hold.
    pub(super) fn test_lock(
        &self,
        account: AccountId,
        order: &NewOrder,
    ) -> Result<(Qty, Amount), Refusal> {
        self.check(account, order)?;
        let board = &self.boards[usize::from(order.symbol.0)];
        let mut sample = sample(account, order, board.spec.self_trade_default);
        let taker = taker_of(&sample, None, order.quote_qty);
        let mut hold = if order.kind == OrderKind::Market {
            let preview = self.preview(&taker);
            if order.quote_qty.is_some() {
                sample.qty = preview.qty + preview.prevented;
                if sample.qty == 0 {
                    return Err(Refusal::NoLiquidity);
                }
            }
            match order.side {
                Side::Buy => preview.cost,
                Side::Sell => Amount::from(sample.qty),
            }
        } else {
            self.hold_of(&sample)
        };
        self.check_rests(&sample)?;
        if self.has_positions() {
            let preview = self.preview(&taker);
            if order.time_in_force == Some(TimeInForce::Fok) && preview.qty < sample.qty {
                return Err(Refusal::NoLiquidity);
            }
            let worth = match order.kind {
                OrderKind::Market => preview.cost,
                _ => self.asked_worth(sample.symbol, sample.side, sample.price, sample.qty),
            };
            self.check_margin(account, order, worth)?;
            return Ok((sample.qty, 0));
        }
        // A quantity that cannot be had needs no funds; one that can needs all of them.
        hold = hold.max(0);
        self.check_pays(&sample, hold)?;
        Ok((sample.qty, hold))
    }

    /// Whether an order that must rest would.
    pub(super) fn check_rests(&self, order: &Order) -> Result<(), Refusal> {
        let must_rest = order.kind == OrderKind::LimitMaker;
        let taker = Taker { left: 1, ..taker_of(order, None, None) };
        if must_rest && self.preview(&taker).meets { Err(Refusal::WouldTake) } else { Ok(()) }
    }

    /// Whether the owner of an order has that much of what it pays with.
    pub(super) fn check_pays(&self, order: &Order, need: Amount) -> Result<(), Refusal> {
        let free = self.accounts[order.account.0 as usize].free(self.paying_asset(order));
        if free < need { Err(Refusal::InsufficientBalance) } else { Ok(()) }
    }

    /// An order as it will be.
    pub(super) fn sample(&self, account: AccountId, new: &NewOrder) -> Order {
        let default = self.boards[usize::from(new.symbol.0)].spec.self_trade_default;
        sample(account, new, default)
    }

    /// Whether an order that has waited for another one can begin, and how much it will hold.
    pub(super) fn begin_lock(&self, order: &Order) -> Result<Amount, Refusal> {
        self.check_rests(order)?;
        if let (true, None) = (order.stop_price > 0, order.trailing_delta) {
            self.check_trigger(order.symbol, order.kind, order.side, order.stop_price)?;
        }
        match (order.kind, order.side) {
            (OrderKind::Market, Side::Buy) => {
                Ok(self.preview(&taker_of(order, Some(order.id), None)).cost)
            }
            _ => Ok(self.hold_of(order)),
        }
    }

    /// An order that has been told of begins to wait for its price, or meets the book.
    pub(super) fn begin(&mut self, id: u64) -> Taken {
        if self.order_at(id).kind.is_conditional() {
            self.wait(id);
            return Taken::default();
        }
        self.work(id)
    }

    /// Takes an order, and holds what it needs.
    pub(super) fn admit(
        &mut self,
        account: AccountId,
        new: &NewOrder,
        (qty, hold): (Qty, Amount),
    ) -> u64 {
        let id = self.settings.first.order + self.orders.len() as u64;
        let default = self.boards[usize::from(new.symbol.0)].spec.self_trade_default;
        let mut order = sample(account, new, default);
        order.id = id;
        order.qty = qty;
        order.client_id = new.client_id.clone().unwrap_or_else(|| self.made_up(id, 0));
        (order.created_ns, order.updated_ns) = (self.now_ns, self.now_ns);
        order.working_ns = (!new.kind.is_conditional()).then_some(self.now_ns);
        let desk = self.desk_mut(account, new.symbol);
        desk.ids.push(id);
        desk.clients.insert(order.client_id.clone(), id);
        desk.opened(&order);
        self.orders.push(order);
        self.places.push(Place::default());
        self.set_lock(id, hold);
        id
    }

    /// A client id for an order or a request whose owner gave none: 22 letters and digits.
    pub(super) fn made_up(&self, id: u64, salt: u64) -> Arc<str> {
        const LETTERS: &[u8; 62] =
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let mut state = id ^ salt.rotate_left(32) ^ 0x5f35_6495_11b6_0a3d;
        let mut text = String::with_capacity(22);
        for _ in 0..22 {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            text.push(char::from(LETTERS[(mixed >> 33) as usize % LETTERS.len()]));
        }
        text.into()
    }

    /// An order waits for its price.
    fn wait(&mut self, id: u64) {
        let order = self.order_at(id).clone();
        let board = &mut self.boards[usize::from(order.symbol.0)];
        let last = board.tape.last_price();
        if board.stops.add(&order, last) {
            let now_ns = self.now_ns;
            self.order_mut(id).trailing_since_ns = Some(now_ns);
        }
    }

    /// An order meets the book; what is left rests there or expires.
    pub(super) fn work(&mut self, id: u64) -> Taken {
        let order = self.order_at(id).clone();
        let taker = taker_of(&order, Some(id), None);
        if order.time_in_force == TimeInForce::Fok && self.preview(&taker).qty < order.left() {
            self.expire(id, None);
            return Taken::default();
        }
        let taken = self.take(taker);
        let now = self.order_at(id);
        if !now.status.is_open() {
            return taken;
        }
        let rests = now.kind.has_price() && now.time_in_force == TimeInForce::Gtc;
        if rests {
            self.rest(id)
        } else {
            self.expire(id, None)
        }
        taken
    }

    /// What is left of an order goes into the book.
    fn rest(&mut self, id: u64) {
        let order = self.order_at(id);
        let (symbol, side, price) = (order.symbol, order.side, order.price);
        let left = order.left();
        let shown = if order.iceberg_qty > 0 { order.iceberg_qty.min(left) } else { left };
        let book = &mut self.boards[usize::from(symbol.0)].book;
        let at = book.arrival();
        book.level(side, price).join(at, id, shown);
        *self.place_mut(id) = Place { at, shown };
        self.tell_level(symbol, side, price);
    }

    /// An order that is not in the book ends by the rules.
    fn expire(&mut self, id: u64, refusal: Option<Refusal>) {
        self.end(id, OrderStatus::Expired);
        self.tell_report(id, ExecutionKind::Expired, Details { refusal, ..Details::default() });
    }

    /// The end of everything that can trade: orders whose price has come work, and what they do
    /// may bring the price of others; lists do what follows from the end of their orders; then
    /// balances are told.
    pub(super) fn finish(&mut self) {
        loop {
            if let Some(id) = self.ready.pop_front() {
                self.trigger(id);
            } else if let Some(list) = self.changed_lists.pop_front() {
                self.settle_list(list);
            } else {
                break;
            }
        }
        self.settle();
    }

    /// The price of an order has come.
    fn trigger(&mut self, id: u64) {
        if !self.order_at(id).status.is_open() {
            return;
        }
        self.choose(id);
        let now_ns = self.now_ns;
        let order = self.order_mut(id);
        order.working_ns = Some(now_ns);
        order.updated_ns = now_ns;
        let order = order.clone();
        self.tell_report(id, ExecutionKind::New, Details::default());
        if order.price == 0 && order.side == Side::Buy {
            // It holds what it was guessed to cost; now that can be known.
            let cost = self.preview(&taker_of(&order, Some(id), None)).cost;
            let asset = self.paying_asset(&order);
            let free = self.accounts[order.account.0 as usize].free(asset);
            if cost > free + order.locked {
                self.expire(id, Some(Refusal::InsufficientBalance));
                return;
            }
            self.set_lock(id, cost);
        }
        self.work(id);
    }

    /// Ends an open order, wherever it stands.
    pub(super) fn withdraw(&mut self, id: u64, status: OrderStatus) {
        let order = self.order_at(id).clone();
        let place = std::mem::take(self.place_mut(id));
        if place.at > 0 {
            if let Some(level) = self.level_mut(order.symbol, order.side, order.price) {
                level.leave(place.at, place.shown);
            }
            self.tell_level(order.symbol, order.side, order.price);
        } else {
            self.boards[usize::from(order.symbol.0)].stops.remove(&order);
        }
        self.end(id, status);
    }

    /// Whose symbol it is, while it is known to anybody.
    pub(super) fn board(&self, symbol: SymbolId) -> Result<&super::core::Board, Refusal> {
        let board = self.boards.get(usize::from(symbol.0)).ok_or(Refusal::UnknownSymbol)?;
        let is_gone = board.spec.status == super::symbol::SymbolStatus::Delisted;
        if is_gone { Err(Refusal::UnknownSymbol) } else { Ok(board) }
    }
}

/// An order as it will be, without an id.
fn sample(account: AccountId, new: &NewOrder, default: SelfTrade) -> Order {
    Order {
        id: 0,
        account,
        symbol: new.symbol,
        client_id: Arc::from(""),
        side: new.side,
        kind: new.kind,
        time_in_force: new.time_in_force.unwrap_or(TimeInForce::Gtc),
        price: new.price.unwrap_or(0),
        qty: new.qty.unwrap_or(0),
        quote_qty: new.quote_qty.unwrap_or(0),
        stop_price: new.stop_price.unwrap_or(0),
        trailing_delta: new.trailing_delta,
        trailing_since_ns: None,
        iceberg_qty: new.iceberg_qty.unwrap_or(0),
        self_trade: new.self_trade.unwrap_or(default),
        status: OrderStatus::New,
        filled: 0,
        filled_quote: 0,
        prevented: 0,
        prevented_match: None,
        created_ns: 0,
        updated_ns: 0,
        working_ns: None,
        amends: 0,
        reduce_only: new.reduce_only,
        marks: new.marks,
        locked: 0,
        list: None,
    }
}

/// What takes for an order.
fn taker_of(order: &Order, id: Option<u64>, quote: Option<Amount>) -> Taker {
    Taker {
        symbol: order.symbol,
        order: id,
        account: Some(order.account),
        side: order.side,
        limit: (order.price > 0).then_some(order.price),
        left: if quote.is_some() { Qty::MAX } else { order.left() },
        quote,
        self_trade: order.self_trade,
    }
}
