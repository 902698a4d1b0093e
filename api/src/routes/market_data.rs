//! Quotes, books and candles.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::{ApiError, Asked, Caller, Shared};
use qt_auth::Right;
use qt_trading::time::Time;
use qt_trading::{Book, Candle, Candles, Quote};

const SECOND_NS: i64 = 1_000_000_000;
const DEPTH_DEFAULT: usize = 20;
const DEPTH_MAX: usize = 50;
const CANDLES_DEFAULT: usize = 100;
const CANDLES_MAX: usize = 1_000;

/// Lengths of candles by name. The numbers are the minutes that chart widgets ask for.
const INTERVALS: [(&str, i64); 16] = [
    ("1m", 60),
    ("5m", 300),
    ("15m", 900),
    ("30m", 1_800),
    ("1h", 3_600),
    ("4h", 14_400),
    ("1d", 86_400),
    ("1s", 1),
    ("10s", 10),
    ("1", 60),
    ("5", 300),
    ("15", 900),
    ("30", 1_800),
    ("60", 3_600),
    ("240", 14_400),
    ("1D", 86_400),
];

/// The length of a candle of this name, ns.
#[must_use]
pub fn interval_ns(name: &str) -> Option<i64> {
    INTERVALS.iter().find(|(known, _)| *known == name).map(|(_, seconds)| seconds * SECOND_NS)
}

/// The last quote, trade and day figures of a symbol.
#[utoipa::path(
    get,
    path = "/market-data/{symbol}",
    tag = "market data",
    security(("bearer" = [])),
    params(
        ("symbol" = String, Path, description = "The instrument", pattern = "^[A-Za-z0-9._-]+$")
    ),
    responses((status = 200, body = Quote))
)]
pub(crate) async fn quote(
    State(app): State<Shared>,
    caller: Caller,
    Path(symbol): Path<String>,
) -> Result<Json<Arc<Quote>>, ApiError> {
    caller.need(Right::ReadMarket)?;
    app.market.quote(&symbol).map(Json).ok_or_else(ApiError::not_found)
}

/// How much of a book is wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct BookQuery {
    /// Levels of each side: 1 to 50, 20 when absent.
    #[param(minimum = 1, maximum = 50)]
    depth: Option<usize>,
}

/// The order book of a symbol.
#[utoipa::path(
    get,
    path = "/market-data/{symbol}/orderbook",
    tag = "market data",
    security(("bearer" = [])),
    params(
        ("symbol" = String, Path, description = "The instrument", pattern = "^[A-Za-z0-9._-]+$"),
        BookQuery
    ),
    responses((status = 200, body = Book))
)]
pub(crate) async fn book(
    State(app): State<Shared>,
    caller: Caller,
    Path(symbol): Path<String>,
    asked: Asked,
) -> Result<Json<Book>, ApiError> {
    caller.need(Right::ReadMarket)?;
    app.market.instrument(&symbol).ok_or_else(ApiError::not_found)?;
    let depth = asked.read::<BookQuery>()?.depth.unwrap_or(DEPTH_DEFAULT);
    if !(1..=DEPTH_MAX).contains(&depth) {
        return Err(ApiError::invalid("depth", format!("must be 1 to {DEPTH_MAX}")));
    }
    app.market.book(&symbol, depth).map(Json).ok_or_else(ApiError::not_found)
}

/// Which candles are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CandleQuery {
    /// `1s`, `10s`, `1m` (when absent), `5m`, `15m`, `30m`, `1h`, `4h`, `1d`.
    interval: Option<String>,
    /// None that begins earlier: RFC 3339, or seconds of the epoch.
    from: Option<String>,
    /// None that begins at or after: RFC 3339, or seconds of the epoch.
    to: Option<String>,
    /// How many, the latest ones: 1 to 1000, 100 when absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Candles of a symbol, oldest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CandleList {
    /// The instrument.
    symbol: String,
    /// The length of each.
    interval: String,
    /// The candles.
    items: Vec<Candle>,
}

/// Candles of a symbol.
#[utoipa::path(
    get,
    path = "/market-data/{symbol}/candles",
    tag = "market data",
    security(("bearer" = [])),
    params(
        ("symbol" = String, Path, description = "The instrument", pattern = "^[A-Za-z0-9._-]+$"),
        CandleQuery
    ),
    responses((status = 200, body = CandleList))
)]
pub(crate) async fn candles(
    State(app): State<Shared>,
    caller: Caller,
    Path(symbol): Path<String>,
    asked: Asked,
) -> Result<Json<CandleList>, ApiError> {
    caller.need(Right::ReadMarket)?;
    app.market.instrument(&symbol).ok_or_else(ApiError::not_found)?;
    let query: CandleQuery = asked.read()?;
    let interval = query.interval.unwrap_or_else(|| "1m".to_owned());
    let which = Candles {
        interval_ns: interval_ns(&interval).ok_or_else(|| {
            ApiError::invalid("interval", "use 1s, 10s, 1m, 5m, 15m, 30m, 1h, 4h or 1d")
        })?,
        from: query.from.as_deref().map(|text| time("from", text)).transpose()?,
        to: query.to.as_deref().map(|text| time("to", text)).transpose()?,
        limit: query.limit.unwrap_or(CANDLES_DEFAULT),
    };
    if !(1..=CANDLES_MAX).contains(&which.limit) {
        return Err(ApiError::invalid("limit", format!("must be 1 to {CANDLES_MAX}")));
    }
    if which.from.zip(which.to).is_some_and(|(from, to)| from > to) {
        return Err(ApiError::invalid("from", "must not be later than to"));
    }
    let items = app.market.candles(&symbol, which).ok_or_else(ApiError::not_found)?;
    Ok(Json(CandleList { symbol, interval, items }))
}

/// A time of a query: RFC 3339, or whole seconds of the epoch.
pub(super) fn time(field: &'static str, text: &str) -> Result<Time, ApiError> {
    let seconds = text.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(SECOND_NS));
    let read = || text.parse::<jiff::Timestamp>().ok();
    let time = seconds.or_else(|| read().and_then(|time| i64::try_from(time.as_nanosecond()).ok()));
    time.map(Time).ok_or_else(|| {
        ApiError::invalid(field, "write it like 2026-11-22T05:00:00Z, or as seconds of the epoch")
    })
}

#[cfg(test)]
mod tests {
    use super::{interval_ns, time};

    #[test]
    fn times_and_intervals_are_read() {
        assert_eq!(time("to", "2").unwrap().0, 2_000_000_000);
        assert_eq!(time("to", "1970-01-01T00:00:01.000000001Z").unwrap().0, 1_000_000_001);
        for bad in ["", "now", "9223372036854775807", "1e3"] {
            assert_eq!(time("to", bad).unwrap_err().fields[0].field, "to", "{bad}");
        }
        assert_eq!(interval_ns("1h"), interval_ns("60"));
        assert_eq!(interval_ns("2h"), None);
    }
}
