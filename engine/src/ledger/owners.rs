//! The books of several strategies that share an account: each as if it were alone with what its
//! own orders did. Together they are the account, but for its capital and its exchanges of money.

use qt_types::{Cash, InstrumentId, InstrumentSpec, Nanos, Price, Qty, Side, StrategyId};

use super::loans::Loans;
use super::{Balance, Deal, Ledger, LedgerError, closable};
use crate::fx::Currencies;
use crate::stored;

/// The books of each strategy, by [`StrategyId`]; none where a run has one.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners {
    books: Vec<Ledger>,
    orders: Vec<u64>,
    fills: Vec<u64>,
    loans: Loans,
    /// What each has to bear of an amount; kept for its memory.
    weights: Vec<i128>,
    /// The instruments that more than one of them trades.
    is_shared: Vec<bool>,
}

stored!(Owners {
    state: orders, fills, loans;
    each: books;
    same: is_shared;
    made: weights;
});

/// Puts an amount to the books of a strategy.
type Put = fn(&mut Ledger, InstrumentId, Cash) -> Result<(), LedgerError>;

impl Owners {
    pub(super) fn set_currencies(&mut self, currencies: &Currencies) {
        for own in &mut self.books {
            own.others = vec![Balance::default(); currencies.others.len()];
            own.of = currencies.of.clone();
            own.of.resize(own.positions.len(), qt_types::CurrencyId::ACCOUNT);
        }
    }

    /// Funding for the position of the account, put to each by its share of the position.
    pub(super) fn share_funding(
        &mut self,
        instrument: InstrumentId,
        amount: Cash,
    ) -> Result<(), LedgerError> {
        if self.books.is_empty() {
            return Ok(());
        }
        self.weigh_positions(instrument);
        self.share_out(instrument, amount, Ledger::fund)
    }

    /// Borrow fees since the last ones, put to each by what it held meanwhile, and for how long.
    pub(super) fn share_charge(
        &mut self,
        instrument: InstrumentId,
        amount: Cash,
    ) -> Result<(), LedgerError> {
        if self.books.is_empty() {
            return Ok(());
        }
        self.collect(instrument);
        self.loans.take(instrument, &mut self.weights);
        if self.weights.iter().sum::<i128>() == 0 {
            self.weigh_positions(instrument);
        }
        self.share_out(instrument, amount, Ledger::charge)
    }

    fn weigh_positions(&mut self, instrument: InstrumentId) {
        for (weight, own) in self.weights.iter_mut().zip(&self.books) {
            *weight = i128::from(lots(own, instrument));
        }
    }

    /// Puts `amount` to each by its weight; what is left of rounding to the last one that has any.
    fn share_out(
        &mut self,
        instrument: InstrumentId,
        amount: Cash,
        put: Put,
    ) -> Result<(), LedgerError> {
        let whole: i128 = self.weights.iter().sum();
        let mut left = amount;
        // Late: nothing is held any more. It is the first one's.
        let last = self.weights.iter().rposition(|&weight| weight != 0).filter(|_| whole != 0);
        for (own, weight) in self.books.iter_mut().zip(&self.weights).take(last.unwrap_or(0)) {
            let part = amount.nano().checked_mul(*weight).ok_or(LedgerError::Overflow)? / whole;
            left -= Cash::from_nano(part);
            put(own, instrument, Cash::from_nano(part))?;
        }
        self.books.get_mut(last.unwrap_or(0)).map_or(Ok(()), |own| put(own, instrument, left))
    }

    /// Before the positions in `instrument` change: what they were until now.
    fn collect(&mut self, instrument: InstrumentId) {
        self.loans.collect(instrument, self.books.iter().map(|own| lots(own, instrument)));
    }

    pub(super) fn settle(
        &mut self,
        spec: &InstrumentSpec,
        instrument: InstrumentId,
        price: Price,
    ) -> Result<(), LedgerError> {
        self.collect(instrument);
        self.books.iter_mut().try_for_each(|own| own.settle(spec, instrument, price))
    }

    /// What they hold against each other in `instrument` changes hands at `price`, until all that
    /// is held is on one side.
    fn net(
        &mut self,
        spec: &InstrumentSpec,
        instrument: InstrumentId,
        price: Price,
    ) -> Result<(), LedgerError> {
        self.collect(instrument);
        loop {
            let holds = |sign: i64| {
                self.books.iter().position(|own| lots(own, instrument).signum() == sign)
            };
            let Some((long, short)) = holds(1).zip(holds(-1)) else { return Ok(()) };
            let held = |at: usize| lots(&self.books[at], instrument).saturating_abs();
            let qty = Qty::from_lots(held(long).min(held(short)));
            for (at, side) in [(long, Side::Sell), (short, Side::Buy)] {
                self.books[at].fill(spec, &Deal::new(instrument, side, price, qty))?;
            }
        }
    }

    /// Parts of lots that fees in kind have left go to the one that holds most, at `price`: what
    /// each has of a lot nobody could sell, and together it may be whole lots.
    fn gather(
        &mut self,
        spec: &InstrumentSpec,
        instrument: InstrumentId,
        price: Price,
    ) -> Result<(), LedgerError> {
        let most = |at: &usize| lots(&self.books[*at], instrument).unsigned_abs();
        let Some(holder) = (0..self.books.len()).rev().max_by_key(most) else { return Ok(()) };
        for at in 0..self.books.len() {
            let units_e9 = i128::from(self.books[at].position(instrument).dust_e9());
            if at != holder && units_e9 != 0 {
                self.books[at].take_units(spec, instrument, price, -units_e9)?;
                self.books[holder].take_units(spec, instrument, price, units_e9)?;
            }
        }
        Ok(())
    }
}

fn lots(own: &Ledger, instrument: InstrumentId) -> i64 {
    own.position(instrument).qty().lots()
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
        self.owners = Owners {
            books,
            orders: none.clone(),
            fills: none,
            loans: Loans::new(self.positions.len(), count),
            weights: vec![0; count],
            is_shared,
        };
        self
    }

    /// What is booked from now on happened at `now_ns` (UTC).
    pub(crate) const fn set_time(&mut self, now_ns: Nanos) {
        self.owners.loans.set_time(now_ns);
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
        strategy: StrategyId,
        spec: &InstrumentSpec,
        deal: &Deal,
        is_taken_back: bool,
    ) -> Result<(), LedgerError> {
        if strategy.index() >= self.owners.books.len() {
            return Ok(());
        }
        self.owners.collect(deal.instrument);
        if let Some(fills) = self.owners.fills.get_mut(strategy.index()) {
            let less = u64::from(is_taken_back);
            *fills = (*fills + 1).saturating_sub(2 * less);
        }
        self.owners.books[strategy.index()].fill(spec, deal)
    }

    /// What strategies hold against each other in `instrument` changes hands between them at
    /// `price`, and so do parts of lots that are whole lots together; the account's own books stay
    /// as they are.
    pub(crate) fn net_strategies(
        &mut self,
        spec: &InstrumentSpec,
        instrument: InstrumentId,
        price: Price,
    ) -> Result<(), LedgerError> {
        self.owners.net(spec, instrument, price)?;
        let own = self.owners.books.iter().map(|own| i128::from(lots(own, instrument)));
        if own.sum::<i128>() == i128::from(lots(self, instrument)) {
            return Ok(());
        }
        self.owners.gather(spec, instrument, price)
    }

    /// The venue has made a `deal` of its own that closes some of the account's position, and the
    /// account has not booked it yet: the strategies that hold it lose it in the order of their
    /// numbers.
    pub(crate) fn close_own(
        &mut self,
        spec: &InstrumentSpec,
        deal: &Deal,
    ) -> Result<(), LedgerError> {
        self.net_strategies(spec, deal.instrument, deal.price)?;
        let (mut left, mut fee_left) = (deal.qty.lots(), deal.fee);
        for own in &mut self.owners.books {
            let closes = closable(deal.side, lots(own, deal.instrument)).min(left);
            if closes == 0 {
                continue;
            }
            let fee = Cash::from_nano(if closes == left {
                fee_left.nano()
            } else {
                let part = deal.fee.nano().checked_mul(i128::from(closes));
                part.ok_or(LedgerError::Overflow)? / i128::from(deal.qty.lots().max(1))
            });
            own.fill(spec, &Deal { qty: Qty::from_lots(closes), fee, ..*deal })?;
            (left, fee_left) = (left - closes, fee_left - fee);
        }
        Ok(())
    }
}
