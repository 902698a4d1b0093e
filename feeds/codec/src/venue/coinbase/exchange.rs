//! The Exchange feed: `{"type":"l2update","product_id":..,"changes":[[side, price, quantity]]}`.

use crate::FrameError;
use crate::feed::{BookKind, Feed, TradeFrame};
use crate::json::{self, Json};
use crate::venue::coinbase::Coinbase;
use crate::venue::{best, side};

impl Coinbase {
    /// A message of type `kind`.
    pub(super) fn exchange<'a>(
        &mut self,
        json: &Json<'a>,
        kind: &'a str,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        let message = json.text();
        let field = |name| json::field(message, name);
        match kind {
            "snapshot" | "l2update" => {
                let symbol = feed.symbol(&json::text(field("product_id")))?;
                let read = self.exchange_levels(json, kind);
                // A snapshot has had a time since 2023.
                let at = match field("time") {
                    "" => Ok(None),
                    text => json.iso(text, "time").map(Some),
                };
                match (read, at) {
                    (Ok(kind), Ok(at)) => self.tell(symbol, kind, at, 0, feed),
                    (Err(error), _) | (_, Err(error)) => {
                        // No id would show that this change is missing.
                        feed.lost(symbol);
                        return Err(error);
                    }
                }
            }
            "match" => {
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
            "ticker" => {
                let symbol = feed.symbol(&json::text(field("product_id")))?;
                // Quantities have been told since 2022.
                let bid = best(json, field("best_bid"), field("best_bid_size"))?;
                let ask = best(json, field("best_ask"), field("best_ask_size"))?;
                let at = json.iso(field("time"), "time")?;
                feed.top(symbol, bid, ask, Some(at), json.uint(field("sequence"), "sequence")?);
            }
            // `last_match` is the trade before the subscription.
            other => feed.facts.skip(other),
        }
        Ok(())
    }

    fn exchange_levels<'a>(&mut self, json: &Json<'a>, kind: &str) -> Result<BookKind, FrameError> {
        let message = json.text();
        if kind == "snapshot" {
            let (bids, asks) = (json::field(message, "bids"), json::field(message, "asks"));
            json.sides(bids, asks, &mut self.sides)?;
            return Ok(BookKind::Snapshot);
        }
        self.sides.clear();
        for change in json.items(json::field(message, "changes"), "changes")? {
            let mut cells = json.items(change, "changes")?;
            let mut cell = || cells.next().unwrap_or("");
            let (of, price, qty) = (cell(), cell(), cell());
            let levels = self.sides.of(side(json, of)?);
            json.push(levels, (price, "price"), (qty, "size"))?;
        }
        Ok(BookKind::Delta)
    }
}
