//! How fast it is. Numbers depend on the machine: they are printed, not judged.

#![allow(clippy::disallowed_types, reason = "a measurement needs a clock")]

use std::time::Instant;

use qt_venue_sim::exchange::{Cancel, NewOrder, OrderRef, Side};

use crate::seeded::{ONE, SYMBOL, seeded};

#[test]
#[ignore = "a measurement: cargo nextest run --release -p qt-venue-sim --run-ignored all -E \
            'test(speed)' --no-capture"]
fn speed() {
    let mut simulation = seeded(1, 1_000_000);
    let begin = Instant::now();
    let mut changes = 0_u64;
    let mut events = Vec::new();
    for ms in 1..=5_000_i64 {
        while !simulation.advance(ms * 1_000_000) {}
        events.clear();
        simulation.exchange.drain_into(&mut events);
        changes += events.len() as u64;
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "seeded market: {:.0} events/s ({changes} in {seconds:.2} s)",
        changes as f64 / seconds
    );
    let ann = simulation.exchange.account_id("ann").unwrap();
    let begin = Instant::now();
    let count = 200_000_u64;
    for at in 0..count {
        let price = (20 + i64::try_from(at % 50).unwrap()) * ONE;
        let order = NewOrder::limit(SYMBOL, Side::Buy, price, ONE / 1_000);
        let id = simulation.exchange.place(ann, &order).unwrap().order.id;
        // Every other order stays: the queues grow.
        if at % 2 == 0 {
            let cancel = Cancel { order: OrderRef::id(id - id % 3), ..Cancel::default() };
            let _ = simulation.exchange.cancel(ann, SYMBOL, &cancel);
        }
        events.clear();
        simulation.exchange.drain_into(&mut events);
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("orders: {:.0} placed/s with {} open", count as f64 / seconds, count / 2);
}
