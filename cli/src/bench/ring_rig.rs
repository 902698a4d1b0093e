//! Two pinned threads that pass items to each other, and the rings that are compared. The
//! criterion bench in `benches/ring.rs` has the same.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use qt_ring::{Cores, Item, Pinning, Placement, Seat, Setup, Wait};

/// Items of each ring.
pub const CAPACITY: usize = 1 << 10;
/// Items of one timed piece of a stream: so few that most pieces lie between two interruptions.
pub const PIECE: u64 = 4_096;
/// Turns after which the time limit is looked at.
const TURNS: u64 = 256;

/// What is sent: two lines of memory, as an event has them.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Wide([u64; 16]);

/// An item that carries a number.
pub trait Numbered: Item {
    /// The item of a number.
    fn of(number: u64) -> Self;
    /// Its number.
    fn number(&self) -> u64;
    /// Looks at every word.
    fn sum(&self) -> u64;
}

impl Numbered for u64 {
    fn of(number: u64) -> Self {
        number
    }

    fn number(&self) -> u64 {
        *self
    }

    fn sum(&self) -> u64 {
        *self
    }
}

impl Numbered for Wide {
    fn of(number: u64) -> Self {
        Self([number; 16])
    }

    fn number(&self) -> u64 {
        self.0[0]
    }

    fn sum(&self) -> u64 {
        self.0.iter().fold(0_u64, |sum, word| sum.wrapping_add(*word))
    }
}

/// The cores of the two threads.
#[derive(Clone, Debug)]
pub struct Seats {
    cores: Cores,
    near: usize,
    far: usize,
}

impl Seats {
    /// Two cores of this process; `None` where it has but one.
    pub fn find() -> Option<Self> {
        let cores = Cores::allowed();
        let wanted = ["near", "far"].map(|thread| Seat { thread, core: None });
        let placed = Placement::new(&cores, &wanted, Some(Wait::Spin)).ok()?;
        let [near, far] = placed.seats[..] else { return None };
        Some(Self { cores, near: near.core?, far: far.core? })
    }

    /// What came of pinning, for people.
    pub fn text(&self) -> String {
        let try_both = thread::scope(|scope| {
            let pin = |core| scope.spawn(move || self.cores.pin(core)).join();
            [pin(self.near), pin(self.far)]
        });
        let told = try_both.into_iter().map(|pinning| match pinning {
            Ok(Pinning::Pinned(core)) => format!("core {core}"),
            Ok(refused) => refused.to_string(),
            Err(_) => "not pinned".to_owned(),
        });
        told.collect::<Vec<_>>().join(", ")
    }

    fn sit(&self, core: usize) {
        black_box(self.cores.pin(core));
    }
}

/// How long a measurement may go on.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Echoes, or timed pieces of a stream.
    pub count: usize,
    /// And no longer than this: on a busy machine a turn can take a thousand times as long.
    pub time: Duration,
}

/// The times of `limit.count` round trips in nanoseconds. `near` sends a number and waits for its
/// answer; `far` waits for a number, answers it, and returns it.
pub fn echo(
    seats: &Seats,
    limit: Limit,
    mut near: impl FnMut(u64) + Send,
    mut far: impl FnMut() -> u64 + Send,
) -> Vec<u64> {
    let is_there = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            seats.sit(seats.far);
            is_there.store(true, Ordering::Release);
            while far() != u64::MAX {}
        });
        let measuring = scope.spawn(|| {
            seats.sit(seats.near);
            while !is_there.load(Ordering::Acquire) {
                thread::yield_now();
            }
            let mut took = Vec::with_capacity(limit.count);
            let begin = Instant::now();
            for number in 1..=limit.count as u64 {
                let clock = Instant::now();
                near(number);
                took.push(clock.elapsed().as_nanos() as u64);
                if number % TURNS == 0 && begin.elapsed() > limit.time {
                    break;
                }
            }
            near(u64::MAX);
            took
        });
        measuring.join().unwrap_or_default()
    })
}

/// The seconds that each [`PIECE`] of a stream took. `push` says whether there was room; `take`
/// takes what is there, adds it to a sum, and says how many items that were.
pub fn stream(
    seats: &Seats,
    limit: Limit,
    mut push: impl FnMut(u64) -> bool + Send,
    mut take: impl FnMut(&mut u64) -> u64 + Send,
) -> Vec<f64> {
    let (is_there, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
    let is_over = || is_done.load(Ordering::Relaxed);
    thread::scope(|scope| {
        scope.spawn(|| {
            seats.sit(seats.near);
            is_there.store(true, Ordering::Release);
            let mut number = 0_u64;
            while !is_over() {
                for _ in 0..TURNS {
                    while !push(number) && !is_over() {}
                    number += 1;
                }
            }
        });
        let measuring = scope.spawn(|| {
            seats.sit(seats.far);
            while !is_there.load(Ordering::Acquire) {
                thread::yield_now();
            }
            let mut pieces = Vec::with_capacity(limit.count);
            let (begin, mut sum) = (Instant::now(), 0);
            let mut clock = begin;
            while pieces.len() < limit.count && begin.elapsed() < limit.time {
                let mut taken = 0;
                while taken < PIECE {
                    taken += take(&mut sum);
                }
                let now = Instant::now();
                let seconds = now.duration_since(clock).as_secs_f64();
                pieces.push(seconds * PIECE as f64 / taken as f64);
                clock = now;
            }
            is_done.store(true, Ordering::Relaxed);
            black_box(sum);
            pieces
        });
        measuring.join().unwrap_or_default()
    })
}

/// Two lines of memory that go back and forth: no ring is faster.
pub fn bare_echo(seats: &Seats, limit: Limit) -> Vec<u64> {
    #[repr(align(128))]
    struct Line(AtomicU64);
    let [out, back] = [0, 0].map(|zero| Line(AtomicU64::new(zero)));
    let mut expected = 0;
    let near = |number| {
        out.0.store(number, Ordering::Release);
        while back.0.load(Ordering::Acquire) != number {}
    };
    let far = || {
        let number = loop {
            let number = out.0.load(Ordering::Acquire);
            if number != expected {
                break number;
            }
        };
        expected = number;
        back.0.store(number, Ordering::Release);
        number
    };
    echo(seats, limit, near, far)
}

/// Two of our rings, one in each direction.
pub fn our_echo<T: Numbered>(seats: &Seats, limit: Limit, wait: Wait) -> Vec<u64> {
    let ring = || qt_ring::spsc::<T>(&Setup::new(CAPACITY, wait)).ok();
    let (Some((mut out, mut there)), Some((mut answer, mut back))) = (ring(), ring()) else {
        return Vec::new();
    };
    let near = move |number| {
        black_box(out.push(T::of(number)).is_ok() && back.wait());
        black_box(back.pop().map(|item| item.sum()));
    };
    let far = move || {
        black_box(there.wait());
        there.pop().map_or(u64::MAX, |item| {
            black_box(answer.push(item).is_ok() && item.sum() > 0);
            item.number()
        })
    };
    echo(seats, limit, near, far)
}

/// How long items take to a thread that sleeps, one way, in nanoseconds: each is sent after a
/// pause in which the far thread has fallen asleep.
pub fn our_wake(seats: &Seats, limit: Limit, pause: Duration) -> Vec<u64> {
    let Ok((mut out, mut there)) = qt_ring::spsc::<u64>(&Setup::new(CAPACITY, Wait::Park)) else {
        return Vec::new();
    };
    let begin = Instant::now();
    thread::scope(|scope| {
        let measuring = scope.spawn(move || {
            seats.sit(seats.far);
            let mut took = Vec::with_capacity(limit.count);
            while there.wait() {
                let now_ns = begin.elapsed().as_nanos() as u64;
                took.extend(there.pop().map(|sent_ns| now_ns.saturating_sub(sent_ns)));
            }
            took
        });
        scope.spawn(move || {
            seats.sit(seats.near);
            for _ in 0..limit.count {
                thread::sleep(pause);
                black_box(out.push(begin.elapsed().as_nanos() as u64).is_ok());
                if begin.elapsed() > limit.time {
                    break;
                }
            }
        });
        measuring.join().unwrap_or_default()
    })
}

/// The same by two rings of rtrb.
pub fn rtrb_echo<T: Numbered>(seats: &Seats, limit: Limit) -> Vec<u64> {
    let (mut out, mut there) = rtrb::RingBuffer::<T>::new(CAPACITY);
    let (mut answer, mut back) = rtrb::RingBuffer::<T>::new(CAPACITY);
    let next = |from: &mut rtrb::Consumer<T>| loop {
        if let Ok(item) = from.pop() {
            break item;
        }
    };
    let near = move |number| {
        black_box(out.push(T::of(number)).is_ok());
        black_box(next(&mut back).sum());
    };
    let far = move || {
        let item = next(&mut there);
        black_box(answer.push(item).is_ok() && item.sum() > 0);
        item.number()
    };
    echo(seats, limit, near, far)
}

/// A stream through our ring, item by item.
pub fn ours(seats: &Seats, limit: Limit, wait: Wait) -> Vec<f64> {
    let Ok((mut writer, mut reader)) = qt_ring::spsc::<Wide>(&Setup::new(CAPACITY, wait)) else {
        return Vec::new();
    };
    let push = move |number| writer.push(Wide::of(number)).is_ok();
    stream(seats, limit, push, move |sum| match reader.pop() {
        Some(item) => {
            *sum ^= item.sum();
            1
        }
        None => 0,
    })
}

/// A stream through our ring, read in batches.
pub fn ours_in_batches(seats: &Seats, limit: Limit, wait: Wait) -> Vec<f64> {
    let Ok((mut writer, mut reader)) = qt_ring::spsc::<Wide>(&Setup::new(CAPACITY, wait)) else {
        return Vec::new();
    };
    let push = move |number| writer.push(Wide::of(number)).is_ok();
    let take = move |sum: &mut u64| reader.drain(CAPACITY / 4, |item, _| *sum ^= item.sum()) as u64;
    stream(seats, limit, push, take)
}

/// A stream through rtrb, item by item.
pub fn rtrb(seats: &Seats, limit: Limit) -> Vec<f64> {
    let (mut writer, mut reader) = rtrb::RingBuffer::<Wide>::new(CAPACITY);
    let push = move |number| writer.push(Wide::of(number)).is_ok();
    stream(seats, limit, push, move |sum| match reader.pop() {
        Ok(item) => {
            *sum ^= item.sum();
            1
        }
        Err(_) => 0,
    })
}

/// A stream through rtrb, read in chunks.
pub fn rtrb_in_chunks(seats: &Seats, limit: Limit) -> Vec<f64> {
    let (mut writer, mut reader) = rtrb::RingBuffer::<Wide>::new(CAPACITY);
    let push = move |number| writer.push(Wide::of(number)).is_ok();
    stream(seats, limit, push, move |sum| {
        let count = reader.slots().min(CAPACITY / 4);
        let Ok(chunk) = reader.read_chunk(count) else { return 0 };
        let (first, second) = chunk.as_slices();
        *sum ^= first.iter().chain(second).fold(0, |sum, item| sum ^ item.sum());
        chunk.commit_all();
        count as u64
    })
}

/// A stream through crossbeam's bounded queue.
pub fn array_queue(seats: &Seats, limit: Limit) -> Vec<f64> {
    let queue = Arc::new(crossbeam::queue::ArrayQueue::<Wide>::new(CAPACITY));
    let push = |number| queue.push(Wide::of(number)).is_ok();
    stream(seats, limit, push, |sum| match queue.pop() {
        Some(item) => {
            *sum ^= item.sum();
            1
        }
        None => 0,
    })
}

/// A stream through crossbeam's channel.
pub fn channel(seats: &Seats, limit: Limit) -> Vec<f64> {
    let (sender, receiver) = crossbeam::channel::bounded::<Wide>(CAPACITY);
    let push = |number| sender.try_send(Wide::of(number)).is_ok();
    stream(seats, limit, push, |sum| match receiver.try_recv() {
        Ok(item) => {
            *sum ^= item.sum();
            1
        }
        Err(_) => 0,
    })
}
