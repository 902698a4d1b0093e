//! The formats that can be asked for by name.

use crate::error::DataError;
use crate::series::DataKind;

/// How the bytes of a file are to be read. Without one the format is recognised by the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Delimited text with a header; what the rows are follows from the names.
    Csv,
    /// Text with a header: open, high, low, close, and usually volume.
    Bars,
    /// Text with a header: the four prices of bid and ask each.
    QuoteBars,
    /// Text with a header: price and quantity of trades.
    Trades,
    /// Text with a header: best bid and ask.
    Quotes,
    /// Text with a header: one number beside the time.
    Values,
    /// The layout of Yahoo's download: `Date,Open,High,Low,Close,Adj Close,Volume`.
    Yahoo,
    /// Binance public data: twelve columns, with or without header.
    BinanceKlines,
    /// Binance public data: trades, with or without header.
    BinanceTrades,
    /// Binance public data: aggregate trades, with or without header.
    BinanceAggTrades,
    /// Binance public data: best bid and ask, with or without header.
    BinanceBookTicker,
    /// Kraken's trade archive: time, price, volume, no header.
    KrakenTrades,
    /// HistData: compact time, bid, ask, no header.
    HistData,
}

impl Format {
    /// All formats, with the name that `--format` takes and what they are.
    pub const ALL: [(Self, &'static str, &'static str); 13] = [
        (Self::Csv, "csv", "delimited text with a header, rows recognised by the names"),
        (Self::Bars, "bars", "text with open, high, low, close and usually volume"),
        (Self::QuoteBars, "quote-bars", "text with bid_open .. ask_close"),
        (Self::Trades, "trades", "text with time, price, quantity"),
        (Self::Quotes, "quotes", "text with time, bid, ask"),
        (Self::Values, "values", "text with time and one number"),
        (Self::Yahoo, "yahoo", "Date,Open,High,Low,Close,Adj Close,Volume"),
        (Self::BinanceKlines, "binance-klines", "public data, 12 columns"),
        (Self::BinanceTrades, "binance-trades", "public data, 6 or 7 columns"),
        (Self::BinanceAggTrades, "binance-aggtrades", "public data, 7 or 8 columns"),
        (Self::BinanceBookTicker, "binance-bookticker", "public data, 7 columns"),
        (Self::KrakenTrades, "kraken-trades", "time,price,volume without a header"),
        (Self::HistData, "histdata", "YYYYMMDD HHMMSSmmm,bid,ask without a header"),
    ];

    /// The format called `name`.
    ///
    /// # Errors
    /// When there is none of that name; the message lists them.
    pub fn parse(name: &str) -> Result<Self, DataError> {
        let wanted = name.trim().to_lowercase().replace('_', "-");
        let found = Self::ALL.iter().find(|(_, text, _)| *text == wanted);
        found.map(|(format, _, _)| *format).ok_or_else(|| DataError::Usage {
            what: format!("there is no format '{name}'"),
            fix: format!("Use one of: {}; or leave --format away", Self::list()),
        })
    }

    /// The name that `--format` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(format, _, _)| *format == self).map_or("csv", |entry| entry.1)
    }

    /// What the rows are, where the format settles it.
    #[must_use]
    pub const fn kind(self) -> Option<DataKind> {
        match self {
            Self::Csv => None,
            Self::Bars | Self::Yahoo | Self::BinanceKlines => Some(DataKind::Bars),
            Self::QuoteBars => Some(DataKind::QuoteBars),
            Self::Trades | Self::BinanceTrades | Self::BinanceAggTrades | Self::KrakenTrades => {
                Some(DataKind::Trades)
            }
            Self::Quotes | Self::HistData | Self::BinanceBookTicker => Some(DataKind::Quotes),
            Self::Values => Some(DataKind::Values),
        }
    }

    /// The names of all formats, and the containers they may come in.
    #[must_use]
    pub fn list() -> String {
        let names: Vec<&str> = Self::ALL.iter().map(|(_, name, _)| *name).collect();
        format!("{} (each also as .gz, .zst or .zip), parquet", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for (format, name, _) in Format::ALL {
            assert_eq!(Format::parse(name).unwrap(), format);
            assert_eq!(format.name(), name);
        }
        let error = Format::parse("exel").unwrap_err();
        assert_eq!(error.code(), 2);
        assert!(error.to_string().contains("binance-klines"));
    }
}
