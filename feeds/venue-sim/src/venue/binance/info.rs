//! What the venue says of its symbols and their rules.

use crate::exchange::units::units_text;
use crate::exchange::{Exchange, Filters, Nanos, RATE_ONE, Range, Rate, SymbolSpec};

use super::json::{Object, TimeUnit, array, plain, quoted};
use super::limits::Limits;
use super::names;

pub(super) fn filter(kind: &str) -> Object {
    Object::new(TimeUnit::Milliseconds).text("filterType", kind)
}

/// A factor without the zeros that mean nothing.
pub(super) fn factor(rate: Rate) -> String {
    let text = units_text(i128::from(rate), 8);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn range(object: Object, names: [&str; 3], range: Range, decimals: u8) -> Object {
    let text = |units: i64| units_text(i128::from(units), decimals);
    // Where there is no limit the venue tells a large one.
    let max = if range.max == 0 { i64::MAX / 10_000 } else { range.max };
    object
        .text(names[0], &text(range.min))
        .text(names[1], &text(max))
        .text(names[2], &text(range.step))
}

/// The rules of a symbol as filters.
pub(super) fn filters(spec: &SymbolSpec, exchange: &Exchange) -> Vec<String> {
    let rules: &Filters = &spec.filters;
    let decimals = |asset: crate::exchange::AssetId| {
        exchange.assets().get(usize::from(asset.0)).map_or(8, |asset| asset.decimals)
    };
    let (base, quote) = (decimals(spec.base), decimals(spec.quote));
    let mut all = Vec::new();
    let price = ["minPrice", "maxPrice", "tickSize"];
    all.push(range(filter("PRICE_FILTER"), price, rules.price, spec.price_decimals));
    let lot = ["minQty", "maxQty", "stepSize"];
    all.push(range(filter("LOT_SIZE"), lot, rules.lot, base));
    if let Some(parts) = rules.iceberg_parts {
        all.push(filter("ICEBERG_PARTS").number("limit", parts));
    }
    if let Some(market_lot) = rules.market_lot {
        all.push(range(filter("MARKET_LOT_SIZE"), lot, market_lot, base));
    }
    if let Some(trailing) = rules.trailing {
        let object = filter("TRAILING_DELTA")
            .number("minTrailingAboveDelta", trailing.above_min)
            .number("maxTrailingAboveDelta", trailing.above_max)
            .number("minTrailingBelowDelta", trailing.below_min)
            .number("maxTrailingBelowDelta", trailing.below_max);
        all.push(object);
    }
    if let Some(band) = rules.percent_price {
        let object = filter("PERCENT_PRICE")
            .text("multiplierUp", &factor(band.bid_up))
            .text("multiplierDown", &factor(band.bid_down))
            .number("avgPriceMins", band.minutes);
        all.push(object);
    }
    if let Some(band) = rules.percent_price_by_side {
        let object = filter("PERCENT_PRICE_BY_SIDE")
            .text("bidMultiplierUp", &factor(band.bid_up))
            .text("bidMultiplierDown", &factor(band.bid_down))
            .text("askMultiplierUp", &factor(band.ask_up))
            .text("askMultiplierDown", &factor(band.ask_down))
            .number("avgPriceMins", band.minutes);
        all.push(object);
    }
    if let Some(worth) = rules.min_notional {
        let object = filter("MIN_NOTIONAL")
            .text("minNotional", &units_text(worth.min, quote))
            .truth("applyToMarket", worth.min_for_market)
            .number("avgPriceMins", worth.minutes);
        all.push(object);
    }
    if let Some(worth) = rules.notional {
        let max = if worth.max == 0 { i128::from(i64::MAX / 10_000) } else { worth.max };
        let object = filter("NOTIONAL")
            .text("minNotional", &units_text(worth.min, quote))
            .truth("applyMinToMarket", worth.min_for_market)
            .text("maxNotional", &units_text(max, quote))
            .truth("applyMaxToMarket", worth.max_for_market)
            .number("avgPriceMins", worth.minutes);
        all.push(object);
    }
    all.extend(counts(rules, base));
    all.into_iter().map(Object::done).collect()
}

/// The rules that count something.
fn counts(rules: &Filters, base: u8) -> Vec<Object> {
    let count = |kind, name, max: Option<u32>| max.map(|max| filter(kind).number(name, max));
    let all = [
        count("MAX_NUM_ORDERS", "maxNumOrders", rules.num_orders_max),
        count("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", rules.num_algo_orders_max),
        count("MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders", rules.num_iceberg_orders_max),
        rules
            .position_max
            .map(|max| filter("MAX_POSITION").text("maxPosition", &units_text(max, base))),
        count("MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends", rules.num_amends_max),
    ];
    all.into_iter().flatten().collect()
}

fn symbol(spec: &SymbolSpec, exchange: &Exchange) -> String {
    let asset = |id: crate::exchange::AssetId| {
        exchange
            .assets()
            .get(usize::from(id.0))
            .map_or(("", 8), |spec| (&*spec.name, spec.decimals))
    };
    let ((base, base_decimals), (quote, quote_decimals)) = (asset(spec.base), asset(spec.quote));
    let kinds: Vec<_> = spec.kinds.iter().map(|kind| names::kind(*kind)).collect();
    let modes: Vec<_> = spec.self_trades.iter().map(|mode| names::self_trade(*mode)).collect();
    Object::new(TimeUnit::Milliseconds)
        .text("symbol", &spec.name)
        .text("status", names::symbol_status(spec.status))
        .text("baseAsset", base)
        .number("baseAssetPrecision", base_decimals)
        .text("quoteAsset", quote)
        .number("quotePrecision", quote_decimals)
        .number("quoteAssetPrecision", quote_decimals)
        .number("baseCommissionPrecision", base_decimals)
        .number("quoteCommissionPrecision", quote_decimals)
        .raw("orderTypes", &plain(&kinds))
        .truth("icebergAllowed", true)
        .truth("ocoAllowed", true)
        .truth("otoAllowed", true)
        // Lists whose first order pays for the others are not simulated.
        .truth("opoAllowed", false)
        .truth("quoteOrderQtyMarketAllowed", true)
        .truth("allowTrailingStop", true)
        .truth("cancelReplaceAllowed", true)
        .truth("amendAllowed", true)
        .truth("pegInstructionsAllowed", false)
        .truth("isSpotTradingAllowed", true)
        .truth("isMarginTradingAllowed", false)
        .raw("filters", &array(filters(spec, exchange)))
        .raw("permissions", "[]")
        .raw("permissionSets", "[[\"SPOT\"]]")
        .text("defaultSelfTradePreventionMode", names::self_trade(spec.self_trade_default))
        .raw("allowedSelfTradePreventionModes", &plain(&modes))
        .done()
}

/// The whole document for those symbols.
pub(super) fn exchange_info<'a>(
    exchange: &Exchange,
    symbols: impl Iterator<Item = &'a SymbolSpec>,
    limits: &Limits,
    is_socket: bool,
    (now_ns, unit): (Nanos, TimeUnit),
) -> String {
    Object::new(unit)
        .text("timezone", "UTC")
        .time("serverTime", now_ns)
        .raw("rateLimits", &limits.advertised(is_socket))
        .raw("exchangeFilters", &array(exchange_filters(exchange)))
        .raw("symbols", &array(symbols.map(|spec| symbol(spec, exchange))))
        .raw("sors", "[]")
        .done()
}

/// The rules over all symbols.
pub(super) fn exchange_filters(exchange: &Exchange) -> Vec<String> {
    let settings = exchange.settings();
    let count = |kind, name, max: Option<u32>| max.map(|max| filter(kind).number(name, max).done());
    [
        count("EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders", settings.num_orders_max),
        count("EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders", settings.num_algo_orders_max),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A commission as a rate: 0.00100000.
pub(super) fn rate(rate: Rate) -> String {
    units_text(i128::from(rate), 8)
}

/// A commission in hundredths of a percent, as the account tells it.
pub(super) fn basis_points(rate: Rate) -> i128 {
    i128::from(rate) * 10_000 / RATE_ONE
}

/// A list of names as JSON.
pub(super) fn name_list(names: &[&str]) -> String {
    array(names.iter().map(|name| quoted(name)))
}
