//! The connections of a session: opened, logged on, subscribed to the account, watched, and put in
//! the place of an older one before the venue closes that.

use qt_engine::GatewayEvent;
use qt_types::Nanos;

use super::codes::Meaning;
use super::messages::SHUT_MAX_NS;
use super::queries::Queries;
use super::questions::Step;
use super::submit::Asked;
use super::trouble::Trouble;
use super::wire::{Fault, Time};
use super::{OrderMachine, at};
use crate::machine::{Act, Closed, Link};

/// Connections that there are at a time, at most: one in use, one that takes its place, and those
/// that are on their way out.
const LINKS: usize = 4;
/// A connection that is to take the place of another must be up within so long (ns).
const SETTLE_NS: i64 = 10_000_000_000;
/// After one that failed the next attempt waits so long (ns).
const ROTATE_PAUSE_NS: i64 = 30_000_000_000;
/// A connection whose place was taken is kept so long for answers (ns).
const DRAIN_NS: i64 = 5_000_000_000;
/// A command that was not answered for so long will not be answered any more (ns).
const COMMAND_NS: i64 = 60_000_000_000;

/// The venue tells the time in milliseconds.
const MILLI_NS: i64 = 1_000_000;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Free,
    Opening,
    /// The venue is asked for the time.
    Timing,
    LoggingOn,
    Subscribing,
    /// What the account holds is asked for, once a process.
    Holding,
    Up,
    /// Another one has taken its place.
    Draining,
    Closing,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    stage: Stage,
    /// Since when it is at that stage (UTC ns).
    since_ns: Nanos,
    opened_ns: Nanos,
    /// When something came over it last (UTC ns).
    heard_ns: Nanos,
    /// Whether the venue has said that it will close it.
    is_doomed: bool,
}

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Links {
    slots: [Slot; LINKS],
    /// The one in use.
    current: Option<usize>,
    /// The one that is being made.
    next: Option<usize>,
    /// Whether there is to be one.
    is_wanted: bool,
    /// No other one is made before then (UTC ns).
    not_before_ns: Nanos,
}

/// What a request was.
#[derive(Clone, Debug)]
pub(super) enum What {
    Time,
    LogOn,
    Subscribe,
    Baseline,
    Command { place: usize, asked: Asked },
    Query { number: u32, step: Step },
}

/// A request that was not answered.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    link: usize,
    pub(super) sent_ns: Nanos,
    pub(super) what: What,
}

impl OrderMachine {
    /// Begins to connect; an event tells what came of it.
    pub fn connect(&mut self, now_ns: Nanos) {
        self.now_ns = now_ns;
        self.drop_links();
        self.links.is_wanted = true;
        if !self.budget.is_open(now_ns) {
            return self.give_up(None);
        }
        if !self.open() {
            self.give_up(None);
        }
    }

    /// Gives the link up, without another word.
    pub fn disconnect(&mut self, now_ns: Nanos) {
        self.now_ns = now_ns;
        self.links.is_wanted = false;
        self.drop_links();
    }

    /// The link is gone, because of `trouble` where that is known.
    pub(super) fn give_up(&mut self, trouble: Option<Trouble>) {
        if trouble.is_some() {
            self.standing.trouble = trouble;
        }
        self.drop_links();
        if std::mem::take(&mut self.links.is_wanted) {
            self.events.push_back(GatewayEvent::Disconnected);
        }
    }

    fn drop_links(&mut self) {
        for link in 0..LINKS {
            self.close(link);
        }
        (self.links.current, self.links.next) = (None, None);
        self.standing.is_up = false;
        self.next_beat_ns = Nanos::MAX;
        self.pending.clear();
        self.tracker.doubt();
        self.fail_all();
    }

    fn close(&mut self, link: usize) {
        let slot = &mut self.links.slots[link];
        if !matches!(slot.stage, Stage::Free | Stage::Closing) {
            (slot.stage, slot.since_ns) = (Stage::Closing, self.now_ns);
            self.acts.push_back(Act::Close(Link(link as u8)));
        }
    }

    fn open(&mut self) -> bool {
        let free = self.links.slots.iter().position(|slot| slot.stage == Stage::Free);
        let Some(link) = free else { return false };
        let since_ns = self.now_ns;
        self.links.slots[link] = Slot { stage: Stage::Opening, since_ns, ..Slot::default() };
        self.links.next = Some(link);
        let url = self.settings.profile.api_url(self.settings.base.as_deref());
        self.acts.push_back(Act::Open(Link(link as u8), url));
        true
    }

    /// Whether commands can leave.
    pub(super) const fn has_link(&self) -> bool {
        self.links.current.is_some()
    }

    pub(super) fn opened(&mut self, link: Link) {
        let link = at(link);
        let now_ns = self.now_ns;
        let Some(slot) = self.links.slots.get_mut(link) else { return };
        if slot.stage == Stage::Opening {
            (slot.opened_ns, slot.heard_ns) = (now_ns, now_ns);
            self.ask_time(link);
            self.enter(link, Stage::Timing);
        }
    }

    fn enter(&mut self, link: usize, stage: Stage) {
        let slot = &mut self.links.slots[link];
        (slot.stage, slot.since_ns) = (stage, self.now_ns);
    }

    fn ask_time(&mut self, link: usize) {
        let venue_ns = self.venue_ns();
        // The sign of life has to be, whatever else is asked.
        self.budget.take(super::budget::Purpose::Cancel, 1, venue_ns);
        let number = self.next_number();
        self.send_to(link, number, What::Time, Queries::public(number, "time"));
    }

    fn send_to(&mut self, link: usize, number: u64, what: What, message: Vec<u8>) {
        let sent_ns = self.now_ns;
        self.pending.insert(number, Pending { link, sent_ns, what });
        self.acts.push_back(Act::Send(Link(link as u8), message));
    }

    pub(super) fn send_command(&mut self, number: u64, place: usize, asked: Asked, text: Vec<u8>) {
        if let Some(link) = self.links.current {
            self.send_to(link, number, What::Command { place, asked }, text);
        }
    }

    /// Sends a question of ours; false where there is no link.
    pub(super) fn send_query(
        &mut self,
        request: u64,
        number: u32,
        step: Step,
        text: Vec<u8>,
    ) -> bool {
        let Some(link) = self.links.current else { return false };
        self.send_to(link, request, What::Query { number, step }, text);
        true
    }

    pub(super) fn alive(&mut self, link: Link) {
        self.has_heard(at(link));
        if self.links.current == Some(at(link)) {
            let at_ns = self.now_ns;
            self.emit(GatewayEvent::Heard { venue_ns: None, at_ns });
        }
    }

    pub(super) fn closed(&mut self, link: Link, why: Closed) {
        let link = at(link);
        let Some(slot) = self.links.slots.get_mut(link) else { return };
        *slot = Slot::default();
        self.forget(link);
        if self.links.current == Some(link) {
            self.links.current = None;
            self.give_up(Some(Trouble::Link(why)));
        } else if self.links.next == Some(link) {
            if let Closed::NotOpened { retry_after_s: Some(seconds), .. } = &why {
                let wait_ns = (i64::from(*seconds) * 1_000_000_000).min(SHUT_MAX_NS);
                self.budget.shut(self.now_ns.saturating_add_ns(wait_ns));
            }
            self.next_failed(Trouble::Link(why));
        }
    }

    /// Nothing that was sent over it will be answered.
    fn forget(&mut self, link: usize) {
        let mut failed = Vec::new();
        self.pending.retain(|_, pending| {
            if let (true, What::Query { number, .. }) = (pending.link == link, &pending.what) {
                failed.push(*number);
            }
            pending.link != link
        });
        failed.into_iter().for_each(|number| self.fail(number));
    }

    pub(super) fn next_failed(&mut self, trouble: Trouble) {
        if let Some(link) = self.links.next.take() {
            self.close(link);
            self.forget(link);
        }
        if self.links.current.is_none() {
            return self.give_up(Some(trouble));
        }
        self.standing.trouble = Some(trouble);
        self.links.not_before_ns = self.now_ns.saturating_add_ns(ROTATE_PAUSE_NS);
    }

    pub(super) fn has_heard(&mut self, link: usize) {
        let now_ns = self.now_ns;
        if let Some(slot) = self.links.slots.get_mut(link) {
            slot.heard_ns = now_ns;
        }
    }

    /// Whether what comes over `link` counts.
    pub(super) fn listens_to(&self, link: usize) -> bool {
        let stage = self.links.slots.get(link).map_or(Stage::Free, |slot| slot.stage);
        !matches!(stage, Stage::Free | Stage::Opening | Stage::Closing)
    }

    pub(super) fn take_pending(&mut self, number: u64, link: usize) -> Option<Pending> {
        let is_of_link = self.pending.get(&number).is_some_and(|it| it.link == link);
        is_of_link.then(|| self.pending.remove(&number)).flatten()
    }

    /// The venue will close it: another one is made at once.
    pub(super) fn is_doomed(&mut self, link: usize) {
        if let Some(slot) = self.links.slots.get_mut(link) {
            slot.is_doomed = true;
        }
    }

    /// It is of no use any more.
    pub(super) fn has_failed(&mut self, link: usize, trouble: Trouble) {
        if self.links.current == Some(link) {
            self.give_up(Some(trouble));
        } else if self.links.next == Some(link) {
            self.next_failed(trouble);
        }
    }

    pub(super) fn answered(&mut self, link: usize, pending: &Pending, result: &str) {
        match &pending.what {
            What::Time => self.heard_time(link, pending.sent_ns, result),
            What::LogOn => self.subscribe(link),
            What::Subscribe => self.subscribed(link),
            What::Baseline => self.held_before(link, result),
            What::Command { place, asked } => self.done(*place, *asked, result),
            What::Query { number, step } => self.told(*number, step, result),
        }
    }

    pub(super) fn denied(
        &mut self,
        link: usize,
        pending: &Pending,
        status: u16,
        fault: &Fault<'_>,
    ) {
        match &pending.what {
            What::Command { place, asked } => self.refused(*place, *asked, status, fault),
            What::Query { number, step } => self.not_told(*number, step, status, fault),
            What::Time => {
                self.learn_from(status, fault);
            }
            What::LogOn | What::Subscribe | What::Baseline => {
                let (code, text) = (fault.code, fault.msg.to_string());
                let trouble = match self.learn_from(status, fault) {
                    Meaning::Keys => Trouble::Keys(code, text),
                    Meaning::Clock => Trouble::Clock(text),
                    _ => Trouble::LogOn(code, text),
                };
                if self.links.next == Some(link) {
                    self.next_failed(trouble);
                }
            }
        }
    }

    fn heard_time(&mut self, link: usize, sent_ns: Nanos, result: &str) {
        let Ok(time) = serde_json::from_str::<Time>(result) else { return self.unreadable() };
        let told_ns = Nanos::new(time.server_ms.saturating_mul(MILLI_NS));
        self.clock.answered(sent_ns, told_ns, MILLI_NS, self.now_ns);
        self.standing.offset_ns = self.clock.offset_ns();
        if self.links.current == Some(link) {
            let (venue_ns, at_ns) = (Some(self.venue_ns()), self.now_ns);
            return self.emit(GatewayEvent::Heard { venue_ns, at_ns });
        }
        if self.links.slots[link].stage != Stage::Timing {
            return;
        }
        if self.queries.logs_on() {
            let number = self.next_number();
            let at_ms = self.venue_ms(self.now_ns) as i64;
            let message = self.queries.signed(number, "session.logon", at_ms);
            self.send_to(link, number, What::LogOn, message);
            self.enter(link, Stage::LoggingOn);
        } else {
            self.subscribe(link);
        }
    }

    fn subscribe(&mut self, link: usize) {
        let number = self.next_number();
        let message = if self.queries.logs_on() {
            Queries::public(number, "userDataStream.subscribe")
        } else {
            let at_ms = self.venue_ms(self.now_ns) as i64;
            self.queries.signed(number, "userDataStream.subscribe.signature", at_ms)
        };
        self.send_to(link, number, What::Subscribe, message);
        self.enter(link, Stage::Subscribing);
    }

    fn subscribed(&mut self, link: usize) {
        let known = self.standing.baseline.as_deref().unwrap_or_default();
        let is_known = |asset: &String| known.iter().any(|(name, _)| name == asset);
        let all_known = self.settings.traded.iter().all(|of| is_known(&of.base));
        if all_known && self.standing.held.is_some() {
            return self.is_up(link);
        }
        let number = self.next_number();
        let at_ms = self.venue_ms(self.now_ns) as i64;
        let message = self.queries.own(number, "account.status", &[], at_ms);
        self.send_to(link, number, What::Baseline, message);
        self.enter(link, Stage::Holding);
    }

    pub(super) fn is_up(&mut self, link: usize) {
        self.enter(link, Stage::Up);
        self.links.next = None;
        self.next_beat_ns = self.now_ns.saturating_add_ns(self.settings.beat_ns);
        match self.links.current.replace(link) {
            Some(old) => {
                self.enter(old, Stage::Draining);
                self.standing.figures.rotations += 1;
            }
            None => {
                self.standing.is_up = true;
                self.standing.trouble = None;
                self.emit(GatewayEvent::Connected);
                let (venue_ns, at_ns) = (Some(self.venue_ns()), self.now_ns);
                self.emit(GatewayEvent::Heard { venue_ns, at_ns });
            }
        }
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
        if let Some(link) = self.links.current {
            if self.next_beat_ns <= now_ns {
                // Where the venue has shut us out, silence is what there is.
                if self.budget.is_open(now_ns) {
                    self.ask_time(link);
                }
                self.next_beat_ns = now_ns.saturating_add_ns(self.settings.beat_ns);
            }
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

    fn forget_unanswered(&mut self) {
        let is_over = |it: &Pending| self.given_up_ns(it) <= self.now_ns;
        let over: Vec<u64> =
            self.pending.iter().filter(|(_, it)| is_over(it)).map(|(number, _)| *number).collect();
        for number in over {
            if let Some(What::Query { number, .. }) = self.pending.remove(&number).map(|it| it.what)
            {
                self.fail(number);
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
        let mut due_ns = self.next_beat_ns;
        if let Some(link) = self.links.current {
            let heard_ns = self.links.slots[link].heard_ns;
            due_ns = due_ns.min(heard_ns.saturating_add_ns(self.settings.silence_ns));
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
