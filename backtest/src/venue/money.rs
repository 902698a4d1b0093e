//! An account in several currencies, and fees in what was bought or in a token.

use qt_engine::{Currencies, Deal, LedgerError, Leg};
use qt_types::{
    Cash, CurrencyId, E9, FeeIn, FxRate, InstrumentId, InstrumentKind, Liquidity, RejectReason,
    Report, ReportKind, Side,
};

use super::SimVenue;
use super::account::VenueAccount;

/// The currencies of an account, and how its fees are taken. One currency by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Money {
    /// The currencies, the account's own first; empty where there is only one.
    pub names: Vec<String>,
    /// What the engine has to know of them.
    pub currencies: Currencies,
    /// How much worse than its rate every exchange is, in billionths.
    pub spread_e9: i64,
    /// What fees are taken in.
    pub fees: FeeAsset,
    /// What is to be told of the rates.
    pub notes: Vec<String>,
}

/// What a venue takes its fees in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FeeAsset {
    /// The currency that the instrument is settled in.
    #[default]
    Quote,
    /// What is received: of a spot purchase a part of what was bought.
    Received,
    /// A token, as long as there is enough of it.
    Token {
        /// Its balance.
        currency: CurrencyId,
        /// How much less a fee is when it is paid in it, in billionths.
        discount_e9: i64,
        /// Whether fees that it does not suffice for are taken in what is received.
        else_received: bool,
    },
}

impl Money {
    /// The currency that is there for fees alone.
    const fn token(&self) -> Option<CurrencyId> {
        match self.fees {
            FeeAsset::Token { currency, .. } => Some(currency),
            FeeAsset::Quote | FeeAsset::Received => None,
        }
    }
}

/// A fee as it is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charge {
    pub(super) fee: Cash,
    pub(super) fee_in: FeeIn,
    /// What it is worth in the instrument's currency.
    pub(super) value: Cash,
}

impl VenueAccount {
    /// The rate at which `currency` is bought (or, with a negative `spread_e9`, sold), if there is
    /// one that is not too old.
    fn rate_at(&self, currency: CurrencyId, spread_e9: i64, now_ns: i64) -> Option<FxRate> {
        let rate = self.fresh_rate(currency, now_ns)?;
        Some(if spread_e9 == 0 { rate } else { rate.moved(spread_e9) })
    }

    /// Whether `needed` of the currency of `instrument` can be paid: from its own balance, then
    /// from the account's, then from the others in their order.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn can_pay(
        &self,
        money: &Money,
        instrument: InstrumentId,
        needed: Cash,
        now_ns: i64,
    ) -> Result<(), RejectReason> {
        let funds = RejectReason::InsufficientFunds;
        let ledger = self.ledger();
        let currency = ledger.currency_of(instrument);
        let missing = needed - ledger.balance(currency).funds();
        if missing <= Cash::ZERO {
            return Ok(());
        }
        if !ledger.has_currencies() {
            return Err(funds);
        }
        let mut missing = missing;
        if currency != CurrencyId::ACCOUNT {
            let rate = self.rate_at(currency, money.spread_e9, now_ns);
            let cost = rate.ok_or(RejectReason::NoRate)?.value_of(missing).ok_or(funds)?;
            missing = cost - ledger.funds().max(Cash::ZERO);
        }
        for other in self.others(money, currency) {
            if missing <= Cash::ZERO {
                break;
            }
            let has = ledger.balance(other).funds().max(Cash::ZERO);
            let rate = self.rate_at(other, -money.spread_e9, now_ns);
            missing -= rate.and_then(|rate| rate.value_of(has)).unwrap_or(Cash::ZERO);
        }
        if missing <= Cash::ZERO { Ok(()) } else { Err(funds) }
    }

    /// The currencies that may be sold to pay in `currency`, but for the account's own.
    fn others(&self, money: &Money, currency: CurrencyId) -> impl Iterator<Item = CurrencyId> {
        let token = money.token();
        let count = u8::try_from(self.ledger().currencies()).unwrap_or(u8::MAX);
        (1..count).map(CurrencyId).filter(move |&other| other != currency && Some(other) != token)
    }
}

impl SimVenue {
    /// The currencies of the account.
    #[must_use]
    pub const fn money(&self) -> &Money {
        &self.config.scene.money
    }

    /// The fee `fee` of a fill as it is taken; `None` when an amount overflows.
    pub(super) fn charge_of(
        &self,
        fill: &Deal,
        liquidity: Liquidity,
        now_ns: i64,
    ) -> Option<Charge> {
        let in_quote = Charge { fee: fill.fee, fee_in: FeeIn::Quote, value: fill.fee };
        let is_received = match self.money().fees {
            FeeAsset::Quote => return Some(in_quote),
            FeeAsset::Received => true,
            FeeAsset::Token { currency, discount_e9, else_received } => {
                if let Some(charge) = self.in_token(fill, (currency, discount_e9), now_ns)? {
                    return Some(charge);
                }
                else_received
            }
        };
        let spec = self.account.spec(fill.instrument)?;
        let is_spot = spec.kind() == InstrumentKind::Spot && fill.side == Side::Buy;
        // Rebates are money everywhere.
        if !is_received || !is_spot || fill.fee <= Cash::ZERO {
            return Some(in_quote);
        }
        let units = i128::from(fill.qty.lots()).checked_mul(i128::from(spec.lot_e9()))?;
        let fees = self.fees_now();
        let fee = Cash::from_nano(units).times_rate(fees.rate_e9(liquidity))?;
        let value = spec.notional_of_units(fill.price, fee.nano())?;
        Some(Charge { fee, fee_in: FeeIn::Base, value })
    }

    /// The fee in a token, where there is enough of it and its rate is known.
    fn in_token(
        &self,
        fill: &Deal,
        (token, discount_e9): (CurrencyId, i64),
        now_ns: i64,
    ) -> Option<Option<Charge>> {
        if fill.fee <= Cash::ZERO {
            return Some(None);
        }
        let value = fill.fee.times_rate(E9 - discount_e9)?;
        let Some(rate) = self.account.fresh_rate(token, now_ns) else { return Some(None) };
        let Some(worth) = self.account.in_account(fill.instrument, value) else {
            return Some(None);
        };
        let fee = rate.amount_of(worth)?;
        let has = self.account.ledger().balance(token).cash();
        Some((fee <= has).then_some(Charge { fee, fee_in: FeeIn::Currency(token), value }))
    }

    /// Exchanges what is missing in the currency of `instrument` for `needed` to be there. It has
    /// been found to be there ([`VenueAccount::can_pay`]).
    ///
    /// # Errors
    /// When the venue's books fail their check.
    pub(super) fn raise(
        &mut self,
        instrument: InstrumentId,
        needed: Cash,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let ledger = self.account.ledger();
        let currency = ledger.currency_of(instrument);
        let missing = needed - ledger.balance(currency).funds();
        if !ledger.has_currencies() || missing <= Cash::ZERO {
            return Ok(());
        }
        let spread_e9 = self.money().spread_e9;
        if currency == CurrencyId::ACCOUNT {
            return self.sell_others(currency, needed, now_ns);
        }
        let rate = self.account.rate_at(currency, spread_e9, now_ns).ok_or(LedgerError::NoRate)?;
        let cost = rate.value_of(missing).ok_or(LedgerError::Overflow)?;
        self.sell_others(currency, cost, now_ns)?;
        self.exchange(instrument, currency, missing, rate, now_ns)
    }

    /// Sells other currencies but `currency` until there is `needed` of the account's own.
    fn sell_others(
        &mut self,
        currency: CurrencyId,
        needed: Cash,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let spread_e9 = self.money().spread_e9;
        for at in 1..self.account.ledger().currencies() {
            let other = CurrencyId(u8::try_from(at).unwrap_or(u8::MAX));
            let (ledger, token) = (self.account.ledger(), self.money().token());
            let (has, missing) = (ledger.balance(other).funds(), needed - ledger.funds());
            if missing <= Cash::ZERO {
                return Ok(());
            }
            if other == currency || Some(other) == token || has <= Cash::ZERO {
                continue;
            }
            let Some(rate) = self.account.rate_at(other, -spread_e9, now_ns) else { continue };
            let enough = rate.least_for(missing).ok_or(LedgerError::Overflow)?;
            self.exchange(InstrumentId(0), other, -has.min(enough), rate, now_ns)?;
        }
        Ok(())
    }

    fn exchange(
        &mut self,
        instrument: InstrumentId,
        currency: CurrencyId,
        amount: Cash,
        rate: FxRate,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        self.account.exchange(currency, amount, rate)?;
        self.counts.exchanges += 1;
        let report = Report::of_rate(ReportKind::Exchanged, currency, rate);
        self.send(instrument, now_ns, Report { fee: amount, ..report });
        Ok(())
    }

    /// After the account has paid for something beside a fill: what is missing now is exchanged,
    /// where there is enough of another currency. Otherwise it stays owed.
    ///
    /// # Errors
    /// When the venue's books fail their check.
    pub(super) fn cover(
        &mut self,
        instrument: InstrumentId,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let can_pay =
            |venue: &Self| venue.account.can_pay(venue.money(), instrument, Cash::ZERO, now_ns);
        let has_currencies = self.account.ledger().has_currencies();
        if has_currencies && self.account.is_cash() && can_pay(self).is_ok() {
            return self.raise(instrument, Cash::ZERO, now_ns);
        }
        Ok(())
    }

    /// The prices of instruments that are rates are looked up in their books.
    pub(super) fn note_rates(&mut self) {
        if self.markets.is_empty() {
            return;
        }
        for at in 0..self.money().currencies.others.len() {
            let Some(currency) = self.money().currencies.others.get(at).copied() else { continue };
            for leg in currency.rate.legs() {
                if let Leg::Traded { instrument, .. } = leg {
                    self.note_mark(instrument);
                }
            }
        }
    }

    /// A currency has another rate from now on, and we are told.
    pub(super) fn change_rate(&mut self, currency: CurrencyId, rate: FxRate, now_ns: i64) {
        self.account.set_rate(currency, rate, now_ns);
        let report = Report::of_rate(ReportKind::Rate, currency, rate);
        self.send(InstrumentId(0), now_ns, report);
    }

    /// What the fee of execution `exec` was worth in the instrument's currency, where it was taken
    /// in something else.
    #[must_use]
    pub fn fee_value(&self, exec: qt_types::ExecId) -> Option<Cash> {
        let at = self.fee_values.binary_search_by_key(&exec, |&(exec, _)| exec).ok()?;
        self.fee_values.get(at).map(|&(_, value)| value)
    }
}
