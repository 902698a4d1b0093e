//! The exchange against the naive one: the same operations, the same fills, books and balances.

#![allow(clippy::disallowed_methods, reason = "how many runs is a setting")]

use proptest::prelude::*;
use qt_venue_sim::exchange::{
    AccountId, Amend, Cancel, Event, Exchange, NewOrder, OrderKind, OrderRef, OrderStatus,
    SelfTrade, Side, SymbolId, TimeInForce,
};

use crate::naive::{Naive, NaiveOrder, NaiveTrade};
use crate::setup::{SYMBOL, whole_numbers};

const ACCOUNTS: usize = 3;
const BASE: i128 = 400;
const QUOTE: i128 = 40_000;

#[derive(Clone, Debug)]
enum Op {
    Place(usize, Side, u8, u8, i64, i64, i64, u8, bool),
    Cancel(usize, u64),
    Amend(usize, u64, i64),
    Level(Side, i64, i64),
    Take(Side, i64, i64),
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn price() -> impl Strategy<Value = i64> {
    90_i64..111
}

fn op() -> impl Strategy<Value = Op> {
    let place = (0..ACCOUNTS, side(), 0_u8..12, 0_u8..3, price(), price(), 1_i64..30, 0_u8..5);
    prop_oneof![
        6 => (place, any::<bool>()).prop_map(|((a, side, k, f, p, s, q, m), ice)| {
            Op::Place(a, side, k, f, p, s, q, m, ice)
        }),
        2 => (0..ACCOUNTS, 1_u64..60).prop_map(|(account, back)| Op::Cancel(account, back)),
        1 => (0..ACCOUNTS, 1_u64..60, 1_i64..30).prop_map(|(a, back, q)| Op::Amend(a, back, q)),
        4 => (side(), price(), 0_i64..40).prop_map(|(side, p, q)| Op::Level(side, p, q)),
        2 => (side(), price(), 1_i64..60).prop_map(|(side, p, q)| Op::Take(side, p, q)),
    ]
}

/// The kind, mostly plain limits.
fn kind(number: u8) -> OrderKind {
    match number {
        6 => OrderKind::Market,
        7 => OrderKind::LimitMaker,
        8 => OrderKind::StopLossLimit,
        9 => OrderKind::TakeProfitLimit,
        10 => OrderKind::StopLoss,
        11 => OrderKind::TakeProfit,
        _ => OrderKind::Limit,
    }
}

/// The same order twice: for the exchange and for the naive one.
fn orders(op: &Op) -> Option<(usize, NewOrder, NaiveOrder)> {
    let Op::Place(account, side, number, force, price, stop, qty, mode, is_iceberg) = *op else {
        return None;
    };
    let kind = kind(number);
    let force = [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok][usize::from(force)];
    let mode = SelfTrade::ALL[usize::from(mode)];
    let mut order = NewOrder::limit(SYMBOL, side, price, qty);
    order.kind = kind;
    order.self_trade = Some(mode);
    let has_force = kind.has_price() && kind != OrderKind::LimitMaker;
    order.time_in_force = has_force.then_some(force);
    order.price = kind.has_price().then_some(price);
    order.stop_price = kind.is_conditional().then_some(stop);
    let rests = order.time_in_force.is_none_or(|force| force == TimeInForce::Gtc);
    let can_hide = is_iceberg && kind.has_price() && rests && qty > 3;
    order.iceberg_qty = can_hide.then_some(qty / 3);
    let naive = NaiveOrder {
        account,
        side,
        kind,
        time_in_force: order.time_in_force.unwrap_or(TimeInForce::Gtc),
        price: order.price.unwrap_or(0),
        stop: order.stop_price.unwrap_or(0),
        qty,
        iceberg: order.iceberg_qty.unwrap_or(0),
        mode,
        filled: 0,
        prevented: 0,
        status: OrderStatus::New,
        works: false,
    };
    Some((account, order, naive))
}

struct Both {
    exchange: Exchange,
    naive: Naive,
    accounts: Vec<AccountId>,
}

impl Both {
    fn new() -> Self {
        let (exchange, accounts) = whole_numbers(ACCOUNTS, BASE, QUOTE);
        Self { exchange, naive: Naive::new(ACCOUNTS, BASE, QUOTE), accounts }
    }

    fn run(&mut self, op: &Op) -> Result<(), TestCaseError> {
        self.naive.trades.clear();
        let id_of = |back: u64, next: u64| next.saturating_sub(back).max(1);
        match *op {
            Op::Place(..) => {
                let (account, order, naive) = orders(op).expect("an order");
                let placed = self.exchange.place(self.accounts[account], &order);
                let is_taken = self.naive.place(naive);
                prop_assert_eq!(placed.is_ok(), is_taken, "{:?} {:?}", op, placed);
            }
            Op::Cancel(account, back) => {
                let id = id_of(back, self.naive.next);
                let owner = self.naive.orders.get(&id).map(|order| order.account);
                let cancel = Cancel { order: OrderRef::id(id), ..Cancel::default() };
                let done = self.exchange.cancel(self.accounts[account], SYMBOL, &cancel);
                let naive = owner == Some(account) && self.naive.cancel(id);
                prop_assert_eq!(done.is_ok(), naive, "{:?} {:?}", op, done);
            }
            Op::Amend(account, back, qty) => {
                let id = id_of(back, self.naive.next);
                let owner = self.naive.orders.get(&id).map(|order| order.account);
                let amend = Amend { order: OrderRef::id(id), qty, client_id: None };
                let done = self.exchange.amend(self.accounts[account], SYMBOL, &amend);
                let naive = owner == Some(account) && self.naive.amend(id, qty);
                prop_assert_eq!(done.is_ok(), naive, "{:?} {:?}", op, done);
            }
            Op::Level(side, price, qty) => {
                prop_assert!(self.exchange.market_level(SYMBOL, side, price, qty));
                self.naive.market_level(side, price, qty);
            }
            Op::Take(side, price, qty) => {
                self.exchange.market_take(SYMBOL, side, price, qty);
                self.naive.market_take(side, price, qty);
            }
        }
        self.compare(op)
    }

    fn compare(&mut self, op: &Op) -> Result<(), TestCaseError> {
        let mut trades: Vec<NaiveTrade> = Vec::new();
        for event in self.exchange.drain() {
            if let Event::Trade(t) = event {
                trades.push((t.aggressor, t.price, t.qty, t.buyer, t.seller));
            }
        }
        prop_assert_eq!(&trades, &self.naive.trades, "{:?}", op);
        let depth = self.exchange.depth(SymbolId(0), usize::MAX);
        prop_assert_eq!(&depth.bids, &self.naive.levels(Side::Buy), "{:?}", op);
        prop_assert_eq!(&depth.asks, &self.naive.levels(Side::Sell), "{:?}", op);
        if let (Some(bid), Some(ask)) = (depth.bids.first(), depth.asks.first()) {
            prop_assert!(bid.0 < ask.0, "crossed after {:?}", op);
        }
        prop_assert_eq!(self.exchange.sums(), vec![0, 0], "{:?}", op);
        for (at, account) in self.accounts.iter().enumerate() {
            let (owned, locked) = (self.naive.owned[at], self.naive.locked(at));
            let balances = self.exchange.balances(*account);
            for balance in balances {
                let of = usize::from(balance.asset.0);
                prop_assert!(balance.free >= 0 && balance.locked >= 0, "{:?}", op);
                let has = (balance.free, balance.locked);
                prop_assert_eq!(has, (owned[of] - locked[of], locked[of]), "{} {:?}", at, op);
            }
        }
        Ok(())
    }

    /// Every order stands where the naive one stands.
    fn compare_orders(&self) -> Result<(), TestCaseError> {
        for (id, naive) in &self.naive.orders {
            let order = self.exchange.order_by_id(*id).expect("an order");
            let has = (order.status, order.filled, order.prevented, order.qty);
            prop_assert_eq!(has, (naive.status, naive.filled, naive.prevented, naive.qty));
        }
        let open = self.accounts.iter().flat_map(|a| self.exchange.open_orders(*a, None)).count();
        let naive = self.naive.orders.values().filter(|order| order.status.is_open()).count();
        prop_assert_eq!(open, naive);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn the_naive_exchange_agrees(ops in prop::collection::vec(op(), 1..400)) {
        let mut both = Both::new();
        for op in &ops {
            both.run(op)?;
        }
        both.compare_orders()?;
    }
}

/// How many runs of some 200 operations: `QT_EXCHANGE_CASES`, else 1,000.
fn cases() -> u32 {
    std::env::var("QT_EXCHANGE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000)
}
