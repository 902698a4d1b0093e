//! What is known of the market: the first stage.

use qt_types::{Event, InstrumentId, Nanos, Payload, Price};

/// The last price of each instrument, in a dense table.
#[derive(Clone, Debug)]
pub struct Market {
    last: Vec<Price>,
    now_ns: Nanos,
}

impl Market {
    /// A market of `instruments` instruments without any price.
    #[must_use]
    pub fn new(instruments: usize) -> Self {
        Self { last: vec![Price::ZERO; instruments], now_ns: Nanos::MIN }
    }

    /// Takes in one event.
    #[inline(always)]
    pub fn on(&mut self, event: &Event) {
        self.now_ns = event.recv_ns;
        let price = match &event.payload {
            Payload::Bar(bar) => bar.close,
            Payload::Trade(trade) => trade.price,
            Payload::Report(_) | Payload::Denied(_) => return,
        };
        if let Some(last) = self.last.get_mut(event.instrument.index()) {
            *last = price;
        }
    }

    /// The last price in ticks; `None` before the first one.
    #[must_use]
    #[inline]
    pub fn last(&self, instrument: InstrumentId) -> Option<Price> {
        self.last.get(instrument.index()).copied().filter(|price| price.ticks() > 0)
    }

    /// The time of the last event (UTC ns).
    #[must_use]
    #[inline]
    pub const fn now_ns(&self) -> Nanos {
        self.now_ns
    }
}
