//! Whether a subscription that was acknowledged is alive: a venue can say yes and send nothing.
//!
//! Silence is first answered by subscribing again, then by another connection. A market can be
//! quiet too: so the patience doubles each time that it came to another connection, and stays so.
//! Where it can be proven that something should have come, it is the usual one again.

use qt_types::Nanos;

/// How often the patience doubles at most.
const DOUBLINGS_MAX: u32 = 7;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    patience_ns: i64,
    doublings: u32,
    heard_ns: Nanos,
    has_asked_again: bool,
    is_watched: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing before this time.
    Wait(Nanos),
    /// Subscribe again.
    Resubscribe,
    /// Connect anew.
    Reconnect,
}

impl Silence {
    /// A subscription that may be silent for `patience_ns`; it is not watched yet.
    #[must_use]
    pub const fn new(patience_ns: i64) -> Self {
        Self {
            patience_ns,
            doublings: 0,
            heard_ns: Nanos::MIN,
            has_asked_again: false,
            is_watched: false,
        }
    }

    /// It was acknowledged: from now on it must say something.
    pub const fn begin(&mut self, now_ns: Nanos) {
        self.heard_ns = now_ns;
        self.is_watched = true;
    }

    /// Its connection is gone.
    pub const fn end(&mut self) {
        self.is_watched = false;
        self.has_asked_again = false;
    }

    /// It said something.
    #[inline]
    pub const fn heard(&mut self, now_ns: Nanos) {
        self.heard_ns = now_ns;
        self.has_asked_again = false;
    }

    /// It is proven to be dead, and was subscribed to again.
    pub const fn prove(&mut self, now_ns: Nanos) {
        self.heard_ns = now_ns;
        self.has_asked_again = true;
        self.doublings = 0;
    }

    /// Since when it has been silent.
    #[must_use]
    pub const fn since_ns(&self) -> Option<Nanos> {
        if self.is_watched { Some(self.heard_ns) } else { None }
    }

    /// What is to be done at `now_ns`. What is to be done is said once.
    pub const fn look(&mut self, now_ns: Nanos) -> Verdict {
        if !self.is_watched {
            return Verdict::Wait(Nanos::MAX);
        }
        let patience_ns = self.patience_ns.saturating_mul(1 << self.doublings);
        let until_ns = self.heard_ns.saturating_add_ns(patience_ns);
        if now_ns.get() < until_ns.get() {
            return Verdict::Wait(until_ns);
        }
        self.heard_ns = now_ns;
        if !self.has_asked_again {
            self.has_asked_again = true;
            return Verdict::Resubscribe;
        }
        self.has_asked_again = false;
        self.is_watched = false;
        if self.doublings < DOUBLINGS_MAX {
            self.doublings += 1;
        }
        Verdict::Reconnect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_answered_in_steps() {
        let at = Nanos::new;
        let mut silence = Silence::new(10);
        assert_eq!(silence.look(at(1_000)), Verdict::Wait(Nanos::MAX));
        silence.begin(at(0));
        assert_eq!(silence.look(at(9)), Verdict::Wait(at(10)));
        assert_eq!(silence.look(at(10)), Verdict::Resubscribe);
        assert_eq!(silence.look(at(11)), Verdict::Wait(at(20)));
        assert_eq!(silence.look(at(20)), Verdict::Reconnect);
        assert_eq!(silence.look(at(99)), Verdict::Wait(Nanos::MAX), "it ends with its connection");
        silence.begin(at(100));
        assert_eq!(silence.look(at(119)), Verdict::Wait(at(120)), "a quiet market is not hunted");
        silence.heard(at(119));
        assert_eq!(silence.look(at(139)), Verdict::Resubscribe);
        silence.heard(at(140));
        assert_eq!(silence.look(at(160)), Verdict::Resubscribe);
        silence.prove(at(170));
        assert_eq!(silence.look(at(179)), Verdict::Wait(at(180)));
        assert_eq!(silence.look(at(180)), Verdict::Reconnect);
    }
}
