//! Counting in fixed windows: a count begins anew at each full minute (second, day ...), as
//! exchanges count, and not so long after the first request.

/// One count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    span_ns: i64,
    at: i64,
    used: u64,
}

impl Window {
    /// An empty one of that many seconds.
    #[must_use]
    pub const fn new(seconds: i64) -> Self {
        Self { span_ns: seconds * 1_000_000_000, at: 0, used: 0 }
    }

    fn roll(&mut self, now_ns: i64) {
        let at = now_ns.div_euclid(self.span_ns);
        if at != self.at {
            (self.at, self.used) = (at, 0);
        }
    }

    /// What is used by now.
    pub fn used(&mut self, now_ns: i64) -> u64 {
        self.roll(now_ns);
        self.used
    }

    /// Adds to it and tells what is used then.
    pub fn add(&mut self, count: u64, now_ns: i64) -> u64 {
        self.roll(now_ns);
        self.used = self.used.saturating_add(count);
        self.used
    }

    /// Gives back what was counted in this window.
    pub fn give_back(&mut self, count: u64, now_ns: i64) {
        self.roll(now_ns);
        self.used = self.used.saturating_sub(count);
    }

    /// Whole seconds until the count begins anew, at least one.
    #[must_use]
    pub const fn seconds_left(&self, now_ns: i64) -> i64 {
        let left = self.span_ns - now_ns.rem_euclid(self.span_ns);
        (left + 999_999_999) / 1_000_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_begins_anew_at_the_full_minute() {
        let second = 1_000_000_000;
        let mut window = Window::new(60);
        assert_eq!(window.add(5, 59 * second), 5);
        assert_eq!(window.seconds_left(59 * second), 1);
        assert_eq!(window.used(60 * second), 0);
        assert_eq!(window.add(7, 60 * second), 7);
        window.give_back(9, 61 * second);
        assert_eq!(window.used(61 * second), 0);
        assert_eq!(window.seconds_left(60 * second), 60);
    }
}
