//! Currencies, dust and settlements in the result document.

use std::collections::BTreeMap;

use qt_data::stamp::iso_text;
use qt_types::{FeeIn, InstrumentSpec, format_scaled};
use serde::Serialize;

use crate::currency::base_of;
use crate::currency_outcome::CurrencyEnd;
use crate::run::RunOutcome;

/// The currencies of an account. Amounts are decimal text.
#[derive(Clone, Debug, Serialize)]
pub struct CurrenciesEntry {
    /// The currency of the account: the one of all amounts that are not of a single instrument.
    pub account: String,
    /// What there is of each at the end.
    pub balances: Vec<BalanceEntry>,
    /// How often money was exchanged.
    pub exchanges: u64,
    /// What it brought (or cost) to have exchanged it, at the rates of the end.
    pub exchange_result: String,
}

/// One currency. All amounts in it but `worth`.
#[derive(Clone, Debug, Serialize)]
pub struct BalanceEntry {
    /// Its name.
    pub currency: String,
    /// What there was at the start.
    pub initial: String,
    /// The money there is.
    pub cash: String,
    /// Fees paid in it.
    pub fees: String,
    /// What was paid for being short.
    pub borrow_paid: String,
    /// What was paid as funding, less what was received.
    pub funding_paid: String,
    /// Profit realised before fees.
    pub realised: String,
    /// Bought with other currencies, less what was sold for them.
    pub exchanged: String,
    /// What a unit is worth in the currency of the account; null without a rate.
    pub rate: Option<String>,
    /// What the money is worth in the currency of the account.
    pub worth: Option<String>,
}

/// A position that was settled because its instrument had expired.
#[derive(Clone, Debug, Serialize)]
pub struct SettlementEntry {
    /// The instrument.
    pub symbol: String,
    /// When.
    pub time: String,
    /// The price.
    pub price: String,
    /// What was held; negative when short.
    pub qty: String,
    /// The profit that it realised, before fees, in the instrument's currency.
    pub profit: String,
}

/// The currencies of `outcome`, where there are several.
#[must_use]
pub fn currencies(outcome: &RunOutcome) -> Option<CurrenciesEntry> {
    let of = outcome.currencies.as_ref()?;
    Some(CurrenciesEntry {
        account: of.all.first().map_or_else(String::new, |first| first.name.clone()),
        balances: of.all.iter().map(balance).collect(),
        exchanges: of.exchanges,
        exchange_result: of.exchange_result.to_string(),
    })
}

fn balance(end: &CurrencyEnd) -> BalanceEntry {
    let of = &end.balance;
    BalanceEntry {
        currency: end.name.clone(),
        initial: of.initial().to_string(),
        cash: of.cash().to_string(),
        fees: of.fees().to_string(),
        borrow_paid: of.carry().to_string(),
        funding_paid: of.funding().to_string(),
        realised: of.realised().to_string(),
        exchanged: of.exchanged().to_string(),
        rate: end.rate.map(|rate| rate.to_string()),
        worth: end.worth.map(|worth| worth.to_string()),
    }
}

/// What is held beyond whole lots, by symbol.
#[must_use]
pub fn dust(outcome: &RunOutcome) -> BTreeMap<String, String> {
    let of = |&(id, dust_e9): &(qt_types::InstrumentId, i64)| {
        let spec = outcome.specs.get(id.index())?;
        Some((spec.symbol().to_owned(), format_scaled(i128::from(dust_e9), 9)))
    };
    outcome.dust.iter().filter_map(of).collect()
}

/// The settlements of `outcome`.
#[must_use]
pub fn settlements(outcome: &RunOutcome) -> Vec<SettlementEntry> {
    let of = |settled: &crate::recorder::Settled| {
        let spec = outcome.specs.get(settled.instrument.index())?;
        Some(SettlementEntry {
            symbol: spec.symbol().to_owned(),
            time: iso_text(settled.venue_ns.get()),
            price: spec.price_text(settled.price),
            qty: spec.qty_text(settled.qty),
            profit: settled.profit.to_string(),
        })
    };
    outcome.settlements.iter().filter_map(of).collect()
}

/// The name of what a fee of an instrument was taken in.
#[must_use]
pub fn fee_currency(fee_in: FeeIn, spec: &InstrumentSpec, outcome: &RunOutcome) -> String {
    let name = |index: usize| {
        let all = outcome.currencies.as_ref().map(|of| of.all.as_slice()).unwrap_or_default();
        all.get(index).map(|end| end.name.clone())
    };
    match fee_in {
        FeeIn::Quote => spec.currency().to_owned(),
        FeeIn::Base => base_of(spec),
        FeeIn::Currency(currency) => {
            name(currency.index()).unwrap_or_else(|| spec.currency().to_owned())
        }
    }
}
