//! The market of an instrument at the venue as state: its book, and what of ours is in it.

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};

use super::{BookMarket, VenueBook};

impl VenueBook {
    const fn kind(&self) -> u8 {
        match self {
            Self::Levels(_) => 1,
            Self::Orders(_) => 2,
        }
    }
}

impl Stored for BookMarket {
    fn save(&self, to: &mut Writer<'_>) {
        let Self {
            book,
            own,
            taken,
            taken_mask,
            last_trade,
            has_trades,
            has_tops,
            has_pegs,
            pegs_due,
            is_watched,
        } = self;
        to.same(&book.kind());
        match book {
            VenueBook::Levels(book) => book.save(to),
            VenueBook::Orders(book) => book.save(to),
        }
        to.put(own);
        to.list(taken.iter());
        to.put(&(taken_mask, last_trade));
        to.put(&(has_trades, has_tops, has_pegs, pegs_due, is_watched));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the kind of a book (1: by price, 2: by order)", &self.book.kind())?;
        match &mut self.book {
            VenueBook::Levels(book) => book.load(from)?,
            VenueBook::Orders(book) => book.load(from)?,
        }
        self.own = from.take()?;
        from.list(&mut self.taken, usize::MAX)?;
        (self.taken_mask, self.last_trade) = from.take()?;
        (self.has_trades, self.has_tops, self.has_pegs, self.pegs_due, self.is_watched) =
            from.take()?;
        Ok(())
    }
}
