//! Samples of a book for the eye: at even times over the run, and every single state around
//! fills.

use std::collections::VecDeque;

use qt_engine::BookView;
use qt_engine::book::Depth;

/// Samples at even times.
pub const SAMPLES_MAX: usize = 900;
/// Fills around which every state of the book is kept: of more, so many evenly over the run.
pub const FILLS_SHOWN_MAX: usize = 40;
/// States before and after such a fill.
const STATES_AROUND: usize = 20;
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
        Self {
            samples: Vec::new(),
            even: Ticker { next_ns: start_ns, end_ns, every_ns },
            fills: spread(fills, FILLS_SHOWN_MAX),
            next_fill: 0,
            before: VecDeque::with_capacity(STATES_AROUND),
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
            self.after = STATES_AROUND;
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
            if self.before.len() == STATES_AROUND {
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
        let close: Vec<i64> = (31..70).collect();
        // The samples every 10 ns show the states of 10 and 20, then 70, 80 and 90 ns.
        let mut expected = vec![10, 20, 30];
        expected.extend(close);
        expected.extend([70, 80, 90]);
        assert_eq!(kept.iter().filter(|&&at| at > 30 && at < 70).count(), 39 + 3);
        assert!(expected.iter().all(|at| kept.contains(at)), "{kept:?}");
        assert_eq!(spread(&[1, 2, 3, 4, 5], 3), [1, 3, 5]);
    }
}
