//! What everybody may ask of the market, in the venue's shapes.

use crate::exchange::units::{power, units_text};
use crate::exchange::{
    AggTrade, Best, Candle, Depth, DepthBatch, Nanos, Price, Qty, Side, SymbolId, Ticker, Trade,
};

use super::json::{Object, array};
use super::shapes::Shapes;

/// Decimals of percentages.
const PERCENT_DECIMALS: u8 = 3;

impl Shapes<'_> {
    fn level(&self, symbol: SymbolId, price: Price, qty: Qty) -> String {
        format!("[\"{}\",\"{}\"]", self.price(symbol, price), self.qty(symbol, qty))
    }

    fn levels(&self, symbol: SymbolId, levels: impl Iterator<Item = (Price, Qty)>) -> String {
        array(levels.map(|(price, qty)| self.level(symbol, price, qty)))
    }

    /// Whether it is futures that are told of, which have more times and the id of the change
    /// before.
    const fn has_futures(&self) -> bool {
        self.exchange.has_positions()
    }

    pub(super) fn depth(&self, symbol: SymbolId, depth: &Depth) -> String {
        let now_ns = self.exchange.now_ns();
        self.object()
            .number("lastUpdateId", depth.last_update_id)
            .only_if(self.has_futures(), |object| object.time("E", now_ns).time("T", now_ns))
            .raw("bids", &self.levels(symbol, depth.bids.iter().copied()))
            .raw("asks", &self.levels(symbol, depth.asks.iter().copied()))
            .done()
    }

    /// Changes of a book since the last time.
    pub(super) fn depth_update(
        &self,
        symbol: SymbolId,
        batch: &DepthBatch,
        event_ns: Nanos,
    ) -> String {
        let (bids, asks) = (batch.bids.iter().rev(), batch.asks.iter());
        self.object()
            .text("e", "depthUpdate")
            .time("E", event_ns)
            .only_if(self.has_futures(), |object| object.time("T", event_ns))
            .text("s", self.symbol(symbol))
            .number("U", batch.first)
            .number("u", batch.last)
            .only_if(self.has_futures(), |object| {
                object.number("pu", batch.first.saturating_sub(1))
            })
            .raw("b", &self.levels(symbol, bids.map(|(price, qty)| (*price, *qty))))
            .raw("a", &self.levels(symbol, asks.map(|(price, qty)| (*price, *qty))))
            .done()
    }

    pub(super) fn book_ticker_event(&self, symbol: SymbolId, best: &Best) -> String {
        let (bid, ask) = (best.bid.unwrap_or_default(), best.ask.unwrap_or_default());
        let now_ns = self.exchange.now_ns();
        self.object()
            .only_if(self.has_futures(), |object| object.text("e", "bookTicker"))
            .number("u", best.update_id)
            .text("s", self.symbol(symbol))
            .text("b", &self.price(symbol, bid.0))
            .text("B", &self.qty(symbol, bid.1))
            .text("a", &self.price(symbol, ask.0))
            .text("A", &self.qty(symbol, ask.1))
            .only_if(self.has_futures(), |object| object.time("T", now_ns).time("E", now_ns))
            .done()
    }

    pub(super) fn book_ticker(&self, symbol: SymbolId, best: &Best) -> String {
        let (bid, ask) = (best.bid.unwrap_or_default(), best.ask.unwrap_or_default());
        self.object()
            .text("symbol", self.symbol(symbol))
            .text("bidPrice", &self.price(symbol, bid.0))
            .text("bidQty", &self.qty(symbol, bid.1))
            .text("askPrice", &self.price(symbol, ask.0))
            .text("askQty", &self.qty(symbol, ask.1))
            .only_if(self.has_futures(), |object| object.time("time", self.exchange.now_ns()))
            .done()
    }

    pub(super) fn trade(&self, trade: &Trade) -> String {
        self.object()
            .number("id", trade.id)
            .text("price", &self.price(trade.symbol, trade.price))
            .text("qty", &self.qty(trade.symbol, trade.qty))
            .text("quoteQty", &self.quote(trade.symbol, trade.quote))
            .time("time", trade.time_ns)
            .truth("isBuyerMaker", trade.aggressor == Side::Sell)
            .only_if(!self.has_futures(), |object| object.truth("isBestMatch", true))
            .done()
    }

    pub(super) fn trade_event(&self, trade: &Trade, event_ns: Nanos) -> String {
        self.object()
            .text("e", "trade")
            .time("E", event_ns)
            .text("s", self.symbol(trade.symbol))
            .number("t", trade.id)
            .text("p", &self.price(trade.symbol, trade.price))
            .text("q", &self.qty(trade.symbol, trade.qty))
            .time("T", trade.time_ns)
            .only_if(self.has_futures(), |object| object.text("X", "MARKET"))
            .truth("m", trade.aggressor == Side::Sell)
            .only_if(!self.has_futures(), |object| object.truth("M", true))
            .done()
    }

    /// The best levels as a stream tells them: those of futures look like changes.
    pub(super) fn top_event(&self, symbol: SymbolId, depth: &Depth, event_ns: Nanos) -> String {
        if !self.has_futures() {
            return self.depth(symbol, depth);
        }
        let last = depth.last_update_id;
        let batch = DepthBatch {
            first: last,
            last,
            bids: depth.bids.iter().copied().collect(),
            asks: depth.asks.iter().copied().collect(),
        };
        self.depth_update(symbol, &batch, event_ns)
    }

    fn agg_fields(&self, object: Object, trade: &AggTrade) -> Object {
        object
            .number("a", trade.id)
            .text("p", &self.price(trade.symbol, trade.price))
            .text("q", &self.qty(trade.symbol, trade.qty))
            .number("f", trade.first)
            .number("l", trade.last)
            .time("T", trade.time_ns)
            .truth("m", trade.aggressor == Side::Sell)
            .only_if(!self.has_futures(), |object| object.truth("M", true))
    }

    pub(super) fn agg_trade(&self, trade: &AggTrade) -> String {
        self.agg_fields(self.object(), trade).done()
    }

    pub(super) fn agg_trade_event(&self, trade: &AggTrade, event_ns: Nanos) -> String {
        let head = self.object().text("e", "aggTrade").time("E", event_ns);
        self.agg_fields(head.text("s", self.symbol(trade.symbol)), trade).done()
    }

    pub(super) fn candle(&self, symbol: SymbolId, candle: &Candle) -> String {
        let quoted = |text: String| format!("\"{text}\"");
        array([
            self.unit.of(candle.open_ns).to_string(),
            quoted(self.price(symbol, candle.open)),
            quoted(self.price(symbol, candle.high)),
            quoted(self.price(symbol, candle.low)),
            quoted(self.price(symbol, candle.close)),
            quoted(self.base(symbol, candle.volume)),
            (self.unit.of(candle.end_ns) - 1).to_string(),
            quoted(self.quote(symbol, candle.quote_volume)),
            candle.trades.to_string(),
            quoted(self.base(symbol, candle.taker_volume)),
            quoted(self.quote(symbol, candle.taker_quote_volume)),
            quoted("0".to_owned()),
        ])
    }

    pub(super) fn candle_event(
        &self,
        symbol: SymbolId,
        interval: &str,
        candle: &Candle,
        is_closed: bool,
        event_ns: Nanos,
    ) -> String {
        let id = |id: Option<u64>| id.map_or(-1, i128::from);
        let k = self
            .object()
            .time("t", candle.open_ns)
            .number("T", self.unit.of(candle.end_ns) - 1)
            .text("s", self.symbol(symbol))
            .text("i", interval)
            .number("f", id(candle.first_trade))
            .number("L", id(candle.last_trade))
            .text("o", &self.price(symbol, candle.open))
            .text("c", &self.price(symbol, candle.close))
            .text("h", &self.price(symbol, candle.high))
            .text("l", &self.price(symbol, candle.low))
            .text("v", &self.base(symbol, candle.volume))
            .number("n", candle.trades)
            .truth("x", is_closed)
            .text("q", &self.quote(symbol, candle.quote_volume))
            .text("V", &self.base(symbol, candle.taker_volume))
            .text("Q", &self.quote(symbol, candle.taker_quote_volume))
            .text("B", "0")
            .done();
        let head = self.object().text("e", "kline").time("E", event_ns);
        head.text("s", self.symbol(symbol)).raw("k", &k).done()
    }

    /// The price change in percent, exactly rounded down.
    fn percent(&self, ticker: &Ticker) -> String {
        if ticker.open == 0 {
            return units_text(0, PERCENT_DECIMALS);
        }
        let change = i128::from(ticker.last) - i128::from(ticker.open);
        let units = change * 100 * power(PERCENT_DECIMALS) / i128::from(ticker.open);
        units_text(units, PERCENT_DECIMALS)
    }

    /// The figures of a day as they are asked for.
    pub(super) fn ticker(&self, symbol: SymbolId, ticker: &Ticker, is_full: bool) -> String {
        let price = |price: Price| self.price(symbol, price);
        let best = self.exchange.best(symbol);
        let (bid, ask) = (best.bid.unwrap_or_default(), best.ask.unwrap_or_default());
        let object = self.object().text("symbol", self.symbol(symbol));
        let object = if is_full {
            object
                .text("priceChange", &price(ticker.last - ticker.open))
                .text("priceChangePercent", &self.percent(ticker))
                .text("weightedAvgPrice", &price(ticker.average))
                .text("prevClosePrice", &price(ticker.previous_close))
                .text("lastPrice", &price(ticker.last))
                .text("lastQty", &self.qty(symbol, ticker.last_qty))
                .text("bidPrice", &price(bid.0))
                .text("bidQty", &self.qty(symbol, bid.1))
                .text("askPrice", &price(ask.0))
                .text("askQty", &self.qty(symbol, ask.1))
                .text("openPrice", &price(ticker.open))
                .text("highPrice", &price(ticker.high))
                .text("lowPrice", &price(ticker.low))
        } else {
            object
                .text("openPrice", &price(ticker.open))
                .text("highPrice", &price(ticker.high))
                .text("lowPrice", &price(ticker.low))
                .text("lastPrice", &price(ticker.last))
        };
        object
            .text("volume", &self.base(symbol, ticker.volume))
            .text("quoteVolume", &self.quote(symbol, ticker.quote_volume))
            .time("openTime", ticker.open_ns)
            .time("closeTime", ticker.close_ns)
            .number("firstId", ticker.first_trade.map_or(-1, i128::from))
            .number("lastId", ticker.last_trade.map_or(-1, i128::from))
            .number("count", ticker.trades)
            .done()
    }

    /// The figures of a span or of a trading day as they are asked for.
    pub(super) fn window(&self, symbol: SymbolId, t: &Ticker, is_full: bool) -> String {
        let price = |price: Price| self.price(symbol, price);
        self.object()
            .text("symbol", self.symbol(symbol))
            .only_if(is_full, |object| {
                object
                    .text("priceChange", &price(t.last - t.open))
                    .text("priceChangePercent", &self.percent(t))
                    .text("weightedAvgPrice", &price(t.average))
            })
            .text("openPrice", &price(t.open))
            .text("highPrice", &price(t.high))
            .text("lowPrice", &price(t.low))
            .text("lastPrice", &price(t.last))
            .text("volume", &self.base(symbol, t.volume))
            .text("quoteVolume", &self.quote(symbol, t.quote_volume))
            .time("openTime", t.open_ns)
            .time("closeTime", t.close_ns)
            .number("firstId", t.first_trade.map_or(-1, i128::from))
            .number("lastId", t.last_trade.map_or(-1, i128::from))
            .number("count", t.trades)
            .done()
    }

    /// The figures of a span as they are streamed.
    pub(super) fn window_event(
        &self,
        symbol: SymbolId,
        event: &str,
        t: &Ticker,
        event_ns: Nanos,
    ) -> String {
        let price = |price: Price| self.price(symbol, price);
        self.object()
            .text("e", event)
            .time("E", event_ns)
            .text("s", self.symbol(symbol))
            .text("p", &price(t.last - t.open))
            .text("P", &self.percent(t))
            .text("o", &price(t.open))
            .text("h", &price(t.high))
            .text("l", &price(t.low))
            .text("c", &price(t.last))
            .text("w", &price(t.average))
            .text("v", &self.base(symbol, t.volume))
            .text("q", &self.quote(symbol, t.quote_volume))
            .time("O", t.open_ns)
            .time("C", t.close_ns)
            .number("F", t.first_trade.map_or(-1, i128::from))
            .number("L", t.last_trade.map_or(-1, i128::from))
            .number("n", t.trades)
            .done()
    }

    /// The figures of a day as they are streamed.
    pub(super) fn ticker_event(&self, symbol: SymbolId, t: &Ticker, event_ns: Nanos) -> String {
        let price = |price: Price| self.price(symbol, price);
        let best = self.exchange.best(symbol);
        let (bid, ask) = (best.bid.unwrap_or_default(), best.ask.unwrap_or_default());
        self.object()
            .text("e", "24hrTicker")
            .time("E", event_ns)
            .text("s", self.symbol(symbol))
            .text("p", &price(t.last - t.open))
            .text("P", &self.percent(t))
            .text("w", &price(t.average))
            .text("x", &price(t.previous_close))
            .text("c", &price(t.last))
            .text("Q", &self.qty(symbol, t.last_qty))
            .text("b", &price(bid.0))
            .text("B", &self.qty(symbol, bid.1))
            .text("a", &price(ask.0))
            .text("A", &self.qty(symbol, ask.1))
            .text("o", &price(t.open))
            .text("h", &price(t.high))
            .text("l", &price(t.low))
            .text("v", &self.base(symbol, t.volume))
            .text("q", &self.quote(symbol, t.quote_volume))
            .time("O", t.open_ns)
            .time("C", t.close_ns)
            .number("F", t.first_trade.map_or(-1, i128::from))
            .number("L", t.last_trade.map_or(-1, i128::from))
            .number("n", t.trades)
            .done()
    }

    pub(super) fn mini_ticker_event(&self, symbol: SymbolId, t: &Ticker, at: Nanos) -> String {
        self.object()
            .text("e", "24hrMiniTicker")
            .time("E", at)
            .text("s", self.symbol(symbol))
            .text("c", &self.price(symbol, t.last))
            .text("o", &self.price(symbol, t.open))
            .text("h", &self.price(symbol, t.high))
            .text("l", &self.price(symbol, t.low))
            .text("v", &self.base(symbol, t.volume))
            .text("q", &self.quote(symbol, t.quote_volume))
            .done()
    }

    pub(super) fn average_event(
        &self,
        symbol: SymbolId,
        price: Price,
        last_trade_ns: Nanos,
        event_ns: Nanos,
    ) -> String {
        self.object()
            .text("e", "avgPrice")
            .time("E", event_ns)
            .text("s", self.symbol(symbol))
            .text("i", "5m")
            .text("w", &self.price(symbol, price))
            .time("T", last_trade_ns)
            .done()
    }
}
