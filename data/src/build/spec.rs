//! Which bars to build, as text.

use std::fmt;
use std::str::FromStr;

use qt_types::{Cash, format_scaled, parse_e9};

use super::BuildError;
use crate::calendar::civil::{DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS};

/// Units of time with their ns, the longest first.
const UNITS: [(&str, i64); 6] = [
    ("w", 7 * DAY_NS),
    ("d", DAY_NS),
    ("h", HOUR_NS),
    ("m", MINUTE_NS),
    ("s", SECOND_NS),
    ("ms", SECOND_NS / 1000),
];

/// A kind of bar and its size, written `5m`, `tick:1000`, `volume:500`, `dollar:1000000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarSpec {
    /// `30s`, `1m`, `1h`, `1d`, `1w`: bars of one length.
    Time {
        /// The length in ns.
        interval_ns: i64,
    },
    /// `tick:1000`: bars of so many trades.
    Ticks {
        /// How many.
        trades: u64,
    },
    /// `volume:500`: bars of at least so much traded quantity.
    Volume {
        /// The quantity in billionths of a unit of the instrument.
        qty_e9: i64,
    },
    /// `dollar:1000000`: bars of at least so much traded value.
    Dollar {
        /// The value, in the instrument's currency.
        value: Cash,
    },
}

impl FromStr for BarSpec {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        let lower = text.trim().to_ascii_lowercase();
        let wrong = |what: &str| BuildError::Size { text: text.to_owned(), what: what.to_owned() };
        if let Some((kind, size)) = lower.split_once(':') {
            let spec = match kind.trim() {
                "tick" | "ticks" => {
                    let trades = size.trim().parse();
                    let trades = trades.map_err(|_| wrong("the number of trades is no integer"))?;
                    Self::Ticks { trades }
                }
                "volume" => {
                    let qty_e9 = parse_e9(size).map_err(|what| wrong(&what))?;
                    Self::Volume { qty_e9 }
                }
                "dollar" | "value" => {
                    let value = size.trim().parse().map_err(|what: String| wrong(&what))?;
                    Self::Dollar { value }
                }
                _ => return Err(BuildError::Unknown(text.to_owned())),
            };
            let positive = match spec {
                Self::Ticks { trades } => trades > 0,
                Self::Volume { qty_e9 } => qty_e9 > 0,
                Self::Dollar { value } => value > Cash::ZERO,
                Self::Time { .. } => true,
            };
            return if positive { Ok(spec) } else { Err(wrong("the size is not above zero")) };
        }
        let unknown = || BuildError::Unknown(text.to_owned());
        let digits = lower.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(unknown)?;
        let (count, unit) = lower.split_at(digits);
        let unit = if unit == "min" { "m" } else { unit };
        let (_, unit_ns) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(unknown)?;
        let count: i64 = count.parse().map_err(|_| unknown())?;
        match count.checked_mul(*unit_ns) {
            Some(interval_ns) if interval_ns > 0 => Ok(Self::Time { interval_ns }),
            _ => Err(wrong("the length is zero or above 292 years")),
        }
    }
}

impl fmt::Display for BarSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time { interval_ns } => {
                let whole = UNITS.iter().find(|(_, unit_ns)| interval_ns % unit_ns == 0);
                match whole {
                    Some((name, unit_ns)) => write!(f, "{}{name}", interval_ns / unit_ns),
                    None => write!(f, "{interval_ns}ns"),
                }
            }
            Self::Ticks { trades } => write!(f, "tick:{trades}"),
            Self::Volume { qty_e9 } => {
                write!(f, "volume:{}", format_scaled(i128::from(*qty_e9), 9))
            }
            Self::Dollar { value } => write!(f, "dollar:{value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_both_ways() {
        for text in [
            "500ms",
            "30s",
            "1m",
            "5m",
            "90m",
            "1h",
            "1d",
            "1w",
            "tick:1000",
            "volume:500",
            "volume:0.25",
            "dollar:1000000",
        ] {
            let spec: BarSpec = text.parse().unwrap();
            assert_eq!(spec.to_string(), text);
        }
        assert_eq!("5min".parse(), Ok(BarSpec::Time { interval_ns: 5 * MINUTE_NS }));
        assert_eq!("60m".parse::<BarSpec>().unwrap().to_string(), "1h");
    }

    #[test]
    fn wrong_text_is_refused() {
        for text in [
            "",
            "m",
            "5",
            "5x",
            "0m",
            "-5m",
            "tick:0",
            "tick:x",
            "volume:-1",
            "dollar:",
            "range:5",
            "99999999999999999999m",
            "9999999w",
            "1.5h",
        ] {
            assert!(text.parse::<BarSpec>().is_err(), "{text}");
        }
        let error = "7y".parse::<BarSpec>().unwrap_err().to_string();
        assert!(error.contains("'7y'") && error.contains("tick:1000"), "{error}");
    }
}
