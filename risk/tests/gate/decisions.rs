//! Random flows through the gate and through the slow one: every decision must be the same.

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::{ProptestConfig, any, prop};
use proptest::proptest;
use qt_types::DenyReason;

use crate::differential::Pair;

/// How many orders at least, unless `QT_CASES` says otherwise, and of how many steps a flow is at
/// most. Less than half of the steps are orders, and a flow has half of the most on average.
const ORDERS: u64 = 400_000;
const STEPS: usize = 400;
const ORDERS_PER_FLOW: u64 = 80;

/// Codes that every run must have met: a generator that meets few proves little.
const CODES_MIN: usize = 36;

/// `QT_CASES` asks for more than CI has time for.
#[allow(clippy::disallowed_methods, reason = "a setting of the test, not of the core")]
fn orders() -> u64 {
    let asked = std::env::var("QT_CASES").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(ORDERS)
}

#[test]
fn decisions_are_those_of_a_slow_gate() {
    let seen = RefCell::new((BTreeSet::new(), 0_u64, 0_u64, 0_u64));
    let orders = orders();
    let flows = u32::try_from(orders / ORDERS_PER_FLOW + 1).unwrap_or(u32::MAX);
    let steps = prop::collection::vec(any::<[u16; 4]>(), 1..STEPS);
    let config =
        ProptestConfig { cases: flows, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(first in any::<u64>(), second in any::<u64>(), third in any::<u64>(),
        steps in steps)| {
        // An eighth of the limits is tight at a time: otherwise the first ones answer always.
        let mut pair = Pair::new(first & second & third, first ^ second);
        for (at, &step) in steps.iter().enumerate() {
            pair.step(at, step);
            if at % 16 == 0 {
                pair.compare(at);
            }
        }
        pair.compare(steps.len());
        let mut seen = seen.borrow_mut();
        seen.0.extend(pair.seen.iter().copied());
        seen.1 += steps.len() as u64;
        seen.2 += pair.approved;
        seen.3 += pair.asked;
    });
    let (codes, steps, approved, asked) = seen.into_inner();
    let names: Vec<&str> = codes.iter().map(|code: &DenyReason| code.text()).collect();
    println!(
        "{steps} steps, {asked} orders, {approved} approved, {} codes: {names:?}",
        names.len()
    );
    assert!(asked >= orders, "only {asked} of {orders} orders");
    assert!(approved * 20 > steps, "only {approved} of {steps} steps were approved orders");
    assert!(names.len() >= CODES_MIN, "only {} codes: {names:?}", names.len());
}
