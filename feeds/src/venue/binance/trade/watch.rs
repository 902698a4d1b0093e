//! What is due of a session: signs of life, timers, keys, connections that are to be replaced, and
//! requests that nobody answers.

use qt_types::Nanos;

use super::OrderMachine;
use super::budget::Purpose;
use super::profile::OwnerGone;
use super::session::{LINKS, Pending, ROTATE_PAUSE_NS, Stage, What};
use super::trouble::Trouble;
use super::wire::Fault;
use crate::machine::Closed;

/// A connection that is to take the place of another must be up within so long (ns).
const SETTLE_NS: i64 = 10_000_000_000;
/// A connection whose place was taken is kept so long for answers (ns).
const DRAIN_NS: i64 = 5_000_000_000;
/// A command that was not answered for so long will not be answered any more (ns).
const COMMAND_NS: i64 = 60_000_000_000;
/// A timer that could not be set is tried again after so long (ns).
const TIMER_PAUSE_NS: i64 = 1_000_000_000;
/// A key that could not be kept good is tried again after so long (ns).
const KEEP_PAUSE_NS: i64 = 60_000_000_000;
/// There is no such key any more.
const NO_KEY: i32 = -1125;

/// What is due at its time (UTC ns).
#[derive(Clone, Copy, Debug)]
pub(super) struct Dues {
    /// The venue is asked for the time.
    pub(super) beat_ns: Nanos,
    /// Timers are set anew.
    timers_ns: Nanos,
    /// The key of the ears is kept good.
    keep_ns: Nanos,
}

impl Dues {
    pub(super) const NONE: Self =
        Self { beat_ns: Nanos::MAX, timers_ns: Nanos::MAX, keep_ns: Nanos::MAX };

    fn next_ns(&self) -> Nanos {
        self.beat_ns.min(self.timers_ns).min(self.keep_ns)
    }
}

impl OrderMachine {
    /// A session is up: from now on its dues run.
    pub(super) fn begin_dues(&mut self) {
        let (now_ns, profile) = (self.now_ns, self.settings.profile);
        let after = |ns: i64| now_ns.saturating_add_ns(ns);
        self.dues = Dues {
            beat_ns: after(self.settings.beat_ns),
            timers_ns: profile
                .timer_ns(self.settings.traded.len())
                .map_or(Nanos::MAX, |(every_ns, _)| after(every_ns)),
            keep_ns: profile.ears.map_or(Nanos::MAX, |ears| after(ears.keep_ns)),
        };
    }

    /// What is due of the connections, and of requests that nobody answers.
    pub(super) fn look_after(&mut self) {
        let now_ns = self.now_ns;
        let is_over = |since_ns: Nanos, ns: i64| since_ns.saturating_add_ns(ns) <= now_ns;
        for link in 0..LINKS {
            let slot = self.links.slots[link];
            let is_idle = || !self.pending.values().any(|it| it.link == link);
            if slot.stage == Stage::Draining && (is_idle() || is_over(slot.since_ns, DRAIN_NS)) {
                self.close(link);
                self.forget(link);
            }
        }
        // What is said here without the venue looks like its word to whoever hears it, so that
        // silence has to be noticed here.
        let is_silent =
            |link: usize| is_over(self.links.slots[link].heard_ns, self.settings.silence_ns);
        if self.links.current.is_some_and(is_silent) {
            self.give_up(Some(Trouble::Link(Closed::Broken)));
        }
        if self.links.current.and_then(|link| self.deaf_ns(link)).is_some_and(|at| at <= now_ns) {
            self.give_up(Some(Trouble::Deaf));
        }
        if let Some(link) = self.links.current {
            self.look_after_dues(link);
            if self.links.next.is_none() && self.rotate_ns(link) <= now_ns {
                self.links.not_before_ns = now_ns.saturating_add_ns(ROTATE_PAUSE_NS);
                self.open();
            }
            if let Some(next) = self.links.next
                && is_over(self.links.slots[next].since_ns, SETTLE_NS)
            {
                self.next_failed(Trouble::Link(Closed::Broken));
            }
        }
        self.forget_unanswered();
    }

    fn look_after_dues(&mut self, link: usize) {
        let now_ns = self.now_ns;
        // Where the venue has shut us out, silence is what there is.
        let is_open = self.budget.is_open(now_ns);
        if self.dues.beat_ns <= now_ns {
            if is_open {
                self.ask_time(link);
            }
            self.dues.beat_ns = now_ns.saturating_add_ns(self.settings.beat_ns);
        }
        if self.dues.timers_ns <= now_ns {
            let symbols = self.settings.traded.len();
            let every_ns = self.settings.profile.timer_ns(symbols).map_or(i64::MAX, |it| it.0);
            let wait_ns = if is_open { every_ns } else { TIMER_PAUSE_NS };
            self.dues.timers_ns = now_ns.saturating_add_ns(wait_ns);
            if let (OwnerGone::Timer(timer), true) = (self.settings.profile.owner_gone, is_open) {
                self.set_timers(link, timer, &What::Renew);
            }
        }
        if self.dues.keep_ns <= now_ns {
            let keep_ns = self.settings.profile.ears.map_or(i64::MAX, |ears| ears.keep_ns);
            self.dues.keep_ns = now_ns.saturating_add_ns(keep_ns);
            let venue_ns = self.venue_ns();
            self.budget.take(Purpose::Cancel, 1, venue_ns);
            let number = self.next_number();
            let message = self.queries.keyed(number, "userDataStream.ping");
            self.send_to(link, number, What::Keep, message);
        }
    }

    /// The timers were not set: that is tried again soon.
    pub(super) fn not_renewed(&mut self, why: String) {
        self.standing.figures.timers_failed += 1;
        self.standing.trouble = Some(Trouble::Timers(why));
        let soon_ns = self.now_ns.saturating_add_ns(TIMER_PAUSE_NS);
        self.dues.timers_ns = self.dues.timers_ns.min(soon_ns);
    }

    /// The key of the ears was not kept good. One that is gone brings nothing any more.
    pub(super) fn not_kept(&mut self, link: usize, status: u16, fault: &Fault<'_>) {
        self.learn_from(status, fault);
        if fault.code == NO_KEY {
            return self.has_failed(link, Trouble::StreamEnded);
        }
        let soon_ns = self.now_ns.saturating_add_ns(KEEP_PAUSE_NS);
        self.dues.keep_ns = self.dues.keep_ns.min(soon_ns);
    }

    /// What was asked for at `sent_ns` was done to an order: that is told over the ears, if it has
    /// not been yet.
    pub(super) fn expects_word(&mut self, link: usize, sent_ns: Nanos) {
        let (now_ns, has_ears) = (self.now_ns, self.settings.profile.ears.is_some());
        if let Some(slot) = self.links.slots.get_mut(link)
            && has_ears
            && slot.told_ns < sent_ns
        {
            slot.deaf_since_ns.get_or_insert(now_ns);
        }
    }

    /// When the ears of a session are taken for deaf (UTC ns).
    fn deaf_ns(&self, link: usize) -> Option<Nanos> {
        let since_ns = self.links.slots[link].deaf_since_ns?;
        Some(since_ns.saturating_add_ns(self.settings.profile.ears?.deaf_ns))
    }

    fn forget_unanswered(&mut self) {
        let is_over = |it: &Pending| self.given_up_ns(it) <= self.now_ns;
        let over: Vec<u64> =
            self.pending.iter().filter(|(_, it)| is_over(it)).map(|(number, _)| *number).collect();
        for number in over {
            if let Some(pending) = self.pending.remove(&number) {
                self.unanswered(&pending);
            }
        }
    }

    /// When a request counts as not answered (UTC ns).
    fn given_up_ns(&self, pending: &Pending) -> Nanos {
        let patience_ns = match pending.what {
            What::Query { .. } => self.settings.patience_ns,
            _ => COMMAND_NS,
        };
        pending.sent_ns.saturating_add_ns(patience_ns)
    }

    /// When another connection is to take the place of `link` (UTC ns).
    fn rotate_ns(&self, link: usize) -> Nanos {
        let slot = &self.links.slots[link];
        let profile = self.settings.profile;
        let life_ns = profile.connection_ns.saturating_sub(profile.rotate_before_ns);
        let due_ns =
            if slot.is_doomed { self.now_ns } else { slot.opened_ns.saturating_add_ns(life_ns) };
        due_ns.max(self.links.not_before_ns)
    }

    pub(super) fn next_due_ns(&self) -> Option<Nanos> {
        let mut due_ns = self.dues.next_ns();
        if let Some(link) = self.links.current {
            let heard_ns = self.links.slots[link].heard_ns;
            due_ns = due_ns.min(heard_ns.saturating_add_ns(self.settings.silence_ns));
            due_ns = due_ns.min(self.deaf_ns(link).unwrap_or(Nanos::MAX));
            due_ns = due_ns.min(match self.links.next {
                Some(next) => self.links.slots[next].since_ns.saturating_add_ns(SETTLE_NS),
                None => self.rotate_ns(link),
            });
        }
        for slot in self.links.slots.iter().filter(|slot| slot.stage == Stage::Draining) {
            due_ns = due_ns.min(slot.since_ns.saturating_add_ns(DRAIN_NS));
        }
        let ends = self.pending.values().map(|it| self.given_up_ns(it));
        due_ns = ends.fold(due_ns, Nanos::min);
        (due_ns < Nanos::MAX).then_some(due_ns)
    }
}
