//! Venues whose books come over their streams, over a network with random faults: whatever happens,
//! no book is let out that was never the venue's, and once all is quiet each is the venue's.

use proptest::prelude::*;
use qt_feeds::market::Standing;
use qt_feeds::venue::Profile;
use qt_types::Nanos;

use crate::brought::Brought;
use crate::random::{cases, faults};
use crate::simulated::{Faults, SECOND};
use crate::tongue::Tongue;

fn quick(profile: &mut Profile) {
    profile.silence_ns = (3 * SECOND, 20 * SECOND);
}

fn tongue() -> impl Strategy<Value = Tongue> {
    prop::sample::select(&Tongue::ALL[..])
}

fn prices(model: &crate::model::Model) -> Vec<i64> {
    model.trades.iter().map(|(_, price, _)| *price / 100).collect()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn books_that_are_brought_are_the_venues_or_none(
        tongue in tongue(),
        seed: u64,
        count in 1_usize..4,
        faults in faults(),
    ) {
        let mut world = Brought::new(tongue, seed, count, faults, quick);
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
                prop_assert_eq!(&model.sides, &world.traded[at].sides);
            }
            let told = prices(model);
            prop_assert!(told.windows(2).all(|two| two[0] < two[1]), "told twice: {:?}", told);
        }
    }

    /// Links take each other's place again and again: nothing is lost, nothing doubled, and no book
    /// goes back.
    #[test]
    fn a_new_link_brings_its_books_without_a_loss(
        tongue in tongue(),
        seed: u64,
        count in 1_usize..4,
    ) {
        let mut world = Brought::new(tongue, seed, count, Faults::default(), |profile| {
            quick(profile);
            profile.life_ns = 20 * SECOND;
        });
        world.run(8 * SECOND);
        let begun: Vec<usize> = world.models.iter().map(|model| model.trades.len()).collect();
        let made: Vec<u64> = world.traded.iter().map(|traded| traded.trades).collect();
        world.run(100 * SECOND);
        world.pace = i64::MAX / 2;
        world.run(3 * SECOND);
        let figures = world.machine.figures(Nanos::new(world.now));
        prop_assert!(figures.rotations >= 5, "{figures:?}");
        prop_assert_eq!((figures.losses, figures.gaps), (0, 0), "{:?}", figures);
        for (at, model) in world.models.iter().enumerate() {
            prop_assert!(model.is_in_step && model.gaps == 0);
            prop_assert_eq!(&model.sides, &world.traded[at].sides);
            let told = prices(model);
            prop_assert!(told.windows(2).all(|two| two[1] == two[0] + 1), "{:?}", told);
            let made = usize::try_from(world.traded[at].trades - made[at]).unwrap();
            prop_assert!((model.trades.len() - begun[at]).abs_diff(made) <= 2);
        }
    }
}

/// A quiet hour: links that the venue wants to hear from stand, and what is asked for again stays
/// far below what it allows.
#[test]
fn a_quiet_hour_loses_no_link() {
    for tongue in Tongue::ALL {
        let mut world = Brought::new(tongue, 7, 3, Faults::default(), |_| ());
        world.run(10 * SECOND);
        let before = world.asked;
        world.pace = 7_200 * SECOND;
        world.run(3_600 * SECOND);
        let figures = world.machine.figures(Nanos::new(world.now));
        assert_eq!((figures.losses, figures.connects), (0, 1), "{tongue:?}: {figures:?}");
        assert!(figures.instruments.iter().all(|one| one.is_in_step), "{tongue:?}");
        assert_eq!(world.pings > 170, tongue.wants_pings(), "{tongue:?}: {}", world.pings);
        let asked = world.asked - before;
        assert!((100..480).contains(&asked), "{tongue:?}: asked {asked} times in an hour");
    }
}

/// An instrument whose streams are refused is told of no more, the other one goes on; once the
/// venue has them again it is there again, without another link.
#[test]
fn what_was_refused_is_asked_for_again() {
    for tongue in Tongue::ALL {
        let mut world = Brought::new(tongue, 5, 2, Faults::default(), |_| ());
        world.refused = Some(1);
        world.run(100 * SECOND);
        let figures = world.machine.figures(Nanos::new(world.now));
        let [first, refused] = &figures.instruments[..] else { panic!("{figures:?}") };
        assert!(first.is_in_step && refused.is_stopped.is_some(), "{tongue:?}: {figures:?}");
        assert!((2..20).contains(&figures.subscriptions_refused), "{tongue:?}: {figures:?}");
        world.refused = None;
        world.run(120 * SECOND);
        let figures = world.machine.figures(Nanos::new(world.now));
        assert!(figures.instruments.iter().all(|one| one.is_in_step), "{tongue:?}: {figures:?}");
        assert_eq!((figures.connects, figures.losses), (1, 0), "{tongue:?}: {figures:?}");
        assert!(!world.models[1].trades.is_empty(), "{tongue:?}: trades too");
    }
}

/// The word that a link will end has another one made beside it, without a loss.
#[test]
fn a_link_that_will_end_is_replaced() {
    let mut world = Brought::new(Tongue::Okx, 3, 2, Faults::default(), |_| ());
    world.run(20 * SECOND);
    world.say_to_all(r#"{"event":"notice","code":"64008","msg":"soon","connId":"c"}"#);
    world.run(20 * SECOND);
    let figures = world.machine.figures(Nanos::new(world.now));
    assert_eq!((figures.rotations, figures.losses, figures.gaps), (1, 0, 0), "{figures:?}");
    assert!(world.models.iter().all(|model| model.is_in_step && model.gaps == 0));
}

/// A checksum that is wrong is a gap, and the book is subscribed to again: it is there again within
/// a round trip, and the other one goes on.
#[test]
fn a_wrong_checksum_has_the_book_subscribed_to_again() {
    for tongue in [Tongue::Kraken, Tongue::Okx] {
        let mut world = Brought::new(tongue, 11, 2, Faults::default(), |_| ());
        world.run(10 * SECOND);
        // The sums of the next change or two of the first instrument are wrong.
        world.wrong_sums = Some(0);
        world.run(2 * SECOND);
        world.wrong_sums = None;
        world.run(10 * SECOND);
        let figures = world.machine.figures(Nanos::new(world.now));
        let [first, other] = &figures.instruments[..] else { panic!("{figures:?}") };
        assert!(first.gaps >= 1 && first.is_in_step, "{tongue:?}: {figures:?}");
        assert_eq!((other.gaps, figures.losses), (0, 0), "{tongue:?}: {figures:?}");
        assert!(first.resyncs.count >= 1 && figures.snapshots_asked >= 1);
        assert_eq!(world.models[0].sides, world.traded[0].sides, "{tongue:?}");
    }
}
