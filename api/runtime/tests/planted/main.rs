//! Bugs that are planted in the order path, each of which has to be found: in the strategy, the
//! gate, what the venue says, the journal and its disk. Nothing of them is in the program: they
//! are wrappers around its parts. A world without a bug raises no alarm.

mod checks;
mod disk;
mod gate;
mod scribe;
mod trader;
mod world;

use disk::DiskBug;
use gate::GateBug;
use scribe::JournalBug;
use trader::TraderBug;
use world::World;

/// A bug has to be found in one of so many worlds.
const SEEDS_MAX: u64 = 6;

/// Where a bug is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    Nowhere,
    Trader(TraderBug),
    Gate(GateBug),
    Journal(JournalBug),
    Disk(DiskBug),
}

fn all() -> Vec<Bug> {
    let traders = TraderBug::ALL.map(Bug::Trader);
    let gates = GateBug::ALL.map(Bug::Gate);
    let journals = JournalBug::ALL.map(Bug::Journal);
    let disks = DiskBug::ALL.map(Bug::Disk);
    [&traders[..], &gates, &journals, &disks].concat()
}

#[test]
fn a_world_without_a_bug_raises_no_alarm() {
    for seed in 1..=SEEDS_MAX {
        let ran = World::new(seed).run(Bug::Nowhere);
        assert!(ran.fills > 10 && ran.commands > 50, "seed {seed} is dull: {ran:?}");
        assert_eq!(ran.alarms, Vec::<String>::new(), "seed {seed}");
    }
}

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for bug in all() {
        let found = (1..=SEEDS_MAX).find_map(|seed| {
            let ran = World::new(seed).run(bug);
            ran.alarms.first().map(|alarm| (seed, alarm.clone(), ran.alarms.len()))
        });
        match found {
            Some((seed, alarm, count)) => println!("{bug:?}: seed {seed}, {count}: {alarm}"),
            None => missed.push(bug),
        }
    }
    assert!(all().len() >= 20);
    assert_eq!(missed, Vec::<Bug>::new());
}
