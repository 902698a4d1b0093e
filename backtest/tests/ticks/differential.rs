//! The venue against the naive one, on random streams with random orders: every report must be
//! the same. And what must hold of the reports whatever the rules are.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use qt_engine::book::CrossPolicy;
use qt_engine::book::naive::{NaiveBook, NaiveOrderBook};
use qt_types::{Liquidity, RejectReason, ReportKind};

use crate::harness::{levels_book, orders_book};
use crate::naive::NaiveMarket;
use crate::rig::{Happening, Rig};
use crate::script::{Said, Step};
use crate::stream::{Feed, config, happenings};

/// Cases of each of the four tests: 200,000 in all.
const CASES: u32 = 50_000;

fn cases() -> ProptestConfig {
    // QT_CASES asks for more than CI has time for.
    let asked = std::env::var("QT_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(CASES),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn check(venue: u64, words: &[u64], feed: Feed) -> Result<(), TestCaseError> {
    let config = config(venue);
    let (happenings, steps) = happenings(words, feed);
    let (book, market) = match feed {
        Feed::Orders => {
            (orders_book(), NaiveMarket::Orders(NaiveOrderBook::new(CrossPolicy::Uncross)))
        }
        _ => (levels_book(64), NaiveMarket::Levels(NaiveBook::new(CrossPolicy::Uncross))),
    };
    let most = lots_asked_for(&steps);
    let ours = steps.clone();
    let mut rig = Rig::new(&config, book, market, steps);
    let said = rig.play(&happenings);
    let said = said.map_err(|text| {
        TestCaseError::fail(format!("{config:?}\n{}{ours:#?}\n{text}", lines(&happenings)))
    })?;
    let broken = holds(said, most).err();
    prop_assert!(broken.is_none(), "{:?}\n{}", broken, lines(&happenings));
    Ok(())
}

/// One happening a line.
fn lines(happenings: &[Happening]) -> String {
    happenings.iter().map(|one| format!("{one:?}\n")).collect()
}

/// The largest quantity that any order is given.
fn lots_asked_for(steps: &[Step]) -> i64 {
    let of = |place: &qt_types::Place| match place.size {
        qt_types::Size::Fixed(qty) => qty.lots(),
        _ => 1,
    };
    let lots = |step: &Step| match step {
        Step::Replace(_, _, lots) => *lots,
        Step::Place(place) => of(place),
        Step::Pair(one, other) => of(one).max(of(other)),
        Step::Chain(first, one, other) => of(first).max(of(one)).max(of(other)),
        Step::Cancel(_) => 0,
    };
    steps.iter().map(lots).max().unwrap_or(0)
}

/// What holds of every run: nothing fills before it arrives or after it ended, never more than
/// was asked for, in whole lots, and what is left is told rightly.
fn holds(said: &[Said], most: i64) -> Result<(), String> {
    let mut arrived: BTreeMap<u64, i64> = BTreeMap::new();
    let mut filled: BTreeMap<u64, i64> = BTreeMap::new();
    let mut ended: BTreeSet<u64> = BTreeSet::new();
    let mut last_ns = i64::MIN;
    for one in said {
        let fail = |text: &str| Err(format!("{text}: {one:?}"));
        if one.venue_ns < last_ns || one.recv_ns < one.venue_ns {
            return fail("out of order");
        }
        last_ns = one.venue_ns;
        match one.kind {
            ReportKind::Accepted => {
                arrived.insert(one.order, one.venue_ns);
            }
            ReportKind::Cancelled | ReportKind::Rejected if !ended.insert(one.order) => {
                return fail("ended twice");
            }
            ReportKind::Filled => {
                if arrived.get(&one.order).is_none_or(|&at_ns| one.venue_ns < at_ns) {
                    return fail("filled before it arrived");
                }
                if ended.contains(&one.order) {
                    return fail("filled after its end");
                }
                let sum = filled.entry(one.order).or_default();
                *sum += one.qty;
                if one.qty <= 0 || *sum > most || one.leaves < 0 {
                    return fail("filled too much");
                }
                if one.leaves == 0 {
                    ended.insert(one.order);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn words() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(any::<u64>(), 1..40)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn books_by_price_fill_as_the_naive_venue(venue in any::<u64>(), words in words()) {
        check(venue, &words, Feed::Levels)?;
    }

    #[test]
    fn long_runs_on_books_by_price_fill_as_the_naive_venue(
        venue in any::<u64>(),
        words in prop::collection::vec(any::<u64>(), 40..80),
    ) {
        check(venue, &words, Feed::Levels)?;
    }

    #[test]
    fn feeds_of_best_prices_fill_as_the_naive_venue(venue in any::<u64>(), words in words()) {
        check(venue, &words, Feed::Tops)?;
    }

    #[test]
    fn books_by_order_fill_as_the_naive_venue(venue in any::<u64>(), words in words()) {
        check(venue, &words, Feed::Orders)?;
    }
}

/// The streams must make everything happen that the rules are about.
#[test]
fn the_random_streams_are_lively() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for feed in [Feed::Levels, Feed::Tops, Feed::Orders] {
        for _ in 0..2_000 {
            let (venue, words) = (any::<u64>(), words()).new_tree(&mut runner).unwrap().current();
            let config = config(venue);
            let (happenings, steps) = happenings(&words, feed);
            let (book, market) = match feed {
                Feed::Orders => {
                    (orders_book(), NaiveMarket::Orders(NaiveOrderBook::new(CrossPolicy::Uncross)))
                }
                _ => (levels_book(64), NaiveMarket::Levels(NaiveBook::new(CrossPolicy::Uncross))),
            };
            let mut rig = Rig::new(&config, book, market, steps);
            for one in rig.play(&happenings).unwrap() {
                let what = match (one.kind, one.liquidity) {
                    (ReportKind::Filled, Liquidity::Maker) => "maker".to_owned(),
                    (ReportKind::Filled, Liquidity::Taker) => "taker".to_owned(),
                    (ReportKind::Replaced, _) if one.reason == RejectReason::OcoFilled => {
                        "shared".to_owned()
                    }
                    _ => format!("{:?}", one.reason),
                };
                *counts.entry(format!("{feed:?} {what}")).or_default() += 1;
            }
        }
    }
    let expected = [
        "maker",
        "taker",
        "WouldTake",
        "SelfTrade",
        "NotImmediate",
        "NoLiquidity",
        "OcoFilled",
        "shared",
        "ParentEnded",
        "NothingToReduce",
        "UnknownOrder",
        "Requested",
    ];
    for feed in ["Levels", "Tops", "Orders"] {
        for what in expected {
            let count = counts.get(&format!("{feed} {what}")).copied().unwrap_or(0);
            assert!(count >= 10, "{feed} {what}: {count} of {counts:#?}");
        }
    }
}
