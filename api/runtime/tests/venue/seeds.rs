//! Everything that can go wrong at once, by seeds.

use crate::dice::Dice;
use crate::exchange::{Exchange, SECOND};
use crate::plan::Plan;
use crate::trader::Trader;
use crate::world::{Rig, START, World};
use qt_runtime::live::{OnLoss, Phase, Settings};
use qt_types::Lacks;

/// How many seeds: more with QT_SEEDS, for the long run.
fn seeds() -> u64 {
    std::env::var("QT_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(500)
}

/// The first one, to look at one alone.
fn first() -> u64 {
    std::env::var("QT_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Whether we can know of all that is executed, or that it may be: not of what is executed of an
/// order that was reported as cancelled, or taken back, before we hear of it.
fn can_count(plan: &Plan) -> bool {
    plan.bust + plan.lose_report + plan.late == 0
}

fn settings(dice: &mut Dice) -> Settings {
    let on_loss = if dice.is(500) { OnLoss::Cancel } else { OnLoss::Keep };
    Settings { on_loss, ..Settings::default() }
}

/// The largest position, where there is one.
const MOST: i64 = 12;

/// B10, B21, B33, B35: faults of every kind, restarts among them. Never can what is open at the
/// venue, all of it filled, make the position larger than its limit; after the faults heal both
/// sides agree.
#[test]
fn whatever_goes_wrong_nothing_is_doubled_or_forgotten() {
    let mut totals = [0_u64; 6];
    for seed in first()..first() + seeds() {
        let mut dice = Dice::new(seed);
        // In one of three the limits must hold at the venue itself.
        let is_told = seed % 3 == 0;
        let plan = if is_told { Plan::rough_and_told(&mut dice) } else { Plan::rough(&mut dice) };
        let settings = settings(&mut dice);
        let rig = Rig::new(Trader::new(seed, 8, u32::MAX), settings);
        // At a venue that knows no changes the engine works orders in parts.
        let lacks = if dice.is(300) { Lacks::AMEND } else { Lacks::NOTHING };
        let most = if can_count(&plan) { MOST } else { 1_000_000 };
        let rig = Rig { lacks, most, ..rig };
        let mut world = World::of(Exchange::new(seed, plan, START), rig);
        world.exchange.most = most;
        for _ in 0..dice.between(1, 4) {
            let ns = dice.between(SECOND / 100, 8 * SECOND);
            world.run(ns);
            if dice.is(700) {
                world.restart();
            }
        }
        // It heals, and everything that can be known is known before long.
        world.exchange.replan(Plan::calm());
        world.exchange.down_until_ns = 0;
        world.run_until(60 * SECOND, |world| {
            world.driver.phase() == Phase::Ready && world.driver.is_settled()
        });
        // What was lost without anybody waiting for it the next comparison finds.
        world.run(2 * settings.compare_ns);
        world.driver.begin_stop().unwrap();
        world.run_until(60 * SECOND, |world| {
            world.driver.is_settled() && world.driver.exposure().orders.is_empty()
        });
        world.run(SECOND);
        world.assert_same(&format!("seed {seed}"));
        let figures = world.driver.figures();
        let counts = [
            figures.unknown,
            figures.found,
            figures.links_lost,
            figures.cancels_repeated,
            world.exchange.trades.len() as u64,
            figures.held_back,
        ];
        totals.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
    }
    eprintln!("unknown, found, links lost, cancels repeated, trades, held back: {totals:?}");
    // The faults did happen.
    assert!(totals.iter().all(|total| *total > seeds() / 10), "{totals:?}");
}
