//! Signals in runs over bars: each is heard when it has arrived, after the bars that end then, and
//! never before.

use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use qt_backtest::signals::ArrivingSignal;
use qt_engine::{Context, Strategy};
use qt_types::{Bar, InstrumentId, MaybePrice, Nanos, Signal, SignalAction, SignalSize, SourceId};

use crate::harness::Case;
use crate::script::{BUY, market};

/// What came: which instrument, a bar's close or a signal's number as a negative one, and when.
type Came = (u16, i64, i64);

/// Buys one lot at each signal whose number is a multiple of seven.
#[derive(Clone, Debug, Default)]
struct Listener {
    came: Vec<Came>,
    buys: bool,
}

impl Strategy for Listener {
    fn on_bar(&mut self, bar: &Bar, ctx: &mut Context<'_>) {
        self.came.push((ctx.instrument().0, bar.close.ticks(), ctx.now_ns().get()));
    }

    fn on_signal(&mut self, signal: &Signal, ctx: &mut Context<'_>) {
        assert_eq!(ctx.venue_ns(), Nanos::new(-5), "when it was issued");
        let number = i64::from(signal.horizon_s);
        self.came.push((ctx.instrument().0, -number, ctx.now_ns().get()));
        if self.buys && number % 7 == 0 {
            ctx.place(market(BUY, 1));
        }
    }
}

fn signal(number: u32, instrument: u16, recv_ns: i64) -> ArrivingSignal {
    let signal = Signal {
        id: u128::from(number).to_be_bytes(),
        expires_ns: Nanos::MAX,
        size: SignalSize::Open,
        limit: MaybePrice::NONE,
        stop: MaybePrice::NONE,
        target: MaybePrice::NONE,
        horizon_s: number,
        confidence_e9: 1,
        strength_e9: 1,
        source: SourceId(1),
        action: SignalAction::Hold,
    };
    let instrument = InstrumentId(instrument);
    ArrivingSignal { recv_ns: Nanos::new(recv_ns), issued_ns: Nanos::new(-5), instrument, signal }
}

/// Five bars that open at 10, 20, 30, 40, 50 and close five higher; from 100 i to 100 (i + 1).
fn case() -> Case {
    Case::new(&[10, 20, 30, 40, 50].map(|open| [open, open + 5, open, open + 5]))
}

fn run(case: &Case, signals: &[ArrivingSignal]) -> (Vec<Came>, Vec<(i64, i64)>) {
    let tapes = case.tapes();
    let listener = Listener { buys: true, ..Listener::default() };
    let mut sim = case.simulator(&tapes, listener).with_signals(signals.to_vec());
    sim.run(&AtomicBool::new(false), |_, _| {}).unwrap();
    let fills = sim.recorder().fills().iter();
    let fills = fills.map(|fill| (fill.venue_ns.get(), fill.price.ticks())).collect();
    (sim.pipeline().strategy().came.clone(), fills)
}

#[test]
fn a_signal_of_the_close_is_not_known_to_the_bar() {
    let (came, fills) = run(&case(), &[signal(2, 0, 200), signal(1, 0, 199), signal(3, 0, 201)]);
    let wanted = [
        (0, 15, 100),
        (0, -1, 199),
        (0, 25, 200),
        (0, -2, 200),
        (0, -3, 201),
        (0, 35, 300),
        (0, 45, 400),
        (0, 55, 500),
    ];
    assert_eq!((came.as_slice(), fills.len()), (wanted.as_slice(), 0));
}

#[test]
fn what_a_signal_asks_for_fills_at_the_next_open() {
    assert_eq!(run(&case(), &[signal(7, 0, 150)]).1, [(200, 30)]);
    // With the end of a bar: the open of the same time, which comes after it.
    assert_eq!(run(&case(), &[signal(7, 0, 200)]).1, [(200, 30)]);
    // Before the data there is no price yet, and after it no market.
    assert_eq!(run(&case(), &[signal(14, 0, 501)]).1, []);
}

proptest! {
    /// Against the naive way: all that there is, in the order of its times, a bar before a signal.
    #[test]
    fn all_come_in_their_order(
        first in prop::collection::vec(1_i64..60, 1..30),
        second in prop::collection::vec(1_i64..60, 1..30),
        times in prop::collection::vec((-50_i64..3_200, 0_u16..2), 0..60),
        is_alone in any::<bool>(),
    ) {
        let bars = |closes: &[i64]| -> Vec<[i64; 4]> {
            closes.iter().map(|close| [*close, close + 1, (close - 1).max(1), *close]).collect()
        };
        let mut case = Case::new(&bars(&first));
        if !is_alone {
            case = case.and(&bars(&second));
        }
        let signals: Vec<ArrivingSignal> = (1..)
            .zip(&times)
            .map(|(number, (ns, of))| signal(number * 7 + 1, if is_alone { 0 } else { *of }, *ns))
            .collect();
        let mut wanted: Vec<(i64, u8, usize, Came)> = Vec::new();
        let all = if is_alone { vec![&first] } else { vec![&first, &second] };
        for (of, closes) in (0_u16..).zip(all) {
            for (at, close) in (1_i64..).zip(closes) {
                wanted.push((at * 100, 0, usize::from(of), (of, *close, at * 100)));
            }
        }
        let end_ns = wanted.iter().map(|it| it.0).max().unwrap();
        for (place, it) in signals.iter().enumerate() {
            let number = -i64::from(it.signal.horizon_s);
            let at_ns = it.recv_ns.get();
            if at_ns <= end_ns {
                wanted.push((at_ns, 1, place, (it.instrument.0, number, at_ns)));
            }
        }
        wanted.sort_by_key(|it| (it.0, it.1, it.2));
        let wanted: Vec<Came> = wanted.into_iter().map(|it| it.3).collect();
        prop_assert_eq!(run(&case, &signals).0, wanted);
    }
}
