//! What everybody may ask over REST.

use crate::exchange::units::units_text;
use crate::exchange::{
    Candle, Exchange, Fees, Interval, Nanos, OrderKind, RATE_ONE, Rate, Side, SymbolId, SymbolSpec,
    SymbolStatus, Ticker, Trade,
};
use crate::venue::shared::json::{array, quoted};

use super::errors::{Refused, invalid, unknown_pair};
use super::fields::Fields;
use super::listing::{self, BASE_DECIMALS, names_of, pair_of};
use super::rest::Ask;
use super::shapes::{Shapes, decimals_of, object};
use super::{FEES, Kraken, moments};

const MINUTE_NS: Nanos = 60_000_000_000;
const DAY_NS: Nanos = 1_440 * MINUTE_NS;
/// The lengths of candles in minutes.
pub(super) const INTERVALS: [u32; 9] = [1, 5, 15, 30, 60, 240, 1_440, 10_080, 21_600];
/// How many candles are told at most.
const CANDLES_MAX: usize = 720;
/// How many trades are told at most.
const TRADES_MAX: usize = 1_000;
/// How many levels are told, where nobody says, and at most.
const LEVELS: (i64, i64) = (100, 500);

pub(super) fn time(_: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let unix = ask.now_ns.div_euclid(1_000_000_000);
    Ok(object().number("unixtime", unix).text("rfc1123", &moments::rfc1123(ask.now_ns)).done())
}

pub(super) fn system_status(_: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let object = object().text("status", "online");
    Ok(object.text("timestamp", &moments::seconds(ask.now_ns)).done())
}

/// The name under which a pair is told: its own over REST, or the one of sockets to who asks by
/// that one.
fn key(exchange: &Exchange, symbol: SymbolId, asked: &str) -> String {
    if asked.contains('/') { asked.to_owned() } else { names_of(exchange, symbol).key.to_owned() }
}

/// The pairs that a request names, or all that are listed, and the names under which they are
/// told.
fn pairs(venue: &Kraken, fields: &Fields) -> Result<Vec<(SymbolId, String)>, Refused> {
    let (names, exchange) = (fields.list("pair")?, venue.exchange());
    if names.is_empty() {
        let listed = exchange.symbols();
        let listed = listed.filter(|(_, spec)| spec.status != SymbolStatus::Delisted);
        return Ok(listed.map(|(symbol, _)| (symbol, key(exchange, symbol, ""))).collect());
    }
    let find = |name: &String| {
        let symbol = pair_of(exchange, name).ok_or_else(unknown_pair)?;
        Ok((symbol, key(exchange, symbol, name)))
    };
    names.iter().map(find).collect()
}

/// The one pair of a request, and the name under which it is told.
fn pair(venue: &Kraken, fields: &Fields) -> Result<(SymbolId, String), Refused> {
    let name = fields.need("pair")?;
    let symbol = pair_of(venue.exchange(), name).ok_or_else(unknown_pair)?;
    Ok((symbol, key(venue.exchange(), symbol, name)))
}

pub(super) fn assets(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let wanted = ask.fields.list("asset")?;
    let exchange = venue.exchange();
    for name in &wanted {
        if listing::asset_of(exchange, name).is_none() {
            return Err(Refused::new("EQuery:Unknown asset"));
        }
    }
    let mut all = object();
    for spec in exchange.assets() {
        let (key, alt) = listing::asset_names(&spec.name);
        let is_wanted = |name: &String| [key, alt, &*spec.name].contains(&name.as_str());
        if wanted.is_empty() || wanted.iter().any(is_wanted) {
            let asset = object()
                .text("aclass", "currency")
                .text("altname", alt)
                .number("decimals", spec.decimals)
                .number("display_decimals", spec.decimals.min(5))
                .text("status", "enabled");
            all = all.raw(key, &asset.done());
        }
    }
    Ok(all.done())
}

/// What a pair can do now, in the venue's words.
pub(super) const fn pair_status(status: SymbolStatus) -> &'static str {
    match status {
        SymbolStatus::Trading => "online",
        SymbolStatus::CancelOnly => "cancel_only",
        SymbolStatus::Halt | SymbolStatus::Break => "maintenance",
        SymbolStatus::Delisted => "delisted",
    }
}

/// A commission in percent: 0.4.
fn percent(rate: Rate) -> String {
    let text = units_text(i128::from(rate) * 100 * 1_000 / RATE_ONE, 3);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn asset_pair(exchange: &Exchange, symbol: SymbolId, spec: &SymbolSpec) -> String {
    let names = names_of(exchange, symbol);
    let asset = |id| exchange.asset(id).map_or("", |spec| listing::asset_names(&spec.name).0);
    let tick = spec.filters.price.step;
    let decimals = decimals_of(tick, spec.price_decimals);
    let Fees { maker, taker, .. } = FEES;
    let fees = |rate| format!("[[0,{}]]", percent(rate));
    let tick_text = units_text(i128::from(tick), spec.price_decimals);
    let ordermin = units_text(i128::from(spec.filters.lot.min), BASE_DECIMALS);
    let plain = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    object()
        .text("altname", names.alt)
        .text("wsname", names.ws)
        .text("aclass_base", "currency")
        .text("base", asset(spec.base))
        .text("aclass_quote", "currency")
        .text("quote", asset(spec.quote))
        .text("lot", "unit")
        .number("cost_decimals", 5)
        .number("pair_decimals", decimals)
        .number("lot_decimals", BASE_DECIMALS)
        .number("lot_multiplier", 1)
        .raw("leverage_buy", "[]")
        .raw("leverage_sell", "[]")
        .raw("fees", &fees(taker))
        .raw("fees_maker", &fees(maker))
        .text("fee_volume_currency", "ZUSD")
        .number("margin_call", 80)
        .number("margin_stop", 40)
        .text("ordermin", &plain(&ordermin))
        .text("costmin", "0.5")
        .text("tick_size", &plain(&tick_text))
        .text("status", pair_status(spec.status))
        .text("execution_venue", "international")
        .done()
}

pub(super) fn asset_pairs(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let exchange = venue.exchange();
    let mut all = object();
    for (symbol, key) in pairs(venue, ask.fields)? {
        if let Some(spec) = exchange.symbol(symbol) {
            all = all.raw(&key, &asset_pair(exchange, symbol, spec));
        }
    }
    Ok(all.done())
}

/// A list of texts.
fn texts<const N: usize>(texts: [String; N]) -> String {
    array(texts.iter().map(|text| quoted(text)))
}

pub(super) fn ticker(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let exchange = venue.exchange();
    let shapes = Shapes { exchange };
    let midnight = ask.now_ns.div_euclid(DAY_NS) * DAY_NS;
    let mut all = object();
    for (symbol, key) in pairs(venue, ask.fields)? {
        let best = exchange.best(symbol);
        let today = exchange.figures(symbol, midnight, ask.now_ns);
        let day = exchange.ticker(symbol);
        let price = |price| shapes.long_price(symbol, price);
        let best_of = |best: Option<(i64, i64)>| {
            let (at, qty) = best.unwrap_or_default();
            // Whole lots, and the quantity with three decimals.
            let whole = qty / 100_000_000;
            texts([price(at), whole.max(1).to_string(), short_qty(qty)])
        };
        let both = |figure: fn(&Ticker) -> i64| texts([price(figure(&today)), price(figure(&day))]);
        let volumes = texts([shapes.base(today.volume), shapes.base(day.volume)]);
        let one = object()
            .raw("a", &best_of(best.ask))
            .raw("b", &best_of(best.bid))
            .raw("c", &texts([price(day.last), shapes.qty(day.last_qty)]))
            .raw("v", &volumes)
            .raw("p", &both(|ticker| ticker.average))
            .raw("t", &format!("[{},{}]", today.trades, day.trades))
            .raw("l", &both(|ticker| ticker.low))
            .raw("h", &both(|ticker| ticker.high))
            .text("o", &price(today.open));
        all = all.raw(&key, &one.done());
    }
    Ok(all.done())
}

/// A quantity with three decimals at least, as books of REST have it.
fn short_qty(qty: i64) -> String {
    let text = units_text(i128::from(qty), BASE_DECIMALS);
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let kept = part.trim_end_matches('0').len().max(3);
    format!("{whole}.{}", &part[..kept.min(part.len())])
}

pub(super) fn depth(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let (symbol, key) = pair(venue, ask.fields)?;
    let count = ask.fields.whole("count")?.unwrap_or(LEVELS.0);
    if !(1..=LEVELS.1).contains(&count) {
        return Err(invalid("count"));
    }
    let book = venue.snapshot(symbol, usize::try_from(count).unwrap_or(0));
    let shapes = Shapes { exchange: venue.exchange() };
    let at = ask.now_ns.div_euclid(1_000_000_000);
    let levels = |levels: &[(i64, i64)]| {
        array(levels.iter().map(|(price, qty)| {
            format!("[\"{}\",\"{}\",{at}]", shapes.long_price(symbol, *price), short_qty(*qty))
        }))
    };
    let sides = object().raw("asks", &levels(&book.asks)).raw("bids", &levels(&book.bids));
    Ok(object().raw(&key, &sides.done()).done())
}

/// Whether the one who took had an order at a market price.
pub(super) fn takes_at_market(exchange: &Exchange, trade: &Trade) -> bool {
    let taker = if trade.aggressor == Side::Buy { trade.buyer } else { trade.seller };
    let order = taker.and_then(|id| exchange.order_by_id(id));
    order.is_none_or(|order| order.kind == OrderKind::Market)
}

pub(super) fn trades(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let (symbol, key) = pair(venue, ask.fields)?;
    let count = ask.fields.whole("count")?.unwrap_or(1_000);
    let count = usize::try_from(count).unwrap_or(0).clamp(1, TRADES_MAX);
    let exchange = venue.exchange();
    let shapes = Shapes { exchange };
    let all = exchange.trades(symbol);
    let wanted: Vec<&Trade> = match ask.fields.whole("since")? {
        // Nanoseconds as they are told in `last`; what is smaller are seconds.
        Some(since) => {
            let since = if since < 1_000_000_000_000 { since * 1_000_000_000 } else { since };
            all.filter(|trade| trade.time_ns > since).take(count).collect()
        }
        None => {
            let mut last: Vec<&Trade> = all.rev().take(count).collect();
            last.reverse();
            last
        }
    };
    let last = wanted.last().map_or(ask.now_ns, |trade| trade.time_ns);
    let one = |trade: &&Trade| {
        let side = if trade.aggressor == Side::Buy { "b" } else { "s" };
        let kind = if takes_at_market(exchange, trade) { "m" } else { "l" };
        format!(
            "[\"{}\",\"{}\",{},\"{side}\",\"{kind}\",\"\",{}]",
            shapes.long_price(symbol, trade.price),
            shapes.qty(trade.qty),
            moments::unix(trade.time_ns, 7),
            trade.id
        )
    };
    let object = object().raw(&key, &array(wanted.iter().map(one)));
    Ok(object.text("last", &last.to_string()).done())
}

/// The candle of that many minutes.
pub(super) fn interval(minutes: i64) -> Option<(u32, Interval)> {
    let minutes = u32::try_from(minutes).ok().filter(|minutes| INTERVALS.contains(minutes))?;
    Some((minutes, Interval::Seconds(minutes * 60)))
}

/// The average price of a candle.
pub(super) fn average(shapes: &Shapes<'_>, symbol: SymbolId, candle: &Candle) -> i64 {
    let (_, held) = shapes.price_decimals(symbol);
    let fine = crate::exchange::units::power(held + BASE_DECIMALS - listing::QUOTE_DECIMALS);
    let units = candle.quote_volume.saturating_mul(fine).checked_div(candle.volume);
    units.and_then(|units| i64::try_from(units).ok()).unwrap_or(0)
}

pub(super) fn candles(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let (symbol, key) = pair(venue, ask.fields)?;
    let minutes = ask.fields.whole("interval")?.unwrap_or(1);
    let (_, interval) = interval(minutes).ok_or_else(|| invalid("interval"))?;
    let exchange = venue.exchange();
    let shapes = Shapes { exchange };
    let since = ask.fields.whole("since")?.unwrap_or(0);
    let since_ns = since.saturating_mul(1_000_000_000);
    let all = exchange.candles(symbol, interval, (None, None), CANDLES_MAX);
    let told = all.iter().filter(|candle| candle.open_ns > since_ns);
    let price = |price| quoted(&shapes.price(symbol, price));
    let one = |candle: &Candle| {
        array([
            (candle.open_ns / 1_000_000_000).to_string(),
            price(candle.open),
            price(candle.high),
            price(candle.low),
            price(candle.close),
            price(average(&shapes, symbol, candle)),
            quoted(&shapes.base(candle.volume)),
            candle.trades.to_string(),
        ])
    };
    // The last one that is over.
    let last = all.iter().rev().nth(1).map_or(0, |candle| candle.open_ns / 1_000_000_000);
    Ok(object().raw(&key, &array(told.map(one))).number("last", last).done())
}
