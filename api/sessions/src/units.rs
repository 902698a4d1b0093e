//! Between the engine's whole numbers and decimals of clients.

use qt_types::{Cash, InstrumentSpec, Price, Qty};
use rust_decimal::Decimal;

use qt_trading::amount::Amount;
use qt_trading::{Refusal, Side};

/// `number` with `scale` decimals; the largest number there is where it is larger.
#[must_use]
pub fn scaled(number: i128, scale: u32) -> Amount {
    Amount(Decimal::try_from_i128_with_scale(number, scale).unwrap_or(Decimal::MAX).normalize())
}

/// Money.
#[must_use]
pub fn cash_amount(cash: Cash) -> Amount {
    scaled(cash.nano(), 9)
}

/// A price.
#[must_use]
pub fn price_amount(spec: &InstrumentSpec, price: Price) -> Amount {
    scaled(i128::from(price.ticks()) * i128::from(spec.tick_e9()), 9)
}

/// A quantity.
#[must_use]
pub fn qty_amount(spec: &InstrumentSpec, qty: Qty) -> Amount {
    scaled(i128::from(qty.lots()) * i128::from(spec.lot_e9()), 9)
}

/// `amount` as a whole number of steps of `step_e9` billionths.
fn steps(amount: Amount, step_e9: i64, field: &'static str, what: &str) -> Result<i64, Refusal> {
    let step = Decimal::from_i128_with_scale(step_e9.into(), 9).normalize();
    let invalid = |detail: String| Refusal::Invalid { field, detail };
    if amount.0 <= Decimal::ZERO {
        return Err(invalid("must be above zero".to_owned()));
    }
    let count = amount.0.checked_div(step).filter(|count| count.is_integer());
    let count = count.and_then(|count| i64::try_from(count).ok());
    count.ok_or_else(|| invalid(format!("{amount} is no multiple of {what} {step}")))
}

/// `amount` in ticks.
///
/// # Errors
/// When it is no multiple of a tick, or not above zero.
pub fn price_of(
    spec: &InstrumentSpec,
    amount: Amount,
    field: &'static str,
) -> Result<Price, Refusal> {
    steps(amount, spec.tick_e9(), field, "the tick").map(Price::from_ticks)
}

/// `amount` in lots.
///
/// # Errors
/// When it is no multiple of a lot, or not above zero.
pub fn qty_of(spec: &InstrumentSpec, amount: Amount) -> Result<Qty, Refusal> {
    steps(amount, spec.lot_e9(), "quantity", "the lot").map(Qty::from_lots)
}

/// The side as clients see it.
pub const fn shown_side(side: qt_types::Side) -> Side {
    match side {
        qt_types::Side::Buy => Side::Buy,
        qt_types::Side::Sell => Side::Sell,
    }
}

/// The side as the engine has it.
pub const fn engine_side(side: Side) -> qt_types::Side {
    match side {
        Side::Buy => qt_types::Side::Buy,
        Side::Sell => qt_types::Side::Sell,
    }
}

#[cfg(test)]
mod tests {
    use qt_types::{E9, InstrumentKind};

    use super::*;

    fn spec() -> InstrumentSpec {
        let (tick, lot) = (E9 / 100, E9 / 1_000);
        InstrumentSpec::new("ONE", "USD", InstrumentKind::Spot, tick, lot, E9).unwrap()
    }

    fn amount(text: &str) -> Amount {
        Amount(text.parse().unwrap())
    }

    #[test]
    fn prices_and_quantities_go_there_and_back() {
        let spec = spec();
        let price = price_of(&spec, amount("101.25"), "price").unwrap();
        assert_eq!((price.ticks(), price_amount(&spec, price)), (10_125, amount("101.25")));
        let qty = qty_of(&spec, amount("0.5")).unwrap();
        assert_eq!((qty.lots(), qty_amount(&spec, qty)), (500, amount("0.5")));
        for bad in ["101.255", "0", "-1", "79228162514264337593543950335"] {
            assert!(price_of(&spec, amount(bad), "price").is_err(), "{bad}");
        }
        assert!(qty_of(&spec, amount("0.0001")).is_err());
        assert_eq!(cash_amount(Cash::from_nano(-1_500_000_000)), amount("-1.5"));
    }
}
