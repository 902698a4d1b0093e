//! The best prices as trades alone show them, for data without a book.

use qt_engine::values;
use qt_types::{Price, Side, Trade};
use serde::{Deserialize, Serialize};

/// Trades that are seen before anything is said.
const TRADES_MIN: u32 = 20;

/// The last price that somebody bought at stands for the best ask, the last one that somebody
/// sold at for the best bid. Who took liquidity is said by the data, else by the tick test: who
/// trades above the trade before is a buyer, who trades below it a seller, who trades at it as the
/// one before (C. Lee and M. Ready, Journal of Finance 46(2), 1991).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct TapeTop {
    bid: Option<i64>,
    ask: Option<i64>,
    last: Option<(i64, Option<Side>)>,
    trades: u32,
}

values!(TapeTop);

impl TapeTop {
    pub(super) const fn new() -> Self {
        Self { bid: None, ask: None, last: None, trades: 0 }
    }

    pub(super) fn update(&mut self, trade: &Trade) {
        let price = trade.price.ticks();
        let side = trade.aggressor.or_else(|| {
            let (before, side) = self.last?;
            match price.cmp(&before) {
                std::cmp::Ordering::Greater => Some(Side::Buy),
                std::cmp::Ordering::Less => Some(Side::Sell),
                std::cmp::Ordering::Equal => side,
            }
        });
        self.last = Some((price, side));
        self.trades = self.trades.saturating_add(1);
        // The side that the market has moved through is a tick away from the newer one.
        match side {
            Some(Side::Buy) => {
                self.ask = Some(price);
                self.bid = self.bid.map(|bid| bid.min(price.saturating_sub(1)));
            }
            Some(Side::Sell) => {
                self.bid = Some(price);
                self.ask = self.ask.map(|ask| ask.max(price.saturating_add(1)));
            }
            None => {}
        }
    }

    /// Best bid and best ask, once both were seen.
    pub(super) fn best(&self) -> Option<(Price, Price)> {
        let (bid, ask) = self.bid.zip(self.ask)?;
        let seen = self.trades >= TRADES_MIN && bid > 0;
        seen.then(|| (Price::from_ticks(bid), Price::from_ticks(ask)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qt_types::{BarFlags, Qty};

    fn best(trades: &[(i64, Option<Side>)]) -> Option<(i64, i64)> {
        let mut top = TapeTop { trades: TRADES_MIN, ..TapeTop::new() };
        for &(ticks, aggressor) in trades {
            let (price, qty) = (Price::from_ticks(ticks), Qty::from_lots(1));
            top.update(&Trade { price, qty, aggressor, flags: BarFlags::default(), row: 0 });
        }
        top.best().map(|(bid, ask)| (bid.ticks(), ask.ticks()))
    }

    #[test]
    fn buyers_tell_the_ask_and_sellers_the_bid() {
        let (buy, sell) = (Some(Side::Buy), Some(Side::Sell));
        assert_eq!(best(&[(100, buy)]), None);
        assert_eq!(best(&[(100, buy), (98, sell)]), Some((98, 100)));
        assert_eq!(best(&[(100, buy), (98, sell), (103, sell)]), Some((103, 104)));
        assert_eq!(best(&[(100, buy), (98, sell), (95, buy)]), Some((94, 95)));
    }

    #[test]
    fn where_nobody_says_who_took_the_move_does() {
        // 100, up: a buyer; 101 again: the same; 99: a seller.
        assert_eq!(best(&[(100, None), (101, None), (101, None), (99, None)]), Some((99, 101)));
        assert_eq!(best(&[(100, None), (100, None)]), None);
    }

    #[test]
    fn a_few_trades_say_nothing() {
        let mut top = TapeTop::new();
        for at in 0..TRADES_MIN {
            assert_eq!(top.best(), None);
            let (price, qty) = (Price::from_ticks(100 + i64::from(at % 2)), Qty::from_lots(1));
            top.update(&Trade { price, qty, aggressor: None, flags: BarFlags::default(), row: 0 });
        }
        assert!(top.best().is_some());
    }
}
