//! What stands behind the ports where no sessions are configured: nothing, and it says so.

use std::sync::Arc;

use tokio::sync::{broadcast, watch};

use crate::ids::TenantId;
use crate::trading::{
    Book, Candle, Candles, Desk, Doing, FeedState, Instrument, KillAnswer, MarketData, Quote,
    Refusal, SessionState, TradePrint, Trading,
};

/// No sessions and no market data.
#[derive(Clone, Copy, Debug, Default)]
pub struct Absent;

fn refusal() -> Refusal {
    let detail = "no sessions run in this process".to_owned();
    Refusal::Unavailable { code: "SESSIONS_ABSENT", detail }
}

impl Trading for Absent {
    fn desk(&self, _: TenantId) -> Doing<'_, Result<Arc<dyn Desk>, Refusal>> {
        Box::pin(async { Err(refusal()) })
    }

    fn stop(&self) -> Doing<'_, ()> {
        Box::pin(async {})
    }

    fn kill_all(&self, _: String, _: String) -> Doing<'_, Result<KillAnswer, Refusal>> {
        Box::pin(async { Err(refusal()) })
    }

    fn states(&self) -> Vec<SessionState> {
        Vec::new()
    }
}

impl MarketData for Absent {
    fn instruments(&self) -> Vec<Instrument> {
        Vec::new()
    }

    fn instrument(&self, _: &str) -> Option<Instrument> {
        None
    }

    fn quote(&self, _: &str) -> Option<Arc<Quote>> {
        None
    }

    fn book(&self, _: &str, _: usize) -> Option<Book> {
        None
    }

    fn candles(&self, _: &str, _: Candles) -> Option<Vec<Candle>> {
        None
    }

    fn quotes(&self, _: &str) -> Option<watch::Receiver<Arc<Quote>>> {
        None
    }

    fn books(&self, _: &str) -> Option<watch::Receiver<Arc<Book>>> {
        None
    }

    fn trades(&self, _: &str) -> Option<broadcast::Receiver<Arc<TradePrint>>> {
        None
    }

    fn feeds(&self) -> Vec<FeedState> {
        Vec::new()
    }
}
