//! Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size.

use crate::source::number::Number;

/// The unit of a count since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds.
    Nanos,
}

impl EpochUnit {
    /// The unit in which `count` lies within the years that market data exists for: each unit
    /// takes over where the one before would be past the year 5138, which leaves the first three
    /// years after 1970 of the finer units unreadable.
    #[must_use]
    pub const fn of(count: i64) -> Self {
        match count.unsigned_abs() {
            0..100_000_000_000 => Self::Seconds,
            100_000_000_000..100_000_000_000_000 => Self::Millis,
            100_000_000_000_000..100_000_000_000_000_000 => Self::Micros,
            _ => Self::Nanos,
        }
    }

    /// Nanoseconds of one unit.
    #[must_use]
    pub const fn ns(self) -> i64 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Millis => 1_000_000,
            Self::Micros => 1_000,
            Self::Nanos => 1,
        }
    }

    /// The unit's short name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Millis => "ms",
            Self::Micros => "us",
            Self::Nanos => "ns",
        }
    }

    /// `number` of this unit in ns since 1970 (UTC); digits below a nanosecond are cut off.
    /// `None` past the years 1677 to 2262.
    #[must_use]
    pub fn to_ns(self, number: Number) -> Option<i64> {
        let scaled = i128::from(number.mantissa) * i128::from(self.ns());
        i64::try_from(scaled.div_euclid(10_i128.pow(number.scale))).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_told_apart_by_size() {
        let second = 1_622_505_600;
        for unit in [EpochUnit::Seconds, EpochUnit::Millis, EpochUnit::Micros, EpochUnit::Nanos] {
            let count = second * (1_000_000_000 / unit.ns());
            assert_eq!(EpochUnit::of(count), unit);
            let number = Number { mantissa: count, scale: 0, rounded: false };
            assert_eq!(unit.to_ns(number), Some(second * 1_000_000_000));
        }
        assert_eq!(EpochUnit::of(i64::MIN), EpochUnit::Nanos);
    }

    #[test]
    fn fractions_of_a_second_are_kept() {
        let number = Number { mantissa: 1_622_505_600_123_456, scale: 6, rounded: false };
        assert_eq!(EpochUnit::Seconds.to_ns(number), Some(1_622_505_600_123_456_000));
        let far = Number { mantissa: 99_000_000_000, scale: 0, rounded: false };
        assert_eq!(EpochUnit::Seconds.to_ns(far), None);
    }
}
