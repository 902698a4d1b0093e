//! Binance: spot, USD-M and COIN-M market streams, raw and combined, and depth snapshots.
//!
//! Trade side: `m` (the buyer is the maker) means that the seller took. Futures trades count only
//! with `X` = `MARKET`. A futures change names the one before it in `pu`; a spot one does not.

pub mod depth;
mod event;

use qt_types::{Nanos, Side};

use crate::feed::{BookFrame, BookKind, FULL_DEPTH, Feed, Sides, TradeFrame};
use crate::json::{self, Json};
use crate::sync::{Ids, Policy};
use crate::venue::{Protocol, split};
use crate::{Frame, FrameError, Level, SymbolId};

use event::Event;

/// Which of the two trade streams of a symbol counts: they tell the same trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trades {
    Single,
    Aggregated,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Binance {
    sides: Sides,
    trades: Vec<Option<Trades>>,
}

impl Protocol for Binance {
    fn reads_lists(&self) -> bool {
        true
    }

    fn frame(
        &mut self,
        json: &Json<'_>,
        frame: &Frame<'_>,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        let (stream, data) = unwrap(json.text());
        let Some(items) = json::items(data) else {
            return self.event(json, frame, data, stream, feed);
        };
        for item in items {
            self.event(json, frame, item, stream, feed)?;
        }
        Ok(())
    }
}

impl Binance {
    /// One event. `stream` is empty where the message is not wrapped.
    fn event<'a>(
        &mut self,
        json: &Json<'a>,
        frame: &Frame<'_>,
        data: &'a str,
        stream: &str,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        let event = Event::read(json, data, &mut self.sides)?;
        let kind = json::bare(event.kind);
        // Of messages that nothing is done with, nobody minds the fields.
        if matches!(kind, "depthUpdate" | "trade" | "aggTrade" | "bookTicker") {
            feed.facts.fields_unknown += event.fields_unknown;
        }
        match kind {
            "depthUpdate" => self.depth(json, &event, stream, feed),
            "trade" => self.trade(json, &event, Trades::Single, feed),
            "aggTrade" => self.trade(json, &event, Trades::Aggregated, feed),
            "bookTicker" => ticker(json, &event, feed),
            "markPriceUpdate" => mark(json, &event, feed),
            "" if !event.last_update_id.is_empty() => self.book(json, frame, &event, stream, feed),
            "" if !event.last.is_empty() && !event.bid_qty.is_empty() => ticker(json, &event, feed),
            "" => {
                feed.facts.skip(shape(data));
                Ok(())
            }
            other => {
                feed.facts.skip(other);
                Ok(())
            }
        }
    }

    fn depth(
        &mut self,
        json: &Json<'_>,
        event: &Event<'_>,
        stream: &str,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        let policy = if event.previous.is_empty() { Policy::Range } else { Policy::LinkedRange };
        let previous = match policy {
            Policy::LinkedRange => Some(json.uint(event.previous, "pu")?),
            _ => None,
        };
        let first = json.uint(event.first, "U")?;
        let ids = Ids { first, last: json.uint(event.last, "u")?, previous };
        let venue_ns = Some(event.happened(json)?);
        let symbol = symbol(json, event, feed)?;
        // A futures stream of the best n levels looks like changes, but comes whole each time.
        let partial = partial_depth(stream);
        let kind = if partial.is_some() { BookKind::Whole } else { BookKind::Delta };
        let depth = partial.unwrap_or(FULL_DEPTH);
        feed.book(&self.of_book(symbol, kind, policy, ids, depth, venue_ns));
        Ok(())
    }

    /// A book without changes: the answer to a request, or the best n levels of a spot stream.
    fn book(
        &mut self,
        json: &Json<'_>,
        frame: &Frame<'_>,
        event: &Event<'_>,
        stream: &str,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        let ids = Ids::one(json.uint(event.last_update_id, "lastUpdateId")?);
        let venue_ns = match event.traded {
            "" => None,
            _ => Some(event.happened(json)?),
        };
        let symbol = match event.symbol {
            "" => {
                let of_stream = split(stream, '@').0.to_uppercase();
                let of_url = frame.url.and_then(|url| url.split_once("symbol="));
                let of_url = of_url.map(|(_, name)| split(name, '&').0);
                match (of_stream.as_str(), of_url, frame.symbol, feed.sole_symbol()) {
                    ("", None, None, Some(sole)) => sole,
                    ("", None, None, None) => return Err(FrameError::NoSymbol),
                    ("", None, Some(name), _) | ("", Some(name), ..) | (name, ..) => {
                        feed.symbol(name)?
                    }
                }
            }
            name => feed.symbol(&json::text(name))?,
        };
        let partial = partial_depth(stream);
        let kind = if partial.is_some() { BookKind::Whole } else { BookKind::Snapshot };
        let depth = partial.unwrap_or(FULL_DEPTH);
        feed.book(&self.of_book(symbol, kind, Policy::Range, ids, depth, venue_ns));
        Ok(())
    }

    fn of_book(
        &self,
        symbol: SymbolId,
        kind: BookKind,
        policy: Policy,
        ids: Ids,
        depth: u32,
        venue_ns: Option<Nanos>,
    ) -> BookFrame<'_> {
        let sides = &self.sides;
        BookFrame {
            symbol,
            kind,
            policy,
            ids,
            depth,
            cut: None,
            venue_ns,
            scheme: None,
            checksum: None,
            sides,
        }
    }

    fn trade(
        &mut self,
        json: &Json<'_>,
        event: &Event<'_>,
        stream: Trades,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        let symbol = symbol(json, event, feed)?;
        let at = usize::from(symbol.0);
        if self.trades.len() <= at {
            self.trades.resize(at + 1, None);
        }
        if *self.trades[at].get_or_insert(stream) != stream {
            feed.facts.skip("the other trade stream of the same symbol");
            return Ok(());
        }
        match json::bare(event.execution) {
            "" | "MARKET" => {}
            other => {
                feed.facts.skip(&format!("trade {other}"));
                return Ok(());
            }
        }
        let id = match stream {
            Trades::Single => event.id,
            Trades::Aggregated => event.ask,
        };
        let trade = TradeFrame {
            symbol,
            price: json.signed(event.price, "p")?,
            qty: json.number(event.qty, "q")?,
            aggressor: match event.buyer_is_maker {
                "true" => Some(Side::Sell),
                "false" => Some(Side::Buy),
                other => return Err(json.wrong(other, "m", "true or false")),
            },
            venue_ns: Some(json.epoch(event.traded, "T")?),
            id: if id.is_empty() { 0 } else { json.uint(id, "trade id")? },
        };
        feed.trade(&trade);
        Ok(())
    }
}

/// The stream and the message of a combined stream; no stream and all of the text otherwise.
fn unwrap(text: &str) -> (&str, &str) {
    let (mut stream, mut data) = ("", text);
    let mut fields = json::fields(text);
    while let Some(key) = fields.key() {
        match key {
            "stream" => stream = json::bare(fields.value()),
            "data" => data = fields.rest(),
            _ => {}
        }
        // Whatever comes behind both does not matter, nor does a wrapping where the first field is
        // one of a bare message.
        let wrapped = !stream.is_empty() && data.len() < text.len();
        if wrapped || matches!(key, "e" | "u" | "lastUpdateId") {
            break;
        }
    }
    (stream, data)
}

fn symbol(json: &Json<'_>, event: &Event<'_>, feed: &mut Feed) -> Result<SymbolId, FrameError> {
    if event.symbol.is_empty() {
        return Err(json.missing(json.text(), "s"));
    }
    feed.symbol(&json::text(event.symbol))
}

fn ticker(json: &Json<'_>, event: &Event<'_>, feed: &mut Feed) -> Result<(), FrameError> {
    let level = |price, qty| -> Result<Level, FrameError> {
        Ok(Level { price: json.signed(price, "price")?, qty: json.number(qty, "quantity")? })
    };
    let bid = level(event.bid, event.bid_qty)?;
    let ask = level(event.ask, event.ask_qty)?;
    let id = json.uint(event.last, "u")?;
    // A spot ticker has no time at all.
    let venue_ns = match (event.traded, event.told) {
        ("", "") => None,
        _ => Some(event.happened(json)?),
    };
    let symbol = symbol(json, event, feed)?;
    feed.top(symbol, Some(bid), Some(ask), venue_ns, id);
    Ok(())
}

fn mark(json: &Json<'_>, event: &Event<'_>, feed: &mut Feed) -> Result<(), FrameError> {
    let price = json.number(event.price, "p")?;
    let now = json.epoch(event.told, "E")?;
    let symbol = symbol(json, event, feed)?;
    // A delivery contract has no funding: its rate is empty or its next settlement zero.
    if !json::bare(event.rate).is_empty() && !event.traded.is_empty() {
        let rate = json.signed(event.rate, "r")?;
        let settles = json.epoch(event.traded, "T")?;
        if settles.get() > 0 {
            feed.funding(symbol, rate, settles, now);
        }
    }
    feed.mark(symbol, price, Some(now));
    Ok(())
}

/// The number of levels of a stream `btcusdt@depth20@100ms`; `None` for the stream of changes.
fn partial_depth(stream: &str) -> Option<u32> {
    let name = split(split(stream, '@').1, '@').0;
    name.strip_prefix("depth")?.parse().ok().filter(|depth| (1..FULL_DEPTH).contains(depth))
}

/// What to call a message without `e`.
fn shape(data: &str) -> &'static str {
    let has = |name| !json::field(data, name).is_empty();
    if has("code") && has("msg") || has("error") {
        "error response"
    } else if has("id") {
        "response"
    } else if has("event") {
        "account event"
    } else {
        "other"
    }
}

#[cfg(test)]
mod tests;
