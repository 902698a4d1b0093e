//! The currencies of a run, as a user describes them: by name. A run turns them into the [`Money`]
//! of its venue once its instruments are known.

mod pair;
mod rates;

use qt_engine::{CURRENCIES_MAX, Currencies, Currency, Leg, RateSource};
use qt_types::{Cash, CurrencyId, InstrumentKind, InstrumentSpec};

use crate::conditions::Span;
use crate::venue::{FeeAsset, Happening, Money, Planned};
pub use rates::{FxPoints, FxSeries};

/// The name of what `spec` is about: `BTC` of `BTCUSDT`; its symbol where that tells nothing.
#[must_use]
pub fn base_of(spec: &InstrumentSpec) -> String {
    let (symbol, currency) = (spec.symbol(), spec.currency());
    let base = symbol.strip_suffix(currency).unwrap_or(symbol);
    let base = base.trim_end_matches(['/', '-', '_']);
    if base.is_empty() { symbol.to_owned() } else { base.to_owned() }
}

/// A week: rates of daily bars outlast their longest holidays.
pub const RATE_AGE_MAX_NS: i64 = 7 * 86_400_000_000_000;

/// Everything about the currencies of a run. By default the one that its instruments are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrencyConfig {
    /// The currency of the account; that of the instruments where they have but one.
    pub account: Option<String>,
    /// Rates.
    pub rates: Vec<FxSeries>,
    /// What there is at the start beside the capital.
    pub deposits: Vec<(String, Cash)>,
    /// How much worse than its rate every exchange is, in billionths.
    pub spread_e9: i64,
    /// A rate that is older is not used for new risk, in ns.
    pub age_max_ns: i64,
    /// What fees are taken in.
    pub fees: FeesIn,
}

/// What fees are taken in, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FeesIn {
    /// The currency that the instrument is settled in.
    #[default]
    Quote,
    /// What is received: of a spot purchase a part of what was bought.
    Received,
    /// A token, as long as there is enough of it.
    Token {
        /// Its name.
        name: String,
        /// How much less a fee is when it is paid in it, in billionths.
        discount_e9: i64,
        /// Whether fees that it does not suffice for are taken in what is received.
        else_received: bool,
    },
}

impl Default for CurrencyConfig {
    fn default() -> Self {
        Self {
            account: None,
            rates: Vec::new(),
            deposits: Vec::new(),
            spread_e9: 0,
            age_max_ns: RATE_AGE_MAX_NS,
            fees: FeesIn::Quote,
        }
    }
}

impl CurrencyConfig {
    /// The currencies of a run over `specs` in `span`, and how their rates change in it.
    ///
    /// # Errors
    /// What is missing or does not go together, and how to fix it.
    pub fn plan(
        &self,
        specs: &[InstrumentSpec],
        span: Span,
    ) -> Result<(Money, Vec<Planned>), String> {
        let names = self.names(specs)?;
        let id = |name: &str| names.iter().position(|known| known == name).unwrap_or(0);
        let id = |name: &str| CurrencyId(u8::try_from(id(name)).unwrap_or(0));
        let fees = match &self.fees {
            FeesIn::Quote => FeeAsset::Quote,
            FeesIn::Received => FeeAsset::Received,
            FeesIn::Token { name, discount_e9, else_received } => FeeAsset::Token {
                currency: id(name),
                discount_e9: *discount_e9,
                else_received: *else_received,
            },
        };
        let mut money = Money { fees, spread_e9: self.spread_e9, ..Money::default() };
        if names.len() == 1 {
            return Ok((money, Vec::new()));
        }
        let mut planned = Vec::new();
        let mut others = Vec::new();
        for (at, name) in names.iter().enumerate().skip(1) {
            let deposit = self.deposit(name);
            let found = self.rate_of(name, &names, specs, span)?;
            if deposit != Cash::ZERO && !found.is_known_at_start() {
                return Err(format!(
                    "{name} is deposited, but there is no rate for it when the run begins{} (add \
                     --fx {name}{}=RATE, or begin later with --from)",
                    found.begins_text(),
                    names[0],
                ));
            }
            money.notes.extend(found.notes);
            let currency = CurrencyId(u8::try_from(at).unwrap_or(u8::MAX));
            planned.extend(found.changes.iter().map(|&(time_ns, rate)| Planned {
                time_ns,
                instrument: qt_types::InstrumentId(0),
                what: Happening::Rate { currency, rate },
            }));
            others.push(Currency { deposit, rate: found.source });
        }
        let of = specs.iter().map(|spec| id(spec.currency())).collect();
        money.currencies = Currencies { of, others, age_max_ns: self.age_max_ns };
        money.names = names;
        Ok((money, planned))
    }

    fn deposit(&self, name: &str) -> Cash {
        self.deposits.iter().filter(|(of, _)| of == name).map(|&(_, amount)| amount).sum()
    }

    /// The names of all currencies, that of the account first.
    fn names(&self, specs: &[InstrumentSpec]) -> Result<Vec<String>, String> {
        let mut of_specs: Vec<&str> = Vec::new();
        for spec in specs {
            if !of_specs.contains(&spec.currency()) {
                of_specs.push(spec.currency());
            }
        }
        let account = match (&self.account, of_specs.as_slice()) {
            (Some(name), _) => name.as_str(),
            (None, [only]) => only,
            (None, several) => {
                let first = specs.first().map_or("?", InstrumentSpec::symbol);
                return Err(format!(
                    "the instruments are in several currencies ({}): say in which one the \
                     account is, as in --account-currency {} (or correct one, as in --currency \
                     {first}=EUR)",
                    several.join(", "),
                    several.first().unwrap_or(&"USD"),
                ));
            }
        };
        if let Some((name, _)) = self.deposits.iter().find(|(name, _)| name == account) {
            return Err(format!(
                "--deposit {name}: that is the currency of the account; set --capital"
            ));
        }
        let is_spot = |spec: &InstrumentSpec| spec.kind() == InstrumentKind::Spot;
        if self.fees == FeesIn::Received && !specs.iter().any(is_spot) {
            return Err(
                "--fee-asset base: no instrument is of the kind spot (set --kind spot)".to_owned()
            );
        }
        let token = match &self.fees {
            FeesIn::Token { name, .. } => Some(name.as_str()),
            FeesIn::Quote | FeesIn::Received => None,
        };
        let deposited = self.deposits.iter().map(|(name, _)| name.as_str());
        let mut names = vec![account.to_owned()];
        for name in of_specs.into_iter().chain(deposited).chain(token) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        if names.len() > CURRENCIES_MAX {
            return Err(format!("{} currencies are more than {CURRENCIES_MAX}", names.len()));
        }
        if let Some(name) = token
            && self.deposit(name) <= Cash::ZERO
            && name != account
        {
            return Err(format!(
                "--fee-asset {name}: there is none of it (add --deposit {name}=AMOUNT)"
            ));
        }
        Ok(names)
    }
}

impl Money {
    /// The capital and what is deposited beside it, at the rates of the start.
    #[must_use]
    pub fn initial_equity(&self, capital: Cash) -> Cash {
        let worth = |currency: &Currency| match currency.rate {
            RateSource::One(Leg::Constant(rate) | Leg::Told(Some((rate, _)))) => {
                rate.value_of(currency.deposit).unwrap_or(Cash::ZERO)
            }
            // What is not known then is not deposited.
            RateSource::One(Leg::Told(None) | Leg::Traded { .. }) | RateSource::Two(..) => {
                Cash::ZERO
            }
        };
        self.currencies.others.iter().map(worth).sum::<Cash>() + capital
    }
}

#[cfg(test)]
mod tests;
