//! What an instrument is: the only bridge between decimals and ticks, lots and money.

use rust_decimal::Decimal;

use crate::decimal::{E9, format_scaled, parse_e9, round_half_even};
use crate::{Cash, Price, Qty};

/// The kind of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum InstrumentKind {
    /// A share or a fund.
    #[default]
    Equity,
    /// A coin or a token against money.
    Spot,
    /// A currency pair.
    Fx,
    /// A future with an expiry.
    Future,
    /// A perpetual swap.
    Perpetual,
    /// A future that is worth money of one kind and settled in what it is about: a fixed sum of
    /// dollars in bitcoin.
    InverseFuture,
    /// A perpetual swap of that kind.
    InversePerpetual,
    /// A number that is observed, not traded.
    Index,
}

impl InstrumentKind {
    /// The name in lists and files.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Equity => "equity",
            Self::Spot => "spot",
            Self::Fx => "fx",
            Self::Future => "future",
            Self::Perpetual => "perpetual",
            Self::InverseFuture => "inverse-future",
            Self::InversePerpetual => "inverse-perpetual",
            Self::Index => "index",
        }
    }

    /// The kind named `text`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        [
            Self::Equity,
            Self::Spot,
            Self::Fx,
            Self::Future,
            Self::Perpetual,
            Self::InverseFuture,
            Self::InversePerpetual,
            Self::Index,
        ]
        .into_iter()
        .find(|kind| kind.text() == text)
    }

    /// Whether a position is a promise and not a thing: nothing is paid for it but its profit and
    /// loss.
    #[must_use]
    #[inline]
    pub const fn is_derivative(self) -> bool {
        matches!(self, Self::Future | Self::Perpetual) || self.is_inverse()
    }

    /// Whether it is settled in what its price is the price of.
    #[must_use]
    #[inline]
    pub const fn is_inverse(self) -> bool {
        matches!(self, Self::InverseFuture | Self::InversePerpetual)
    }
}

/// An instrument's units. All conversions between text, ticks, lots and money happen here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstrumentSpec {
    symbol: String,
    currency: String,
    kind: InstrumentKind,
    tick_e9: i64,
    lot_e9: i64,
    multiplier_e9: i64,
    // One tick times one lot, in nano-units of the currency, as a reduced fraction. Inverse: one
    // lot at a price of one tick.
    unit_num: i128,
    unit_den: i128,
    // The same where it is a whole number of 64 bits.
    unit_nano: Option<i64>,
}

/// What is wrong with a spec or with a number that must fit one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError(pub String);

impl std::fmt::Display for SpecError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SpecError {}

impl InstrumentSpec {
    /// An instrument whose tick, lot and multiplier are given in billionths.
    ///
    /// # Errors
    /// When one of them is not positive.
    pub fn new(
        symbol: &str,
        currency: &str,
        kind: InstrumentKind,
        tick_e9: i64,
        lot_e9: i64,
        multiplier_e9: i64,
    ) -> Result<Self, SpecError> {
        for (name, value) in [("tick", tick_e9), ("lot", lot_e9), ("multiplier", multiplier_e9)] {
            if value <= 0 {
                let text = format_scaled(i128::from(value), 9);
                return Err(SpecError(format!("{symbol}: the {name} {text} is not positive")));
            }
        }
        let scale = i128::from(E9) * i128::from(E9);
        let (mut num, mut den) = if kind.is_inverse() {
            // lot x multiplier is at scale 1e-18, a tick at 1e-9: their quotient is in nano-units.
            (i128::from(lot_e9), i128::from(tick_e9))
        } else {
            // tick x lot x multiplier is at scale 1e-27; nano-units are at 1e-9.
            (i128::from(tick_e9) * i128::from(lot_e9), scale)
        };
        let shared = gcd_wide(num, den);
        (num, den) = (num / shared, den / shared);
        let shared = gcd_wide(i128::from(multiplier_e9), den);
        den /= shared;
        let num = num
            .checked_mul(i128::from(multiplier_e9) / shared)
            .ok_or_else(|| SpecError(format!("{symbol}: tick x lot x multiplier is too large")))?;
        let is_whole = den == 1 && !kind.is_inverse();
        Ok(Self {
            symbol: symbol.to_owned(),
            currency: currency.to_owned(),
            kind,
            tick_e9,
            lot_e9,
            multiplier_e9,
            unit_num: num,
            unit_den: den,
            unit_nano: i64::try_from(num).ok().filter(|_| is_whole),
        })
    }

    /// The symbol, as the data calls it.
    #[must_use]
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// The currency that money and fees are in, and prices as well unless the instrument is
    /// inverse.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// The kind of instrument.
    #[must_use]
    pub const fn kind(&self) -> InstrumentKind {
        self.kind
    }

    /// The smallest price step, in billionths of the currency.
    #[must_use]
    pub const fn tick_e9(&self) -> i64 {
        self.tick_e9
    }

    /// The smallest quantity step, in billionths of a unit.
    #[must_use]
    pub const fn lot_e9(&self) -> i64 {
        self.lot_e9
    }

    /// Units of the underlying per contract, in billionths.
    #[must_use]
    pub const fn multiplier_e9(&self) -> i64 {
        self.multiplier_e9
    }

    /// Whether a position is a promise and not a thing ([`InstrumentKind::is_derivative`]).
    #[must_use]
    #[inline]
    pub const fn is_derivative(&self) -> bool {
        self.kind.is_derivative()
    }

    /// Whether it is settled in what its price is the price of.
    #[must_use]
    #[inline]
    pub const fn is_inverse(&self) -> bool {
        self.kind.is_inverse()
    }

    /// `price` x `qty` x multiplier in money, half-even to the nano-unit; negative for a negative
    /// quantity. Inverse: `qty` x multiplier / `price`. `None` past the range of 128 bits, and for
    /// an inverse instrument at a price that is not above zero.
    #[must_use]
    #[inline]
    pub fn notional(&self, price: Price, qty: Qty) -> Option<Cash> {
        // The usual case: a tick times a lot is a whole number of nano-units, and two factors of
        // 64 bits cannot overflow 128.
        if let (Some(unit), Some(product)) = (self.unit_nano, price.ticks().checked_mul(qty.lots()))
        {
            return Some(Cash::from_nano(i128::from(product) * i128::from(unit)));
        }
        self.notional_wide(price, qty)
    }

    /// What one tick of price is worth on `qty` lots, in nano-units, where that is a whole number
    /// of 64 bits: then [`Self::notional`] is the price times it. `None` otherwise.
    #[must_use]
    #[inline]
    pub fn tick_value(&self, qty: Qty) -> Option<i64> {
        self.unit_nano?.checked_mul(qty.lots())
    }

    #[cold]
    fn notional_wide(&self, price: Price, qty: Qty) -> Option<Cash> {
        if self.is_inverse() {
            return self.quotient(price, i128::from(qty.lots())).map(Cash::from_nano);
        }
        let product = i128::from(price.ticks()) * i128::from(qty.lots());
        let scaled = product.checked_mul(self.unit_num)?;
        Some(Cash::from_nano(round_half_even(scaled, self.unit_den)))
    }

    /// Inverse only: [`Self::notional`] in billionths of a nano-unit, so that sums of it can be
    /// rounded once.
    #[must_use]
    pub fn fine_notional(&self, price: Price, qty: Qty) -> Option<i128> {
        self.quotient(price, i128::from(qty.lots()) * i128::from(E9))
    }

    /// [`Self::notional`] of `units_e9` billionths of a unit, which may be less than a lot,
    /// half-even to the nano-unit. `None` past the range of 128 bits, and for an inverse
    /// instrument.
    #[must_use]
    pub fn notional_of_units(&self, price: Price, units_e9: i128) -> Option<Cash> {
        if self.is_inverse() {
            return None;
        }
        let product = units_e9.checked_mul(i128::from(price.ticks()))?;
        let den = self.unit_den.checked_mul(i128::from(self.lot_e9))?;
        let (num, den) = match gcd_wide(self.unit_num, den) {
            0 => (self.unit_num, den),
            shared => (self.unit_num / shared, den / shared),
        };
        Some(Cash::from_nano(round_half_even(product.checked_mul(num)?, den)))
    }

    /// [`Self::notional`] at a price in billionths, which may lie between two ticks.
    #[must_use]
    pub fn notional_at(&self, price_e9: i64, qty: Qty) -> Option<Cash> {
        let (price, tick) = (i128::from(price_e9), i128::from(self.tick_e9));
        let lots = i128::from(qty.lots()).checked_mul(self.unit_num)?;
        let (num, den) = if self.is_inverse() {
            (lots.checked_mul(tick)?, price.checked_mul(self.unit_den)?)
        } else {
            (lots.checked_mul(price)?, self.unit_den.checked_mul(tick)?)
        };
        (den > 0).then(|| Cash::from_nano(round_half_even(num, den)))
    }

    fn quotient(&self, price: Price, lots: i128) -> Option<i128> {
        let den = i128::from(price.ticks()).checked_mul(self.unit_den)?;
        if den <= 0 {
            return None;
        }
        Some(round_half_even(lots.checked_mul(self.unit_num)?, den))
    }

    /// The largest number of lots (zero or more) that lose at most `budget` between two prices.
    #[must_use]
    pub fn lots_for_loss(&self, budget: Cash, from: Price, to: Price) -> Qty {
        let apart = Price::from_ticks(from.ticks().saturating_sub(to.ticks()).saturating_abs());
        if !self.is_inverse() {
            return self.lots_for(budget, apart);
        }
        // A lot loses unit x |1/from - 1/to| = unit x apart / (from x to).
        if budget <= Cash::ZERO || apart == Price::ZERO || from.ticks().min(to.ticks()) <= 0 {
            return Qty::ZERO;
        }
        let product = i128::from(from.ticks()) * i128::from(to.ticks());
        let per_lot = self.unit_num.saturating_mul(i128::from(apart.ticks()));
        let scaled = budget.nano().saturating_mul(self.unit_den).checked_mul(product);
        let lots = scaled.map_or_else(
            // Too large to multiply out: the quotient of the two first, rounded down.
            || (budget.nano() / per_lot.max(1)).saturating_mul(product),
            |scaled| scaled / per_lot,
        );
        Qty::from_lots(i64::try_from(lots).unwrap_or(i64::MAX))
    }

    /// The largest number of lots (zero or more) whose notional at `price` is at most `budget`.
    #[must_use]
    pub fn lots_for(&self, budget: Cash, price: Price) -> Qty {
        if budget <= Cash::ZERO || price.ticks() <= 0 {
            return Qty::ZERO;
        }
        let ticks = i128::from(price.ticks());
        let lots = if self.is_inverse() {
            let den = ticks.saturating_mul(self.unit_den);
            budget.nano().saturating_mul(den) / self.unit_num
        } else {
            budget.nano().saturating_mul(self.unit_den) / ticks.saturating_mul(self.unit_num)
        };
        Qty::from_lots(i64::try_from(lots).unwrap_or(i64::MAX))
    }

    /// A price in units of the currency, for indicators and reports only.
    #[must_use]
    #[inline]
    pub fn price_f64(&self, price: Price) -> f64 {
        // Both factors are exact below 2^53, so this is the correctly rounded decimal.
        (price.ticks() as f64 * self.tick_e9 as f64) / 1e9
    }

    /// A quantity in units, for indicators and reports only.
    #[must_use]
    #[inline]
    pub fn qty_f64(&self, qty: Qty) -> f64 {
        (qty.lots() as f64 * self.lot_e9 as f64) / 1e9
    }

    /// The price as plain decimal text.
    #[must_use]
    pub fn price_text(&self, price: Price) -> String {
        format_scaled(i128::from(price.ticks()) * i128::from(self.tick_e9), 9)
    }

    /// The quantity as plain decimal text.
    #[must_use]
    pub fn qty_text(&self, qty: Qty) -> String {
        format_scaled(i128::from(qty.lots()) * i128::from(self.lot_e9), 9)
    }

    /// Decimal text as a price.
    ///
    /// # Errors
    /// When `text` is not a number or no multiple of the tick.
    pub fn parse_price(&self, text: &str) -> Result<Price, SpecError> {
        self.parse(text, self.tick_e9, "tick").map(Price::from_ticks)
    }

    /// Decimal text as a quantity.
    ///
    /// # Errors
    /// When `text` is not a number or no multiple of the lot.
    pub fn parse_qty(&self, text: &str) -> Result<Qty, SpecError> {
        self.parse(text, self.lot_e9, "lot").map(Qty::from_lots)
    }

    /// A price as a decimal number.
    #[must_use]
    pub fn price_decimal(&self, price: Price) -> Decimal {
        Decimal::from_i128_with_scale(i128::from(price.ticks()) * i128::from(self.tick_e9), 9)
            .normalize()
    }

    fn parse(&self, text: &str, unit_e9: i64, unit: &str) -> Result<i64, SpecError> {
        let value = parse_e9(text).map_err(SpecError)?;
        if value % unit_e9 != 0 {
            let step = format_scaled(i128::from(unit_e9), 9);
            let symbol = &self.symbol;
            return Err(SpecError(format!(
                "{symbol}: {text} is not a multiple of the {unit} {step}"
            )));
        }
        Ok(value / unit_e9)
    }
}

const fn gcd_wide(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(tick_e9: i64, lot_e9: i64) -> InstrumentSpec {
        InstrumentSpec::new("X", "USD", InstrumentKind::Spot, tick_e9, lot_e9, E9).unwrap()
    }

    #[test]
    fn notional_is_exact() {
        let cents = spec(10_000_000, E9);
        let cost = cents.notional(Price::from_ticks(11_391), Qty::from_lots(100)).unwrap();
        assert_eq!(cost.to_string(), "11391");
        let coin = spec(100_000_000, 10); // tick 0.1, lot 1e-8: one unit is 1e-9.
        assert_eq!(coin.notional(Price::from_ticks(1), Qty::from_lots(1)).unwrap().nano(), 1);
        let dust = spec(10, 10); // 1e-8 x 1e-8: a ten-millionth of a nano-unit, rounded.
        let (price, qty) = (Price::from_ticks(3), Qty::from_lots(5_000_000));
        assert_eq!(dust.notional(price, qty).unwrap().nano(), 2, "1.5 goes to the even 2");
        let most = Price::from_ticks(i64::MAX);
        assert_eq!(cents.notional(most, Qty::from_lots(i64::MAX)), None);
    }

    #[test]
    fn an_inverse_contract_is_worth_its_sum_over_the_price() {
        // 100 dollars a contract, tick 0.5: 300 contracts at 50,000 are 30,000 / 50,000 = 0.6.
        let kind = InstrumentKind::InversePerpetual;
        let spec = InstrumentSpec::new("B", "BTC", kind, E9 / 2, E9, 100 * E9).unwrap();
        let at = Price::from_ticks(100_000);
        assert_eq!(spec.notional(at, Qty::from_lots(300)), Some("0.6".parse().unwrap()));
        assert_eq!(spec.notional(at, Qty::from_lots(-300)), Some("-0.6".parse().unwrap()));
        // 100 / 30,000 = 0.003333333 and a third of a nano-unit.
        let third = spec.fine_notional(Price::from_ticks(60_000), Qty::from_lots(1));
        assert_eq!(third, Some(3_333_333_333_333_333));
        assert_eq!(spec.notional(Price::ZERO, Qty::from_lots(1)), None);
        assert_eq!(spec.tick_value(Qty::from_lots(1)), None);
        // 0.6 buys 300 contracts and nothing less does.
        assert_eq!(spec.lots_for("0.6".parse().unwrap(), at), Qty::from_lots(300));
        assert_eq!(spec.lots_for("0.599999999".parse().unwrap(), at), Qty::from_lots(299));
        // At 62,500.125, between two ticks: 100 x 625 / 62,500.125 = 0.9999980000...
        let mark = spec.notional_at(62_500_125_000_000, Qty::from_lots(625));
        assert_eq!(mark, Some("0.999998".parse().unwrap()));
        let linear = InstrumentSpec::new("L", "USD", InstrumentKind::Perpetual, E9, E9 / 8, 3 * E9);
        let between = linear.unwrap().notional_at(2_500_000_000, Qty::from_lots(-5));
        assert_eq!(between, Some("-4.6875".parse().unwrap()), "0.625 x 3 x 2.5");
        // From 50,000 to 40,000 a contract loses 100 x (1/40,000 - 1/50,000) = 0.0005.
        let to = Price::from_ticks(80_000);
        assert_eq!(spec.lots_for_loss("0.01".parse().unwrap(), at, to), Qty::from_lots(20));
        assert_eq!(spec.lots_for_loss("0.01".parse().unwrap(), to, at), Qty::from_lots(20));
        for text in ["inverse-future", "inverse-perpetual", "future", "spot"] {
            assert_eq!(InstrumentKind::from_text(text).unwrap().text(), text);
        }
    }

    #[test]
    fn text_goes_through_units() {
        let cents = spec(10_000_000, E9);
        assert_eq!(cents.parse_price("113.91"), Ok(Price::from_ticks(11_391)));
        assert_eq!(cents.price_text(Price::from_ticks(11_391)), "113.91");
        assert!(cents.parse_price("113.915").unwrap_err().0.contains("tick 0.01"));
        assert!(cents.parse_qty("0.5").unwrap_err().0.contains("lot 1"));
        assert_eq!(cents.price_f64(Price::from_ticks(11_391)), 113.91);
    }

    #[test]
    fn lots_for_a_budget_are_floored() {
        let cents = spec(10_000_000, E9);
        let budget: Cash = "95000".parse().unwrap();
        assert_eq!(cents.lots_for(budget, Price::from_ticks(11_391)), Qty::from_lots(833));
        assert_eq!(cents.lots_for(Cash::ZERO, Price::from_ticks(1)), Qty::ZERO);
        assert_eq!(cents.lots_for(budget, Price::ZERO), Qty::ZERO);
    }
}
