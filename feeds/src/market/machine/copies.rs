//! Books that are asked for once more, for whoever records: each file of a recording begins in the
//! middle of the books, and a snapshot that meets its changes lets it be read by itself. Nothing is
//! told of them.

use qt_types::Nanos;

use super::instrument::Book;
use super::requests::Purpose;
use super::{Due, Market};

/// A snapshot that is older than the changes is asked for again after so long.
const AGAIN_NS: i64 = 1_000_000_000;
const PATIENCE_NS: i64 = 10_000_000_000;

/// How the copy of a book stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Copied {
    /// None is wanted, or it is there.
    #[default]
    Nothing,
    /// It is to be asked for at this time.
    Due(Nanos),
    /// It was asked for, and has to reach up to the change with this id.
    Asked(u64),
}

impl Market {
    /// Every book is to be asked for.
    pub(super) fn want_copies(&mut self, now_ns: Nanos) {
        for instrument in self.instruments.iter_mut().filter(|one| one.want.book) {
            instrument.copy = Copied::Due(now_ns);
        }
    }

    /// Asks for those that are due. A book that is not in order is asked for anyway, which does as
    /// well.
    pub(super) fn plan_copies(&mut self, now_ns: Nanos, due: &mut Due) {
        for at in 0..self.instruments.len() {
            let instrument = &self.instruments[at];
            let Copied::Due(at_ns) = instrument.copy else { continue };
            if self.profile.brings_books() {
                self.copy_by_stream(at);
                continue;
            }
            if !matches!(instrument.book, Book::Live(_)) {
                continue;
            }
            if now_ns < at_ns {
                due.at(at_ns);
                continue;
            }
            let (limit, weight) = self.depth_limit;
            if let Err(until_ns) = self.budget.take(weight, now_ns) {
                due.at(until_ns);
                return;
            }
            let url = self.depth_url(at, limit);
            self.call(Purpose::Copy(at), url, PATIENCE_NS, now_ns);
            let instrument = &mut self.instruments[at];
            instrument.copy = Copied::Asked(instrument.last_change);
        }
    }

    /// Where books come over the stream it is subscribed to again. What comes is told: a book takes
    /// the place of the same one.
    fn copy_by_stream(&mut self, at: usize) {
        let instrument = &mut self.instruments[at];
        instrument.copy = Copied::Nothing;
        if let (Book::Live(_), Some(topic)) = (instrument.book, instrument.topics[0]) {
            self.figures.snapshots_asked += 1;
            self.subscribe_again(usize::from(topic));
        }
    }

    /// There was an answer, or none.
    pub(super) fn copied(&mut self, at: usize, answer: Option<&[u8]>, now_ns: Nanos) {
        let Some(instrument) = self.instruments.get_mut(at) else { return };
        let Copied::Asked(change) = instrument.copy else { return };
        instrument.copy = match answer.and_then(|body| self.profile.protocol.book_id(body)) {
            Some(id) if id >= change => Copied::Nothing,
            _ => Copied::Due(now_ns.saturating_add_ns(AGAIN_NS)),
        };
    }
}
