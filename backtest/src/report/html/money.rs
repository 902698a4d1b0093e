//! The currencies of the account, dust, and positions that ended with their instruments.

use super::ReportInput;
use super::run_facts::pair;
use super::table::{Cell, Column, Table, facts, figures, words};
use super::text::{Sign, count, decimal, decimal_money};
use crate::report::currency::BalanceEntry;

/// The section; `None` for a run in one currency without any of it.
#[must_use]
pub fn section(input: &ReportInput<'_>) -> Option<String> {
    let document = input.document;
    let is_empty = document.currencies.is_none()
        && document.dust.is_empty()
        && document.settlements.is_empty();
    if is_empty {
        return None;
    }
    let mut html = String::new();
    if let Some(of) = &document.currencies {
        let result = decimal_money(&of.exchange_result, Sign::Both);
        html.push_str(&facts(&[
            pair("Currency of the account", of.account.clone()),
            pair("Exchanges of money", count(of.exchanges)),
            pair("What exchanging brought, at the rates of the end", result),
        ]));
        let rows = of.balances.iter().map(balance).collect();
        let columns = vec![
            words("Currency"),
            figures("At the start"),
            figures("At the end"),
            figures("Fees"),
            figures("Realised"),
            figures("Exchanged"),
            figures("Rate"),
            figures("Worth"),
        ];
        html.push_str(&table("Balances by currency", columns, rows));
    }
    if !document.dust.is_empty() {
        let dust = document.dust.iter();
        let dust: Vec<_> = dust.map(|(symbol, qty)| pair(symbol, decimal(qty))).collect();
        html.push_str("<h3>Dust: held, and less than a lot</h3>\n");
        html.push_str(&facts(&dust));
    }
    if !document.settlements.is_empty() {
        let row = |of: &crate::report::currency::SettlementEntry| {
            let profit = decimal_money(&of.profit, Sign::Both);
            let cells = [of.symbol.clone(), of.time.clone(), decimal(&of.qty), decimal(&of.price)];
            cells.into_iter().chain([profit]).map(Cell::new).collect()
        };
        let columns = vec![
            words("Instrument"),
            words("Time"),
            figures("Held"),
            figures("Price"),
            figures("Profit"),
        ];
        html.push_str("<h3>Settled at expiry</h3>\n");
        let rows = document.settlements.iter().map(row).collect();
        html.push_str(&table("Settlements", columns, rows));
    }
    Some(html)
}

fn balance(of: &BalanceEntry) -> Vec<Cell> {
    let money = |text: &str| decimal_money(text, Sign::Minus);
    let none = || "\u{2013}".to_owned();
    [
        of.currency.clone(),
        money(&of.initial),
        money(&of.cash),
        money(&of.fees),
        money(&of.realised),
        money(&of.exchanged),
        of.rate.as_deref().map_or_else(none, decimal),
        of.worth.as_deref().map_or_else(none, money),
    ]
    .into_iter()
    .map(Cell::new)
    .collect()
}

fn table(label: &str, columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> String {
    Table { label: label.to_owned(), columns, rows, is_long: false }.html()
}
