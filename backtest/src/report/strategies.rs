//! What each of several strategies brought, in the result document.

use std::collections::BTreeMap;

use qt_types::Cash;
use serde::Serialize;
use serde_json::Value;

use crate::run::RunOutcome;
use crate::strategies::{StrategyAmounts, StrategyOutcome};

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

/// One of several strategies. Amounts are decimal text, in the currency of the account; `None`
/// where some of its money is in a currency without a rate.
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
    pub realised: Option<String>,
    /// The open profit at the end.
    pub unrealised: Option<String>,
    /// Its fees.
    pub fees: Option<String>,
    /// Its part of what was paid for being short.
    pub borrow_paid: Option<String>,
    /// Its part of what was paid as funding, less what was received.
    pub funding_paid: Option<String>,
    /// Both of them, for tables.
    #[serde(skip)]
    pub holding_costs: Option<String>,
    /// All of that together.
    pub profit: Option<String>,
    /// What it still holds, by symbol.
    pub open_position: BTreeMap<String, String>,
}

impl StrategyEntry {
    /// What it still holds, in words; `text` writes a quantity.
    #[must_use]
    pub fn holds(&self, text: fn(&str) -> String) -> String {
        let holds = self.open_position.iter().filter(|(_, qty)| qty.as_str() != "0");
        let holds: Vec<String> =
            holds.map(|(symbol, qty)| format!("{} {symbol}", text(qty))).collect();
        if holds.is_empty() { "nothing".to_owned() } else { holds.join(", ") }
    }
}

/// The strategies of `outcome`, where there are several.
#[must_use]
pub fn strategies(heads: &[StrategyHead], outcome: &RunOutcome) -> Vec<StrategyEntry> {
    let entry = |(head, of): (&StrategyHead, &StrategyOutcome)| {
        let specs = outcome.specs.iter().zip(&of.positions);
        let amount = |part: fn(&StrategyAmounts) -> Cash| {
            of.amounts.as_ref().map(|amounts| part(amounts).to_string())
        };
        let traded = specs.filter(|(spec, _)| head.symbols.iter().any(|it| it == spec.symbol()));
        StrategyEntry {
            name: head.name.clone(),
            strategy: head.strategy.clone(),
            symbols: head.symbols.clone(),
            params: head.params.clone(),
            orders: of.orders,
            fills: of.fills,
            realised: amount(|of| of.realised),
            unrealised: amount(|of| of.unrealised),
            fees: amount(|of| of.fees),
            borrow_paid: amount(|of| of.borrow_paid),
            funding_paid: amount(|of| of.funding_paid),
            holding_costs: amount(StrategyAmounts::holding_costs),
            profit: amount(StrategyAmounts::profit),
            open_position: traded
                .map(|(spec, qty)| (spec.symbol().to_owned(), spec.qty_text(*qty)))
                .collect(),
        }
    };
    heads.iter().zip(&outcome.strategies).map(entry).collect()
}
