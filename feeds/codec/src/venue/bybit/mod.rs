//! Bybit: v5 public streams, and the v2 streams of old recordings.
//!
//! A book's `u` is taken for contiguous: a hole asks for a new subscription. `u` = 1 is a snapshot
//! after a restart of the venue. Trade side: the aggressor's.

mod v2;

use qt_types::Nanos;

use crate::feed::{BookFrame, BookKind, Feed, Sides, TradeFrame};
use crate::json::{self, Json};
use crate::sync::{Ids, Policy};
use crate::venue::{Protocol, side, split};
use crate::{Frame, FrameError, Level, Number, SymbolId};

/// See the module.
#[derive(Default)]
pub(crate) struct Bybit {
    sides: Sides,
    tickers: Vec<Ticker>,
}

/// What is known of a ticker: changes name only the fields that changed.
#[derive(Clone, Copy, Default)]
struct Ticker {
    bid: Half,
    ask: Half,
    rate: Option<Number>,
    settles: Option<Nanos>,
}

/// One side of a ticker.
#[derive(Clone, Copy, Default)]
struct Half {
    price: Option<Number>,
    qty: Option<Number>,
}

impl Half {
    fn level(self) -> Option<Level> {
        Some(Level { price: self.price?, qty: self.qty? })
    }
}

/// The outermost fields of a message.
#[derive(Default)]
struct Message<'a> {
    topic: &'a str,
    kind: &'a str,
    data: &'a str,
    told: &'a str,
    matched: &'a str,
    name: &'a str,
}

impl<'a> Message<'a> {
    fn read(text: &'a str) -> Self {
        let mut message = Self::default();
        for (key, value) in json::fields(text) {
            match key {
                "topic" => message.topic = json::bare(value),
                "type" => message.kind = json::bare(value),
                "data" => message.data = value,
                "ts" => message.told = value,
                // v2 counts microseconds; the epoch tells by its size.
                "timestamp_e6" | "timestampE6" => message.told = value,
                // When the matching engine made it.
                "cts" => message.matched = value,
                "op" | "ret_msg" if message.name.is_empty() => message.name = json::bare(value),
                _ => {}
            }
        }
        message
    }
}

impl Protocol for Bybit {
    fn frame(&mut self, json: &Json<'_>, _: &Frame<'_>, feed: &mut Feed) -> Result<(), FrameError> {
        let message = Message::read(json.text());
        let (channel, rest) = split(message.topic, '.');
        match channel {
            "orderbook" => self.book(json, &message, rest, feed),
            "publicTrade" => {
                for trade in json.items(message.data, "data")? {
                    trade_of(json, trade, feed)?;
                }
                Ok(())
            }
            "tickers" => self.ticker(json, &message, feed),
            "orderBookL2_25" => self.v2_book(json, &message, rest, 25, feed),
            "orderBook_200" => self.v2_book(json, &message, split(rest, '.').1, 200, feed),
            "trade" if json::is_list(message.data) => v2::trades(json, message.data, feed),
            "" => {
                feed.facts.skip(if message.name.is_empty() { "response" } else { message.name });
                Ok(())
            }
            other => {
                feed.facts.skip(other);
                Ok(())
            }
        }
    }
}

impl Bybit {
    fn book<'a>(
        &mut self,
        json: &Json<'a>,
        message: &Message<'a>,
        rest: &str,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        let (depth, _) = split(rest, '.');
        let Some(depth) = depth.parse::<u32>().ok().filter(|depth| *depth > 0) else {
            // A variant with other columns.
            feed.facts.skip(&format!("orderbook.{depth}"));
            return Ok(());
        };
        self.sides.clear();
        let (mut symbol, mut id) = ("", "");
        for (key, value) in json::fields(message.data) {
            match key {
                "s" => symbol = value,
                "b" => json.levels(value, "b", &mut self.sides.bids, |_| {})?,
                "a" => json.levels(value, "a", &mut self.sides.asks, |_| {})?,
                "u" => id = value,
                _ => {}
            }
        }
        let id = json.uint(id, "u")?;
        let kind = match message.kind {
            "snapshot" => BookKind::Snapshot,
            "delta" if id == 1 => BookKind::Snapshot,
            "delta" => BookKind::Delta,
            _ => return Err(json.wrong(json.text(), "type", "snapshot or delta")),
        };
        let told = if message.matched.is_empty() { message.told } else { message.matched };
        let venue_ns = Some(json.epoch(told, "ts")?);
        let symbol = feed.symbol(&json::text(symbol))?;
        let policy = Policy::Consecutive;
        self.tell(symbol, kind, (policy, Ids::one(id)), depth, venue_ns, feed);
        Ok(())
    }

    /// Tells the feed what stands in the sides.
    fn tell(
        &mut self,
        symbol: SymbolId,
        kind: BookKind,
        (policy, ids): (Policy, Ids),
        depth: u32,
        venue_ns: Option<Nanos>,
        feed: &mut Feed,
    ) {
        feed.book(&BookFrame {
            symbol,
            kind,
            policy,
            ids,
            depth,
            cut: None,
            venue_ns,
            scheme: None,
            checksum: None,
            sides: &self.sides,
        });
    }

    fn ticker(
        &mut self,
        json: &Json<'_>,
        message: &Message<'_>,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        let symbol = feed.symbol(&json::text(json::field(message.data, "symbol")))?;
        let at = usize::from(symbol.0);
        if self.tickers.len() <= at {
            self.tickers.resize(at + 1, Ticker::default());
        }
        // Some old messages have no time.
        let now = match message.told {
            "" => None,
            told => Some(json.epoch(told, "ts")?),
        };
        let mut ticker = self.tickers[at];
        let (mut best, mut mark) = (false, None);
        for (key, value) in json::fields(message.data) {
            if json::bare(value).is_empty() {
                continue;
            }
            let half = match key {
                "bid1Price" | "bidPrice" => &mut ticker.bid.price,
                "ask1Price" | "askPrice" => &mut ticker.ask.price,
                "bid1Size" | "bidSize" => &mut ticker.bid.qty,
                "ask1Size" | "askSize" => &mut ticker.ask.qty,
                "fundingRate" => {
                    ticker.rate = Some(json.signed(value, "fundingRate")?);
                    continue;
                }
                "nextFundingTime" => {
                    ticker.settles = Some(json.epoch(value, "nextFundingTime")?);
                    continue;
                }
                "markPrice" => {
                    mark = Some(json.number(value, "markPrice")?);
                    continue;
                }
                _ => continue,
            };
            *half = Some(json.number(value, "ticker")?);
            best = true;
        }
        self.tickers[at] = ticker;
        if best {
            feed.top(symbol, ticker.bid.level(), ticker.ask.level(), now, 0);
        }
        if let (Some(rate), Some(settles), Some(now)) = (ticker.rate, ticker.settles, now) {
            feed.funding(symbol, rate, settles, now);
        }
        if let Some(mark) = mark {
            feed.mark(symbol, mark, now);
        }
        Ok(())
    }
}

fn trade_of(json: &Json<'_>, trade: &str, feed: &mut Feed) -> Result<(), FrameError> {
    let (mut at, mut symbol, mut taker, mut qty, mut price) = ("", "", "", "", "");
    let (mut block, mut seq) = (false, "");
    for (key, value) in json::fields(trade) {
        match key {
            "T" => at = value,
            "s" => symbol = value,
            "S" => taker = value,
            "v" => qty = value,
            "p" => price = value,
            "BT" => block = value == "true",
            "seq" => seq = value,
            _ => {}
        }
    }
    if block {
        // Agreed on elsewhere: it met no order of the book.
        feed.facts.skip("block trade");
        return Ok(());
    }
    let symbol = feed.symbol(&json::text(symbol))?;
    feed.trade(&TradeFrame {
        symbol,
        price: json.signed(price, "p")?,
        qty: json.number(qty, "v")?,
        aggressor: Some(side(json, taker)?),
        venue_ns: Some(json.epoch(at, "T")?),
        id: if seq.is_empty() { 0 } else { json.uint(seq, "seq")? },
    });
    Ok(())
}

#[cfg(test)]
mod tests;
