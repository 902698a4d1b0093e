//! The fields of an event; what each means depends on its kind.

use qt_types::Nanos;

use crate::FrameError;
use crate::feed::Sides;
use crate::json::{self, Json};

/// Fields that are known and of no use here: of trades, of best prices and of marks. `ps` and `st`
/// are the pair and a state that newer messages of futures have.
const IGNORED: &[&str] = &["M", "f", "l", "nq", "ap", "P", "i", "ps", "st"];

/// The values as they stand in the text; empty where there is none. `b` and `a` are lists of
/// levels in a depth event, which then are in the sides, and prices in a ticker; in a trade `a`
/// is an id.
#[derive(Default)]
pub(super) struct Event<'a> {
    pub(super) kind: &'a str,
    pub(super) told: &'a str,
    pub(super) traded: &'a str,
    pub(super) symbol: &'a str,
    pub(super) first: &'a str,
    pub(super) last: &'a str,
    pub(super) previous: &'a str,
    pub(super) last_update_id: &'a str,
    pub(super) price: &'a str,
    pub(super) qty: &'a str,
    pub(super) id: &'a str,
    pub(super) buyer_is_maker: &'a str,
    pub(super) execution: &'a str,
    pub(super) rate: &'a str,
    pub(super) bid: &'a str,
    pub(super) bid_qty: &'a str,
    pub(super) ask: &'a str,
    pub(super) ask_qty: &'a str,
    /// Fields that nobody has told of.
    pub(super) fields_unknown: u64,
}

impl<'a> Event<'a> {
    /// Reads an event, its levels into `sides`.
    pub(super) fn read(
        json: &Json<'a>,
        data: &'a str,
        sides: &mut Sides,
    ) -> Result<Self, FrameError> {
        sides.clear();
        let mut event = Self::default();
        let mut fields = json::fields(data);
        while let Some(key) = fields.key() {
            let side = match key {
                "b" | "bids" => Some(&mut sides.bids),
                "a" | "asks" => Some(&mut sides.asks),
                _ => None,
            };
            if let Some(levels) = side {
                levels.clear();
                if let Some(read) = fields.levels(json, levels) {
                    read?;
                    continue;
                }
            }
            let place = match key {
                "e" => &mut event.kind,
                "E" => &mut event.told,
                "T" => &mut event.traded,
                "s" | "symbol" => &mut event.symbol,
                "U" => &mut event.first,
                "u" => &mut event.last,
                "pu" => &mut event.previous,
                "lastUpdateId" => &mut event.last_update_id,
                "p" => &mut event.price,
                "q" => &mut event.qty,
                "t" => &mut event.id,
                "m" => &mut event.buyer_is_maker,
                "X" => &mut event.execution,
                "r" => &mut event.rate,
                "b" => &mut event.bid,
                "B" => &mut event.bid_qty,
                "a" => &mut event.ask,
                "A" => &mut event.ask_qty,
                key => {
                    event.fields_unknown += u64::from(!IGNORED.contains(&key));
                    continue;
                }
            };
            *place = fields.value();
            if *place == "null" {
                *place = "";
            }
        }
        Ok(event)
    }

    /// When it happened: futures say when in `T` and when they sent it in `E`, spot only the last.
    pub(super) fn happened(&self, json: &Json<'_>) -> Result<Nanos, FrameError> {
        if self.traded.is_empty() {
            json.epoch(self.told, "E")
        } else {
            json.epoch(self.traded, "T")
        }
    }
}
