//! Books that came over a new link, as they stand when it takes the place of the old one: what the
//! old one told is newer than how they began, so that only where they have come to is told.

use std::collections::BTreeMap;

use qt_codec::{Frame, Number, SymbolId, Update};
use qt_types::{Nanos, Side, TickFlags, TickKind};

use super::Market;
use super::lane::Overlap;

/// The book of one symbol: quantities by price, and its last change.
struct Standing {
    sides: [BTreeMap<Number, Number>; 2],
    last: Update,
}

/// Those of all symbols that are whole.
#[derive(Default)]
struct Books(BTreeMap<SymbolId, Standing>);

impl Books {
    /// Takes an update in; gives it back where it is about no book.
    fn take(&mut self, update: Update) -> Option<Update> {
        let side = usize::from(update.side == Some(Side::Sell));
        match update.kind {
            TickKind::Gap => {
                self.0.remove(&update.symbol);
            }
            TickKind::Clear => {
                let begun = || Standing { sides: Default::default(), last: update };
                let book = self.0.entry(update.symbol).or_insert_with(begun);
                book.sides[side].clear();
                book.last = update;
            }
            TickKind::Level => {
                let book = self.0.get_mut(&update.symbol)?;
                if update.qty.is_zero() {
                    book.sides[side].remove(&update.price);
                } else {
                    book.sides[side].insert(update.price, update.qty);
                }
                book.last = update;
            }
            _ => return Some(update),
        }
        None
    }

    /// All of them, each whole.
    fn told(self, out: &mut Vec<Update>) {
        for (symbol, book) in self.0 {
            let base = |kind, side| Update {
                side: Some(side),
                flags: match side {
                    Side::Sell => TickFlags::SNAPSHOT.with(TickFlags::ASK),
                    Side::Buy => TickFlags::SNAPSHOT,
                },
                venue_ns: book.last.venue_ns,
                sequence: book.last.sequence,
                ..Update::new(symbol, kind)
            };
            let sides = [Side::Buy, Side::Sell];
            out.extend(sides.map(|side| base(TickKind::Clear, side)));
            for (side, levels) in sides.into_iter().zip(&book.sides) {
                let level = |(price, qty): (&Number, &Number)| Update {
                    price: *price,
                    qty: *qty,
                    ..base(TickKind::Level, side)
                };
                out.extend(levels.iter().map(level));
            }
            if let Some(last) = out.last_mut() {
                last.flags = last.flags.with(TickFlags::LAST);
            }
        }
    }
}

impl Market {
    /// Tells what came over the link that takes over, where books come over links.
    pub(super) fn tell_standing(&mut self, next: &Overlap, now_ns: Nanos) {
        self.decoder.replaced();
        let (mut books, mut at) = (Books::default(), 0);
        for length in &next.lengths {
            let end = at + length;
            let bytes = next.bytes.get(at..end).unwrap_or_default();
            at = end;
            self.message = self.message.wrapping_add(1);
            // What cannot be read is counted by the decoder.
            let _ = self.decoder.decode(&Frame::new(bytes), &mut self.updates);
            self.updates = self.updates.drain(..).filter_map(|one| books.take(one)).collect();
            self.deliver(now_ns);
        }
        books.told(&mut self.updates);
        self.deliver(now_ns);
        self.lose_absent(now_ns);
    }
}
