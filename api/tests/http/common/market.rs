//! Market data that a test moves by hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use qt_trading::amount::Amount;
use qt_trading::time::Time;
use qt_trading::{
    Book, BookLevel, Candle, Candles, FeedState, Instrument, MarketData, Quote, TradePrint,
};
use tokio::sync::{broadcast, watch};

pub const SYMBOLS: [&str; 2] = ["BTC-USD", "ETH-USD"];

pub fn amount(text: &str) -> Amount {
    serde_json::from_value(text.into()).expect("a decimal")
}

struct Line {
    quote: watch::Sender<Arc<Quote>>,
    book: watch::Sender<Arc<Book>>,
    trades: broadcast::Sender<Arc<TradePrint>>,
}

/// Two instruments; their prices move when a test says so.
pub struct Market(BTreeMap<&'static str, Line>);

impl Market {
    pub fn new() -> Self {
        let line = |symbol: &&'static str| {
            let line = Line {
                quote: watch::Sender::new(Arc::new(quote(symbol, 100))),
                book: watch::Sender::new(Arc::new(book(symbol, 1))),
                trades: broadcast::Sender::new(64),
            };
            (*symbol, line)
        };
        Self(SYMBOLS.iter().map(line).collect())
    }

    pub fn tick(&self, symbol: &str, price: i64) {
        self.0[symbol].quote.send_replace(Arc::new(quote(symbol, price)));
    }

    pub fn print(&self, symbol: &str, price: i64) {
        let print = TradePrint {
            symbol: symbol.to_owned(),
            price: rust_decimal::Decimal::from(price).into(),
            quantity: amount("1"),
            taker_side: None,
            executed_at: Time(0),
        };
        let _ = self.0[symbol].trades.send(Arc::new(print));
    }
}

fn quote(symbol: &str, price: i64) -> Quote {
    let price = |off: i64| Some(rust_decimal::Decimal::from(price + off).into());
    Quote {
        symbol: symbol.to_owned(),
        bid: price(-1),
        bid_quantity: Some(amount("1")),
        ask: price(1),
        ask_quantity: Some(amount("1")),
        last: price(0),
        last_quantity: Some(amount("0.5")),
        open: Some(amount("90")),
        high: price(0),
        low: Some(amount("90")),
        volume: amount("10"),
        change: Some(amount("10")),
        is_stale: false,
        as_of: Time(1_700_000_000_000_000_000),
    }
}

fn book(symbol: &str, seq: u64) -> Book {
    let level = |price| BookLevel { price: amount(price), quantity: amount("1") };
    Book {
        symbol: symbol.to_owned(),
        bids: vec![level("99"), level("98"), level("97")],
        asks: vec![level("101"), level("102")],
        seq,
        is_stale: false,
        as_of: Time(1_700_000_000_000_000_000),
    }
}

impl MarketData for Market {
    fn instruments(&self) -> Vec<Instrument> {
        SYMBOLS.iter().filter_map(|symbol| self.instrument(symbol)).collect()
    }

    fn instrument(&self, symbol: &str) -> Option<Instrument> {
        self.0.get(symbol).map(|_| Instrument {
            symbol: symbol.to_owned(),
            venue: "SIM".to_owned(),
            kind: "spot".to_owned(),
            currency: "USD".to_owned(),
            tick_size: amount("0.01"),
            lot_size: amount("0.001"),
            min_notional: None,
            contract_size: amount("1"),
            session_state: "open".to_owned(),
        })
    }

    fn quote(&self, symbol: &str) -> Option<Arc<Quote>> {
        self.0.get(symbol).map(|line| line.quote.borrow().clone())
    }

    fn book(&self, symbol: &str, depth: usize) -> Option<Book> {
        let mut book = (**self.0.get(symbol)?.book.borrow()).clone();
        book.bids.truncate(depth);
        book.asks.truncate(depth);
        Some(book)
    }

    fn candles(&self, symbol: &str, which: Candles) -> Option<Vec<Candle>> {
        self.0.get(symbol)?;
        let candle = Candle {
            open_time: Time(which.interval_ns),
            open: amount("1"),
            high: amount("2"),
            low: amount("1"),
            close: amount("2"),
            volume: amount("3"),
            is_closed: true,
        };
        Some(vec![candle])
    }

    fn quotes(&self, symbol: &str) -> Option<watch::Receiver<Arc<Quote>>> {
        self.0.get(symbol).map(|line| line.quote.subscribe())
    }

    fn books(&self, symbol: &str) -> Option<watch::Receiver<Arc<Book>>> {
        self.0.get(symbol).map(|line| line.book.subscribe())
    }

    fn trades(&self, symbol: &str) -> Option<broadcast::Receiver<Arc<TradePrint>>> {
        self.0.get(symbol).map(|line| line.trades.subscribe())
    }

    fn feeds(&self) -> Vec<FeedState> {
        let count = self.0.len();
        let feed = FeedState {
            name: "stand-in".to_owned(),
            is_up: true,
            quoted: count,
            instruments: count,
            last_at: None,
        };
        vec![feed]
    }
}
