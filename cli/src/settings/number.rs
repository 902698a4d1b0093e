//! Numbers and times as settings write them.

use qt_types::{E9, parse_e9};

/// Decimal text as billionths.
///
/// # Errors
/// What is wrong with it.
pub fn e9(text: &str) -> Result<i64, String> {
    parse_e9(text.trim())
}

/// A share as billionths: `0.95` or `95%`.
///
/// # Errors
/// What is wrong with it.
pub fn share_e9(text: &str) -> Result<i64, String> {
    match text.trim().strip_suffix('%') {
        Some(percent) => Ok(e9(percent)? / 100),
        None => e9(text),
    }
}

/// Per cent, with or without the sign, as basis points.
///
/// # Errors
/// When it is no number, not above zero, or finer than a basis point.
pub fn bps_of_percent(text: &str) -> Result<u32, String> {
    let percent_e9 = e9(text.trim().trim_end_matches('%'))?;
    let bps_e9 = percent_e9.checked_mul(100).ok_or_else(|| format!("'{text}' is too large"))?;
    if bps_e9 % E9 != 0 {
        return Err(format!("'{text}' is finer than a hundredth of a per cent"));
    }
    match u32::try_from(bps_e9 / E9) {
        Ok(bps) if bps > 0 => Ok(bps),
        _ => Err(format!("'{text}' is not above zero")),
    }
}

/// A length of time as ns: `250ns`, `500us`, `10ms`, `1.5s`, `2m`, `1h`, `1d`; a bare 0 is none.
///
/// # Errors
/// When it is no length of time, or negative.
pub fn duration_ns(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let forms = "write a number and a unit: 250ns, 500us, 10ms, 1s, 2m, 1h, 1d";
    let digits = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_ns: i64 = match unit.trim() {
        "" if number == "0" => 1,
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => E9,
        "m" | "min" => 60 * E9,
        "h" => 3_600 * E9,
        "d" => 86_400 * E9,
        _ => return Err(format!("'{text}' is no length of time; {forms}")),
    };
    let value_e9 = e9(number).map_err(|_| format!("'{text}' is no length of time; {forms}"))?;
    let ns = i128::from(value_e9) * i128::from(unit_ns) / i128::from(E9);
    i64::try_from(ns).map_err(|_| format!("'{text}' is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration_ns("0"), Ok(0));
        assert_eq!(duration_ns("0ms"), Ok(0));
        assert_eq!(duration_ns("10ms"), Ok(10_000_000));
        assert_eq!(duration_ns("1.5s"), Ok(1_500_000_000));
        assert_eq!(duration_ns("1h"), Ok(3_600_000_000_000));
        for bad in ["", "5", "-1s", "1y", "s", "1.2.3s", "99999999999d"] {
            assert!(duration_ns(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shares_and_percents() {
        assert_eq!(share_e9("0.95"), Ok(950_000_000));
        assert_eq!(share_e9("95%"), Ok(950_000_000));
        assert_eq!(bps_of_percent("5"), Ok(500));
        assert_eq!(bps_of_percent("2.5%"), Ok(250));
        for bad in ["0", "-1", "0.001", "x"] {
            assert!(bps_of_percent(bad).is_err(), "{bad}");
        }
    }
}
