//! Rings between two pinned threads: how long an item takes to the other core, beside the bare
//! memory below it, and how many items pass, beside other rings.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use qt_ring::Wait;

use super::Measurement;
use super::ring_rig::{self as rig, Limit, Seats, Wide};
use crate::failure::Failure;
use crate::output::Output;

/// Rounds, in each of which everything is measured once, so that what changes on the machine
/// changes it for all.
const ROUNDS: usize = 7;
const ROUNDS_FULL: usize = 31;
/// No round begins after this: on a busy machine every one of them takes long.
const TIME: Duration = Duration::from_secs(25);
const TIME_FULL: Duration = Duration::from_secs(300);
/// Of one measurement in one round.
const ECHOES: Limit = Limit { count: 20_000, time: Duration::from_millis(250) };
const PIECES: Limit = Limit { count: 100, time: Duration::from_millis(250) };
/// Sleepers are woken one by one.
const WAKES: Limit = Limit { count: 200, time: Duration::from_millis(250) };
/// The first echoes of a round are not counted.
const WARM_UP: usize = 1_000;
/// How long a thread is left to fall asleep.
const PAUSE: Duration = Duration::from_micros(300);

/// Measures everything.
///
/// # Errors
/// When this process has only one core.
pub fn measure(full: bool, out: &Output) -> Result<Vec<Measurement>, Failure> {
    let seats = Seats::find().ok_or_else(|| {
        Failure::failed("a ring is measured between two cores, and this process may use but one")
            .hint("give it a second one (taskset, cpuset, the limits of the container)")
    })?;
    let (rounds, time) = if full { (ROUNDS_FULL, TIME_FULL) } else { (ROUNDS, TIME) };
    out.note(&format!("two threads ({}), {rounds} rounds", seats.text()));
    let clock_ns = clock_ns();
    let mut hops: Vec<Hops> = HOPS.iter().map(Hops::new).collect();
    let mut streams: Vec<Vec<f64>> = vec![Vec::new(); STREAMS.len()];
    let begin = Instant::now();
    for round in (1..=rounds).take_while(|_| begin.elapsed() < time) {
        out.detail(&format!("round {round}"));
        let floor = Histo::of(&rig::bare_echo(&seats, ECHOES), 2, clock_ns);
        for hops in &mut hops {
            let took = (hops.hop.run)(&seats);
            hops.add(&Histo::of(&took, hops.hop.ways, clock_ns), &floor);
        }
        for (stream, pieces) in STREAMS.iter().zip(&mut streams) {
            pieces.extend((stream.run)(&seats));
        }
    }
    let hops = hops.into_iter().map(Hops::measurement);
    let streams = STREAMS.iter().zip(streams).map(|(stream, pieces)| {
        let items = rig::PIECE as usize;
        Measurement::new(stream.name, stream.definition, items, pieces)
    });
    Ok(hops.chain(streams).collect())
}

/// A way to the other core.
struct Hop {
    name: &'static str,
    definition: &'static str,
    /// How many ways one time has: two of a round trip.
    ways: u64,
    run: fn(&Seats) -> Vec<u64>,
}

const HOPS: &[Hop] = &[
    Hop {
        name: "hop",
        definition: "one number of 8 bytes through a ring to a reader that spins on another core, \
                     half of a round trip",
        ways: 2,
        run: |seats| rig::our_echo::<u64>(seats, ECHOES, Wait::Spin),
    },
    Hop {
        name: "hop/128",
        definition: "the same with an item of 128 bytes, every word of it read",
        ways: 2,
        run: |seats| rig::our_echo::<Wide>(seats, ECHOES, Wait::Spin),
    },
    Hop {
        name: "hop/rtrb",
        definition: "8 bytes through a ring of the crate rtrb",
        ways: 2,
        run: |seats| rig::rtrb_echo::<u64>(seats, ECHOES),
    },
    Hop {
        name: "hop/rtrb_128",
        definition: "128 bytes through a ring of the crate rtrb",
        ways: 2,
        run: |seats| rig::rtrb_echo::<Wide>(seats, ECHOES),
    },
    Hop {
        name: "hop/yield",
        definition: "8 bytes, both threads yield while they wait",
        ways: 2,
        run: |seats| rig::our_echo::<u64>(seats, ECHOES, Wait::Yield),
    },
    Hop {
        name: "hop/park",
        definition: "8 bytes, both threads would sleep if they waited longer than they do here",
        ways: 2,
        run: |seats| rig::our_echo::<u64>(seats, ECHOES, Wait::Park),
    },
    Hop {
        name: "wake",
        definition: "8 bytes to a thread that sleeps and is woken for it",
        ways: 1,
        run: |seats| rig::our_wake(seats, WAKES, PAUSE),
    },
];

/// A stream of items.
struct Stream {
    name: &'static str,
    definition: &'static str,
    run: fn(&Seats) -> Vec<f64>,
}

const STREAMS: &[Stream] = &[
    Stream {
        name: "throughput/ours",
        definition: "4,096 items of 128 bytes through a ring of 1,024, one by one, every word read",
        run: |seats| rig::ours(seats, PIECES, Wait::Spin),
    },
    Stream {
        name: "throughput/ours_park",
        definition: "the same where the ends could sleep",
        run: |seats| rig::ours(seats, PIECES, Wait::Park),
    },
    Stream {
        name: "throughput/ours_batch",
        definition: "the same, read in batches of what is there",
        run: |seats| rig::ours_in_batches(seats, PIECES, Wait::Spin),
    },
    Stream {
        name: "throughput/rtrb",
        definition: "the same items through rtrb, one by one",
        run: |seats| rig::rtrb(seats, PIECES),
    },
    Stream {
        name: "throughput/rtrb_chunks",
        definition: "the same items through rtrb, read in chunks of what is there",
        run: |seats| rig::rtrb_in_chunks(seats, PIECES),
    },
    Stream {
        name: "throughput/crossbeam",
        definition: "the same items through crossbeam's ArrayQueue",
        run: |seats| rig::array_queue(seats, PIECES),
    },
    Stream {
        name: "throughput/crossbeam_channel",
        definition: "the same items through crossbeam's bounded channel",
        run: |seats| rig::channel(seats, PIECES),
    },
];

/// What two looks at the clock take, in nanoseconds.
fn clock_ns() -> u64 {
    let mut took: Vec<u64> =
        (0..100_000).map(|_| Instant::now().elapsed().as_nanos() as u64).collect();
    took.sort_unstable();
    took[took.len() / 2]
}

/// The single ways of one round, in nanoseconds.
struct Histo(Histogram<u64>);

impl Histo {
    const MAX_NS: u64 = 60_000_000_000;

    fn empty() -> Self {
        let new = Histogram::new_with_bounds(1, Self::MAX_NS, 3);
        Self(new.expect("three digits of a minute are within what a histogram can have"))
    }

    fn of(took_ns: &[u64], ways: u64, clock_ns: u64) -> Self {
        let mut new = Self::empty();
        let warm = took_ns.get(WARM_UP..).filter(|rest| rest.len() >= WARM_UP);
        for ns in warm.unwrap_or(took_ns) {
            new.0.saturating_record(ns.saturating_sub(clock_ns) / ways);
        }
        new
    }

    fn at(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64
    }
}

/// All rounds of one hop.
struct Hops {
    hop: &'static Hop,
    all: Histo,
    floor: Histo,
}

impl Hops {
    fn new(hop: &'static Hop) -> Self {
        Self { hop, all: Histo::empty(), floor: Histo::empty() }
    }

    fn add(&mut self, round: &Histo, floor: &Histo) {
        // Both have the same bounds.
        self.all.0 += &round.0;
        self.floor.0 += &floor.0;
    }

    fn measurement(self) -> Measurement {
        let all = &self.all;
        let p50 = all.at(0.5);
        // A thread that is woken is not to be compared with one that waits.
        let floor = |share| (self.hop.ways == 2).then(|| self.floor.at(share));
        Measurement {
            name: self.hop.name,
            definition: self.hop.definition.to_owned(),
            unit: "ns",
            n: all.0.len() as usize,
            p50,
            p90: Some(all.at(0.9)),
            p99: Some(all.at(0.99)),
            p999: Some(all.at(0.999)),
            max: all.0.max() as f64,
            min: all.0.min() as f64,
            rate: 1e9 / p50.max(1.0),
            rate_best: 1e9 / (all.0.min() as f64).max(1.0),
            floor_p50: floor(0.5),
            floor_p999: floor(0.999),
            ratio: floor(0.5).map(|floor| p50 / floor),
            ..Measurement::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_is_half_a_round_trip_beside_the_floor_of_its_round() {
        let mut hops = Hops::new(&HOPS[0]);
        for (trip, bare) in [(1_020, 420), (620, 420), (820, 420)] {
            let floor = Histo::of(&[bare; 10], 2, 20);
            hops.add(&Histo::of(&[trip; 10], 2, 20), &floor);
        }
        let measured = hops.measurement();
        assert_eq!((measured.n, measured.p50), (30, 400.0));
        assert_eq!((measured.floor_p50, measured.ratio), (Some(200.0), Some(2.0)));
        let counted = Histo::of(&[vec![9_000; WARM_UP], vec![300; WARM_UP]].concat(), 2, 0);
        assert_eq!((counted.0.len(), counted.0.max()), (WARM_UP as u64, 150));
    }

    #[test]
    fn every_way_of_the_rig_passes_items() {
        let Some(seats) = Seats::find() else { return };
        let time = Duration::from_millis(100);
        let limit = Limit { count: 20, time };
        assert_eq!(rig::bare_echo(&seats, limit).len(), 20);
        assert_eq!(rig::our_echo::<Wide>(&seats, limit, Wait::Park).len(), 20);
        assert_eq!(rig::rtrb_echo::<u64>(&seats, limit).len(), 20);
        assert!((1..=20).contains(&rig::our_wake(&seats, limit, PAUSE).len()));
        let some = |pieces: Vec<f64>| !pieces.is_empty() && pieces.iter().all(|s| *s > 0.0);
        let limit = Limit { count: 2, time };
        assert!(STREAMS.len() == 7 && some(rig::ours(&seats, limit, Wait::Park)));
        assert!(some(rig::ours_in_batches(&seats, limit, Wait::Yield)));
        assert!(some(rig::rtrb(&seats, limit)) && some(rig::rtrb_in_chunks(&seats, limit)));
        assert!(some(rig::array_queue(&seats, limit)) && some(rig::channel(&seats, limit)));
    }
}
