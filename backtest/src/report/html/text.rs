//! How the report writes text and numbers: escaped, with thousands separated and true minus
//! signs, an en dash where a figure is undefined.

use qt_data::calendar::Day;
use qt_data::stamp::iso_text;
use qt_types::Cash;

/// What stands where a figure is undefined.
pub const UNDEFINED: &str = "\u{2013}";
const MINUS: char = '\u{2212}';
const DAY_NS: i64 = 86_400_000_000_000;

/// `text` with everything replaced that HTML would not take as plain text. It also holds between
/// quotation marks of attributes and in the labels of charts, which know the same names.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // The other control characters have no place in HTML.
            control if control.is_control() && control != '\n' => escaped.push('\u{fffd}'),
            plain => escaped.push(plain),
        }
    }
    escaped
}

/// Whether numbers carry a plus sign when they are above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Only a minus where it is due.
    Minus,
    /// A plus or a minus: for changes.
    Both,
}

/// A number with `decimals` digits behind the point.
#[must_use]
pub fn number(value: f64, decimals: usize, sign: Sign) -> String {
    if !value.is_finite() {
        return UNDEFINED.to_owned();
    }
    signed(&format!("{value:.decimals$}"), sign)
}

/// A ratio or another figure that may be undefined, with two decimals.
#[must_use]
pub fn ratio(value: Option<f64>) -> String {
    value.map_or_else(|| UNDEFINED.to_owned(), |value| number(value, 2, Sign::Minus))
}

/// A share as per cent with two decimals (0.18: `18.00%`).
#[must_use]
pub fn percent(value: Option<f64>, sign: Sign) -> String {
    match value.filter(|value| value.is_finite()) {
        Some(value) => format!("{}%", number(value * 100.0, 2, sign)),
        None => UNDEFINED.to_owned(),
    }
}

/// An amount: with two decimals from 1 on, with four significant digits below.
#[must_use]
pub fn money(amount: Cash, sign: Sign) -> String {
    money_f64(amount.to_f64(), sign)
}

/// An amount of money from decimal text.
#[must_use]
pub fn decimal_money(text: &str, sign: Sign) -> String {
    text.parse().map_or_else(|_| UNDEFINED.to_owned(), |cash| money(cash, sign))
}

/// As [`money`], of a floating-point number.
#[must_use]
pub fn money_f64(amount: f64, sign: Sign) -> String {
    let size = amount.abs();
    let decimals = match size {
        _ if size >= 1.0 || size == 0.0 => 2,
        _ => (3 - size.log10().floor() as i32).clamp(2, 9) as usize,
    };
    number(amount, decimals, sign)
}

/// Decimal text as it stands, with thousands separated and a true minus sign.
#[must_use]
pub fn decimal(text: &str) -> String {
    signed(text, Sign::Minus)
}

/// A count.
#[must_use]
pub fn count(value: u64) -> String {
    decimal(&value.to_string())
}

/// A count from a length.
#[must_use]
pub fn count_of(length: usize) -> String {
    decimal(&length.to_string())
}

/// A count and what is counted, in the plural unless it is one.
#[must_use]
pub fn plural(value: u64, one: &str) -> String {
    let ending = if value == 1 { "" } else { "s" };
    format!("{} {one}{ending}", count(value))
}

/// Sets the sign and the thousands of plain decimal text.
fn signed(text: &str, sign: Sign) -> String {
    let (negative, size) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = size.split_once('.').map_or((size, None), |(w, f)| (w, Some(f)));
    let is_zero = size.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let mut written = String::with_capacity(text.len() + 8);
    match (negative && !is_zero, sign) {
        (true, _) => written.push(MINUS),
        (false, Sign::Both) if !is_zero => written.push('+'),
        _ => {}
    }
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    if let Some(fraction) = fraction {
        written.push('.');
        written.push_str(fraction);
    }
    written
}

/// How times are written: daily and longer bars by their date alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Whether all bars are a day long or longer.
    pub is_daily: bool,
}

impl Clock {
    /// A time (UTC ns) at which a bar closes. Of daily bars the date that it ends: the bar of
    /// 31 March closes at 00:00 on 1 April.
    #[must_use]
    pub fn close(self, close_ns: i64) -> String {
        if self.is_daily {
            return Day::of_ns(close_ns.saturating_sub(1)).to_string();
        }
        self.instant(close_ns)
    }

    /// Any other time (UTC ns).
    #[must_use]
    pub fn instant(self, ns: i64) -> String {
        if self.is_daily {
            return Day::of_ns(ns).to_string();
        }
        let text = iso_text(ns);
        let text = text.strip_suffix('Z').unwrap_or(&text);
        // Seconds only where there are some: `09:30`, but `09:30:15`.
        text.strip_suffix(":00").unwrap_or(text).replacen('T', " ", 1)
    }

    /// Where a close (UTC ns) stands on the time axis of a chart, in ms since 1970.
    #[must_use]
    pub fn close_ms(self, close_ns: i64) -> i64 {
        if self.is_daily {
            return Day::of_ns(close_ns.saturating_sub(1)).start_ns() / 1_000_000;
        }
        close_ns.div_euclid(1_000_000)
    }

    /// Where another time (UTC ns) stands on it.
    #[must_use]
    pub fn instant_ms(self, ns: i64) -> i64 {
        let ns = if self.is_daily { ns.div_euclid(DAY_NS) * DAY_NS } else { ns };
        ns.div_euclid(1_000_000)
    }
}

/// `value` with eight significant digits: what a chart can show, and no more bytes than that.
#[must_use]
pub fn significant(value: f64) -> Option<f64> {
    if !value.is_finite() {
        return None;
    }
    format!("{value:.7e}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_data_stays_text() {
        assert_eq!(
            escape("<script>alert('&\"')</script>\u{0}"),
            "&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;\u{fffd}"
        );
    }

    #[test]
    fn numbers_are_written_alike() {
        assert_eq!(number(1_234_567.891, 2, Sign::Minus), "1,234,567.89");
        assert_eq!(number(-999.5, 1, Sign::Both), "\u{2212}999.5");
        assert_eq!(number(-0.001, 2, Sign::Both), "0.00");
        assert_eq!(percent(Some(0.1234), Sign::Both), "+12.34%");
        assert_eq!(percent(None, Sign::Both), UNDEFINED);
        assert_eq!(percent(Some(f64::NAN), Sign::Minus), UNDEFINED);
        assert_eq!(ratio(Some(-1.0)), "\u{2212}1.00");
        assert_eq!(decimal("-1234.50"), "\u{2212}1,234.50");
        assert_eq!(count(100), "100");
        assert_eq!(count(1_000), "1,000");
        assert_eq!((plural(1, "bar"), plural(0, "bar")), ("1 bar".into(), "0 bars".into()));
        assert_eq!(money("0.00012346".parse().unwrap(), Sign::Minus), "0.0001235");
        assert_eq!(money("100000".parse().unwrap(), Sign::Minus), "100,000.00");
    }

    #[test]
    fn a_daily_close_belongs_to_the_day_it_ends() {
        let (daily, minutes) = (Clock { is_daily: true }, Clock { is_daily: false });
        let midnight = Day::new(2021, 4, 1).start_ns();
        assert_eq!(daily.close(midnight), "2021-03-31");
        assert_eq!(daily.instant(midnight), "2021-04-01");
        assert_eq!(minutes.close(midnight + 90_000_000_000), "2021-04-01 00:01:30");
        assert_eq!(minutes.instant(midnight), "2021-04-01 00:00");
        assert_eq!(daily.close_ms(midnight), Day::new(2021, 3, 31).start_ns() / 1_000_000);
        assert_eq!(minutes.close_ms(-1), -1);
    }

    #[test]
    fn charts_get_eight_digits() {
        assert_eq!(significant(1.0 / 3.0), Some(0.333_333_33));
        assert_eq!(significant(f64::INFINITY), None);
        assert_eq!(significant(0.0), Some(0.0));
    }
}
