//! Numbers as people read them.

/// What stands where there is no number.
pub const NONE: &str = "–";

/// Decimal text with thousands separators and exactly `decimals` decimals (rounded half away
/// from zero).
pub fn amount(text: &str, decimals: usize) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut number: Vec<u8> = whole.bytes().collect();
    let mut kept: Vec<u8> = fraction.bytes().take(decimals).collect();
    kept.resize(decimals, b'0');
    let up = fraction.as_bytes().get(decimals).is_some_and(|digit| *digit >= b'5');
    number.extend(kept);
    if up {
        increment(&mut number);
    }
    let split = number.len() - decimals;
    let whole = grouped(&String::from_utf8_lossy(&number[..split]));
    let fraction = String::from_utf8_lossy(&number[split..]).into_owned();
    let is_zero = number.iter().all(|digit| *digit == b'0');
    let sign = if is_zero { "" } else { sign };
    if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn increment(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with thousands separators.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A number with `decimals` decimals and separators.
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_finite() { amount(&format!("{value:.decimals$}"), decimals) } else { NONE.into() }
}

/// A ratio with two decimals.
pub fn ratio(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| fixed(value, 2))
}

/// A share as per cent.
pub fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{} %", fixed(value * 100.0, 2)))
}

/// A share as per cent, with its sign.
pub fn signed_percent(value: Option<f64>) -> String {
    let text = percent(value);
    if value.is_some_and(|value| value > 0.0) && !text.starts_with("0.00") {
        format!("+{text}")
    } else {
        text
    }
}

/// Bytes in the largest fitting unit.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1_000.0 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A rate per second in the largest fitting unit.
pub fn rate(per_second: f64) -> String {
    match per_second {
        r if !r.is_finite() => NONE.to_owned(),
        r if r >= 1e6 => format!("{:.1} million", r / 1e6),
        r if r >= 1e3 => format!("{:.1} thousand", r / 1e3),
        r => format!("{r:.1}"),
    }
}

/// A length of time.
pub fn seconds(value: f64) -> String {
    match value {
        s if s >= 172_800.0 => format!("{:.1} days", s / 86_400.0),
        s if s >= 7_200.0 => format!("{:.1} h", s / 3_600.0),
        s if s >= 120.0 => format!("{:.0} min {:.0} s", (s / 60.0).floor(), s % 60.0),
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 1e-3 => format!("{:.1} ms", s * 1e3),
        s if s >= 1e-6 || s <= 0.0 => format!("{:.0} us", s * 1e6),
        s => format!("{:.0} ns", s * 1e9),
    }
}

/// `1 bar`, `2 bars`.
pub fn plural(count: u64, word: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {word}{s}", self::count(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_and_rounded() {
        assert_eq!(amount("117929.16", 2), "117,929.16");
        assert_eq!(amount("-1234567.895", 2), "-1,234,567.90");
        assert_eq!(amount("999999.999", 2), "1,000,000.00");
        assert_eq!(amount("100000", 2), "100,000.00");
        assert_eq!(amount("0.5", 0), "1");
        assert_eq!(amount("-0.001", 2), "0.00");
    }

    #[test]
    fn shares_and_counts() {
        assert_eq!(percent(Some(0.1792916)), "17.93 %");
        assert_eq!(signed_percent(Some(0.05)), "+5.00 %");
        assert_eq!(signed_percent(Some(-0.05)), "-5.00 %");
        assert_eq!(signed_percent(None), NONE);
        assert_eq!(plural(1, "bar"), "1 bar");
        assert_eq!(plural(7_800, "bar"), "7,800 bars");
        assert_eq!(bytes(1_500_000), "1.5 MB");
    }
}
