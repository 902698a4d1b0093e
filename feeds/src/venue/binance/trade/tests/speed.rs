//! How long the way of a report takes, and how much memory it leaves behind.

use std::time::Duration;

use super::desk::*;
use crate::machine::{Happened, Machine};

/// Prints what a report costs from its bytes to the event for the engine, and a command from the
/// engine to its bytes: `cargo nextest run --release -p qt-feeds -E 'test(speed)' --run-ignored
/// all --no-capture`.
#[test]
#[ignore = "it measures"]
fn speed() {
    const COUNT: u32 = 200_000;
    let desk = &mut Desk::up();
    desk.place(1);
    let frames: Vec<Vec<u8>> = (0..COUNT)
        .map(|at| {
            let said = Said::of(id(1), "TRADE", "PARTIALLY_FILLED");
            let said = said
                .with("l", serde_json::json!("0.00100000"))
                .with("L", serde_json::json!("2500.00000000"))
                .with("n", serde_json::json!("0.00000100"))
                .with("N", serde_json::json!("ETH"))
                .with("t", serde_json::json!(at));
            let event = said.event(u64::from(at) + 10);
            format!("{{\"subscriptionId\":0,\"event\":{}}}", ordered(&event)).into_bytes()
        })
        .collect();
    let (link, now_ns) = (desk.link(), desk.now());
    let mut told = 0_u32;
    let took = time(|| {
        for frame in &frames {
            desk.machine.handle(Happened::Frame(link, frame), now_ns);
            while desk.machine.next_event().is_some() {
                told += 1;
            }
        }
    });
    assert_eq!(told, COUNT);
    println!("report in: {} ns each", took.as_nanos() / u128::from(COUNT));
    let command = cancel(1);
    let took = time(|| {
        for _ in 0..COUNT / 10 {
            desk.machine.submit(&command, now_ns, now_ns);
            while desk.machine.next_act().is_some() {}
        }
    });
    println!("signed cancel out: {} ns each", took.as_nanos() / u128::from(COUNT / 10));
}

/// The event with its name first, as the venue sends it.
fn ordered(event: &serde_json::Value) -> String {
    let text = event.to_string();
    let name = "\"e\":\"executionReport\",";
    format!("{{{name}{}", text.replacen(name, "", 1).trim_start_matches('{'))
}

#[expect(clippy::disallowed_types, reason = "a measurement")]
fn time(mut what: impl FnMut()) -> Duration {
    let begun = std::time::Instant::now();
    what();
    begun.elapsed()
}
