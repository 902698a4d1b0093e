//! The plan: asked at every place, answers what goes wrong there now.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::kind::Fault;
use super::rule::{Params, Rule};
use super::{Hook, Place};
use crate::exchange::Nanos;

/// Most rules of a plan.
pub const RULES_MAX: usize = 1_000;

const MS: Nanos = 1_000_000;

/// What goes wrong here and now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What.
    pub fault: Fault,
    /// What it needs to know.
    pub params: Params,
    /// The rule, by its place in the plan.
    pub rule: usize,
    /// Which question of the occurrence it is, from zero.
    pub nth: u64,
    /// How many the occurrence has, where the rule says so.
    pub count: u64,
    /// Until when the occurrence lasts, where the rule says so.
    pub until_ns: Option<Nanos>,
    /// By how much a clock is off now.
    pub off_ns: Nanos,
    /// Of which symbol the rule is.
    pub symbol: Option<String>,
    /// Of which account the rule is.
    pub account: Option<String>,
}

impl Action {
    /// How much later, in ns; `default_ms` where the rule does not say.
    #[must_use]
    pub fn delay_ns(&self, default_ms: u64) -> Nanos {
        ns(self.params.delay_ms.unwrap_or(default_ms))
    }

    /// How long to wait, in ns; `default_ms` where the rule does not say.
    #[must_use]
    pub fn retry_ns(&self, default_ms: u64) -> Nanos {
        ns(self.params.retry_ms.unwrap_or(default_ms))
    }
}

/// Milliseconds of a rule in ns; a thousand years are for ever.
fn ns(ms: u64) -> Nanos {
    Nanos::try_from(ms).unwrap_or(Nanos::MAX).saturating_mul(MS).min(Nanos::MAX / 4)
}

/// How a rule has fared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleState {
    /// What goes wrong by it.
    pub what: &'static str,
    /// How many questions fitted it.
    pub asked: u64,
    /// How many occurrences there were.
    pub occurred: u64,
    /// To how many questions it was the answer.
    pub done: u64,
    /// Whether nothing more comes of it.
    pub is_over: bool,
}

/// A rule and how it has fared.
#[derive(Clone, Debug)]
struct Entry {
    rule: Rule,
    asked: u64,
    occurred: u64,
    done: u64,
    /// What is left of the occurrence of now.
    left: u64,
    until_ns: Option<Nanos>,
    began_ns: Nanos,
    nth: u64,
    /// The next of its times.
    due_ns: Nanos,
}

/// A plan of what goes wrong.
#[derive(Clone, Debug)]
pub struct Plan {
    start_ns: Nanos,
    random: ChaCha8Rng,
    entries: Vec<Entry>,
}

impl Plan {
    /// A plan by which nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Vec::new(), 0, 0)
    }

    /// A plan of `rules` from `start_ns` on, chance by `seed`. Rules above [`RULES_MAX`] and those
    /// without a fault do not count.
    #[must_use]
    pub fn new(rules: Vec<Rule>, seed: u64, start_ns: Nanos) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        let mut plan = Self { start_ns, random, entries: Vec::new() };
        for rule in rules {
            plan.add(rule, start_ns);
        }
        plan
    }

    /// Adds a rule whose times count from `now_ns`. Says whether there was room.
    pub fn add(&mut self, rule: Rule, now_ns: Nanos) -> bool {
        if self.entries.len() >= RULES_MAX || rule.what.is_none() {
            return false;
        }
        let due_ns = now_ns.saturating_add(ns(rule.at_ms));
        let until_ns = None;
        let (asked, occurred, done, left, nth) = (0, 0, 0, 0, 0);
        let began_ns = now_ns;
        let entry = Entry { rule, asked, occurred, done, left, until_ns, began_ns, nth, due_ns };
        self.entries.push(entry);
        true
    }

    /// The plan begins at `start_ns`: to be said before the first question.
    pub fn start(&mut self, start_ns: Nanos) {
        self.start_ns = start_ns;
        for entry in &mut self.entries {
            entry.began_ns = start_ns;
            entry.due_ns = start_ns.saturating_add(ns(entry.rule.at_ms));
        }
    }

    /// Nothing more goes wrong.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// What goes wrong at `hook` now: of the first rule that has something. The rules behind it
    /// count the question and keep what they would have done for the next one.
    pub fn at(&mut self, hook: &Hook<'_>, now_ns: Nanos) -> Option<Action> {
        let mut found = None;
        for at in 0..self.entries.len() {
            let entry = &mut self.entries[at];
            if !entry.fits(hook) {
                continue;
            }
            if let Some(action) = entry.ask(at, now_ns, &mut self.random, found.is_some()) {
                found = Some(action);
            }
        }
        found
    }

    /// What goes wrong with the exchange itself now: the occurrences that begin. Symbols and
    /// accounts of rules say there what is meant, and every call is a question.
    pub fn due(&mut self, now_ns: Nanos) -> Vec<Action> {
        let hook = Hook::new(Place::Exchange);
        let mut due = Vec::new();
        for at in 0..self.entries.len() {
            let entry = &mut self.entries[at];
            if entry.fits(&hook)
                && let Some(action) = entry.ask(at, now_ns, &mut self.random, false)
                && action.nth == 0
            {
                due.push(action);
            }
        }
        due
    }

    /// What `action` is about was not there, and nothing went wrong: it does not count, and the
    /// next question makes up for it.
    pub fn missed(&mut self, action: &Action) {
        if let Some(entry) = self.entries.get_mut(action.rule) {
            entry.take_back(action.nth == 0);
        }
    }

    /// Whether `what` goes on at `hook` now, or begins by the time alone: for what happens whether
    /// somebody asks or not.
    pub fn goes_on(&mut self, what: Fault, hook: &Hook<'_>, now_ns: Nanos) -> Option<Action> {
        let mut entries = self.entries.iter_mut().enumerate();
        entries.find_map(|(at, entry)| {
            let is_meant = entry.rule.what == Some(what) && entry.fits(hook);
            let is_timed = entry.until_ns.is_some() || !entry.rule.counts();
            let random = &mut self.random;
            (is_meant && is_timed).then(|| entry.ask(at, now_ns, random, false)).flatten()
        })
    }

    /// Whether any rule brings `what`.
    #[must_use]
    pub fn brings(&self, what: Fault) -> bool {
        self.entries.iter().any(|entry| entry.rule.what == Some(what))
    }

    /// Whether any rule is about `place`: a wire that has much to send asks once.
    #[must_use]
    pub fn has(&self, place: Place) -> bool {
        self.entries.iter().any(|entry| entry.rule.what.is_some_and(|what| what.place() == place))
    }

    /// How the rules have fared, in their order.
    #[must_use]
    pub fn state(&self) -> Vec<RuleState> {
        let state = |entry: &Entry| RuleState {
            what: entry.rule.what.map_or("", Fault::text),
            asked: entry.asked,
            occurred: entry.occurred,
            done: entry.done,
            is_over: entry.is_over() && entry.left == 0,
        };
        self.entries.iter().map(state).collect()
    }
}

impl Entry {
    fn fits(&self, hook: &Hook<'_>) -> bool {
        let rule = &self.rule;
        let same = |wanted: &Option<String>, given: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| given == Some(wanted.as_str()))
        };
        if rule.what.is_none_or(|what| what.place() != hook.place) {
            return false;
        }
        hook.place == Place::Exchange
            || same(&rule.symbol, hook.symbol)
                && same(&rule.account, hook.account)
                && rule.connection.is_none_or(|wanted| hook.connection == Some(wanted))
                && rule.request.is_none_or(|wanted| hook.request == Some(wanted))
                && rule.stream.as_ref().is_none_or(|wanted| {
                    hook.stream.is_some_and(|stream| stream.contains(wanted.as_str()))
                })
    }

    fn is_over(&self) -> bool {
        let times = self.rule.times.unwrap_or(if self.rule.repeats() { u64::MAX } else { 1 });
        self.occurred >= times
    }

    /// Counts a question; its answer, unless somebody else has one.
    fn ask(
        &mut self,
        at: usize,
        now_ns: Nanos,
        random: &mut ChaCha8Rng,
        is_taken: bool,
    ) -> Option<Action> {
        let since = now_ns.saturating_sub(self.began_ns);
        let is_late = self.rule.until_ms.is_some_and(|until| since >= ns(until));
        if since < ns(self.rule.at_ms) {
            return None;
        }
        if self.until_ns.is_some_and(|until| now_ns >= until) {
            self.until_ns = None;
        }
        let goes_on = self.left > 0 || self.until_ns.is_some();
        if !goes_on {
            if is_late || self.is_over() {
                return None;
            }
            self.asked += 1;
            // Chance is drawn for every question: who else has an answer does not matter to it.
            if !self.is_due(now_ns, random) || is_taken {
                return None;
            }
            self.occurred += 1;
            self.nth = 0;
            match self.rule.for_ms {
                Some(length) => self.until_ns = Some(now_ns.saturating_add(ns(length))),
                None => self.left = self.rule.count.unwrap_or(1).max(1),
            }
            if let Some(every) = self.rule.every_ms {
                let every = ns(every).max(1);
                let missed = now_ns.saturating_sub(self.due_ns).max(0) / every + 1;
                self.due_ns = self.due_ns.saturating_add(missed.saturating_mul(every));
            }
        } else {
            self.asked += 1;
            if is_taken {
                return None;
            }
        }
        self.left = self.left.saturating_sub(1);
        self.done += 1;
        self.nth += 1;
        self.action(at, now_ns)
    }

    /// Forgets the last answer, with which an occurrence may have begun.
    fn take_back(&mut self, is_begin: bool) {
        self.done = self.done.saturating_sub(1);
        self.nth = self.nth.saturating_sub(1);
        if is_begin {
            self.occurred = self.occurred.saturating_sub(1);
            (self.left, self.until_ns) = (0, None);
            self.due_ns = self.began_ns.saturating_add(ns(self.rule.at_ms));
        } else if self.until_ns.is_none() {
            self.left += 1;
        }
    }

    /// Whether an occurrence begins with the question just counted.
    fn is_due(&self, now_ns: Nanos, random: &mut ChaCha8Rng) -> bool {
        let rule = &self.rule;
        if let Some(chance) = rule.chance_e6 {
            return random.random_range(0..1_000_000_u32) < chance;
        }
        if rule.every_ms.is_some() {
            return now_ns >= self.due_ns;
        }
        let after = rule.after.unwrap_or(1).max(1);
        match rule.every {
            None => self.asked >= after,
            Some(every) => {
                // A question that another rule has answered is made up for by the next one.
                let come = self.asked.checked_sub(after);
                come.is_some_and(|come| come / every.max(1) + 1 > self.occurred)
            }
        }
    }

    fn action(&self, rule: usize, now_ns: Nanos) -> Option<Action> {
        let params = self.rule.params.clone();
        let since = i128::from(now_ns.saturating_sub(self.began_ns));
        let drift = since * i128::from(params.ppm.unwrap_or(0)) / 1_000_000;
        let skew = i128::from(params.by_ms.unwrap_or(0)) * i128::from(MS);
        Some(Action {
            fault: self.rule.what?,
            rule,
            nth: self.nth - 1,
            count: self.rule.count.unwrap_or(1),
            until_ns: self.until_ns,
            off_ns: Nanos::try_from(drift + skew).unwrap_or(0),
            symbol: self.rule.symbol.clone(),
            account: self.rule.account.clone(),
            params,
        })
    }
}
