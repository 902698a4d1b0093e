//! Where a belief differs from the truth, in words.

use std::collections::BTreeMap;

use super::belief::{Belief, BelievedBook, BelievedFill, BelievedOrder};
use super::write::{amount_text, asset_name, price_text, qty_text};
use crate::exchange::units::parse_units;
use crate::exchange::{AccountId, Amount, AssetId, Exchange, Fill, Order, Side, SymbolId};

/// Most differences that are listed; a last line says how many more there are.
pub const DIFFERENCES_MAX: usize = 1_000;

/// A list of differences that does not grow without end.
#[derive(Default)]
struct Found {
    lines: Vec<String>,
    more: usize,
}

impl Found {
    fn add(&mut self, line: String) {
        if self.lines.len() < DIFFERENCES_MAX { self.lines.push(line) } else { self.more += 1 }
    }

    /// Two values that should be one.
    fn same(&mut self, of: &str, field: &str, believed: &str, true_text: &str) {
        self.add(format!("{of}: {field} is believed to be {believed} and is {true_text}"));
    }
}

/// Where the belief differs from what really is; nothing: they agree.
#[must_use]
pub fn compare(exchange: &Exchange, belief: &Belief) -> Vec<String> {
    let Some(account) = exchange.account_id(&belief.account) else {
        return vec![format!("there is no account {:?}", belief.account)];
    };
    let mut found = Found::default();
    if let Some(orders) = &belief.open_orders {
        compare_orders(exchange, account, orders, &mut found);
    }
    if let Some(fills) = &belief.fills {
        compare_fills(exchange, account, fills, &mut found);
    }
    if belief.balances.is_some() {
        compare_balances(exchange, account, belief, &mut found);
    }
    if let Some(positions) = &belief.positions {
        compare_positions(exchange, account, positions, &mut found);
    }
    for book in belief.books.iter().flatten() {
        compare_book(exchange, book, &mut found);
    }
    if found.more > 0 {
        found.lines.push(format!("and {} more differences", found.more));
    }
    found.lines
}

/// Holds a number in text against the true one.
fn number(found: &mut Found, of: &str, field: &str, believed: &str, truth: (Amount, u8, &str)) {
    let (units, decimals, text) = truth;
    if parse_units(believed, decimals).map(Amount::from) != Ok(units) {
        found.same(of, field, believed, text);
    }
}

fn price_of(exchange: &Exchange, symbol: SymbolId, price: i64) -> (Amount, u8, String) {
    let decimals = exchange.symbol(symbol).map_or(0, |spec| spec.price_decimals);
    (price.into(), decimals, price_text(exchange, symbol, price))
}

fn qty_of(exchange: &Exchange, symbol: SymbolId, qty: i64) -> (Amount, u8, String) {
    let base = exchange.symbol(symbol).and_then(|spec| exchange.asset(spec.base));
    (qty.into(), base.map_or(0, |base| base.decimals), qty_text(exchange, symbol, qty))
}

fn symbol_of(exchange: &Exchange, name: &str) -> Option<SymbolId> {
    // A delisted one too: what was done with it was done.
    exchange.symbols().find(|(_, spec)| *spec.name == *name).map(|(id, _)| id)
}

fn compare_orders(
    exchange: &Exchange,
    account: AccountId,
    believed: &[BelievedOrder],
    found: &mut Found,
) {
    let mut open: BTreeMap<u64, &Order> =
        exchange.open_orders(account, None).map(|order| (order.id, order)).collect();
    let by_client: BTreeMap<(SymbolId, &str), u64> =
        open.values().map(|order| ((order.symbol, &*order.client_id), order.id)).collect();
    for order in believed {
        let client = order.client_id.as_deref().unwrap_or_default();
        let id = order
            .order_id
            .or_else(|| by_client.get(&(symbol_of(exchange, &order.symbol)?, client)).copied());
        let of = match (id, order.order_id) {
            (Some(id), _) => format!("order {id} of {}", order.symbol),
            _ => format!("order {client:?} of {}", order.symbol),
        };
        let Some(real) = id.and_then(|id| open.remove(&id)) else {
            let ended = id.and_then(|id| exchange.order_by_id(id));
            let ended = ended.filter(|order| order.account == account);
            let state = ended.map_or("unknown", |order| order.status.text());
            found.add(format!("{of} is believed to be open and is {state}"));
            continue;
        };
        if symbol_of(exchange, &order.symbol) != Some(real.symbol) {
            let name = exchange.symbol(real.symbol).map_or("", |spec| &spec.name);
            found.same(&of, "its symbol", &order.symbol, name);
            continue;
        }
        compare_order(exchange, order, real, &of, found);
    }
    for (id, order) in open {
        let name = exchange.symbol(order.symbol).map_or("", |spec| &spec.name);
        let client = &order.client_id;
        found.add(format!("order {id} of {name} ({client:?}) is open and not believed in"));
    }
}

fn compare_order(
    exchange: &Exchange,
    believed: &BelievedOrder,
    real: &Order,
    of: &str,
    found: &mut Found,
) {
    if let Some(client) = believed.client_id.as_deref().filter(|id| **id != *real.client_id) {
        found.same(of, "its client id", client, &real.client_id);
    }
    if let Some(side) = believed.side.as_deref().filter(|side| *side != real.side.text()) {
        found.same(of, "its side", side, real.side.text());
    }
    if let Some(price) = &believed.price {
        let (units, decimals, text) = price_of(exchange, real.symbol, real.price);
        number(found, of, "its price", price, (units, decimals, &text));
    }
    for (field, text, qty) in [
        ("its quantity", &believed.qty, real.qty),
        ("its filled part", &believed.filled, real.filled),
    ] {
        if let Some(believed) = text {
            let (units, decimals, text) = qty_of(exchange, real.symbol, qty);
            number(found, of, field, believed, (units, decimals, &text));
        }
    }
}

fn compare_fills(
    exchange: &Exchange,
    account: AccountId,
    believed: &[BelievedFill],
    found: &mut Found,
) {
    let mut real: BTreeMap<(SymbolId, u64, Side), &Fill> = BTreeMap::new();
    for (symbol, _) in exchange.symbols() {
        for fill in exchange.fills(account, symbol, 0) {
            real.insert((symbol, fill.trade_id, fill.side), fill);
        }
    }
    let all = real.clone();
    for fill in believed {
        let of = format!("trade {} of {}", fill.trade_id, fill.symbol);
        let Some(symbol) = symbol_of(exchange, &fill.symbol) else {
            found.add(format!("{of} is believed in, and there is no such symbol"));
            continue;
        };
        let sides = [Side::Buy, Side::Sell];
        let named = |side: &&Side| fill.side.as_deref().is_none_or(|text| text == side.text());
        let keys = sides.iter().filter(named).map(|side| (symbol, fill.trade_id, *side));
        let keys: Vec<_> = keys.collect();
        let Some(done) = keys.iter().find_map(|key| real.remove(key)) else {
            let twice = keys.iter().any(|key| all.contains_key(key));
            let what = if twice { "believed in twice" } else { "believed in and never was" };
            found.add(format!("{of} is {what}"));
            continue;
        };
        let (units, decimals, text) = price_of(exchange, symbol, done.price);
        number(found, &of, "its price", &fill.price, (units, decimals, &text));
        let (units, decimals, text) = qty_of(exchange, symbol, done.qty);
        number(found, &of, "its quantity", &fill.qty, (units, decimals, &text));
        if let Some(fee) = &fill.fee {
            let decimals = exchange.asset(done.fee_asset).map_or(0, |asset| asset.decimals);
            let text = amount_text(exchange, done.fee_asset, done.fee);
            number(found, &of, "its commission", fee, (done.fee, decimals, &text));
        }
        let asset = asset_name(exchange, done.fee_asset);
        if let Some(believed) = fill.fee_asset.as_deref().filter(|name| *name != asset) {
            found.same(&of, "the asset of its commission", believed, asset);
        }
    }
    for ((symbol, id, side), fill) in real {
        let name = exchange.symbol(symbol).map_or("", |spec| &spec.name);
        let (qty, side) = (qty_text(exchange, symbol, fill.qty), side.text());
        found.add(format!("trade {id} of {name} ({side} {qty}) was and is not believed in"));
    }
}

fn compare_balances(exchange: &Exchange, account: AccountId, belief: &Belief, found: &mut Found) {
    let mut real: BTreeMap<AssetId, (Amount, Amount)> = exchange
        .balances(account)
        .into_iter()
        .map(|balance| (balance.asset, (balance.free, balance.locked)))
        .collect();
    for balance in belief.balances.iter().flatten() {
        let of = format!("the balance of {}", balance.asset);
        let Some(asset) = exchange.asset_id(&balance.asset) else {
            found.add(format!("{of} is believed in, and there is no such asset"));
            continue;
        };
        let (free, locked) = real.remove(&asset).unwrap_or((0, 0));
        let decimals = exchange.asset(asset).map_or(0, |asset| asset.decimals);
        let text = |amount| amount_text(exchange, asset, amount);
        number(found, &of, "what is free", &balance.free, (free, decimals, &text(free)));
        if let Some(believed) = &balance.locked {
            number(found, &of, "what is locked", believed, (locked, decimals, &text(locked)));
        }
    }
    for (asset, (free, locked)) in real {
        if free != 0 || locked != 0 {
            let (name, text) = (asset_name(exchange, asset), amount_text(exchange, asset, free));
            let locked = amount_text(exchange, asset, locked);
            found
                .add(format!("the balance of {name} ({text}, {locked} locked) is not believed in"));
        }
    }
}

fn compare_positions(
    exchange: &Exchange,
    account: AccountId,
    believed: &BTreeMap<String, String>,
    found: &mut Found,
) {
    for name in believed.keys().filter(|name| symbol_of(exchange, name).is_none()) {
        found.add(format!("a position of {name} is believed in, and there is no such symbol"));
    }
    for (symbol, spec) in exchange.symbols() {
        let signed = |fill: &Fill| match fill.side {
            Side::Buy => Amount::from(fill.qty),
            Side::Sell => -Amount::from(fill.qty),
        };
        let position: Amount = exchange.fills(account, symbol, 0).map(signed).sum();
        let decimals = exchange.asset(spec.base).map_or(0, |asset| asset.decimals);
        let text = amount_text(exchange, spec.base, position);
        let of = format!("the position of {}", spec.name);
        let believed = believed.get(&*spec.name).map_or("0", String::as_str);
        number(found, &of, "it", believed, (position, decimals, &text));
    }
}

fn compare_book(exchange: &Exchange, book: &BelievedBook, found: &mut Found) {
    let of = format!("the book of {}", book.symbol);
    let Some(symbol) = symbol_of(exchange, &book.symbol) else {
        found.add(format!("{of} is believed in, and there is no such symbol"));
        return;
    };
    let depth = exchange.depth(symbol, book.bids.len().max(book.asks.len()));
    if let Some(id) = book.last_update_id.filter(|id| *id != depth.last_update_id) {
        found.same(&of, "its last change", &id.to_string(), &depth.last_update_id.to_string());
    }
    for (side, believed, real) in [("bid", &book.bids, depth.bids), ("ask", &book.asks, depth.asks)]
    {
        for (at, level) in believed.iter().enumerate() {
            let nth = at + 1;
            let Some((price, qty)) = real.get(at) else {
                found.add(format!("{of}: {side} {nth} is believed in and is not there"));
                break;
            };
            let (units, decimals, text) = price_of(exchange, symbol, *price);
            let field = format!("the price of {side} {nth}");
            number(found, &of, &field, &level[0], (units, decimals, &text));
            let (units, decimals, text) = qty_of(exchange, symbol, *qty);
            let field = format!("the quantity of {side} {nth}");
            number(found, &of, &field, &level[1], (units, decimals, &text));
        }
    }
}
