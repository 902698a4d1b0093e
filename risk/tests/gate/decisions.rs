//! Random flows through the gate and through the slow one: every decision must be the same.

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::{ProptestConfig, any, prop};
use proptest::proptest;
use qt_types::DenyReason;

use crate::differential::Pair;

/// How many flows, and of how many steps at most: a million steps by default.
const FLOWS: u32 = 5_000;
const STEPS: usize = 400;

/// Codes that every run must have met: a generator that meets few proves little.
const CODES_MIN: usize = 36;

#[test]
fn decisions_are_those_of_a_slow_gate() {
    let seen = RefCell::new((BTreeSet::new(), 0_u64, 0_u64));
    let steps = prop::collection::vec(any::<[u16; 4]>(), 1..STEPS);
    let config =
        ProptestConfig { cases: FLOWS, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(first in any::<u64>(), second in any::<u64>(), third in any::<u64>(),
        steps in steps)| {
        // An eighth of the limits is tight at a time: otherwise the first ones answer always.
        let mut pair = Pair::new(first & second & third);
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
    });
    let (codes, steps, approved) = seen.into_inner();
    let names: Vec<&str> = codes.iter().map(|code: &DenyReason| code.text()).collect();
    println!("{steps} steps, {approved} orders approved, {} codes: {names:?}", names.len());
    assert!(approved * 20 > steps, "only {approved} of {steps} steps were approved orders");
    assert!(names.len() >= CODES_MIN, "only {} codes: {names:?}", names.len());
}
