//! WebSocket v2: `{"channel":"book","type":"update","data":[..]}`. Numbers are JSON numbers whose
//! zeros count.

use crate::FrameError;
use crate::feed::{BookKind, Feed, TradeFrame};
use crate::json::{self, Json};
use crate::venue::kraken::{Kraken, checksum};
use crate::venue::{best, side};

impl Kraken {
    /// A message of a channel.
    pub(super) fn v2(&mut self, json: &Json<'_>, feed: &mut Feed) -> Result<(), FrameError> {
        let message = json.text();
        let channel = json::bare(json::field(message, "channel"));
        let snapshot = json::bare(json::field(message, "type")) == "snapshot";
        let data = json::field(message, "data");
        match channel {
            "book" => {
                for book in json.items(data, "data")? {
                    self.v2_book(json, book, snapshot, feed)?;
                }
            }
            // The trades of before the subscription.
            "trade" if snapshot => feed.facts.skip("trade snapshot"),
            "trade" => {
                for trade in json.items(data, "data")? {
                    v2_trade(json, trade, feed)?;
                }
            }
            "ticker" => {
                for ticker in json.items(data, "data")? {
                    v2_ticker(json, ticker, feed)?;
                }
            }
            other => feed.facts.skip(other),
        }
        Ok(())
    }

    /// A message of no channel: a heartbeat, or the answer to a subscription, which tells its
    /// depth.
    pub(super) fn v2_control(
        &mut self,
        json: &Json<'_>,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        let message = json.text();
        let text = |name| json::bare(json::field(message, name));
        let result = json::field(message, "result");
        if text("method") == "subscribe" && json::bare(json::field(result, "channel")) == "book" {
            let depth = json::field(result, "depth");
            let symbol = feed.symbol(&json::text(json::field(result, "symbol")))?;
            if let Ok(depth @ 1..) = json.uint(depth, "depth") {
                self.set_depth(symbol, u32::try_from(depth).unwrap_or(u32::MAX));
            }
        }
        let name = [text("event"), text("method")].into_iter().find(|name| !name.is_empty());
        feed.facts.skip(name.unwrap_or("other"));
        Ok(())
    }

    fn v2_book<'a>(
        &mut self,
        json: &Json<'a>,
        book: &'a str,
        snapshot: bool,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        self.sides.clear();
        let (mut symbol, mut sum, mut at) = ("", None, None);
        for (key, value) in json::fields(book) {
            match key {
                "symbol" => symbol = value,
                "bids" => {
                    json.level_objects(value, "bids", ("price", "qty"), &mut self.sides.bids)?;
                }
                "asks" => {
                    json.level_objects(value, "asks", ("price", "qty"), &mut self.sides.asks)?;
                }
                "checksum" => sum = checksum(json, value)?,
                "timestamp" => at = Some(json.iso(value, "timestamp")?),
                _ => {}
            }
        }
        let kind = if snapshot { BookKind::Snapshot } else { BookKind::Delta };
        let symbol = feed.symbol(&json::text(symbol))?;
        self.tell(symbol, kind, at, sum, feed);
        Ok(())
    }
}

fn v2_trade(json: &Json<'_>, trade: &str, feed: &mut Feed) -> Result<(), FrameError> {
    let field = |name| json::field(trade, name);
    let symbol = feed.symbol(&json::text(field("symbol")))?;
    feed.trade(&TradeFrame {
        symbol,
        price: json.number(field("price"), "price")?,
        qty: json.number(field("qty"), "qty")?,
        aggressor: Some(side(json, field("side"))?),
        venue_ns: Some(json.iso(field("timestamp"), "timestamp")?),
        id: json.uint(field("trade_id"), "trade_id")?,
    });
    Ok(())
}

fn v2_ticker(json: &Json<'_>, ticker: &str, feed: &mut Feed) -> Result<(), FrameError> {
    let field = |name| json::field(ticker, name);
    let bid = best(json, field("bid"), field("bid_qty"))?;
    let ask = best(json, field("ask"), field("ask_qty"))?;
    let at = match field("timestamp") {
        "" => None,
        text => Some(json.iso(text, "timestamp")?),
    };
    let symbol = feed.symbol(&json::text(field("symbol")))?;
    feed.top(symbol, bid, ask, at, 0);
    Ok(())
}
