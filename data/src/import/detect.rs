//! Which format a file has, by its first bytes and its name.

use super::{depth, exported, itch, lobster, recording, tardis};
use crate::error::DataError;
use crate::source::parser::is_skipped;
use crate::ticks::MAGIC;

/// The formats that the tick store can be filled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportFormat {
    /// A table of trades: Binance's trades and aggregate trades, Kraken's archive, any header.
    Trades,
    /// A table of quotes: Binance's `bookTicker`, HistData, any header.
    Quotes,
    /// Binance's futures order books, `T_DEPTH`.
    BinanceDepth,
    /// Tardis' `incremental_book_L2`.
    TardisBook,
    /// Tardis' `book_snapshot_5`, `book_snapshot_25`.
    TardisSnapshots,
    /// LOBSTER's message files.
    Lobster,
    /// NASDAQ TotalView-ITCH 5.0, as in the daily files.
    Itch,
    /// Databento's DBN, versions 1 to 3.
    Dbn,
    /// A recorded exchange stream: frames with or without their time of receipt, one a line.
    Recording,
    /// Ticks that were exported as text.
    Exported,
}

impl ImportFormat {
    /// All formats, with the name that `--format` takes and what they are.
    pub const ALL: [(Self, &'static str, &'static str); 10] = [
        (Self::Trades, "trades", "text with time, price, quantity"),
        (Self::Quotes, "quotes", "text with time, bid, ask, also bookTicker"),
        (Self::BinanceDepth, "binance-depth", "T_DEPTH snapshots and updates"),
        (Self::TardisBook, "tardis-book", "incremental_book_L2"),
        (Self::TardisSnapshots, "tardis-snapshots", "book_snapshot_5, book_snapshot_25"),
        (Self::Lobster, "lobster", "message files"),
        (Self::Itch, "itch", "NASDAQ ITCH 5.0"),
        (Self::Dbn, "dbn", "Databento, versions 1 to 3"),
        (Self::Recording, "recording", "frames of an exchange, one a line"),
        (Self::Exported, "exported", "what `data export` wrote of ticks"),
    ];

    /// The format called `name`.
    ///
    /// # Errors
    /// When there is none of that name; the message lists them.
    pub fn parse(name: &str) -> Result<Self, DataError> {
        let wanted = name.trim().to_lowercase().replace('_', "-");
        let found = Self::ALL.iter().find(|(_, text, _)| *text == wanted);
        found.map(|(format, _, _)| *format).ok_or_else(|| DataError::Usage {
            what: format!("there is no tick format '{name}'"),
            fix: format!("Use one of: {}; or leave --format away", Self::list()),
        })
    }

    /// The name that `--format` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(format, _, _)| *format == self).map_or("", |entry| entry.1)
    }

    /// The names of all formats.
    #[must_use]
    pub fn list() -> String {
        Self::ALL.map(|(_, name, _)| name).join(", ")
    }
}

/// The format of a file called `name` whose (unpacked) content begins with `head`; `None` when it
/// is none of tick data, as bars are not.
#[must_use]
pub fn detect(head: &[u8], name: &str) -> Option<ImportFormat> {
    if head.starts_with(b"DBN") {
        return Some(ImportFormat::Dbn);
    }
    if head.starts_with(&MAGIC) {
        return None;
    }
    if exported::is_exported(head) {
        return Some(ImportFormat::Exported);
    }
    if itch::is_stream(head) {
        return Some(ImportFormat::Itch);
    }
    let first = first_line(head)?;
    match () {
        () if depth::is_header(first) => Some(ImportFormat::BinanceDepth),
        () if tardis::is_incremental(first) => Some(ImportFormat::TardisBook),
        () if tardis::is_snapshot(first) => Some(ImportFormat::TardisSnapshots),
        () if lobster::is_line(first) => Some(ImportFormat::Lobster),
        () if recording::is_recording(head) => Some(ImportFormat::Recording),
        () => match super::table::recognise_ticks(name, head, None).ok()?.layout.kind {
            crate::series::DataKind::Trades => Some(ImportFormat::Trades),
            _ => Some(ImportFormat::Quotes),
        },
    }
}

/// The first line that is neither blank nor a comment.
pub(super) fn first_line(head: &[u8]) -> Option<&[u8]> {
    let mut lines = head.split(|byte| *byte == b'\n');
    lines.find(|line| !is_skipped(line)).map(<[u8]>::trim_ascii_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_by_their_first_line() {
        for (head, want) in [
            (
                "symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu\n",
                Some(ImportFormat::BinanceDepth),
            ),
            (
                "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n",
                Some(ImportFormat::TardisBook),
            ),
            (
                "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,\
              bids[0].price,bids[0].amount\n",
                Some(ImportFormat::TardisSnapshots),
            ),
            ("34200.01,1,5,100,1000000,-1\n", Some(ImportFormat::Lobster)),
            (
                "3735683259,61837.63,0.02,1236.75,1723161255342,True,True\n",
                Some(ImportFormat::Trades),
            ),
            (
                "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,\
              is_buyer_maker\n1,61837.63,0.02,5,6,1723161255342,true\n",
                Some(ImportFormat::Trades),
            ),
            ("1,61837.63,0.02,5,6,1723161255342,True,True\n", Some(ImportFormat::Trades)),
            (
                "5,61800.20,2.507,61800.30,2.510,1723161256313,1723161256313\n",
                Some(ImportFormat::Quotes),
            ),
            (
                "ts_utc,bid,ask\n2014-05-01T05:00:01.787000Z,1.38727,1.38729\n",
                Some(ImportFormat::Quotes),
            ),
            ("20200101 170000065,1.121200,1.121720,0\n", Some(ImportFormat::Quotes)),
            ("1672531436,90.540000,1.10448420\n", Some(ImportFormat::Trades)),
            ("date,open,high,low,close\n2020-01-01,1,2,1,2\n", None),
            ("DBN\u{1}", Some(ImportFormat::Dbn)),
            ("", None),
            ("hello", None),
        ] {
            assert_eq!(detect(head.as_bytes(), "x"), want, "{head}");
        }
        assert_eq!(detect(&MAGIC, "x.qtt"), None);
    }

    #[test]
    fn names_go_both_ways() {
        for (format, name, _) in ImportFormat::ALL {
            assert_eq!(ImportFormat::parse(name).unwrap(), format);
            assert_eq!(format.name(), name);
        }
        assert!(ImportFormat::parse("itsch").unwrap_err().to_string().contains("lobster"));
    }
}
