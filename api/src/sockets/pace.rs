//! How often a reader of states wants to be told.
//!
//! Readers who want the same pace are spread over slots of time, so that thousands of them are not
//! told in the same moment; all readers of a slot share a topic, and its messages.

use std::time::Duration;

/// The paces that there are, in milliseconds: few, so that there are few topics.
pub const PACES_MS: [u32; 7] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000];
/// Slots are at least so far apart.
const SLOT_MS: u32 = 50;
/// More slots than that there are in no pace.
const SLOTS_MAX: u32 = 50;

/// How often a topic tells its newest state, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pace {
    /// The time between two messages (ms); zero: as often as there are some.
    every_ms: u32,
    /// How long after each whole `every_ms` of the clock.
    offset_ms: u32,
}

impl Pace {
    /// The pace of `every_ms` in the slot of the reader with number `reader`; none where there is
    /// no such pace.
    #[must_use]
    pub fn of(every_ms: u32, reader: u32) -> Option<Self> {
        PACES_MS.contains(&every_ms).then(|| {
            let slots = (every_ms / SLOT_MS).clamp(1, SLOTS_MAX);
            Self { every_ms, offset_ms: reader % slots * (every_ms / slots) }
        })
    }

    /// How long after `now_ms` (of the epoch) the next message is due; none where none has to
    /// wait.
    #[must_use]
    pub fn rest(self, now_ms: i64) -> Option<Duration> {
        let every = i64::from(self.every_ms);
        if every == 0 {
            return None;
        }
        let since = (now_ms - i64::from(self.offset_ms)).rem_euclid(every);
        Some(Duration::from_millis(u64::try_from(every - since).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_spread_over_the_time_between_two_messages() {
        let of = |reader| Pace::of(1_000, reader).unwrap();
        let rests: Vec<_> = (0..21).map(|reader| of(reader).rest(5_000).unwrap()).collect();
        let ms = |ms: u64| Duration::from_millis(ms);
        assert_eq!((rests[0], rests[1], rests[19]), (ms(1_000), ms(50), ms(950)));
        assert_eq!(rests[20], rests[0], "a slot more there is not");
        assert_eq!(of(1).rest(5_049), Some(ms(1)));
        assert_eq!(Pace::of(100, 3).unwrap().rest(1_000), Some(ms(50)));
        assert_eq!(Pace::default().rest(1), None);
        assert_eq!(Pace::of(999, 0), None);
    }
}
