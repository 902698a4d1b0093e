//! The cost of one order at the risk gate, with every control on, and as a backtest has it.

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};

#[path = "../cli/src/bench/risk_rig.rs"]
mod rig;

use rig::{Limits, Rig};

/// Only the checks are timed, not the world around them.
fn checks(rig: &mut Rig, count: u64, denied: bool) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..count {
        let request = rig.next_order();
        let asked = if denied { Rig::too_large(&request) } else { request };
        let clock = Instant::now();
        let result = rig.check(&asked);
        total += clock.elapsed();
        assert_eq!(result.is_err(), denied, "{result:?}");
        if !denied {
            rig.report(&request);
        }
    }
    total
}

fn risk(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("risk");
    for (name, limits, denied) in [
        ("check/all", Limits::All, false),
        ("check/research", Limits::Research, false),
        ("deny/all", Limits::All, true),
    ] {
        let mut rig = Rig::new(limits).expect("every order of the rig passes");
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| checks(&mut rig, count, denied));
        });
    }
    for (name, limits) in [("order/all", Limits::All), ("order/research", Limits::Research)] {
        let mut rig = Rig::new(limits).expect("every order of the rig passes");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let request = rig.next_order();
                rig.check(&request).expect("every order of the rig passes");
                rig.report(&request);
            });
        });
    }
    for (name, limits) in [("price/all", Limits::All), ("price/research", Limits::Research)] {
        let mut rig = Rig::new(limits).expect("every order of the rig passes");
        group.bench_function(name, |bencher| bencher.iter(|| rig.print()));
    }
    group.bench_function("floor_clock", |bencher| {
        bencher.iter(|| Instant::now().elapsed());
    });
    group.finish();
}

criterion_group!(benches, risk);
criterion_main!(benches);
