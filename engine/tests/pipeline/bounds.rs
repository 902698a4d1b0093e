//! Everything is bounded, and nothing that must leave is dropped at a bound.

use qt_engine::Command;
use qt_types::{InstrumentId, Intent, Limits, OrderKind, Price, Side};

use crate::support::{Bench, Switch, buy, buy_limit, fill, order};

fn counts(commands: &[Command]) -> (usize, usize) {
    let cancels = commands.iter().filter(|c| matches!(c, Command::Cancel(_))).count();
    (commands.len() - cancels, cancels)
}

#[test]
fn more_intents_than_allowed_are_dropped_and_counted() {
    let limits = Limits { intents_max: 3, ..Limits::default() };
    let mut bench = Bench::new(1, limits, Switch::default(), vec![vec![buy(1); 5]]);
    assert_eq!(bench.bar(0, 100).len(), 3);
    assert_eq!(bench.pipeline.intents_dropped(), 2);
}

#[test]
fn a_full_table_denies_whole_brackets() {
    let limits = Limits { orders_open_max: 4, ..Limits::default() };
    let mut with_bracket = order(Side::Buy, 1, OrderKind::Market);
    with_bracket.bracket.stop = Some(Price::from_ticks(90));
    with_bracket.bracket.target = Some(Price::from_ticks(110));
    let place = Intent::Place(with_bracket);
    let mut bench = Bench::new(1, limits, Switch::default(), vec![vec![place, place, buy(1)]]);
    // Three orders, then no room for three more, but for one.
    assert_eq!(bench.bar(0, 100).len(), 4);
    assert_eq!(bench.out.denials.len(), 1);
    assert_eq!(bench.pipeline.exposure().orders.room(), 0);
}

#[test]
fn a_close_out_reaches_every_order_and_every_position() {
    // Five instruments held and six orders at rest, but only two intents at once.
    let limits =
        Limits { intents_max: 2, orders_open_max: 32, instruments_max: 8, ..Limits::default() };
    let on = |instrument: u16, intent: Intent| {
        let Intent::Place(mut place) = intent else { panic!("an order") };
        place.instrument = InstrumentId(instrument);
        Intent::Place(place)
    };
    let mut script: Vec<Vec<Intent>> = (0..5).map(|i| vec![on(i, buy(10))]).collect();
    script.extend((0..3).map(|_| vec![buy_limit(1, 50); 2]));
    let mut bench = Bench::new(5, limits, Switch::default(), script);
    for instrument in 0..5 {
        bench.bar(instrument, 100);
        bench.report(instrument, fill(u64::from(instrument) + 1, 1, 10, 0));
    }
    for _ in 0..3 {
        assert_eq!(counts(&bench.bar(0, 100)), (2, 0));
    }
    bench.pipeline.close_out(&mut bench.out);
    let commands = bench.out.commands.as_slice().to_vec();
    assert_eq!(counts(&commands), (5, 6));
    let sold = |command: &Command| match command {
        Command::New(new) => {
            assert!(new.reduce_only && new.side == Side::Sell && new.qty.lots() == 10);
            Some(new.instrument.0)
        }
        _ => None,
    };
    let instruments: Vec<u16> = commands.iter().filter_map(sold).collect();
    assert_eq!(instruments, [0, 1, 2, 3, 4]);
    // Asked again while all of that is under way, it does not ask twice.
    bench.out.clear();
    bench.pipeline.close_out(&mut bench.out);
    assert!(bench.out.commands.is_empty());
    assert_eq!(bench.out.commands.dropped(), 0);
}

#[test]
fn a_close_out_closes_what_a_smaller_order_leaves() {
    let mut part = order(Side::Sell, 4, OrderKind::Market);
    part.reduce_only = true;
    let mut bench = Bench::open(vec![vec![buy(10)], vec![Intent::Place(part)]]);
    bench.bar(0, 100);
    bench.fill(1, 1, 10, 0);
    assert_eq!(bench.bar(0, 100).len(), 1);
    bench.pipeline.close_out(&mut bench.out);
    assert_eq!(counts(bench.out.commands.as_slice()), (1, 0));
}

#[test]
fn a_gate_that_calls_closes_out_in_the_place_of_the_strategy() {
    let gate = Switch { closes_out: true, ..Switch::default() };
    let mut bench = Bench::new(1, Limits::default(), gate, vec![vec![buy(10)], vec![buy(10)]]);
    // What the strategy asks for on the bar of the call is dropped.
    assert!(bench.bar(0, 100).is_empty());
    assert!(bench.bar(0, 100).is_empty());
    assert!(bench.pipeline.exposure().orders.is_empty());
}

#[test]
fn the_outbox_has_room_for_the_worst_event() {
    // One fill leaves the account flat with every slot of the table taken by resting
    // protection; all of it is cancelled at once.
    let limits =
        Limits { intents_max: 2, orders_open_max: 16, instruments_max: 1, ..Limits::default() };
    let mut rest = order(Side::Sell, 1, OrderKind::Limit { price: Price::from_ticks(200) });
    rest.reduce_only = true;
    let mut script = vec![vec![buy(1)]];
    script.extend((0..7).map(|_| vec![Intent::Place(rest); 2]));
    script.push(vec![Intent::Place(order(Side::Sell, 1, OrderKind::Market))]);
    let mut bench = Bench::new(1, limits, Switch::default(), script);
    bench.bar(0, 100);
    bench.fill(1, 1, 1, 0);
    for _ in 0..7 {
        bench.bar(0, 100);
    }
    bench.bar(0, 100);
    let ends = bench.fill(16, 2, 1, 0);
    assert_eq!(counts(&ends), (0, 14));
    assert_eq!(bench.out.commands.dropped(), 0);
}

#[test]
fn equal_events_give_equal_hashes_and_other_events_others() {
    let run = |close: i64, lots: i64| {
        let mut bench = Bench::open(vec![vec![buy(10)]]);
        bench.bar(0, 100);
        bench.fill(1, 1, lots, 10 - lots);
        bench.bar(0, close);
        bench.pipeline.state_hash()
    };
    assert_eq!(run(101, 4), run(101, 4));
    assert_ne!(run(101, 4), run(102, 4));
    assert_ne!(run(101, 4), run(101, 5));
}
