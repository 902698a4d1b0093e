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

    /// Whatever the clock says, also one that was put back: the next message is due within the
    /// pace, at a time of the reader's slot, and no slot is left out or has more than its share.
    #[test]
    fn no_clock_and_no_reader_breaks_a_pace() {
        let times = (-20_000..20_000).step_by(37).chain([i64::MIN / 2, 0, i64::MAX / 2]);
        let times: Vec<i64> = times.collect();
        for every_ms in PACES_MS {
            let slots = (every_ms / SLOT_MS).min(SLOTS_MAX);
            let mut readers = std::collections::BTreeMap::new();
            for reader in (0..slots * 3).chain(u32::MAX - slots..=u32::MAX) {
                let pace = Pace::of(every_ms, reader).unwrap();
                assert!(pace.offset_ms < every_ms, "{pace:?}");
                if reader < slots * 3 {
                    *readers.entry(pace.offset_ms).or_insert(0) += 1;
                }
                for now_ms in &times {
                    let rest = pace.rest(*now_ms).unwrap().as_millis() as i64;
                    assert!((1..=i64::from(every_ms)).contains(&rest), "{pace:?} {now_ms}: {rest}");
                    let due = now_ms + rest - i64::from(pace.offset_ms);
                    assert_eq!(due.rem_euclid(every_ms.into()), 0, "{pace:?} {now_ms}");
                }
            }
            assert_eq!(readers.len(), slots as usize, "{every_ms}");
            assert!(readers.values().all(|count| *count == 3), "{every_ms}: {readers:?}");
        }
    }

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
