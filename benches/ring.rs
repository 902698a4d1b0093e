//! Items from one core to another: our rings beside rtrb, crossbeam and disruptor, by the rig of
//! `quanttrade bench ring`. A time is that of one item in the median piece of a stream, or of one
//! way of the median round trip.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use disruptor::{Polling, Producer, build_single_producer};
use qt_ring::Wait;

#[path = "../cli/src/bench/ring_rig.rs"]
mod rig;

use rig::{CAPACITY, Limit, Numbered, PIECE, Seats, Wide};

/// The longest that one sample may take on a busy machine.
const TIME: Duration = Duration::from_millis(500);

/// The pieces that a median is of, at least.
const PIECES_MIN: u64 = 101;

/// A stream through a ring of the crate disruptor, whose reader is asked here, not called by a
/// thread of its own: so it is pinned and timed as all others are.
fn disruptor(seats: &Seats, limit: Limit) -> Vec<f64> {
    let builder = build_single_producer(CAPACITY, || Wide::of(0), disruptor::BusySpin);
    let (mut reader, builder) = builder.new_event_poller();
    let mut writer = builder.build();
    let push = move |number| writer.try_publish(|slot| *slot = Wide::of(number)).is_ok();
    rig::stream(seats, limit, push, move |sum| match reader.poll() {
        Ok(mut items) => {
            let mut count = 0;
            for item in &mut items {
                *sum ^= item.sum();
                count += 1;
            }
            count
        }
        Err(Polling::NoEvents | Polling::Shutdown) => 0,
    })
}

/// The time of `count` items at the median of the pieces.
fn of_items(count: u64, run: impl Fn(Limit) -> Vec<f64>) -> Duration {
    let pieces = count.div_ceil(PIECE).clamp(PIECES_MIN, 10_000) as usize;
    let mut seconds = run(Limit { count: pieces, time: TIME });
    seconds.sort_by(f64::total_cmp);
    let median = seconds.get(seconds.len() / 2).copied().unwrap_or_default();
    Duration::from_secs_f64(median / PIECE as f64 * count as f64)
}

/// The time of `count` single ways at the median of the round trips.
fn of_ways(count: u64, run: impl Fn(Limit) -> Vec<u64>) -> Duration {
    let echoes = count.clamp(1_000, 100_000) as usize;
    let mut took_ns = run(Limit { count: echoes, time: TIME });
    took_ns.sort_unstable();
    let median = took_ns.get(took_ns.len() / 2).copied().unwrap_or_default();
    Duration::from_nanos(median * count / 2)
}

fn ring(criterion: &mut Criterion) {
    let Some(seats) = Seats::find() else {
        eprintln!("a ring is measured between two cores, and there is but one");
        return;
    };
    let seats = &seats;
    eprintln!("two threads: {}", seats.text());
    let mut group = criterion.benchmark_group("ring");
    group.sample_size(10);
    type Stream = fn(&Seats, Limit) -> Vec<f64>;
    let streams: [(&str, Stream); 8] = [
        ("throughput/ours", |seats, limit| rig::ours(seats, limit, Wait::Spin)),
        ("throughput/ours_park", |seats, limit| rig::ours(seats, limit, Wait::Park)),
        ("throughput/ours_batch", |seats, limit| rig::ours_in_batches(seats, limit, Wait::Spin)),
        ("throughput/rtrb", rig::rtrb),
        ("throughput/rtrb_chunks", rig::rtrb_in_chunks),
        ("throughput/crossbeam", rig::array_queue),
        ("throughput/crossbeam_channel", rig::channel),
        ("throughput/disruptor", disruptor),
    ];
    for (name, run) in streams {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| of_items(count, |limit| run(seats, limit)));
        });
    }
    type Echo = fn(&Seats, Limit) -> Vec<u64>;
    let echoes: [(&str, Echo); 5] = [
        ("hop/bare", rig::bare_echo),
        ("hop/ours", |seats, limit| rig::our_echo::<u64>(seats, limit, Wait::Spin)),
        ("hop/ours_128", |seats, limit| rig::our_echo::<Wide>(seats, limit, Wait::Spin)),
        ("hop/rtrb", rig::rtrb_echo::<u64>),
        ("hop/rtrb_128", rig::rtrb_echo::<Wide>),
    ];
    for (name, run) in echoes {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| of_ways(count, |limit| run(seats, limit)));
        });
    }
    let pause = Duration::from_micros(300);
    group.bench_function("wake", |bencher| {
        bencher.iter_custom(|count| {
            of_ways(count, |limit| {
                let once = rig::our_wake(seats, Limit { count: 200, ..limit }, pause);
                once.into_iter().map(|ns| 2 * ns).collect()
            })
        });
    });
    group.finish();
}

criterion_group!(benches, ring);
criterion_main!(benches);
