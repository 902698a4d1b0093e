//! A time zone's offset changes in one table.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::civil::{DAY_NS, Day, SECOND_NS};

/// The offsets of a time zone for the years that 64-bit nanoseconds can hold, read from the zone
/// database once: a look-up per row is a binary search, no library call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    name: String,
    // Each change: from when (UTC ns) and the offset from then on (ns east of UTC).
    changes: Vec<(i64, i64)>,
}

impl Zone {
    /// The zone called `name` in the IANA database: `America/New_York`, `UTC`.
    ///
    /// # Errors
    /// A sentence that names the zone when the database does not know it.
    pub fn new(name: &str) -> Result<Self, String> {
        let zone = TimeZone::get(name).map_err(|_| {
            format!("the time zone '{name}' is unknown; use an IANA name such as America/New_York")
        })?;
        let start = Timestamp::from_second(i64::MIN / SECOND_NS + 1).unwrap_or(Timestamp::MIN);
        let end = Timestamp::from_second(i64::MAX / SECOND_NS - 1).unwrap_or(Timestamp::MAX);
        let offset_ns = |seconds: i32| i64::from(seconds) * SECOND_NS;
        let mut changes = vec![(i64::MIN, offset_ns(zone.to_offset(start).seconds()))];
        for change in zone.following(start) {
            if change.timestamp() >= end {
                break;
            }
            let from_ns = change.timestamp().as_second() * SECOND_NS;
            changes.push((from_ns, offset_ns(change.offset().seconds())));
        }
        Ok(Self { name: name.to_owned(), changes })
    }

    /// The name it was asked for by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far local time is ahead of UTC at the instant `utc_ns`, in ns.
    #[must_use]
    pub fn offset_at(&self, utc_ns: i64) -> i64 {
        let after = self.changes.partition_point(|(from_ns, _)| *from_ns <= utc_ns);
        self.changes[after.max(1) - 1].1
    }

    /// The local date and the ns since local midnight at the instant `utc_ns`.
    #[must_use]
    pub fn local(&self, utc_ns: i64) -> (Day, i64) {
        let local_ns = utc_ns.saturating_add(self.offset_at(utc_ns));
        let day = Day::of_ns(local_ns);
        (day, local_ns.saturating_sub(day.start_ns()))
    }

    /// The instant (UTC ns) at which local clocks show `clock_ns` since midnight of `day`. A time
    /// that the clocks skip is read with the offset before the change, a time that they show
    /// twice is the first of the two.
    #[must_use]
    pub fn instant(&self, day: Day, clock_ns: i64) -> i64 {
        let local_ns = day.start_ns().saturating_add(clock_ns);
        // No zone is a whole day from UTC, so the offset in force is that of a day before or of a
        // day after, unless the clocks skip this time.
        let before_ns = self.offset_at(local_ns.saturating_sub(DAY_NS));
        let after_ns = self.offset_at(local_ns.saturating_add(DAY_NS));
        let first = local_ns.saturating_sub(before_ns);
        let second = local_ns.saturating_sub(after_ns);
        let skipped = self.offset_at(second) != after_ns;
        if self.offset_at(first) == before_ns || skipped { first } else { second }
    }
}

#[cfg(test)]
mod tests {
    use super::super::civil::HOUR_NS;
    use super::*;

    #[test]
    fn agrees_with_the_library_all_year_round() {
        for name in
            ["America/New_York", "Europe/London", "Australia/Lord_Howe", "UTC", "Asia/Tokyo"]
        {
            let zone = Zone::new(name).unwrap();
            let library = TimeZone::get(name).unwrap();
            for hour in 0..24 * 366 * 3 {
                let utc_ns = Day::new(2023, 1, 1).start_ns() + hour * HOUR_NS + 1;
                let stamp = Timestamp::from_nanosecond(i128::from(utc_ns)).unwrap();
                let offset = i64::from(library.to_offset(stamp).seconds()) * SECOND_NS;
                assert_eq!(zone.offset_at(utc_ns), offset, "{name} {stamp}");
                let (day, clock_ns) = zone.local(utc_ns);
                let wall = stamp.to_zoned(library.clone());
                assert_eq!(day.to_string(), wall.date().to_string());
                let back = zone.instant(day, clock_ns);
                let twice = library.to_ambiguous_timestamp(wall.datetime()).compatible().unwrap();
                assert_eq!(i128::from(back), twice.as_nanosecond(), "{name} {wall}");
            }
        }
    }

    #[test]
    fn skipped_hours_use_the_offset_before() {
        let zone = Zone::new("America/New_York").unwrap();
        let spring = Day::new(2024, 3, 10);
        let half_past_two = zone.instant(spring, 2 * HOUR_NS + HOUR_NS / 2);
        assert_eq!(half_past_two, spring.start_ns() + 7 * HOUR_NS + HOUR_NS / 2);
        let autumn = Day::new(2024, 11, 3);
        assert_eq!(zone.instant(autumn, HOUR_NS), autumn.start_ns() + 5 * HOUR_NS);
        assert_eq!(zone.instant(autumn, DAY_NS), autumn.plus(1).start_ns() + 5 * HOUR_NS);
        assert!(Zone::new("Mars/Base").unwrap_err().contains("Mars/Base"));
        assert!(zone.local(i64::MAX).0 > zone.local(i64::MIN).0);
    }
}
