//! The least that was left of each limit, as one would find it: every order that passed is
//! explained in full, and all is kept that anybody could ask about.

use std::collections::BTreeMap;

use qt_engine::OrderRequest;
use qt_risk::{CONTROLS, Control, Headroom, Key, Limit, Lowest, RiskGate};
use qt_types::Nanos;

use crate::support::{BUY, SELL, UNIT, World, limit, market, on_book, wide};

#[derive(Default)]
pub struct Nearest {
    by_control: BTreeMap<usize, Lowest>,
}

/// A product of 256 bits, the upper half first.
fn product(one: u128, other: u128) -> (u128, u128) {
    let half = |word: u128| (word >> 64, word & u128::from(u64::MAX));
    let ((a, b), (c, d)) = (half(one), half(other));
    let middle = half(b * c).1 + half(a * d).1 + ((b * d) >> 64);
    let upper = a * c + ((b * c) >> 64) + ((a * d) >> 64) + (middle >> 64);
    (upper, one.wrapping_mul(other))
}

fn is_nearer(one: &Headroom, other: &Headroom) -> bool {
    let of = |part: &Headroom, whole: &Headroom| {
        product(part.observed.unsigned_abs(), whole.limit.unsigned_abs())
    };
    of(one, other) > of(other, one)
}

impl Nearest {
    pub fn see(&mut self, explained: &[Headroom], request: &OrderRequest, at_ns: Nanos) {
        for &headroom in explained {
            let limit = Limit { soft: headroom.soft, hard: headroom.limit };
            let is_state = headroom.control == Control::Kill;
            if is_state || limit.is_off(headroom.unit) || headroom.observed <= 0 {
                continue;
            }
            let control = headroom.control as usize;
            let known = self.by_control.get(&control);
            if known.is_none_or(|known| is_nearer(&headroom, &known.headroom)) {
                let (instrument, side) = (request.instrument, request.side);
                let lowest = Lowest { headroom, instrument, side, at_ns };
                self.by_control.insert(control, lowest);
            }
        }
    }

    pub fn compare(&self, gate: &RiskGate, step: usize) {
        for row in CONTROLS {
            let known = self.by_control.get(&(row.control as usize));
            assert_eq!(gate.lowest(row.control), known, "step {step}: {}", row.id);
        }
    }
}

/// What is left of a limit at the largest of three orders, and when that was.
#[test]
fn the_largest_order_leaves_the_least() {
    let mut world = World::new(&wide(&[(Key::OrderQty, 10 * UNIT), (Key::Exposure, 2_000 * UNIT)]));
    world.gate.follow_lowest();
    let mut times = vec![];
    for lots in [2, 8, 5] {
        world.wait(1_000);
        times.push(world.now_ns);
        let request = limit(BUY, lots, 100);
        let id = world.place(&request).unwrap();
        world.end(id, &request);
    }
    let qty = world.gate.lowest(Control::OrderQty).unwrap();
    let told = (qty.headroom.observed, qty.headroom.limit, qty.headroom.headroom);
    assert_eq!(told, (8 * UNIT, 10 * UNIT, 2 * UNIT));
    assert_eq!((qty.at_ns.get(), qty.side, qty.instrument.0), (times[1], BUY, 0));
    // Eight at 100 of at most 2,000.
    let exposure = world.gate.lowest(Control::Exposure).unwrap().headroom;
    assert_eq!((exposure.observed, exposure.headroom), (800 * UNIT, 1_200 * UNIT));
    // An order that is denied leaves nothing, and changes nothing here.
    assert!(world.ask(&limit(BUY, 11, 100)).is_err());
    assert_eq!(world.gate.lowest(Control::OrderQty).unwrap().headroom.headroom, 2 * UNIT);
    assert_eq!(world.gate.lowest(Control::Kill), None, "it measures nothing");
}

/// What counts is the share of the limit, not the amount: of two instruments with limits of
/// their own the smaller order can be the nearer one.
#[test]
fn the_share_of_the_limit_decides() {
    let mut profile = wide(&[(Key::OrderQty, 100 * UNIT)]);
    profile.instrument_mut("I1").set(Key::OrderQty, Limit::hard(4 * UNIT));
    let mut world = World::new(&profile);
    world.gate.follow_lowest();
    world.place(&market(SELL, 50)).unwrap();
    assert_eq!(world.gate.lowest(Control::OrderQty).unwrap().instrument.0, 0);
    world.place(&on_book(market(SELL, 3))).unwrap();
    let lowest = world.gate.lowest(Control::OrderQty).unwrap();
    assert_eq!((lowest.instrument.0, lowest.headroom.headroom), (1, UNIT));
}

/// Of what is held and open, the limit of which the least is left: nearly what one lot more would
/// find, whatever two limits there are.
#[test]
fn the_tightest_limit_is_what_another_order_would_meet_first() {
    let limits: [&[(Key, i128)]; 12] = [
        &[(Key::Long, 4_000 * UNIT)],
        &[(Key::Long, 1_200 * UNIT)],
        &[(Key::Exposure, 300_000 * UNIT)],
        &[(Key::LeverageBps, 1_250)],
        &[(Key::PositionShareBps, 1_300)],
        &[(Key::PortfolioRiskBps, 70)],
        &[(Key::DailyLoss, 6_000 * UNIT)],
        &[(Key::DailyLossBps, 70)],
        &[(Key::Drawdown, 7_000 * UNIT)],
        &[(Key::WindowLoss, 5_500 * UNIT), (Key::LossWindow, 3_600_000)],
        &[(Key::Unexecuted, 120_000 * UNIT)],
        &[(Key::OpenOrders, 400)],
    ];
    let of_state = [
        Control::Position,
        Control::Exposure,
        Control::OpenOrders,
        Control::Unexecuted,
        Control::DailyLoss,
        Control::Drawdown,
        Control::Velocity,
    ];
    for (at, one) in limits.iter().enumerate() {
        for other in &limits[at..] {
            // So that losses are followed, and positions valued at every price.
            let followed = [(Key::Drawdown, qt_risk::MONEY_OFF / 2)];
            let mut world = World::new(&wide(&[&followed, *one, *other].concat()));
            world.trade(0, BUY, 1_000, 100);
            for _ in 0..200 {
                world.place(&limit(BUY, 1, 100)).unwrap();
            }
            world.price(0, 95);
            let explained = world.explain(&limit(BUY, 1, 95));
            let used = |of: &Headroom| of.observed as f64 / of.limit as f64 * 10_000.0;
            let is_it = |of: &&Headroom| {
                let limit = Limit { soft: of.soft, hard: of.limit };
                of_state.contains(&of.control) && !limit.is_off(of.unit) && of.limit > 0
            };
            let most = explained.iter().filter(is_it).map(used).fold(0.0, f64::max);
            let found = world.tightest().unwrap();
            // Shares are told in whole basis points, and a lot is one in a thousand.
            let apart = (found.used_bps as f64 - most).abs() / most;
            assert!(apart < 0.02, "{} {} {most}: {one:?} {other:?}", found.name, found.used_bps);
        }
    }
}

#[test]
fn a_limit_of_nothing_is_passed_by_anything() {
    let mut world = World::new(&wide(&[]));
    world.trade(0, BUY, 5, 100);
    let target = qt_risk::Target::GLOBAL;
    let key = Key::Exposure as u16;
    world.control(qt_types::ControlKind::Limit { target, key, hard: 0 });
    let found = world.tightest().unwrap();
    assert_eq!((found.name, found.left_bps()), ("exposure", None));
}
