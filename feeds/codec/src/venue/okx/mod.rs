//! OKX v5: books, best prices, trades, marks and funding. A level is `[price, quantity, "0",
//! orders]`; the quantity of a derivative counts contracts.
//!
//! The checksum is zero or absent since 2026; old recordings have it and no ids. Trade side: the
//! aggressor's.

use qt_types::Nanos;

use crate::checksum::Scheme;
use crate::feed::{BookFrame, BookKind, FULL_DEPTH, Feed, Sides, TradeFrame};
use crate::json::{self, Json};
use crate::sync::{Ids, Policy};
use crate::venue::{Protocol, best, side};
use crate::{Frame, FrameError, SymbolId};

/// See the module.
#[derive(Default)]
pub(crate) struct Okx {
    sides: Sides,
}

/// What a channel tells.
enum Channel {
    /// A book and its changes, so deep.
    Changes(u32),
    /// A book that comes whole each time, so deep.
    Whole(u32),
    Best,
    Trades,
    Tickers,
    Mark,
    Funding,
}

impl Channel {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "books" => Self::Changes(FULL_DEPTH - 1),
            "books-l2-tbt" => Self::Changes(FULL_DEPTH),
            "books50-l2-tbt" => Self::Changes(50),
            "books5" => Self::Whole(5),
            "bbo-tbt" => Self::Best,
            "trades" | "trades-all" => Self::Trades,
            "tickers" => Self::Tickers,
            "mark-price" => Self::Mark,
            "funding-rate" => Self::Funding,
            _ => return None,
        })
    }
}

impl Protocol for Okx {
    fn frame(&mut self, json: &Json<'_>, _: &Frame<'_>, feed: &mut Feed) -> Result<(), FrameError> {
        let (mut arg, mut data, mut action, mut name) = ("", "", "", "");
        for (key, value) in json::fields(json.text()) {
            match key {
                "arg" => arg = value,
                "data" => data = value,
                "action" => action = json::bare(value),
                "event" | "op" | "table" => name = json::bare(value),
                _ => {}
            }
        }
        if !name.is_empty() || arg.is_empty() || data.is_empty() {
            feed.facts.skip(if name.is_empty() { "other" } else { name });
            return Ok(());
        }
        let channel = json::bare(json::field(arg, "channel"));
        let Some(kind) = Channel::of(channel) else {
            feed.facts.skip(channel);
            return Ok(());
        };
        let symbol = feed.symbol(&json::text(json::field(arg, "instId")))?;
        for item in json.items(data, "data")? {
            self.item(json, &kind, action, item, symbol, feed)?;
        }
        Ok(())
    }
}

impl Okx {
    fn item<'a>(
        &mut self,
        json: &Json<'a>,
        channel: &Channel,
        action: &str,
        item: &'a str,
        symbol: SymbolId,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        let field = |name| json::field(item, name);
        match channel {
            Channel::Changes(depth) => self.book(json, item, action, symbol, *depth, feed),
            Channel::Whole(depth) => self.book(json, item, "whole", symbol, *depth, feed),
            Channel::Best => {
                json.sides(field("bids"), field("asks"), &mut self.sides)?;
                let (bid, ask) = (self.sides.bids.first(), self.sides.asks.first());
                let at = json.epoch(field("ts"), "ts")?;
                feed.top(symbol, bid.copied(), ask.copied(), Some(at), id(json, field("seqId"))?);
                Ok(())
            }
            Channel::Trades => {
                feed.trade(&TradeFrame {
                    symbol,
                    price: json.signed(field("px"), "px")?,
                    qty: json.number(field("sz"), "sz")?,
                    aggressor: Some(side(json, field("side"))?),
                    venue_ns: Some(json.epoch(field("ts"), "ts")?),
                    id: json.uint(field("tradeId"), "tradeId")?,
                });
                Ok(())
            }
            Channel::Tickers => {
                let bid = best(json, field("bidPx"), field("bidSz"))?;
                let ask = best(json, field("askPx"), field("askSz"))?;
                feed.top(symbol, bid, ask, Some(json.epoch(field("ts"), "ts")?), 0);
                Ok(())
            }
            Channel::Mark => {
                let price = json.number(field("markPx"), "markPx")?;
                feed.mark(symbol, price, Some(json.epoch(field("ts"), "ts")?));
                Ok(())
            }
            Channel::Funding => funding(json, item, symbol, feed),
        }
    }

    fn book<'a>(
        &mut self,
        json: &Json<'a>,
        item: &'a str,
        action: &str,
        symbol: SymbolId,
        depth: u32,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        self.sides.clear();
        let (mut at, mut sum, mut seq, mut previous) = (None, None, "", "");
        for (key, value) in json::fields(item) {
            match key {
                "bids" => json.levels(value, "bids", &mut self.sides.bids, |_| {})?,
                "asks" => json.levels(value, "asks", &mut self.sides.asks, |_| {})?,
                "ts" => at = Some(json.epoch(value, "ts")?),
                "checksum" => sum = checksum(json, value)?,
                "seqId" => seq = value,
                "prevSeqId" => previous = value,
                _ => {}
            }
        }
        let kind = match action {
            "snapshot" => BookKind::Snapshot,
            "update" => BookKind::Delta,
            "whole" => BookKind::Whole,
            _ => return Err(json.wrong(json.text(), "action", "snapshot or update")),
        };
        let policy = if seq.is_empty() { Policy::Unnumbered } else { Policy::Linked };
        let mut ids = Ids::one(id(json, seq)?);
        if kind == BookKind::Delta && policy == Policy::Linked {
            // -1 stands for "none", and only a snapshot has none.
            ids.previous = Some(json.uint(previous, "prevSeqId")?);
        }
        feed.book(&BookFrame {
            symbol,
            kind,
            policy,
            ids,
            depth,
            cut: None,
            venue_ns: at,
            scheme: sum.map(|_| Scheme::ByTurns),
            checksum: sum,
            sides: &self.sides,
        });
        Ok(())
    }
}

/// An id that may be absent.
fn id(json: &Json<'_>, part: &str) -> Result<u64, FrameError> {
    if part.is_empty() { Ok(0) } else { json.uint(part, "seqId") }
}

/// The checksum, a signed number of 32 bits; `None` where the venue no longer computes it.
fn checksum(json: &Json<'_>, part: &str) -> Result<Option<u32>, FrameError> {
    let value: i64 = json::bare(part)
        .parse()
        .map_err(|_| json.wrong(part, "checksum", "a number of 32 bits"))?;
    match value {
        0 => Ok(None),
        _ => Ok(Some(value as u32)),
    }
}

fn funding(
    json: &Json<'_>,
    item: &str,
    symbol: SymbolId,
    feed: &mut Feed,
) -> Result<(), FrameError> {
    let field = |name| json::field(item, name);
    if json::bare(field("fundingRate")).is_empty() {
        feed.facts.skip("funding-rate without a rate");
        return Ok(());
    }
    let rate = json.signed(field("fundingRate"), "fundingRate")?;
    let settles = json.epoch(field("fundingTime"), "fundingTime")?;
    // Old messages do not say when they were made: then only a later settlement tells that one
    // has passed.
    let now = match field("ts") {
        "" => Nanos::MAX,
        text => json.epoch(text, "ts")?,
    };
    feed.funding(symbol, rate, settles, now);
    Ok(())
}

#[cfg(test)]
mod tests;
