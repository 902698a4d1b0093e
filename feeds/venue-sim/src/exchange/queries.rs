//! What can be asked without changing anything.

use super::account::{AccountId, Fees};
use super::api::Amendment;
use super::candle::{Candle, Interval, MINUTE_NS};
use super::core::{Board, Exchange};
use super::depth::{Best, Depth};
use super::desk::Desk;
use super::event::{AggTrade, Balance, Fill, Prevention, Report, Trade};
use super::order::{Order, OrderRef};
use super::settings::Settings;
use super::symbol::{AssetId, AssetSpec, SymbolId, SymbolSpec, SymbolStatus};
use super::ticker::Ticker;
use super::units::{Amount, Nanos, Price};

const DAY_NS: Nanos = 1_440 * MINUTE_NS;

impl Exchange {
    /// What it was set up with. Of symbols [`symbol`](Self::symbol) knows what they are now.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The assets, in the order of their ids.
    #[must_use]
    pub fn assets(&self) -> &[AssetSpec] {
        &self.settings.assets
    }

    /// The asset with that name.
    #[must_use]
    pub fn asset_id(&self, name: &str) -> Option<AssetId> {
        let place = self.settings.assets.iter().position(|asset| *asset.name == *name)?;
        u16::try_from(place).ok().map(AssetId)
    }

    /// An asset.
    #[must_use]
    pub fn asset(&self, asset: AssetId) -> Option<&AssetSpec> {
        self.settings.assets.get(usize::from(asset.0))
    }

    /// The symbols as they are now, delisted ones included.
    pub fn symbols(&self) -> impl ExactSizeIterator<Item = (SymbolId, &SymbolSpec)> {
        let number = |at: usize| SymbolId(u16::try_from(at).unwrap_or(u16::MAX));
        self.boards.iter().enumerate().map(move |(at, board)| (number(at), &board.spec))
    }

    /// The symbol with that name, unless it is delisted.
    #[must_use]
    pub fn symbol_id(&self, name: &str) -> Option<SymbolId> {
        let id = *self.names.get(name)?;
        let is_gone = self.symbol(id)?.status == SymbolStatus::Delisted;
        (!is_gone).then_some(id)
    }

    /// A symbol as it is now: status and tick may have changed since the start.
    #[must_use]
    pub fn symbol(&self, symbol: SymbolId) -> Option<&SymbolSpec> {
        self.boards.get(usize::from(symbol.0)).map(|board| &board.spec)
    }

    /// The account with that name.
    #[must_use]
    pub fn account_id(&self, name: &str) -> Option<AccountId> {
        self.account_names.get(name).copied()
    }

    /// The name of an account.
    #[must_use]
    pub fn account_name(&self, account: AccountId) -> Option<&str> {
        self.accounts.get(account.0 as usize).map(|account| &*account.spec.name)
    }

    /// All accounts.
    pub fn account_ids(&self) -> impl Iterator<Item = AccountId> + use<> {
        (0..u32::try_from(self.accounts.len()).unwrap_or(u32::MAX)).map(AccountId)
    }

    /// What an account pays.
    #[must_use]
    pub fn fees(&self, account: AccountId) -> Option<Fees> {
        self.accounts.get(account.0 as usize).map(|account| account.spec.fees)
    }

    /// The trade group of an account.
    #[must_use]
    pub fn trade_group(&self, account: AccountId) -> Option<u32> {
        self.accounts.get(account.0 as usize)?.spec.trade_group
    }

    /// Whether an account may not place and cancel.
    #[must_use]
    pub fn is_disabled(&self, account: AccountId) -> bool {
        self.accounts.get(account.0 as usize).is_some_and(|account| account.is_disabled)
    }

    /// Of all assets that the account has or had something of.
    #[must_use]
    pub fn balances(&self, account: AccountId) -> Vec<Balance> {
        let Some(account) = self.accounts.get(account.0 as usize) else { return Vec::new() };
        account.purses.keys().map(|asset| account.balance(*asset)).collect()
    }

    fn desk(&self, account: AccountId, symbol: SymbolId) -> Option<&Desk> {
        self.accounts.get(account.0 as usize)?.desks.get(&symbol)
    }

    /// An order: by client id the open one of that id, else the latest.
    #[must_use]
    pub fn order(&self, account: AccountId, symbol: SymbolId, name: &OrderRef) -> Option<&Order> {
        let desk = self.desk(account, symbol)?;
        let by_client = name.client_id.as_ref().map(|client| {
            desk.open_clients.get(client).or_else(|| desk.clients.get(client)).copied()
        });
        let id = match (name.id, by_client) {
            (Some(id), None) => id,
            (None, Some(found)) => found?,
            (Some(id), Some(found)) if found == Some(id) => id,
            _ => return None,
        };
        let order = &self.orders[self.index(id)?];
        (order.account == account && order.symbol == symbol).then_some(order)
    }

    /// An order as it stood at a time, as far as the kept reports go back.
    #[must_use]
    pub fn order_as_of(
        &self,
        account: AccountId,
        symbol: SymbolId,
        name: &OrderRef,
        at_ns: Nanos,
    ) -> Option<Order> {
        let id = self.order(account, symbol, name)?.id;
        let reports = &self.accounts.get(account.0 as usize)?.reports;
        let then = |report: &&Report| report.order.id == id && report.time_ns <= at_ns;
        reports.iter().rev().find(then).map(|report| report.order.clone())
    }

    /// The open orders of an account, of one symbol or of all, by symbol and id.
    pub fn open_orders(
        &self,
        account: AccountId,
        symbol: Option<SymbolId>,
    ) -> impl Iterator<Item = &Order> {
        let desks = self.accounts.get(account.0 as usize).into_iter().flat_map(|a| &a.desks);
        let desks = desks.filter(move |(id, _)| symbol.is_none_or(|symbol| symbol == **id));
        desks.flat_map(|(_, desk)| &desk.open).map(|id| self.order_at(*id))
    }

    /// All orders of an account and a symbol from that id on, by id.
    pub fn orders(
        &self,
        account: AccountId,
        symbol: SymbolId,
        from: u64,
    ) -> impl DoubleEndedIterator<Item = &Order> {
        let ids = self.desk(account, symbol).map_or(&[][..], |desk| &desk.ids);
        let place = ids.partition_point(|id| *id < from);
        ids[place..].iter().map(|id| self.order_at(*id))
    }

    /// The fills of an account and a symbol from that trade on, by trade.
    pub fn fills(
        &self,
        account: AccountId,
        symbol: SymbolId,
        from: u64,
    ) -> impl DoubleEndedIterator<Item = &Fill> {
        let fills = self.desk(account, symbol).map_or(&[][..], |desk| &desk.fills);
        let place = fills.partition_point(|fill| fill.trade_id < from);
        fills[place..].iter()
    }

    /// The amendments of an account and a symbol, by execution.
    #[must_use]
    pub fn amendments(&self, account: AccountId, symbol: SymbolId) -> &[Amendment] {
        self.desk(account, symbol).map_or(&[], |desk| &desk.amendments)
    }

    /// The prevented matches of an account and a symbol, by id.
    #[must_use]
    pub fn preventions(&self, account: AccountId, symbol: SymbolId) -> &[Prevention] {
        self.desk(account, symbol).map_or(&[], |desk| &desk.preventions)
    }

    /// The reports of an account from that number on, as far as they are kept: to tell them again.
    pub fn reports(&self, account: AccountId, from: u64) -> impl Iterator<Item = &Report> {
        let reports = self.accounts.get(account.0 as usize).map(|account| &account.reports);
        let place = reports.map_or(0, |all| all.partition_point(|report| report.number < from));
        reports.into_iter().flat_map(move |all| all.range(place..))
    }

    /// The best prices and quantities of a book, at most `levels` a side.
    #[must_use]
    pub fn depth(&self, symbol: SymbolId, levels: usize) -> Depth {
        let board = self.boards.get(usize::from(symbol.0));
        board.map(|board| board.book.depth(levels)).unwrap_or_default()
    }

    /// The best prices of a book.
    #[must_use]
    pub fn best(&self, symbol: SymbolId) -> Best {
        let board = self.boards.get(usize::from(symbol.0));
        board.map(|board| board.book.best()).unwrap_or_default()
    }

    /// What a quantity costs at a price.
    #[must_use]
    pub fn worth_of(&self, symbol: SymbolId, price: Price, qty: super::units::Qty) -> Amount {
        let board = self.boards.get(usize::from(symbol.0));
        board.map_or(0, |board| board.scale.amount(price, qty))
    }

    /// The price of the last trade.
    #[must_use]
    pub fn last_price(&self, symbol: SymbolId) -> Option<Price> {
        self.boards.get(usize::from(symbol.0))?.tape.last_price()
    }

    /// The average price of the last minutes by volume, from the minute on in which they begin.
    /// For zero minutes, and without a trade in them, the last price.
    #[must_use]
    pub fn average_price(&self, symbol: SymbolId, minutes: u32) -> Option<Price> {
        self.average(self.boards.get(usize::from(symbol.0))?, minutes)
    }

    pub(super) fn average(&self, board: &Board, minutes: u32) -> Option<Price> {
        let last = board.tape.last_price()?;
        if minutes == 0 {
            return Some(last);
        }
        let from = self.now_ns.saturating_sub(Nanos::from(minutes).saturating_mul(MINUTE_NS));
        let (sum, _) = board.tape.minutes.since(from);
        let average = sum.and_then(|sum| board.scale.price(sum.quote_volume, sum.volume));
        average.or(Some(last))
    }

    /// The kept trades, oldest first, by ascending ids without a hole.
    pub fn trades(&self, symbol: SymbolId) -> impl DoubleEndedIterator<Item = &Trade> {
        self.boards.get(usize::from(symbol.0)).into_iter().flat_map(|board| &board.tape.trades)
    }

    /// The kept aggregated trades, oldest first, by ascending ids without a hole.
    pub fn agg_trades(&self, symbol: SymbolId) -> impl DoubleEndedIterator<Item = &AggTrade> {
        self.boards.get(usize::from(symbol.0)).into_iter().flat_map(|board| &board.tape.agg_trades)
    }

    /// Candles that begin at or after `from_ns` and not after `to_ns` nor now: the first `limit`
    /// of them, or without `from_ns` the last ones. Those of up to 59 seconds are made of seconds,
    /// longer ones of minutes, as far as these are kept; the last one may not be over.
    #[must_use]
    pub fn candles(
        &self,
        symbol: SymbolId,
        interval: Interval,
        (from_ns, to_ns): (Option<Nanos>, Option<Nanos>),
        limit: usize,
    ) -> Vec<Candle> {
        let Some(board) = self.boards.get(usize::from(symbol.0)) else { return Vec::new() };
        let parts = match interval {
            Interval::Seconds(seconds) if seconds < 60 => &board.tape.seconds,
            _ => &board.tape.minutes,
        };
        let to_ns = to_ns.map_or(self.now_ns, |to| to.min(self.now_ns));
        parts.of(interval, from_ns, to_ns, limit)
    }

    /// The figures of the last 24 hours, from the minute on in which they begin.
    #[must_use]
    pub fn ticker(&self, symbol: SymbolId) -> Ticker {
        self.figures(symbol, self.now_ns - DAY_NS, self.now_ns)
    }

    /// The figures of a span that ends now and begins with a minute: it is up to a minute longer.
    #[must_use]
    pub fn window(&self, symbol: SymbolId, span_ns: Nanos) -> Ticker {
        let begin = self.now_ns.saturating_sub(span_ns);
        self.figures(symbol, begin.div_euclid(MINUTE_NS) * MINUTE_NS, self.now_ns)
    }

    /// The figures from a time on, as far as minutes are kept, told as those until another time.
    #[must_use]
    pub fn figures(&self, symbol: SymbolId, open_ns: Nanos, close_ns: Nanos) -> Ticker {
        let Some(board) = self.boards.get(usize::from(symbol.0)) else { return Ticker::default() };
        let (sum, before) = board.tape.minutes.since(open_ns);
        let (last, last_qty) = board.tape.last.unwrap_or_default();
        let mut ticker = Ticker {
            open_ns,
            close_ns,
            open: last,
            high: last,
            low: last,
            last,
            last_qty,
            previous_close: before.unwrap_or(last),
            ..Ticker::default()
        };
        if let Some(sum) = sum {
            (ticker.open, ticker.high, ticker.low) = (sum.open, sum.high, sum.low);
            ticker.previous_close = before.unwrap_or(sum.open);
            (ticker.volume, ticker.quote_volume) = (sum.volume, sum.quote_volume);
            (ticker.first_trade, ticker.last_trade) = (sum.first_trade, sum.last_trade);
            ticker.trades = sum.trades;
            ticker.average = board.scale.price(sum.quote_volume, sum.volume).unwrap_or(last);
        }
        ticker
    }

    /// How many orders and executions there are, of how many there can be.
    #[must_use]
    pub fn fullness(&self) -> [(usize, usize); 2] {
        let limits = &self.settings.limits;
        [(self.orders.len(), limits.orders_max), (self.fills, limits.fills_max)]
    }

    /// What the exchange has taken in commissions, by asset.
    #[must_use]
    pub fn commissions(&self) -> &[Amount] {
        &self.fees
    }

    /// The whole queue at a price as ids of orders and quantities of the market (`None`).
    #[must_use]
    pub fn queue(
        &self,
        symbol: SymbolId,
        side: super::order::Side,
        price: Price,
    ) -> Vec<(Option<u64>, Amount)> {
        let board = self.boards.get(usize::from(symbol.0));
        let level = board.and_then(|board| board.book.side(side).get(&price));
        let entry = |front| match front {
            super::level::Front::Market(qty) => (None, qty),
            super::level::Front::Order(id) => {
                let shown = self.index(id).map_or(0, |at| self.places[at].shown);
                (Some(id), Amount::from(shown))
            }
        };
        level.into_iter().flat_map(super::level::Level::queue).map(entry).collect()
    }
}
