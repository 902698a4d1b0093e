//! What everybody is told of the market, in the venue's shapes.

use crate::exchange::units::units_text;
use crate::exchange::{Candle, Depth, Nanos, Price, Qty, Side, SymbolId, Ticker, Trade};
use crate::venue::shared::json::{Object, TimeUnit, array};

use super::ids;
use super::names;
use super::profile::Category;
use super::shapes::{Shapes, ms, rate};

const HOUR_NS: Nanos = 3_600_000_000_000;
/// Decimals of changes of a price.
const CHANGE_DECIMALS: u8 = 6;

/// Prices and quantities of one side.
pub(super) type Levels = [(Price, Qty)];

/// What is told of a symbol's figures: names and values in their order.
pub(super) type Fields = Vec<(&'static str, String)>;

/// Which way a price went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tick {
    #[default]
    Plus,
    ZeroPlus,
    Minus,
    ZeroMinus,
}

impl Tick {
    /// The tick of the next trade.
    pub(super) const fn next(self, before: Price, now: Price) -> Self {
        if now > before {
            return Self::Plus;
        }
        if now < before {
            return Self::Minus;
        }
        match self {
            Self::Plus | Self::ZeroPlus => Self::ZeroPlus,
            Self::Minus | Self::ZeroMinus => Self::ZeroMinus,
        }
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Plus => "PlusTick",
            Self::ZeroPlus => "ZeroPlusTick",
            Self::Minus => "MinusTick",
            Self::ZeroMinus => "ZeroMinusTick",
        }
    }
}

/// The head of a frame, whose fields come in an order of their own in each category.
fn head(category: Category, topic: &str, kind: &str, now_ns: Nanos) -> Object {
    let object = Object::new(TimeUnit::Milliseconds).text("topic", topic);
    match category {
        Category::Spot => object.time("ts", now_ns).text("type", kind),
        Category::Linear => object.text("type", kind).time("ts", now_ns),
    }
}

impl Shapes<'_> {
    pub(super) fn level(&self, symbol: SymbolId, price: Price, qty: Qty) -> String {
        format!("[\"{}\",\"{}\"]", self.price(symbol, price), self.qty(symbol, qty))
    }

    fn levels(&self, symbol: SymbolId, levels: &Levels) -> String {
        array(levels.iter().map(|(price, qty)| self.level(symbol, *price, *qty)))
    }

    fn sides(&self, symbol: SymbolId, bids: &Levels, asks: &Levels) -> Object {
        self.object()
            .text("s", self.symbol(symbol))
            .raw("b", &self.levels(symbol, bids))
            .raw("a", &self.levels(symbol, asks))
    }

    /// A book as it is asked for.
    pub(super) fn book(
        &self,
        symbol: SymbolId,
        (depth, levels): (&Depth, usize),
        update: u64,
        (changed_ns, now_ns): (Nanos, Nanos),
    ) -> String {
        let bids = &depth.bids[..depth.bids.len().min(levels)];
        let asks = &depth.asks[..depth.asks.len().min(levels)];
        self.sides(symbol, bids, asks)
            .time("ts", now_ns)
            .number("u", update)
            .number("seq", depth.last_update_id)
            .time("cts", changed_ns)
            .done()
    }

    /// A book, or its changes, as they are streamed.
    pub(super) fn book_frame(
        &self,
        topic: &str,
        (symbol, kind): (SymbolId, &str),
        (bids, asks): (&Levels, &Levels),
        (update, sequence): (u64, u64),
        (changed_ns, now_ns): (Nanos, Nanos),
    ) -> String {
        let data = self.sides(symbol, bids, asks).number("u", update).number("seq", sequence);
        let object = head(self.category, topic, kind, now_ns).raw("data", &data.done());
        object.time("cts", changed_ns).done()
    }

    /// A trade as it is asked for.
    pub(super) fn trade(&self, trade: &Trade) -> String {
        let symbol = trade.symbol;
        self.object()
            .text("execId", &ids::trade(self.category, symbol, trade.id))
            .text("symbol", self.symbol(symbol))
            .text("price", &self.price(symbol, trade.price))
            .text("size", &self.qty(symbol, trade.qty))
            .text("side", names::side(trade.aggressor))
            .text("time", &ms(trade.time_ns))
            .truth("isBlockTrade", false)
            .truth("isRPITrade", false)
            .text("seq", &self.ledger.sequence(symbol, trade.id).to_string())
            .done()
    }

    fn streamed_trade(&self, trade: &Trade, tick: Tick) -> String {
        let symbol = trade.symbol;
        let id = ids::trade(self.category, symbol, trade.id);
        let (price, qty) = (self.price(symbol, trade.price), self.qty(symbol, trade.qty));
        let side = names::side(trade.aggressor);
        let object = self.object();
        let object = match self.category {
            Category::Spot => object
                .text("i", &id)
                .time("T", trade.time_ns)
                .text("p", &price)
                .text("v", &qty)
                .text("S", side)
                .text("s", self.symbol(symbol)),
            Category::Linear => object
                .time("T", trade.time_ns)
                .text("s", self.symbol(symbol))
                .text("S", side)
                .text("v", &qty)
                .text("p", &price)
                .text("L", tick.text())
                .text("i", &id),
        };
        let object = object.truth("BT", false).truth("RPI", false);
        object.number("seq", self.ledger.sequence(symbol, trade.id)).done()
    }

    pub(super) fn trades_frame(
        &self,
        topic: &str,
        trades: &[(Trade, Tick)],
        now_ns: Nanos,
    ) -> String {
        let data = array(trades.iter().map(|(trade, tick)| self.streamed_trade(trade, *tick)));
        head(self.category, topic, "snapshot", now_ns).raw("data", &data).done()
    }

    /// A candle as it is asked for.
    pub(super) fn candle(&self, symbol: SymbolId, candle: &Candle) -> String {
        let quoted = |text: String| format!("\"{text}\"");
        array([
            quoted(ms(candle.open_ns)),
            quoted(self.price(symbol, candle.open)),
            quoted(self.price(symbol, candle.high)),
            quoted(self.price(symbol, candle.low)),
            quoted(self.price(symbol, candle.close)),
            quoted(self.base(symbol, candle.volume)),
            quoted(self.quote(symbol, candle.quote_volume)),
        ])
    }

    pub(super) fn candle_frame(
        &self,
        topic: &str,
        (symbol, interval): (SymbolId, &str),
        (candle, is_closed): (&Candle, bool),
        now_ns: Nanos,
    ) -> String {
        let one = self
            .object()
            .time("start", candle.open_ns)
            .number("end", candle.end_ns.div_euclid(1_000_000) - 1)
            .text("interval", interval)
            .text("open", &self.price(symbol, candle.open))
            .text("close", &self.price(symbol, candle.close))
            .text("high", &self.price(symbol, candle.high))
            .text("low", &self.price(symbol, candle.low))
            .text("volume", &self.base(symbol, candle.volume))
            .text("turnover", &self.quote(symbol, candle.quote_volume))
            .truth("confirm", is_closed)
            .time("timestamp", now_ns)
            .done();
        let object = self.object().text("topic", topic).raw("data", &array([one]));
        object.time("ts", now_ns).text("type", "snapshot").done()
    }

    /// How a price has changed, as a part of what it was.
    fn change(ticker: &Ticker) -> String {
        if ticker.open == 0 {
            return "0".to_owned();
        }
        let change = i128::from(ticker.last) - i128::from(ticker.open);
        let units = change * 10_i128.pow(u32::from(CHANGE_DECIMALS)) / i128::from(ticker.open);
        units_text(units, CHANGE_DECIMALS)
    }

    /// How much all longs hold together: as much as all shorts and the market.
    fn open_interest(&self, symbol: SymbolId) -> i128 {
        let all = self.exchange.account_ids();
        let held = all.map(|account| self.exchange.position(account, symbol).qty.abs());
        held.sum()
    }

    /// The figures of a symbol as they are streamed.
    pub(super) fn figures(&self, symbol: SymbolId, tick: Tick) -> Fields {
        let ticker = self.exchange.ticker(symbol);
        let price = |price: Price| self.price(symbol, price);
        let last = ("lastPrice", price(ticker.last));
        let (high, low) = (price(ticker.high), price(ticker.low));
        let volume = self.base(symbol, ticker.volume);
        let turnover = self.quote(symbol, ticker.quote_volume);
        if self.category == Category::Spot {
            return vec![
                last,
                ("highPrice24h", high),
                ("lowPrice24h", low),
                ("prevPrice24h", price(ticker.open)),
                ("volume24h", volume),
                ("turnover24h", turnover),
                ("price24hPcnt", Self::change(&ticker)),
                ("usdIndexPrice", price(ticker.last)),
            ];
        }
        let best = self.exchange.best(symbol);
        let (bid, ask) = (best.bid.unwrap_or_default(), best.ask.unwrap_or_default());
        let hour = self.exchange.window(symbol, HOUR_NS);
        let mark = price(self.exchange.mark_price(symbol).unwrap_or(0));
        let open = self.open_interest(symbol);
        let rules = self.exchange.settings().margin.as_ref();
        vec![
            ("tickDirection", tick.text().to_owned()),
            ("price24hPcnt", Self::change(&ticker)),
            last,
            ("prevPrice24h", price(ticker.open)),
            ("highPrice24h", high),
            ("lowPrice24h", low),
            ("prevPrice1h", price(hour.open)),
            ("markPrice", mark.clone()),
            ("indexPrice", mark),
            ("openInterest", self.base(symbol, open)),
            ("openInterestValue", self.quote(symbol, self.exchange.marked(symbol, open))),
            ("turnover24h", turnover),
            ("volume24h", volume),
            ("nextFundingTime", ms(self.exchange.next_funding_ns().unwrap_or(0))),
            ("fundingRate", rate(rules.map_or(0, |rules| rules.funding))),
            ("bid1Price", price(bid.0)),
            ("bid1Size", self.qty(symbol, bid.1)),
            ("ask1Price", price(ask.0)),
            ("ask1Size", self.qty(symbol, ask.1)),
        ]
    }

    pub(super) fn ticker_frame(
        &self,
        topic: &str,
        (symbol, kind): (SymbolId, &str),
        fields: &[(&'static str, String)],
        now_ns: Nanos,
    ) -> String {
        let object = self.object().text("symbol", self.symbol(symbol));
        let data = fields.iter().fold(object, |object, (name, value)| object.text(name, value));
        let data = data.done();
        let sequence = self.exchange.best(symbol).update_id;
        let object = self.object().text("topic", topic);
        match self.category {
            Category::Spot => {
                let object = object.time("ts", now_ns).text("type", kind);
                object.number("cs", sequence).raw("data", &data).done()
            }
            Category::Linear => {
                let object = object.text("type", kind).raw("data", &data);
                object.number("cs", sequence).time("ts", now_ns).done()
            }
        }
    }

    /// The figures of a symbol as they are asked for.
    pub(super) fn ticker(&self, symbol: SymbolId) -> String {
        let fields = self.figures(symbol, Tick::default());
        let of = |name: &str| {
            let found = fields.iter().find(|(known, _)| *known == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let best = self.exchange.best(symbol);
        let (bid, ask) = (best.bid.unwrap_or_default(), best.ask.unwrap_or_default());
        let bids = (self.price(symbol, bid.0), self.qty(symbol, bid.1));
        let asks = (self.price(symbol, ask.0), self.qty(symbol, ask.1));
        let object = self.object().text("symbol", self.symbol(symbol));
        let copied = |object: Object, all: &[&'static str]| {
            all.iter().fold(object, |object, name| object.text(name, of(name)))
        };
        if self.category == Category::Spot {
            let object = object
                .text("bid1Price", &bids.0)
                .text("bid1Size", &bids.1)
                .text("ask1Price", &asks.0)
                .text("ask1Size", &asks.1);
            let rest = [
                "lastPrice",
                "prevPrice24h",
                "price24hPcnt",
                "highPrice24h",
                "lowPrice24h",
                "turnover24h",
                "volume24h",
                "usdIndexPrice",
            ];
            return copied(object, &rest).done();
        }
        let first = [
            "lastPrice",
            "indexPrice",
            "markPrice",
            "prevPrice24h",
            "price24hPcnt",
            "highPrice24h",
            "lowPrice24h",
            "prevPrice1h",
            "openInterest",
            "openInterestValue",
            "turnover24h",
            "volume24h",
            "fundingRate",
            "nextFundingTime",
        ];
        copied(object, &first)
            .text("predictedDeliveryPrice", "")
            .text("basisRate", "")
            .text("deliveryFeeRate", "")
            .text("deliveryTime", "0")
            .text("ask1Size", &asks.1)
            .text("bid1Price", &bids.0)
            .text("ask1Price", &asks.0)
            .text("bid1Size", &bids.1)
            .text("basis", "")
            .text("preOpenPrice", "")
            .text("preQty", "")
            .text("curPreListingPhase", "")
            .text("fundingIntervalHour", "8")
            .text("basisRateYear", "")
            .text("fundingCap", "0.005")
            .done()
    }

    /// A price of one tick, for what is far from any book.
    pub(super) fn lowest(&self, symbol: SymbolId) -> String {
        let tick = self.exchange.symbol(symbol).map_or(1, |spec| spec.filters.price.step);
        self.price(symbol, tick)
    }

    /// A price above the best ask.
    pub(super) fn crossing(&self, symbol: SymbolId) -> String {
        let tick = self.exchange.symbol(symbol).map_or(1, |spec| spec.filters.price.step);
        let ask = self.exchange.best(symbol).ask.map_or(tick, |(price, _)| price);
        self.price(symbol, ask + tick)
    }
}

/// What a side of a book has become: prices and quantities that are other ones now.
pub(super) fn changes(side: Side, before: &Levels, now: &Levels) -> Vec<(Price, Qty)> {
    let comes_first = |a: Price, b: Price| if side == Side::Buy { a > b } else { a < b };
    let (mut old, mut new) = (before.iter().peekable(), now.iter().peekable());
    let mut found = Vec::new();
    loop {
        match (old.peek(), new.peek()) {
            (None, None) => return found,
            (Some((price, _)), None) => {
                found.push((*price, 0));
                old.next();
            }
            (None, Some(level)) => {
                found.push(**level);
                new.next();
            }
            (Some((gone, _)), Some((here, _))) if comes_first(*gone, *here) => {
                found.push((*gone, 0));
                old.next();
            }
            (Some((gone, _)), Some(level)) if comes_first(level.0, *gone) => {
                found.push(**level);
                new.next();
            }
            (Some((_, had)), Some(level)) => {
                if *had != level.1 {
                    found.push(**level);
                }
                old.next();
                new.next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_remember_the_way() {
        let mut tick = Tick::Plus;
        let seen: Vec<_> = [(1, 2), (2, 2), (2, 1), (1, 1), (1, 1), (1, 3)]
            .map(|(before, now)| {
                tick = tick.next(before, now);
                tick.text()
            })
            .to_vec();
        let wanted = ["PlusTick", "ZeroPlusTick", "MinusTick", "ZeroMinusTick", "ZeroMinusTick"];
        assert_eq!(seen[..5], wanted);
        assert_eq!(seen[5], "PlusTick");
    }

    proptest! {
        /// What is put on what was before is what is now, and nothing is told in vain.
        #[test]
        fn changes_make_one_book_the_other(
            before in prop::collection::btree_map(1_i64..40, 1_i64..4, 0..20),
            now in prop::collection::btree_map(1_i64..40, 1_i64..4, 0..20),
            is_bid in any::<bool>(),
        ) {
            let side = if is_bid { Side::Buy } else { Side::Sell };
            let levels = |book: &std::collections::BTreeMap<i64, i64>| -> Vec<(i64, i64)> {
                let all = book.iter().map(|(price, qty)| (*price, *qty));
                if is_bid { all.rev().collect() } else { all.collect() }
            };
            let mut book = before.clone();
            for (price, qty) in changes(side, &levels(&before), &levels(&now)) {
                let had = if qty == 0 { book.remove(&price) } else { book.insert(price, qty) };
                prop_assert_ne!(had.unwrap_or(0), qty);
            }
            prop_assert_eq!(book, now);
        }
    }
}
