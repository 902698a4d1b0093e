//! The market, as an agent is shown it.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::json;

use qt_outside::agents::tasks::{Context, MarketContext};
use qt_trading::{Candles, MarketData};

/// Candles that are shown.
const CANDLES: usize = 60;

/// Market data of the service.
pub(super) struct Market(pub(super) Arc<dyn MarketData>);

impl Context for Market {
    fn context(&self, symbol: &str) -> Option<MarketContext> {
        let quote = self.0.quote(symbol)?;
        let price = match (quote.bid, quote.ask, quote.last) {
            (Some(bid), Some(ask), _) => bid.0.checked_add(ask.0).map(|it| it / Decimal::TWO),
            (_, _, last) => last.map(|last| last.0),
        };
        let which = Candles { interval_ns: 60_000_000_000, from: None, to: None, limit: CANDLES };
        let candles = self.0.candles(symbol, which);
        let shown = json!({
            "symbol": symbol,
            "instrument": self.0.instrument(symbol),
            "quote": &*quote,
            "candles_1m": candles,
        });
        Some(MarketContext { shown, price })
    }
}
