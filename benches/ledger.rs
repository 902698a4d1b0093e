//! The cost of booking a fill, in a ledger that has booked none and in one that has booked a
//! million: it must not depend on the past.

use criterion::{Criterion, criterion_group, criterion_main};
use qt_engine::{Deal, Ledger};
use qt_types::{Cash, E9, InstrumentId, InstrumentKind, InstrumentSpec, Price, Qty, Side};

fn fills(ledger: &mut Ledger, spec: &InstrumentSpec, count: i64) {
    for at in 0..count {
        let side = if at % 2 == 0 { Side::Buy } else { Side::Sell };
        let price = Price::from_ticks(10_000 + at % 97);
        let fee = Cash::from_nano(1_000_000);
        let deal = Deal::new(InstrumentId(0), side, price, Qty::from_lots(100)).with_fee(fee);
        ledger.fill(spec, &deal).expect("the amounts are small");
    }
}

fn ledger(criterion: &mut Criterion) {
    let spec = InstrumentSpec::new("X", "USD", InstrumentKind::Equity, 10_000_000, E9, E9)
        .expect("the units are positive");
    let capital = Cash::from_nano(1_000_000_000_000_000);
    for (name, past) in [("fill/new", 0), ("fill/after_1e6", 1_000_000)] {
        let mut ledger = Ledger::new(capital, 1);
        fills(&mut ledger, &spec, past);
        criterion.bench_function(name, |bencher| bencher.iter(|| fills(&mut ledger, &spec, 2)));
    }
}

criterion_group!(benches, ledger);
criterion_main!(benches);
