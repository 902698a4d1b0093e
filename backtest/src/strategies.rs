//! What each of several strategies brought.

use qt_engine::{Balance, Exposure, Ledger};
use qt_types::{Cash, InstrumentId, Qty, StrategyId};

use crate::tape::id_of;

/// What the orders of one strategy brought. The sums over all strategies are those of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrategyOutcome {
    /// Orders that it opened, protective ones and those that the engine holds included.
    pub orders: u64,
    /// Executions of them.
    pub fills: u64,
    /// Its money; `None` where some of it is in a currency without a rate.
    pub amounts: Option<StrategyAmounts>,
    /// Lots that it holds, by instrument.
    pub positions: Vec<Qty>,
}

/// The money of one strategy, in the currency of the account at the rates of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrategyAmounts {
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
        let instruments = (0..exposure.specs.len()).map(id_of);
        Self {
            orders,
            fills,
            amounts: StrategyAmounts::of(own, exposure),
            positions: instruments.map(|at| own.position(at).qty()).collect(),
        }
    }

    /// What it brought after all costs, with its positions at the marks of the end; `None` where
    /// some of that is in a currency without a rate.
    #[must_use]
    pub fn profit(&self) -> Option<Cash> {
        self.amounts.map(|amounts| amounts.profit())
    }
}

impl StrategyAmounts {
    fn of(own: &Ledger, exposure: &Exposure<'_>) -> Option<Self> {
        let total = |part: fn(&Balance) -> Cash| own.total(exposure.market, part).ok();
        let mut unrealised = Cash::ZERO;
        for instrument in (0..exposure.specs.len()).map(id_of) {
            unrealised += open(own, instrument, exposure)?;
        }
        Some(Self {
            realised: total(Balance::realised)?,
            unrealised,
            fees: total(Balance::fees)?,
            borrow_paid: total(Balance::carry)?,
            funding_paid: total(Balance::funding)?,
        })
    }

    /// Its part of what was paid for holding positions: borrow fees and funding.
    #[must_use]
    pub fn holding_costs(&self) -> Cash {
        self.borrow_paid + self.funding_paid
    }

    /// What it brought after all costs, with its positions at the marks of the end.
    #[must_use]
    pub fn profit(&self) -> Cash {
        self.realised + self.unrealised - self.fees - self.holding_costs()
    }
}

/// The open profit in `instrument` at its mark, nothing without one; `None` without a rate.
fn open(own: &Ledger, instrument: InstrumentId, exposure: &Exposure<'_>) -> Option<Cash> {
    let price = exposure.market.mark(instrument);
    let profit = price
        .zip(exposure.spec(instrument))
        .and_then(|(price, spec)| own.position(instrument).unrealised(spec, price));
    match profit.unwrap_or_default() {
        Cash::ZERO => Some(Cash::ZERO),
        profit => exposure.in_account(instrument, profit),
    }
}
