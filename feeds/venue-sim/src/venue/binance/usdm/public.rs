//! What everybody may ask of futures.

use crate::exchange::units::units_text;
use crate::exchange::{Nanos, Rate, SymbolId, SymbolSpec};

use super::super::BinanceSpot;
use super::super::call::Ask;
use super::super::codes::Code;
use super::super::json::array;
use super::super::shapes::Shapes;
use super::info;

/// The deepest book that is told, and the usual one.
const DEPTH_MAX: usize = 1_000;
const DEPTH_USUAL: usize = 500;
/// Decimals of marks.
pub(super) const MARK_DECIMALS: u8 = 8;

pub(super) fn info(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let exchange = venue.exchange();
    let listed = exchange.symbols().filter(|(_, spec)| exchange.symbol_id(&spec.name).is_some());
    let specs: Vec<&SymbolSpec> = listed.map(|(_, spec)| spec).collect();
    let limits = &venue.meters.limits;
    Ok(info::exchange_info(exchange, &specs, limits, ask.is_socket, (ask.now_ns, ask.unit)))
}

pub(super) fn depth(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let symbol = ask.symbol(venue)?;
    let limit = ask.params.limit(DEPTH_USUAL, usize::MAX)?.min(DEPTH_MAX);
    let depth = venue.snapshot(symbol, limit);
    Ok(ask.shapes(venue).depth(symbol, &depth))
}

pub(super) fn premium(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let chosen = if ask.params.has("symbol") { Some(ask.symbol(venue)?) } else { None };
    let shapes = ask.shapes(venue);
    let one = |symbol: SymbolId| {
        let mark = mark_text(&shapes, symbol);
        shapes
            .object()
            .text("symbol", shapes.symbol(symbol))
            .text("markPrice", &mark)
            .text("indexPrice", &mark)
            .text("estimatedSettlePrice", &mark)
            .text("lastFundingRate", &rate_text(funding_rate(&shapes)))
            .text("interestRate", "0.00010000")
            .time("nextFundingTime", shapes.exchange.next_funding_ns().unwrap_or(0))
            .time("time", ask.now_ns)
            .done()
    };
    Ok(match chosen {
        Some(symbol) => one(symbol),
        None => array(venue.exchange().symbols().map(|(symbol, _)| one(symbol))),
    })
}

/// The mark of a symbol with all its decimals.
pub(super) fn mark_text(shapes: &Shapes<'_>, symbol: SymbolId) -> String {
    let decimals = shapes.exchange.symbol(symbol).map_or(0, |spec| spec.price_decimals);
    let mark = shapes.exchange.mark_price(symbol).unwrap_or(0);
    let finer = crate::exchange::units::power(MARK_DECIMALS.saturating_sub(decimals));
    units_text(i128::from(mark) * finer, MARK_DECIMALS)
}

fn funding_rate(shapes: &Shapes<'_>) -> Rate {
    shapes.exchange.settings().margin.as_ref().map_or(0, |rules| rules.funding)
}

/// A rate: 0.00010000.
pub(super) fn rate_text(rate: Rate) -> String {
    units_text(i128::from(rate), 8)
}

/// What the stream of marks tells.
pub(in super::super) fn mark_event(
    shapes: &Shapes<'_>,
    symbol: SymbolId,
    event_ns: Nanos,
) -> String {
    let mark = mark_text(shapes, symbol);
    shapes
        .object()
        .text("e", "markPriceUpdate")
        .time("E", event_ns)
        .text("s", shapes.symbol(symbol))
        .text("p", &mark)
        .text("i", &mark)
        .text("P", &mark)
        .text("r", &rate_text(funding_rate(shapes)))
        .time("T", shapes.exchange.next_funding_ns().unwrap_or(0))
        .done()
}
