//! Everything at once, by seeds: links that are cut at any moment, a venue that is away, restarts.

use std::thread;
use std::time::{Duration, Instant};

use qt_feeds::venue::binance::trade::SPOT;
use qt_types::Lacks;

use crate::desk::{Rig, Run, assert_true};
use crate::dice::Dice;
use crate::faults::exchange;
use crate::proxy::Proxy;
use crate::trader::Trader;
use crate::venue::Truth;

/// How many seeds at most, where those before found nothing out.
pub const SEEDS_MAX: u64 = 12;

/// How many seeds: more with QT_SEEDS, for the long run.
fn seeds() -> u64 {
    std::env::var("QT_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

fn first() -> u64 {
    std::env::var("QT_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// B21, B22: whatever is cut, no order is there twice, none is forgotten, and in the end both
/// sides agree.
#[test]
fn whatever_is_cut_both_sides_agree_in_the_end() {
    let (mut lost, mut found) = (0, 0);
    for seed in first()..first() + seeds().max(SEEDS_MAX) {
        // Whether an order is under way when a link goes is chance.
        if seed >= first() + seeds() && found > 0 {
            break;
        }
        let mut dice = Dice::new(seed);
        let exchange = exchange();
        let truth = Truth::of(exchange.addr, "demo");
        let before = truth.held("BTC");
        let proxy = Proxy::start(exchange.addr);
        let lacks = if dice.is(500) { SPOT.lacks } else { SPOT.lacks.with(Lacks::AMEND) };
        let mut rig = Rig { lacks, ..Rig::new(proxy.addr, Trader::new(seed)) };
        for _ in 0..2 {
            let mut run = Run::start(&rig);
            run.until("up", |run| run.standing().is_up);
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(4) {
                thread::sleep(Duration::from_millis(dice.between(50, 900) as u64));
                match dice.below(4) {
                    0 | 1 => proxy.cut(),
                    2 => {
                        proxy.set_down(true);
                        proxy.cut();
                        thread::sleep(Duration::from_millis(dice.between(0, 400) as u64));
                        proxy.set_down(false);
                    }
                    _ => {}
                }
            }
            // It heals, and is given the time to find everything.
            let count = truth.trades().len();
            run.until("fills", |_| truth.trades().len() > count);
            let ended = run.stop();
            ended.result.as_ref().unwrap();
            rig.baseline = ended.standing.baseline.clone();
            lost += ended.figures.links_lost;
            found += ended.figures.found + ended.figures.unknown;
            assert_true(&truth, &rig.memory, &ended, before, &format!("seed {seed}"));
        }
    }
    eprintln!("links lost {lost}, found out or in doubt {found}");
    assert!(lost > seeds() && found > 0, "the faults did happen: {lost} {found}");
}
