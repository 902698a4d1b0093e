//! Advanced Trade: `{"channel":"l2_data","timestamp":..,"sequence_num":..,"events":[..]}`.

use qt_types::Nanos;

use crate::feed::{BookKind, Feed, TradeFrame};
use crate::json::{self, Json};
use crate::venue::coinbase::Coinbase;
use crate::venue::{best, side};
use crate::{FrameError, SymbolId};

impl Coinbase {
    /// A message of a channel.
    pub(super) fn advanced<'a>(
        &mut self,
        json: &Json<'a>,
        channel: &'a str,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        let (mut at, mut sequence, mut events) = ("", "", "");
        for (key, value) in json::fields(json.text()) {
            match key {
                "timestamp" => at = value,
                "sequence_num" => sequence = value,
                "events" => events = value,
                _ => {}
            }
        }
        let sequence = json.uint(sequence, "sequence_num")?;
        if !self.in_order(sequence, feed) {
            return Ok(());
        }
        if !matches!(channel, "l2_data" | "market_trades" | "ticker" | "ticker_batch") {
            feed.facts.skip(channel);
            return Ok(());
        }
        let at = json.iso(at, "timestamp")?;
        for event in json.items(events, "events")? {
            match channel {
                "l2_data" => self.l2_event(json, event, at, sequence, feed)?,
                "market_trades" => trades(json, event, feed)?,
                _ => tickers(json, event, at, feed)?,
            }
        }
        Ok(())
    }

    /// Whether the message is the next one of the connection, or the first one. A jump is a loss
    /// for all books; a number that was there before is dropped.
    fn in_order(&mut self, sequence: u64, feed: &mut Feed) -> bool {
        if let Some(last) = self.sequence
            && sequence > 0
        {
            if sequence <= last {
                feed.facts.stale += 1;
                return false;
            }
            if sequence - last > 1 {
                feed.lost_all(false);
            }
        }
        self.sequence = Some(sequence);
        true
    }

    fn l2_event<'a>(
        &mut self,
        json: &Json<'a>,
        event: &'a str,
        at: Nanos,
        sequence: u64,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        let symbol = feed.symbol(&json::text(json::field(event, "product_id")))?;
        match self.l2_levels(json, event) {
            Ok((kind, latest)) => {
                self.tell(symbol, kind, Some(latest.unwrap_or(at)), sequence, feed);
                Ok(())
            }
            Err(error) => {
                // The next number would be in order.
                feed.lost(symbol);
                Err(error)
            }
        }
    }

    /// The levels of an event, and the time of the latest of its changes.
    fn l2_levels<'a>(
        &mut self,
        json: &Json<'a>,
        event: &'a str,
    ) -> Result<(BookKind, Option<Nanos>), FrameError> {
        self.sides.clear();
        let kind = match json::bare(json::field(event, "type")) {
            "snapshot" => BookKind::Snapshot,
            "update" => BookKind::Delta,
            _ => return Err(json.wrong(event, "type", "snapshot or update")),
        };
        let mut latest = None;
        for change in json.items(json::field(event, "updates"), "updates")? {
            let (mut of, mut at, mut price, mut qty) = ("", "", "", "");
            for (key, value) in json::fields(change) {
                match key {
                    "side" => of = value,
                    "event_time" => at = value,
                    "price_level" => price = value,
                    "new_quantity" => qty = value,
                    _ => {}
                }
            }
            let levels = self.sides.of(side(json, of)?);
            json.push(levels, (price, "price_level"), (qty, "new_quantity"))?;
            // A snapshot's levels have old times, or the zero of time.
            if kind == BookKind::Delta {
                latest = latest.max(Some(json.iso(at, "event_time")?));
            }
        }
        Ok((kind, latest))
    }
}

fn trades(json: &Json<'_>, event: &str, feed: &mut Feed) -> Result<(), FrameError> {
    if json::bare(json::field(event, "type")) == "snapshot" {
        feed.facts.skip("trade snapshot");
        return Ok(());
    }
    for trade in json.items(json::field(event, "trades"), "trades")? {
        let field = |name| json::field(trade, name);
        let symbol = feed.symbol(&json::text(field("product_id")))?;
        feed.trade(&TradeFrame {
            symbol,
            price: json.number(field("price"), "price")?,
            qty: json.number(field("size"), "size")?,
            aggressor: Some(side(json, field("side"))?.opposite()),
            venue_ns: Some(json.iso(field("time"), "time")?),
            id: json.uint(field("trade_id"), "trade_id")?,
        });
    }
    Ok(())
}

fn tickers(json: &Json<'_>, event: &str, at: Nanos, feed: &mut Feed) -> Result<(), FrameError> {
    for ticker in json.items(json::field(event, "tickers"), "tickers")? {
        let field = |name| json::field(ticker, name);
        let bid = best(json, field("best_bid"), field("best_bid_quantity"))?;
        let ask = best(json, field("best_ask"), field("best_ask_quantity"))?;
        let symbol: SymbolId = feed.symbol(&json::text(field("product_id")))?;
        feed.top(symbol, bid, ask, Some(at), 0);
    }
    Ok(())
}
