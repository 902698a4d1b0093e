//! So many in any stretch of a given length: how venues limit what is sent to them over a link.

use std::collections::VecDeque;

use qt_types::Nanos;

/// See the module.
#[derive(Clone, Debug)]
pub struct Rolling {
    limit: usize,
    length_ns: i64,
    /// When the last ones went, at most as many as the limit.
    times: VecDeque<Nanos>,
}

impl Rolling {
    /// At most `limit` in any `length_ns`.
    #[must_use]
    pub fn new(limit: usize, length_ns: i64) -> Self {
        let limit = limit.max(1);
        Self { limit, length_ns, times: VecDeque::with_capacity(limit) }
    }

    /// Whether one may go at `now_ns`.
    ///
    /// # Errors
    /// When it is too early: the time from which on it may go.
    pub fn check(&self, now_ns: Nanos) -> Result<(), Nanos> {
        let oldest = self.times.front().filter(|_| self.times.len() >= self.limit);
        match oldest.map(|oldest| oldest.saturating_add_ns(self.length_ns)) {
            Some(until_ns) if now_ns < until_ns => Err(until_ns),
            _ => Ok(()),
        }
    }

    /// Lets one go at `now_ns`.
    ///
    /// # Errors
    /// When it is too early: the time from which on it may go.
    pub fn take(&mut self, now_ns: Nanos) -> Result<(), Nanos> {
        self.check(now_ns)?;
        if self.times.len() >= self.limit {
            self.times.pop_front();
        }
        self.times.push_back(now_ns);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_more_than_the_limit(
            limit in 1_usize..8,
            pauses in prop::collection::vec(0_i64..50, 1..200),
        ) {
            let (mut rolling, mut now, mut gone) = (Rolling::new(limit, 100), 0, Vec::new());
            for pause in pauses {
                now += pause;
                match rolling.take(Nanos::new(now)) {
                    Ok(()) => gone.push(now),
                    Err(until) => {
                        now = until.get();
                        prop_assert_eq!(rolling.take(until), Ok(()));
                        gone.push(now);
                    }
                }
                let recent = gone.iter().filter(|at| **at > now - 100).count();
                prop_assert!(recent <= limit);
            }
        }
    }
}
