//! What a run with several currencies leaves in each.

use qt_engine::{Balance, Exposure};
use qt_types::{Cash, CurrencyId, FxRate};

use crate::venue::{Money, SimVenue};

/// The currencies of an account at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyOutcome {
    /// Each, that of the account first.
    pub all: Vec<CurrencyEnd>,
    /// How often money was exchanged.
    pub exchanges: u64,
    /// What was exchanged, at the rates of the end: what it brought or cost to have exchanged it,
    /// in the currency of the account.
    pub exchange_result: Cash,
    /// What is to be told of the rates.
    pub notes: Vec<String>,
}

/// One currency at the end of a run. All amounts in it but `worth`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyEnd {
    /// Its name.
    pub name: String,
    /// Its books.
    pub balance: Balance,
    /// What a unit of it is worth in the currency of the account.
    pub rate: Option<FxRate>,
    /// What the money is worth in the currency of the account, positions apart.
    pub worth: Option<Cash>,
}

impl CurrencyOutcome {
    /// The currencies `money` at the end of a run with `exposure` at `venue`.
    pub(crate) fn new(money: &Money, exposure: &Exposure<'_>, venue: &SimVenue) -> Option<Self> {
        if money.names.is_empty() {
            return None;
        }
        let (ledger, market) = (exposure.ledger, exposure.market);
        let of = |(at, name): (usize, &String)| {
            let currency = CurrencyId(u8::try_from(at).unwrap_or(u8::MAX));
            let (balance, rate) = (*ledger.balance(currency), market.rate(currency));
            let worth = match rate {
                None => (balance.cash() == Cash::ZERO).then_some(Cash::ZERO),
                Some(rate) => rate.value_of(balance.cash()),
            };
            CurrencyEnd { name: name.clone(), balance, rate, worth }
        };
        Some(Self {
            all: money.names.iter().enumerate().map(of).collect(),
            exchanges: venue.counts().exchanges,
            exchange_result: ledger.total(market, Balance::exchanged).unwrap_or_default(),
            notes: money.notes.clone(),
        })
    }
}
