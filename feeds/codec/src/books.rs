//! Books: which change is told when. The one place for all venues and both modes.

use std::mem;

use qt_types::{Nanos, Side, TickFlags, TickKind};

use crate::feed::{BookFrame, BookKind, Feed, Market, Sides, close};
use crate::held::Held;
use crate::sync::{self, BookSync, Mode, Policy, SnapshotVerdict, Verdict};
use crate::text_book::TextBook;
use crate::{SymbolId, Update};

/// What is known of one symbol.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pub(crate) market: Market,
    /// Where the book stands by the venue's procedure.
    sync: BookSync,
    /// The changes told without a snapshot: whether they follow each other.
    chain: BookSync,
    /// The changes that a snapshot may have to be followed by.
    held: Held,
    /// The book itself, where checksums need it.
    text: Option<Box<TextBook>>,
    policy: Policy,
    /// How deep the stream is; zero: there is no book.
    depth: u32,
    /// Whether updates of a book were told that a gap makes doubtful.
    told: bool,
}

impl Feed {
    /// Symbols with a book that waits for a snapshot.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = SymbolId> + '_ {
        let waits = |slot: &Slot| slot.depth > 0 && slot.sync.needs_snapshot();
        let slots = self.slots.iter().enumerate();
        slots.filter(move |(_, slot)| waits(slot)).map(|(at, _)| SymbolId(at as u16))
    }

    /// Whether the book of `symbol` waits for a snapshot; `false` where it has none.
    pub(crate) fn waits(&self, symbol: SymbolId) -> bool {
        let slot = self.slots.get(usize::from(symbol.0));
        slot.is_some_and(|slot| slot.depth > 0 && slot.sync.needs_snapshot())
    }

    /// Takes what a frame tells about a book.
    pub(crate) fn book(&mut self, frame: &BookFrame<'_>) {
        let at = usize::from(frame.symbol.0);
        if !self.admits(at, frame) {
            return;
        }
        match frame.kind {
            BookKind::Whole => self.whole(at, frame),
            BookKind::Snapshot if frame.policy.asks() => self.answer(at, frame),
            BookKind::Snapshot => self.snapshot(at, frame),
            BookKind::Delta => self.delta(at, frame),
        }
    }

    /// Whether the stream of `frame` is the deepest one of its symbol; a deeper one takes over.
    fn admits(&mut self, at: usize, frame: &BookFrame<'_>) -> bool {
        let slot = &mut self.slots[at];
        if frame.depth < slot.depth {
            self.facts.skip("a shallower book of the same symbol");
            return false;
        }
        if frame.depth > slot.depth {
            self.facts.dropped_before_snapshot += slot.held.clear(&mut self.held_levels);
            slot.sync = BookSync::default();
            slot.chain = BookSync::default();
            slot.text = None;
            slot.depth = frame.depth;
            if mem::take(&mut slot.told) {
                self.out.push(gap(frame.symbol, frame.venue_ns, frame.ids.last));
            }
        }
        slot.policy = frame.policy;
        true
    }

    /// A book that comes whole each time.
    fn whole(&mut self, at: usize, frame: &BookFrame<'_>) {
        let slot = &mut self.slots[at];
        if slot.sync.last().is_some_and(|last| frame.ids.last < last) {
            self.facts.stale += 1;
            return;
        }
        slot.sync.resume(frame.ids.last);
        self.tell_book(at, frame);
    }

    /// A snapshot that came on the stream.
    fn snapshot(&mut self, at: usize, frame: &BookFrame<'_>) {
        let slot = &mut self.slots[at];
        slot.sync.snapshot(frame.policy, frame.ids.last);
        slot.chain = BookSync::default();
        slot.text = frame.scheme.map(|scheme| {
            let mut text = Box::new(TextBook::new(scheme, frame.cut));
            text.apply(frame.sides, |_, _| {});
            text
        });
        let from = self.out.len();
        self.tell_book(at, frame);
        self.verify(at, frame, from);
    }

    /// A snapshot that was asked for: it must meet the changes that wait, which then follow it.
    fn answer(&mut self, at: usize, frame: &BookFrame<'_>) {
        let slot = &mut self.slots[at];
        let judge = |policy, ids| sync::bridges(policy, frame.ids.last, ids);
        let first = slot.held.updates().map(|held| judge(held.policy, held.ids));
        let too_old = { first }.find(|verdict| *verdict != Verdict::Early) == Some(Verdict::Gap);
        let refused = too_old && self.mode == Mode::Strict;
        if refused || slot.sync.snapshot(frame.policy, frame.ids.last) == SnapshotVerdict::Older {
            self.facts.snapshots_refused += 1;
            return;
        }
        slot.chain = BookSync::default();
        if too_old {
            // Nothing better will come: the book is the snapshot and what is known since.
            self.break_of(at, frame);
        }
        self.tell_book(at, frame);
        self.release(at, frame);
    }

    /// The changes that waited for the snapshot `frame`. In a recording taken from its first line
    /// they were told before, and those that the snapshot does not hold are told again: it would
    /// take them back otherwise.
    fn release(&mut self, at: usize, frame: &BookFrame<'_>) {
        let mut sides = mem::take(&mut self.scratch);
        loop {
            let slot = &mut self.slots[at];
            let Some(first) = slot.held.updates().next().copied() else { break };
            let changes = BookFrame { ids: first.ids, venue_ns: first.venue_ns, ..*frame };
            let mut verdict = slot.sync.delta(first.policy, first.ids);
            if verdict == Verdict::Gap && self.mode == Mode::Strict {
                // The rest waits for another snapshot.
                self.break_of(at, &changes);
                break;
            }
            if verdict == Verdict::Gap {
                slot.sync.resume(first.ids.last);
                verdict = Verdict::Apply;
            }
            slot.held.pop(&mut sides, &mut self.held_levels);
            let applied = verdict == Verdict::Apply;
            if applied {
                self.tell_changes(at, &changes, &sides);
            }
            if self.mode == Mode::Strict {
                self.facts.applied += u64::from(applied);
                self.facts.dropped_before_snapshot += u64::from(!applied);
            }
        }
        self.scratch = sides;
    }

    /// A change.
    fn delta(&mut self, at: usize, frame: &BookFrame<'_>) {
        let slot = &mut self.slots[at];
        let waited = slot.sync.needs_snapshot();
        let verdict = slot.sync.delta(frame.policy, frame.ids);
        match (verdict, self.mode) {
            (Verdict::Apply, _) => {
                let from = self.out.len();
                self.facts.applied += 1;
                self.tell_changes(at, frame, frame.sides);
                self.verify(at, frame, from);
            }
            (Verdict::Stale, _) => self.facts.stale += 1,
            (Verdict::Early, _) if !waited => self.facts.dropped_before_snapshot += 1,
            (_, Mode::FromFirstLine) => self.delta_anyway(at, frame, verdict),
            (Verdict::Early, _) => self.facts.dropped_before_snapshot += 1,
            (Verdict::Hold, _) => self.hold(at, frame),
            (Verdict::Gap, _) => {
                self.break_of(at, frame);
                if frame.policy.asks() {
                    self.hold(at, frame);
                } else {
                    self.facts.dropped_before_snapshot += 1;
                }
            }
        }
    }

    /// A change without a snapshot, told unless it was before.
    fn delta_anyway(&mut self, at: usize, frame: &BookFrame<'_>, verdict: Verdict) {
        let chain = &mut self.slots[at].chain;
        let verdict = match verdict {
            Verdict::Gap => Verdict::Gap,
            _ => chain.delta(frame.policy, frame.ids),
        };
        if verdict == Verdict::Stale {
            self.facts.stale += 1;
            return;
        }
        chain.resume(frame.ids.last);
        if verdict == Verdict::Gap {
            self.slots[at].held.clear(&mut self.held_levels);
            self.break_of(at, frame);
        }
        if frame.policy.asks() {
            self.hold(at, frame);
        }
        self.facts.applied += 1;
        self.tell_changes(at, frame, frame.sides);
    }

    /// Keeps a change for the next snapshot.
    fn hold(&mut self, at: usize, frame: &BookFrame<'_>) {
        let update = (frame.policy, frame.ids, frame.venue_ns);
        let gone = self.slots[at].held.push(update, frame.sides, &mut self.held_levels);
        if self.mode == Mode::Strict {
            self.facts.dropped_before_snapshot += gone;
        }
    }

    /// Holds the book against the checksum of `frame`. When it is wrong what was told is taken back
    /// as far as `out[from]`, and a gap is told.
    fn verify(&mut self, at: usize, frame: &BookFrame<'_>, from: usize) {
        let slot = &mut self.slots[at];
        let (Some(text), Some(checksum)) = (&slot.text, frame.checksum) else { return };
        if text.crc() == checksum {
            self.facts.checksums_verified += 1;
            return;
        }
        self.facts.checksums_failed += 1;
        slot.sync.lose();
        if self.mode == Mode::Strict {
            self.out.truncate(from);
            match frame.kind {
                BookKind::Delta => self.facts.applied -= 1,
                BookKind::Snapshot | BookKind::Whole => self.facts.snapshots -= 1,
            }
        }
        self.break_of(at, frame);
    }

    /// Tells a gap.
    fn break_of(&mut self, at: usize, frame: &BookFrame<'_>) {
        let slot = &mut self.slots[at];
        slot.text = None;
        slot.told = false;
        self.facts.gaps += 1;
        self.out.push(gap(frame.symbol, frame.venue_ns, frame.ids.last));
    }

    /// Tells a whole book: both sides cleared and filled again.
    fn tell_book(&mut self, at: usize, frame: &BookFrame<'_>) {
        self.facts.snapshots += 1;
        self.slots[at].told = true;
        let base = |kind| Update {
            flags: TickFlags::SNAPSHOT,
            venue_ns: frame.venue_ns,
            sequence: frame.ids.last,
            ..Update::new(frame.symbol, kind)
        };
        self.out.push(base(TickKind::Clear).on(Side::Buy));
        self.out.push(base(TickKind::Clear).on(Side::Sell));
        levels(&mut self.out, base(TickKind::Level), frame.sides);
        close(&mut self.out);
    }

    /// Tells changes, and the levels that they push out of the depth of the stream.
    fn tell_changes(&mut self, at: usize, frame: &BookFrame<'_>, sides: &Sides) {
        let slot = &mut self.slots[at];
        slot.told = true;
        let base = Update {
            venue_ns: frame.venue_ns,
            sequence: frame.ids.last,
            ..Update::new(frame.symbol, TickKind::Level)
        };
        let from = self.out.len();
        levels(&mut self.out, base, sides);
        if let Some(text) = &mut slot.text {
            let out = &mut self.out;
            text.apply(sides, |side, price| out.push(Update { price, ..base }.on(side)));
        }
        if self.out.len() > from {
            close(&mut self.out);
        }
    }

    /// Something about the book of `symbol` was lost.
    pub(crate) fn lost(&mut self, symbol: SymbolId) {
        let slot = &mut self.slots[usize::from(symbol.0)];
        slot.text = None;
        slot.chain = BookSync::default();
        if slot.sync.lose() || mem::take(&mut slot.told) {
            slot.told = false;
            self.facts.gaps += 1;
            self.out.push(gap(symbol, None, 0));
        }
    }

    /// Nothing is known of any book, and nobody is told: each begins with its next snapshot.
    pub(crate) fn begin_anew(&mut self) {
        for slot in &mut self.slots {
            self.facts.dropped_before_snapshot += slot.held.clear(&mut self.held_levels);
            slot.sync = BookSync::default();
            slot.chain = BookSync::default();
            slot.text = None;
        }
    }

    /// Something about books was lost, nobody knows which. `unguarded`: only those are concerned
    /// whose next change would not show it.
    pub(crate) fn lost_all(&mut self, unguarded: bool) {
        for at in 0..self.slots.len() {
            let slot = &self.slots[at];
            let guarded = slot.policy != Policy::Unnumbered || slot.text.is_some();
            if slot.depth > 0 && !(unguarded && guarded) {
                self.lost(SymbolId(at as u16));
            }
        }
    }
}

/// The update that says that something may be missing.
fn gap(symbol: SymbolId, venue_ns: Option<Nanos>, sequence: u64) -> Update {
    let base = Update::new(symbol, TickKind::Gap);
    Update { flags: TickFlags::LAST, venue_ns, sequence, ..base }
}

/// One update a level.
fn levels(out: &mut Vec<Update>, base: Update, sides: &Sides) {
    out.reserve(sides.bids.len() + sides.asks.len());
    for (side, levels) in [(Side::Buy, &sides.bids), (Side::Sell, &sides.asks)] {
        let base = base.on(side);
        out.extend(levels.iter().map(|level| Update {
            price: level.price,
            qty: level.qty,
            ..base
        }));
    }
}
