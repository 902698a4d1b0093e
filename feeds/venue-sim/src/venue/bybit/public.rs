//! What everybody may ask of the market.

use crate::exchange::{Nanos, SymbolId, SymbolSpec};
use crate::venue::shared::json::{Object, TimeUnit, array};

use super::Bybit;
use super::call::{Ask, Outcome};
use super::codes::{self, Code};
use super::listing::{BAND, LEVERAGE_MAX};
use super::names;
use super::profile::Category;
use super::shapes::{Shapes, ms, rate, trimmed};

/// The longest lists of trades, and of candles.
const TRADES_MAX: usize = 1_000;
const SPOT_TRADES_MAX: usize = 60;
const CANDLES_MAX: usize = 1_000;
const CANDLES_USUAL: usize = 200;
const FUNDINGS_MAX: usize = 200;

pub(super) fn time(_: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    let seconds = ask.now_ns.div_euclid(1_000_000_000).to_string();
    let object = Object::new(TimeUnit::Milliseconds).text("timeSecond", &seconds);
    Ok(object.text("timeNano", &ask.now_ns.to_string()).done().into())
}

/// The result of a request about the market, with its list.
fn listed(venue: &Bybit, list: &str) -> Object {
    let object = Object::new(TimeUnit::Milliseconds).text("category", venue.category.text());
    object.raw("list", list)
}

pub(super) fn instruments(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    ask.category(venue)?;
    let symbol = ask.some_symbol(venue)?;
    let wanted = ask.params.raw("status").unwrap_or("Trading");
    let base = ask.params.raw("baseCoin");
    let shapes = venue.shapes();
    let all = venue.exchange().symbols();
    let told = all.filter(|(id, spec)| {
        let is_named = symbol.is_none_or(|symbol| symbol == *id);
        let has_base = base.is_none_or(|base| shapes.asset(spec.base) == base);
        is_named && has_base && names::symbol_status(spec.status) == wanted
    });
    let list = array(told.map(|(id, spec)| shapes.instrument(id, spec)));
    let object = listed(venue, &list);
    let is_linear = venue.category == Category::Linear;
    Ok(object.only_if(is_linear, |object| object.text("nextPageCursor", "")).done().into())
}

impl Shapes<'_> {
    fn instrument(&self, id: SymbolId, spec: &SymbolSpec) -> String {
        match self.category {
            Category::Spot => self.spot_instrument(id, spec),
            Category::Linear => self.perpetual(id, spec),
        }
    }

    fn tick(&self, id: SymbolId, spec: &SymbolSpec) -> String {
        self.price(id, spec.filters.price.step)
    }

    /// How far limits may be from the last price.
    fn risk(&self) -> String {
        let object = self.object().text("priceLimitRatioX", &rate(BAND));
        object.text("priceLimitRatioY", &rate(BAND)).done()
    }

    fn worth_min(&self, id: SymbolId, spec: &SymbolSpec) -> String {
        let worth = spec.filters.min_notional.map_or(0, |worth| worth.min);
        self.quote(id, worth)
    }

    fn spot_instrument(&self, id: SymbolId, spec: &SymbolSpec) -> String {
        let lot = spec.filters.lot;
        let market = spec.filters.market_lot.unwrap_or(lot);
        let sizes = self
            .object()
            .text("basePrecision", &self.qty(id, lot.step))
            .text("quotePrecision", "0.00000001")
            .text("minOrderQty", &self.qty(id, lot.min))
            .text("maxOrderQty", &self.qty(id, lot.max))
            .text("minOrderAmt", &self.worth_min(id, spec))
            .text("maxOrderAmt", "8000000")
            .text("maxLimitOrderQty", &self.qty(id, lot.max))
            .text("maxMarketOrderQty", &self.qty(id, market.max))
            .text("postOnlyMaxLimitOrderSize", &self.qty(id, lot.max))
            .done();
        let prices = self.object().text("tickSize", &self.tick(id, spec)).done();
        self.object()
            .number("symbolId", id.0 + 1)
            .text("symbol", &spec.name)
            .text("baseCoin", self.asset(spec.base))
            .text("quoteCoin", self.asset(spec.quote))
            .text("innovation", "0")
            .text("status", names::symbol_status(spec.status))
            .text("marginTrading", "none")
            .text("stTag", "0")
            .raw("lotSizeFilter", &sizes)
            .raw("priceFilter", &prices)
            .raw("riskParameters", &self.risk())
            .text("symbolType", "")
            .done()
    }

    fn perpetual(&self, id: SymbolId, spec: &SymbolSpec) -> String {
        let (lot, price) = (spec.filters.lot, spec.filters.price);
        let market = spec.filters.market_lot.unwrap_or(lot);
        let leverages = self
            .object()
            .text("minLeverage", "1")
            .text("maxLeverage", &format!("{LEVERAGE_MAX}.00"))
            .text("leverageStep", "1")
            .done();
        let prices = self
            .object()
            .text("minPrice", &self.price(id, price.min))
            .text("maxPrice", &self.price(id, price.max))
            .text("tickSize", &self.tick(id, spec))
            .done();
        let sizes = self
            .object()
            .text("maxOrderQty", &self.qty(id, lot.max))
            .text("minOrderQty", &trimmed(self.qty(id, lot.min)))
            .text("qtyStep", &trimmed(self.qty(id, lot.step)))
            .text("postOnlyMaxOrderQty", &self.qty(id, lot.max))
            .text("maxMktOrderQty", &self.qty(id, market.max))
            .text("minNotionalValue", &self.worth_min(id, spec))
            .done();
        let start = self.exchange.settings().start_ns;
        let every = self.exchange.settings().margin.as_ref().map_or(0, |r| r.funding_every_ns);
        self.object()
            .text("symbol", &spec.name)
            .number("symbolId", id.0 + 1)
            .text("contractType", "LinearPerpetual")
            .text("status", names::symbol_status(spec.status))
            .text("baseCoin", self.asset(spec.base))
            .text("quoteCoin", self.asset(spec.quote))
            .text("launchTime", &ms(start))
            .text("deliveryTime", "0")
            .text("deliveryFeeRate", "")
            .text("priceScale", &spec.price_decimals.to_string())
            .raw("leverageFilter", &leverages)
            .raw("priceFilter", &prices)
            .raw("lotSizeFilter", &sizes)
            .truth("unifiedMarginTrade", true)
            .number("fundingInterval", every / 60_000_000_000)
            .text("settleCoin", self.asset(spec.quote))
            .text("copyTrading", "none")
            .text("upperFundingRate", "0.00375")
            .text("lowerFundingRate", "-0.00375")
            .truth("isPreListing", false)
            .raw("preListingInfo", "null")
            .raw("riskParameters", &self.risk())
            .text("symbolType", "")
            .done()
    }
}

pub(super) fn order_book(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    ask.category(venue)?;
    let symbol = ask.symbol(venue)?;
    let (usual, most) = match venue.category {
        Category::Spot => (1, 200),
        Category::Linear => (25, 500),
    };
    let levels = ask.params.limit(usual, most)?;
    Ok(venue.snapshot(symbol, levels, ask.now_ns).into())
}

pub(super) fn trades(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    ask.category(venue)?;
    let symbol = ask.symbol(venue)?;
    let most = if venue.category == Category::Spot { SPOT_TRADES_MAX } else { TRADES_MAX };
    let limit = ask.params.limit(most.min(500), most)?;
    let shapes = venue.shapes();
    let all = venue.exchange().trades(symbol).rev().take(limit);
    let list = array(all.map(|trade| shapes.trade(trade)));
    Ok(listed(venue, &list).done().into())
}

pub(super) fn tickers(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    ask.category(venue)?;
    let symbol = ask.some_symbol(venue)?;
    let shapes = venue.shapes();
    let all = venue.exchange().symbols().map(|(id, _)| id);
    let told = all.filter(|id| symbol.is_none_or(|symbol| symbol == *id));
    let list = array(told.map(|id| shapes.ticker(id)));
    Ok(listed(venue, &list).done().into())
}

/// A time of a request.
fn time_of(ask: &Ask<'_>, name: &str) -> Result<Option<Nanos>, Code> {
    Ok(ask.params.whole(name)?.map(|ms| ms.saturating_mul(1_000_000)))
}

pub(super) fn candles(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    ask.category(venue)?;
    let symbol = ask.symbol(venue)?;
    let interval = names::interval_of(ask.params.need("interval")?);
    let (_, interval) = interval.ok_or_else(|| codes::params("Invalid period!"))?;
    let limit = ask.params.limit(CANDLES_USUAL, CANDLES_MAX)?;
    let (start, end) = (time_of(ask, "start")?, time_of(ask, "end")?);
    let shapes = venue.shapes();
    let found = venue.exchange().candles(symbol, interval, (start, end), limit);
    let list = array(found.iter().rev().map(|candle| shapes.candle(symbol, candle)));
    let object = Object::new(TimeUnit::Milliseconds).text("symbol", shapes.symbol(symbol));
    let object = object.text("category", venue.category.text());
    Ok(object.raw("list", &list).done().into())
}

/// The fundings there were: at the usual rate, as far back as the simulator runs.
pub(super) fn fundings(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    ask.category(venue)?;
    let symbol = ask.symbol(venue)?;
    let limit = ask.params.limit(FUNDINGS_MAX, FUNDINGS_MAX)?;
    let shapes = venue.shapes();
    let settings = venue.exchange().settings();
    let Some(rules) = settings.margin.as_ref() else {
        return Err(codes::params("category is not supported here"));
    };
    let next = venue.exchange().next_funding_ns().unwrap_or(0);
    let times = (1..).map(|back| next - back * rules.funding_every_ns);
    let times = times.take_while(|at| *at > settings.start_ns).take(limit);
    let list = array(times.map(|at| {
        let object = shapes.object().text("symbol", shapes.symbol(symbol));
        let object = object.text("fundingRate", &rate(rules.funding));
        object.text("fundingRateTimestamp", &ms(at)).done()
    }));
    Ok(listed(venue, &list).done().into())
}
