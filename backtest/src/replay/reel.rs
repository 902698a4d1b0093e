//! A place in a tick file that only moves forward.

use qt_data::error::DataError;
use qt_data::ticks::{Block, Record, TickFile};
use qt_types::InstrumentId;

/// Where one side of a replay is in one file.
pub(super) struct Reel<'a, R: Record> {
    file: &'a TickFile,
    /// The run's instruments, by the file's.
    instruments: &'a [InstrumentId],
    block: Option<Block<'a, R>>,
    blocks_left: std::ops::Range<usize>,
    at: usize,
    row: u32,
}

impl<'a, R: Record> Reel<'a, R> {
    /// At the first record of `file`.
    pub(super) fn start(
        file: &'a TickFile,
        instruments: &'a [InstrumentId],
    ) -> Result<Self, DataError> {
        let blocks_left = 0..file.blocks();
        let mut reel = Self { file, instruments, block: None, blocks_left, at: 0, row: 0 };
        reel.next_block()?;
        Ok(reel)
    }

    #[cold]
    fn next_block(&mut self) -> Result<(), DataError> {
        self.at = 0;
        self.block = match self.blocks_left.next() {
            Some(index) => Some(self.file.block(index)?),
            None => None,
        };
        Ok(())
    }

    /// The next record; `None` at the end. Loads from the map what is used of it.
    #[inline(always)]
    pub(super) fn head(&self) -> Option<R> {
        self.block.as_ref()?.get(self.at)
    }

    /// When we could know `head`, the next record (UTC ns).
    #[inline(always)]
    pub(super) fn known_ns(&self, head: &R) -> i64 {
        head.recv_ns(self.block.as_ref().map_or(0, Block::base_ns))
    }

    /// When we could know the next record (UTC ns).
    #[inline(always)]
    pub(super) fn recv_ns(&self) -> i64 {
        self.head().map_or(i64::MAX, |head| self.known_ns(&head))
    }

    /// When the next record happens at the venue (UTC ns).
    #[inline(always)]
    pub(super) fn venue_ns(&self) -> i64 {
        self.head().map_or(i64::MAX, |head| head.venue_ns())
    }

    /// What `head` is about; `None` for an instrument that the file does not describe.
    #[inline(always)]
    pub(super) fn instrument(&self, head: &R) -> Option<InstrumentId> {
        self.instruments.get(usize::from(head.instrument())).copied()
    }

    /// The place of the next record in its file.
    #[inline(always)]
    pub(super) const fn row(&self) -> u32 {
        self.row
    }

    /// Moves on by one record.
    #[inline(always)]
    pub(super) fn advance(&mut self) -> Result<(), DataError> {
        self.row = self.row.saturating_add(1);
        self.at += 1;
        let len = self.block.as_ref().map_or(0, Block::len);
        if self.at < len { Ok(()) } else { self.next_block() }
    }
}
