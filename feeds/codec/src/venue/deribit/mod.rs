//! Deribit: JSON-RPC notifications of books, trades, tickers and quotes.
//!
//! A change of a book is `[action, price, amount]` and names the id before it. Amounts of inverse
//! futures are in USD, of options and linear contracts in the base coin. Trade side: the
//! aggressor's.

use qt_types::Nanos;

use crate::feed::{BookFrame, BookKind, FULL_DEPTH, Feed, Sides, TradeFrame};
use crate::json::{self, Json};
use crate::sync::{Ids, Policy};
use crate::venue::{Protocol, best, side, split};
use crate::{Frame, FrameError, Level, Number};

/// The depth of a grouped stream, which comes whole each time: less than that of the changes.
const GROUPED_DEPTH: u32 = 20;

/// See the module.
#[derive(Default)]
pub(crate) struct Deribit {
    sides: Sides,
}

impl Protocol for Deribit {
    fn frame(&mut self, json: &Json<'_>, _: &Frame<'_>, feed: &mut Feed) -> Result<(), FrameError> {
        let message = json.text();
        let method = json::bare(json::field(message, "method"));
        if method != "subscription" {
            let error = !json::field(message, "error").is_empty();
            let name = if error { "error response" } else { "response" };
            feed.facts.skip(if method.is_empty() { name } else { method });
            return Ok(());
        }
        let params = json::field(message, "params");
        let data = json::field(params, "data");
        let channel = split(json::bare(json::field(params, "channel")), '.').0;
        match channel {
            "book" => self.book(json, data, feed),
            "trades" => {
                for item in json.items(data, "data")? {
                    trade(json, item, feed)?;
                }
                Ok(())
            }
            "ticker" | "incremental_ticker" | "quote" => ticker(json, data, feed),
            other => {
                feed.facts.skip(other);
                Ok(())
            }
        }
    }
}

impl Deribit {
    fn book<'a>(
        &mut self,
        json: &Json<'a>,
        data: &'a str,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        self.sides.clear();
        let (mut kind, mut name, mut at, mut id, mut previous) = ("", "", "", "", "");
        for (key, value) in json::fields(data) {
            match key {
                "type" => kind = json::bare(value),
                "instrument_name" => name = value,
                "timestamp" => at = value,
                "change_id" => id = value,
                "prev_change_id" => previous = value,
                "bids" => changes(json, value, &mut self.sides.bids)?,
                "asks" => changes(json, value, &mut self.sides.asks)?,
                _ => {}
            }
        }
        let kind = match kind {
            "snapshot" => BookKind::Snapshot,
            "change" => BookKind::Delta,
            "" => BookKind::Whole,
            _ => return Err(json.wrong(data, "type", "snapshot or change")),
        };
        let mut ids = Ids::one(json.uint(id, "change_id")?);
        if kind == BookKind::Delta {
            ids.previous = Some(json.uint(previous, "prev_change_id")?);
        }
        let venue_ns = Some(json.epoch(at, "timestamp")?);
        let symbol = feed.symbol(&json::text(name))?;
        let depth = if kind == BookKind::Whole { GROUPED_DEPTH } else { FULL_DEPTH };
        feed.book(&BookFrame {
            symbol,
            kind,
            policy: Policy::Linked,
            ids,
            depth,
            cut: None,
            venue_ns,
            scheme: None,
            checksum: None,
            sides: &self.sides,
        });
        Ok(())
    }
}

/// `[["new", 0.583, 9.0], ["delete", 0.5, 0.0], ..]`; without actions in a grouped stream.
fn changes(json: &Json<'_>, list: &str, levels: &mut Vec<Level>) -> Result<(), FrameError> {
    for change in json.items(list, "levels")? {
        let mut cells = json.items(change, "level")?;
        let mut cell = || cells.next().unwrap_or("");
        let first = cell();
        let (action, price) = if first.starts_with('"') { (first, cell()) } else { ("", first) };
        let qty = cell();
        match json::bare(action) {
            "delete" => {
                let price = json.signed(price, "price")?;
                levels.push(Level { price, qty: Number::ZERO });
            }
            "" | "new" | "change" => json.push(levels, (price, "price"), (qty, "amount"))?,
            _ => return Err(json.wrong(action, "action", "new, change or delete")),
        }
    }
    Ok(())
}

fn trade(json: &Json<'_>, item: &str, feed: &mut Feed) -> Result<(), FrameError> {
    let (mut name, mut price, mut qty, mut taker, mut at, mut seq) = ("", "", "", "", "", "");
    let mut block = false;
    for (key, value) in json::fields(item) {
        match key {
            "instrument_name" => name = value,
            "price" => price = value,
            "amount" => qty = value,
            "direction" => taker = value,
            "timestamp" => at = value,
            "trade_seq" => seq = value,
            "block_trade_id" => block = true,
            _ => {}
        }
    }
    if block {
        // Agreed on elsewhere: it met no order of the book.
        feed.facts.skip("block trade");
        return Ok(());
    }
    let symbol = feed.symbol(&json::text(name))?;
    feed.trade(&TradeFrame {
        symbol,
        price: json.signed(price, "price")?,
        qty: json.number(qty, "amount")?,
        aggressor: Some(side(json, taker)?),
        venue_ns: Some(json.epoch(at, "timestamp")?),
        id: json.uint(seq, "trade_seq")?,
    });
    Ok(())
}

fn ticker(json: &Json<'_>, data: &str, feed: &mut Feed) -> Result<(), FrameError> {
    let (mut name, mut at, mut state, mut mark) = ("", "", "", "");
    let (mut bid, mut bid_qty, mut ask, mut ask_qty) = ("", "", "", "");
    for (key, value) in json::fields(data) {
        match key {
            "instrument_name" => name = value,
            "timestamp" => at = value,
            "state" => state = json::bare(value),
            "mark_price" => mark = value,
            "best_bid_price" => bid = value,
            "best_bid_amount" => bid_qty = value,
            "best_ask_price" => ask = value,
            "best_ask_amount" => ask_qty = value,
            _ => {}
        }
    }
    let now: Option<Nanos> = Some(json.epoch(at, "timestamp")?);
    let (bid, ask) = (best(json, bid, bid_qty)?, best(json, ask, ask_qty)?);
    let mark = match mark {
        "" => None,
        text => Some(json.signed(text, "mark_price")?),
    };
    let symbol = feed.symbol(&json::text(name))?;
    feed.top(symbol, bid, ask, now, 0);
    if let Some(mark) = mark {
        feed.mark(symbol, mark, now);
    }
    if !state.is_empty() {
        feed.status(symbol, state == "open", now);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
