//! The strategies that follow signals.

use qt_strategies::prelude::*;
use qt_types::{MaybePrice, Signal, SignalAction, SignalSize, SourceId};

use crate::stage::{AUTO_LOTS, SECOND_NS, Stage};

const FAR_NS: i64 = 1_000_000 * SECOND_NS;

fn signal(action: SignalAction, confidence: f64) -> Signal {
    Signal {
        id: [7; 16],
        expires_ns: Nanos::new(FAR_NS),
        size: SignalSize::Open,
        limit: MaybePrice::NONE,
        stop: MaybePrice::NONE,
        target: MaybePrice::NONE,
        horizon_s: 60,
        confidence_e9: (confidence * 1e9) as u32,
        strength_e9: 1_000_000_000,
        source: SourceId(1),
        action,
    }
}

fn buy() -> Signal {
    signal(SignalAction::Buy, 1.0)
}

fn sell() -> Signal {
    signal(SignalAction::Sell, 1.0)
}

/// A market at 100.0 to 100.1 and whoever follows there.
fn follower(params: &str) -> Stage {
    let mut stage = Stage::new("ai_signal_follow", params);
    stage.book(1_000, 1_001);
    stage
}

/// The position after the signals, each answered by the venue.
fn after(stage: &mut Stage, signals: &[Signal]) -> i64 {
    for signal in signals {
        stage.signal(*signal);
        stage.answer();
    }
    stage.position()
}

#[test]
fn confidence_decides_whether_and_how_much() {
    let of = |confidence: f64| {
        after(&mut follower("threshold=0.6 least=0.2"), &[signal(SignalAction::Buy, confidence)])
    };
    assert_eq!((of(0.599_999), of(0.6), of(0.8), of(1.0)), (0, 2, 6, AUTO_LOTS));
    let weak = Signal { strength_e9: 500_000_000, ..buy() };
    assert_eq!(after(&mut follower(""), &[weak]), AUTO_LOTS / 2);
}

#[test]
fn sizes_that_the_signal_says() {
    let of = |size: SignalSize| after(&mut follower(""), &[Signal { size, ..buy() }]);
    assert_eq!(of(SignalSize::Quantity(Qty::from_lots(3))), 3);
    assert_eq!(of(SignalSize::Target(Qty::from_lots(4))), 4);
    // A tenth of 1,000,000 at 100.0, in lots of 0.001.
    assert_eq!(of(SignalSize::WeightE9(100_000_000)), 1_000_000);
    assert_eq!(of(SignalSize::WeightE9(0)), 0);
}

#[test]
fn what_is_not_meant_does_nothing() {
    let expired = Signal { expires_ns: Nanos::new(0), ..buy() };
    let other = Signal { source: SourceId(2), ..buy() };
    let late = Signal { horizon_s: 0, ..buy() };
    let hold = signal(SignalAction::Hold, 1.0);
    let close = signal(SignalAction::Close, 1.0);
    for signal in [expired, other, late, hold, close] {
        let mut stage = follower("source=1");
        stage.signal(signal);
        assert_eq!((stage.sent.len(), stage.position()), (0, 0), "{signal:?}");
    }
    let wrong = |stop: Option<i64>, target: Option<i64>| {
        let price = |ticks: Option<i64>| MaybePrice::from(ticks.map(Price::from_ticks));
        let signal = Signal { stop: price(stop), target: price(target), ..buy() };
        let mut stage = follower("");
        stage.signal(signal);
        // The entry, and what protects it.
        stage.sent.len()
    };
    assert_eq!(wrong(Some(1_001), None), 0);
    assert_eq!(wrong(None, Some(999)), 0);
    assert_eq!(wrong(Some(900), Some(1_100)), 3);
}

#[test]
fn sides_turn_and_shorts_need_leave() {
    assert_eq!(after(&mut follower(""), &[sell()]), 0);
    assert_eq!(after(&mut follower(""), &[buy(), sell()]), 0);
    assert_eq!(after(&mut follower("short=true"), &[sell()]), -AUTO_LOTS);
    assert_eq!(after(&mut follower("short=true"), &[buy(), sell()]), -AUTO_LOTS);
    assert_eq!(after(&mut follower("short=true"), &[sell(), buy()]), AUTO_LOTS);
    // Once is enough.
    assert_eq!(after(&mut follower(""), &[buy(), buy(), buy()]), AUTO_LOTS);
    let close = signal(SignalAction::Close, 0.7);
    assert_eq!(after(&mut follower(""), &[buy(), close]), 0);
}

#[test]
fn the_horizon_ends_it_and_a_later_one_prolongs_it() {
    let mut stage = follower("");
    assert_eq!(after(&mut stage, &[buy()]), AUTO_LOTS);
    stage.wait(30 * SECOND_NS);
    // Until 90 s from now on: later than the first one's end; then one that ends before it.
    after(&mut stage, &[Signal { horizon_s: 90, ..buy() }, Signal { horizon_s: 5, ..buy() }]);
    stage.wait(89 * SECOND_NS);
    stage.answer();
    assert_eq!(stage.position(), AUTO_LOTS);
    stage.wait(SECOND_NS);
    stage.answer();
    assert_eq!(stage.position(), 0);
}

#[test]
fn a_limit_waits_and_goes_with_the_horizon() {
    let mut stage = follower("");
    let limit = Some(Price::from_ticks(990)).into();
    assert_eq!(after(&mut stage, &[Signal { limit, ..buy() }]), 0);
    assert_eq!(stage.resting(), [('B', 990, AUTO_LOTS)]);
    // Another one takes its place.
    let limit = Some(Price::from_ticks(991)).into();
    after(&mut stage, &[Signal { limit, ..buy() }]);
    assert_eq!(stage.resting(), [('B', 991, AUTO_LOTS)]);
    stage.wait(60 * SECOND_NS);
    stage.answer();
    assert_eq!((stage.resting(), stage.position()), (vec![], 0));
}

fn blend(params: &str) -> Stage {
    let mut stage = Stage::new("signal_blend", params);
    stage.book(1_000, 1_001);
    stage
}

fn of_source(source: u16, action: SignalAction, confidence: f64) -> Signal {
    Signal { source: SourceId(source), ..signal(action, confidence) }
}

#[test]
fn equal_voices_cancel_each_other_out() {
    let (buy, sell) = (SignalAction::Buy, SignalAction::Sell);
    let both = [of_source(1, buy, 0.9), of_source(2, sell, 0.9)];
    let mut stage = blend("short=true");
    assert_eq!(after(&mut stage, &both[..1]), AUTO_LOTS);
    assert_eq!(after(&mut stage, &both[1..]), 0);
    assert_eq!(after(&mut stage, &[of_source(3, sell, 1.0), of_source(1, sell, 1.0)]), -AUTO_LOTS);
    assert_eq!(after(&mut blend(""), &[of_source(1, buy, 0.4)]), 0);
}

#[test]
fn who_was_wrong_counts_less() {
    let (buy, sell) = (SignalAction::Buy, SignalAction::Sell);
    let mut stage = blend("enter=0.99");
    // Source 1 says up and source 2 says down, again and again, and it goes up.
    for step in 0..20 {
        stage.book(1_000 + step * 10, 1_001 + step * 10);
        stage.signal(of_source(1, buy, 1.0));
        stage.signal(of_source(2, sell, 1.0));
        stage.answer();
        stage.wait(SECOND_NS);
    }
    // By now nobody listens to the second one: its accuracy is below the floor.
    assert_eq!(stage.position(), AUTO_LOTS);
    stage.book(2_000, 2_001);
    stage.wait(120 * SECOND_NS);
    stage.answer();
    assert_eq!(stage.position(), 0, "what was said holds until its horizon");
}
