//! The naive exchange: one list of what rests, scanned from end to end for every question.

use std::collections::BTreeMap;

use qt_venue_sim::exchange::{OrderKind, OrderStatus, SelfTrade, Side, TimeInForce};

/// Prices and quantities are whole here: one unit of the base asset costs `price` of the quote.
pub const FEE: i128 = 100_000;

/// What rests at a price: of an order, or of the market.
#[derive(Clone, Debug)]
struct Rest {
    came: u64,
    side: Side,
    price: i64,
    qty: i64,
    order: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct NaiveOrder {
    pub account: usize,
    pub side: Side,
    pub kind: OrderKind,
    pub time_in_force: TimeInForce,
    pub price: i64,
    pub stop: i64,
    pub qty: i64,
    pub iceberg: i64,
    pub mode: SelfTrade,
    pub filled: i64,
    pub prevented: i64,
    pub status: OrderStatus,
    pub works: bool,
}

/// Aggressor, price, quantity, buyer's order, seller's order.
pub type NaiveTrade = (Side, i64, i64, Option<u64>, Option<u64>);

#[derive(Clone, Debug, Default)]
pub struct Naive {
    rests: Vec<Rest>,
    came: u64,
    pub orders: BTreeMap<u64, NaiveOrder>,
    pub next: u64,
    pub trades: Vec<NaiveTrade>,
    pub last: Option<i64>,
    ready: Vec<u64>,
    /// What accounts have of base and quote, whether held or not.
    pub owned: Vec<[i128; 2]>,
}

impl NaiveOrder {
    pub fn left(&self) -> i64 {
        self.qty - self.filled - self.prevented
    }

    fn is_open(&self) -> bool {
        matches!(self.status, OrderStatus::New | OrderStatus::PartiallyFilled)
    }

    fn hold(&self) -> i128 {
        match (self.side, self.price) {
            (Side::Sell, _) => self.left().into(),
            (Side::Buy, 0) => i128::from(self.stop) * i128::from(self.left()),
            (Side::Buy, price) => i128::from(price) * i128::from(self.left()),
        }
    }

    fn above(&self) -> bool {
        let stop = matches!(self.kind, OrderKind::StopLoss | OrderKind::StopLossLimit);
        stop == (self.side == Side::Buy)
    }

    fn reached(&self, last: i64) -> bool {
        if self.above() { last >= self.stop } else { last <= self.stop }
    }
}

/// Who takes.
#[derive(Clone, Copy)]
struct Taker {
    order: Option<u64>,
    side: Side,
    limit: Option<i64>,
    left: i64,
    /// What the market adds replaces what it has in the way; what it takes trades with it.
    adds: bool,
}

impl Naive {
    pub fn new(accounts: usize, base: i128, quote: i128) -> Self {
        Self { owned: vec![[base, quote]; accounts], next: 1, ..Self::default() }
    }

    /// What an account can use of base or quote.
    pub fn locked(&self, account: usize) -> [i128; 2] {
        let mut locked = [0, 0];
        for order in self.orders.values().filter(|o| o.account == account && o.is_open()) {
            locked[usize::from(order.side == Side::Buy)] += order.hold();
        }
        locked
    }

    /// Prices and what can be seen there, best first.
    pub fn levels(&self, side: Side) -> Vec<(i64, i64)> {
        let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
        for rest in self.rests.iter().filter(|rest| rest.side == side) {
            *sums.entry(rest.price).or_default() += rest.qty;
        }
        let mut levels: Vec<_> = sums.into_iter().collect();
        if side == Side::Buy {
            levels.reverse();
        }
        levels
    }

    fn best(&self, side: Side) -> Option<usize> {
        let rank =
            |rest: &Rest| (if side == Side::Buy { -rest.price } else { rest.price }, rest.came);
        let all = self.rests.iter().enumerate().filter(|(_, rest)| rest.side == side);
        all.min_by_key(|(_, rest)| rank(rest)).map(|(at, _)| at)
    }

    fn join(&mut self, side: Side, price: i64, qty: i64, order: Option<u64>) {
        self.came += 1;
        self.rests.push(Rest { came: self.came, side, price, qty, order });
    }

    /// What the market has at a price without an order in between is one piece.
    fn tidy(&mut self) {
        self.rests.sort_by_key(|rest| (rest.side, rest.price, rest.came));
        let mut at = 1;
        while at < self.rests.len() {
            let (before, this) = (self.rests[at - 1].clone(), self.rests[at].clone());
            let same = (before.side, before.price) == (this.side, this.price);
            if same && before.order.is_none() && this.order.is_none() {
                self.rests[at - 1].qty += this.qty;
                self.rests.remove(at);
            } else {
                at += 1;
            }
        }
    }

    fn take(&mut self, mut taker: Taker) -> i64 {
        while taker.left > 0 {
            self.tidy();
            let Some(at) = self.best(taker.side.opposite()) else { break };
            let rest = self.rests[at].clone();
            let crosses = taker.limit.is_none_or(|limit| match taker.side {
                Side::Buy => rest.price <= limit,
                Side::Sell => rest.price >= limit,
            });
            if !crosses {
                break;
            }
            match (taker.order, rest.order) {
                (None, None) if taker.adds => {
                    self.rests.retain(|other| {
                        other.order.is_some()
                            || other.side != rest.side
                            || other.price != rest.price
                    });
                }
                (Some(own), Some(maker)) if self.is_own(own, maker) => {
                    if self.prevent(&mut taker, own, maker) {
                        return taker.left;
                    }
                }
                _ => self.trade(&mut taker, at),
            }
        }
        taker.left
    }

    fn is_own(&self, taker: u64, maker: u64) -> bool {
        let (taker, maker) = (&self.orders[&taker], &self.orders[&maker]);
        taker.mode != SelfTrade::None && taker.account == maker.account
    }

    /// Says whether the taker is over.
    fn prevent(&mut self, taker: &mut Taker, own: u64, maker: u64) -> bool {
        let (mode, left) = (self.orders[&own].mode, self.orders[&maker].left());
        let (mine, its) = match mode {
            SelfTrade::ExpireTaker => (taker.left, 0),
            SelfTrade::ExpireMaker => (0, left),
            SelfTrade::ExpireBoth => (taker.left, left),
            _ => (taker.left.min(left), taker.left.min(left)),
        };
        taker.left -= mine;
        for (id, qty) in [(maker, its), (own, mine)] {
            let order = self.orders.get_mut(&id).unwrap();
            order.prevented += qty;
            let left = order.left();
            if left == 0 && qty > 0 {
                order.status = OrderStatus::ExpiredInMatch;
            }
            for rest in self.rests.iter_mut().filter(|rest| rest.order == Some(id)) {
                rest.qty = rest.qty.min(left);
            }
        }
        self.rests.retain(|rest| rest.qty > 0);
        mine > 0 && (mode != SelfTrade::Decrement || taker.left == 0)
    }

    fn trade(&mut self, taker: &mut Taker, at: usize) {
        let rest = &mut self.rests[at];
        let qty = taker.left.min(rest.qty);
        rest.qty -= qty;
        let rest = rest.clone();
        taker.left -= qty;
        let (buyer, seller) = match taker.side {
            Side::Buy => (taker.order, rest.order),
            Side::Sell => (rest.order, taker.order),
        };
        self.trades.push((taker.side, rest.price, qty, buyer, seller));
        self.last = Some(rest.price);
        let cost = i128::from(rest.price) * i128::from(qty);
        let fee = |got: i128| got * FEE / 100_000_000;
        for (order, side) in [(buyer, Side::Buy), (seller, Side::Sell)] {
            let Some(order) = order.map(|id| self.orders.get_mut(&id).unwrap()) else { continue };
            order.filled += qty;
            let is_full = order.left() == 0;
            order.status = if is_full { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
            let owned = &mut self.owned[order.account];
            let qty = i128::from(qty);
            if side == Side::Buy {
                owned[0] += qty - fee(qty);
                owned[1] -= cost;
            } else {
                owned[0] -= qty;
                owned[1] += cost - fee(cost);
            }
        }
        if rest.qty == 0 {
            self.rests.remove(at);
            if let Some(id) = rest.order {
                let (iceberg, left) = (self.orders[&id].iceberg, self.orders[&id].left());
                if iceberg > 0 && left > 0 {
                    self.join(rest.side, rest.price, iceberg.min(left), Some(id));
                }
            }
        }
        let waiting = self.orders.iter().filter(|(_, order)| {
            order.is_open() && order.stop > 0 && !order.works && order.reached(rest.price)
        });
        let ready: Vec<u64> = waiting.map(|(id, _)| *id).collect();
        for id in ready {
            self.orders.get_mut(&id).unwrap().works = true;
            self.ready.push(id);
        }
    }

    /// What an order would cost and how much of it would be filled.
    fn try_out(&self, id: u64) -> (i128, i64) {
        let mut copy = self.clone();
        copy.trades.clear();
        copy.meet(id);
        let own = copy.trades.iter().filter(|t| t.3 == Some(id) || t.4 == Some(id));
        own.fold((0, 0), |(cost, qty), trade| {
            (cost + i128::from(trade.1) * i128::from(trade.2), qty + trade.2)
        })
    }

    fn meet(&mut self, id: u64) {
        let order = &self.orders[&id];
        let limit = (order.price > 0).then_some(order.price);
        let (side, left) = (order.side, order.left());
        self.take(Taker { order: Some(id), side, limit, left, adds: false });
    }

    fn work(&mut self, id: u64) {
        let is_fok = self.orders[&id].time_in_force == TimeInForce::Fok;
        if !is_fok || self.try_out(id).1 == self.orders[&id].left() {
            self.meet(id);
        }
        let order = self.orders.get_mut(&id).unwrap();
        if !order.is_open() {
            return;
        }
        if order.price > 0 && order.time_in_force == TimeInForce::Gtc {
            let order = order.clone();
            let left = order.left();
            let shown = if order.iceberg > 0 { order.iceberg.min(left) } else { left };
            self.join(order.side, order.price, shown, Some(id));
        } else {
            order.status = OrderStatus::Expired;
        }
    }

    fn finish(&mut self) {
        while !self.ready.is_empty() {
            let id = self.ready.remove(0);
            let order = self.orders[&id].clone();
            if order.price == 0 && order.side == Side::Buy {
                let free = self.owned[order.account][1] - self.locked(order.account)[1];
                if self.try_out(id).0 > free + order.hold() {
                    self.orders.get_mut(&id).unwrap().status = OrderStatus::Expired;
                    continue;
                }
            }
            self.work(id);
        }
    }

    /// Places an order; `false`: it is refused.
    pub fn place(&mut self, mut order: NaiveOrder) -> bool {
        let (account, id) = (order.account, self.next);
        let free = |naive: &Self, of: usize| naive.owned[account][of] - naive.locked(account)[of];
        let waits = order.stop > 0;
        if waits && self.last.is_some_and(|last| order.reached(last)) {
            return false;
        }
        order.works = !waits;
        let pays = usize::from(order.side == Side::Buy);
        let mut copy = self.clone();
        copy.orders.insert(id, order.clone());
        let hold = match (order.kind, order.side) {
            (OrderKind::Market, Side::Buy) => copy.try_out(id).0,
            _ => order.hold(),
        };
        if order.kind == OrderKind::LimitMaker {
            let best = self.levels(order.side.opposite()).first().map(|level| level.0);
            let takes = |best: i64| match order.side {
                Side::Buy => best <= order.price,
                Side::Sell => best >= order.price,
            };
            if best.is_some_and(takes) {
                return false;
            }
        }
        if hold > free(self, pays) {
            return false;
        }
        self.next += 1;
        self.orders.insert(id, order);
        if !waits {
            self.work(id);
        }
        self.finish();
        true
    }

    pub fn cancel(&mut self, id: u64) -> bool {
        let Some(order) = self.orders.get_mut(&id).filter(|order| order.is_open()) else {
            return false;
        };
        order.status = OrderStatus::Canceled;
        self.rests.retain(|rest| rest.order != Some(id));
        true
    }

    pub fn amend(&mut self, id: u64, qty: i64) -> bool {
        let Some(order) = self.orders.get_mut(&id).filter(|order| order.is_open()) else {
            return false;
        };
        if qty >= order.qty || qty <= order.filled + order.prevented {
            return false;
        }
        order.qty = qty;
        let left = order.left();
        for rest in self.rests.iter_mut().filter(|rest| rest.order == Some(id)) {
            rest.qty = rest.qty.min(left);
        }
        true
    }

    pub fn market_level(&mut self, side: Side, price: i64, qty: i64) {
        let mine = |rest: &Rest| rest.order.is_none() && rest.side == side && rest.price == price;
        let mut now: i64 = self.rests.iter().filter(|rest| mine(rest)).map(|rest| rest.qty).sum();
        while now > qty {
            let all = self.rests.iter().enumerate().filter(|(_, rest)| mine(rest));
            let (last, _) = all.max_by_key(|(_, rest)| rest.came).unwrap();
            let part = (now - qty).min(self.rests[last].qty);
            self.rests[last].qty -= part;
            now -= part;
            self.rests.retain(|rest| rest.qty > 0);
        }
        if qty > now {
            let left = qty - now;
            let taker = Taker { order: None, side, limit: Some(price), left, adds: true };
            let left = self.take(taker);
            if left > 0 {
                self.join(side, price, left, None);
            }
            self.finish();
        }
    }

    pub fn market_take(&mut self, side: Side, price: i64, qty: i64) {
        self.take(Taker { order: None, side, limit: Some(price), left: qty, adds: false });
        self.finish();
    }
}
