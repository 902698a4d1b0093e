//! Stages that share no memory come to what the pipeline comes to: the same commands, denials,
//! notices and hash after every event, whatever happens and however small the rings are. What is
//! lost or changed between them is found out.

#[path = "../snapshot/busy.rs"]
mod busy;
mod stages;
#[path = "../snapshot/venue.rs"]
mod venue;
#[path = "../snapshot/world.rs"]
mod world;

use qt_engine::Exits;
use qt_engine::staged::Apart;
use qt_risk::Sizing;
use qt_types::{E9, Lacks};

use stages::{Broken, Damage, Seen, Tale, fused, other, staged};
use world::Make;

const STEPS: usize = 3_000;

/// How many seeds of each: more with QT_STAGED_SEEDS, for the long run.
fn seeds() -> u64 {
    std::env::var("QT_STAGED_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// The stages of `make` with rings for `room` items do what the pipeline did.
fn assert_same(make: &Make, seed: u64, room: usize) -> Tale {
    let tale = fused(make, seed, STEPS);
    let made = staged(&[make; 3], &tale, room, None);
    let made = made.unwrap_or_else(|broken| panic!("{make:?}: {broken:?}"));
    if let Some(at) = other(&tale, &made) {
        panic!("{make:?}: {:?}: {:?}", tale[at], made.map(|mut seen| seen.swap_remove(at)));
    }
    tale
}

fn count(tale: &Tale, of: impl Fn(&Seen) -> usize) -> usize {
    tale.iter().map(|(_, seen)| of(seen)).sum()
}

#[test]
fn every_way_to_decide_comes_to_the_same() {
    let strategies = [
        ("busy", ""),
        ("market_maker", "quantity=2 max_position=20 sample_ms=100 horizon_s=0.001 k=50"),
        ("order_book_imbalance", "hold_ms=2000 short=true entry=0.1 exit=-0.5"),
        ("grid", "max_position=20 spacing=2 unit=ticks levels=4 quantity=1"),
        ("twap_execute", "quantity=60 duration_s=60 orders=40 patience_ms=300"),
        ("execute_algo", "quantity=40 duration_s=40 patience_ms=300"),
        ("execute_algo", "algo=pov share=0.5 child_max=5 quantity=40 duration_s=60"),
        ("top_of_book_quoter", "interval_ms=500 settle_ms=100 max_position=20"),
        ("sma_cross", "fast=2 slow=5"),
        ("ai_signal_follow", "threshold=0.2 short=true"),
        ("signal_blend", "enter=0.2 short=true"),
        ("busy+busy+busy", ""),
        ("market_maker+busy", ""),
    ];
    for (at, (name, params)) in strategies.into_iter().enumerate() {
        for seed in 0..seeds() {
            let room = [1, 4, 64, 1_024][(at + seed as usize) % 4];
            let tale = assert_same(&Make::new(name, params), seed + 1, room);
            assert!(count(&tale, |seen| seen.out.0.len()) > 0, "{name}: nothing was sent");
        }
    }
}

#[test]
fn every_kind_of_venue_and_account_comes_to_the_same() {
    let plain = || Make::new("busy", "");
    let volatility = Sizing::Volatility { target_e9: E9, window: 10, cap_e9: E9 / 20 };
    let exits = Exits { stop_bps: Some(50), target_bps: Some(80), trail_bps: None };
    let waits = [Lacks::STOP, Lacks::STOP_LIMIT, Lacks::TRAILING_STOP, Lacks::LIMIT_IF_TOUCHED];
    let works = [Lacks::ICEBERG, Lacks::PEG, Lacks::GTD, Lacks::IOC, Lacks::POST_ONLY];
    let ties = [Lacks::OCO, Lacks::OTO, Lacks::REDUCE_ONLY, Lacks::AMEND];
    let makes = [
        Make { sizing: volatility, exits, ..plain() },
        Make { exits, ..plain() }.lacking(&waits),
        plain().lacking(&waits).lacking(&works).lacking(&ties),
        // So little money that much is denied, and the account is called.
        Make { capital: 1_500, ..plain() },
        Make { order_qty_e9: 3 * E9, ..plain() },
        Make { orders_open_max: 6, ..plain() },
    ];
    let (mut denials, mut notices) = (0, 0);
    for (at, make) in makes.iter().enumerate() {
        for seed in 0..seeds() {
            let tale = assert_same(make, seed + 1, [2, 16, 256][at % 3]);
            denials += count(&tale, |seen| seen.out.1.len());
            notices += count(&tale, |seen| seen.out.2.len());
        }
    }
    assert!(denials > 100 && notices > 100, "{denials} denials, {notices} notices");
}

#[test]
fn what_the_last_stage_misses_is_found_out() {
    let make = Make::new("busy", "");
    let tale = fused(&make, 1, STEPS / 2);
    let places = || (300..420).step_by(5);
    // Of the last stage, for which nobody waits: a ring loses nothing, and between the other two
    // whoever misses something would wait for the one that waits for it.
    let lost: [fn(usize) -> Damage; 2] =
        [|at| Damage::LostWish { stage: 2, at }, |at| Damage::LostAnswer { stage: 2, at }];
    for of in lost {
        let mut found = 0;
        for damage in places().map(of) {
            match staged(&[&make; 3], &tale, 64, Some(damage)) {
                // An answer that is the same as the one after it can be missed.
                Ok(made) => assert!(other(&tale, &made).is_none(), "{damage:?}"),
                Err(Broken { stage, why, event }) => {
                    assert!(matches!(why, Apart::Strategy | Apart::Gate), "{damage:?}: {why}");
                    assert_eq!(stage, damage.stage(), "{damage:?}: {why} at event {event}");
                    found += 1;
                }
            }
        }
        assert!(found >= 20, "{:?}: {found} of {}", of(0), places().count());
    }
}

#[test]
fn a_stage_that_is_made_of_something_else_is_found_out() {
    let make = Make::new("market_maker", "quantity=2 max_position=20 sample_ms=100 k=50");
    let tale = fused(&make, 3, STEPS);
    // Another strategy, another gate, another account in the last stage alone.
    let strategy = Make::new("market_maker", "quantity=2 max_position=10 sample_ms=100 k=50");
    let gate = Make { order_qty_e9: E9, ..make.clone() };
    let account = Make { capital: 999_999, ..make.clone() };
    for makes in [[&strategy, &make, &make], [&make, &gate, &make], [&make, &make, &account]] {
        let made = staged(&makes, &tale, 64, None);
        let is_same = made.is_ok_and(|made| other(&tale, &made).is_none());
        assert!(!is_same, "it does the same");
    }
}
