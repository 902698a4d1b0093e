//! What has happened to an account of futures: its trades, and what it paid and got.

use crate::exchange::{Nanos, SymbolId};

use super::super::BinanceSpot;
use super::super::account::{is_within, span};
use super::super::call::Ask;
use super::super::codes::{self as spot, Code};
use super::super::json::array;
use super::super::public::whole;
use super::shapes;

/// The longest list.
const LIST_MAX: usize = 1_000;
const LIST_USUAL: usize = 500;
const INCOME_USUAL: usize = 100;

pub(super) fn fills(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let limit = ask.params.limit(LIST_USUAL, LIST_MAX)?;
    let (order, from, span) = (whole(ask, "orderId")?, whole(ask, "fromId")?, span(ask)?);
    if from.is_some() && (span.0.is_some() || span.1.is_some()) {
        return Err(spot::bad_combination());
    }
    let shapes = ask.shapes(venue);
    let all = venue.exchange().fills(account, symbol, from.unwrap_or(0));
    let wanted = all.filter(|fill| order.is_none_or(|id| fill.order_id == id));
    let mut found: Vec<_> = wanted.filter(|fill| is_within(span, fill.time_ns)).collect();
    if from.is_none() && span.0.is_none() {
        found.drain(..found.len().saturating_sub(limit));
    }
    Ok(array(found.into_iter().take(limit).map(|fill| shapes::own_trade(&shapes, fill))))
}

/// One thing that was paid or got.
struct Income {
    time_ns: Nanos,
    kind: &'static str,
    symbol: SymbolId,
    asset: String,
    amount: String,
    id: u64,
    trade: Option<u64>,
}

pub(super) fn income(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    let chosen = if ask.params.has("symbol") { Some(ask.symbol(venue)?) } else { None };
    let (kind, span) = (ask.params.text("incomeType")?, span(ask)?);
    let limit = ask.params.limit(INCOME_USUAL, LIST_MAX)?;
    let page = ask.params.whole("page")?.unwrap_or(1).max(1);
    let shapes = ask.shapes(venue);
    let exchange = venue.exchange();
    let mut all: Vec<Income> = Vec::new();
    for (symbol, spec) in exchange.symbols() {
        let quote = shapes.asset(spec.quote);
        for fill in exchange.fills(account, symbol, 0) {
            let mut add = |kind, asset: &str, amount| {
                let (time_ns, id) = (fill.time_ns, fill.trade_id);
                let (asset, trade) = (asset.to_owned(), Some(fill.trade_id));
                all.push(Income { time_ns, kind, symbol, asset, amount, id, trade });
            };
            let fee = shapes.amount(fill.fee_asset, -fill.fee);
            add("COMMISSION", shapes.asset(fill.fee_asset), fee);
            if fill.realised != 0 {
                add("REALIZED_PNL", quote, shapes.amount(spec.quote, fill.realised));
            }
        }
    }
    for funding in exchange.fundings(account) {
        all.push(Income {
            time_ns: funding.time_ns,
            kind: "FUNDING_FEE",
            symbol: funding.symbol,
            asset: shapes.asset(funding.asset).to_owned(),
            amount: shapes.amount(funding.asset, funding.amount),
            id: funding.number,
            trade: None,
        });
    }
    all.sort_by_key(|income| income.time_ns);
    let is_wanted = |income: &Income| {
        chosen.is_none_or(|symbol| symbol == income.symbol)
            && kind.is_none_or(|kind| kind == income.kind)
            && is_within(span, income.time_ns)
    };
    let skipped = usize::try_from(page - 1).unwrap_or(usize::MAX).saturating_mul(limit);
    let wanted = all.iter().filter(|income| is_wanted(income)).skip(skipped).take(limit);
    Ok(array(wanted.map(|income| {
        shapes
            .object()
            .text("symbol", shapes.symbol(income.symbol))
            .text("incomeType", income.kind)
            .text("income", &income.amount)
            .text("asset", &income.asset)
            .text("info", income.kind)
            .time("time", income.time_ns)
            .number("tranId", income.id)
            .text("tradeId", &income.trade.map_or_else(String::new, |id| id.to_string()))
            .done()
    })))
}
