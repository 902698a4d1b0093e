//! Random markets over a network with random faults: whatever happens, no book is let out that was
//! never the venue's, and once all is quiet each is the venue's.

use proptest::prelude::*;
use qt_feeds::market::{Standing, Want};
use qt_feeds::venue::Profile;
use qt_types::Nanos;

use crate::simulated::{Faults, MS, SECOND, World};

pub fn faults() -> impl Strategy<Value = Faults> {
    let rare = || prop_oneof![Just(0_u32), 0_u32..60];
    let often = || prop_oneof![Just(0_u32), 0_u32..700];
    (
        (rare(), rare(), rare(), rare()),
        (rare(), rare(), often(), often()),
        (often(), often(), often()),
        (rare(), often()),
    )
        .prop_map(
            |(
                (drop, double, swap, garbage),
                (cut, silence, not_opened, mute),
                (a, b, c),
                (full, d),
            )| {
                Faults {
                    drop,
                    double,
                    swap,
                    garbage,
                    cut: cut / 4,
                    silence: silence / 4,
                    not_opened,
                    mute,
                    snapshot_stale: a,
                    snapshot_refused: b,
                    snapshot_lost: c / 2,
                    trades_refused: d,
                    full: full * 3,
                }
            },
        )
}

/// Futures instead of spot.
fn futures(profile: &mut Profile) {
    *profile = Profile::usdm().at("http://venue:1").expect("an address");
}

fn quick(profile: &mut Profile) {
    profile.link_silence_ns = 25 * SECOND;
    profile.silence_ns = (3 * SECOND, 20 * SECOND);
}

pub fn cases() -> ProptestConfig {
    let cases = std::env::var("QT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn books_are_the_venues_or_none(
        seed: u64,
        is_futures: bool,
        count in 1_usize..4,
        faults in faults(),
    ) {
        let mut world = World::new(seed, count, Want::default(), faults, |profile| {
            if is_futures {
                futures(profile);
            }
            quick(profile);
        });
        world.run(20 * SECOND);
        world.faults = Faults::default();
        // What the faults left behind: pauses that have doubled, and silent links.
        world.run(150 * SECOND);
        world.pace = i64::MAX / 2;
        world.run(2 * SECOND);
        let figures = world.machine.figures(Nanos::new(world.now));
        prop_assert_eq!(figures.link, Standing::Up);
        for (at, model) in world.models.iter().enumerate() {
            if faults.full == 0 {
                prop_assert!(figures.instruments[at].is_in_step, "{:?}", figures.instruments[at]);
                prop_assert!(model.is_in_step);
                prop_assert_eq!(&model.sides, &world.listed[at].sides);
            }
            let mut trades: Vec<i64> = model.trades.iter().map(|(_, price, _)| *price).collect();
            let told = trades.len();
            trades.dedup();
            prop_assert_eq!(trades.len(), told, "a trade was told twice");
            let fundings = model.fundings.windows(2);
            prop_assert!({ fundings }.all(|two| two[0].0 < two[1].0), "a funding was told twice");
            prop_assert!(model.marks.windows(2).all(|two| two[0] < two[1]), "{:?}", model.marks);
        }
        prop_assert!(world.weights.values().all(|spent| *spent <= 6_000));
    }

    /// Links take each other's place again and again: nothing is lost and nothing doubled.
    #[test]
    fn a_new_link_takes_over_without_a_loss(
        seed: u64,
        is_futures: bool,
        count in 1_usize..4,
    ) {
        let mut world = World::new(seed, count, Want::default(), Faults::default(), |profile| {
            if is_futures {
                futures(profile);
            }
            quick(profile);
            profile.life_ns = 20 * SECOND;
        });
        // Not long after the begin everything is told.
        world.run(8 * SECOND);
        let begun: Vec<usize> = world.models.iter().map(|model| model.trades.len()).collect();
        let made: Vec<u64> = world.listed.iter().map(|listed| listed.trade_id).collect();
        world.run(100 * SECOND);
        world.pace = i64::MAX / 2;
        world.run(3 * SECOND);
        let figures = world.machine.figures(Nanos::new(world.now));
        prop_assert!(figures.rotations >= 5, "{figures:?}");
        prop_assert_eq!((figures.losses, figures.gaps), (0, 0));
        for (at, model) in world.models.iter().enumerate() {
            prop_assert!(model.is_in_step && model.gaps == 0);
            prop_assert_eq!(&model.sides, &world.listed[at].sides);
            let last: Vec<i64> = model.trades.iter().map(|(_, price, _)| *price).collect();
            prop_assert!(last.windows(2).all(|two| two[1] == two[0] + 100), "{last:?}");
            let told = model.trades.len() - begun[at];
            let made = usize::try_from(world.listed[at].trade_id - made[at]).unwrap();
            prop_assert!(told.abs_diff(made) <= 2, "{told} of {made}");
            // A hundred seconds and eight, with a funding each five.
            let fundings: Vec<i64> = model.fundings.iter().map(|(mark, _)| *mark).collect();
            let wanted = if is_futures { 18..=22 } else { 0..=0 };
            prop_assert!(wanted.contains(&fundings.len()), "{fundings:?}");
            prop_assert!(fundings.windows(2).all(|two| two[0] < two[1]), "{fundings:?}");
            prop_assert!(model.marks.windows(2).all(|two| two[1] == two[0] + 1));
        }
    }
}

/// Prices of the trades that were told of an instrument, which are their numbers.
fn numbers(world: &World, at: usize) -> Vec<i64> {
    world.models[at].trades.iter().map(|(_, price, _)| *price / 100).collect()
}

/// What is traded while no link stands is asked for, and told in its place; by number, or where the
/// venue does not let us, by asking for the last ones.
#[test]
fn trades_between_two_links_are_told_in_their_order() {
    for (seed, trades_refused) in [(1, 0), (2, 0), (3, 300), (4, 300)] {
        let faults = Faults { trades_refused, ..Faults::default() };
        let mut world = World::new(seed, 3, Want::default(), faults, quick);
        world.run(8 * SECOND);
        for _ in 0..6 {
            world.cut_all();
            world.run(7 * SECOND);
        }
        world.run(20 * SECOND);
        let figures = world.machine.figures(Nanos::new(world.now));
        assert!(figures.losses >= 5 && figures.trades_fetched > 20, "{figures:?}");
        let mut missing = 0;
        for at in 0..3 {
            let told = numbers(&world, at);
            assert!(told.windows(2).all(|two| two[1] > two[0]), "seed {seed}: {told:?}");
            missing += told.windows(2).map(|two| two[1] - two[0] - 1).sum::<i64>();
        }
        assert_eq!(figures.trades_missing, missing.unsigned_abs(), "seed {seed}");
        assert!(trades_refused > 0 || missing == 0, "seed {seed}");
    }
}

/// A subscription that was acknowledged and says nothing is found out, and made again.
#[test]
fn acknowledged_and_silent_is_dead() {
    let faults = Faults { mute: 1_000, ..Faults::default() };
    let mut world = World::new(5, 2, Want::default(), faults, quick);
    world.run(4 * SECOND);
    assert!(world.models.iter().all(|model| model.trades.is_empty()));
    world.faults.mute = 0;
    world.run(22 * SECOND);
    let figures = world.machine.figures(Nanos::new(world.now));
    assert!(figures.resubscriptions >= 2 && figures.losses == 0, "{figures:?}");
    // A market that stands still is left alone.
    world.pace = i64::MAX / 2;
    world.run(15 * SECOND);
    let quiet = world.machine.figures(Nanos::new(world.now));
    assert_eq!(quiet.resubscriptions, figures.resubscriptions);
    for (model, listed) in world.models.iter().zip(&world.listed) {
        assert!(model.is_in_step);
        assert_eq!(model.sides, listed.sides);
    }
}

/// Marks come over a link of their own: when it breaks the books go on, and it comes back.
#[test]
fn without_marks_the_books_go_on() {
    let mut world = World::new(7, 2, Want::default(), Faults::default(), |profile| {
        futures(profile);
        quick(profile);
    });
    world.run(10 * SECOND);
    let told: Vec<usize> = world.models.iter().map(|model| model.marks.len()).collect();
    let trades: Vec<usize> = world.models.iter().map(|model| model.trades.len()).collect();
    world.cut_marks();
    world.run(200 * MS);
    assert!(world.models.iter().all(|model| model.is_in_step && model.gaps == 0));
    world.run(10 * SECOND);
    let figures = world.machine.figures(Nanos::new(world.now));
    assert_eq!((figures.losses, figures.gaps, figures.link), (1, 0, Standing::Up), "{figures:?}");
    for (at, model) in world.models.iter().enumerate() {
        assert!(model.marks.len() > told[at] && model.trades.len() > trades[at]);
        assert_eq!((model.gaps, model.is_in_step), (0, true));
    }
}

/// A gap is healed within one snapshot's way there and back, while others go on.
#[test]
fn a_gap_is_healed_at_once() {
    let mut world = World::new(5, 3, Want::default(), Faults::default(), quick);
    world.run(30 * SECOND);
    let before = world.machine.figures(Nanos::new(world.now));
    world.faults.drop = 1_000;
    world.run(400 * MS);
    world.faults.drop = 0;
    world.run(20 * SECOND);
    let after = world.machine.figures(Nanos::new(world.now));
    assert!(after.gaps > before.gaps);
    let healed = after.resyncs.total_ns - before.resyncs.total_ns;
    let count = after.resyncs.count - before.resyncs.count;
    assert!(
        count >= 1 && healed / i64::try_from(count).unwrap() <= 130 * MS,
        "{healed} ns, {count}"
    );
    assert_eq!(after.losses, 0);
    assert!(after.instruments.iter().all(|instrument| instrument.is_in_step));
}
