//! Positions: what is realised, what margin lets through, orders that only reduce, funding; and
//! random dealings, after which everything adds up.

use proptest::prelude::*;
use qt_venue_sim::exchange::{
    AccountId, Amount, Event, Exchange, ExecutionKind, Fees, ListOrders, MarginRules, Modify,
    NewAccount, NewList, NewOrder, Order, OrderKind, OrderRef, OrderStatus, Pending, Refusal,
    Settings, Side, SymbolSpec, TimeInForce, WalletChange,
};

use crate::setup::{BASE, QUOTE, SYMBOL, spec};

/// What an account has at the start: ten thousand, of a unit that prices are whole numbers of.
const WALLET: Amount = 10_000;
const HOUR_NS: i64 = 3_600_000_000_000;

/// Whole numbers, ten times the margin, a commission of one in a hundred for who takes.
fn exchange(taker: i64) -> (Exchange, AccountId, AccountId) {
    let (Settings { mut assets, .. }, _) = spec();
    assets.iter_mut().for_each(|asset| asset.decimals = 0);
    let mut symbol = SymbolSpec::new("AB", BASE, QUOTE, 1, 1);
    symbol.price_decimals = 0;
    let mut settings = Settings::new(assets, vec![symbol]);
    settings.margin = Some(MarginRules {
        leverage: 10,
        leverage_max: 20,
        maintenance: 1_000_000,
        funding: 1_000_000,
        funding_every_ns: 8 * HOUR_NS,
    });
    settings.start_ns = HOUR_NS;
    let mut exchange = Exchange::new(settings).expect("settings");
    let mut open = |name: &str| {
        let mut account = NewAccount::new(name, &[(QUOTE, WALLET)]);
        account.fees = Fees { maker: 0, taker, uses_discount: false };
        exchange.open_account(account).expect("an account")
    };
    let (ann, ben) = (open("ann"), open("ben"));
    (exchange, ann, ben)
}

fn limit(side: Side, price: i64, qty: i64) -> NewOrder {
    NewOrder::limit(SYMBOL, side, price, qty)
}

fn reducing(mut order: NewOrder) -> NewOrder {
    order.reduce_only = true;
    order
}

/// Both trade: `buyer` buys `qty` at `price` from `seller`, who rests.
fn trade(exchange: &mut Exchange, buyer: AccountId, seller: AccountId, price: i64, qty: i64) {
    exchange.place(seller, &limit(Side::Sell, price, qty)).expect("an order");
    let placed = exchange.place(buyer, &limit(Side::Buy, price, qty)).expect("another one");
    assert_eq!(placed.order.status, OrderStatus::Filled);
}

fn wallet(exchange: &Exchange, account: AccountId) -> Amount {
    exchange.margin(account, QUOTE).wallet
}

#[test]
fn what_is_closed_is_realised_and_commissions_are_on_all() {
    let (mut exchange, ann, ben) = exchange(1_000_000);
    trade(&mut exchange, ann, ben, 100, 10);
    assert_eq!((wallet(&exchange, ann), wallet(&exchange, ben)), (WALLET - 10, WALLET));
    let (long, short) = (exchange.position(ann, SYMBOL), exchange.position(ben, SYMBOL));
    assert_eq!((long.qty, long.cost, short.qty, short.cost), (10, 1_000, -10, -1_000));
    exchange.drain();
    // She sells fifteen: ten close with a profit, five are sold anew.
    trade(&mut exchange, ben, ann, 120, 15);
    let (ann_has, ben_has) = (exchange.position(ann, SYMBOL), exchange.position(ben, SYMBOL));
    assert_eq!((ann_has.qty, ann_has.cost, ann_has.realised), (-5, -600, 200));
    assert_eq!((ben_has.qty, ben_has.cost, ben_has.realised), (5, 600, -200));
    assert_eq!(wallet(&exchange, ann), WALLET - 10 + 200);
    assert_eq!(wallet(&exchange, ben), WALLET - 200 - 18);
    let told: Vec<_> = exchange
        .drain()
        .into_iter()
        .filter_map(|event| match event {
            Event::Balances { account, balances } if account == ben => Some(balances),
            _ => None,
        })
        .collect();
    let [balances] = &told[..] else { panic!("{told:?}") };
    assert_eq!(balances.why, WalletChange::Order);
    assert_eq!(balances.changed[0].free, WALLET - 218);
    assert_eq!(balances.positions, [ben_has]);
    let fill = exchange.fills(ben, SYMBOL, 0).last().expect("a fill");
    assert_eq!((fill.realised, fill.fee), (-200, 18));
    assert!(exchange.sums().iter().all(|sum| *sum == 0), "{:?}", exchange.sums());
}

#[test]
fn margin_is_asked_for_what_could_be_filled_and_never_for_a_way_out() {
    let (mut exchange, ann, ben) = exchange(0);
    // Ten times what she has is a hundred thousand.
    assert!(exchange.place(ann, &limit(Side::Buy, 100, 600)).is_ok());
    let more = limit(Side::Buy, 100, 401);
    assert_eq!(exchange.place(ann, &more).expect_err("too much"), Refusal::InsufficientBalance);
    // The other side asks for nothing more: only one of both can be filled whole.
    assert!(exchange.place(ann, &limit(Side::Sell, 200, 300)).is_ok());
    assert!(exchange.place(ben, &limit(Side::Sell, 100, 600)).is_ok());
    let state = exchange.margin(ann, QUOTE);
    assert_eq!((state.wallet, state.of_positions), (WALLET, exchange.marked(SYMBOL, 600) / 10));
    // The market falls: nothing is left for more, and the way out is open.
    exchange.cancel_all(ann, SYMBOL).expect("her orders");
    exchange.market_level(SYMBOL, Side::Buy, 84, 10_000);
    exchange.market_level(SYMBOL, Side::Sell, 86, 10_000);
    assert!(exchange.margin(ann, QUOTE).available() < 0);
    let more = exchange.place(ann, &limit(Side::Buy, 80, 1)).expect_err("short of margin");
    assert_eq!(more, Refusal::InsufficientBalance);
    assert!(exchange.place(ann, &NewOrder::market(SYMBOL, Side::Sell, 600)).is_ok());
    assert_eq!(wallet(&exchange, ann), WALLET - 600 * 16);
    // Twice the leverage is half the margin; more than the most is refused.
    assert_eq!(exchange.set_leverage(ann, SYMBOL, 21).expect_err("21"), Refusal::Range("leverage"));
    assert!(exchange.place(ann, &limit(Side::Buy, 80, 60)).is_err());
    exchange.set_leverage(ann, SYMBOL, 20).expect("20");
    assert!(exchange.place(ann, &limit(Side::Buy, 80, 60)).is_ok());
    assert!(exchange.set_leverage(ann, SYMBOL, 1).is_err(), "there is no margin for it");
    assert_eq!(exchange.position(ann, SYMBOL).leverage, 20);
}

#[test]
fn who_sells_below_the_best_bid_is_asked_for_what_that_is_worth() {
    let (mut exchange, ann, _) = exchange(0);
    exchange.market_level(SYMBOL, Side::Buy, 100, 10_000);
    let cheap = limit(Side::Sell, 1, 1_001);
    assert_eq!(exchange.place(ann, &cheap).expect_err("too much"), Refusal::InsufficientBalance);
    let id = exchange.place(ann, &limit(Side::Sell, 110, 900)).expect("it rests").order.id;
    let modify = |qty| Modify { order: OrderRef::id(id), side: Side::Sell, qty, price: 1 };
    let more = exchange.modify(ann, SYMBOL, &modify(1_001)).expect_err("too much");
    assert_eq!(more, Refusal::InsufficientBalance);
    // A thousand times a hundred is ten times what there is.
    let sold = exchange.modify(ann, SYMBOL, &modify(1_000)).expect("just enough");
    assert_eq!((sold.order.filled, sold.order.filled_quote), (1_000, 100_000));
}

#[test]
fn what_margin_needs_stays_and_what_is_owed_can_be_paid() {
    let (mut exchange, ann, ben) = exchange(0);
    trade(&mut exchange, ann, ben, 100, 500);
    exchange.market_level(SYMBOL, Side::Buy, 99, 10_000);
    exchange.market_level(SYMBOL, Side::Sell, 101, 10_000);
    // A tenth of fifty thousand is needed.
    let more = exchange.transfer(ann, QUOTE, -5_001).expect_err("more than can leave");
    assert_eq!(more, Refusal::InsufficientBalance);
    exchange.transfer(ann, QUOTE, -5_000).expect("all that can leave");
    exchange.market_level(SYMBOL, Side::Sell, 101, 0);
    exchange.market_level(SYMBOL, Side::Buy, 99, 0);
    exchange.market_level(SYMBOL, Side::Buy, 80, 10_000);
    assert!(exchange.place(ann, &NewOrder::market(SYMBOL, Side::Sell, 500)).is_ok());
    assert_eq!(wallet(&exchange, ann), 5_000 - 500 * 20);
    exchange.transfer(ann, QUOTE, 1_000).expect("a part of what is owed");
    assert_eq!(wallet(&exchange, ann), -4_000);
    assert!(exchange.transfer(ann, QUOTE, -1).is_err());
    assert!(exchange.sums().iter().all(|sum| *sum == 0));
}

#[test]
fn lists_of_orders_are_for_what_is_owned() {
    let (mut exchange, ann, _) = exchange(0);
    let (working, pending) = (limit(Side::Buy, 90, 1), Pending::One(limit(Side::Sell, 110, 1)));
    let orders = ListOrders::Sequence { working, pending };
    let list = NewList { symbol: SYMBOL, client_id: None, orders };
    let refused = exchange.place_list(ann, &list).expect_err("no lists");
    assert_eq!(refused, Refusal::KindNotSupported);
}

#[test]
fn orders_that_only_reduce_never_turn_a_position() {
    let (mut exchange, ann, ben) = exchange(0);
    let out = reducing(limit(Side::Sell, 110, 4));
    assert_eq!(exchange.place(ann, &out).expect_err("no position"), Refusal::WouldNotReduce);
    trade(&mut exchange, ann, ben, 100, 5);
    let larger = reducing(limit(Side::Sell, 110, 6));
    assert_eq!(exchange.place(ann, &larger).expect_err("more"), Refusal::WouldNotReduce);
    let first = exchange.place(ann, &out).expect("an order").order.id;
    let second = exchange.place(ann, &reducing(limit(Side::Sell, 111, 5))).expect("one").order.id;
    exchange.drain();
    // Four of five are sold by the first: the second would sell more than there is.
    exchange.place(ben, &limit(Side::Buy, 112, 9)).expect("an order");
    let status = |id| exchange.order_by_id(id).expect("an order").status;
    assert_eq!((status(first), status(second)), (OrderStatus::Filled, OrderStatus::Expired));
    assert_eq!(exchange.position(ann, SYMBOL).qty, 1);
    let expired = |event: &Event| match event {
        Event::Report(report) => report.order.id == second && report.kind == ExecutionKind::Expired,
        _ => false,
    };
    assert_eq!(exchange.drain().iter().filter(|event| expired(event)).count(), 1);
}

#[test]
fn fundings_come_at_their_time_and_are_paid_by_longs() {
    let (mut exchange, ann, ben) = exchange(0);
    trade(&mut exchange, ann, ben, 100, 50);
    exchange.drain();
    assert_eq!(exchange.next_funding_ns(), Some(8 * HOUR_NS));
    exchange.set_time(8 * HOUR_NS - 1);
    exchange.fund_due();
    assert!(exchange.drain().is_empty(), "it is not time");
    exchange.set_time(8 * HOUR_NS);
    exchange.fund_due();
    exchange.fund_due();
    // A hundredth of five thousand.
    assert_eq!((wallet(&exchange, ann), wallet(&exchange, ben)), (WALLET - 50, WALLET + 50));
    let events = exchange.drain();
    let why = |event: &Event| match event {
        Event::Balances { account, balances } => Some((*account, balances.why)),
        _ => None,
    };
    let whys: Vec<_> = events.iter().filter_map(why).collect();
    assert_eq!(whys, [(ann, WalletChange::Funding(-50)), (ben, WalletChange::Funding(50))]);
    assert_eq!(exchange.fundings(ann).map(|paid| paid.amount).collect::<Vec<_>>(), [-50]);
    assert_eq!(exchange.next_funding_ns(), Some(16 * HOUR_NS));
    exchange.fund(SYMBOL, -1_000_000);
    assert_eq!((wallet(&exchange, ann), wallet(&exchange, ben)), (WALLET, WALLET));
    assert!(exchange.sums().iter().all(|sum| *sum == 0));
}

#[test]
fn a_modified_order_is_the_same_one_at_another_place() {
    let (mut exchange, ann, ben) = exchange(0);
    let id = exchange.place(ann, &limit(Side::Buy, 100, 10)).expect("an order").order.id;
    exchange.place(ben, &limit(Side::Buy, 100, 5)).expect("one behind it");
    let modify = |qty, price| Modify { order: OrderRef::id(id), side: Side::Buy, qty, price };
    let queue = |exchange: &Exchange, price| exchange.queue(SYMBOL, Side::Buy, price);
    // Smaller: it stays in front. Larger: it goes to the end.
    exchange.modify(ann, SYMBOL, &modify(8, 100)).expect("smaller");
    assert_eq!(queue(&exchange, 100)[0], (Some(id), 8));
    exchange.modify(ann, SYMBOL, &modify(9, 100)).expect("larger");
    assert_eq!(queue(&exchange, 100)[1], (Some(id), 9));
    assert_eq!(
        exchange.modify(ann, SYMBOL, &modify(9, 100)).expect_err("same"),
        Refusal::Unchanged
    );
    exchange.place(ben, &limit(Side::Sell, 105, 4)).expect("an offer");
    let moved = exchange.modify(ann, SYMBOL, &modify(9, 105)).expect("it trades there");
    assert_eq!((moved.order.id, moved.order.filled, moved.fills.len()), (id, 4, 1));
    assert_eq!(queue(&exchange, 105), [(Some(id), 5)]);
    let less = exchange.modify(ann, SYMBOL, &modify(4, 105)).expect_err("it is filled");
    assert_eq!(less, Refusal::AmendFilled);
    let reports = exchange.reports(ann, 0).map(|report| report.kind);
    let changes = reports.filter(|kind| *kind == ExecutionKind::Replaced).count();
    assert_eq!(changes, 3);
    assert!(exchange.sums().iter().all(|sum| *sum == 0));
}

#[derive(Clone, Debug)]
enum Deed {
    Place(bool, bool, u8, i64, i64, bool),
    Modify(bool, usize, i64, i64),
    Market(bool, i64, i64),
    Fund(i64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let (price, qty) = (|| 90_i64..110, || 1_i64..30);
    let deed = prop_oneof![
        6 => (any::<bool>(), any::<bool>(), 0_u8..4, price(), qty(), any::<bool>())
            .prop_map(|(ann, buys, kind, price, qty, reduces)| {
                Deed::Place(ann, buys, kind, price, qty, reduces)
            }),
        2 => (any::<bool>(), 0_usize..4, price(), qty())
            .prop_map(|(ann, nth, price, qty)| Deed::Modify(ann, nth, price, qty)),
        2 => (any::<bool>(), price(), qty())
            .prop_map(|(buys, price, qty)| Deed::Market(buys, price, qty)),
        1 => (-2_000_000_i64..2_000_000).prop_map(Deed::Fund),
    ];
    prop::collection::vec(deed, 1..80)
}

fn does(exchange: &mut Exchange, [ann, ben]: [AccountId; 2], deed: &Deed) {
    let side = |buys| if buys { Side::Buy } else { Side::Sell };
    match *deed {
        Deed::Place(is_ann, buys, kind, price, qty, reduces) => {
            let mut order = limit(side(buys), price, qty);
            match kind {
                0 => order = NewOrder::market(SYMBOL, side(buys), qty),
                1 => (order.kind, order.time_in_force) = (OrderKind::LimitMaker, None),
                2 => order.time_in_force = Some(TimeInForce::Ioc),
                _ => {}
            }
            order.reduce_only = reduces;
            // Refused or taken: both happen.
            let _ = exchange.place(if is_ann { ann } else { ben }, &order);
        }
        Deed::Modify(is_ann, nth, price, qty) => {
            let account = if is_ann { ann } else { ben };
            let open: Vec<Order> = exchange.open_orders(account, None).cloned().collect();
            if let Some(order) = open.get(nth) {
                let name = OrderRef::id(order.id);
                let modify = Modify { order: name, side: order.side, qty, price };
                let _ = exchange.modify(account, SYMBOL, &modify);
            }
        }
        Deed::Market(buys, price, qty) => {
            exchange.market_level(SYMBOL, side(buys), price, qty);
            exchange.market_take(SYMBOL, side(!buys), price, qty / 2);
        }
        Deed::Fund(rate) => exchange.fund(SYMBOL, rate),
    }
}

proptest! {
    #[test]
    fn whatever_is_done_everything_adds_up(deeds in deeds()) {
        let (mut exchange, ann, ben) = exchange(40_000);
        for deed in &deeds {
            does(&mut exchange, [ann, ben], deed);
            prop_assert!(exchange.sums().iter().all(|sum| *sum == 0), "{:?}", exchange.sums());
            for account in [ann, ben] {
                let position = exchange.position(account, SYMBOL);
                let (mut held, mut has) = (0, WALLET);
                for fill in exchange.fills(account, SYMBOL, 0) {
                    held += if fill.side == Side::Buy { 1 } else { -1 } * Amount::from(fill.qty);
                    has += fill.realised - fill.fee;
                }
                has += exchange.fundings(account).map(|paid| paid.amount).sum::<Amount>();
                prop_assert_eq!(position.qty, held);
                prop_assert_eq!(wallet(&exchange, account), has);
                prop_assert!(position.qty != 0 || position.cost == 0);
                for order in exchange.open_orders(account, None).filter(|it| it.reduce_only) {
                    prop_assert!(position.is_reduced_by(order.side), "{:?}", order);
                    prop_assert!(Amount::from(order.left()) <= position.qty.abs());
                }
            }
        }
    }
}
