//! Ticks and lots: the units in which exact decimals become small integers.

use qt_types::{E9, format_scaled, gcd};

use crate::source::decimals::DecimalColumn;
use crate::source::number::{DECIMALS_MAX, POWERS};
use crate::threads;

/// From so many values on, a second thread is worth its start.
const LONG: usize = 1 << 16;

/// A unit, and how the digits of a column are counted in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The unit in billionths.
    pub unit_e9: i64,
    // Digits x `up` / `down` is the count; a fraction in lowest terms.
    up: i64,
    down: i64,
}

/// A value that is no multiple of the unit that was given, or too many of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Index of the column among those that were given.
    pub column: usize,
    /// Row of the value.
    pub row: usize,
}

impl Unit {
    /// The unit `unit_e9` (in billionths, positive) for digits at `scale` decimals.
    #[must_use]
    pub const fn new(unit_e9: i64, scale: u32) -> Self {
        let power = POWERS[(DECIMALS_MAX - scale) as usize];
        let shared = gcd(power, unit_e9);
        Self { unit_e9, up: power / shared, down: unit_e9 / shared }
    }

    /// The greatest common divisor of all values of `columns`, which have one scale; one unit of
    /// the last decimal when all of them are zero. At most `threads` threads look for it.
    #[must_use]
    pub fn derive(columns: &[&DecimalColumn], threads: usize) -> Self {
        let scale = columns.first().map_or(0, |column| column.scale);
        // Every other column is another thread's work.
        let part = |first: usize| {
            let mine = columns.iter().skip(first).step_by(2);
            mine.fold(0, |divisor, column| common_divisor(&column.mantissas, divisor))
        };
        let values = columns.iter().map(|column| column.mantissas.len()).sum::<usize>();
        let threads = if values < LONG { 1 } else { threads };
        let (other, mine) = threads::both(threads, || part(1), || part(0));
        let divisor = gcd(mine, other);
        let power = POWERS[(DECIMALS_MAX - scale) as usize];
        let divisor = divisor.max(1);
        // Steps above nine billion do not fit; the part of them that divides 1 does.
        let unit_e9 = divisor
            .checked_mul(power)
            .unwrap_or_else(|| gcd(divisor, POWERS[scale as usize]) * power);
        Self::new(unit_e9, scale)
    }

    /// How many units `value` is; `None` when it is no whole number of them or too many.
    #[must_use]
    #[inline]
    pub fn count(&self, value: i64) -> Option<i64> {
        let scaled = if self.up == 1 { value } else { value.checked_mul(self.up)? };
        if self.down == 1 {
            return Some(scaled);
        }
        (scaled % self.down == 0).then(|| scaled / self.down)
    }

    /// How many whole units `value` is, towards zero; the largest count where it is too many.
    #[must_use]
    #[inline]
    pub fn count_whole(&self, value: i64) -> i64 {
        let count = i128::from(value) * i128::from(self.up) / i128::from(self.down);
        i64::try_from(count).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
    }

    /// The first value that is no whole number of units.
    ///
    /// # Errors
    /// Where it is.
    pub fn check(&self, columns: &[&DecimalColumn]) -> Result<(), Misfit> {
        for (column, values) in columns.iter().enumerate() {
            let bad = values.mantissas.iter().position(|value| self.count(*value).is_none());
            if let Some(row) = bad {
                return Err(Misfit { column, row });
            }
        }
        Ok(())
    }

    /// The unit as decimal text.
    #[must_use]
    pub fn text(&self) -> String {
        format_scaled(i128::from(self.unit_e9), DECIMALS_MAX)
    }
}

// The greatest common divisor of `divisor` and all `values`.
fn common_divisor(values: &[i64], mut divisor: i64) -> i64 {
    for value in values {
        if divisor == 1 {
            break;
        }
        // Most values are multiples of the divisor so far: one division settles them.
        if divisor == 0 || value % divisor != 0 {
            divisor = gcd(divisor, *value);
        }
    }
    divisor
}

/// The lot of an instrument whose traded sizes are `sizes`, with what there is to say about it.
///
/// A given lot is taken as it is. A derived one is refined until `qty_hint_e9`, the quantity that
/// a run wants to trade, is a whole number of lots.
#[must_use]
pub fn lot(
    sizes: &[&DecimalColumn],
    given_e9: Option<i64>,
    qty_hint_e9: Option<i64>,
    notes: &mut Vec<String>,
) -> Unit {
    let scale = sizes.first().map_or(0, |column| column.scale);
    if let Some(lot_e9) = given_e9 {
        return Unit::new(lot_e9, scale);
    }
    let traded = sizes.iter().any(|column| column.mantissas.iter().any(|size| *size != 0));
    let mut unit = if traded {
        let unit = Unit::derive(sizes, 1);
        if unit.unit_e9 > E9 {
            let lot = unit.text();
            notes.push(format!("all volumes are multiples of {lot}: the lot (--lot sets another)"));
        }
        unit
    } else {
        notes.push("the data has no volume: the lot is 1 (--lot sets another)".to_owned());
        Unit::new(E9, scale)
    };
    if let Some(hint_e9) = qty_hint_e9.filter(|hint| *hint != 0 && hint % unit.unit_e9 != 0) {
        let lot_e9 = gcd(unit.unit_e9, hint_e9);
        let (old, qty) = (unit.text(), format_scaled(i128::from(hint_e9), DECIMALS_MAX));
        unit = Unit::new(lot_e9, scale);
        notes.push(format!(
            "the lot {old} that the data's volumes show was refined to {}, so that the quantity \
             {qty} fits (--lot sets it)",
            unit.text()
        ));
    }
    unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn column(scale: u32, mantissas: &[i64]) -> DecimalColumn {
        DecimalColumn { mantissas: mantissas.to_vec(), scale, ..DecimalColumn::default() }
    }

    #[test]
    fn a_tick_is_the_common_divisor_not_the_decimals() {
        let prices = column(2, &[5_871_020, 5_871_030, 5_870_990]);
        let tick = Unit::derive(&[&prices], 2);
        assert_eq!((tick.unit_e9, tick.count(5_871_020)), (100_000_000, Some(587_102)));
        let quarters = column(2, &[166_975, 167_000, 167_025]);
        assert_eq!(Unit::derive(&[&quarters], 2).text(), "0.25");
        assert_eq!(Unit::derive(&[&column(2, &[0, 0])], 2).text(), "0.01");
        assert_eq!(Unit::derive(&[], 2).text(), "1");
        let huge = column(0, &[20_000_000_000]);
        assert_eq!(Unit::derive(&[&huge], 2).text(), "1");
    }

    #[test]
    fn a_given_tick_must_divide() {
        let prices = column(2, &[10_000, 10_003]);
        assert_eq!(Unit::new(10_000_000, 2).check(&[&prices]), Ok(()));
        let misfit = Unit::new(50_000_000, 2).check(&[&prices]);
        assert_eq!(misfit, Err(Misfit { column: 0, row: 1 }));
        // Finer than the data's decimals, and not a power of ten.
        let fine = Unit::new(2_500_000, 2);
        assert_eq!(fine.count(10_000), Some(40_000));
        assert_eq!(Unit::new(1, 2).count(i64::MAX), None);
    }

    #[test]
    fn a_quantity_refines_the_lot() {
        let mut notes = Vec::new();
        let volumes = column(0, &[300, 500, 1_200]);
        assert_eq!(lot(&[&volumes], None, None, &mut notes).text(), "100");
        assert!(notes[0].contains("multiples of 100"));
        notes.clear();
        assert_eq!(lot(&[&volumes], None, Some(10 * E9), &mut notes).text(), "10");
        assert!(notes[1].contains("refined to 10"));
        assert_eq!(lot(&[&volumes], Some(E9), Some(10 * E9), &mut notes).text(), "1");
        assert_eq!(lot(&[], None, Some(E9 / 2), &mut notes).text(), "0.5");
        assert_eq!(Unit::new(100 * E9, 0).count_whole(450), 4);
    }

    proptest! {
        #[test]
        fn derived_units_divide_everything(
            values in prop::collection::vec(-1_000_000_i64..1_000_000, 1..50),
            step in 1_i64..1_000,
            scale in 0_u32..10,
        ) {
            let values: Vec<i64> = values.iter().map(|value| value * step).collect();
            let values = column(scale, &values);
            let unit = Unit::derive(&[&values], 2);
            prop_assert_eq!(unit.check(&[&values]), Ok(()));
            for value in &values.mantissas {
                let count = unit.count(*value).unwrap();
                let back = i128::from(count) * i128::from(unit.unit_e9);
                let want = i128::from(*value) * i128::from(POWERS[(9 - scale) as usize]);
                prop_assert_eq!(back, want);
            }
        }
    }
}
