//! Samples of a book for the eye: at even times over the run, and every single state around
//! fills.

use std::collections::VecDeque;

use qt_engine::BookView;
use qt_engine::book::Depth;

/// Samples at even times.
pub const SAMPLES_MAX: usize = 900;
/// Fills around which every state of the book is kept: of more, so many evenly over the run.
pub const FILLS_SHOWN_MAX: usize = 200;
/// States before all such fills together, and as many after them.
const STATES_MAX: usize = 800;
/// States before and after one fill at least and at most.
const AROUND_MIN: usize = 4;
const AROUND_MAX: usize = 40;
const _: () = assert!(FILLS_SHOWN_MAX * AROUND_MIN <= STATES_MAX);
/// How far from it they may be.
const AROUND_NS: i64 = 1_000_000_000;
/// Levels of each side.
const LEVELS: usize = 10;

/// The best levels of a book, from a time on (the venue's, UTC ns).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthSample {
    /// From when on.
    pub from_ns: i64,
    /// The levels.
    pub depth: Depth,
}

/// The samples of one instrument's book while they are taken.
#[derive(Clone, Debug)]
pub struct DepthFilm {
    samples: Vec<DepthSample>,
    /// Times at even distances, and around fills; both ascending.
    even: Ticker,
    fills: Vec<i64>,
    next_fill: usize,
    around: usize,
    before: VecDeque<DepthSample>,
    after: usize,
    after_until_ns: i64,
}

/// Times from `next_ns` to `end_ns` at even distances.
#[derive(Clone, Copy, Debug)]
struct Ticker {
    next_ns: i64,
    end_ns: i64,
    every_ns: i64,
}

impl DepthFilm {
    /// A film from `start_ns` to `end_ns` that looks closely at (some of) `fills`, ascending
    /// times at the venue (UTC ns).
    #[must_use]
    pub fn new(start_ns: i64, end_ns: i64, fills: &[i64]) -> Self {
        let length_ns = end_ns.saturating_sub(start_ns).max(0);
        let every_ns = (length_ns / SAMPLES_MAX as i64).max(1);
        let around = states_around(fills.len());
        Self {
            samples: Vec::new(),
            even: Ticker { next_ns: start_ns, end_ns, every_ns },
            fills: spread(fills, FILLS_SHOWN_MAX),
            next_fill: 0,
            around,
            before: VecDeque::with_capacity(around),
            after: 0,
            after_until_ns: i64::MIN,
        }
    }

    /// When the film has to be looked at next.
    #[must_use]
    pub const fn due_ns(&self) -> i64 {
        self.even.next_ns
    }

    /// The book as it has been up to `now_ns`, at which it is about to change.
    pub fn tick(&mut self, now_ns: i64, view: BookView<'_>) {
        let due_ns = self.even.next_ns;
        if due_ns >= now_ns || due_ns > self.even.end_ns {
            return;
        }
        if !view.is_empty() {
            self.samples.push(DepthSample { from_ns: due_ns, depth: view.depth(LEVELS) });
        }
        // Of times between which nothing happened, the first says it all.
        let past = (now_ns - due_ns - 1) / self.even.every_ns + 1;
        let next_ns = due_ns.saturating_add(past.saturating_mul(self.even.every_ns));
        self.even.next_ns = if next_ns > self.even.end_ns { i64::MAX } else { next_ns };
    }

    /// Whether states at `now_ns` are looked at one by one.
    #[must_use]
    pub fn is_close(&self, now_ns: i64) -> bool {
        let near = |fill_ns: &i64| now_ns >= fill_ns.saturating_sub(AROUND_NS);
        self.after > 0 || self.fills.get(self.next_fill).is_some_and(near)
    }

    /// A new state of the book at `now_ns`, where [`Self::is_close`].
    pub fn state(&mut self, now_ns: i64, view: BookView<'_>) {
        while self.fills.get(self.next_fill).is_some_and(|&fill_ns| fill_ns <= now_ns) {
            self.samples.extend(self.before.drain(..));
            self.after = self.around;
            self.after_until_ns = self.fills[self.next_fill].saturating_add(AROUND_NS);
            self.next_fill += 1;
        }
        if now_ns > self.after_until_ns {
            self.after = 0;
        }
        let sample = DepthSample { from_ns: now_ns, depth: view.depth(LEVELS) };
        let last = self.before.back().or(self.samples.last());
        if last.is_some_and(|last| last.depth == sample.depth) {
            return;
        }
        if self.after > 0 {
            self.after -= 1;
            self.samples.push(sample);
        } else if self.is_close(now_ns) {
            if self.before.len() == self.around {
                self.before.pop_front();
            }
            self.before.push_back(sample);
        }
    }

    /// All samples in order of time.
    #[must_use]
    pub fn finish(mut self) -> Vec<DepthSample> {
        // States before a fill come to the list with the fill, after samples of their time.
        self.samples.sort_by_key(|sample| sample.from_ns);
        self.samples
    }
}

/// States before and after each of so many fills.
#[must_use]
pub fn states_around(fills: usize) -> usize {
    let shown = fills.clamp(1, FILLS_SHOWN_MAX);
    (STATES_MAX / shown).clamp(AROUND_MIN, AROUND_MAX)
}

/// At most `most` of `values`, evenly spread, the first and the last among them.
fn spread(values: &[i64], most: usize) -> Vec<i64> {
    if values.len() <= most {
        return values.to_vec();
    }
    let last = values.len() - 1;
    (0..most).map(|at| values[at * last / (most - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use qt_engine::book::{Book, BookLimits};
    use qt_types::{Tick, TickFlags, TickKind};

    use super::*;

    fn film(fills: &[i64], states: &[i64]) -> Vec<i64> {
        let mut film = DepthFilm::new(0, 9_000, fills);
        let mut book = Book::new(&BookLimits::default());
        for (at, &now_ns) in states.iter().enumerate() {
            film.tick(now_ns, book.view());
            let (kind, flags) = (TickKind::Level as u8, TickFlags::LAST.bits());
            let qty = at as i64 + 1;
            book.apply(&Tick {
                venue_ns: now_ns,
                price: 5,
                qty,
                latency_ns: 0,
                instrument: 0,
                kind,
                flags,
            });
            if film.is_close(now_ns) {
                film.state(now_ns, book.view());
            }
        }
        film.finish().iter().map(|sample| sample.from_ns).collect()
    }

    #[test]
    fn without_fills_the_samples_are_even() {
        // Every 10 ns; nothing is known before the first state, nothing happens from 6 to 2,000.
        let states = film(&[], &[5, 6, 2_000, 2_025]);
        assert_eq!(states, [10, 2_000]);
    }

    #[test]
    fn around_a_fill_every_state_is_kept_and_no_more_than_so_many() {
        let states: Vec<i64> = (1..=100).collect();
        let kept = film(&[50], &states);
        // 40 states before the fill and 40 after it, and the samples every 10 ns.
        let expected: Vec<i64> = (10..90).chain([90]).collect();
        assert!(expected.iter().all(|at| kept.contains(at)), "{kept:?}");
        assert!(!kept.contains(&9) && !kept.contains(&91), "{kept:?}");
        assert_eq!([1, 20, 21, 100, 200, 9_000].map(states_around), [40, 40, 38, 8, 4, 4]);
        assert_eq!(spread(&[1, 2, 3, 4, 5], 3), [1, 3, 5]);
    }
}
