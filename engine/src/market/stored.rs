//! The market view as state.

use super::{Market, MarketBook, Slot};
use crate::snapshot::{Reader, SnapshotError, Stored, Writer, load_part, save_part};

impl Stored for Market {
    fn save(&self, to: &mut Writer<'_>) {
        let Self { last, slots, now_ns, rates } = self;
        to.each(last);
        to.each(slots);
        now_ns.save(to);
        save_part(rates.as_deref(), to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let Self { last, slots, now_ns, rates } = self;
        from.each("the number of instruments", last)?;
        from.each("the number of books", slots)?;
        now_ns.load(from)?;
        load_part("having several currencies", rates.as_deref_mut(), from)
    }
}

impl Slot {
    const fn kind(&self) -> u8 {
        match self.book {
            MarketBook::None => 0,
            MarketBook::Levels(_) => 1,
            MarketBook::Orders(_) => 2,
        }
    }
}

impl Stored for Slot {
    fn save(&self, to: &mut Writer<'_>) {
        to.same(&self.kind());
        to.put(&self.top_changed);
        match &self.book {
            MarketBook::None => {}
            MarketBook::Levels(book) => book.save(to),
            MarketBook::Orders(book) => book.save(to),
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the kind of a book (0: none, 1: by price, 2: by order)", &self.kind())?;
        self.top_changed = from.take()?;
        match &mut self.book {
            MarketBook::None => Ok(()),
            MarketBook::Levels(book) => book.load(from),
            MarketBook::Orders(book) => book.load(from),
        }
    }
}
