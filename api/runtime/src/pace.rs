//! How fast a recording is played.

use std::str::FromStr;
use std::time::{Duration, Instant};

/// How fast time goes in a recording.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As fast as the machine can.
    Max,
    /// So many times as fast as it was recorded.
    Times(f64),
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse::<f64>() {
            Ok(times) if times.is_finite() && times > 0.0 => Ok(Self::Times(times)),
            _ => Err(format!("{text:?} is no speed: give a number above 0 like 1 or 10, or max")),
        }
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Max => f.write_str("max"),
            Self::Times(times) => write!(f, "{times}"),
        }
    }
}

/// How long a portion of a recording is at [`Speed::Max`]: between two looks at whether to stop.
const PORTION_NS: i64 = 1_000_000_000;

/// The longest sleep between two looks.
const NAP: Duration = Duration::from_millis(1);

/// Says until when a recording may be played.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    speed: Speed,
    /// Up to here there is nothing to wait for: it was played before.
    known_ns: i64,
    /// A moment on the machine's clock, and the time of the recording at it.
    anchor: Option<(Instant, i64)>,
}

impl Pace {
    /// A pace of `speed`, which begins at `known_ns` (UTC): what is before that comes at once.
    #[must_use]
    pub const fn new(speed: Speed, known_ns: i64) -> Self {
        Self { speed, known_ns, anchor: None }
    }

    /// Until when (UTC ns) may be played, the next record being due at `next_ns`. Sleeps for a
    /// moment where that is not yet.
    pub fn until_ns(&mut self, next_ns: i64) -> i64 {
        if next_ns <= self.known_ns {
            return self.known_ns.min(next_ns.saturating_add(PORTION_NS));
        }
        let Speed::Times(times) = self.speed else { return next_ns.saturating_add(PORTION_NS) };
        let (began, began_ns) = *self.anchor.get_or_insert_with(|| (Instant::now(), next_ns));
        let gone_ns = began.elapsed().as_nanos() as f64 * times;
        // Beyond every range the cast stops at its end.
        let now_ns = began_ns.saturating_add(gone_ns as i64);
        if next_ns > now_ns {
            let ahead_ns = (next_ns.saturating_sub(now_ns)) as f64 / times;
            std::thread::sleep(NAP.min(Duration::from_nanos(ahead_ns as u64)));
        }
        now_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_played_before_comes_at_once() {
        let mut pace = Pace::new(Speed::Times(1.0), 10 * PORTION_NS);
        assert_eq!(pace.until_ns(0), PORTION_NS);
        assert_eq!(pace.until_ns(10 * PORTION_NS), 10 * PORTION_NS);
        let until_ns = pace.until_ns(11 * PORTION_NS);
        assert!((11 * PORTION_NS..12 * PORTION_NS).contains(&until_ns), "{until_ns}");
    }

    #[test]
    fn speeds_are_read_and_others_refused() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("2.5".parse(), Ok(Speed::Times(2.5)));
        for wrong in ["", "0", "-1", "nan", "inf", "fast"] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn faster_speeds_go_further() {
        let mut pace = Pace::new(Speed::Times(1e6), i64::MIN);
        let first_ns = pace.until_ns(5);
        std::thread::sleep(Duration::from_millis(2));
        assert!(pace.until_ns(5) - first_ns >= 2_000_000_000);
    }
}
