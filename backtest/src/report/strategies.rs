//! What each of several strategies brought, in the result document.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::run::RunOutcome;

/// What is known of a strategy before a run.
#[derive(Clone, Debug, Default)]
pub struct StrategyHead {
    /// What it is called in this run.
    pub name: String,
    /// Which strategy it is.
    pub strategy: String,
    /// What it trades.
    pub symbols: Vec<String>,
    /// Its parameters.
    pub params: BTreeMap<String, Value>,
}

/// One of several strategies. Amounts are decimal text, in the currency of the account.
#[derive(Clone, Debug, Serialize)]
pub struct StrategyEntry {
    /// What it is called in this run.
    pub name: String,
    /// Which strategy it is.
    pub strategy: String,
    /// What it trades.
    pub symbols: Vec<String>,
    /// Its parameters.
    pub params: BTreeMap<String, Value>,
    /// Orders that it opened.
    pub orders: u64,
    /// Executions of them.
    pub fills: u64,
    /// Profit realised by its own average cost, before fees.
    pub realised: String,
    /// The open profit at the end.
    pub unrealised: String,
    /// Its fees.
    pub fees: String,
    /// Its part of what was paid for being short.
    pub borrow_paid: String,
    /// Its part of what was paid as funding, less what was received.
    pub funding_paid: String,
    /// All of that together.
    pub profit: String,
    /// What it still holds, by symbol.
    pub open_position: BTreeMap<String, String>,
}

/// The strategies of `outcome`, where there are several.
#[must_use]
pub fn strategies(heads: &[StrategyHead], outcome: &RunOutcome) -> Vec<StrategyEntry> {
    let entry = |(head, of): (&StrategyHead, &crate::strategies::StrategyOutcome)| {
        let specs = outcome.specs.iter().zip(&of.positions);
        let traded = specs.filter(|(spec, _)| head.symbols.iter().any(|it| it == spec.symbol()));
        StrategyEntry {
            name: head.name.clone(),
            strategy: head.strategy.clone(),
            symbols: head.symbols.clone(),
            params: head.params.clone(),
            orders: of.orders,
            fills: of.fills,
            realised: of.realised.to_string(),
            unrealised: of.unrealised.to_string(),
            fees: of.fees.to_string(),
            borrow_paid: of.borrow_paid.to_string(),
            funding_paid: of.funding_paid.to_string(),
            profit: of.profit().to_string(),
            open_position: traded
                .map(|(spec, qty)| (spec.symbol().to_owned(), spec.qty_text(*qty)))
                .collect(),
        }
    };
    heads.iter().zip(&outcome.strategies).map(entry).collect()
}
