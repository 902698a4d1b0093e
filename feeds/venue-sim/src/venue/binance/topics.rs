//! What streams there are, and what each is called.

use crate::exchange::{Exchange, SymbolId};

use super::names;

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
    Average,
    /// Marks, each second or each three.
    Mark {
        is_fast: bool,
    },
}

/// A stream: of one symbol, or of all.
pub(super) type Topic = (Option<SymbolId>, Kind);

/// The topic of a stream's name; nothing for names and symbols that nobody knows.
pub(super) fn topic_of(name: &str, exchange: &Exchange) -> Option<Topic> {
    if let Some(all) = name.strip_prefix('!') {
        return match all {
            "miniTicker@arr" => Some((None, Kind::MiniTicker)),
            "ticker@arr" => Some((None, Kind::Ticker)),
            "bookTicker" => Some((None, Kind::Best)),
            "markPrice@arr" if exchange.has_positions() => {
                Some((None, Kind::Mark { is_fast: false }))
            }
            "markPrice@arr@1s" if exchange.has_positions() => {
                Some((None, Kind::Mark { is_fast: true }))
            }
            _ => None,
        };
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
        "markPrice" if exchange.has_positions() => Kind::Mark { is_fast: false },
        "markPrice@1s" if exchange.has_positions() => Kind::Mark { is_fast: true },
        "depth" => Kind::Changes { is_fast },
        "depth5" => Kind::Top { levels: 5, is_fast },
        "depth10" => Kind::Top { levels: 10, is_fast },
        "depth20" => Kind::Top { levels: 20, is_fast },
        other => {
            let interval = other.strip_prefix("kline_")?;
            Kind::Candle(names::INTERVALS.iter().position(|(name, _)| *name == interval)?)
        }
    };
    Some((Some(symbol), kind))
}
