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
    /// Always the same.
    Constant(FxRate),
    /// Events tell it ([`qt_types::ReportKind::Rate`]). What was known when the run began, and
    /// since when (UTC ns).
    Told(Option<(FxRate, Nanos)>),
    /// The mark of an instrument of the run, or one over it.
    Traded {
        /// The instrument.
        instrument: InstrumentId,
        /// Its tick, in billionths.
        tick_e9: i64,
        /// Whether its price is that of the account's currency.
        is_inverse: bool,
    },
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
        if let Some(source @ RateSource::Told(_)) = at.and_then(|at| self.sources.get_mut(at)) {
            *source = RateSource::Told(Some((rate, now_ns)));
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

    /// Takes note of a rate that an event has told.
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
            RateSource::Constant(rate) => Some(rate),
            RateSource::Told(told) => told.map(|(rate, _)| rate),
            RateSource::Traded { instrument, tick_e9, is_inverse } => {
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
        let rates = self.rates.as_ref();
        if let Some(rates) = rates
            && let Some(RateSource::Told(Some((_, since_ns)))) = rates.source(currency)
            && now_ns.get().saturating_sub(since_ns.get()) > rates.age_max_ns
        {
            return None;
        }
        self.rate(currency)
    }
}
