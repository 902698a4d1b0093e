//! The truth as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::exchange::units::units_text;
use crate::exchange::{
    AccountId, Amount, AssetId, Balance, Event, Exchange, Fill, Order, Position, Report, Side,
    SymbolId,
};

/// How many prices of a book a summary has.
const LEVELS: usize = 20;

pub(super) fn amount_text(exchange: &Exchange, asset: AssetId, amount: Amount) -> String {
    units_text(amount, exchange.asset(asset).map_or(0, |asset| asset.decimals))
}

pub(super) fn asset_name(exchange: &Exchange, asset: AssetId) -> &str {
    exchange.asset(asset).map_or("", |asset| &asset.name)
}

pub(super) fn symbol_name(exchange: &Exchange, symbol: SymbolId) -> &str {
    exchange.symbol(symbol).map_or("", |spec| &spec.name)
}

pub(super) fn price_text(exchange: &Exchange, symbol: SymbolId, price: i64) -> String {
    units_text(price.into(), exchange.symbol(symbol).map_or(0, |spec| spec.price_decimals))
}

pub(super) fn qty_text(exchange: &Exchange, symbol: SymbolId, qty: i64) -> String {
    let base = exchange.symbol(symbol).map(|spec| spec.base);
    base.map_or_else(String::new, |base| amount_text(exchange, base, qty.into()))
}

fn quote_text(exchange: &Exchange, symbol: SymbolId, amount: Amount) -> String {
    let quote = exchange.symbol(symbol).map(|spec| spec.quote);
    quote.map_or_else(String::new, |quote| amount_text(exchange, quote, amount))
}

/// An order.
#[must_use]
pub fn order(exchange: &Exchange, order: &Order) -> Value {
    let symbol = order.symbol;
    json!({
        "order_id": order.id,
        "client_id": &*order.client_id,
        "symbol": symbol_name(exchange, symbol),
        "side": order.side.text(),
        "kind": order.kind.text(),
        "price": price_text(exchange, symbol, order.price),
        "stop_price": price_text(exchange, symbol, order.stop_price),
        "qty": qty_text(exchange, symbol, order.qty),
        "filled": qty_text(exchange, symbol, order.filled),
        "filled_quote": quote_text(exchange, symbol, order.filled_quote),
        "prevented": qty_text(exchange, symbol, order.prevented),
        "status": order.status.text(),
        "is_working": order.is_working(),
        "list_id": order.list,
        "created_ns": order.created_ns,
        "updated_ns": order.updated_ns,
    })
}

/// An execution.
#[must_use]
pub fn fill(exchange: &Exchange, fill: &Fill) -> Value {
    json!({
        "symbol": symbol_name(exchange, fill.symbol),
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "side": fill.side.text(),
        "price": price_text(exchange, fill.symbol, fill.price),
        "qty": qty_text(exchange, fill.symbol, fill.qty),
        "quote": quote_text(exchange, fill.symbol, fill.quote),
        "realised": quote_text(exchange, fill.symbol, fill.realised),
        "fee": amount_text(exchange, fill.fee_asset, fill.fee),
        "fee_asset": asset_name(exchange, fill.fee_asset),
        "is_maker": fill.is_maker,
        "time_ns": fill.time_ns,
    })
}

fn positions<'a>(exchange: &Exchange, all: impl Iterator<Item = &'a Position>) -> Vec<Value> {
    let one = |position: &Position| {
        let symbol = position.symbol;
        let base = exchange.symbol(symbol).map(|spec| spec.base);
        json!({
            "symbol": symbol_name(exchange, symbol),
            "qty": base.map(|base| amount_text(exchange, base, position.qty)),
            "cost": quote_text(exchange, symbol, position.cost),
            "realised": quote_text(exchange, symbol, position.realised),
            "leverage": position.leverage,
        })
    };
    all.map(one).collect()
}

fn balance(exchange: &Exchange, balance: &Balance) -> Value {
    json!({
        "asset": asset_name(exchange, balance.asset),
        "free": amount_text(exchange, balance.asset, balance.free),
        "locked": amount_text(exchange, balance.asset, balance.locked),
    })
}

/// An event as a line without its end, if it is about an account or a symbol's rules; changes of
/// books and trades of others are no part of the truth that is kept.
#[must_use]
pub fn line(exchange: &Exchange, event: &Event) -> Option<String> {
    let name = |account: AccountId| exchange.account_name(account).unwrap_or_default();
    let value = match event {
        Event::Report(report) => self::report(exchange, report),
        Event::List(report) => json!({
            "event": "list",
            "account": name(report.list.account),
            "number": report.number,
            "change": report.change.text(),
            "list_id": report.list.id,
            "client_id": &*report.list.client_id,
            "symbol": symbol_name(exchange, report.list.symbol),
            "contingency": report.list.contingency.text(),
            "orders": report.list.orders,
            "time_ns": report.time_ns,
        }),
        Event::Balances { account, balances } => {
            let changed = balances.changed.iter();
            json!({
                "event": "balances",
                "account": name(*account),
                "number": balances.number,
                "time_ns": balances.time_ns,
                "balances": changed.map(|b| balance(exchange, b)).collect::<Vec<_>>(),
                "positions": positions(exchange, balances.positions.iter()),
            })
        }
        Event::Funding { account, funding } => json!({
            "event": "funding",
            "account": name(*account),
            "number": funding.number,
            "time_ns": funding.time_ns,
            "symbol": symbol_name(exchange, funding.symbol),
            "asset": asset_name(exchange, funding.asset),
            "amount": amount_text(exchange, funding.asset, funding.amount),
            "mark": price_text(exchange, funding.symbol, funding.mark),
            "rate": units_text(funding.rate.into(), 8),
        }),
        Event::Leverage { account, symbol, leverage, time_ns } => json!({
            "event": "leverage",
            "account": name(*account),
            "time_ns": time_ns,
            "symbol": symbol_name(exchange, *symbol),
            "leverage": leverage,
        }),
        Event::Transfer { account, transfer } => json!({
            "event": "transfer",
            "account": name(*account),
            "number": transfer.number,
            "time_ns": transfer.time_ns,
            "asset": asset_name(exchange, transfer.asset),
            "amount": amount_text(exchange, transfer.asset, transfer.amount),
        }),
        Event::Status { symbol, status, time_ns } => json!({
            "event": "status",
            "symbol": symbol_name(exchange, *symbol),
            "status": status.text(),
            "time_ns": time_ns,
        }),
        Event::Tick { symbol, tick, time_ns } => json!({
            "event": "tick",
            "symbol": symbol_name(exchange, *symbol),
            "tick": price_text(exchange, *symbol, *tick),
            "time_ns": time_ns,
        }),
        Event::Book(_) | Event::Trade(_) | Event::AggTrade(_) => return None,
    };
    Some(value.to_string())
}

fn report(exchange: &Exchange, report: &Report) -> Value {
    let mut value = json!({
        "event": "report",
        "account": exchange.account_name(report.order.account).unwrap_or_default(),
        "number": report.number,
        "execution_id": report.execution_id,
        "kind": report.kind.text(),
        "time_ns": report.time_ns,
        "order": order(exchange, &report.order),
    });
    if let Some(done) = &report.fill {
        value["fill"] = fill(exchange, done);
    }
    if let Some(prevention) = &report.prevention {
        value["prevented_match"] = json!(prevention.id);
    }
    if let Some(refusal) = &report.refusal {
        value["refusal"] = json!(refusal.to_string());
    }
    value
}

/// Everything there is, as one object: of each account its open orders, what it has bought and
/// sold, commissions and balances; of each symbol its book. Single executions are in the lines.
#[must_use]
pub fn summary(exchange: &Exchange) -> Value {
    let accounts = exchange.account_ids().map(|account| account_summary(exchange, account));
    let symbols = exchange.symbols().map(|(symbol, spec)| {
        let depth = exchange.depth(symbol, LEVELS);
        let side = |levels: &[(i64, i64)]| {
            let pair = |(price, qty): &(i64, i64)| {
                json!([price_text(exchange, symbol, *price), qty_text(exchange, symbol, *qty)])
            };
            levels.iter().map(pair).collect::<Vec<_>>()
        };
        json!({
            "symbol": &*spec.name,
            "status": spec.status.text(),
            "last_update_id": depth.last_update_id,
            "bids": side(&depth.bids),
            "asks": side(&depth.asks),
        })
    });
    json!({
        "schema": "quanttrade.venue-truth/1",
        "time_ns": exchange.now_ns(),
        "is_balanced": exchange.sums().iter().all(|sum| *sum == 0),
        "accounts": accounts.collect::<Vec<_>>(),
        "symbols": symbols.collect::<Vec<_>>(),
    })
}

fn account_summary(exchange: &Exchange, account: AccountId) -> Value {
    let open = exchange.open_orders(account, None).map(|open| order(exchange, open));
    let mut symbols = Vec::new();
    for (symbol, spec) in exchange.symbols() {
        let orders = exchange.orders(account, symbol, 0);
        let mut by_status: BTreeMap<&str, u64> = BTreeMap::new();
        for order in orders {
            *by_status.entry(order.status.text()).or_default() += 1;
        }
        if by_status.is_empty() {
            continue;
        }
        let (mut count, mut base, mut quote) = (0_u64, [0; 2], [0; 2]);
        for fill in exchange.fills(account, symbol, 0) {
            let side = usize::from(fill.side == Side::Sell);
            count += 1;
            base[side] += Amount::from(fill.qty);
            quote[side] += fill.quote;
        }
        let in_base = |amount| amount_text(exchange, spec.base, amount);
        let in_quote = |amount| amount_text(exchange, spec.quote, amount);
        symbols.push(json!({
            "symbol": &*spec.name,
            "orders": by_status,
            "fills": count,
            "bought": in_base(base[0]),
            "sold": in_base(base[1]),
            "position": in_base(base[0] - base[1]),
            "paid": in_quote(quote[0]),
            "received": in_quote(quote[1]),
        }));
    }
    let balances = exchange.balances(account);
    let held: Vec<Position> = exchange
        .symbols()
        .map(|(symbol, _)| exchange.position(account, symbol))
        .filter(|position| position.updated_ns > 0)
        .collect();
    json!({
        "account": exchange.account_name(account).unwrap_or_default(),
        "open_orders": open.collect::<Vec<_>>(),
        "symbols": symbols,
        "positions": positions(exchange, held.iter()),
        "balances": balances.iter().map(|b| balance(exchange, b)).collect::<Vec<_>>(),
    })
}
