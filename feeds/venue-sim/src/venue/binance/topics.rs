//! The streams of the market by their names.

use crate::exchange::{Exchange, Nanos, SymbolId};

use super::names;

const HOUR_NS: Nanos = 3_600_000_000_000;

/// The spans of rolling tickers: their names on streams, the name of their event, and how long.
pub(super) const WINDOWS: [(&str, &str, Nanos); 3] = [
    ("1h", "1hTicker", HOUR_NS),
    ("4h", "4hTicker", 4 * HOUR_NS),
    ("1d", "1dTicker", 24 * HOUR_NS),
];

/// What a stream tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Trade,
    AggTrade,
    Best,
    /// Changes of the book.
    Changes {
        is_fast: bool,
    },
    /// The best levels.
    Top {
        levels: u8,
        is_fast: bool,
    },
    /// Candles: the place among the intervals.
    Candle(usize),
    MiniTicker,
    Ticker,
    /// Figures of a span that ends now: the place among the windows.
    Window(usize),
    Average,
    /// Marks, each second or each three.
    Mark {
        is_fast: bool,
    },
}

/// A stream: of one symbol, or of all.
pub(super) type Topic = (Option<SymbolId>, Kind);

fn window_of(name: &str) -> Option<Kind> {
    WINDOWS.iter().position(|(known, ..)| *known == name).map(Kind::Window)
}

/// The topic of a stream's name; nothing for names and symbols that nobody knows.
pub(super) fn topic_of(name: &str, exchange: &Exchange) -> Option<Topic> {
    let is_spot = !exchange.has_positions();
    if let Some(all) = name.strip_prefix('!') {
        let kind = match all {
            "miniTicker@arr" => Kind::MiniTicker,
            "ticker@arr" => Kind::Ticker,
            "bookTicker" => Kind::Best,
            "markPrice@arr" if !is_spot => Kind::Mark { is_fast: false },
            "markPrice@arr@1s" if !is_spot => Kind::Mark { is_fast: true },
            other if is_spot => window_of(other.strip_prefix("ticker_")?.strip_suffix("@arr")?)?,
            _ => return None,
        };
        return Some((None, kind));
    }
    let (symbol, kind) = name.split_once('@')?;
    // Names of streams are in lower case, and nothing is told to who writes them otherwise.
    if symbol.chars().any(|c| c.is_ascii_uppercase()) {
        return None;
    }
    let symbol = exchange.symbol_id(&symbol.to_uppercase())?;
    let is_fast = kind.ends_with("@100ms");
    let plain = kind.trim_end_matches("@100ms").trim_end_matches("@1000ms");
    let kind = match plain {
        "trade" if !is_fast => Kind::Trade,
        "aggTrade" if !is_fast => Kind::AggTrade,
        "bookTicker" if !is_fast => Kind::Best,
        "miniTicker" if !is_fast => Kind::MiniTicker,
        "ticker" if !is_fast => Kind::Ticker,
        "avgPrice" if !is_fast => Kind::Average,
        "markPrice" if !is_spot => Kind::Mark { is_fast: false },
        "markPrice@1s" if !is_spot => Kind::Mark { is_fast: true },
        "depth" => Kind::Changes { is_fast },
        "depth5" => Kind::Top { levels: 5, is_fast },
        "depth10" => Kind::Top { levels: 10, is_fast },
        "depth20" => Kind::Top { levels: 20, is_fast },
        other => match other.strip_prefix("ticker_") {
            Some(window) if is_spot => window_of(window)?,
            _ => {
                let interval = other.strip_prefix("kline_")?;
                Kind::Candle(names::INTERVALS.iter().position(|(name, _)| *name == interval)?)
            }
        },
    };
    Some((Some(symbol), kind))
}

#[cfg(test)]
mod tests {
    use super::super::{exchange_settings, futures_settings};
    use super::*;

    #[test]
    fn marks_are_of_futures_and_spans_of_spot() {
        let names = ["BTCUSDT".to_owned()];
        let spot = Exchange::new(exchange_settings(&names).expect("known")).expect("an exchange");
        let usdm = Exchange::new(futures_settings(&names).expect("known")).expect("an exchange");
        let kind = |name: &str, exchange| topic_of(name, exchange).map(|(_, kind)| kind);
        for (name, of_spot, of_usdm) in [
            ("btcusdt@trade", Some(Kind::Trade), Some(Kind::Trade)),
            ("btcusdt@kline_1m", kind("btcusdt@kline_1m", &usdm), Some(Kind::Candle(1))),
            ("btcusdt@ticker_4h", Some(Kind::Window(1)), None),
            ("!ticker_1d@arr", Some(Kind::Window(2)), None),
            ("btcusdt@markPrice", None, Some(Kind::Mark { is_fast: false })),
            ("btcusdt@markPrice@1s", None, Some(Kind::Mark { is_fast: true })),
            ("!markPrice@arr", None, Some(Kind::Mark { is_fast: false })),
            ("!markPrice@arr@1s", None, Some(Kind::Mark { is_fast: true })),
            ("!anything", None, None),
        ] {
            assert_eq!((kind(name, &spot), kind(name, &usdm)), (of_spot, of_usdm), "{name}");
        }
    }
}
