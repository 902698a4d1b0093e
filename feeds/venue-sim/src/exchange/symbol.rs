//! Assets and symbols: what is traded for what, by which rules.

use std::sync::Arc;

use super::filters::Filters;
use super::order::{OrderKind, SelfTrade};
use super::units::{Amount, DECIMALS_MAX, Price, Qty, power};

/// Which asset: its place in [`Settings::assets`](super::Settings::assets).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId(pub u16);

/// Which symbol: its place in [`Settings::symbols`](super::Settings::symbols).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SymbolId(pub u16);

/// An asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetSpec {
    /// Its name, such as `BTC`.
    pub name: Arc<str>,
    /// The decimals of its smallest unit.
    pub decimals: u8,
}

/// What can be done with a symbol now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SymbolStatus {
    /// Everything.
    Trading,
    /// Nothing: orders rest, none can be placed or cancelled.
    Halt,
    /// A pause of trading: nothing as well.
    Break,
    /// Orders can be cancelled and no new ones be placed; nothing is matched.
    CancelOnly,
    /// It is gone: its open orders have expired, nobody knows it.
    Delisted,
}

impl SymbolStatus {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Trading, Self::Halt, Self::Break, Self::CancelOnly, Self::Delisted];

    /// Its name in fault plans.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Trading => "trading",
            Self::Halt => "halt",
            Self::Break => "break",
            Self::CancelOnly => "cancel-only",
            Self::Delisted => "delisted",
        }
    }

    /// The status with the name `text`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.text() == text)
    }
}

/// A symbol as it is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolSpec {
    /// Its name, such as `BTCUSDT`.
    pub name: Arc<str>,
    /// What is bought and sold.
    pub base: AssetId,
    /// What is paid with.
    pub quote: AssetId,
    /// The decimals of a [`Price`].
    pub price_decimals: u8,
    /// Its status at the start.
    pub status: SymbolStatus,
    /// The rules of its orders.
    pub filters: Filters,
    /// The kinds of orders that it takes; icebergs, trailing stops, quantities in the quote asset,
    /// amending and cancel-replace are always taken.
    pub kinds: Vec<OrderKind>,
    /// The ways of preventing trades with oneself that it takes.
    pub self_trades: Vec<SelfTrade>,
    /// The way for orders that name none.
    pub self_trade_default: SelfTrade,
}

/// Why a symbol cannot be set up or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SymbolError {
    /// More decimals than [`DECIMALS_MAX`].
    #[error("{name}: at most {DECIMALS_MAX} decimals are possible")]
    Decimals {
        /// Of which asset or symbol.
        name: Arc<str>,
    },
    /// The tick or step is not above zero.
    #[error("{name}: tick size and step size must be above zero")]
    Step {
        /// Of which symbol.
        name: Arc<str>,
    },
    /// A tick times a step is no whole number of units of the quote asset.
    #[error("{name}: one step at one tick is less than a unit of the quote asset")]
    Inexact {
        /// Of which symbol.
        name: Arc<str>,
    },
    /// An asset that is not there, or base and quote are the same.
    #[error("{name}: base and quote must be two of the assets")]
    Assets {
        /// Of which symbol.
        name: Arc<str>,
    },
    /// Two of the same name, or none.
    #[error("{name:?}: each name must be there once")]
    Name {
        /// Which name.
        name: Arc<str>,
    },
    /// Too many of something.
    #[error("at most {max} {what} are possible")]
    Many {
        /// Of what.
        what: &'static str,
        /// How many.
        max: usize,
    },
}

impl SymbolSpec {
    /// A symbol that trades, with a tick and a step and no other rule.
    #[must_use]
    pub fn new(name: &str, base: AssetId, quote: AssetId, tick: Price, step: Qty) -> Self {
        Self {
            name: name.into(),
            base,
            quote,
            price_decimals: 8,
            status: SymbolStatus::Trading,
            filters: Filters::new(tick, step),
            kinds: OrderKind::ALL.to_vec(),
            self_trades: SelfTrade::ALL.to_vec(),
            self_trade_default: SelfTrade::ExpireMaker,
        }
    }
}

/// How prices and quantities of a symbol become amounts of its quote asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    /// What the product of a price and a quantity is divided by.
    divisor: i128,
    /// What it is multiplied with.
    factor: i128,
}

impl Scale {
    /// For a symbol whose price, base and quote asset have so many decimals.
    pub(super) const fn new(price: u8, base: u8, quote: u8) -> Self {
        let fine = price + base;
        if fine >= quote {
            Self { divisor: power(fine - quote), factor: 1 }
        } else {
            Self { divisor: 1, factor: power(quote - fine) }
        }
    }

    /// What `qty` costs at `price`. Exact for whole ticks and steps.
    pub(super) const fn amount(self, price: Price, qty: Qty) -> Amount {
        (price as i128 * qty as i128 / self.divisor).saturating_mul(self.factor)
    }

    /// Whether that is an amount of which sums can be made.
    pub(super) fn fits(self, price: Price, qty: Qty) -> bool {
        let amount = (i128::from(price) * i128::from(qty) / self.divisor).checked_mul(self.factor);
        amount.is_some_and(|amount| amount <= super::core::AMOUNT_MAX)
    }

    /// The average price of `volume` that cost `amount`.
    pub(super) fn price(self, amount: Amount, volume: Amount) -> Option<Price> {
        let units = (amount / self.factor).checked_mul(self.divisor)?.checked_div(volume)?;
        Price::try_from(units).ok()
    }

    /// How much can be bought with `amount` at `price`, rounded down.
    pub(super) fn qty(self, price: Price, amount: Amount) -> Qty {
        if price <= 0 {
            return 0;
        }
        let units = amount.saturating_mul(self.divisor) / (i128::from(price) * self.factor);
        i64::try_from(units).unwrap_or(i64::MAX)
    }

    /// Whether every whole tick and step makes a whole amount.
    pub(super) const fn is_exact(self, tick: Price, step: Qty) -> bool {
        (tick as i128 * step as i128) % self.divisor == 0
    }
}
