//! What was traded: trades, aggregated trades, candles and figures of a symbol.

use std::collections::VecDeque;

use super::candle::{Candles, MINUTE_NS, SECOND_NS};
use super::event::{AggTrade, Trade};
use super::order::Side;
use super::symbol::SymbolId;
use super::units::{Nanos, Price, Qty};

/// What was traded of a symbol.
#[derive(Clone, Debug)]
pub(super) struct Tape {
    pub(super) trades: VecDeque<Trade>,
    pub(super) agg_trades: VecDeque<AggTrade>,
    /// The trades of the taker of now at the price of now.
    open: Option<AggTrade>,
    pub(super) last: Option<(Price, Qty)>,
    pub(super) next_trade: u64,
    next_agg: u64,
    kept: usize,
    pub(super) seconds: Candles,
    pub(super) minutes: Candles,
}

impl Tape {
    /// A tape on which nothing was traded yet.
    pub(super) fn new(first: u64, kept: usize, candles: usize) -> Self {
        Self {
            trades: VecDeque::new(),
            agg_trades: VecDeque::new(),
            open: None,
            last: None,
            next_trade: first,
            next_agg: first,
            kept: kept.max(1),
            seconds: Candles::new(SECOND_NS, candles),
            minutes: Candles::new(MINUTE_NS, candles),
        }
    }

    /// The price of the last trade.
    pub(super) fn last_price(&self) -> Option<Price> {
        self.last.map(|(price, _)| price)
    }

    /// A trade. Gives back the aggregated trade that is complete now, if one is.
    pub(super) fn add(&mut self, trade: Trade) -> Option<AggTrade> {
        self.next_trade = trade.id + 1;
        self.last = Some((trade.price, trade.qty));
        self.seconds.add(&trade);
        self.minutes.add(&trade);
        if self.trades.len() == self.kept {
            self.trades.pop_front();
        }
        self.trades.push_back(trade);
        if let Some(open) = &mut self.open
            && open.price == trade.price
            && open.aggressor == trade.aggressor
        {
            open.qty = open.qty.saturating_add(trade.qty);
            open.last = trade.id;
            return None;
        }
        let complete = self.complete();
        self.open = Some(AggTrade {
            symbol: trade.symbol,
            id: self.next_agg,
            price: trade.price,
            qty: trade.qty,
            first: trade.id,
            last: trade.id,
            aggressor: trade.aggressor,
            time_ns: trade.time_ns,
        });
        self.next_agg += 1;
        complete
    }

    /// The taker is done: the aggregated trade that is complete now, if there is one.
    pub(super) fn complete(&mut self) -> Option<AggTrade> {
        let complete = self.open.take()?;
        if self.agg_trades.len() == self.kept {
            self.agg_trades.pop_front();
        }
        self.agg_trades.push_back(complete);
        Some(complete)
    }

    /// A trade between nobody in particular, to be added.
    pub(super) const fn trade(
        &self,
        symbol: SymbolId,
        price: Price,
        qty: Qty,
        aggressor: Side,
        time_ns: Nanos,
    ) -> Trade {
        let (buyer, seller) = (None, None);
        let id = self.next_trade;
        Trade { symbol, id, price, qty, quote: 0, aggressor, buyer, seller, time_ns }
    }
}
