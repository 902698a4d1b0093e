//! The records of several tick files in the order of their times at the venue.

use qt_data::error::DataError;
use qt_types::InstrumentId;

use super::reel::Reel;
use super::{Film, Replayed};

/// Files that are read side by side, once.
pub struct Reels<'a, R: Replayed> {
    reels: Vec<Reel<'a, R>>,
    /// The one that is being read, and until when its records are the earliest.
    current: usize,
    until_ns: i64,
}

impl<'a, R: Replayed> Reels<'a, R> {
    /// At the first records of `films`.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn start(films: &[Film<'a>]) -> Result<Self, DataError> {
        let reels = films.iter().map(Reel::start).collect::<Result<_, _>>()?;
        Ok(Self { reels, current: 0, until_ns: i64::MIN })
    }

    /// The next record before `to_ns` (UTC ns) of an instrument of the run; at one time those of
    /// the earlier file come first.
    ///
    /// # Errors
    /// When a file cannot be read.
    #[inline]
    pub fn next_before(&mut self, to_ns: i64) -> Result<Option<(InstrumentId, R)>, DataError> {
        loop {
            let Some(reel) = self.reels.get_mut(self.current) else { return Ok(None) };
            let Some(record) = reel.head().filter(|head| head.venue_ns() <= self.until_ns) else {
                if !self.choose() {
                    return Ok(None);
                }
                continue;
            };
            if record.venue_ns() >= to_ns {
                return Ok(None);
            }
            let instrument = reel.instrument(&record);
            reel.advance()?;
            if let Some(instrument) = instrument {
                return Ok(Some((instrument, record)));
            }
        }
    }

    /// Turns to the reel with the earliest record; whether there is one.
    fn choose(&mut self) -> bool {
        let times = self.reels.iter().map(Reel::venue_ns).enumerate();
        let Some((first, _)) = times.min_by_key(|&(index, ns)| (ns, index)) else { return false };
        // Of records of one time, those of earlier files come before, those of later ones after.
        let limits = self.reels.iter().enumerate().filter(|&(index, _)| index != first);
        let limit = |(index, reel): (usize, &Reel<'_, R>)| {
            reel.venue_ns().saturating_sub(i64::from(index < first))
        };
        let until_ns = limits.map(limit).min().unwrap_or(i64::MAX);
        (self.current, self.until_ns) = (first, until_ns);
        self.reels[first].head().is_some()
    }
}
