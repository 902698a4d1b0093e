//! Who may come: accounts with their balances, fees and keys, and the venue's limits, out of a
//! TOML file or made up for a demonstration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::exchange::units::parse_units;
use crate::exchange::{AccountId, Exchange, Fees, NewAccount};
use crate::venue::binance::{DemoKeys, KeyError, KeyKind, Limits, Permissions};
use crate::venue::{Simulated, Venue, bybit, kraken};

/// Decimals of rates.
const RATE_DECIMALS: u8 = 8;
/// What an account of a demonstration owns of each asset.
const DEMO_AMOUNT: &str = "1000000";

/// Accounts, keys and limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setup {
    /// The limits of Binance.
    pub limits: Limits,
    /// The limits of Bybit.
    pub bybit: bybit::Limits,
    /// The limits of Kraken.
    pub kraken: kraken::Limits,
    /// The accounts.
    pub accounts: Vec<AccountSetup>,
}

/// The file of keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<L> {
    /// Limits that differ from the venue's own.
    limits: Option<L>,
    #[serde(default, rename = "account")]
    accounts: Vec<AccountSetup>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSetup {
    /// Its name.
    pub name: String,
    /// What it owns at the start, as decimal numbers in text.
    #[serde(default)]
    pub balances: BTreeMap<String, String>,
    /// What it pays for what rests, such as `0.001`; below zero: it is paid.
    pub maker: Option<String>,
    /// What it pays for what it takes.
    pub taker: Option<String>,
    /// Its keys.
    #[serde(default, rename = "key")]
    pub keys: Vec<KeySetup>,
}

/// A key: with a secret, or with a public key.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySetup {
    /// The API key.
    pub api_key: String,
    /// The secret of HMAC-SHA256.
    pub secret: Option<String>,
    /// The PEM of an Ed25519 or RSA public key.
    pub public_key: Option<String>,
    /// Whether it may do nothing but ask.
    #[serde(default)]
    pub read_only: bool,
}

impl std::fmt::Debug for KeySetup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySetup").field("api_key", &self.api_key).finish_non_exhaustive()
    }
}

/// What is wrong with a file of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Not TOML, a field that is not known, a value of another kind.
    #[error("{0}")]
    Toml(String),
    /// A number that is none.
    #[error("account {account}: {field}: {text:?} is not a decimal number with at most 8 decimals")]
    Number {
        /// Of which account.
        account: String,
        /// Which field.
        field: String,
        /// What stands there.
        text: String,
    },
    /// An asset that no symbol has.
    #[error("account {account}: no symbol has the asset {asset}")]
    Asset {
        /// Of which account.
        account: String,
        /// Which asset.
        asset: String,
    },
    /// A key that cannot be used.
    #[error("account {account}: {error}")]
    Key {
        /// Of which account.
        account: String,
        /// What is wrong.
        error: KeyError,
    },
    /// The exchange does not take the account.
    #[error("account {account}: {reason}")]
    Account {
        /// Which account.
        account: String,
        /// Why.
        reason: String,
    },
}

impl Setup {
    /// The setup of Binance Spot in a file's text.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn parse(text: &str) -> Result<Self, SetupError> {
        Self::of(Venue::BinanceSpot, text)
    }

    /// The setup of `venue` in a file's text. Limits that it does not name are the venue's own.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn of(venue: Venue, text: &str) -> Result<Self, SetupError> {
        let mut setup = Self::of_venue(venue);
        match venue {
            Venue::BinanceSpot | Venue::BinanceUsdm => {
                (setup.limits, setup.accounts) = read(text, setup.limits)?;
            }
            Venue::BybitSpot | Venue::BybitLinear => {
                (setup.bybit, setup.accounts) = read(text, setup.bybit)?;
            }
            Venue::Kraken => (setup.kraken, setup.accounts) = read(text, setup.kraken)?,
        }
        Ok(setup)
    }

    /// The venue's own limits, and no accounts.
    #[must_use]
    pub fn of_venue(venue: Venue) -> Self {
        let mut setup = Self::default();
        match venue {
            Venue::BinanceSpot | Venue::BybitSpot | Venue::Kraken => {}
            Venue::BinanceUsdm => setup.limits = Limits::usdm(),
            Venue::BybitLinear => setup.bybit = bybit::Limits::linear(),
        }
        setup
    }

    /// Two accounts that own a lot, with keys that are made from their names.
    #[must_use]
    pub fn demo(assets: &[&str]) -> Self {
        let account = |name: &str| {
            let keys = DemoKeys::of(name);
            let hmac = KeySetup {
                api_key: keys.hmac_api_key,
                secret: Some(keys.hmac_secret),
                public_key: None,
                read_only: false,
            };
            let ed25519 = KeySetup {
                api_key: keys.ed25519_api_key,
                secret: None,
                public_key: Some(keys.ed25519_public_pem),
                read_only: false,
            };
            let own = |asset: &&str| ((*asset).to_owned(), DEMO_AMOUNT.to_owned());
            AccountSetup {
                name: name.to_owned(),
                balances: assets.iter().map(own).collect(),
                maker: None,
                taker: None,
                keys: vec![hmac, ed25519],
            }
        };
        Self { accounts: vec![account("demo"), account("other")], ..Self::default() }
    }

    /// Opens the accounts.
    ///
    /// # Errors
    /// The first account that cannot be opened.
    pub fn open(
        &self,
        venue: Venue,
        exchange: &mut Exchange,
    ) -> Result<Vec<AccountId>, SetupError> {
        self.accounts.iter().map(|account| account.open(venue, exchange)).collect()
    }

    /// Hands out the keys of accounts that were opened.
    ///
    /// # Errors
    /// The first key that cannot be used.
    pub fn hand_out(&self, venue: &mut dyn Simulated, ids: &[AccountId]) -> Result<(), SetupError> {
        for (account, id) in self.accounts.iter().zip(ids) {
            for key in &account.keys {
                let wrong = |error| SetupError::Key { account: account.name.clone(), error };
                let kind = match (&key.secret, &key.public_key) {
                    (Some(secret), None) => KeyKind::Hmac(secret.clone()),
                    (None, Some(pem)) => KeyKind::Public(pem.clone()),
                    _ => return Err(wrong(KeyError::Secret)),
                };
                let permissions = Permissions { may_read: true, may_trade: !key.read_only };
                venue.add_key(*id, &key.api_key, &kind, permissions).map_err(wrong)?;
            }
        }
        Ok(())
    }
}

/// What is in a file of keys: accounts, and the venue's `own` limits with those that the file
/// names.
fn read<L>(text: &str, own: L) -> Result<(L, Vec<AccountSetup>), SetupError>
where
    L: Serialize + for<'de> Deserialize<'de>,
{
    let wrong = |error: String| SetupError::Toml(error.trim().to_owned());
    let file: File<L> = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    if file.limits.is_none() {
        return Ok((own, file.accounts));
    }
    let table: toml::Table = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
    let mut limits = toml::Table::try_from(own).map_err(|error| wrong(error.to_string()))?;
    if let Some(toml::Value::Table(given)) = table.get("limits") {
        limits.extend(given.clone());
    }
    let limits: Result<L, toml::de::Error> = limits.try_into();
    Ok((limits.map_err(|error| wrong(error.to_string()))?, file.accounts))
}

impl AccountSetup {
    fn open(&self, venue: Venue, exchange: &mut Exchange) -> Result<AccountId, SetupError> {
        let account = || self.name.clone();
        let number = |field: &str, text: &str, decimals: u8| {
            parse_units(text, decimals).map_err(|_| SetupError::Number {
                account: account(),
                field: field.to_owned(),
                text: text.to_owned(),
            })
        };
        let mut balances = Vec::new();
        for (name, text) in &self.balances {
            let no_asset = || SetupError::Asset { account: account(), asset: name.clone() };
            let id = exchange.asset_id(name).ok_or_else(no_asset)?;
            let spec = exchange.assets().get(usize::from(id.0)).ok_or_else(no_asset)?;
            balances.push((id, i128::from(number(name, text, spec.decimals)?)));
        }
        let mut opened = NewAccount::new(&self.name, &balances);
        let (maker, taker) = venue.fees();
        let usual = Fees { maker, taker, ..Fees::default() };
        let rate = |field: &str, text: &Option<String>, usual: i64| {
            text.as_deref().map_or(Ok(usual), |text| number(field, text, RATE_DECIMALS))
        };
        opened.fees.maker = rate("maker", &self.maker, usual.maker)?;
        opened.fees.taker = rate("taker", &self.taker, usual.taker)?;
        exchange.open_account(opened).map_err(|refusal| SetupError::Account {
            account: account(),
            reason: refusal.to_string(),
        })
    }
}
