//! The New York Stock Exchange: regular sessions, holidays, special closings, early closes.
//!
//! Checked from 1990 on; earlier years follow the same rules without their special days. Breaks
//! inside a session (trading halts, minutes of silence at the open) are not part of it.

use super::civil::Day;

/// Minutes since midnight in New York at which the regular session opens.
pub const OPEN_MINUTE: u32 = 9 * 60 + 30;
/// Minutes since midnight in New York at which the regular session closes.
pub const CLOSE_MINUTE: u32 = 16 * 60;
/// Minutes since midnight in New York at which trading before the session begins.
pub const EXTENDED_OPEN_MINUTE: u32 = 4 * 60;
/// Minutes since midnight in New York at which trading after the session ends.
pub const EXTENDED_CLOSE_MINUTE: u32 = 20 * 60;
/// The exchange's time zone.
pub const ZONE: &str = "America/New_York";

const EARLY_MINUTE: u32 = 13 * 60;
const MON: u32 = 0;
const WED: u32 = 2;
const THU: u32 = 3;
const FRI: u32 = 4;
const SAT: u32 = 5;
const SUN: u32 = 6;

/// Whole days closed for reasons that no rule gives, as year, month, day.
const CLOSED: [(i32, u32, u32); 11] = [
    (1994, 4, 27), // Funeral of President Nixon.
    (2001, 9, 11), // Terrorist attacks, four days.
    (2001, 9, 12),
    (2001, 9, 13),
    (2001, 9, 14),
    (2004, 6, 11),  // Mourning for President Reagan.
    (2007, 1, 2),   // Mourning for President Ford.
    (2012, 10, 29), // Hurricane Sandy, two days.
    (2012, 10, 30),
    (2018, 12, 5), // Mourning for President G. H. W. Bush.
    (2025, 1, 9),  // Mourning for President Carter.
];

/// Sessions with hours of their own: the date, then the minutes of open and close.
const SPECIAL: [((i32, u32, u32), u32, u32); 13] = [
    ((1990, 12, 24), OPEN_MINUTE, 14 * 60),
    ((1991, 12, 24), OPEN_MINUTE, 14 * 60),
    ((1992, 11, 27), OPEN_MINUTE, 14 * 60), // The first early close after Thanksgiving.
    ((1992, 12, 24), OPEN_MINUTE, 14 * 60),
    ((1994, 2, 11), OPEN_MINUTE, 14 * 60 + 30),   // Snow.
    ((1995, 12, 18), 10 * 60 + 30, CLOSE_MINUTE), // Computer trouble.
    ((1996, 1, 8), 11 * 60, 14 * 60),             // Snow.
    ((1997, 10, 27), OPEN_MINUTE, 15 * 60 + 30),  // Circuit breaker.
    ((1997, 12, 26), OPEN_MINUTE, EARLY_MINUTE),
    ((2002, 9, 11), 12 * 60, CLOSE_MINUTE), // First anniversary of the attacks.
    ((2003, 12, 26), OPEN_MINUTE, EARLY_MINUTE),
    ((2005, 6, 1), OPEN_MINUTE, 15 * 60 + 56), // Communication trouble.
    ((2013, 7, 3), OPEN_MINUTE, EARLY_MINUTE),
];

/// The session of `day` as minutes of open and close since midnight in New York; `None` on
/// weekends and holidays.
#[must_use]
pub fn session_minutes(day: Day) -> Option<(u32, u32)> {
    if day.is_weekend() || is_holiday(day) {
        return None;
    }
    let date = day.civil();
    if let Some((_, open, close)) = SPECIAL.iter().find(|(special, _, _)| *special == date) {
        return Some((*open, *close));
    }
    let close = if closes_early(day) { EARLY_MINUTE } else { CLOSE_MINUTE };
    Some((OPEN_MINUTE, close))
}

/// Whether the exchange stays closed on `day`, a Monday to Friday.
#[must_use]
pub fn is_holiday(day: Day) -> bool {
    let (year, month, of_month) = day.civil();
    let weekday = day.weekday();
    // The first, second, third.. time that this weekday comes in its month.
    let nth = of_month.div_ceil(7);
    let ruled = match month {
        // New Year on a Saturday is not made up for: the Friday before closes the year's books.
        1 => {
            (of_month == 1 || (of_month == 2 && weekday == MON))
                || (year >= 1998 && weekday == MON && nth == 3)
        }
        2 => weekday == MON && nth == 3,
        3 | 4 => weekday == FRI && day.plus(2) == easter(year),
        5 => weekday == MON && of_month > 24,
        6 => year >= 2022 && observed(day, 19),
        7 => observed(day, 4),
        9 => weekday == MON && nth == 1,
        11 => weekday == THU && nth == 4,
        12 => observed(day, 25),
        _ => false,
    };
    ruled || CLOSED.contains(&(year, month, of_month))
}

/// Whether `day` is the one on which the holiday of the same month's `date` is kept: Friday for a
/// Saturday, Monday for a Sunday.
fn observed(day: Day, date: u32) -> bool {
    let (_, _, of_month) = day.civil();
    match day.weekday() {
        FRI => of_month == date || of_month + 1 == date,
        MON => of_month == date || of_month == date + 1,
        SAT | SUN => false,
        _ => of_month == date,
    }
}

/// Whether the session of `day`, which is no holiday, ends at 13:00 by rule.
fn closes_early(day: Day) -> bool {
    let (year, month, of_month) = day.civil();
    match (month, of_month) {
        // Since 2013 the eve is short also before a Thursday; until then the Friday after it was.
        (7, 3) => year >= 2013 || (year >= 1995 && day.weekday() != WED),
        (7, 5) => (1995..2013).contains(&year) && day.weekday() == FRI,
        (11, 23..=29) => year >= 1993 && day.weekday() == FRI,
        (12, 24) => year >= 1993,
        _ => false,
    }
}

/// Easter Sunday of `year` in the western church: the Sunday after the ecclesiastical full moon.
#[must_use]
pub fn easter(year: i32) -> Day {
    let golden = year.rem_euclid(19);
    let century = year.div_euclid(100);
    // The moon's age on 1 January, corrected for the leap days the calendar drops and for the
    // drift of the moon against the 19-year cycle.
    let solar = century - century.div_euclid(4);
    let lunar = (8 * century + 13).div_euclid(25);
    let age = (19 * golden + solar - lunar + 15).rem_euclid(30);
    // The two ages that would make a full moon fall too late are moved back by a day.
    let late = i32::from(age == 29 || (age == 28 && golden >= 11));
    let full_moon = Day::new(year, 3, 21).plus(age - late);
    full_moon.plus(7 - (full_moon.weekday() as i32 + 1) % 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed_weekdays(year: i32) -> Vec<String> {
        let first = Day::new(year, 1, 1);
        (0..366)
            .map(|offset| first.plus(offset))
            .filter(|day| day.civil().0 == year && !day.is_weekend())
            .filter(|day| session_minutes(*day).is_none())
            .map(|day| day.to_string()[5..].to_owned())
            .collect()
    }

    fn early(year: i32) -> Vec<String> {
        let first = Day::new(year, 1, 1);
        (0..366)
            .map(|offset| first.plus(offset))
            .filter(|day| day.civil().0 == year)
            .filter(|day| session_minutes(*day).is_some_and(|(_, close)| close == EARLY_MINUTE))
            .map(|day| day.to_string()[5..].to_owned())
            .collect()
    }

    #[test]
    fn easter_sundays() {
        for (year, month, day) in [
            (1990, 4, 15),
            (1994, 4, 3),
            (2000, 4, 23),
            (2008, 3, 23),
            (2011, 4, 24),
            (2019, 4, 21),
            (2024, 3, 31),
            (2025, 4, 20),
            (2038, 4, 25),
            (1981, 4, 19),
            (1954, 4, 18),
            (2049, 4, 18),
            (2076, 4, 19),
            (1818, 3, 22),
        ] {
            assert_eq!(easter(year).to_string(), format!("{year}-{month:02}-{day:02}"));
        }
    }

    #[test]
    fn holidays_by_hand() {
        let lists = [
            (1994, "02-21 04-01 04-27 05-30 07-04 09-05 11-24 12-26"),
            (1997, "01-01 02-17 03-28 05-26 07-04 09-01 11-27 12-25"),
            (1999, "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24"),
            (2001, "01-01 01-15 02-19 04-13 05-28 07-04 09-03 09-11 09-12 09-13 09-14 11-22 12-25"),
            (2005, "01-17 02-21 03-25 05-30 07-04 09-05 11-24 12-26"),
            (2007, "01-01 01-02 01-15 02-19 04-06 05-28 07-04 09-03 11-22 12-25"),
            (2012, "01-02 01-16 02-20 04-06 05-28 07-04 09-03 10-29 10-30 11-22 12-25"),
            (2020, "01-01 01-20 02-17 04-10 05-25 07-03 09-07 11-26 12-25"),
            (2021, "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24"),
            (2022, "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26"),
            (2023, "01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25"),
            (2025, "01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25"),
            (2027, "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24"),
        ];
        for (year, want) in lists {
            assert_eq!(closed_weekdays(year).join(" "), want, "{year}");
        }
    }

    #[test]
    fn early_closes_by_hand() {
        let lists = [
            (1993, "11-26"),
            (1996, "07-05 11-29 12-24"),
            (1997, "07-03 11-28 12-24 12-26"),
            (1998, "11-27 12-24"),
            (2000, "07-03 11-24"),
            (2002, "07-05 11-29 12-24"),
            (2003, "07-03 11-28 12-24 12-26"),
            (2007, "07-03 11-23 12-24"),
            (2009, "11-27 12-24"),
            (2012, "07-03 11-23 12-24"),
            (2013, "07-03 11-29 12-24"),
            (2019, "07-03 11-29 12-24"),
            (2021, "11-26"),
            (2024, "07-03 11-29 12-24"),
            (2025, "07-03 11-28 12-24"),
        ];
        for (year, want) in lists {
            assert_eq!(early(year).join(" "), want, "{year}");
        }
    }

    #[test]
    fn tables_hold_dates_that_exist_and_are_needed() {
        for (year, month, day) in CLOSED {
            assert!(!Day::checked(year, month, day).unwrap().is_weekend());
        }
        for ((year, month, day), open, close) in SPECIAL {
            let day = Day::checked(year, month, day).unwrap();
            assert_eq!(session_minutes(day), Some((open, close)), "{day}");
        }
    }
}
