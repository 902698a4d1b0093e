//! What an account asks about its orders and executions: the newest first, page by page.

use std::collections::BTreeMap;

use crate::exchange::{AccountId, Fill, Funding, Nanos, Order, OrderRef, Qty, SymbolId};
use crate::venue::shared::json::{Object, TimeUnit, array};

use super::Bybit;
use super::call::{Ask, Outcome};
use super::codes::{self, Code};
use super::ids;
use super::names;
use super::params::Cursor;
use super::profile::Category;
use super::shapes::{Shapes, ms, rate};
use super::trading::chosen;

/// How many orders that have ended are recent.
const RECENT_MAX: usize = 500;
/// The longest page of orders and of executions, and the usual one.
const ORDERS_MAX: usize = 50;
const ORDERS_USUAL: usize = 20;
const FILLS_MAX: usize = 100;
const FILLS_USUAL: usize = 50;

/// A page of what was found, and where the next one begins.
fn page<T>(
    mut found: Vec<(Cursor, T)>,
    from: Option<Cursor>,
    limit: usize,
) -> (Vec<T>, Option<Cursor>) {
    found.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let mut rest = found.into_iter().filter(|(at, _)| from.is_none_or(|from| *at < from));
    let mut last = None;
    let told = rest.by_ref().take(limit).map(|(at, one)| {
        last = Some(at);
        one
    });
    let told: Vec<T> = told.collect();
    let is_more = rest.next().is_some();
    (told, last.filter(|_| is_more))
}

/// A list in the envelope of lists.
fn listed(category: Category, list: &str, next: Option<Cursor>) -> String {
    Object::new(TimeUnit::Milliseconds)
        .raw("list", list)
        .text("nextPageCursor", &next.map(Cursor::text).unwrap_or_default())
        .text("category", category.text())
        .done()
}

/// A span of time, in milliseconds on the wire.
fn span(ask: &Ask<'_>) -> Result<(Nanos, Nanos), Code> {
    let ns = |name: &str| -> Result<Option<Nanos>, Code> {
        Ok(ask.params.whole(name)?.map(|ms| ms.saturating_mul(1_000_000)))
    };
    let (begin, end) = (ns("startTime")?, ns("endTime")?);
    // A time is good to the last moment of its millisecond.
    let end = end.map_or(Nanos::MAX, |end| end.saturating_add(999_999));
    if begin.is_some_and(|begin| begin > end) {
        return Err(codes::params("startTime is after endTime"));
    }
    Ok((begin.unwrap_or(Nanos::MIN), end))
}

fn cursor_of(order: &Order) -> Cursor {
    Cursor { time_ns: order.created_ns, symbol: order.symbol, id: order.id }
}

/// Open orders, and those that have ended recently.
pub(super) fn recent(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    ask.category(venue)?;
    let account = ask.account()?;
    let limit = ask.params.limit(ORDERS_USUAL, ORDERS_MAX)?;
    let from = Cursor::of(ask.params)?;
    let is_named = ask.params.raw("orderId").or(ask.params.raw("orderLinkId")).is_some();
    let symbols = chosen(venue, ask, venue.category == Category::Linear && !is_named)?;
    let found = if is_named {
        named(venue, ask, account, &symbols)?
    } else if ask.params.truth("openOnly")? {
        let all = symbols.iter().flat_map(|symbol| venue.exchange().orders(account, *symbol, 0));
        let ended = all.filter(|order| !order.status.is_open());
        let mut ended: Vec<_> = ended.filter_map(|order| venue.as_told(order, ask)).collect();
        ended.sort_by_key(|order| std::cmp::Reverse(order.updated_ns));
        ended.truncate(RECENT_MAX);
        ended
    } else {
        // What is open now may not have been a while ago, and the other way round.
        let is_clear = venue.glasses.are_clear();
        let open = symbols.iter().flat_map(|symbol| {
            let all = venue.exchange().orders(account, *symbol, 0).filter(move |_| !is_clear);
            let open = venue.exchange().open_orders(account, Some(*symbol));
            let either = open.filter(move |_| is_clear).chain(all);
            either.filter_map(|order| venue.as_told(order, ask))
        });
        let open = open.filter(|order| order.status.is_open());
        open.collect()
    };
    Ok(told(venue, found, from, limit).into())
}

/// All orders that have ended.
pub(super) fn orders(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    ask.category(venue)?;
    let account = ask.account()?;
    let limit = ask.params.limit(ORDERS_USUAL, ORDERS_MAX)?;
    let (from, span) = (Cursor::of(ask.params)?, span(ask)?);
    let symbols = chosen(venue, ask, false)?;
    let is_named = ask.params.raw("orderId").or(ask.params.raw("orderLinkId")).is_some();
    let wanted = ask.params.raw("orderStatus");
    let found = if is_named {
        named(venue, ask, account, &symbols)?
    } else {
        let all = symbols.iter().flat_map(|symbol| venue.exchange().orders(account, *symbol, 0));
        all.cloned().collect()
    };
    let category = venue.category;
    let is_meant = |order: &Order| {
        let has_status = wanted.is_none_or(|wanted| names::status(order, category) == wanted);
        let is_within = (span.0..=span.1).contains(&order.created_ns);
        !order.status.is_open() && has_status && (is_within || is_named)
    };
    let found = found.into_iter().filter(is_meant).collect();
    Ok(told(venue, found, from, limit).into())
}

fn told(venue: &Bybit, found: Vec<Order>, from: Option<Cursor>, limit: usize) -> String {
    let found = found.into_iter().map(|order| (cursor_of(&order), order)).collect();
    let (orders, next) = page(found, from, limit);
    let shapes = venue.shapes();
    listed(venue.category, &array(orders.iter().map(|order| shapes.order(order))), next)
}

/// The order that a request names, in any of the symbols.
fn named(
    venue: &Bybit,
    ask: &Ask<'_>,
    account: AccountId,
    symbols: &[SymbolId],
) -> Result<Vec<Order>, Code> {
    let name = match ask.params.raw("orderId") {
        Some(text) => match ids::order_of(venue.category, text) {
            Some(id) => OrderRef::id(id),
            None => return Ok(Vec::new()),
        },
        None => OrderRef::client(ask.params.link_id()?.unwrap_or_default()),
    };
    let found = symbols.iter().find_map(|symbol| venue.exchange().order(account, *symbol, &name));
    Ok(found.and_then(|order| venue.as_told(order, ask)).into_iter().collect())
}

/// What is in a list of executions.
enum Execution<'a> {
    Fill(&'a Fill, &'a Order, Qty),
    Funding(&'a Funding),
}

/// Executions, fundings among them.
pub(super) fn executions(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    ask.category(venue)?;
    let account = ask.account()?;
    let limit = ask.params.limit(FILLS_USUAL, FILLS_MAX)?;
    let (from, span) = (Cursor::of(ask.params)?, span(ask)?);
    let is_named = ask.params.raw("orderId").or(ask.params.raw("orderLinkId")).is_some();
    let symbols = chosen(venue, ask, false)?;
    let order = if is_named { named(venue, ask, account, &symbols)? } else { Vec::new() };
    let wanted = ask.params.raw("execType");
    let is_within = |time_ns: Nanos| (span.0..=span.1).contains(&time_ns);
    let mut found = Vec::new();
    for symbol in &symbols {
        let mut filled: BTreeMap<u64, Qty> = BTreeMap::new();
        for fill in venue.exchange().fills(account, *symbol, 0) {
            let sum = filled.entry(fill.order_id).or_default();
            *sum += fill.qty;
            let Some(of) = venue.exchange().order_by_id(fill.order_id) else { continue };
            let is_meant = (!is_named || order.iter().any(|order| order.id == fill.order_id))
                && wanted.is_none_or(|wanted| venue.ledger.exec_type(of.id) == wanted)
                && is_within(fill.time_ns);
            if is_meant && venue.glasses.shows(fill) {
                let at = Cursor { time_ns: fill.time_ns, symbol: *symbol, id: fill.trade_id };
                found.push((at, Execution::Fill(fill, of, of.qty - *sum)));
            }
        }
    }
    if !is_named && wanted.is_none_or(|wanted| wanted == "Funding") {
        let all = venue.exchange().fundings(account);
        for one in all.filter(|one| symbols.contains(&one.symbol) && is_within(one.time_ns)) {
            let at = Cursor { time_ns: one.time_ns, symbol: one.symbol, id: one.number };
            found.push((at, Execution::Funding(one)));
        }
    }
    let (page, next) = page(found, from, limit);
    let shapes = venue.shapes();
    let list = array(page.iter().map(|one| match one {
        Execution::Fill(fill, order, left) => shapes.execution(fill, order, *left),
        Execution::Funding(funding) => shapes.funding(account, funding),
    }));
    Ok(listed(venue.category, &list, next).into())
}

impl Shapes<'_> {
    /// A funding looks like an execution, and is none.
    pub(super) fn funding(&self, account: AccountId, funding: &Funding) -> String {
        let symbol = funding.symbol;
        let position = self.exchange.position(account, symbol);
        let size = Qty::try_from(position.qty.abs()).unwrap_or(Qty::MAX);
        let worth = self.exchange.worth_of(symbol, funding.mark, size);
        let id = ids::funding(symbol, funding.number);
        let side = if position.qty < 0 { "Sell" } else { "Buy" };
        self.object()
            .text("category", self.category.text())
            .text("symbol", self.symbol(symbol))
            .text("orderId", &id)
            .text("orderLinkId", "")
            .text("side", side)
            .text("orderPrice", "0")
            .text("orderQty", "0")
            .text("leavesQty", "0")
            .text("createType", "")
            .text("orderType", "UNKNOWN")
            .text("stopOrderType", "UNKNOWN")
            // What is paid is a fee above zero.
            .text("execFee", &self.amount(funding.asset, -funding.amount))
            .text("execId", &id)
            .text("execPrice", &self.price(symbol, funding.mark))
            .text("execQty", &self.qty(symbol, size))
            .text("execType", "Funding")
            .text("execValue", &self.quote(symbol, worth))
            .text("execTime", &ms(funding.time_ns))
            .text("feeCurrency", self.asset(funding.asset))
            .truth("isMaker", false)
            .text("feeRate", &rate(funding.rate))
            .text("tradeIv", "")
            .text("markIv", "")
            .text("markPrice", &self.price(symbol, funding.mark))
            .text("indexPrice", "")
            .text("underlyingPrice", "")
            .text("blockTradeId", "")
            .text("closedSize", "0")
            .text("extraFees", "")
            .number("seq", self.exchange.best(symbol).update_id)
            .text("isLeverage", "")
            .done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_a_hole() {
        let at = |time_ns, id| (Cursor { time_ns, symbol: SymbolId(0), id }, id);
        let all = || vec![at(1, 1), at(5, 5), at(3, 3), at(3, 4), at(2, 2)];
        let (first, next) = page(all(), None, 2);
        assert_eq!(first, [5, 4]);
        let (second, next) = page(all(), next, 2);
        assert_eq!(second, [3, 2]);
        let (last, next) = page(all(), next, 2);
        assert_eq!((last, next), (vec![1], None));
    }
}
