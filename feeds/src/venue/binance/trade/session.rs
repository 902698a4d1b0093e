//! The connections of a session: opened, given up, closed, and put in the place of an older one
//! before the venue closes that. How one comes to be up is in [`super::establish`].
//!
//! A session is a connection of the WebSocket API and, where the venue has it so, one more over
//! which the account is listened to: both belong together, and one without the other is none.

use qt_engine::GatewayEvent;
use qt_types::Nanos;

use super::codes::{Meaning, meaning_with};
use super::messages::SHUT_MAX_NS;
use super::questions::Step;
use super::submit::Asked;
use super::trouble::Trouble;
use super::wire::Fault;
use super::{OrderMachine, at};
use crate::machine::{Act, Closed, Link};

/// Sessions that there are at a time, at most: one in use, one that takes its place, and those
/// that are on their way out. The links of the second kind are numbered behind those of the first.
pub(super) const LINKS: usize = 4;
/// After one that failed the next attempt waits so long (ns).
pub(super) const ROTATE_PAUSE_NS: i64 = 30_000_000_000;

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Stage {
    #[default]
    Free,
    Opening,
    /// The venue is asked for the time.
    Timing,
    LoggingOn,
    Subscribing,
    /// The venue is asked whether there is one position for a symbol.
    Checking,
    /// The timers that cancel what is open are set.
    Arming,
    /// The key is asked for that opens the ears.
    Keying,
    /// The connection over which the account is listened to is being made.
    Listening,
    /// What the account holds is asked for, once a process.
    Holding,
    Up,
    /// Another one has taken its place.
    Draining,
    Closing,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub(super) stage: Stage,
    /// Since when it is at that stage (UTC ns).
    pub(super) since_ns: Nanos,
    pub(super) opened_ns: Nanos,
    /// When something came over it last (UTC ns).
    pub(super) heard_ns: Nanos,
    /// Whether the venue has said that it will close it.
    pub(super) is_doomed: bool,
    /// Timers that are yet to be set.
    pub(super) unarmed: usize,
    /// Which of its links were opened and have not closed: that of the API, and the ears.
    has: [bool; 2],
    /// When something was told over the ears last (UTC ns).
    pub(super) told_ns: Nanos,
    /// Since when something is to be told there (UTC ns).
    pub(super) deaf_since_ns: Option<Nanos>,
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) slots: [Slot; LINKS],
    /// The one in use.
    pub(super) current: Option<usize>,
    /// The one that is being made.
    pub(super) next: Option<usize>,
    /// Whether there is to be one.
    is_wanted: bool,
    /// No other one is made before then (UTC ns).
    pub(super) not_before_ns: Nanos,
}

/// What a request was.
#[derive(Clone, Debug)]
pub(super) enum What {
    Time,
    LogOn,
    Subscribe,
    Baseline,
    /// Whether there is one position for a symbol.
    Mode,
    /// A timer is set before the session is up.
    Arm,
    /// A timer is set anew.
    Renew,
    /// The key that opens the ears.
    Key,
    /// That key is to stay good.
    Keep,
    Command {
        place: usize,
        asked: Asked,
    },
    Query {
        number: u32,
        step: Step,
    },
}

/// A request that was not answered.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) link: usize,
    pub(super) sent_ns: Nanos,
    pub(super) what: What,
    /// Whether it was asked by REST.
    pub(super) is_call: bool,
}

/// Whether the ears have that link.
pub(super) fn is_ears(link: Link) -> bool {
    usize::from(link.0) >= LINKS
}

/// The link of a session's API, or of its ears.
fn link_of(slot: usize, is_ears: bool) -> Link {
    Link((slot + if is_ears { LINKS } else { 0 }) as u8)
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
        self.dues = super::watch::Dues::NONE;
        self.pending.clear();
        self.tracker.doubt();
        self.fundings.ask();
        self.fail_all();
    }

    pub(super) fn close(&mut self, link: usize) {
        let slot = &mut self.links.slots[link];
        if matches!(slot.stage, Stage::Free | Stage::Closing) {
            return;
        }
        (slot.stage, slot.since_ns) = (Stage::Closing, self.now_ns);
        for (is_ears, _) in [false, true].into_iter().zip(slot.has).filter(|it| it.1) {
            self.acts.push_back(Act::Close(link_of(link, is_ears)));
        }
    }

    pub(super) fn open(&mut self) -> bool {
        let free = self.links.slots.iter().position(|slot| slot.stage == Stage::Free);
        let Some(link) = free else { return false };
        let (stage, since_ns, has) = (Stage::Opening, self.now_ns, [true, false]);
        self.links.slots[link] = Slot { stage, since_ns, has, ..Slot::default() };
        self.links.next = Some(link);
        let url = self.settings.profile.api_url(self.settings.base.as_deref());
        self.acts.push_back(Act::Open(link_of(link, false), url));
        true
    }

    /// Opens the ears of a session at `url`.
    pub(super) fn open_ears(&mut self, link: usize, url: String) {
        self.links.slots[link].has[1] = true;
        self.acts.push_back(Act::Open(link_of(link, true), url));
        self.enter(link, Stage::Listening);
    }

    /// Whether commands can leave.
    pub(super) const fn has_link(&self) -> bool {
        self.links.current.is_some()
    }

    pub(super) fn opened(&mut self, link: Link) {
        let (slot, is_ears, now_ns) = (at(link), is_ears(link), self.now_ns);
        let Some(state) = self.links.slots.get_mut(slot) else { return };
        match (state.stage, is_ears) {
            (Stage::Opening, false) => {
                (state.opened_ns, state.heard_ns) = (now_ns, now_ns);
                self.ask_time(slot);
                self.enter(slot, Stage::Timing);
            }
            (Stage::Listening, true) => self.hold(slot),
            _ => {}
        }
    }

    pub(super) fn enter(&mut self, link: usize, stage: Stage) {
        let slot = &mut self.links.slots[link];
        (slot.stage, slot.since_ns) = (stage, self.now_ns);
    }

    pub(super) fn send_to(&mut self, link: usize, number: u64, what: What, message: Vec<u8>) {
        let sent_ns = self.now_ns;
        self.pending.insert(number, Pending { link, sent_ns, what, is_call: false });
        self.acts.push_back(Act::Send(link_of(link, false), message));
    }

    pub(super) fn send_command(&mut self, number: u64, place: usize, asked: Asked, text: Vec<u8>) {
        if let Some(link) = self.links.current {
            self.send_to(link, number, What::Command { place, asked }, text);
        }
    }

    pub(super) fn alive(&mut self, link: Link) {
        if is_ears(link) {
            return;
        }
        self.has_heard(at(link));
        if self.links.current == Some(at(link)) {
            let at_ns = self.now_ns;
            self.emit(GatewayEvent::Heard { venue_ns: None, at_ns });
        }
    }

    pub(super) fn closed(&mut self, link: Link, why: Closed) {
        let (is_ears, link) = (is_ears(link), at(link));
        let Some(slot) = self.links.slots.get_mut(link) else { return };
        slot.has[usize::from(is_ears)] = false;
        let is_free = slot.has == [false; 2];
        // What is left of it is of no use.
        self.close(link);
        if is_free {
            self.links.slots[link] = Slot::default();
        }
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
    pub(super) fn forget(&mut self, link: usize) {
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
        let is_asked = |it: &Pending| it.link == link && !it.is_call;
        let is_of_link = self.pending.get(&number).is_some_and(is_asked);
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
            What::Subscribe => self.hold(link),
            What::Baseline => self.held_before(link, result),
            What::Mode => self.told_mode(link, result),
            What::Arm => self.is_armed(link),
            What::Renew => self.standing.figures.timers_set += 1,
            What::Key => self.told_key(link, result),
            What::Keep => {}
            What::Command { place, asked } => {
                self.expects_word(link, pending.sent_ns);
                self.done(*place, *asked, result);
            }
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
            What::Query { number, step } => {
                self.not_told(*number, step, status, fault);
                self.may_be_barred(link, status, fault);
            }
            What::Time => {
                self.learn_from(status, fault);
            }
            What::Renew => {
                self.learn_from(status, fault);
                self.not_renewed(fault.msg.to_string());
                self.may_be_barred(link, status, fault);
            }
            What::Keep => self.not_kept(link, status, fault),
            What::LogOn | What::Subscribe | What::Baseline | What::Mode | What::Arm | What::Key => {
                let (code, text) = (fault.code, fault.msg.to_string());
                let trouble = match self.learn_from(status, fault) {
                    Meaning::Keys => Trouble::Keys(code, text),
                    Meaning::Clock => Trouble::Clock(text),
                    // It may be otherwise the next time.
                    Meaning::Unknown | Meaning::TooOften if pending.is_call => {
                        Trouble::Link(Closed::Broken)
                    }
                    _ => Trouble::LogOn(code, text),
                };
                if self.links.next == Some(link) {
                    self.next_failed(trouble);
                }
            }
        }
    }

    /// Where the account is listened to by a link of its own, nobody says that a key was taken
    /// back: whoever may not even ask with it has no session.
    fn may_be_barred(&mut self, link: usize, status: u16, fault: &Fault<'_>) {
        let profile = self.settings.profile;
        let meaning = meaning_with(profile.codes, status, fault.code, &fault.msg);
        if profile.ears.is_some() && meaning == Meaning::Keys {
            self.has_failed(link, Trouble::Keys(fault.code, fault.msg.to_string()));
        }
    }

    /// Nobody knows what became of a request that was no command.
    pub(super) fn unanswered(&mut self, pending: &Pending) {
        match &pending.what {
            What::Query { number, .. } => self.fail(*number),
            What::Renew => self.not_renewed("no answer".to_owned()),
            What::Mode | What::Arm | What::Key | What::Baseline
                if self.links.next == Some(pending.link) =>
            {
                self.next_failed(Trouble::Link(Closed::Broken));
            }
            _ => {}
        }
    }
}
