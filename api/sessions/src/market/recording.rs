//! A recording of the tick store as a market: its records at the pace at which they came, or so
//! many times faster, moved to now.

use std::collections::VecDeque;
use std::path::PathBuf;

use qt_data::error::DataError;
use qt_data::ticks::{Merge, MergeOptions, Stamped, TickFile, Verify};
use qt_types::{E9, InstrumentSpec, Tick, TickKind};

/// A recording that is a market's feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedFeed {
    /// A file of the tick store with markets by price.
    pub path: PathBuf,
    /// How fast it is played, in billionths: 1,000,000,000 is as it was recorded.
    pub speed_e9: i64,
}

/// One that is played.
#[derive(Debug)]
pub struct Recording {
    merge: Merge<Tick>,
    /// Read, and not played yet.
    ahead: VecDeque<Stamped<Tick>>,
    /// The number of its first instrument in the market.
    base: usize,
    /// When its first record came, then and now (UTC ns).
    recorded_ns: i64,
    started_ns: i64,
    speed_e9: i64,
}

impl Recording {
    /// The recording `feed`, played from `now_ns` (UTC) on; its instruments are numbered from
    /// `base`.
    ///
    /// # Errors
    /// When it cannot be read, or holds no markets by price.
    pub fn open(feed: &RecordedFeed, base: usize, now_ns: i64) -> Result<Self, DataError> {
        let recorded_ns = TickFile::open(&feed.path, Verify::Index)?.times().recv_first;
        let merge = Merge::new(std::slice::from_ref(&feed.path), &MergeOptions::default())?;
        let speed_e9 = feed.speed_e9.max(1);
        let (ahead, started_ns) = (VecDeque::new(), now_ns);
        Ok(Self { merge, ahead, base, recorded_ns, started_ns, speed_e9 })
    }

    /// The units of its instruments.
    pub fn specs(&self) -> &[InstrumentSpec] {
        self.merge.instruments()
    }

    /// When the next record is due (UTC ns); none at its end.
    pub fn due_ns(&mut self) -> Option<i64> {
        while self.ahead.is_empty() {
            match self.merge.next_run() {
                Ok(Some(run)) => {
                    let is_market = |it: &&Stamped<Tick>| is_market(&it.record);
                    self.ahead.extend(run.records.iter().filter(is_market));
                }
                Ok(None) => return None,
                Err(error) => {
                    tracing::error!(%error, "a recording ends here");
                    return None;
                }
            }
        }
        let after_ns = i128::from(self.ahead.front()?.recv_ns) - i128::from(self.recorded_ns);
        let after_ns = after_ns * i128::from(E9) / i128::from(self.speed_e9);
        Some(self.started_ns.saturating_add(i64::try_from(after_ns).unwrap_or(i64::MAX)))
    }

    /// The next record, as of when it is due, and the number of its instrument.
    pub fn next(&mut self) -> Option<(usize, Tick)> {
        let venue_ns = self.due_ns()?;
        let record = self.ahead.pop_front()?.record;
        let at = self.base + usize::from(record.instrument);
        Some((at, Tick { venue_ns, latency_ns: 0, instrument: 0, ..record }))
    }
}

/// What a market consists of; halts, marks and funding are told of where it is traded for real.
const fn is_market(record: &Tick) -> bool {
    use TickKind::{Clear, Gap, Level, Top, Trade};
    matches!(record.kind(), Some(Level | Top | Trade | Clear | Gap))
}
