//! WebSocket v1: `[channel, payload, .., "book-1000", "XMR/USD"]`.

use crate::feed::{BookKind, Feed, TradeFrame};
use crate::json::{self, Json};
use crate::venue::kraken::{Kraken, checksum};
use crate::venue::{best, side, split};
use crate::{FrameError, time};

/// Most parts of a message: the number, two payloads, the channel and the pair.
const PARTS_MAX: usize = 5;

impl Kraken {
    /// A list.
    pub(super) fn v1(&mut self, json: &Json<'_>, feed: &mut Feed) -> Result<(), FrameError> {
        let mut parts = [""; PARTS_MAX];
        let mut count = 0;
        for item in json.items(json.text(), "message")? {
            let wanted = "a list of four or five values";
            let place = parts.get_mut(count);
            *place.ok_or_else(|| json.wrong(item, "message", wanted))? = item;
            count += 1;
        }
        let [_, payloads @ .., channel, pair] = &parts[..count] else {
            return Err(json.wrong(json.text(), "message", "a list of four or five values"));
        };
        let pair = json::text(pair);
        let channel = json::bare(channel);
        match split(channel, '-') {
            ("book", depth) => {
                let depth = depth.parse().ok().filter(|depth| *depth > 0);
                self.v1_book(json, payloads, depth, &pair, feed)
            }
            ("trade", _) => v1_trades(json, payloads, &pair, feed),
            ("ticker", _) => v1_ticker(json, payloads, &pair, feed),
            ("spread", _) => v1_spread(json, payloads, &pair, feed),
            (other, _) => {
                feed.facts.skip(other);
                Ok(())
            }
        }
    }

    fn v1_book(
        &mut self,
        json: &Json<'_>,
        payloads: &[&str],
        depth: Option<u32>,
        pair: &str,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        self.sides.clear();
        let (mut snapshot, mut sum, mut latest) = (false, None, None);
        // A change of both sides comes as two payloads; the checksum stands in the last one.
        for (key, value) in payloads.iter().flat_map(|payload| json::fields(payload)) {
            let levels = match key {
                "as" | "a" => &mut self.sides.asks,
                "bs" | "b" => &mut self.sides.bids,
                "c" => {
                    sum = checksum(json, value)?;
                    continue;
                }
                _ => continue,
            };
            snapshot |= key.len() == 2;
            // Each level has the time of its change: the latest one is the message's.
            json.levels(value, "levels", levels, |at| {
                latest = latest.max(time::seconds(json::bare(at)));
            })?;
        }
        let kind = if snapshot { BookKind::Snapshot } else { BookKind::Delta };
        let symbol = feed.symbol(pair)?;
        if let Some(depth) = depth {
            self.set_depth(symbol, depth);
        }
        self.tell(symbol, kind, latest, sum, feed);
        Ok(())
    }
}

/// `[[price, quantity, time, "b" or "s", ..], ..]`
fn v1_trades(
    json: &Json<'_>,
    payloads: &[&str],
    pair: &str,
    feed: &mut Feed,
) -> Result<(), FrameError> {
    let symbol = feed.symbol(pair)?;
    for trade in json.items(payloads.first().copied().unwrap_or(""), "trades")? {
        let mut cells = json.items(trade, "trade")?;
        let mut cell = || cells.next().unwrap_or("");
        let (price, qty, at, taker) = (cell(), cell(), cell(), cell());
        let wanted = "a time in seconds";
        let at = time::seconds(json::bare(at)).ok_or_else(|| json.wrong(trade, "time", wanted))?;
        feed.trade(&TradeFrame {
            symbol,
            price: json.number(price, "price")?,
            qty: json.number(qty, "volume")?,
            aggressor: Some(side(json, taker)?),
            venue_ns: Some(at),
            id: 0,
        });
    }
    Ok(())
}

/// `{"a": [price, whole lots, quantity], "b": [..], ..}`
fn v1_ticker(
    json: &Json<'_>,
    payloads: &[&str],
    pair: &str,
    feed: &mut Feed,
) -> Result<(), FrameError> {
    let symbol = feed.symbol(pair)?;
    let payload = payloads.first().copied().unwrap_or("");
    let level = |name| {
        let mut cells = json.items(json::field(payload, name), "ticker")?;
        let price = cells.next().unwrap_or("");
        best(json, price, cells.nth(1).unwrap_or(""))
    };
    let (bid, ask) = (level("b")?, level("a")?);
    feed.top(symbol, bid, ask, None, 0);
    Ok(())
}

/// `[bid, ask, time, bid quantity, ask quantity]`
fn v1_spread(
    json: &Json<'_>,
    payloads: &[&str],
    pair: &str,
    feed: &mut Feed,
) -> Result<(), FrameError> {
    let symbol = feed.symbol(pair)?;
    let mut cells = json.items(payloads.first().copied().unwrap_or(""), "spread")?;
    let mut cell = || cells.next().unwrap_or("");
    let (bid, ask, at, bid_qty, ask_qty) = (cell(), cell(), cell(), cell(), cell());
    let (bid, ask) = (best(json, bid, bid_qty)?, best(json, ask, ask_qty)?);
    feed.top(symbol, bid, ask, time::seconds(json::bare(at)), 0);
    Ok(())
}
