//! The currencies of an account, and what each is worth in the account's own, as of now.

use serde::{Deserialize, Serialize};
mod stored;

use qt_types::{Cash, CurrencyId, E9, FxRate, InstrumentId, Nanos};

use crate::Market;

/// Currencies that an account may have, its own included.
pub const CURRENCIES_MAX: usize = 16;

/// The currencies of a run. By default there is only that of the account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Currencies {
    /// The currency of each instrument; that of the account beyond its end.
    pub of: Vec<CurrencyId>,
    /// The others, in the order of their ids (from 1).
    pub others: Vec<Currency>,
    /// A rate that is older than this is not used for new risk, in ns.
    pub age_max_ns: i64,
}

/// A currency beside that of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency {
    /// What there is of it at the start.
    pub deposit: Cash,
    /// Where its rate comes from.
    pub rate: RateSource,
}

/// Where a rate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RateSource {
    /// One pair.
    One(Leg),
    /// Two pairs that have a third currency in common: one rate times the other.
    Two(Leg, Leg),
}

/// A pair, and where its rate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leg {
    /// Always the same.
    Constant(FxRate),
    /// Events tell it ([`qt_types::ReportKind::Rate`]). What was known when the run began, and
    /// since when (UTC ns). Of two legs at most one is told so.
    Told(Option<(FxRate, Nanos)>),
    /// The mark of an instrument of the run, or one over it.
    Traded {
        /// The instrument.
        instrument: InstrumentId,
        /// Its tick, in billionths.
        tick_e9: i64,
        /// Whether its price is the other way round.
        is_inverse: bool,
    },
}

impl RateSource {
    /// Its pairs.
    pub fn legs(&self) -> impl Iterator<Item = Leg> {
        let (first, second) = match *self {
            Self::One(leg) => (leg, None),
            Self::Two(first, second) => (first, Some(second)),
        };
        std::iter::once(first).chain(second)
    }

    /// The pair that events tell of.
    const fn told_mut(&mut self) -> Option<&mut Leg> {
        match self {
            Self::One(leg @ Leg::Told(_))
            | Self::Two(leg @ Leg::Told(_), _)
            | Self::Two(_, leg @ Leg::Told(_)) => Some(leg),
            _ => None,
        }
    }

    /// The same without what events have told of it.
    pub(crate) const fn untold(mut self) -> Self {
        if let Some(leg) = self.told_mut() {
            *leg = Leg::Told(None);
        }
        self
    }
}

impl Currencies {
    /// Whether there is only one.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.others.is_empty()
    }

    /// The currency of `instrument`.
    #[must_use]
    pub fn of(&self, instrument: InstrumentId) -> CurrencyId {
        self.of.get(instrument.index()).copied().unwrap_or_default()
    }
}

/// The rates as they are known in one place.
#[derive(Clone, Debug)]
pub(crate) struct Rates {
    sources: Vec<RateSource>,
    age_max_ns: i64,
}

impl Rates {
    pub(crate) fn of(currencies: &Currencies) -> Option<Box<Self>> {
        let sources = currencies.others.iter().map(|currency| currency.rate).collect();
        let rates = Self { sources, age_max_ns: currencies.age_max_ns };
        (!currencies.is_single()).then(|| Box::new(rates))
    }

    fn source(&self, currency: CurrencyId) -> Option<&RateSource> {
        self.sources.get(currency.index().checked_sub(1)?)
    }

    fn set(&mut self, currency: CurrencyId, rate: FxRate, now_ns: Nanos) {
        let at = currency.index().checked_sub(1);
        let source = at.and_then(|at| self.sources.get_mut(at));
        if let Some(leg) = source.and_then(RateSource::told_mut) {
            *leg = Leg::Told(Some((rate, now_ns)));
        }
    }
}

impl Market {
    /// The same with the rates of `currencies`.
    #[must_use]
    pub fn with_currencies(mut self, currencies: &Currencies) -> Self {
        self.rates = Rates::of(currencies);
        self
    }

    /// Takes note of a rate that an event has told: of two pairs that of the one which is told.
    pub fn set_rate(&mut self, currency: CurrencyId, rate: FxRate, now_ns: Nanos) {
        if let Some(rates) = &mut self.rates {
            rates.set(currency, rate, now_ns);
        }
    }

    /// What a unit of `currency` is worth in the account's, by the last rate known; `None` before
    /// there is one.
    #[must_use]
    pub fn rate(&self, currency: CurrencyId) -> Option<FxRate> {
        if currency == CurrencyId::ACCOUNT {
            return Some(FxRate::ONE);
        }
        match *self.rates.as_ref()?.source(currency)? {
            RateSource::One(leg) => self.leg(leg),
            RateSource::Two(first, second) => Some(self.leg(first)?.times(self.leg(second)?)),
        }
    }

    fn leg(&self, leg: Leg) -> Option<FxRate> {
        match leg {
            Leg::Constant(rate) => Some(rate),
            Leg::Told(told) => told.map(|(rate, _)| rate),
            Leg::Traded { instrument, tick_e9, is_inverse } => {
                let price_e9 = self.mark(instrument)?.ticks().checked_mul(tick_e9)?;
                let (num, den) = if is_inverse { (E9, price_e9) } else { (price_e9, E9) };
                FxRate::new(num, den)
            }
        }
    }

    /// The same where the rate is not too old at `now_ns` for new risk to be taken by it. The price
    /// of an instrument of the run never is: its own control sees to its age.
    #[must_use]
    pub fn fresh_rate(&self, currency: CurrencyId, now_ns: Nanos) -> Option<FxRate> {
        if let Some(rates) = &self.rates
            && let Some(source) = rates.source(currency)
        {
            let is_old = |leg: Leg| {
                matches!(leg, Leg::Told(Some((_, since_ns)))
                    if now_ns.get().saturating_sub(since_ns.get()) > rates.age_max_ns)
            };
            if source.legs().any(is_old) {
                return None;
            }
        }
        self.rate(currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_pairs_are_multiplied_and_as_old_as_the_one_that_is_told() {
        let rate = |price: i64| FxRate::of_price(price * E9).unwrap();
        let leg = Leg::Told(Some((rate(3), Nanos::new(10))));
        let source = RateSource::Two(leg, Leg::Constant(rate(5)));
        let others = vec![Currency { deposit: Cash::ZERO, rate: source }];
        let currencies = Currencies { of: vec![CurrencyId(1)], others, age_max_ns: 100 };
        let mut market = Market::new(1).with_currencies(&currencies);
        let currency = CurrencyId(1);
        assert_eq!(market.rate(currency), FxRate::new(15, 1));
        assert!(market.fresh_rate(currency, Nanos::new(110)).is_some());
        assert_eq!(market.fresh_rate(currency, Nanos::new(111)), None);
        // An event tells of its own pair only.
        market.set_rate(currency, rate(7), Nanos::new(50));
        assert_eq!(market.rate(currency), FxRate::new(35, 1));
        assert!(market.fresh_rate(currency, Nanos::new(150)).is_some());
        let told =
            RateSource::Two(Leg::Told(Some((rate(7), Nanos::new(50)))), Leg::Constant(rate(5)));
        assert_eq!(told.untold(), source.untold());
        assert_ne!(told.untold(), RateSource::One(Leg::Told(None)));
    }
}
