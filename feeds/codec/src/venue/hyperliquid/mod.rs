//! Hyperliquid: `l2Book` (20 levels, whole each time), `trades`, `bbo`.
//!
//! Trade side: the aggressor's, `B` bought and `A` sold.

use qt_types::Nanos;

use crate::feed::{BookFrame, BookKind, Feed, Sides, TradeFrame};
use crate::json::{self, Json};
use crate::sync::{Ids, Policy};
use crate::venue::{Protocol, side};
use crate::{Frame, FrameError};

/// The levels of a side that a book has.
const DEPTH: u32 = 20;

/// See the module.
#[derive(Default)]
pub(crate) struct Hyperliquid {
    sides: Sides,
    /// When the first book of each symbol was: the first message of trades holds older ones, of
    /// before the subscription, and does not say so.
    since: Vec<Option<Nanos>>,
}

impl Protocol for Hyperliquid {
    fn frame(&mut self, json: &Json<'_>, _: &Frame<'_>, feed: &mut Feed) -> Result<(), FrameError> {
        let data = json::field(json.text(), "data");
        match json::bare(json::field(json.text(), "channel")) {
            "l2Book" => self.book(json, data, feed),
            "bbo" => self.best(json, data, feed),
            "trades" => {
                for item in json.items(data, "data")? {
                    self.trade(json, item, feed)?;
                }
                Ok(())
            }
            "" => {
                feed.facts.skip("other");
                Ok(())
            }
            other => {
                feed.facts.skip(other);
                Ok(())
            }
        }
    }
}

impl Hyperliquid {
    /// `{"coin":"BTC","levels":[[{"n":5,"px":"105055.0","sz":"3.03"},..],[..]],"time":ms}`
    fn book(&mut self, json: &Json<'_>, data: &str, feed: &mut Feed) -> Result<(), FrameError> {
        self.sides.clear();
        let mut lists = json.items(json::field(data, "levels"), "levels")?;
        for (name, levels) in [("bids", &mut self.sides.bids), ("asks", &mut self.sides.asks)] {
            json.level_objects(lists.next().unwrap_or(""), name, ("px", "sz"), levels)?;
        }
        let at = json.epoch(json::field(data, "time"), "time")?;
        let symbol = feed.symbol(&json::text(json::field(data, "coin")))?;
        let place = usize::from(symbol.0);
        if self.since.len() <= place {
            self.since.resize(place + 1, None);
        }
        self.since[place].get_or_insert(at);
        feed.book(&BookFrame {
            symbol,
            kind: BookKind::Whole,
            policy: Policy::Unnumbered,
            ids: Ids::default(),
            depth: DEPTH,
            cut: None,
            venue_ns: Some(at),
            scheme: None,
            checksum: None,
            sides: &self.sides,
        });
        Ok(())
    }

    /// `{"coin":"BTC","time":ms,"bbo":[{bid or null},{ask or null}]}`
    fn best(&mut self, json: &Json<'_>, data: &str, feed: &mut Feed) -> Result<(), FrameError> {
        self.sides.clear();
        let mut items = json.items(json::field(data, "bbo"), "bbo")?;
        for levels in [&mut self.sides.bids, &mut self.sides.asks] {
            let item = items.next().unwrap_or("");
            if json::is_object(item) {
                let (price, qty) = (json::field(item, "px"), json::field(item, "sz"));
                json.push(levels, (price, "px"), (qty, "sz"))?;
            }
        }
        let at = json.epoch(json::field(data, "time"), "time")?;
        let symbol = feed.symbol(&json::text(json::field(data, "coin")))?;
        let (bid, ask) = (self.sides.bids.first(), self.sides.asks.first());
        feed.top(symbol, bid.copied(), ask.copied(), Some(at), 0);
        Ok(())
    }

    fn trade(&mut self, json: &Json<'_>, item: &str, feed: &mut Feed) -> Result<(), FrameError> {
        let field = |name| json::field(item, name);
        let at = json.epoch(field("time"), "time")?;
        let symbol = feed.symbol(&json::text(field("coin")))?;
        let since = self.since.get(usize::from(symbol.0)).copied().flatten();
        if since.is_some_and(|since| at < since) {
            feed.facts.skip("trade of before the subscription");
            return Ok(());
        }
        feed.trade(&TradeFrame {
            symbol,
            price: json.number(field("px"), "px")?,
            qty: json.number(field("sz"), "sz")?,
            aggressor: Some(side(json, field("side"))?),
            venue_ns: Some(at),
            id: json.uint(field("tid"), "tid")?,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
