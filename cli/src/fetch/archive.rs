//! The layout of Binance's public archive: which files cover a span of days.

use std::fmt;

use clap::ValueEnum;
use qt_data::calendar::civil::Day;

/// Where the archive is, unless told otherwise.
pub const BASE_URL: &str = "https://data.binance.vision";

/// The lengths of the archive's klines.
const INTERVALS: [&str; 16] = [
    "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w",
    "1mo",
];

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Bars
    Klines,
    /// Every trade
    Trades,
    /// Trades of one order at one price together
    #[value(name = "aggTrades", alias = "agg-trades", alias = "aggtrades")]
    AggTrades,
    /// Best prices (futures)
    #[value(name = "bookTicker", alias = "book-ticker", alias = "bookticker")]
    BookTicker,
}

impl Kind {
    /// The word in paths and names of files.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Klines => "klines",
            Self::Trades => "trades",
            Self::AggTrades => "aggTrades",
            Self::BookTicker => "bookTicker",
        }
    }
}

/// One series of files: a market, a symbol, a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The folder of the market: `spot`, `futures/um`, `futures/cm`.
    market: &'static str,
    /// The symbol, in capitals.
    pub symbol: String,
    /// What the files hold.
    pub kind: Kind,
    /// The length of klines.
    pub interval: Option<String>,
}

/// What one file covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// A calendar month, by its first day.
    Month(Day),
    /// A day.
    Day(Day),
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Month(first) => write!(f, "{}", &first.to_string()[..7]),
            Self::Day(day) => write!(f, "{day}"),
        }
    }
}

impl Series {
    /// The series that `source` names, such as `binance:spot/BTCUSDT`.
    ///
    /// # Errors
    /// What is wrong with it, and what there is.
    pub fn parse(source: &str, kind: Kind, interval: Option<&str>) -> Result<Self, String> {
        let form = "write binance:spot/BTCUSDT, binance:um/BTCUSDT or binance:cm/BTCUSD_PERP";
        let Some(path) = source.strip_prefix("binance:") else {
            return Err(format!("'{source}' is no archive that is known; {form}"));
        };
        let Some((market, symbol)) = path.rsplit_once('/') else {
            return Err(format!("'{source}' names no symbol; {form}"));
        };
        let market = match market.strip_prefix("futures/").unwrap_or(market) {
            "spot" => "spot",
            "um" => "futures/um",
            "cm" => "futures/cm",
            other => return Err(format!("'{other}' is no market of the archive; {form}")),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if symbol.is_empty() || !symbol.chars().all(is_name) {
            return Err(format!("'{symbol}' is no symbol; {form}"));
        }
        let interval = match (kind, interval) {
            (Kind::Klines, None) => return Err("--kind klines needs an --interval".to_owned()),
            (Kind::Klines, Some(interval)) if INTERVALS.contains(&interval) => Some(interval),
            (Kind::Klines, Some(interval)) => {
                let all = INTERVALS.join(", ");
                return Err(format!("--interval: '{interval}' is none of {all}"));
            }
            (_, None) => None,
            (_, Some(_)) => return Err("--interval is about klines alone".to_owned()),
        };
        let (symbol, interval) = (symbol.to_uppercase(), interval.map(str::to_owned));
        Ok(Self { market, symbol, kind, interval })
    }

    /// The path of the file for `period` below the archive's base.
    pub fn path(&self, period: Period) -> String {
        let (market, symbol, kind) = (self.market, &self.symbol, self.kind.text());
        let every = match period {
            Period::Month(_) => "monthly",
            Period::Day(_) => "daily",
        };
        match &self.interval {
            Some(interval) => format!(
                "data/{market}/{every}/{kind}/{symbol}/{interval}/{symbol}-{interval}-{period}.zip"
            ),
            None => format!("data/{market}/{every}/{kind}/{symbol}/{symbol}-{kind}-{period}.zip"),
        }
    }

    /// The id of the series in the catalog.
    pub fn id(&self) -> String {
        let market = match self.market {
            "spot" => "",
            futures => futures.strip_prefix("futures/").unwrap_or(futures),
        };
        let parts = [self.symbol.as_str(), market, self.interval.as_deref().unwrap_or_default()];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("-")
    }
}

/// The days that `from` and `to` name, both within: dates (`2024-01-31`) or months (`2024-01`).
///
/// # Errors
/// What is wrong with them.
pub fn span(from: &str, to: Option<&str>) -> Result<(Day, Day), String> {
    let parse = |name: &str, text: &str| -> Result<(Day, Day), String> {
        let day = Day::parse(text).map(|day| (day, day));
        let month = || Day::parse(&format!("{text}-01")).map(|first| (first, last_of(first)));
        day.or_else(month)
            .ok_or_else(|| format!("{name}: '{text}' is no day (2024-01-31) or month (2024-01)"))
    };
    let (first, end) = parse("--from", from)?;
    let last = match to {
        Some(to) => parse("--to", to)?.1,
        None => end,
    };
    if first > last {
        return Err(format!("--from {first} is after --to {last}"));
    }
    Ok((first, last))
}

/// The last day of the month of `day`.
fn last_of(day: Day) -> Day {
    next_month(day).plus(-1)
}

/// The first day of the month after that of `day`.
fn next_month(day: Day) -> Day {
    let (year, month, _) = day.civil();
    if month == 12 { Day::new(year + 1, 1, 1) } else { Day::new(year, month + 1, 1) }
}

/// The files from `first` to `last`: months that lie within as a whole and are over by `today`,
/// and the days of the others, as far as they are over.
pub fn periods(first: Day, last: Day, today: Day) -> Vec<Period> {
    let last = last.min(today.plus(-1));
    let mut all = Vec::new();
    let mut day = first;
    while day <= last {
        let is_first = day.civil().2 == 1;
        if is_first && last_of(day) <= last {
            all.push(Period::Month(day));
            day = next_month(day);
        } else {
            all.push(Period::Day(day));
            day = day.plus(1);
        }
    }
    all
}

/// The days of a month.
pub fn days_of(month: Day) -> Vec<Period> {
    (month.0..=last_of(month).0).map(|day| Period::Day(Day(day))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn paths_are_those_of_the_archive() {
        let of = |source: &str, kind, interval| Series::parse(source, kind, interval).unwrap();
        let spot = of("binance:spot/btcusdt", Kind::Klines, Some("1m"));
        assert_eq!(
            spot.path(Period::Month(day("2024-01-01"))),
            "data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01.zip"
        );
        let um = of("binance:futures/um/BTCUSDT", Kind::AggTrades, None);
        assert_eq!(
            um.path(Period::Day(day("2024-08-08"))),
            "data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-08-08.zip"
        );
        assert_eq!((spot.id().as_str(), um.id().as_str()), ("BTCUSDT-1m", "BTCUSDT-um"));
        assert_eq!(
            of("binance:cm/BTCUSD_PERP", Kind::Klines, Some("1h")).id(),
            "BTCUSD_PERP-cm-1h"
        );
    }

    #[test]
    fn whole_months_are_one_file_and_the_rest_are_days() {
        let text = |from: &str, to: &str, today: &str| {
            let (first, last) = span(from, Some(to)).unwrap();
            let all = periods(first, last, day(today));
            all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(text("2024-01", "2024-03", "2024-09-01"), "2024-01 2024-02 2024-03");
        let mixed = text("2023-12-30", "2024-02-02", "2024-09-01");
        assert_eq!(mixed, "2023-12-30 2023-12-31 2024-01 2024-02-01 2024-02-02");
        assert_eq!(text("2024-02", "2024-02", "2024-02-03"), "2024-02-01 2024-02-02");
        assert_eq!(text("2024-02-29", "2024-02-29", "2024-03-01"), "2024-02-29");
        assert_eq!(text("2025-02", "2025-02", "2024-02-03"), "");
        assert_eq!(days_of(day("2024-02-01")).len(), 29);
        assert_eq!(span("2024-02", None).unwrap(), (day("2024-02-01"), day("2024-02-29")));
    }

    #[test]
    fn what_there_is_not_is_said() {
        let why = |source: &str, kind, interval| Series::parse(source, kind, interval).unwrap_err();
        assert!(why("kraken:spot/X", Kind::Trades, None).contains("binance:spot/BTCUSDT"));
        assert!(why("binance:BTCUSDT", Kind::Trades, None).contains("names no symbol"));
        assert!(why("binance:margin/X", Kind::Trades, None).contains("'margin' is no market"));
        assert!(why("binance:spot/../x", Kind::Trades, None).contains("no market"));
        assert!(why("binance:spot/a b", Kind::Trades, None).contains("no symbol"));
        assert!(why("binance:spot/X", Kind::Klines, None).contains("--interval"));
        assert!(why("binance:spot/X", Kind::Klines, Some("7m")).contains("1s, 1m"));
        assert!(why("binance:spot/X", Kind::Trades, Some("1m")).contains("klines alone"));
        for (from, to) in [("2024", None), ("2024-13", None), ("2024-02-30", None)] {
            assert!(span(from, to).unwrap_err().contains("--from"), "{from}");
        }
        assert!(span("2024-02", Some("2024-01")).unwrap_err().contains("after"));
    }
}
