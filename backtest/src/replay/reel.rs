//! A place in a tick file that only moves forward.

use qt_data::error::DataError;
use qt_data::ticks::{Block, TickFile};
use qt_types::{InstrumentId, Tick};

use super::fed::FedReel;
use super::{Film, Replayed};
use crate::feed::{FeedClock, FeedLatency};

/// Where one side of a replay is in one file.
pub(super) struct Reel<'a, R: Replayed> {
    /// None where the records come from another thread.
    file: Option<&'a TickFile>,
    /// The run's instruments, by the file's.
    instruments: &'a [InstrumentId],
    /// Empty at the end of the file.
    block: Block<'a, R>,
    blocks_left: std::ops::Range<usize>,
    at: usize,
    /// Up to which place of the block [`Self::base_ns`] holds.
    turn_at: usize,
    /// The place of the block's first record in the file.
    first_row: usize,
    /// What every record takes longer to reach us than it says, in ns.
    latency_ns: i64,
    /// Where that is not the same for all.
    clock: Option<Box<FeedClock>>,
    /// What is added to a record's own latency and its time at the venue, in ns.
    base_ns: i64,
    /// Where the records come from another thread; then there are no blocks.
    fed: Option<Box<FedReel<R>>>,
}

impl<'a, R: Replayed> Reel<'a, R> {
    /// At the first record of `film`, whose records reach us when they say.
    pub(super) fn start(film: &Film<'a>) -> Result<Self, DataError> {
        Self::told(film, &FeedLatency::default(), 0)
    }

    /// The same for feed number `feed`, whose records reach us after `latency`.
    pub(super) fn told(
        film: &Film<'a>,
        latency: &FeedLatency,
        feed: usize,
    ) -> Result<Self, DataError> {
        let added_ns = latency.added_ns();
        let mut reel = Self {
            file: Some(film.file),
            instruments: film.instruments,
            block: Block::default(),
            blocks_left: 0..film.file.blocks(),
            at: 0,
            turn_at: 0,
            first_row: 0,
            latency_ns: added_ns.unwrap_or(0),
            clock: added_ns.is_none().then(|| Box::new(latency.clock(feed))),
            base_ns: 0,
            fed: None,
        };
        reel.turn()?;
        Ok(reel)
    }

    /// What comes from `fed`, whose instruments are `instruments` of the run. Waits for the first
    /// of it.
    pub(super) fn fed(fed: FedReel<R>, instruments: &'a [InstrumentId]) -> Result<Self, DataError> {
        let mut fed = Box::new(fed);
        let base_ns = fed.turn()?;
        Ok(Self {
            file: None,
            instruments,
            block: Block::default(),
            blocks_left: 0..0,
            at: 0,
            turn_at: 0,
            first_row: 0,
            latency_ns: 0,
            clock: None,
            base_ns,
            fed: Some(fed),
        })
    }

    /// Goes on where the block ends, or where the next record has another latency.
    #[cold]
    fn turn(&mut self) -> Result<(), DataError> {
        if let Some(fed) = &mut self.fed {
            self.at = 0;
            self.base_ns = fed.turn()?;
            return Ok(());
        }
        let Some(file) = self.file else { return Ok(()) };
        if self.at >= self.block.len() {
            self.first_row = self.first_row.saturating_add(self.at);
            self.at = 0;
            self.block = match self.blocks_left.next() {
                Some(index) => file.block(index)?,
                None => Block::default(),
            };
            self.turn_at = self.block.len();
            self.base_ns = self.block.base_ns().saturating_add(self.latency_ns);
        }
        if let (Some(clock), Some(head)) = (&mut self.clock, self.block.get(self.at)) {
            let base_ns = self.block.base_ns();
            let recv_ns = head.recv_ns(base_ns);
            let known_ns = clock.known_ns(head.venue_ns(), recv_ns);
            self.base_ns = base_ns.saturating_add(known_ns.saturating_sub(recv_ns));
            self.turn_at = self.at.wrapping_add(1);
        }
        Ok(())
    }

    /// The next record; `None` at the end. Loads from the map what is used of it.
    #[inline(always)]
    pub(super) fn head(&self) -> Option<R> {
        match self.block.get(self.at) {
            None => self.fed_head(),
            head => head,
        }
    }

    #[cold]
    fn fed_head(&self) -> Option<R> {
        self.fed.as_ref()?.head
    }

    /// What the player's clock said of the next record; zero where nobody looked.
    #[inline]
    pub(super) fn put(&self) -> u64 {
        self.fed.as_ref().map_or(0, |fed| fed.put)
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

    /// The records that come next and have one and the same delay, at most `most`: the places of
    /// the first one and behind the last one. None where they come from another thread.
    #[inline(always)]
    pub(super) fn span(&self, most: usize) -> (usize, usize) {
        (self.at, self.turn_at.min(self.at.saturating_add(most)))
    }

    /// The same without a bound.
    #[inline(always)]
    pub(super) const fn whole_span(&self) -> (usize, usize) {
        (self.at, self.turn_at)
    }

    /// The record at `at`, a place in [`Self::span`].
    #[inline(always)]
    pub(super) fn at(&self, at: usize) -> Option<R> {
        self.block.get(at)
    }

    /// The levels and trades of the instrument with number `of` in the file, from place `from` up
    /// to place `to`, that come without anything else between them: each with when we could know
    /// it (UTC ns).
    #[inline(always)]
    pub(super) fn ticks(
        &self,
        of: u16,
        (from, to): (usize, usize),
    ) -> impl Iterator<Item = (i64, Tick)> + use<'a, R> {
        let base_ns = self.base_ns;
        self.block.part(from, to).map_while(move |record| {
            let tick = record.level_or_trade(of)?;
            Some((record.recv_ns(base_ns), tick))
        })
    }

    /// The one at `at`, if it is one of [`Self::ticks`] up to `to`.
    #[inline]
    pub(super) fn tick_at(&self, of: u16, at: usize, to: usize) -> Option<(i64, Tick)> {
        let record = self.block.get(at).filter(|_| at < to)?;
        Some((record.recv_ns(self.base_ns), record.level_or_trade(of)?))
    }

    /// Whether the next record is none, and only says how far time has come.
    #[inline]
    pub(super) fn tells_time(&self) -> bool {
        self.fed.as_ref().is_some_and(|fed| fed.tells_time())
    }

    /// The place of the next record in its file.
    #[inline(always)]
    pub(super) fn row(&self) -> u32 {
        let first_row = self.fed.as_ref().map_or(self.first_row, |fed| fed.row());
        u32::try_from(first_row.wrapping_add(self.at)).unwrap_or(u32::MAX)
    }

    /// The place in its file of the record at `at`, a place in [`Self::span`].
    #[inline(always)]
    pub(super) fn row_at(&self, at: usize) -> u32 {
        u32::try_from(self.first_row.wrapping_add(at)).unwrap_or(u32::MAX)
    }

    /// Adds the records that were moved on from to `counts`, by instrument of the run. The file
    /// is read again where it has several instruments.
    pub(super) fn count(&self, counts: &mut [u64]) -> Result<(), DataError> {
        let mut left = self.first_row.saturating_add(self.at);
        if let Some(fed) = &self.fed {
            fed.count(self.instruments, counts);
        }
        let Some(file) = self.file else { return Ok(()) };
        let mut add = |of: usize, records: usize| {
            let count = self.instruments.get(of).and_then(|id| counts.get_mut(id.index()));
            if let Some(count) = count {
                *count += records as u64;
            }
        };
        if self.instruments.len() == 1 {
            add(0, left);
            return Ok(());
        }
        for index in 0..file.blocks() {
            let block = file.block::<R>(index)?;
            block.iter().take(left).for_each(|record| add(usize::from(record.instrument()), 1));
            left = left.saturating_sub(block.len());
            if left == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Moves on by one record.
    #[inline(always)]
    pub(super) fn advance(&mut self) -> Result<(), DataError> {
        self.advance_by(1)
    }

    /// Moves on by `count` records, all of which lie in [`Self::span`].
    #[inline(always)]
    pub(super) fn advance_by(&mut self, count: usize) -> Result<(), DataError> {
        // No block has that many records.
        self.at = self.at.wrapping_add(count);
        if self.at < self.turn_at { Ok(()) } else { self.turn() }
    }
}

/// The reels of `films`, as they are played at the venue and to us.
pub(super) fn cut<'a, R: Replayed>(
    films: &[Film<'a>],
    latency: &FeedLatency,
) -> Result<[Vec<Reel<'a, R>>; 2], DataError> {
    let at_venue = films.iter().map(Reel::start).collect::<Result<_, _>>()?;
    let told = |(index, film)| Reel::told(film, latency, index);
    Ok([at_venue, films.iter().enumerate().map(told).collect::<Result<_, _>>()?])
}
