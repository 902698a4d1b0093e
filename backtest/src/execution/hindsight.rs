//! A second pass over the records of a run on books, when its fills are known: what the middle of
//! the book was after each of them, and samples of the book for the eye.

use qt_engine::{BookKind, BookView, Market};
use qt_types::{InstrumentId, Liquidity, Payload};

use super::depth::{DepthFilm, DepthSample};
use super::markout::{Markouts, NS_STEPS, Unit};
use crate::recorder::Fill;
use crate::replay::{Film, Reels, ReplayError, Replayed};

/// Instruments whose books are sampled.
pub const BOOKS_SHOWN_MAX: usize = 3;

/// What a second look at the data tells.
#[derive(Clone, Debug)]
pub struct Hindsight {
    /// What the fills were worth a while later.
    pub markouts: Markouts,
    /// Samples of books: those with most fills.
    pub books: Vec<(InstrumentId, Vec<DepthSample>)>,
}

/// One waiting line: fills in order of time, and how long after each of them the middle is due.
struct Line {
    step: usize,
    after_ns: i64,
    only: Option<Liquidity>,
    next: usize,
    due_ns: i64,
}

impl Line {
    /// Moves on to the next fill that this line is about, from `self.next` on.
    fn settle(&mut self, fills: &[Fill]) {
        let wanted = |fill: &&Fill| self.only.is_none_or(|only| fill.liquidity == only);
        while self.next < fills.len() && !wanted(&&fills[self.next]) {
            self.next += 1;
        }
        let due = fills.get(self.next).map(|fill| fill.venue_ns.get());
        self.due_ns = due.map_or(i64::MAX, |ns| ns.saturating_add(self.after_ns));
    }
}

/// Looks through the records of `films` again, from the first one to `to_ns` (UTC ns, exclusive).
/// `books` are the run's books, `fills` are in order of the venue's time, `from_ns` is the
/// first time that was traded.
///
/// # Errors
/// When the data cannot be read.
pub fn look_back<R: Replayed>(
    films: &[Film<'_>],
    books: &[BookKind],
    (from_ns, to_ns): (i64, i64),
    fills: &[Fill],
) -> Result<Hindsight, ReplayError> {
    let mut reels = Reels::<R>::start(films)?;
    let mut pass = Pass::new(books, fills, span(films, from_ns, to_ns));
    while let Some((instrument, record)) = reels.next_before(to_ns)? {
        let now_ns = record.venue_ns();
        if now_ns > pass.due_ns {
            pass.reach(now_ns);
        }
        match record.told(false, 0) {
            Payload::Tick(tick) => pass.market.on_tick(instrument, &tick),
            Payload::Order(tick) => pass.market.on_order(instrument, &tick),
            _ => continue,
        };
        if !pass.shown.is_empty() {
            pass.show(instrument, now_ns);
        }
        pass.last_ns = now_ns;
    }
    let end_ns = pass.last_ns.saturating_add(1);
    pass.reach(end_ns);
    Ok(Hindsight {
        markouts: pass.markouts,
        books: pass.shown.into_iter().map(|(id, film)| (id, film.finish())).collect(),
    })
}

/// From the first to the last time of the run.
fn span(films: &[Film<'_>], from_ns: i64, to_ns: i64) -> (i64, i64) {
    let times = films.iter().map(|film| film.file.times());
    let first = times.clone().map(|times| times.venue_first).min().unwrap_or(0);
    let last = times.map(|times| times.venue_last).max().unwrap_or(0);
    (first.max(from_ns), last.min(to_ns.saturating_sub(1)))
}

struct Pass<'a> {
    market: Market,
    fills: &'a [Fill],
    lines: Vec<Line>,
    markouts: Markouts,
    shown: Vec<(InstrumentId, DepthFilm)>,
    due_ns: i64,
    last_ns: i64,
}

impl<'a> Pass<'a> {
    fn new(books: &[BookKind], fills: &'a [Fill], (start_ns, end_ns): (i64, i64)) -> Self {
        let mut pass = Self {
            market: Market::with_books(books.len(), books),
            fills,
            lines: lines(fills),
            markouts: Markouts::new(Unit::Ns, books.len()),
            shown: Vec::new(),
            due_ns: i64::MIN,
            last_ns: start_ns,
        };
        for id in busiest(fills, books.len()) {
            let of_id = fills.iter().filter(|fill| fill.instrument == id);
            let times: Vec<i64> = of_id.map(|fill| fill.venue_ns.get()).collect();
            pass.shown.push((id, DepthFilm::new(start_ns, end_ns, &times)));
        }
        pass.note_due();
        pass
    }

    fn note_due(&mut self) {
        let lines = self.lines.iter().map(|line| line.due_ns);
        let films = self.shown.iter().map(|(_, film)| film.due_ns());
        self.due_ns = lines.chain(films).min().unwrap_or(i64::MAX);
    }

    /// The books are as they have been up to `now_ns`: everything that was due before it.
    #[inline(never)]
    fn reach(&mut self, now_ns: i64) {
        let Self { market, fills, lines, markouts, shown, .. } = self;
        for line in lines {
            while line.due_ns < now_ns {
                let fill = &fills[line.next];
                if let Some(middle_x2) = middle_x2(market.book(fill.instrument)) {
                    markouts.add(fill, line.step, middle_x2);
                }
                line.next += 1;
                line.settle(fills);
            }
        }
        for (id, film) in shown {
            if let Some(view) = market.book(*id) {
                film.tick(now_ns, view);
            }
        }
        self.note_due();
    }

    fn show(&mut self, instrument: InstrumentId, now_ns: i64) {
        let Self { market, shown, .. } = self;
        let film = shown.iter_mut().find(|(id, _)| *id == instrument);
        if let Some((_, film)) = film.filter(|(_, film)| film.is_close(now_ns))
            && let Some(view) = market.book(instrument).filter(|view| view.is_complete())
        {
            film.state(now_ns, view);
        }
    }
}

/// Twice the middle of a book that has both sides and is not crossed.
fn middle_x2(view: Option<BookView<'_>>) -> Option<i64> {
    let view = view?;
    view.mid_x2().filter(|_| view.spread().is_some_and(|spread| spread > 0))
}

/// One line for each step. The first step of a maker is just before its time, that of a taker
/// after all that came before it: records of the same time come first at the venue.
fn lines(fills: &[Fill]) -> Vec<Line> {
    let line = |step, after_ns, only| Line { step, after_ns, only, next: 0, due_ns: 0 };
    let mut lines = vec![line(0, -1, Some(Liquidity::Maker)), line(0, 0, Some(Liquidity::Taker))];
    let later = NS_STEPS.iter().enumerate().skip(1);
    lines.extend(later.map(|(step, &after_ns)| line(step, after_ns, None)));
    lines.iter_mut().for_each(|line| line.settle(fills));
    lines
}

/// The instruments with most fills, at most [`BOOKS_SHOWN_MAX`]; without fills the first one.
fn busiest(fills: &[Fill], instruments: usize) -> Vec<InstrumentId> {
    let mut counts = vec![0_u64; instruments];
    for fill in fills {
        if let Some(count) = counts.get_mut(fill.instrument.index()) {
            *count += 1;
        }
    }
    let mut order: Vec<usize> = (0..instruments).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(counts[index]));
    order.retain(|&index| counts[index] > 0 || fills.is_empty());
    order.truncate(if fills.is_empty() { 1 } else { BOOKS_SHOWN_MAX });
    order.into_iter().map(crate::tape::id_of).collect()
}
