//! What is checked before an order is taken: its shape, and the rules of its symbol.

use super::account::AccountId;
use super::core::{AMOUNT_MAX, Board, Exchange};
use super::filters::{Band, Worth};
use super::order::{CLIENT_ID_BYTES_MAX, NewOrder, OrderKind, SelfTrade, Side, TimeInForce};
use super::refusal::{Refusal, Rule};
use super::stops::{is_reached, waits_above};
use super::symbol::{SymbolId, SymbolStatus};
use super::units::{Amount, Price, Qty, RATE_ONE, UNITS_MAX};

type Checked = Result<(), Refusal>;

const fn rule(holds: bool, rule: Rule) -> Checked {
    if holds { Ok(()) } else { Err(Refusal::Filter(rule)) }
}

impl Exchange {
    /// Everything that can be said of an order without the book.
    pub(super) fn check(&self, account: AccountId, order: &NewOrder) -> Checked {
        self.check_rules(account, order)?;
        match (order.stop_price, order.trailing_delta) {
            (Some(stop), None) => self.check_trigger(order.symbol, order.kind, order.side, stop),
            _ => Ok(()),
        }
    }

    /// Whether an order's price has not come yet.
    pub(super) fn check_trigger(
        &self,
        symbol: SymbolId,
        kind: OrderKind,
        side: Side,
        stop: Price,
    ) -> Checked {
        let above = waits_above(kind, side);
        let reached = |last| is_reached(above, stop, last);
        let is_there = self.last_price(symbol).is_some_and(reached);
        if is_there { Err(Refusal::WouldTrigger) } else { Ok(()) }
    }

    /// The same whatever the last price is.
    pub(super) fn check_rules(&self, account: AccountId, order: &NewOrder) -> Checked {
        let owner = self.accounts.get(account.0 as usize).ok_or(Refusal::UnknownAccount)?;
        let board = self.board(order.symbol)?;
        if owner.is_disabled {
            return Err(Refusal::AccountDisabled);
        }
        match board.spec.status {
            SymbolStatus::Trading => {}
            SymbolStatus::CancelOnly => return Err(Refusal::CancelOnly),
            _ => return Err(Refusal::MarketClosed),
        }
        check_kind(board, order)?;
        check_shape(order)?;
        check_ranges(board, order)?;
        self.check_filters(board, order)?;
        self.check_counts(board, account, order)?;
        self.check_full(board, order)
    }

    pub(super) fn check_filters(&self, board: &Board, order: &NewOrder) -> Checked {
        let filters = &board.spec.filters;
        for price in [order.price, order.stop_price].into_iter().flatten() {
            rule(filters.price.holds(price), Rule::PriceFilter)?;
        }
        for qty in [order.qty, order.iceberg_qty].into_iter().flatten() {
            rule(filters.lot.holds(qty), Rule::LotSize)?;
        }
        let is_market = !order.kind.has_price();
        if let (Some(lot), Some(qty), true) = (filters.market_lot, order.qty, is_market) {
            rule(lot.holds(qty), Rule::MarketLotSize)?;
        }
        if let (Some(parts), Some(qty), Some(shown)) =
            (filters.iceberg_parts, order.qty, order.iceberg_qty)
        {
            let needed = qty / shown + Qty::from(qty % shown != 0);
            rule(needed <= Qty::from(parts), Rule::IcebergParts)?;
        }
        if let (Some(trailing), Some(delta)) = (filters.trailing, order.trailing_delta) {
            let range = if waits_above(order.kind, order.side) {
                trailing.above_min..=trailing.above_max
            } else {
                trailing.below_min..=trailing.below_max
            };
            rule(range.contains(&delta), Rule::TrailingDelta)?;
        }
        if let Some(price) = order.price {
            self.check_bands(board, order.side, price)?;
        }
        self.check_worth(board, order)
    }

    fn check_bands(&self, board: &Board, side: Side, price: Price) -> Checked {
        let within = |band: Band, side: Side| {
            let Some(average) = self.average(board, band.minutes) else { return true };
            let (up, down) = match side {
                Side::Buy => (band.bid_up, band.bid_down),
                Side::Sell => (band.ask_up, band.ask_down),
            };
            let (price, average) = (i128::from(price) * RATE_ONE, i128::from(average));
            price <= average * i128::from(up) && price >= average * i128::from(down)
        };
        let filters = &board.spec.filters;
        if let Some(band) = filters.percent_price {
            rule(within(band, Side::Buy), Rule::PercentPrice)?;
        }
        if let Some(band) = filters.percent_price_by_side {
            rule(within(band, side), Rule::PercentPriceBySide)?;
        }
        Ok(())
    }

    /// What an order is worth, and whether that is because of its own price.
    fn worth(&self, board: &Board, order: &NewOrder, minutes: u32) -> Option<Amount> {
        if let Some(quote) = order.quote_qty {
            return Some(quote);
        }
        let price = order.price.or_else(|| self.average(board, minutes))?;
        Some(board.scale.amount(price, order.qty?))
    }

    fn check_worth(&self, board: &Board, order: &NewOrder) -> Checked {
        let is_market = !order.kind.has_price();
        let filters = &board.spec.filters;
        if order.reduce_only {
            // What is left of a position may be worth anything.
            return Ok(());
        }
        let check = |worth: &Worth, has_max: bool, broken: Rule| {
            let Some(value) = self.worth(board, order, worth.minutes) else { return Ok(()) };
            if !is_market || worth.min_for_market {
                rule(value >= worth.min, broken)?;
            }
            if has_max && worth.max > 0 && (!is_market || worth.max_for_market) {
                rule(value <= worth.max, broken)?;
            }
            Ok(())
        };
        if let Some(worth) = &filters.min_notional {
            check(worth, false, Rule::MinNotional)?;
        }
        if let Some(worth) = &filters.notional {
            check(worth, true, Rule::Notional)?;
        }
        for (asset, limit) in &self.settings.max_asset {
            if *asset == board.spec.base {
                let qty = order.qty.map_or(0, Amount::from);
                rule(qty <= *limit, Rule::MaxAsset)?;
            }
            if *asset == board.spec.quote {
                let value = self.worth(board, order, 0).unwrap_or(0);
                rule(value <= *limit, Rule::MaxAsset)?;
            }
        }
        Ok(())
    }

    fn check_counts(&self, board: &Board, account: AccountId, order: &NewOrder) -> Checked {
        let owner = &self.accounts[account.0 as usize];
        let desk = owner.desks.get(&order.symbol);
        let counts = desk.map(|desk| desk.counts).unwrap_or_default();
        let filters = &board.spec.filters;
        let (algo, iceberg) = (order.kind.is_conditional(), order.iceberg_qty.is_some());
        let below = |count: u32, max: Option<u32>| max.is_none_or(|max| count < max);
        rule(below(counts.orders, filters.num_orders_max), Rule::MaxNumOrders)?;
        let algo_max = filters.num_algo_orders_max;
        rule(!algo || below(counts.algo, algo_max), Rule::MaxNumAlgoOrders)?;
        let iceberg_max = filters.num_iceberg_orders_max;
        rule(!iceberg || below(counts.iceberg, iceberg_max), Rule::MaxNumIcebergOrders)?;
        if let (Some(max), Side::Buy) = (filters.position_max, order.side) {
            let held = owner.balance(board.spec.base);
            let position = held.free + held.locked + counts.buying;
            let more = order.qty.map_or(0, Amount::from);
            rule(position + more <= max, Rule::MaxPosition)?;
        }
        if let Some(max) = self.settings.num_orders_max {
            let all: u32 = owner.desks.values().map(|desk| desk.counts.orders).sum();
            rule(all < max, Rule::ExchangeMaxNumOrders)?;
        }
        if let (Some(max), true) = (self.settings.num_algo_orders_max, algo) {
            let all: u32 = owner.desks.values().map(|desk| desk.counts.algo).sum();
            rule(all < max, Rule::ExchangeMaxNumAlgoOrders)?;
        }
        let is_taken =
            |id: &std::sync::Arc<str>| desk.is_some_and(|desk| desk.open_clients.contains_key(id));
        if order.client_id.as_ref().is_some_and(is_taken) {
            return Err(Refusal::DuplicateClientId);
        }
        Ok(())
    }

    fn check_full(&self, board: &Board, order: &NewOrder) -> Checked {
        let limits = &self.settings.limits;
        if self.orders.len() >= limits.orders_max {
            return Err(Refusal::Full("orders"));
        }
        if self.fills >= limits.fills_max {
            return Err(Refusal::Full("executions"));
        }
        if let Some(price) = order.price {
            let side = board.book.side(order.side);
            // The market alone may fill one half.
            if side.len() >= 2 * limits.levels_max && !side.contains_key(&price) {
                return Err(Refusal::Full("prices"));
            }
        }
        if order.trailing_delta.is_some() && board.stops.trailing_len() >= limits.trailing_max {
            return Err(Refusal::Full("trailing stops"));
        }
        Ok(())
    }
}

fn check_kind(board: &Board, order: &NewOrder) -> Checked {
    if !board.spec.kinds.contains(&order.kind) {
        return Err(Refusal::KindNotSupported);
    }
    let mode: SelfTrade = order.self_trade.unwrap_or(board.spec.self_trade_default);
    if !board.spec.self_trades.contains(&mode) {
        return Err(Refusal::SelfTradeNotSupported);
    }
    Ok(())
}

/// Whether the fields are there that the kind has, and no others.
fn check_shape(order: &NewOrder) -> Checked {
    let kind = order.kind;
    let need = |is_there: bool, name: &'static str| {
        if is_there { Ok(()) } else { Err(Refusal::Missing(name)) }
    };
    let lack = |is_there: bool, name: &'static str| {
        if is_there { Err(Refusal::Surplus(name)) } else { Ok(()) }
    };
    if kind.has_price() {
        need(order.price.is_some(), "price")?;
    } else {
        lack(order.price.is_some(), "price")?;
    }
    if kind == OrderKind::Market {
        need(order.qty.is_some() || order.quote_qty.is_some(), "quantity")?;
        lack(order.qty.is_some() && order.quote_qty.is_some(), "quote quantity")?;
    } else {
        need(order.qty.is_some(), "quantity")?;
        lack(order.quote_qty.is_some(), "quote quantity")?;
    }
    if kind.is_conditional() {
        let waits = order.stop_price.is_some() || order.trailing_delta.is_some();
        need(waits, "stop price")?;
    } else {
        lack(order.stop_price.is_some(), "stop price")?;
        lack(order.trailing_delta.is_some(), "trailing delta")?;
    }
    if kind.has_price() && kind != OrderKind::LimitMaker {
        need(order.time_in_force.is_some(), "time in force")?;
    } else {
        lack(order.time_in_force.is_some(), "time in force")?;
    }
    if order.iceberg_qty.is_some() {
        if !kind.has_price() {
            return Err(Refusal::Surplus("iceberg quantity"));
        }
        if matches!(order.time_in_force, Some(TimeInForce::Ioc | TimeInForce::Fok)) {
            return Err(Refusal::Combination);
        }
    }
    Ok(())
}

/// Whether numbers are such that sums of them can be made.
pub(super) fn check_ranges(board: &Board, order: &NewOrder) -> Checked {
    let within = |value: Option<i64>| value.is_none_or(|value| value > 0 && value < UNITS_MAX);
    for (value, name) in [
        (order.qty, "quantity"),
        (order.price, "price"),
        (order.stop_price, "stop price"),
        (order.iceberg_qty, "iceberg quantity"),
    ] {
        if !within(value) {
            return Err(Refusal::Range(name));
        }
    }
    if order.quote_qty.is_some_and(|quote| quote <= 0 || quote > AMOUNT_MAX) {
        return Err(Refusal::Range("quote quantity"));
    }
    if order.trailing_delta.is_some_and(|delta| delta == 0 || delta >= 10_000) {
        return Err(Refusal::Range("trailing delta"));
    }
    let has_room = |id: &std::sync::Arc<str>| !id.is_empty() && id.len() <= CLIENT_ID_BYTES_MAX;
    if !order.client_id.as_ref().is_none_or(has_room) {
        return Err(Refusal::Range("client id"));
    }
    let highest = order.price.max(order.stop_price);
    if let (Some(price), Some(qty)) = (highest, order.qty)
        && !board.scale.fits(price, qty)
    {
        return Err(Refusal::Range("quantity"));
    }
    if let (Some(shown), Some(qty)) = (order.iceberg_qty, order.qty)
        && shown >= qty
    {
        return Err(Refusal::IcebergTooLarge);
    }
    Ok(())
}
