//! What each of several strategies brought.

use qt_engine::{Balance, Exposure, Ledger};
use qt_types::{Cash, CurrencyId, InstrumentId, Qty, StrategyId};

use crate::tape::id_of;

/// What the orders of one strategy brought. All amounts are in the currency of the account, at the
/// rates of the end. The sums over all strategies are those of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrategyOutcome {
    /// Orders that it opened, protective ones and those that the engine holds included.
    pub orders: u64,
    /// Executions of them.
    pub fills: u64,
    /// Profit realised by its own average cost, before fees. What it is for the account is another
    /// split of the same sum where strategies trade one instrument.
    pub realised: Cash,
    /// The open profit at the marks of the end.
    pub unrealised: Cash,
    /// Its fees.
    pub fees: Cash,
    /// Its part of what was paid for being short.
    pub borrow_paid: Cash,
    /// Its part of what was paid as funding.
    pub funding_paid: Cash,
    /// Lots that it holds, by instrument.
    pub positions: Vec<Qty>,
}

impl StrategyOutcome {
    /// Those of all strategies, in the order of their numbers; none where there is one.
    #[must_use]
    pub fn all(exposure: &Exposure<'_>) -> Vec<Self> {
        let ids = (0..exposure.ledger.strategies())
            .map(|at| StrategyId(u16::try_from(at).unwrap_or(u16::MAX)));
        let of = |id: StrategyId| Some(Self::of(id, exposure.ledger.own(id)?, exposure));
        ids.filter_map(of).collect()
    }

    fn of(id: StrategyId, own: &Ledger, exposure: &Exposure<'_>) -> Self {
        let (orders, fills) = exposure.ledger.counts(id);
        let total = |part: fn(&Balance) -> Cash| {
            let single = part(own.balance(CurrencyId::ACCOUNT));
            own.total(exposure.market, part).unwrap_or(single)
        };
        let instruments = || (0..exposure.specs.len()).map(id_of);
        Self {
            orders,
            fills,
            realised: total(Balance::realised),
            unrealised: instruments().fold(Cash::ZERO, |sum, at| sum + open(own, at, exposure)),
            fees: total(Balance::fees),
            borrow_paid: total(Balance::carry),
            funding_paid: total(Balance::funding),
            positions: instruments().map(|at| own.position(at).qty()).collect(),
        }
    }

    /// What it brought after all costs, with its positions at the marks of the end.
    #[must_use]
    pub fn profit(&self) -> Cash {
        self.realised + self.unrealised - self.fees - self.borrow_paid - self.funding_paid
    }
}

/// The open profit in `instrument` at its mark; nothing without one.
fn open(own: &Ledger, instrument: InstrumentId, exposure: &Exposure<'_>) -> Cash {
    let price = exposure.market.mark(instrument);
    let profit = price
        .zip(exposure.spec(instrument))
        .and_then(|(price, spec)| own.position(instrument).unrealised(spec, price));
    let profit = profit.unwrap_or_default();
    exposure.in_account(instrument, profit).unwrap_or(profit)
}
