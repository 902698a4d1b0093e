//! 25 hours of 24 instruments whose links break again and again: the venue's limits hold.

use qt_feeds::market::Want;
use qt_types::Nanos;

use crate::simulated::{Faults, SECOND, World};

#[test]
fn a_storm_of_reconnects_stays_within_the_limits() {
    let mut world = World::new(9, 24, Want::default(), Faults::default(), |profile| {
        profile.life_ns = 3_600 * SECOND;
    });
    world.pace = 3_600 * SECOND;
    // A bad quarter of an hour now and then, an outage of half an hour, and links whose time is up.
    for hour in 0..25 {
        for _ in 0..60 {
            if hour % 3 == 1 {
                world.cut_all();
            }
            world.run(15 * SECOND);
        }
        world.faults.not_opened = if hour == 7 { 1_000 } else { 0 };
        world.run(1_800 * SECOND);
        world.faults.not_opened = 0;
        world.run(900 * SECOND);
    }
    let most = world.weights.values().max().copied().unwrap_or(0);
    let connects = world.connects.values().max().copied().unwrap_or(0);
    assert!(most <= 6_000 * 80 / 100, "{most} in a minute");
    assert!(most >= 24 * 50, "the storm came: {most}");
    assert!(connects <= 300, "{connects} links in five minutes");
    let figures = world.machine.figures(Nanos::new(world.now));
    assert!(figures.losses > 60 && figures.rotations >= 1, "{figures:?}");
    assert!(figures.weight_max <= 4_800);
    assert!(figures.instruments.iter().all(|instrument| instrument.is_in_step), "{figures:?}");
}
