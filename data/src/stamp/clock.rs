//! Local time to UTC, refusing the hours that do not exist or exist twice.

use crate::calendar::civil::{DAY_NS, Day};
use crate::calendar::zone::Zone;

/// Reads local times of one zone. It remembers the last day's offset: rows in time order ask the
/// zone's table once a day.
#[derive(Clone, Debug)]
pub struct LocalClock {
    zone: Zone,
    // A day on and around which the offset does not change, and that offset.
    steady: Option<(Day, i64)>,
}

/// Why a local time names no instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalIssue {
    /// The clocks were put forward over it.
    Skipped,
    /// The clocks were put back over it: it names two instants.
    Twice,
}

impl LocalClock {
    /// A clock of the zone `name` of the IANA database.
    ///
    /// # Errors
    /// A sentence that names the zone when there is none of that name.
    pub fn new(name: &str) -> Result<Self, String> {
        Ok(Self { zone: Zone::new(name)?, steady: None })
    }

    /// The zone's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.zone.name()
    }

    /// The instant (UTC ns) at which local clocks show `clock_ns` since midnight of `day`.
    ///
    /// # Errors
    /// When there is no such instant, or when there are two.
    pub fn instant(&mut self, day: Day, clock_ns: i64) -> Result<i64, LocalIssue> {
        let local_ns = day.start_ns().saturating_add(clock_ns);
        if let Some((steady, offset_ns)) = self.steady
            && steady == day
        {
            return Ok(local_ns.saturating_sub(offset_ns));
        }
        self.look_up(day, local_ns)
    }

    fn look_up(&mut self, day: Day, local_ns: i64) -> Result<i64, LocalIssue> {
        // No zone is more than a day from UTC, so these two instants enclose the local day.
        let before = self.zone.offset_at(day.start_ns().saturating_sub(DAY_NS));
        let after = self.zone.offset_at(day.start_ns().saturating_add(2 * DAY_NS));
        let middle = self.zone.offset_at(day.start_ns().saturating_add(DAY_NS / 2));
        if before == after && before == middle {
            self.steady = Some((day, before));
            return Ok(local_ns.saturating_sub(before));
        }
        let mut found = None;
        for offset_ns in [before, middle, after] {
            let utc_ns = local_ns.saturating_sub(offset_ns);
            if self.zone.offset_at(utc_ns) != offset_ns || found == Some(utc_ns) {
                continue;
            }
            if found.replace(utc_ns).is_some() {
                return Err(LocalIssue::Twice);
            }
        }
        found.ok_or(LocalIssue::Skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::civil::HOUR_NS;
    use jiff::civil::DateTime;
    use jiff::tz::{AmbiguousOffset, TimeZone};

    #[test]
    fn agrees_with_the_library_around_every_change() {
        for name in ["America/New_York", "Europe/London", "Australia/Lord_Howe", "UTC"] {
            let mut clock = LocalClock::new(name).unwrap();
            let library = TimeZone::get(name).unwrap();
            let mut day = Day::new(2019, 12, 30);
            while day < Day::new(2022, 1, 3) {
                for quarter in 0..96 {
                    let clock_ns = quarter * HOUR_NS / 4;
                    let (year, month, of_month) = day.civil();
                    let wall = DateTime::constant(
                        year as i16,
                        month as i8,
                        of_month as i8,
                        (quarter / 4) as i8,
                        (quarter % 4 * 15) as i8,
                        0,
                        0,
                    );
                    let stamp = library.to_ambiguous_timestamp(wall);
                    let want = match stamp.offset() {
                        AmbiguousOffset::Unambiguous { .. } => {
                            Ok(stamp.unambiguous().unwrap().as_nanosecond() as i64)
                        }
                        AmbiguousOffset::Gap { .. } => Err(LocalIssue::Skipped),
                        AmbiguousOffset::Fold { .. } => Err(LocalIssue::Twice),
                    };
                    assert_eq!(clock.instant(day, clock_ns), want, "{name} {wall}");
                }
                day = day.plus(1);
            }
        }
    }
}
