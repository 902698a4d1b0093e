//! The figures of a market.

use qt_types::Nanos;

use super::Market;
use super::instrument::Book;
use crate::market::{Figures, InstrumentFigures};

impl Market {
    /// All figures at `now_ns`.
    pub fn figures(&mut self, now_ns: Nanos) -> Figures {
        let mut figures = self.figures.clone();
        figures.link = self.standing();
        let facts = self.decoder.facts();
        figures.unreadable = facts.errors;
        figures.fields_unknown = facts.fields_unknown;
        let protocol = self.profile.protocol;
        for (name, count) in facts.unknown.iter().filter(|(name, _)| !protocol.is_known(name)) {
            *figures.unknown.entry(name.to_string()).or_default() += count;
        }
        for window in self.budget.windows() {
            figures.weight_used = window.spent(now_ns);
        }
        figures.clock_offset_ns = self.clock.offset_ns();
        figures.clock_error_ns = self.clock.error_ns(now_ns);
        figures.clock_drift_ppb = self.clock.drift_ppb();
        figures.events = self.instruments.iter().map(|instrument| instrument.events).sum();
        let instruments = self.instruments.iter().map(|one| {
            let in_book = matches!(one.book, Book::Live(_) | Book::Unwanted);
            let stale_ns = one.lost_ns.map_or(0, |at_ns| now_ns.get().saturating_sub(at_ns.get()));
            InstrumentFigures {
                symbol: one.name.clone(),
                status: one.status,
                is_in_step: in_book && one.is_told() && one.lost_ns.is_none(),
                is_stopped: one.stopped.clone(),
                events: one.events,
                gaps: one.gaps,
                resyncs: one.resyncs,
                stale_ns,
            }
        });
        figures.instruments = instruments.collect();
        figures
    }

    /// The figures at the time at which it last did something.
    pub fn figures_at_end(&mut self) -> Figures {
        self.figures(self.planned_ns)
    }

    /// Shows the figures to whoever looks.
    pub(super) fn show(&mut self, now_ns: Nanos) {
        let figures = self.figures(now_ns);
        if let Some(shown) = &self.shown {
            shown.send_replace(figures);
        }
    }
}
