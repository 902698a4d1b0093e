//! When we know what happened at the venue: by the data's own times of receipt, by the venue's,
//! and by what comes on top.

use std::collections::BTreeMap;

use proptest::prelude::*;
use qt_backtest::feed::{FeedLatency, FeedStart};
use qt_backtest::replay::Pace;
use qt_backtest::venue::LatencyModel;
use qt_types::{ReportKind, Tick};

use crate::harness::{Case, Outcome};
use crate::script::{BUY, SELL, market};
use crate::stream::record;
use crate::timing::any_case;

/// A book told at 0, and trades at `times`, each received so long after it.
fn trades(times: &[(i64, i64)], feed: FeedLatency) -> Case<Tick> {
    let mut case = Case::book(&[(99, 10)], &[(101, 10)]);
    case.feed = feed;
    case.latencies = vec![0, 0];
    for &(ns, latency_ns) in times {
        case = case.trade(ns, BUY, 101, 1);
        case.latencies.push(latency_ns);
    }
    case
}

fn receipt(model: LatencyModel) -> FeedLatency {
    FeedLatency { start: FeedStart::Receipt, model }
}

fn venue(model: LatencyModel) -> FeedLatency {
    FeedLatency { start: FeedStart::Venue, model }
}

/// When we were told of the trades: of all but the book in front and the record at the end.
fn known(out: &Outcome) -> Vec<i64> {
    let (_, told) = out.told.split_last().unwrap();
    told.iter().filter(|told| told.1 > 0).map(|told| told.0).collect()
}

#[test]
fn measured_latencies_come_on_top_of_the_times_of_receipt() {
    // Received at 100, 150, 230; measured: 10 until 100, 30 from 200 on.
    let model = LatencyModel::Recorded(vec![(100, 10), (200, 30)]);
    let case = trades(&[(100, 0), (145, 5), (200, 30)], receipt(model.clone()));
    assert_eq!(known(&case.run()), [110, 150 + 20, 230 + 30]);
    // From the venue's times: 100, 145, 200.
    let case = Case { feed: venue(model), ..case };
    assert_eq!(known(&case.run()), [110, 145 + 19, 230]);
}

#[test]
fn nothing_overtakes() {
    // The first one takes 50, the second one would take 5.
    let model = LatencyModel::Recorded(vec![(100, 50), (110, 5)]);
    let case = trades(&[(100, 0), (110, 0), (160, 0)], receipt(model));
    assert_eq!(known(&case.run()), [150, 150, 165]);
}

#[test]
fn the_venues_time_forgets_what_the_recorder_took() {
    let case = trades(&[(100, 70), (200, 70)], venue(LatencyModel::constant(5)));
    assert_eq!(known(&case.run()), [105, 205]);
    let case = Case { feed: receipt(LatencyModel::constant(5)), ..case };
    assert_eq!(known(&case.run()), [175, 275]);
    // An order that answers at once meets the ask of its arrival: 103 from 150 on.
    let bought = |feed| {
        let case = Case { feed, ..case.clone() }.place(120, market(BUY, 1));
        let mut case = case.level(210, SELL, 103, 5).level(210, SELL, 101, 0);
        case.latencies = vec![0];
        case.looks = vec![212, 216];
        let out = case.run();
        (out.seen.iter().map(|seen| seen.ask).collect::<Vec<_>>(), out.fills()[0].1)
    };
    assert_eq!(bought(venue(LatencyModel::constant(5))), (vec![101, 103], 101));
    assert_eq!(bought(venue(LatencyModel::constant(1))), (vec![103, 103], 101));
}

#[test]
fn what_is_received_at_one_time_comes_in_one_message() {
    let jitter = |seed| receipt(LatencyModel::Jittered { base_ns: 5, spread_ns: 1_000, seed });
    let times: Vec<(i64, i64)> = (0..60).map(|at| (10_000 * (1 + at / 3), 7)).collect();
    let case = |seed| trades(&times, jitter(seed)).run();
    let times = known(&case(1));
    assert!(times.chunks(3).all(|three| three[0] == three[1] && three[1] == three[2]), "{times:?}");
    let mut latencies: Vec<i64> =
        times.iter().step_by(3).zip(1..).map(|(ns, at)| ns - 10_000 * at - 7).collect();
    assert!(latencies.iter().all(|ns| (5..=1_005).contains(ns)), "{latencies:?}");
    latencies.sort_unstable();
    latencies.dedup();
    assert!(latencies.len() > 15, "they differ: {latencies:?}");
    assert_eq!(case(1), case(1));
    assert_ne!(known(&case(1)), known(&case(2)));
}

/// When each record of `case` is known, by the rule alone; `None` where chance decides.
fn arrivals(case: &Case<Tick>) -> Option<Vec<i64>> {
    let (mut recv_ns, mut last_ns) = (i64::MIN, i64::MIN);
    let mut all = Vec::new();
    for (at, tick) in case.ticks.iter().enumerate() {
        recv_ns = recv_ns.max(tick.venue_ns + case.latencies[at.min(case.latencies.len() - 1)]);
        let start_ns = if case.feed.start == FeedStart::Venue { tick.venue_ns } else { recv_ns };
        let latency_ns = match &case.feed.model {
            LatencyModel::Constant { new_ns, .. } => *new_ns,
            LatencyModel::Recorded(points) => measured(points, start_ns),
            LatencyModel::Jittered { .. } | LatencyModel::Sampled { .. } => return None,
        };
        last_ns = last_ns.max(start_ns + latency_ns);
        all.push(last_ns);
    }
    Some(all)
}

/// Between the measured points around `ns`, by their distance.
fn measured(points: &[(i64, i64)], ns: i64) -> i64 {
    let before = points.iter().rev().find(|point| point.0 <= ns);
    let after = points.iter().find(|point| point.0 > ns);
    match (before, after) {
        (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (ns - a.0) / (b.0 - a.0),
        (Some(one), None) | (None, Some(one)) => one.1,
        (None, None) => 0,
    }
}

/// What holds whatever the latencies are: we know things in the order in which they happened, not
/// before they were received and the shortest latency has passed; and nothing fills before its
/// order is there.
fn holds(case: &Case<Tick>, out: &Outcome) -> Result<(), TestCaseError> {
    prop_assert!(out.told.is_sorted(), "{:?}", out.told);
    prop_assert!(out.told.is_sorted_by_key(|told| told.1), "{:?}", out.told);
    let mut starts: BTreeMap<i64, i64> = BTreeMap::new();
    let mut recv_ns = i64::MIN;
    for (at, tick) in case.ticks.iter().enumerate() {
        recv_ns = recv_ns.max(tick.venue_ns + case.latencies[at.min(case.latencies.len() - 1)]);
        let start_ns = if case.feed.start == FeedStart::Venue { tick.venue_ns } else { recv_ns };
        starts.entry(tick.venue_ns).or_insert(start_ns);
    }
    for (known_ns, venue_ns) in &out.told {
        if let Some(start_ns) = starts.get(venue_ns) {
            prop_assert!(*known_ns >= start_ns + case.feed.model.shortest_ns());
        }
    }
    let mut there: BTreeMap<u64, i64> = BTreeMap::new();
    for said in &out.said {
        if said.kind == ReportKind::Accepted {
            there.insert(said.order, said.venue_ns);
        } else if said.kind == ReportKind::Filled {
            prop_assert!(there.get(&said.order).is_some_and(|&ns| ns <= said.venue_ns));
        }
    }
    Ok(())
}

fn words() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(any::<u64>(), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_known_before_its_time(venue in any::<u64>(), words in words()) {
        let case = any_case::<Tick>(venue, &words, |word, ns| record(word, ns, false));
        prop_assume!(!case.ticks.is_empty());
        for pace in [Pace::Ahead, Pace::Naive] {
            let out = case.run_at(pace);
            holds(&case, &out)?;
            if let Some(arrivals) = arrivals(&case) {
                // Not every record is told: some do not end an update.
                let times: Vec<i64> = out.told.iter().map(|told| told.0).collect();
                let end_ns = arrivals.last().copied().unwrap_or(i64::MIN);
                let told = times.iter().filter(|ns| **ns <= end_ns);
                for ns in told {
                    prop_assert!(arrivals.contains(ns), "{ns} of {arrivals:?}");
                }
            }
        }
    }

    // The clock of uneven latencies against the sum of even ones.
    #[test]
    fn a_model_that_comes_to_a_constant_is_the_constant(
        venue in any::<u64>(),
        words in words(),
        ns in 0_i64..30,
    ) {
        let case = any_case::<Tick>(venue, &words, |word, ns| record(word, ns, false));
        prop_assume!(!case.ticks.is_empty());
        let of = |model| Case { feed: receipt(model), ..case.clone() }.run_at(Pace::Ahead);
        let constant = of(LatencyModel::constant(ns));
        prop_assert_eq!(&of(LatencyModel::Recorded(vec![(0, ns)])), &constant);
        let jitter = LatencyModel::Jittered { base_ns: ns, spread_ns: 0, seed: venue };
        prop_assert_eq!(&of(jitter), &constant);
    }

    #[test]
    fn trades_are_known_when_the_rule_says(
        steps in prop::collection::vec((0_i64..20, 0_i64..30), 1..40),
        word in any::<u64>(),
        by_venue in any::<bool>(),
    ) {
        let mut ns = 0;
        let mut times = Vec::new();
        for (step, latency) in steps {
            ns += step + 1;
            times.push((ns, latency));
        }
        let model = crate::timing::latency(&mut crate::stream::Word::new(word));
        let feed = if by_venue { venue(model) } else { receipt(model) };
        let case = trades(&times, feed);
        if let Some(all) = arrivals(&case) {
            prop_assert_eq!(known(&case.run())[..times.len()].to_vec(), all[2..].to_vec());
        }
    }
}
