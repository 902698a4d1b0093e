//! Trades that were made while no link stood: the first one over the new link says how many they
//! are. They are asked for by their numbers and told in their order, and what comes meanwhile is
//! told behind them. What cannot be had is counted.

use qt_codec::Update;
use qt_types::Nanos;

use super::requests::Purpose;
use super::{Due, Market};

/// Trades of a page, and pages that are asked for at most.
const PAGE: u64 = 1_000;
const PAGES_MAX: u32 = 10;
/// How long what comes meanwhile waits at most, and how much of it.
const PATIENCE_NS: i64 = 10_000_000_000;
const HELD_MAX: usize = 1 << 15;

/// What is known of trades between two links.
#[derive(Debug, Default)]
pub(super) enum Missing {
    /// None are missing.
    #[default]
    Nothing,
    /// The link went: the next trade says how many.
    Unsure,
    /// They are being asked for.
    Some(Box<Hunt>),
}

/// Trades that are being asked for.
#[derive(Debug)]
pub(super) struct Hunt {
    /// The number of the next one, and of the first that came over the new link.
    next: u64,
    until: u64,
    /// The request that is under way.
    call: Option<u32>,
    pages: u32,
    /// The venue would not give them by number: the last ones are asked for.
    is_by_last: bool,
    until_ns: Nanos,
    /// What came meanwhile.
    held: Vec<Update>,
}

impl Market {
    /// Whether a trade waits for those that were made before it.
    pub(super) fn is_held_back(&mut self, at: usize, update: &Update) -> bool {
        let instrument = &mut self.instruments[at];
        match &mut instrument.missing {
            Missing::Nothing => false,
            Missing::Some(hunt) => {
                hunt.held.push(*update);
                self.is_restless |= hunt.held.len() >= HELD_MAX;
                true
            }
            Missing::Unsure => {
                let next = instrument.last_trade.saturating_add(1);
                let is_first = instrument.last_trade == 0;
                instrument.missing = Missing::Nothing;
                if is_first || update.sequence <= next || !instrument.is_told() {
                    return false;
                }
                instrument.missing = Missing::Some(Box::new(Hunt {
                    next,
                    until: update.sequence,
                    call: None,
                    pages: 0,
                    is_by_last: false,
                    until_ns: Nanos::MAX,
                    held: vec![*update],
                }));
                self.is_restless = true;
                true
            }
        }
    }

    /// The link is gone: what comes over the next one may not follow what came over this one.
    pub(super) fn doubt_trades(&mut self, now_ns: Nanos) {
        if self.profile.past_trades.is_none() {
            return;
        }
        for at in 0..self.instruments.len() {
            self.end_hunt(at, now_ns);
            self.instruments[at].missing = Missing::Unsure;
        }
    }

    /// Asks for what is missing, or gives it up.
    pub(super) fn plan_trades(&mut self, now_ns: Nanos, due: &mut Due) {
        let Some(past) = self.profile.past_trades else { return };
        for at in 0..self.instruments.len() {
            let Missing::Some(hunt) = &mut self.instruments[at].missing else { continue };
            if hunt.until_ns == Nanos::MAX {
                hunt.until_ns = now_ns.saturating_add_ns(PATIENCE_NS);
            }
            if hunt.until_ns <= now_ns || hunt.held.len() >= HELD_MAX {
                self.end_hunt(at, now_ns);
                continue;
            }
            due.at(hunt.until_ns);
            if hunt.call.is_some() {
                continue;
            }
            let (next, is_by_last) = (hunt.next, hunt.is_by_last);
            if let Err(until_ns) = self.budget.take(past.weight, now_ns) {
                due.at(until_ns);
                continue;
            }
            let (profile, name) = (&self.profile, &self.instruments[at].name);
            let from = (!is_by_last).then_some(next);
            let url = profile.protocol.trades_url(profile, name, PAGE, from);
            let asked = self.call(Purpose::Trades(at), url, PATIENCE_NS, now_ns);
            if let Missing::Some(hunt) = &mut self.instruments[at].missing {
                hunt.call = Some(asked);
            }
        }
    }

    /// There was an answer, or none.
    pub(super) fn trades_answered(
        &mut self,
        at: usize,
        call: u32,
        answer: Option<&[u8]>,
        now_ns: Nanos,
    ) {
        let Some(instrument) = self.instruments.get_mut(at) else { return };
        let Missing::Some(hunt) = &mut instrument.missing else { return };
        if hunt.call != Some(call) {
            return;
        }
        hunt.call = None;
        hunt.pages += 1;
        let Some(like) = hunt.held.first().copied() else { return };
        let (next, until) = (hunt.next, hunt.until);
        let read = answer.and_then(|body| self.profile.protocol.trades(body, &like));
        let Some(mut found) = read else {
            // Not every key may ask by number, and nobody has one here.
            let was_by_last = std::mem::replace(&mut hunt.is_by_last, true);
            if was_by_last {
                self.end_hunt(at, now_ns);
            }
            return;
        };
        found.retain(|trade| (next..until).contains(&trade.sequence));
        found.sort_unstable_by_key(|trade| trade.sequence);
        found.dedup_by_key(|trade| trade.sequence);
        let after = found.last().map_or(next, |last| last.sequence.saturating_add(1));
        hunt.next = after;
        let is_over =
            after >= until || found.is_empty() || hunt.is_by_last || hunt.pages >= PAGES_MAX;
        self.tell_found(at, &found, next, now_ns);
        if is_over {
            self.end_hunt(at, now_ns);
        }
    }

    /// Tells trades that were found, of which the first should have the number `next`.
    fn tell_found(&mut self, at: usize, found: &[Update], mut next: u64, now_ns: Nanos) {
        let hunt = std::mem::take(&mut self.instruments[at].missing);
        for trade in found {
            self.figures.trades_missing += trade.sequence.saturating_sub(next);
            self.figures.trades_fetched += 1;
            next = trade.sequence.saturating_add(1);
            self.message = self.message.wrapping_add(1);
            self.tell(at, trade, now_ns);
        }
        self.instruments[at].missing = hunt;
    }

    /// No more is asked for: what has come meanwhile is told.
    fn end_hunt(&mut self, at: usize, now_ns: Nanos) {
        let missing = std::mem::take(&mut self.instruments[at].missing);
        let Missing::Some(hunt) = missing else {
            self.instruments[at].missing = missing;
            return;
        };
        let count = hunt.until.saturating_sub(hunt.next);
        if count > 0 {
            self.figures.trades_missing += count;
            let symbol = &self.instruments[at].name;
            tracing::warn!(symbol, count, "trades between two links could not be had");
        }
        for trade in &hunt.held {
            self.message = self.message.wrapping_add(1);
            self.tell(at, trade, now_ns);
        }
    }
}
