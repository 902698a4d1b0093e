//! B01, continued: positions, exposure, rates, losses and what else went wrong.

use qt_engine::OrderRequest;
use qt_risk::{Control, Key, Level, LimitSet, Profile, ProfileName, Target};
use qt_types::{
    Cash, DenyReason, E9, InstrumentId, InstrumentKind, InstrumentSpec, OrderId, Price, Qty,
    VenueId,
};

use crate::support::*;

#[test]
fn c14_position_with_every_order_of_a_side_filled() {
    let mut world = World::new(&wide(&[(Key::Long, 10 * UNIT), (Key::Short, 10 * UNIT)]));
    world.trade(0, BUY, 4, 100);
    world.place(&limit(BUY, 3, 99)).unwrap();
    // Sells that rest do not make room: they may never be filled.
    world.place(&limit(SELL, 9, 110)).unwrap();
    assert_eq!(world.ask(&limit(BUY, 3, 99)), Ok(()));
    world.gate.withdraw_pending();
    let outside = (Control::Position, 10 * UNIT, 11 * UNIT);
    fails(&mut world, &limit(BUY, 4, 99), DenyReason::MaxPosition, outside);
    // Short side: 9 sold out of 4 held are 5 short.
    assert_eq!(world.ask(&limit(SELL, 5, 110)), Ok(()));
    world.gate.withdraw_pending();
    fails(&mut world, &limit(SELL, 6, 110), DenyReason::MaxPosition, outside);
}

#[test]
fn c14_share_of_the_equity() {
    let mut world = World::new(&wide(&[(Key::PositionShareBps, 1_000)]));
    assert_eq!(world.ask(&limit(BUY, 1_000, 100)), Ok(()), "10 % of 1,000,000");
    world.gate.withdraw_pending();
    let outside = (Control::Position, 1_000, 1_001);
    fails(&mut world, &limit(BUY, 1_001, 100), DenyReason::MaxPositionShare, outside);
}

#[test]
fn c15_exposure() {
    let mut world = World::new(&wide(&[(Key::Exposure, 2_000 * UNIT)]));
    world.trade(0, BUY, 5, 100);
    world.place(&limit(BUY, 5, 100)).unwrap();
    let other = |lots| on_book(limit(SELL, lots, 101));
    assert_eq!(world.ask(&on_book(limit(BUY, 10, 100))), Ok(()));
    world.gate.withdraw_pending();
    let outside = (Control::Exposure, 2_000 * UNIT, 2_010 * UNIT);
    fails(&mut world, &other(10), DenyReason::MaxExposure, outside);
    world.price(0, 120); // 600 + 500 now.
    assert_eq!(world.ask(&on_book(limit(BUY, 9, 100))), Ok(()));
    world.gate.withdraw_pending();
    let outside = (Control::Exposure, 2_000 * UNIT, 2_100 * UNIT);
    fails(&mut world, &on_book(limit(BUY, 10, 100)), DenyReason::MaxExposure, outside);
}

#[test]
fn c15_leverage_and_portfolio_risk_are_two_limits() {
    let mut world = World::new(&wide(&[(Key::LeverageBps, 10_000)]));
    assert_eq!(world.ask(&limit(BUY, 10_000, 100)), Ok(()));
    world.gate.withdraw_pending();
    let outside = (Control::Exposure, 10_000, 10_001);
    fails(&mut world, &limit(BUY, 10_001, 100), DenyReason::MaxLeverage, outside);
    // 5 % of everything: a second position of 3 % beside one of 3 % is not refused.
    let mut world = World::new(&wide(&[(Key::PortfolioRiskBps, 500), (Key::StressBps, 500)]));
    world.trade(0, BUY, 300, 100);
    assert_eq!(world.place(&on_book(limit(BUY, 300, 100))).map(|_| ()), Ok(()));
    assert_eq!(world.ask(&limit(BUY, 9_400, 100)), Ok(()));
    world.gate.withdraw_pending();
    let outside = (Control::Exposure, 500, 501);
    fails(&mut world, &limit(BUY, 9_401, 100), DenyReason::PortfolioRisk, outside);
}

#[test]
fn c16_open_orders() {
    for (key, control) in [(Key::OpenOrders, 2), (Key::LineOrders, 2)] {
        let mut world = World::new(&wide(&[(key, control)]));
        let request = limit(BUY, 1, 99);
        let first = world.place(&request).unwrap();
        world.place(&request).unwrap();
        let outside = (Control::OpenOrders, 2, 3);
        fails(&mut world, &request, DenyReason::MaxOpenOrders, outside);
        world.end(first, &request);
        assert_eq!(world.ask(&request), Ok(()));
    }
    let mut world = World::with(&wide(&[]), |setup| setup.orders_max = 1);
    let first = world.place(&limit(BUY, 1, 99)).unwrap();
    let reason = DenyReason::OrdersOpenMax;
    fails(&mut world, &limit(BUY, 1, 99), reason, (Control::OpenOrders, 0, 1));
    world.end(first, &limit(BUY, 1, 99));
    assert_eq!(world.ask(&limit(BUY, 1, 99)), Ok(()));
}

#[test]
fn c17_unexecuted() {
    let mut world = World::new(&wide(&[(Key::Unexecuted, 1_000 * UNIT)]));
    let request = limit(BUY, 8, 100);
    let id = world.place(&request).unwrap();
    assert_eq!(world.ask(&limit(SELL, 2, 100)), Ok(()), "both sides count together");
    world.gate.withdraw_pending();
    let outside = (Control::Unexecuted, 1_000 * UNIT, 1_100 * UNIT);
    fails(&mut world, &limit(SELL, 3, 100), DenyReason::MaxUnexecuted, outside);
    world.fill(id, &request, 3, 100, 5);
    assert_eq!(world.ask(&limit(BUY, 5, 100)), Ok(()), "what is filled is executed");
}

#[test]
fn c18_rates() {
    let orders = [(Key::OrdersPerSecond, 10), (Key::OrdersBurst, 2)];
    let mut world = World::new(&wide(&orders));
    let request = limit(BUY, 1, 99);
    let id = world.place(&request).unwrap();
    assert_eq!(world.ask(&request), Ok(()));
    fails(&mut world, &request, DenyReason::RateOrders, (Control::Rate, 2, 3));
    let change = OrderRequest { replaces: id, ..request };
    assert_eq!(world.ask(&change), Ok(()), "a change is no order");
    world.wait(SECOND / 10 - 1);
    fails(&mut world, &request, DenyReason::RateOrders, (Control::Rate, 2, 3));
    world.wait(1);
    assert_eq!(world.ask(&request), Ok(()));
    let messages = [(Key::MessagesPerSecond, 10), (Key::MessagesBurst, 2)];
    let mut world = World::new(&wide(&messages));
    let id = world.place(&request).unwrap();
    let change = OrderRequest { replaces: id, ..request };
    assert_eq!(world.ask(&change), Ok(()));
    fails(&mut world, &change, DenyReason::RateMessages, (Control::Rate, 2, 3));
}

#[test]
fn c19_orders_per_fill() {
    let ratio = [(Key::OrdersPerFill, 3), (Key::RatioWindow, 1_000)];
    let mut world = World::new(&wide(&ratio));
    let request = limit(BUY, 1, 99);
    let id = world.place(&request).unwrap();
    for _ in 0..2 {
        assert_eq!(world.ask(&request), Ok(()));
    }
    fails(&mut world, &request, DenyReason::OrderTradeRatio, (Control::Ratio, 3, 4));
    world.fill(id, &request, 1, 99, 0);
    world.trade_two();
    fails(&mut world, &request, DenyReason::OrderTradeRatio, (Control::Ratio, 6, 7));
    world.wait(SECOND);
    assert_eq!(world.ask(&request), Ok(()));
}

impl World {
    /// Sells what is held (reducing is not held back) and buys nothing.
    fn trade_two(&mut self) {
        // 1 lot was bought before: the sale is the fourth order and the second fill.
        self.trade(0, SELL, 1, 99);
        // Two more orders are left of the six that two fills allow.
        for _ in 0..2 {
            assert_eq!(self.ask(&limit(BUY, 1, 99)), Ok(()));
        }
    }
}

#[test]
fn c20_entries_disable_the_strategy() {
    let entries = [(Key::Entries, 3), (Key::EntriesWindow, 1_000)];
    let mut world = World::new(&wide(&entries));
    for _ in 0..3 {
        assert_eq!(world.ask(&limit(BUY, 1, 99)), Ok(()));
    }
    let outside = (Control::Entries, 3, 4);
    fails(&mut world, &limit(BUY, 1, 99), DenyReason::StrategyDisabled, outside);
    world.wait(3_600 * SECOND);
    assert_eq!(world.ask(&limit(BUY, 1, 99)), Err(DenyReason::KillHalted), "until a person looks");
    assert_eq!(world.gate.take_trips().len(), 1);
}

#[test]
fn c21_children_within_their_parent() {
    let mut world = World::new(&wide(&[]));
    let parent = world.gate.add_parent(0, Qty::from_lots(10)).unwrap();
    world.gate.ask_for(0, Some(parent));
    let request = limit(BUY, 6, 99);
    let id = world.place(&request).unwrap();
    assert_eq!(world.gate.parent_used(parent), Qty::from_lots(6));
    world.fill(id, &request, 2, 99, 4);
    assert_eq!(world.gate.parent_used(parent), Qty::from_lots(6), "filled or open, it is used");
    world.end(id, &OrderRequest { qty: Qty::from_lots(4), ..request });
    assert_eq!(world.gate.parent_used(parent), Qty::from_lots(2), "the dead rest comes back");
    assert_eq!(world.ask(&limit(BUY, 8, 99)), Ok(()));
    world.gate.withdraw_pending();
    let outside = (Control::Parent, 10 * UNIT, 11 * UNIT);
    fails(&mut world, &limit(BUY, 9, 99), DenyReason::ParentQty, outside);
    world.gate.ask_for(0, None);
    assert_eq!(world.ask(&limit(BUY, 1, 99)), Err(DenyReason::KillHalted), "out of hand");
}

#[test]
fn c22_daily_loss() {
    let mut world = World::new(&wide(&[(Key::DailyLoss, 100 * UNIT)]));
    world.trade(0, BUY, 10, 100);
    world.price(0, 90);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
    world.gate.withdraw_pending();
    world.price(0, 89);
    world.price(0, 100);
    let outside = (Control::DailyLoss, 100 * UNIT, 110 * UNIT);
    fails(&mut world, &market(BUY, 1), DenyReason::DailyLoss, outside);
    assert_eq!(world.ask(&market(SELL, 10)), Ok(()), "reducing passes");
    world.gate.withdraw_pending();
    world.wait(86_400 * SECOND);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()), "another day");
    // 2 % of 1,000,000.
    let mut world = World::new(&wide(&[(Key::DailyLossBps, 200)]));
    world.trade(0, BUY, 1_000, 100);
    world.price(0, 80);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
    world.price(0, 79);
    let outside = (Control::DailyLoss, 200, 210);
    fails(&mut world, &market(BUY, 1), DenyReason::DailyLoss, outside);
}

/// 1,000 contracts of 1 bought at 100 gain 1000/100 - 1000/125 = 2 units of their base when the
/// price rises to 125, and lose 1000/80 - 1000/100 = 2.5 when it falls to 80.
#[test]
fn c22_an_inverse_contract_loses_when_its_price_falls() {
    let mut specs = specs(2);
    let kind = InstrumentKind::InversePerpetual;
    specs[0] = InstrumentSpec::new("I0", "USD", kind, E9, E9, E9).unwrap();
    for (side, price, loses) in [(BUY, 80, true), (BUY, 125, false), (SELL, 125, true)] {
        let profile = wide(&[(Key::DailyLoss, UNIT)]);
        let mut world = World::of(&profile, specs.clone(), |_| {});
        world.trade(0, side, 1_000, 100);
        assert_eq!(world.ask(&market(side, 1)), Ok(()));
        world.gate.withdraw_pending();
        world.price(0, price);
        let expected = if loses { Err(DenyReason::DailyLoss) } else { Ok(()) };
        assert_eq!(world.ask(&market(side, 1)), expected, "{side:?} at {price}");
    }
}

#[test]
fn c23_drawdown() {
    let mut world = World::new(&wide(&[(Key::Drawdown, 100 * UNIT)]));
    world.trade(0, BUY, 10, 100);
    world.price(0, 120);
    world.price(0, 110);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
    world.gate.withdraw_pending();
    world.price(0, 109);
    let outside = (Control::Drawdown, 100 * UNIT, 110 * UNIT);
    fails(&mut world, &market(BUY, 1), DenyReason::MaxDrawdown, outside);
    world.wait(86_400 * SECOND);
    fails(&mut world, &market(BUY, 1), DenyReason::MaxDrawdown, outside);
    // 15 % of 1,000,000.
    let mut world = World::new(&wide(&[(Key::DrawdownBps, 1_500)]));
    world.trade(0, BUY, 10_000, 100);
    world.price(0, 85);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
    world.price(0, 84);
    let outside = (Control::Drawdown, 1_500, 1_600);
    fails(&mut world, &market(BUY, 1), DenyReason::MaxDrawdown, outside);
}

#[test]
fn c24_velocities() {
    let loss = [(Key::WindowLoss, 100 * UNIT), (Key::LossWindow, 1_000)];
    let mut world = World::new(&wide(&loss));
    world.trade(0, BUY, 10, 100);
    world.price(0, 90);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
    world.gate.withdraw_pending();
    world.price(0, 89);
    let outside = (Control::Velocity, 100 * UNIT, 110 * UNIT);
    fails(&mut world, &market(BUY, 1), DenyReason::LossVelocity, outside);
    world.wait(SECOND);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
    let fills = [(Key::Fills, 2), (Key::FillsWindow, 1_000)];
    let mut world = World::new(&wide(&fills));
    world.trade(0, BUY, 1, 100);
    world.trade(0, BUY, 1, 100);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
    world.gate.withdraw_pending();
    world.trade(0, BUY, 1, 100);
    let outside = (Control::Velocity, 2, 3);
    fails(&mut world, &market(BUY, 1), DenyReason::FillVelocity, outside);
    world.wait(SECOND);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
}

#[test]
fn c25_refusals() {
    let refusals = [(Key::Refusals, 2), (Key::RefusalsWindow, 1_000)];
    let mut world = World::new(&wide_at(Level::Account, &refusals));
    let request = limit(BUY, 1, 99);
    for _ in 0..3 {
        let id = world.place(&request).unwrap();
        world.refuse(id, &request);
    }
    assert_eq!(world.ask(&request), Err(DenyReason::KillHalted), "the loop is cut");
    assert_eq!(world.gate.take_trips()[0].control, Control::Refusals);
    // Another strategy of the account is held back by the count itself.
    let headrooms = world.explain(&request);
    let refused: Vec<_> = headrooms.iter().filter(|h| h.control == Control::Refusals).collect();
    let account = refused.iter().find(|h| h.level == Level::Account).unwrap();
    assert_eq!((account.limit, account.observed, account.fails()), (2, 3, true));
    assert_eq!(account.reason, DenyReason::RejectStorm);
}

#[test]
fn c26_links() {
    let mut world = World::new(&wide(&[]));
    world.gate.set_venue_link(VenueId(0), false);
    let outside = (Control::Link, 0, 1);
    fails(&mut world, &market(BUY, 1), DenyReason::LinkDown, outside);
    world.gate.set_venue_link(VenueId(0), true);
    world.gate.set_strategy_link(0, false);
    fails(&mut world, &market(BUY, 1), DenyReason::LinkDown, outside);
    world.gate.set_strategy_link(0, true);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
}

/// A venue may open an order again that was filled, by making it larger. It counts again.
#[test]
fn c16_an_order_that_is_open_again_counts_again() {
    let mut world = World::new(&wide(&[(Key::OpenOrders, 1), (Key::Long, 5 * UNIT)]));
    let request = limit(BUY, 2, 99);
    let id = world.place(&request).unwrap();
    world.fill(id, &request, 2, 99, 0);
    let target = Target::new(Level::Strategy, 0);
    assert_eq!(world.gate.open_orders(target), 0);
    world.settle(&qt_engine::Settlement { leaves: Qty::from_lots(3), ..plain(id, &request) });
    assert_eq!(world.gate.open_orders(target), 1);
    let outside = (Control::OpenOrders, 1, 2);
    fails(&mut world, &on_book(limit(BUY, 1, 100)), DenyReason::MaxOpenOrders, outside);
    let larger = OrderRequest { replaces: id, ..limit(BUY, 4, 99) };
    let outside = (Control::Position, 5 * UNIT, 6 * UNIT);
    fails(&mut world, &larger, DenyReason::MaxPosition, outside);
    world.settle(&qt_engine::Settlement { ended: true, ..plain(id, &request) });
    assert_eq!(world.gate.open_orders(target), 0);
}

#[test]
fn c27_unknown_orders_count_in_full() {
    let mut world = World::new(&wide(&[(Key::UnknownOrders, 1), (Key::Long, 10 * UNIT)]));
    let request = limit(BUY, 4, 99);
    let first = world.place(&request).unwrap();
    let second = world.place(&request).unwrap();
    let lost = |id| qt_engine::Settlement { unknown: true, ..plain(id, &request) };
    world.settle(&lost(first));
    assert_eq!(world.ask(&limit(BUY, 2, 99)), Ok(()));
    world.gate.withdraw_pending();
    let outside = (Control::Position, 10 * UNIT, 11 * UNIT);
    fails(&mut world, &limit(BUY, 3, 99), DenyReason::MaxPosition, outside);
    world.settle(&lost(second));
    let outside = (Control::Unknown, 1, 2);
    fails(&mut world, &limit(BUY, 1, 99), DenyReason::UnknownOrders, outside);
    world.end(second, &request);
    assert_eq!(world.ask(&limit(BUY, 6, 99)), Ok(()), "resolved");
}

#[test]
fn c28_reconciliation() {
    let mut world = World::new(&wide(&[(Key::ReconcileTime, 1_000)]));
    world.trade(0, BUY, 2, 100);
    world.reconcile(0, 0, 2);
    world.reconcile(0, 0, 1);
    world.wait(SECOND);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
    world.gate.withdraw_pending();
    world.wait(MILLI);
    world.reconcile(0, 0, 1);
    let reason = DenyReason::ReconciliationBreak;
    fails(&mut world, &market(BUY, 1), reason, (Control::Reconciled, 1_000, 1_001));
    assert_eq!(world.ask(&market(SELL, 1)), Ok(()), "reducing passes");
    assert_eq!(world.ask(&on_book(limit(BUY, 1, 99))), Ok(()), "another instrument");
    world.reconcile(0, 0, 2);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
}

#[test]
fn c29_a_missing_limit_denies() {
    assert_eq!(World::new(&wide(&[])).ask(&market(BUY, 1)), Ok(()));
    let reason = DenyReason::LimitMissing;
    let missing = (Control::Configured, 0, 1);
    fails(&mut World::new(&Profile::new(ProfileName::Live)), &market(BUY, 1), reason, missing);
    for row in &qt_risk::KEYS {
        let mut profile = wide(&[]);
        match row.holder {
            qt_risk::Holder::Instrument => profile.instruments_mut().set(row.key, gone()),
            qt_risk::Holder::Node => profile.level_mut(Level::Tenant).set(row.key, gone()),
        }
        fails(&mut World::new(&profile), &market(BUY, 1), reason, missing);
    }
    let mut world = World::new(&wide(&[]));
    assert!(!world.gate.set_limits(Target::GLOBAL, &LimitSet::default()));
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()), "an incomplete set changes nothing");
}

fn gone() -> qt_risk::Limit {
    qt_risk::Limit::MISSING
}

#[test]
fn c30_build() {
    let mut world = World::with(&wide(&[]), |setup| setup.is_build_approved = false);
    let reason = DenyReason::BuildNotApproved;
    fails(&mut world, &market(BUY, 1), reason, (Control::Build, 0, 1));
}

#[test]
fn c31_fills_that_should_not_have_been() {
    let mut world = World::new(&wide(&[(Key::FillBandBps, 500)]));
    world.trade(0, BUY, 1, 105);
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
    world.gate.withdraw_pending();
    world.trade(0, BUY, 1, 106);
    let outside = (Control::PostTrade, 0, 1);
    fails(&mut world, &market(BUY, 1), DenyReason::PostTradeBreak, outside);
    let mut world = World::new(&wide(&[]));
    world.fill(OrderId::new(9, 9), &market(BUY, 1), 1, 100, 0);
    fails(&mut world, &market(BUY, 1), DenyReason::PostTradeBreak, outside);
    assert_eq!(world.gate.position(Target::GLOBAL, InstrumentId(0)), Qty::from_lots(1));
    let mut world = World::new(&wide(&[]));
    let request = market(BUY, 2);
    let id = world.place(&request).unwrap();
    let over = qt_engine::Settlement {
        overfilled: true,
        price: Some(Price::from_ticks(100)),
        ..plain(id, &request)
    };
    world.settle(&over);
    fails(&mut world, &market(BUY, 1), DenyReason::PostTradeBreak, outside);
}

#[test]
fn the_account_keeps_its_word() {
    let mut world = World::new(&wide(&[]));
    let cash = qt_risk::AccountGate::new(qt_risk::Account::Cash, Default::default(), None);
    let profile = wide(&[]);
    let setup = qt_risk::Setup::single(&profile, &world.specs, Cash::ZERO, 10);
    world.gate = qt_risk::RiskGate::new(&setup, cash);
    world.price(0, 100);
    let reason = DenyReason::ShortNotAllowed;
    fails(&mut world, &market(SELL, 1), reason, (Control::Account, 0, 1));
    assert_eq!(world.ask(&market(BUY, 1)), Ok(()));
}
