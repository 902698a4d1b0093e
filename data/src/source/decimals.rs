//! A column of decimals as integers at one common scale.

use super::number::{DECIMALS_MAX, Number, POWERS};

/// The values of one column: `mantissas[i]` x 10^-`scale`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecimalColumn {
    /// The digits of every value.
    pub mantissas: Vec<i64>,
    /// Digits behind the point, the same for all values.
    pub scale: u32,
    /// How many values had more decimals than are kept.
    pub rounded: u64,
    /// Index of the first of them.
    pub rounded_first: Option<usize>,
}

/// The column cannot hold the value beside its others: too many digits together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooWide;

impl DecimalColumn {
    /// An empty column with room for `rows` values.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        Self { mantissas: Vec::with_capacity(rows), ..Self::default() }
    }

    /// The value at `index`.
    #[must_use]
    pub fn number(&self, index: usize) -> Number {
        Number { mantissa: self.mantissas[index], scale: self.scale, rounded: false }
    }

    /// Appends a value.
    ///
    /// # Errors
    /// When no common scale holds it and the values before it.
    #[inline]
    pub fn push(&mut self, number: Number) -> Result<(), TooWide> {
        if number.scale == self.scale && !number.rounded {
            self.mantissas.push(number.mantissa);
            return Ok(());
        }
        self.push_other(number)
    }

    fn push_other(&mut self, number: Number) -> Result<(), TooWide> {
        let mut number = number;
        // `5.00` in a column of whole numbers does not need two decimals.
        while number.scale > self.scale && number.mantissa % 10 == 0 {
            number.mantissa /= 10;
            number.scale -= 1;
        }
        if number.scale > self.scale {
            self.rescale(number.scale)?;
        }
        let factor = |scale: u32| POWERS[(scale - number.scale) as usize];
        let mantissa = match number.mantissa.checked_mul(factor(self.scale)) {
            Some(mantissa) => mantissa,
            None => {
                self.narrow(number.scale);
                number.mantissa.checked_mul(factor(self.scale)).ok_or(TooWide)?
            }
        };
        if number.rounded {
            self.rounded += 1;
            self.rounded_first.get_or_insert(self.mantissas.len());
        }
        self.mantissas.push(mantissa);
        Ok(())
    }

    /// Brings all values to `scale`, which is not below the present one.
    ///
    /// # Errors
    /// When a value has no room for the additional digits; the column is unchanged then.
    pub fn rescale(&mut self, scale: u32) -> Result<(), TooWide> {
        let scale = scale.min(DECIMALS_MAX).max(self.scale);
        if scale == self.scale {
            return Ok(());
        }
        let factor = POWERS[(scale - self.scale) as usize];
        if self.mantissas.iter().any(|mantissa| mantissa.checked_mul(factor).is_none()) {
            return Err(TooWide);
        }
        for mantissa in &mut self.mantissas {
            *mantissa *= factor;
        }
        self.scale = scale;
        Ok(())
    }

    // Drops decimals that are zero in every value, but keeps `least` of them.
    fn narrow(&mut self, least: u32) {
        while self.scale > least && self.mantissas.iter().all(|mantissa| mantissa % 10 == 0) {
            for mantissa in &mut self.mantissas {
                *mantissa /= 10;
            }
            self.scale -= 1;
        }
    }

    /// Appends all values of `other`.
    ///
    /// # Errors
    /// When no common scale holds both.
    pub fn append(&mut self, other: &mut Self) -> Result<(), TooWide> {
        if self.mantissas.is_empty() {
            self.scale = other.scale;
        }
        if self.scale != other.scale {
            let scale = self.scale.max(other.scale);
            let together = self.rescale(scale).and_then(|()| other.rescale(scale));
            if together.is_err() {
                self.narrow(0);
                other.narrow(0);
                let scale = self.scale.max(other.scale);
                self.rescale(scale)?;
                other.rescale(scale)?;
            }
        }
        let before = self.mantissas.len();
        if let Some(first) = other.rounded_first {
            self.rounded_first.get_or_insert(before + first);
        }
        self.rounded += other.rounded;
        self.mantissas.extend_from_slice(&other.mantissas);
        Ok(())
    }

    /// Forgets all values and keeps the memory for others.
    pub fn clear(&mut self) {
        self.mantissas.clear();
        (self.scale, self.rounded, self.rounded_first) = (0, 0, None);
    }

    /// Brings several columns to the largest of their scales.
    ///
    /// # Errors
    /// When one of them has no room for it.
    pub fn align(columns: &mut [&mut Self]) -> Result<u32, TooWide> {
        let scale = columns.iter().map(|column| column.scale).max().unwrap_or(0);
        for column in columns {
            column.rescale(scale)?;
        }
        Ok(scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(texts: &[&str]) -> Result<DecimalColumn, TooWide> {
        let mut column = DecimalColumn::default();
        for text in texts {
            column.push(Number::parse(text.as_bytes()).unwrap())?;
        }
        Ok(column)
    }

    #[test]
    fn the_longest_fraction_sets_the_scale() {
        let prices = column(&["1", "1.5", "1.25", "2.50", "3"]).unwrap();
        assert_eq!((prices.mantissas, prices.scale), (vec![100, 150, 125, 250, 300], 2));
        let padded = column(&["877000000.00000000", "123456789012.00000000", "5.00000000"]);
        let padded = padded.unwrap();
        assert_eq!((padded.mantissas[1], padded.scale), (123_456_789_012, 0));
        assert_eq!(column(&["9000000000000000000", "0.5"]), Err(TooWide));
        assert_eq!(column(&["0.000000001", "90000000000"]), Err(TooWide));
    }

    #[test]
    fn parts_are_joined_at_one_scale() {
        let mut first = column(&["1.5", "2"]).unwrap();
        first.append(&mut column(&["0.1234567890123"]).unwrap()).unwrap();
        assert_eq!(first.scale, 9);
        assert_eq!(first.mantissas, [1_500_000_000, 2_000_000_000, 123_456_789]);
        assert_eq!((first.rounded, first.rounded_first), (1, Some(2)));
        let mut wide = column(&["90000000000.0"]).unwrap();
        assert_eq!(wide.append(&mut column(&["0.123456789"]).unwrap()), Err(TooWide));
    }
}
