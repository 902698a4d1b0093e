//! How many messages a client may send: an average with room for a burst.

use tokio::time::Instant;

/// Seconds of messages that may come at once.
const BURST_S: f64 = 10.0;

/// What is left.
#[derive(Debug)]
pub struct Allowance {
    per_s: f64,
    left: f64,
    at: Instant,
}

impl Allowance {
    /// A full one.
    pub fn new(per_s: u32) -> Self {
        let per_s = f64::from(per_s);
        Self { per_s, left: per_s * BURST_S, at: Instant::now() }
    }

    /// Takes one; false when none is left.
    pub fn take(&mut self) -> bool {
        let now = Instant::now();
        let more = now.duration_since(self.at).as_secs_f64() * self.per_s;
        self.left = (self.left + more).min(self.per_s * BURST_S);
        self.at = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Allowance;

    #[test]
    fn a_burst_passes_and_a_flood_does_not() {
        let mut allowance = Allowance::new(2);
        let passed = (0..100).filter(|_| allowance.take()).count();
        assert!((20..=21).contains(&passed), "{passed}");
    }
}
