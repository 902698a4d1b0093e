//! What follows from a heartbeat, and from its end.

use super::heart::Beat;

/// How a guard goes about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardSettings {
    /// A heart that has not beaten for so long has stopped (ns).
    pub limit_ns: u64,
    /// Nothing must be open for so long until it is taken to stay so: what the run sent in its
    /// last moment may still be on its way (ns).
    pub settle_ns: u64,
    /// How long it waits between two looks at the venue (ns).
    pub again_ns: u64,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self { limit_ns: 5_000_000_000, settle_ns: 10_000_000_000, again_ns: 1_000_000_000 }
    }
}

/// What a look at the heart comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// There was no beat yet: nothing to guard.
    Waiting,
    /// It beats.
    Alive,
    /// The run ended in order.
    Over,
    /// It has stopped: cancel what is open, and say what is left ([`Guard::swept`]).
    Sweep,
    /// It has stopped, and the next look at the venue is not due yet.
    Pause,
    /// It has stopped, and nothing is open any more. Nothing is done until it beats again.
    Done,
}

/// Where a guard is with the last beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Watching,
    /// Nothing is open since then, if so; the next look is due then (steady ns).
    Sweeping {
        clean_ns: Option<u64>,
        next_ns: u64,
    },
    Done,
}

/// Goes by beats and a steady clock alone: no wall clock has a say.
#[derive(Debug)]
pub struct Guard {
    settings: GuardSettings,
    last: Option<(Beat, u64)>,
    state: State,
    /// A beat after which all was done by an earlier process.
    done: Option<Beat>,
}

impl Guard {
    /// A guard that has seen nothing yet. `done`: the beat after which an earlier one has left
    /// nothing open.
    #[must_use]
    pub const fn new(settings: GuardSettings, done: Option<Beat>) -> Self {
        Self { settings, last: None, state: State::Watching, done }
    }

    /// A look at the heart at `now_ns` (steady). No beat is as if there was no look.
    pub fn look(&mut self, beat: Option<Beat>, now_ns: u64) -> Look {
        if let Some(beat) = beat
            && self.last.is_none_or(|(last, _)| last != beat)
        {
            self.last = Some((beat, now_ns));
            self.state = if self.done == Some(beat) { State::Done } else { State::Watching };
        }
        let Some((beat, since_ns)) = self.last else { return Look::Waiting };
        if beat.is_over {
            return Look::Over;
        }
        match self.state {
            State::Watching if now_ns.saturating_sub(since_ns) < self.settings.limit_ns => {
                Look::Alive
            }
            State::Watching => {
                self.state = State::Sweeping { clean_ns: None, next_ns: now_ns };
                Look::Sweep
            }
            State::Sweeping { next_ns, .. } if now_ns < next_ns => Look::Pause,
            State::Sweeping { .. } => Look::Sweep,
            State::Done => Look::Done,
        }
    }

    /// What is left open at the venue after a sweep, at `now_ns` (steady); `None` where the venue
    /// did not say. Whether all is done now.
    pub fn swept(&mut self, left: Option<usize>, now_ns: u64) -> bool {
        let State::Sweeping { clean_ns, .. } = self.state else { return false };
        let clean_ns = match left {
            Some(0) => Some(clean_ns.unwrap_or(now_ns)),
            _ => None,
        };
        let is_done =
            clean_ns.is_some_and(|since| now_ns.saturating_sub(since) >= self.settings.settle_ns);
        let next_ns = now_ns.saturating_add(self.settings.again_ns);
        self.state = if is_done { State::Done } else { State::Sweeping { clean_ns, next_ns } };
        if is_done {
            self.done = self.last.map(|(beat, _)| beat);
        }
        is_done
    }

    /// The beat after which nothing is left to be done.
    #[must_use]
    pub const fn done(&self) -> Option<Beat> {
        self.done
    }

    /// How long the heart has not beaten at `now_ns` (steady, ns).
    #[must_use]
    pub fn silent_ns(&self, now_ns: u64) -> u64 {
        self.last.map_or(0, |(_, since_ns)| now_ns.saturating_sub(since_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: GuardSettings = GuardSettings { limit_ns: 100, settle_ns: 50, again_ns: 10 };

    fn beat(count: u64) -> Option<Beat> {
        Some(Beat { count, pid: 1, is_over: false })
    }

    #[test]
    fn it_acts_once_the_heart_has_stopped_and_never_before() {
        let mut guard = Guard::new(SETTINGS, None);
        assert_eq!(guard.look(None, 0), Look::Waiting);
        assert_eq!(guard.look(None, 10_000), Look::Waiting);
        assert_eq!(guard.look(beat(1), 10_000), Look::Alive);
        assert_eq!(guard.look(beat(2), 10_099), Look::Alive);
        // A file that is just being written is no end of life.
        assert_eq!(guard.look(None, 10_150), Look::Alive);
        assert_eq!(guard.look(beat(2), 10_198), Look::Alive);
        assert_eq!(guard.look(beat(2), 10_199), Look::Sweep);
    }

    #[test]
    fn it_goes_on_until_nothing_has_been_open_for_a_while_and_then_rests() {
        let mut guard = Guard::new(SETTINGS, None);
        guard.look(beat(1), 0);
        assert_eq!(guard.look(beat(1), 100), Look::Sweep);
        assert!(!guard.swept(None, 100));
        assert_eq!(guard.look(beat(1), 105), Look::Pause);
        assert_eq!(guard.look(beat(1), 110), Look::Sweep);
        assert!(!guard.swept(Some(0), 110));
        assert_eq!(guard.look(beat(1), 120), Look::Sweep);
        // One that arrived late.
        assert!(!guard.swept(Some(1), 120));
        assert_eq!(guard.look(beat(1), 130), Look::Sweep);
        assert!(!guard.swept(Some(0), 130));
        assert_eq!(guard.look(beat(1), 180), Look::Sweep);
        assert!(guard.swept(Some(0), 180));
        assert_eq!(guard.look(beat(1), 10_000), Look::Done);
        // It beats again: all begins anew.
        assert_eq!(guard.look(beat(2), 10_001), Look::Alive);
        assert_eq!(guard.look(beat(2), 10_101), Look::Sweep);
    }

    #[test]
    fn a_run_that_comes_back_is_left_alone_at_once() {
        let mut guard = Guard::new(SETTINGS, None);
        guard.look(beat(1), 0);
        assert_eq!(guard.look(beat(1), 100), Look::Sweep);
        assert_eq!(guard.look(beat(2), 101), Look::Alive);
        assert!(!guard.swept(Some(0), 500));
        assert_eq!(guard.look(beat(2), 102), Look::Alive);
    }

    #[test]
    fn what_an_earlier_guard_has_done_is_not_done_again() {
        let mut guard = Guard::new(SETTINGS, beat(7));
        assert_eq!(guard.look(beat(7), 0), Look::Done);
        assert_eq!(guard.look(beat(7), 1_000), Look::Done);
        assert_eq!(guard.look(beat(8), 1_001), Look::Alive);
        assert_eq!(guard.look(beat(8), 1_101), Look::Sweep);
    }

    #[test]
    fn an_end_in_order_asks_for_nothing() {
        let mut guard = Guard::new(SETTINGS, None);
        let over = Some(Beat { count: 1, pid: 1, is_over: true });
        assert_eq!(guard.look(over, 0), Look::Over);
        assert_eq!(guard.look(over, 10_000), Look::Over);
    }
}
