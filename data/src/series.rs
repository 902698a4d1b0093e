//! The form in which market data reaches the engine: one instrument, rows in time order, prices
//! in ticks and quantities in lots.

use qt_types::{BarFlags, InstrumentSpec};

use crate::calendar::Calendar;
use crate::quality::QualityReport;

/// One bar, 64 bytes: what the replay streams through. Prices in ticks, volume in lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct BarRecord {
    /// When the bar began (UTC ns).
    pub open_ns: i64,
    /// When the bar was complete, and so known (UTC ns).
    pub close_ns: i64,
    /// First price (of bid/ask bars: the mid, as are the next three).
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub close: i64,
    /// Traded volume; zero where the source has none.
    pub volume: i64,
    /// Facts about the bar: session start and end, warm-up, no volume.
    pub flags: BarFlags,
    /// The row of the source (from 0, header not counted).
    pub row: u32,
}

const _: () = assert!(size_of::<BarRecord>() == 64, "a bar is one cache line");

/// One printed trade. Price in ticks, quantity in lots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct TradeRecord {
    /// When the trade happened (UTC ns).
    pub venue_ns: i64,
    /// When it was received where it was recorded (UTC ns), never before it happened and never
    /// before an earlier trade; where the source does not say, when it happened.
    pub recv_ns: i64,
    /// Price in ticks.
    pub price: i64,
    /// Size in lots.
    pub qty: i64,
    /// Facts about the session, as of a bar.
    pub flags: BarFlags,
    /// +1: a buyer took liquidity; -1: a seller; 0: the source does not say.
    pub aggressor: i8,
}

/// The time stamps as the source wrote them: a fill names its bar by it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Stamps {
    /// The source's text is not kept; rows are named by their time in ISO 8601.
    #[default]
    Iso,
    /// All texts in one piece; `ends[i]` is where row i's text ends.
    Text {
        /// The texts without separators.
        bytes: Vec<u8>,
        /// End of each row's text in `bytes`.
        ends: Vec<u32>,
    },
}

impl Stamps {
    /// The text of source row `row`, where texts are kept.
    #[must_use]
    pub fn text(&self, row: u32) -> Option<&[u8]> {
        let Self::Text { bytes, ends } = self else { return None };
        let row = row as usize;
        let end = *ends.get(row)? as usize;
        let start = row.checked_sub(1).map_or(0, |before| ends[before] as usize);
        bytes.get(start..end)
    }
}

/// What kind of rows a source has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DataKind {
    /// Open, high, low, close, and usually volume.
    #[default]
    Bars,
    /// The same for bid and ask.
    QuoteBars,
    /// Printed trades.
    Trades,
    /// Best bid and ask.
    Quotes,
    /// One number a row: an index, a rate, a return. It can be checked, but not traded.
    Values,
}

/// Where a series comes from, and by what it can be recognised again.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Source {
    /// The path or catalog id as it was given.
    pub path: String,
    /// SHA-256 of the bytes of the file (of the compressed ones where it is compressed), hex.
    pub sha256: String,
    /// The format in words: `csv, header, epoch ms`.
    pub format: String,
}

/// One instrument's bars, checked and in units.
#[derive(Clone, Debug)]
pub struct BarSeries {
    /// Units of the instrument; its symbol is the run's name for it.
    pub spec: InstrumentSpec,
    /// What the source's rows are.
    pub kind: DataKind,
    /// The bars in time order.
    pub bars: Vec<BarRecord>,
    /// Bid/ask bars: half of the spread at open, high, low and close, in ticks, one per bar.
    /// Empty for trade bars.
    pub half_spreads: Vec<[i32; 4]>,
    /// The time stamps as the source wrote them, by source row.
    pub stamps: Stamps,
    /// Most common length of a bar in ns (0 when it cannot be told).
    pub interval_ns: i64,
    /// The calendar that sessions and gaps are measured by.
    pub calendar: Calendar,
    /// Where it comes from.
    pub source: Source,
    /// The quality gate's findings; `None` when the check was skipped.
    pub quality: Option<QualityReport>,
    /// What was noticed on the way: rounded values, refined units, assumed time zone.
    pub notes: Vec<String>,
}

/// One instrument's trades, checked and in units.
#[derive(Clone, Debug)]
pub struct TradeSeries {
    /// Units of the instrument.
    pub spec: InstrumentSpec,
    /// The trades in time order; several may have the same time.
    pub trades: Vec<TradeRecord>,
    /// The time stamps as the source wrote them, by source row.
    pub stamps: Stamps,
    /// The calendar that sessions are measured by.
    pub calendar: Calendar,
    /// Where it comes from.
    pub source: Source,
    /// The quality gate's findings; `None` when the check was skipped.
    pub quality: Option<QualityReport>,
    /// What was noticed on the way.
    pub notes: Vec<String>,
}

/// Best bid and ask at one time. Prices in ticks, sizes in lots; zero where a side is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct QuoteRecord {
    /// When the quote was made (UTC ns).
    pub venue_ns: i64,
    /// Best bid in ticks.
    pub bid: i64,
    /// Best ask in ticks.
    pub ask: i64,
    /// Size at the bid in lots.
    pub bid_qty: i64,
    /// Size at the ask in lots.
    pub ask_qty: i64,
}

/// One instrument's quotes, checked and in units.
#[derive(Clone, Debug)]
pub struct QuoteSeries {
    /// Units of the instrument.
    pub spec: InstrumentSpec,
    /// The quotes in time order; several may have the same time.
    pub quotes: Vec<QuoteRecord>,
    /// The time stamps as the source wrote them, by source row.
    pub stamps: Stamps,
    /// The calendar that sessions are measured by.
    pub calendar: Calendar,
    /// Where it comes from.
    pub source: Source,
    /// The quality gate's findings; `None` when the check was skipped.
    pub quality: Option<QualityReport>,
    /// What was noticed on the way.
    pub notes: Vec<String>,
}

/// A series of single numbers, such as an index, a rate or a return.
#[derive(Clone, Debug)]
pub struct ValueSeries {
    /// What the series is called.
    pub symbol: String,
    /// When each value holds (UTC ns), in time order.
    pub times_ns: Vec<i64>,
    /// The values in units of 10^-`decimals`.
    pub values: Vec<i64>,
    /// Digits behind the point of every value.
    pub decimals: u32,
    /// The time stamps as the source wrote them, by source row.
    pub stamps: Stamps,
    /// The calendar that gaps are measured by.
    pub calendar: Calendar,
    /// Where it comes from.
    pub source: Source,
    /// The quality gate's findings; `None` when the check was skipped.
    pub quality: Option<QualityReport>,
    /// What was noticed on the way.
    pub notes: Vec<String>,
}
