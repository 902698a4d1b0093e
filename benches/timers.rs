//! Timers of a strategy: to take the one that is due and to set the next, with more and fewer of
//! them pending. Beside ours: a sorted list, and a hierarchical wheel with what it needs to give
//! the same results (an exact next time, one of the same twice, the order of tokens).

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use qt_engine::Timers;
use qt_types::{Nanos, StrategyId, Timer};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const START_NS: i64 = 1_700_000_000_000_000_000;

/// How long timers run.
#[derive(Clone, Copy)]
enum Run {
    /// All of them a second.
    Alike,
    /// Up to ten seconds.
    Mixed,
}

impl Run {
    fn ns(self, dice: &mut ChaCha8Rng) -> i64 {
        match self {
            Self::Alike => 1_000_000_000,
            Self::Mixed => dice.random_range(1..10_000_000_000),
        }
    }
}

trait Pending {
    fn new(timers_max: usize) -> Self;
    fn set(&mut self, timer: Timer);
    fn next_ns(&self) -> Option<Nanos>;
    fn take_due(&mut self, now_ns: Nanos) -> Option<Timer>;
}

impl Pending for Timers {
    fn new(timers_max: usize) -> Self {
        Self::new(timers_max)
    }

    fn set(&mut self, timer: Timer) {
        self.set(timer);
    }

    fn next_ns(&self) -> Option<Nanos> {
        self.next_ns()
    }

    fn take_due(&mut self, now_ns: Nanos) -> Option<Timer> {
        self.take_due(now_ns)
    }
}

/// Sorted, the next one last.
struct List(Vec<Timer>);

impl Pending for List {
    fn new(timers_max: usize) -> Self {
        Self(Vec::with_capacity(timers_max))
    }

    #[inline(never)]
    fn set(&mut self, timer: Timer) {
        let at = self.0.partition_point(|pending| *pending > timer);
        if self.0.get(at) != Some(&timer) && self.0.len() < self.0.capacity() {
            self.0.insert(at, timer);
        }
    }

    fn next_ns(&self) -> Option<Nanos> {
        self.0.last().map(|timer| timer.due_ns)
    }

    fn take_due(&mut self, now_ns: Nanos) -> Option<Timer> {
        self.0.pop_if(|timer| timer.due_ns <= now_ns)
    }
}

const BITS: usize = 6;
const LEVELS: usize = 64usize.div_ceil(BITS);
const NONE: usize = usize::MAX;

/// Slots of 1 ns, of 64 ns, of 4,096 ns and so on; a slot is dealt out to finer ones when its
/// time comes. A table of what is pending tells one that is set twice.
struct Wheel {
    nodes: Vec<(Timer, usize)>,
    slots: [[usize; 1 << BITS]; LEVELS],
    used: [u64; LEVELS],
    now: u64,
    free: usize,
    next: Option<Timer>,
    /// As many as a power of two.
    known: Vec<Option<Timer>>,
    mask: usize,
}

impl Wheel {
    fn slot_of(&self, due: u64) -> (usize, usize) {
        let level = ((due ^ self.now) | 1).ilog2() as usize / BITS;
        (level, (due >> (BITS * level)) as usize % (1 << BITS))
    }

    fn file(&mut self, at: usize) {
        let due = self.nodes[at].0.due_ns.get() as u64;
        let (level, slot) = self.slot_of(due.max(self.now));
        self.nodes[at].1 = std::mem::replace(&mut self.slots[level][slot], at);
        self.used[level] |= 1 << slot;
    }

    fn home(&self, timer: Timer) -> usize {
        let mixed = (timer.due_ns.get() as u64 ^ (u64::from(timer.token) << 40))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 32) as usize & self.mask
    }

    /// Where `timer` is in the table, or could be.
    fn find(&self, timer: Timer) -> usize {
        let mut at = self.home(timer);
        while self.known[at].is_some_and(|known| known != timer) {
            at = (at + 1) & self.mask;
        }
        at
    }

    fn forget(&mut self, timer: Timer) {
        let mask = self.mask;
        let mut hole = self.find(timer);
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let Some(other) = self.known[at] else { break };
            let steps = |from: usize| at.wrapping_sub(from) & mask;
            let is_before = steps(self.home(other)) >= steps(hole);
            if is_before {
                self.known[hole] = Some(other);
                hole = at;
            }
        }
        self.known[hole] = None;
    }

    /// The earliest of the first slot in use.
    fn look(&mut self) {
        self.next = None;
        let Some(level) = self.used.iter().position(|used| *used != 0) else { return };
        let mut at = self.slots[level][self.used[level].trailing_zeros() as usize];
        while at != NONE {
            let (timer, next) = self.nodes[at];
            self.next = Some(self.next.map_or(timer, |known| known.min(timer)));
            at = next;
        }
    }
}

impl Pending for Wheel {
    fn new(timers_max: usize) -> Self {
        let none = Timer { due_ns: Nanos::MIN, token: 0, strategy: StrategyId::FIRST };
        Self {
            nodes: (1..=timers_max).map(|next| (none, next)).collect(),
            slots: [[NONE; 1 << BITS]; LEVELS],
            used: [0; LEVELS],
            now: 0,
            free: 0,
            next: None,
            known: vec![None; (2 * timers_max).next_power_of_two()],
            mask: (2 * timers_max).next_power_of_two() - 1,
        }
    }

    #[inline(never)]
    fn set(&mut self, timer: Timer) {
        let place = self.find(timer);
        if self.known[place].is_some() || self.free == self.nodes.len() {
            return;
        }
        self.known[place] = Some(timer);
        let at = self.free;
        self.free = self.nodes[at].1;
        self.nodes[at].0 = timer;
        self.file(at);
        self.next = Some(self.next.map_or(timer, |known| known.min(timer)));
    }

    fn next_ns(&self) -> Option<Nanos> {
        self.next.map(|timer| timer.due_ns)
    }

    #[inline(never)]
    fn take_due(&mut self, now_ns: Nanos) -> Option<Timer> {
        let timer = self.next.filter(|timer| timer.due_ns <= now_ns)?;
        let due = (timer.due_ns.get() as u64).max(self.now);
        loop {
            let (level, slot) = self.slot_of(due);
            let mut at = std::mem::replace(&mut self.slots[level][slot], NONE);
            self.used[level] &= !(1 << slot);
            self.now = due >> (BITS * level) << (BITS * level);
            let is_last = level == 0;
            while at != NONE {
                let next = self.nodes[at].1;
                if is_last && self.nodes[at].0 == timer {
                    self.nodes[at].1 = std::mem::replace(&mut self.free, at);
                } else {
                    self.file(at);
                }
                at = next;
            }
            if is_last {
                break;
            }
        }
        self.forget(timer);
        self.look();
        Some(timer)
    }
}

/// Lengths that are drawn beforehand, a power of two.
const DRAWN: usize = 1 << 14;

/// `count` timers, each of which is set again when it has come.
fn turn<P: Pending>(count: usize, run: Run) -> impl FnMut() {
    let mut dice = ChaCha8Rng::seed_from_u64(11);
    let mut pending = P::new(count);
    for token in 0..count as u32 {
        let due_ns = Nanos::new(START_NS + dice.random_range(0..1_000_000_000));
        pending.set(Timer { due_ns, token, strategy: StrategyId::FIRST });
    }
    let lengths: Vec<i64> = (0..DRAWN).map(|_| run.ns(&mut dice)).collect();
    let mut turns = 0;
    move || {
        let Some(now_ns) = black_box(pending.next_ns()) else { return };
        if let Some(timer) = pending.take_due(now_ns) {
            turns += 1;
            let due_ns = now_ns.saturating_add_ns(lengths[turns & (DRAWN - 1)]);
            pending.set(Timer { due_ns, ..timer });
        }
    }
}

/// All three give the same.
fn assert_same() {
    let mut dice = ChaCha8Rng::seed_from_u64(3);
    let (mut ours, mut list) = (Timers::new(300), List::new(300));
    let mut wheel = Wheel::new(300);
    let mut now_ns = Nanos::new(START_NS);
    for _ in 0..20_000 {
        let due_ns = now_ns.saturating_add_ns(dice.random_range(0..3_000));
        let timer = Timer { due_ns, token: dice.random_range(0..3), strategy: StrategyId::FIRST };
        ours.set(timer);
        list.set(timer);
        wheel.set(timer);
        now_ns = now_ns.saturating_add_ns(dice.random_range(0..12));
        loop {
            let taken = list.take_due(now_ns);
            assert_eq!((ours.take_due(now_ns), wheel.take_due(now_ns)), (taken, taken));
            if taken.is_none() {
                break;
            }
        }
        assert_eq!((ours.next_ns(), wheel.next_ns()), (list.next_ns(), list.next_ns()));
    }
}

fn timers(c: &mut Criterion) {
    assert_same();
    for (name, run) in [("alike", Run::Alike), ("mixed", Run::Mixed)] {
        let mut group = c.benchmark_group(format!("timers/{name}"));
        for count in [1, 16, 64, 1_000, 4_000] {
            let id = |what: &str| BenchmarkId::new(what, count);
            let (mut ours, mut list) = (turn::<Timers>(count, run), turn::<List>(count, run));
            let mut wheel = turn::<Wheel>(count, run);
            group.bench_function(id("ours"), |bench| bench.iter(&mut ours));
            group.bench_function(id("list"), |bench| bench.iter(&mut list));
            group.bench_function(id("wheel"), |bench| bench.iter(&mut wheel));
        }
        group.finish();
    }
}

criterion_group!(benches, timers);
criterion_main!(benches);
