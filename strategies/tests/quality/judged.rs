//! One claim against the prices after it.

use proptest::prelude::*;
use qt_strategies::quality::{Claim, Ending, Outcome, Span, Verdict, judge, last_close};
use qt_types::{Nanos, Side};

use crate::naive;

fn span(from: i64, to: i64, prices: [i64; 4]) -> Span {
    let [open, high, low, close] = prices;
    Span { from_ns: Nanos::new(from), to_ns: Nanos::new(to), open, high, low, close }
}

/// Up from 100, heard at 10, meant until 50.
fn claim() -> Claim {
    Claim {
        side: Side::Buy,
        confidence_e9: 800_000_000,
        arrived_ns: Nanos::new(10),
        until_ns: Nanos::new(50),
        taken_back_ns: None,
        price: 100,
        stop: None,
        target: None,
    }
}

/// Ten long each, from 0 on.
fn spans() -> Vec<Span> {
    let prices = [
        [100, 100, 100, 100],
        [100, 104, 99, 102],
        [102, 110, 101, 108],
        [108, 109, 90, 95],
        [95, 96, 94, 96],
        [96, 200, 96, 200],
    ];
    (0..).zip(prices).map(|(at, prices)| span(at * 10, at * 10 + 10, prices)).collect()
}

fn done(claim: &Claim) -> Outcome {
    match judge(claim, &spans(), Nanos::new(60)) {
        Verdict::Done(outcome) => outcome,
        other => panic!("{claim:?}: {other:?}"),
    }
}

fn ended(claim: &Claim) -> (Ending, i64, i64) {
    let of = done(claim);
    (of.ending, of.ended_ns.get(), of.price_end)
}

#[test]
fn a_claim_ends_by_its_horizon_or_before() {
    let up = claim();
    assert_eq!(ended(&up), (Ending::Horizon, 50, 96));
    assert!(!done(&up).is_hit() && (done(&up).change() + 0.04).abs() < 1e-12);
    let down = Claim { side: Side::Sell, ..up };
    assert!(done(&down).is_hit() && (done(&down).change() - 0.04).abs() < 1e-12);
    assert_eq!(ended(&Claim { stop: Some(95), ..up }), (Ending::Stop, 40, 95));
    assert_eq!(ended(&Claim { stop: Some(95), target: Some(110), ..up }).0, Ending::Target);
    assert_eq!(ended(&Claim { stop: Some(95), target: Some(109), ..up }).2, 109);
    // Both in one span: the stop.
    assert_eq!(ended(&Claim { stop: Some(99), target: Some(103), ..up }), (Ending::Stop, 20, 99));
    // On the wrong side of the price they are none.
    assert_eq!(ended(&Claim { stop: Some(101), target: Some(99), ..up }).0, Ending::Horizon);
    let back = Claim { taken_back_ns: Some(Nanos::new(30)), ..up };
    assert_eq!(ended(&back), (Ending::TakenBack, 30, 108));
    assert_eq!(ended(&Claim { taken_back_ns: Some(Nanos::new(90)), ..up }).0, Ending::Horizon);
    // It opens beyond its target already.
    let spans = [span(20, 30, [130, 140, 120, 125])];
    let far = Claim { target: Some(110), ..up };
    let Verdict::Done(of) = judge(&far, &spans, Nanos::new(30)) else { panic!("not over") };
    assert_eq!((of.ending, of.price_end), (Ending::Target, 130));
}

#[test]
fn what_lies_before_its_arrival_and_after_its_end_is_not_its() {
    // In the middle of a span: what that one touches may have been before it came.
    let inside = Claim { arrived_ns: Nanos::new(25), price: 102, target: Some(109), ..claim() };
    assert_eq!(ended(&inside), (Ending::Target, 40, 109));
    let early = Claim { until_ns: Nanos::new(39), target: Some(109), ..inside };
    assert_eq!(ended(&early), (Ending::Horizon, 39, 108));
    let verdict = |claim: &Claim, known: i64| judge(claim, &spans(), Nanos::new(known));
    assert_eq!(verdict(&claim(), 49), Verdict::Open);
    assert_eq!(verdict(&Claim { until_ns: Nanos::new(19), ..claim() }, 60), Verdict::Unseen);
    assert_eq!(verdict(&Claim { price: 0, ..claim() }, 60), Verdict::Unseen);
    assert_eq!(
        [last_close(&spans(), Nanos::new(9)), last_close(&spans(), Nanos::new(35))],
        [None, Some(108)]
    );
}

#[test]
fn it_is_looked_at_after_each_tenth() {
    let marks = done(&claim()).marks;
    let wanted = [0, 0, 2, 2, 8, 8, 8, -5, -5, -4].map(|per_cent| f64::from(per_cent) / 100.0);
    // After 4, 8, 12, .. of 40: the closes at 20, 30, 40 and 50.
    assert_eq!(marks, wanted);
    let stopped = done(&Claim { stop: Some(95), ..claim() }).marks;
    assert_eq!(stopped[7..], [-0.05; 3], "after its end what it brought in all");
}

fn claims() -> impl Strategy<Value = Claim> {
    let exits = (prop::option::of(80_i64..120), prop::option::of(80_i64..120));
    (any::<bool>(), 0_i64..300, 1_i64..200, prop::option::of(1_i64..200), exits).prop_map(
        |(is_buy, arrived, length, back, (stop, target))| Claim {
            side: if is_buy { Side::Buy } else { Side::Sell },
            confidence_e9: 500_000_000,
            arrived_ns: Nanos::new(arrived),
            until_ns: Nanos::new(arrived + length),
            taken_back_ns: back.map(|back| Nanos::new(arrived + back)),
            price: 100,
            stop,
            target,
        },
    )
}

fn markets() -> impl Strategy<Value = Vec<Span>> {
    let one = (0_i64..9, 1_i64..12, 80_i64..120, 80_i64..120, 0_i64..6, 0_i64..6);
    prop::collection::vec(one, 0..40).prop_map(|all| {
        let mut at = 0;
        let mut next =
            |(pause, length, open, close, above, below): (i64, i64, i64, i64, i64, i64)| {
                let from = at + pause;
                at = from + length;
                span(from, at, [open, open.max(close) + above, open.min(close) - below, close])
            };
        all.into_iter().map(&mut next).collect()
    })
}

proptest! {
    #[test]
    fn judged_as_the_rules_say(claim in claims(), spans in markets(), known in 0_i64..700) {
        let verdict = judge(&claim, &spans, Nanos::new(known));
        match (verdict, naive::ended(&claim, &spans, known)) {
            (Verdict::Done(it), Some((ns, ending, price))) => {
                prop_assert_eq!((it.ended_ns.get(), it.ending, it.price_end), (ns, ending, price));
                for (tenth, mark) in (1..).zip(it.marks) {
                    let wanted = naive::mark(&claim, &spans, (ns, price), tenth);
                    prop_assert!((mark - wanted).abs() < 1e-12, "{tenth}: {mark} {wanted}");
                }
            }
            (Verdict::Open | Verdict::Unseen, None) => {}
            (verdict, wanted) => prop_assert!(false, "{verdict:?} {wanted:?}"),
        }
    }

    /// More prices never change what is over: an evaluator may look as often as it likes.
    #[test]
    fn what_is_over_stays_as_it_is(claim in claims(), spans in markets(), known in 0_i64..700) {
        if let Verdict::Done(early) = judge(&claim, &spans, Nanos::new(known)) {
            prop_assert_eq!(judge(&claim, &spans, Nanos::MAX), Verdict::Done(early));
        }
    }
}
