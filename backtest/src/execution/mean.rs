//! A mean that grows value by value, and how sure it is.

/// Count, mean and spread of numbers, by the method of Welford.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    count: u64,
    mean: f64,
    spread: f64,
}

impl Mean {
    /// Adds a number.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let distance = value - self.mean;
        self.mean += distance / self.count as f64;
        self.spread += distance * (value - self.mean);
    }

    /// Adds all that another one has.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (own, others) = (self.count as f64, other.count as f64);
        let distance = other.mean - self.mean;
        self.count += other.count;
        let all = own + others;
        self.mean += distance * others / all;
        self.spread += other.spread + distance * distance * own * others / all;
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; `None` without any.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The standard error of the mean: their standard deviation (ddof 1) over the root of their
    /// number; `None` for fewer than two.
    #[must_use]
    pub fn error(&self) -> Option<f64> {
        let count = self.count as f64;
        (self.count > 1).then(|| (self.spread / (count - 1.0) / count).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_the_deviation_over_the_root_of_the_number() {
        // 1, 2, 3, 6: mean 3, squares 4 + 1 + 0 + 9 = 14, over 3 and over 4.
        let mut mean = Mean::default();
        assert_eq!((mean.mean(), mean.error()), (None, None));
        [1.0, 2.0, 3.0, 6.0].into_iter().for_each(|value| mean.add(value));
        assert_eq!((mean.count(), mean.mean()), (4, Some(3.0)));
        assert!((mean.error().unwrap() - (14.0_f64 / 12.0).sqrt()).abs() < 1e-12);
        let mut parts = [Mean::default(); 3];
        [1.0, 2.0, 3.0].into_iter().for_each(|value| parts[0].add(value));
        parts[1].add(6.0);
        let [mut sum, one, none] = parts;
        sum.merge(&one);
        sum.merge(&none);
        assert_eq!((sum.count(), sum.mean()), (4, Some(3.0)));
        assert!((sum.error().unwrap() - mean.error().unwrap()).abs() < 1e-12);
    }
}
