//! The read model of market data: what an instrument is, and its last quote.

use std::sync::Arc;

use qt_trading::{Instrument, Quote};

/// One instrument with its market. Nothing of it is kept in the database: feeds are its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketData {
    /// What it is.
    pub instrument: Instrument,
    /// The last of everything; none before the first quote.
    pub quote: Option<Arc<Quote>>,
}

impl MarketData {
    /// What is known of `symbol`; none where it is not traded here.
    #[must_use]
    pub fn of(feeds: &dyn qt_trading::MarketData, symbol: &str) -> Option<Self> {
        let instrument = feeds.instrument(symbol)?;
        Some(Self { quote: feeds.quote(symbol), instrument })
    }
}
