//! Kraken futures: `{"feed":"book_snapshot"|"book"|"trade"|"ticker",..}`. A change of the book is
//! one level; `seq` counts by one per product. Quantities count contracts.
//!
//! Trade side: the aggressor's.

use crate::feed::{BookFrame, BookKind, FULL_DEPTH, Feed, Sides, TradeFrame};
use crate::json::{self, Json};
use crate::sync::{Ids, Policy};
use crate::venue::{Protocol, best, side};
use crate::{Frame, FrameError};

/// See the module.
#[derive(Default)]
pub(crate) struct KrakenFutures {
    sides: Sides,
}

impl Protocol for KrakenFutures {
    fn frame(&mut self, json: &Json<'_>, _: &Frame<'_>, feed: &mut Feed) -> Result<(), FrameError> {
        let message = json.text();
        // Answers to subscriptions name a feed too.
        let event = json::bare(json::field(message, "event"));
        if !event.is_empty() {
            feed.facts.skip(event);
            return Ok(());
        }
        match json::bare(json::field(message, "feed")) {
            "book_snapshot" => self.book(json, BookKind::Snapshot, feed),
            "book" => self.book(json, BookKind::Delta, feed),
            "trade" => trade(json, feed),
            "ticker" | "ticker_lite" => ticker(json, feed),
            "" => {
                feed.facts.skip("other");
                Ok(())
            }
            // `trade_snapshot` holds the trades of before the subscription.
            other => {
                feed.facts.skip(other);
                Ok(())
            }
        }
    }
}

impl KrakenFutures {
    fn book(&mut self, json: &Json<'_>, kind: BookKind, feed: &mut Feed) -> Result<(), FrameError> {
        self.sides.clear();
        let (mut product, mut of, mut price, mut qty, mut seq, mut at) = ("", "", "", "", "", "");
        for (key, value) in json::fields(json.text()) {
            match key {
                "product_id" => product = value,
                "side" => of = value,
                "price" => price = value,
                "qty" => qty = value,
                "seq" => seq = value,
                "timestamp" => at = value,
                "bids" | "asks" if kind == BookKind::Snapshot => {
                    let bids = key == "bids";
                    let (name, levels) = if bids {
                        ("bids", &mut self.sides.bids)
                    } else {
                        ("asks", &mut self.sides.asks)
                    };
                    json.level_objects(value, name, ("price", "qty"), levels)?;
                }
                _ => {}
            }
        }
        if kind == BookKind::Delta {
            let levels = self.sides.of(side(json, of)?);
            json.push(levels, (price, "price"), (qty, "qty"))?;
        }
        let ids = Ids::one(json.uint(seq, "seq")?);
        let venue_ns = Some(json.epoch(at, "timestamp")?);
        let symbol = feed.symbol(&json::text(product))?;
        feed.book(&BookFrame {
            symbol,
            kind,
            policy: Policy::Consecutive,
            ids,
            depth: FULL_DEPTH,
            cut: None,
            venue_ns,
            scheme: None,
            checksum: None,
            sides: &self.sides,
        });
        Ok(())
    }
}

fn trade(json: &Json<'_>, feed: &mut Feed) -> Result<(), FrameError> {
    let field = |name| json::field(json.text(), name);
    if json::bare(field("type")) == "block" {
        // Agreed on elsewhere: it met no order of the book.
        feed.facts.skip("block trade");
        return Ok(());
    }
    let symbol = feed.symbol(&json::text(field("product_id")))?;
    feed.trade(&TradeFrame {
        symbol,
        price: json.signed(field("price"), "price")?,
        qty: json.number(field("qty"), "qty")?,
        aggressor: Some(side(json, field("side"))?),
        venue_ns: Some(json.epoch(field("time"), "time")?),
        id: json.uint(field("seq"), "seq")?,
    });
    Ok(())
}

fn ticker(json: &Json<'_>, feed: &mut Feed) -> Result<(), FrameError> {
    let (mut product, mut bid, mut ask, mut bid_qty, mut ask_qty) = ("", "", "", "", "");
    let (mut at, mut mark, mut suspended) = ("", "", "");
    for (key, value) in json::fields(json.text()) {
        match key {
            "product_id" => product = value,
            "bid" => bid = value,
            "ask" => ask = value,
            "bid_size" => bid_qty = value,
            "ask_size" => ask_qty = value,
            "time" => at = value,
            "markPrice" => mark = value,
            "suspended" => suspended = value,
            _ => {}
        }
    }
    let now = match at {
        "" => None,
        text => Some(json.epoch(text, "time")?),
    };
    let (bid, ask) = (best(json, bid, bid_qty)?, best(json, ask, ask_qty)?);
    let mark = match mark {
        "" => None,
        text => Some(json.number(text, "markPrice")?),
    };
    let symbol = feed.symbol(&json::text(product))?;
    feed.top(symbol, bid, ask, now, 0);
    if let Some(mark) = mark {
        feed.mark(symbol, mark, now);
    }
    if matches!(suspended, "true" | "false") {
        feed.status(symbol, suspended == "false", now);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
