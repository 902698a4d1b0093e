//! The books of several strategies that share an account: each as if it were alone with what its
//! own orders did. Together they are the account, but for its capital and its exchanges of money.

use qt_types::{Cash, FeeIn, InstrumentId, InstrumentSpec, Price, Qty, Side, StrategyId};

use super::{Balance, Ledger, LedgerError};
use crate::fx::Currencies;
use crate::stored;

/// The books of each strategy, by [`StrategyId`]; none where a run has one.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners {
    books: Vec<Ledger>,
    orders: Vec<u64>,
    fills: Vec<u64>,
    /// The instruments that more than one of them trades.
    is_shared: Vec<bool>,
}

stored!(Owners {
    state: orders, fills;
    each: books;
    same: is_shared;
});

impl Owners {
    pub(super) fn set_currencies(&mut self, currencies: &Currencies) {
        for own in &mut self.books {
            own.others = vec![Balance::default(); currencies.others.len()];
            own.of = currencies.of.clone();
            own.of.resize(own.positions.len(), qt_types::CurrencyId::ACCOUNT);
        }
    }

    /// What was paid for the position of the account in `instrument`, put to each by its share of
    /// the position; what is left of rounding to the last one that has any.
    pub(super) fn share_out(
        &mut self,
        instrument: InstrumentId,
        amount: Cash,
        put: fn(&mut Ledger, InstrumentId, Cash) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let lots = |own: &Ledger| i128::from(own.position(instrument).qty().lots());
        let net: i128 = self.books.iter().map(lots).sum();
        let mut left = amount;
        // Late: nothing is held any more. It is the first one's.
        let last = self.books.iter().rposition(|own| lots(own) != 0).filter(|_| net != 0);
        for own in self.books.iter_mut().take(last.unwrap_or(0)) {
            let part = amount.nano().checked_mul(lots(own)).ok_or(LedgerError::Overflow)? / net;
            left -= Cash::from_nano(part);
            put(own, instrument, Cash::from_nano(part))?;
        }
        self.books.get_mut(last.unwrap_or(0)).map_or(Ok(()), |own| put(own, instrument, left))
    }

    pub(super) fn settle(
        &mut self,
        spec: &InstrumentSpec,
        instrument: InstrumentId,
        price: Price,
    ) -> Result<(), LedgerError> {
        let holds = |own: &&mut Ledger| {
            let position = own.position(instrument);
            !position.qty().is_zero() || position.has_dust()
        };
        let mut holders = self.books.iter_mut().filter(holds);
        holders.try_for_each(|own| own.settle(spec, instrument, price))
    }

    /// What they hold against each other in `instrument` changes hands at `price`, until all that
    /// is held is on one side.
    fn net(
        &mut self,
        spec: &InstrumentSpec,
        instrument: InstrumentId,
        price: Price,
    ) -> Result<(), LedgerError> {
        let lots = |own: &Ledger| own.position(instrument).qty().lots();
        loop {
            let long = self.books.iter().position(|own| lots(own) > 0);
            let short = self.books.iter().position(|own| lots(own) < 0);
            let Some((long, short)) = long.zip(short) else { return Ok(()) };
            let qty = lots(&self.books[long]).min(lots(&self.books[short]).saturating_neg());
            for (at, side) in [(long, Side::Sell), (short, Side::Buy)] {
                let qty = Qty::from_lots(qty);
                self.books[at].fill(spec, instrument, side, price, qty, Cash::ZERO)?;
            }
        }
    }
}

impl Ledger {
    /// The same with books for each of `count` strategies. `is_shared` says by instrument whether
    /// more than one of them trades it.
    #[must_use]
    pub(crate) fn with_strategies(mut self, count: usize, is_shared: Vec<bool>) -> Self {
        // Made one by one: a clone has no room.
        let book = || Self::new(Cash::ZERO, self.positions.len());
        let books = std::iter::repeat_with(book).take(count).collect();
        let none = vec![0; count];
        self.owners = Owners { books, orders: none.clone(), fills: none, is_shared };
        self
    }

    /// How many strategies have books of their own: none where a run has one strategy.
    #[must_use]
    #[inline]
    pub fn strategies(&self) -> usize {
        self.owners.books.len()
    }

    /// What the orders of `strategy` have done; `None` where a run has one strategy. Its cash
    /// begins at zero.
    #[must_use]
    #[inline]
    pub fn own(&self, strategy: StrategyId) -> Option<&Self> {
        self.owners.books.get(strategy.index())
    }

    /// How many orders `strategy` has opened, and how many executions they had.
    #[must_use]
    pub fn counts(&self, strategy: StrategyId) -> (u64, u64) {
        let of = |list: &[u64]| list.get(strategy.index()).copied().unwrap_or(0);
        (of(&self.owners.orders), of(&self.owners.fills))
    }

    /// Whether more than one strategy trades `instrument`: what closes the position of one may
    /// then open one of the account.
    #[must_use]
    #[inline]
    pub fn is_shared(&self, instrument: InstrumentId) -> bool {
        !self.owners.books.is_empty()
            && self.owners.is_shared.get(instrument.index()).copied().unwrap_or(false)
    }

    /// The lots that `strategy` holds; those of the account where it has no books of its own.
    #[must_use]
    #[inline]
    pub fn held_by(&self, strategy: StrategyId, instrument: InstrumentId) -> Qty {
        self.own(strategy).unwrap_or(self).position(instrument).qty()
    }

    pub(crate) fn note_order(&mut self, strategy: StrategyId) {
        if let Some(orders) = self.owners.orders.get_mut(strategy.index()) {
            *orders += 1;
        }
    }

    /// Books an execution of an order of `strategy` in its own books, where it has some.
    pub(crate) fn fill_own(
        &mut self,
        (strategy, instrument): (StrategyId, InstrumentId),
        spec: &InstrumentSpec,
        side: Side,
        price: Price,
        (qty, is_taken_back): (Qty, bool),
        fee: (Cash, FeeIn),
    ) -> Result<(), LedgerError> {
        let Some(own) = self.owners.books.get_mut(strategy.index()) else { return Ok(()) };
        if let Some(fills) = self.owners.fills.get_mut(strategy.index()) {
            let less = u64::from(is_taken_back);
            *fills = (*fills + 1).saturating_sub(2 * less);
        }
        own.fill_with(spec, instrument, side, price, qty, fee)
    }

    /// What strategies hold against each other in `instrument` changes hands between them at
    /// `price`; the account's own books stay as they are.
    pub(crate) fn net_strategies(
        &mut self,
        spec: &InstrumentSpec,
        instrument: InstrumentId,
        price: Price,
    ) -> Result<(), LedgerError> {
        self.owners.net(spec, instrument, price)
    }

    /// The venue has closed `qty` lots of the account's position at `price` by itself, by orders
    /// of `side`: the strategies that hold them lose them in the order of their numbers.
    pub(crate) fn close_own(
        &mut self,
        spec: &InstrumentSpec,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: Qty,
        fee: Cash,
    ) -> Result<(), LedgerError> {
        self.owners.net(spec, instrument, price)?;
        let (mut left, mut fee_left) = (qty.lots(), fee);
        for own in &mut self.owners.books {
            let held = own.position(instrument).qty().lots();
            let closes = held.saturating_mul(side.sign()).saturating_neg().clamp(0, left);
            if closes == 0 {
                continue;
            }
            let part = Cash::from_nano(if closes == left {
                fee_left.nano()
            } else {
                let part = fee.nano().checked_mul(i128::from(closes));
                part.ok_or(LedgerError::Overflow)? / i128::from(qty.lots().max(1))
            });
            own.fill(spec, instrument, side, price, Qty::from_lots(closes), part)?;
            (left, fee_left) = (left - closes, fee_left - part);
        }
        Ok(())
    }
}
