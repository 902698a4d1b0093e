//! The v2 streams (before 2023): books as lists of objects, without contiguous ids.

use qt_types::Side;

use crate::feed::{BookKind, Feed, TradeFrame};
use crate::json::{self, Json};
use crate::sync::{Ids, Policy};
use crate::venue::bybit::{Bybit, Message};
use crate::venue::side;
use crate::{FrameError, Level, Number};

impl Bybit {
    /// `{"order_book":[..]}` or the list itself, then
    /// `{"delete":[..],"update":[..],"insert":[..]}`.
    pub(super) fn v2_book<'a>(
        &mut self,
        json: &Json<'a>,
        message: &Message<'a>,
        symbol: &str,
        depth: u32,
        feed: &mut Feed,
    ) -> Result<(), FrameError> {
        let symbol = feed.symbol(symbol)?;
        let read = self.v2_levels(json, message);
        let venue_ns = match message.told {
            "" => Err(json.missing(json.text(), "timestamp_e6")),
            told => json.epoch(told, "timestamp_e6"),
        };
        match (read, venue_ns) {
            (Ok(kind), Ok(at)) => {
                let ids = (Policy::Unnumbered, Ids::default());
                self.tell(symbol, kind, ids, depth, Some(at), feed);
                Ok(())
            }
            (Err(error), _) | (_, Err(error)) => {
                // No id would show that this change is missing.
                feed.lost(symbol);
                Err(error)
            }
        }
    }

    fn v2_levels<'a>(
        &mut self,
        json: &Json<'a>,
        message: &Message<'a>,
    ) -> Result<BookKind, FrameError> {
        self.sides.clear();
        let data = message.data;
        if message.kind == "snapshot" {
            let list = if json::is_list(data) {
                data
            } else {
                let named = json::fields(data).find(|(key, _)| key.starts_with("order"));
                named.map_or("", |(_, value)| value)
            };
            for level in json.items(list, "order_book")? {
                self.v2_level(json, level, false)?;
            }
            return Ok(BookKind::Snapshot);
        }
        for (key, list) in json::fields(data) {
            let delete = key == "delete";
            if delete || matches!(key, "update" | "insert") {
                for level in json.items(list, "change")? {
                    self.v2_level(json, level, delete)?;
                }
            }
        }
        Ok(BookKind::Delta)
    }

    fn v2_level<'a>(
        &mut self,
        json: &Json<'a>,
        level: &'a str,
        delete: bool,
    ) -> Result<(), FrameError> {
        let (mut price, mut qty, mut of) = ("", "", "");
        for (key, value) in json::fields(level) {
            match key {
                "price" => price = value,
                "size" => qty = value,
                "side" => of = value,
                _ => {}
            }
        }
        let levels = self.sides.of(side(json, of)?);
        if delete {
            // A deletion has no size.
            let price = json.number(price, "price")?;
            levels.push(Level { price, qty: Number::ZERO });
            return Ok(());
        }
        json.push(levels, (price, "price"), (qty, "size"))
    }
}

/// `[{"symbol":..,"price":..,"size":..,"side":..,"trade_time_ms":..}]`
pub(super) fn trades(json: &Json<'_>, data: &str, feed: &mut Feed) -> Result<(), FrameError> {
    for trade in json::items(data).into_iter().flatten() {
        let (mut symbol, mut price, mut qty, mut taker, mut at) = ("", "", "", "", "");
        for (key, value) in json::fields(trade) {
            match key {
                "symbol" => symbol = value,
                "price" => price = value,
                "size" => qty = value,
                "side" => taker = value,
                "trade_time_ms" | "tradeTimeMs" => at = value,
                _ => {}
            }
        }
        let aggressor: Side = side(json, taker)?;
        let symbol = feed.symbol(&json::text(symbol))?;
        feed.trade(&TradeFrame {
            symbol,
            price: json.number(price, "price")?,
            qty: json.number(qty, "size")?,
            aggressor: Some(aggressor),
            venue_ns: Some(json.epoch(at, "trade_time_ms")?),
            id: 0,
        });
    }
    Ok(())
}
