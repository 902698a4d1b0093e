//! The calls that everybody may make.

use crate::exchange::{Nanos, SymbolId, SymbolSpec};

use super::BinanceSpot;
use super::call::Ask;
use super::codes::{self, Code};
use super::info;
use super::json::array;
use super::names;
use super::shapes::Shapes;

/// The deepest book that is told.
const DEPTH_MAX: usize = 5_000;
/// The longest list.
const LIST_MAX: usize = 1_000;
const LIST_USUAL: usize = 500;
const MINUTE_NS: Nanos = 60_000_000_000;
const DAY_NS: Nanos = 1_440 * MINUTE_NS;
/// Over how many minutes the average price is.
const AVERAGE_MINUTES: u32 = 5;

pub(super) fn ping(_: &mut BinanceSpot, _: &Ask<'_>) -> Result<String, Code> {
    Ok("{}".to_owned())
}

pub(super) fn time(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    Ok(ask.shapes(venue).object().time("serverTime", ask.now_ns).done())
}

pub(super) fn info(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let status = ask.params.text("symbolStatus")?;
    if ask.params.has("permissions") && ask.params.has("symbol") {
        return Err(codes::bad_combination());
    }
    let chosen = chosen(venue, ask)?;
    let exchange = venue.exchange();
    let specs = exchange.symbols().filter(|(id, spec)| {
        let is_listed = exchange.symbol_id(&spec.name).is_some();
        let is_chosen = chosen.as_ref().is_none_or(|chosen| chosen.contains(id));
        let has_status = status.is_none_or(|text| names::symbol_status(spec.status) == text);
        is_listed && is_chosen && has_status
    });
    let specs: Vec<&SymbolSpec> = specs.map(|(_, spec)| spec).collect();
    let limits = &venue.meters.limits;
    let when = (ask.now_ns, ask.unit);
    Ok(info::exchange_info(exchange, specs.into_iter(), limits, ask.is_socket, when))
}

/// The symbols that a request names; nothing when it names none.
fn chosen(venue: &BinanceSpot, ask: &Ask<'_>) -> Result<Option<Vec<SymbolId>>, Code> {
    let find = |name: &str| venue.exchange().symbol_id(name).ok_or_else(codes::bad_symbol);
    match (ask.params.has("symbol"), ask.params.names("symbols")?) {
        (true, Some(_)) => Err(codes::bad_combination()),
        (true, None) => Ok(Some(vec![ask.symbol(venue)?])),
        (false, Some(names)) => {
            names.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>().map(Some)
        }
        (false, None) => Ok(None),
    }
}

/// One object for one symbol, a list for several or for all.
fn each(
    venue: &BinanceSpot,
    ask: &Ask<'_>,
    write: impl Fn(&Shapes<'_>, SymbolId) -> String,
) -> Result<String, Code> {
    let shapes = ask.shapes(venue);
    let chosen = chosen(venue, ask)?;
    if ask.params.has("symbol")
        && let Some([symbol]) = chosen.as_deref()
    {
        return Ok(write(&shapes, *symbol));
    }
    let exchange = venue.exchange();
    let listed = exchange.symbols().filter(|(_, spec)| exchange.symbol_id(&spec.name).is_some());
    let all = chosen.unwrap_or_else(|| listed.map(|(id, _)| id).collect());
    Ok(array(all.into_iter().map(|symbol| write(&shapes, symbol))))
}

pub(super) fn depth(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let symbol = ask.symbol(venue)?;
    let limit = ask.params.limit(100, usize::MAX)?.min(DEPTH_MAX);
    let depth = venue.snapshot(symbol, limit);
    Ok(ask.shapes(venue).depth(symbol, &depth))
}

pub(super) fn trades(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let symbol = ask.symbol(venue)?;
    let limit = ask.params.limit(LIST_USUAL, LIST_MAX)?;
    let shapes = ask.shapes(venue);
    let mut last: Vec<_> = venue.exchange().trades(symbol).rev().take(limit).collect();
    last.reverse();
    Ok(array(last.into_iter().map(|trade| shapes.trade(trade))))
}

pub(super) fn historical_trades(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let Some(from) = whole(ask, "fromId")? else { return trades(venue, ask) };
    let symbol = ask.symbol(venue)?;
    let limit = ask.params.limit(LIST_USUAL, LIST_MAX)?;
    let shapes = ask.shapes(venue);
    let all = venue.exchange().trades(symbol).filter(|trade| trade.id >= from);
    Ok(array(all.take(limit).map(|trade| shapes.trade(trade))))
}

/// A whole number that is an id.
pub(super) fn whole(ask: &Ask<'_>, name: &str) -> Result<Option<u64>, Code> {
    Ok(ask.params.whole(name)?.and_then(|id| u64::try_from(id).ok()))
}

/// A time of the request in nanoseconds: in milliseconds, or in microseconds where it is so long.
pub(super) fn moment(ask: &Ask<'_>, name: &str) -> Result<Option<Nanos>, Code> {
    let Some(time) = ask.params.whole(name)? else { return Ok(None) };
    let unit = if time >= 100_000_000_000_000 { 1_000 } else { 1_000_000 };
    time.checked_mul(unit).map(Some).ok_or_else(|| codes::overflowed(name))
}

pub(super) fn agg_trades(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let symbol = ask.symbol(venue)?;
    let limit = ask.params.limit(LIST_USUAL, LIST_MAX)?;
    let (from, begin, end) =
        (whole(ask, "fromId")?, moment(ask, "startTime")?, moment(ask, "endTime")?);
    if from.is_some() && (begin.is_some() || end.is_some()) {
        return Err(codes::bad_combination());
    }
    let shapes = ask.shapes(venue);
    let is_wanted = |id: u64, time_ns: Nanos| {
        from.is_none_or(|from| id >= from)
            && begin.is_none_or(|begin| time_ns >= begin)
            && end.is_none_or(|end| time_ns < end.saturating_add(1_000_000))
    };
    let all = venue.exchange().agg_trades(symbol);
    let mut wanted: Vec<_> = all.filter(|trade| is_wanted(trade.id, trade.time_ns)).collect();
    if from.is_none() && begin.is_none() {
        wanted.drain(..wanted.len().saturating_sub(limit));
    }
    Ok(array(wanted.into_iter().take(limit).map(|trade| shapes.agg_trade(trade))))
}

pub(super) fn klines(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let symbol = ask.symbol(venue)?;
    let interval = names::interval_of(ask.params.need("interval")?)
        .ok_or_else(|| Code::new(-1120, "Invalid interval."))?;
    let limit = ask.params.limit(LIST_USUAL, usize::MAX)?.min(LIST_MAX);
    let (begin, end) = (moment(ask, "startTime")?, moment(ask, "endTime")?);
    let shapes = ask.shapes(venue);
    let candles = venue.exchange().candles(symbol, interval, (begin, end), limit);
    Ok(array(candles.iter().map(|candle| shapes.candle(symbol, candle))))
}

pub(super) fn average(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let symbol = ask.symbol(venue)?;
    let shapes = ask.shapes(venue);
    let price = venue.exchange().average_price(symbol, AVERAGE_MINUTES).unwrap_or(0);
    let last = venue.exchange().trades(symbol).next_back().map_or(0, |trade| trade.time_ns);
    Ok(shapes
        .object()
        .number("mins", AVERAGE_MINUTES)
        .text("price", &shapes.price(symbol, price))
        .time("closeTime", last)
        .done())
}

/// Whether all figures are wanted.
fn is_full(ask: &Ask<'_>) -> Result<bool, Code> {
    match ask.params.text("type")? {
        None | Some("FULL") => Ok(true),
        Some("MINI") => Ok(false),
        Some(_) => Err(Code::new(-1139, "Invalid ticker type.")),
    }
}

/// The figures of a span that ends now.
pub(super) fn window(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let is_full = is_full(ask)?;
    needs_symbols(ask)?;
    let span_ns = match ask.params.text("windowSize")? {
        None => DAY_NS,
        Some(text) => span_of(text).ok_or_else(|| codes::invalid("windowSize"))?,
    };
    each(venue, ask, |shapes, symbol| {
        shapes.window(symbol, &shapes.exchange.window(symbol, span_ns), is_full)
    })
}

/// The figures of the day of a time zone.
pub(super) fn trading_day(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let is_full = is_full(ask)?;
    needs_symbols(ask)?;
    let zone_ns = match ask.params.text("timeZone")? {
        None => 0,
        Some(text) => zone_of(text).ok_or_else(|| codes::invalid("timeZone"))?,
    };
    let begin = (ask.now_ns + zone_ns).div_euclid(DAY_NS) * DAY_NS - zone_ns;
    // Its last millisecond.
    let end = begin + DAY_NS - 1_000_000;
    each(venue, ask, |shapes, symbol| {
        shapes.window(symbol, &shapes.exchange.figures(symbol, begin, end), is_full)
    })
}

fn needs_symbols(ask: &Ask<'_>) -> Result<(), Code> {
    let has_one = ask.params.has("symbol") || ask.params.has("symbols");
    if has_one { Ok(()) } else { Err(codes::one_of_two("symbol", "symbols")) }
}

/// `1m` to `59m`, `1h` to `23h`, `1d` to `7d`.
fn span_of(text: &str) -> Option<Nanos> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let (unit_ns, max) = match unit {
        "m" => (MINUTE_NS, 59),
        "h" => (60 * MINUTE_NS, 23),
        "d" => (DAY_NS, 7),
        _ => return None,
    };
    let is_plain = !count.starts_with('0') && count.bytes().all(|byte| byte.is_ascii_digit());
    let count: Nanos = count.parse().ok().filter(|_| is_plain)?;
    (1..=max).contains(&count).then_some(count * unit_ns)
}

/// A time zone as hours, or hours and minutes: `8`, `-1:00`, `05:45`; from -12:00 to +14:00.
fn zone_of(text: &str) -> Option<Nanos> {
    let (sign, plain) = match text.strip_prefix('-') {
        Some(plain) => (-1, plain),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = plain.split_once(':').unwrap_or((plain, "00"));
    let number = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        let is_plain = lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<Nanos>().ok().filter(|_| is_plain)
    };
    let (hours, minutes) = (number(hours, 1..=2)?, number(minutes, 2..=2)?);
    let zone = sign * (hours * 60 + minutes);
    (minutes < 60 && (-12 * 60..=14 * 60).contains(&zone)).then_some(zone * MINUTE_NS)
}

pub(super) fn day(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let is_full = is_full(ask)?;
    each(venue, ask, |shapes, symbol| {
        shapes.ticker(symbol, &shapes.exchange.ticker(symbol), is_full)
    })
}

pub(super) fn price(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    each(venue, ask, |shapes, symbol| {
        let price = shapes.exchange.last_price(symbol).unwrap_or(0);
        let object = shapes.object().text("symbol", shapes.symbol(symbol));
        object.text("price", &shapes.price(symbol, price)).done()
    })
}

pub(super) fn book_ticker(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    each(venue, ask, |shapes, symbol| shapes.book_ticker(symbol, &shapes.exchange.best(symbol)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_zones_are_what_the_venue_takes() {
        let minutes = |ns: Option<Nanos>| ns.map(|ns| ns / MINUTE_NS);
        for (text, wanted) in [("1m", 1), ("59m", 59), ("1h", 60), ("23h", 1_380), ("7d", 10_080)] {
            assert_eq!(minutes(span_of(text)), Some(wanted), "{text}");
        }
        for text in ["", "m", "0m", "60m", "24h", "8d", "01m", "+1m", "1w", "1M", "\u{e9}", "1.5h"]
        {
            assert_eq!(span_of(text), None, "{text}");
        }
        for (text, wanted) in
            [("0", 0), ("8", 480), ("-1:00", -60), ("05:45", 345), ("-12:00", -720), ("14", 840)]
        {
            assert_eq!(minutes(zone_of(text)), Some(wanted), "{text}");
        }
        for text in ["", "-12:01", "14:01", "1:60", "1:5", "x", "--1", "123", "1:00:00"] {
            assert_eq!(zone_of(text), None, "{text}");
        }
    }
}
