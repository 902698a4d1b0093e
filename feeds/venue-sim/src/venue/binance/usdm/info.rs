//! What the venue says of its futures and their rules.

use crate::exchange::units::units_text;
use crate::exchange::{Exchange, Nanos, SymbolSpec, SymbolStatus};

use super::super::info::{factor, filter, range};
use super::super::json::{Object, TimeUnit, array, plain};
use super::super::limits::Limits;

/// When perpetuals end, in milliseconds: never.
const NEVER_MS: i64 = 4_133_404_800_000;

fn filters(spec: &SymbolSpec, base: u8, quote: u8) -> Vec<String> {
    let rules = &spec.filters;
    let lot = ["minQty", "maxQty", "stepSize"];
    let price = ["minPrice", "maxPrice", "tickSize"];
    let mut all = vec![
        range(filter("PRICE_FILTER"), price, rules.price, spec.price_decimals),
        range(filter("LOT_SIZE"), lot, rules.lot, base),
        range(filter("MARKET_LOT_SIZE"), lot, rules.market_lot.unwrap_or(rules.lot), base),
    ];
    for (kind, max) in [
        ("MAX_NUM_ORDERS", rules.num_orders_max),
        ("MAX_NUM_ALGO_ORDERS", rules.num_algo_orders_max),
    ] {
        all.extend(max.map(|max| filter(kind).number("limit", max)));
    }
    if let Some(worth) = rules.min_notional {
        all.push(filter("MIN_NOTIONAL").text("notional", &units_text(worth.min, quote)));
    }
    if let Some(band) = rules.percent_price {
        let object = filter("PERCENT_PRICE")
            .text("multiplierUp", &factor(band.bid_up))
            .text("multiplierDown", &factor(band.bid_down))
            .number("multiplierDecimal", 4);
        all.push(object);
    }
    all.into_iter().map(Object::done).collect()
}

const fn status(status: SymbolStatus) -> &'static str {
    match status {
        SymbolStatus::Trading => "TRADING",
        SymbolStatus::Halt | SymbolStatus::Break => "TRADING_HALT",
        SymbolStatus::CancelOnly => "SETTLING",
        SymbolStatus::Delisted => "CLOSE",
    }
}

fn symbol(spec: &SymbolSpec, exchange: &Exchange) -> String {
    let asset = |id| exchange.asset(id).map_or(("", 8), |asset| (&*asset.name, asset.decimals));
    let ((base, base_decimals), (quote, quote_decimals)) = (asset(spec.base), asset(spec.quote));
    Object::new(TimeUnit::Milliseconds)
        .text("symbol", &spec.name)
        .text("pair", &spec.name)
        .text("contractType", "PERPETUAL")
        .number("deliveryDate", NEVER_MS)
        .number("onboardDate", 1_569_398_400_000_i64)
        .text("status", status(spec.status))
        .text("maintMarginPercent", "2.5000")
        .text("requiredMarginPercent", "5.0000")
        .text("baseAsset", base)
        .text("quoteAsset", quote)
        .text("marginAsset", quote)
        .number("pricePrecision", spec.price_decimals)
        .number("quantityPrecision", base_decimals)
        .number("baseAssetPrecision", 8)
        .number("quotePrecision", quote_decimals)
        .text("underlyingType", "COIN")
        .raw("underlyingSubType", "[]")
        .text("triggerProtect", "0.0500")
        .text("liquidationFee", "0.012500")
        .text("marketTakeBound", "0.05")
        .raw("orderTypes", &plain(&["LIMIT", "MARKET"]))
        .raw("timeInForce", &plain(&["GTC", "IOC", "FOK", "GTX"]))
        .raw("filters", &array(filters(spec, base_decimals, quote_decimals)))
        .done()
}

/// The whole document for those symbols.
pub(super) fn exchange_info(
    exchange: &Exchange,
    symbols: &[&SymbolSpec],
    limits: &Limits,
    is_socket: bool,
    (now_ns, unit): (Nanos, TimeUnit),
) -> String {
    let mut assets: Vec<_> = symbols.iter().map(|spec| spec.quote).collect();
    assets.dedup();
    let asset = |id| {
        let name = exchange.asset(id).map_or("", |asset| &*asset.name);
        let object = Object::new(unit).text("asset", name).truth("marginAvailable", true);
        object.text("autoAssetExchange", "0").done()
    };
    Object::new(unit)
        .text("timezone", "UTC")
        .time("serverTime", now_ns)
        .text("futuresType", "U_MARGINED")
        .raw("rateLimits", &limits.advertised(is_socket))
        .raw("exchangeFilters", "[]")
        .raw("assets", &array(assets.into_iter().map(asset)))
        .raw("symbols", &array(symbols.iter().map(|spec| symbol(spec, exchange))))
        .done()
}
