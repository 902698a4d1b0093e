//! A place in a tick file that only moves forward.

use qt_data::error::DataError;
use qt_data::ticks::{Block, Record, TickFile};
use qt_types::InstrumentId;

/// Where one side of a replay is in one file.
pub(super) struct Reel<'a, R: Record> {
    file: &'a TickFile,
    /// The run's instruments, by the file's.
    instruments: &'a [InstrumentId],
    /// Empty at the end of the file.
    block: Block<'a, R>,
    blocks_left: std::ops::Range<usize>,
    at: usize,
    /// The place of the block's first record in the file.
    first_row: usize,
    /// What every record takes longer to reach us than it says, in ns.
    latency_ns: i64,
    /// That and what the block adds to the latencies of its records.
    base_ns: i64,
}

impl<'a, R: Record> Reel<'a, R> {
    /// At the first record of `file`, whose records take `latency_ns` longer to reach us than
    /// they say.
    pub(super) fn start(
        file: &'a TickFile,
        instruments: &'a [InstrumentId],
        latency_ns: i64,
    ) -> Result<Self, DataError> {
        let mut reel = Self {
            file,
            instruments,
            block: Block::default(),
            blocks_left: 0..file.blocks(),
            at: 0,
            first_row: 0,
            latency_ns,
            base_ns: latency_ns,
        };
        reel.next_block()?;
        Ok(reel)
    }

    #[cold]
    fn next_block(&mut self) -> Result<(), DataError> {
        self.first_row = self.first_row.saturating_add(self.at);
        self.at = 0;
        self.block = match self.blocks_left.next() {
            Some(index) => self.file.block(index)?,
            None => Block::default(),
        };
        self.base_ns = self.block.base_ns().saturating_add(self.latency_ns);
        Ok(())
    }

    /// The next record; `None` at the end. Loads from the map what is used of it.
    #[inline(always)]
    pub(super) fn head(&self) -> Option<R> {
        self.block.get(self.at)
    }

    /// When we could know `head`, the next record (UTC ns).
    #[inline(always)]
    pub(super) fn known_ns(&self, head: &R) -> i64 {
        head.recv_ns(self.base_ns)
    }

    /// When we could know the next record (UTC ns).
    #[inline(always)]
    pub(super) fn recv_ns(&self) -> i64 {
        self.head().map_or(i64::MAX, |head| self.known_ns(&head))
    }

    /// When we could know the next record, if that is by `stop_ns` (UTC).
    #[inline(always)]
    pub(super) fn recv_by(&self, stop_ns: i64) -> Option<i64> {
        let recv_ns = self.known_ns(&self.head()?);
        (recv_ns <= stop_ns).then_some(recv_ns)
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
    pub(super) fn row(&self) -> u32 {
        u32::try_from(self.first_row.wrapping_add(self.at)).unwrap_or(u32::MAX)
    }

    /// Moves on by one record.
    #[inline(always)]
    pub(super) fn advance(&mut self) -> Result<(), DataError> {
        // No block has that many records.
        self.at = self.at.wrapping_add(1);
        if self.at < self.block.len() { Ok(()) } else { self.next_block() }
    }
}
