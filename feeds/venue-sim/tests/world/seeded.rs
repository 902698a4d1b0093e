//! The seeded market: alive, whole, and the same again.

use qt_venue_sim::exchange::{
    AssetId, AssetSpec, Event, NewAccount, NewOrder, OrderKind, Settings, Side, SymbolId,
    SymbolSpec,
};
use qt_venue_sim::fault::Plan;
use qt_venue_sim::market::{Seeded, SeededSettings};
use qt_venue_sim::simulation::Simulation;

pub const ONE: i64 = 100_000_000;
pub const SYMBOL: SymbolId = SymbolId(0);
const SECOND: i64 = 1_000_000_000;

/// A simulation with a seeded market of so many changes a second.
pub fn seeded(seed: u64, updates_per_s: u32) -> Simulation {
    let asset = |name: &str| AssetSpec { name: name.into(), decimals: 8 };
    let symbol = SymbolSpec::new("AB", AssetId(0), AssetId(1), ONE / 100, ONE / 1_000);
    let settings = Settings::new(vec![asset("A"), asset("B")], vec![symbol]);
    let mut simulation = Simulation::new(settings, Plan::none()).expect("settings");
    let plenty = i128::from(ONE) * 1_000_000;
    let account = NewAccount::new("ann", &[(AssetId(0), plenty), (AssetId(1), plenty)]);
    simulation.exchange.open_account(account).expect("an account");
    let mut market = SeededSettings::new(SYMBOL, seed, 0, 100 * ONE);
    market.updates_per_s = updates_per_s;
    market.steps_max = 1_000;
    simulation.add_market(Seeded::new(market));
    simulation
}

#[test]
fn the_same_seed_makes_the_same_market_whatever_the_steps() {
    let run = |seed: u64, step: i64| {
        let mut simulation = seeded(seed, 200);
        let mut now = 0;
        while now < 20 * SECOND {
            now = (now + step).min(20 * SECOND);
            assert!(simulation.advance(now));
        }
        simulation.drain()
    };
    let first = run(7, SECOND);
    assert!(first.len() > 4_000, "{}", first.len());
    assert!(first == run(7, SECOND / 1_000 + 17));
    assert!(first != run(8, SECOND));
}

#[test]
fn the_book_stays_alive_and_is_never_crossed() {
    let mut simulation = seeded(3, 1_000);
    let (mut trades, mut last) = (0, 0);
    for second in 1..=60 {
        assert!(simulation.advance(second * SECOND));
        for event in simulation.drain() {
            match event {
                Event::Trade(_) => trades += 1,
                Event::Book(change) => {
                    assert!(last == 0 || change.update_id == last + 1);
                    last = change.update_id;
                }
                _ => {}
            }
        }
        let depth = simulation.exchange.depth(SYMBOL, 100);
        assert!(depth.bids[0].0 < depth.asks[0].0);
        assert!((10..=25).contains(&depth.bids.len()), "{}", depth.bids.len());
        assert!((10..=25).contains(&depth.asks.len()), "{}", depth.asks.len());
    }
    assert!(trades > 5_000, "{trades}");
    assert_ne!(simulation.exchange.last_price(SYMBOL), Some(100 * ONE));
}

#[test]
fn orders_of_accounts_trade_with_the_market() {
    let mut simulation = seeded(5, 1_000);
    let ann = simulation.exchange.account_id("ann").unwrap();
    for tenth in 1..=600 {
        assert!(simulation.advance(tenth * SECOND / 10));
        let best = simulation.exchange.best(SYMBOL);
        for (side, price) in [(Side::Buy, best.bid), (Side::Sell, best.ask)] {
            let mut order = NewOrder::limit(SYMBOL, side, price.unwrap().0, ONE / 10);
            order.kind = OrderKind::LimitMaker;
            order.time_in_force = None;
            simulation.exchange.place(ann, &order).unwrap();
        }
        simulation.drain();
    }
    let fills: Vec<_> = simulation.exchange.fills(ann, SYMBOL, 0).collect();
    assert!(fills.len() > 500 && fills.iter().all(|fill| fill.is_maker), "{}", fills.len());
    assert!(simulation.exchange.sums().iter().all(|sum| *sum == 0));
}

#[test]
fn a_market_follows_a_new_tick() {
    let mut simulation = seeded(5, 1_000);
    assert!(simulation.advance(SECOND));
    simulation.exchange.set_tick(SYMBOL, ONE / 4).unwrap();
    assert!(simulation.advance(3 * SECOND));
    let depth = simulation.exchange.depth(SYMBOL, 5);
    assert!(depth.bids.iter().chain(&depth.asks).all(|(price, _)| price % (ONE / 4) == 0));
}

#[test]
fn a_long_step_comes_in_parts() {
    let mut simulation = seeded(1, 100_000);
    assert!(!simulation.advance(2 * SECOND), "more than one call may do");
    let mut calls = 1;
    while !simulation.advance(2 * SECOND) {
        simulation.drain();
        calls += 1;
    }
    assert_eq!((calls, simulation.exchange.now_ns()), (2, 2 * SECOND));
}
