//! Questions of the engine as requests, and what comes back as parts of answers.

use qt_engine::{Answer, GatewayEvent, Question, VenueOrder};
use qt_types::{Nanos, OrderId};

use super::OrderMachine;
use super::budget::Purpose;
use super::codes::Meaning;
use super::profile::Way;
use super::queries::Param;
use super::session::What;
use super::submit::speaks_of_rules;
use super::tracker::Owner;
use super::wire::Fault;
use crate::client_id::ClientId;
use crate::machine::Method;

/// Questions that are answered at a time, at most.
const ASKING_MAX: usize = 64;
/// Executions are asked for so many windows back, at most.
const HISTORY_WINDOWS: i64 = 7;
/// So many symbols one by one weigh more than all of them at once.
const fn asks_all(symbols: usize, one: u64, all: u64) -> bool {
    symbols as u64 * one > all
}

/// A part of a question, which is one request.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// An order by the name that it has after so many changes. `before`: the one whose place it
    /// may have taken.
    Order { place: usize, order: OrderId, revision: u16, before: Option<VenueOrder> },
    /// The executions of an order of the venue's.
    OrderTrades { place: usize, order: OrderId },
    /// Open orders: of all symbols, or of one.
    Open,
    /// Executions of a window of time (ms).
    Window { place: usize, from_ms: i64 },
    /// Executions from a number on.
    From { place: usize },
    /// Whose the venue's order is.
    Owner { place: usize, number: u64 },
    /// All balances.
    Balances,
    /// All positions.
    Positions,
    /// What was paid for positions since then (UTC ms).
    Fundings { from_ms: i64 },
}

/// An execution whose owner is not known yet.
#[derive(Clone, Debug)]
pub(super) struct Parked {
    pub(super) place: usize,
    pub(super) number: u64,
    pub(super) row: String,
}

/// A question that is being answered.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) number: u32,
    question: Question,
    /// Requests that were not answered.
    waits: u32,
    pub(super) parked: Vec<Parked>,
    /// How far back the answer goes (UTC ns).
    reaches_ns: Nanos,
}

impl OrderMachine {
    /// Asks the venue; the parts of the answer are events.
    pub fn ask(&mut self, number: u32, question: Question, now_ns: Nanos) {
        self.now_ns = now_ns;
        // Whoever asks the same again has given the first one up.
        if let Some(same) = self.asking.iter().position(|it| it.question == question) {
            self.asking.swap_remove(same);
        }
        if self.asking.len() >= ASKING_MAX {
            return self.emit(GatewayEvent::Answer(number, Answer::Failed));
        }
        let (parked, reaches_ns) = (Vec::new(), Nanos::MIN);
        self.asking.push(Asking { number, question, waits: 0, parked, reaches_ns });
        match question {
            Question::Order { instrument, order } => match self.place_with(instrument) {
                Some(place) => {
                    let known = self.tracker.get(order).map_or(0, |it| it.revision);
                    self.ask_order(number, place, order, known, None);
                }
                None => self.fail(number),
            },
            Question::Open => self.ask_open(number),
            Question::Executions { since_ns } => self.ask_executions(number, since_ns),
            Question::Positions => {
                let (weights, asks) = (self.settings.profile.weights, self.settings.profile.asks);
                if let Some(positions) = asks.positions {
                    self.query(number, weights.positions, Step::Positions, positions.all, &[]);
                }
                self.query(number, weights.account, Step::Balances, asks.balances, &[]);
            }
        }
    }

    pub(super) fn symbol(&self, place: usize) -> String {
        self.settings.traded.get(place).map_or_else(String::new, |of| of.symbol.clone())
    }

    /// Sends a request for question `number`, which has failed where it cannot leave.
    pub(super) fn query(
        &mut self,
        number: u32,
        weight: u64,
        step: Step,
        way: Way,
        params: &[(&'static str, Param<'_>)],
    ) {
        if !self.asking.iter().any(|it| it.number == number) {
            // Another part of it has failed.
            return;
        }
        let venue_ns = self.venue_ns();
        let may = self.budget.is_open(self.now_ns)
            && self.budget.take(Purpose::Question, weight, venue_ns);
        let Some(link) = self.links.current.filter(|_| may) else { return self.fail(number) };
        let what = What::Query { number, step };
        match way {
            Way::Socket(method) => {
                let request = self.next_number();
                let at_ms = i64::try_from(self.venue_ms(self.now_ns)).unwrap_or(0);
                let text = self.queries.own(request, method, params, at_ms);
                self.send_to(link, request, what, text);
            }
            Way::Rest(path) => {
                let texts = params.iter().map(|(name, value)| (*name, value.text()));
                let texts: Vec<(&str, String)> = texts.collect();
                let params: Vec<(&str, &str)> =
                    texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
                self.call(link, what, Method::Get, path, &params);
            }
        }
        if let Some(asking) = self.asking.iter_mut().find(|it| it.number == number) {
            asking.waits += 1;
        }
    }

    pub(super) fn ask_order(
        &mut self,
        number: u32,
        place: usize,
        order: OrderId,
        revision: u16,
        before: Option<VenueOrder>,
    ) {
        let (symbol, id) = (self.symbol(place), ClientId::new(order, revision));
        let params =
            [("symbol", Param::Text(&symbol)), ("origClientOrderId", Param::Text(id.as_str()))];
        let step = Step::Order { place, order, revision, before };
        let (weight, way) = (self.settings.profile.weights.order, self.settings.profile.asks.order);
        self.query(number, weight, step, way, &params);
    }

    fn ask_open(&mut self, number: u32) {
        let (weights, way) = (self.settings.profile.weights, self.settings.profile.asks.open);
        let symbols = self.settings.traded.len();
        if asks_all(symbols, weights.open, weights.open_all) {
            return self.query(number, weights.open_all, Step::Open, way, &[]);
        }
        for place in 0..symbols {
            let symbol = self.symbol(place);
            let params = [("symbol", Param::Text(&symbol))];
            self.query(number, weights.open, Step::Open, way, &params);
        }
    }

    /// No further back than is worth its weight: for older ones the orders themselves are asked
    /// about. Whoever knows of no time at all has no orders yet.
    fn ask_executions(&mut self, number: u32, since_ns: Nanos) {
        let window_ms = self.settings.profile.window_ms;
        let now_ms = i64::try_from(self.venue_ms(self.now_ns)).unwrap_or(i64::MAX);
        let since_ms = since_ns.get().div_euclid(1_000_000);
        let windows = if since_ms <= 0 { 1 } else { HISTORY_WINDOWS };
        let from_ms = since_ms.max(now_ms.saturating_sub(windows * window_ms)).max(0);
        if let Some(asking) = self.asking.iter_mut().find(|it| it.number == number) {
            asking.reaches_ns = Nanos::new(from_ms.saturating_mul(1_000_000));
        }
        for place in 0..self.settings.traded.len() {
            self.ask_window(number, place, from_ms);
        }
        if self.fundings.is_awaited() {
            self.ask_fundings(number, from_ms);
        }
    }

    pub(super) fn ask_window(&mut self, number: u32, place: usize, from_ms: i64) {
        let symbol = self.symbol(place);
        // Both ends belong to it.
        let to_ms = from_ms.saturating_add(self.settings.profile.window_ms - 1);
        let params = [
            ("symbol", Param::Text(&symbol)),
            ("startTime", Param::Number(from_ms)),
            ("endTime", Param::Number(to_ms)),
            ("limit", Param::Number(self.settings.profile.page_rows as i64)),
        ];
        let (weight, way) =
            (self.settings.profile.weights.trades, self.settings.profile.asks.trades);
        self.query(number, weight, Step::Window { place, from_ms }, way, &params);
    }

    pub(super) fn ask_from(&mut self, number: u32, place: usize, from: i64) {
        let symbol = self.symbol(place);
        let params = [
            ("symbol", Param::Text(&symbol)),
            ("fromId", Param::Number(from)),
            ("limit", Param::Number(self.settings.profile.page_rows as i64)),
        ];
        let (weight, way) =
            (self.settings.profile.weights.trades, self.settings.profile.asks.trades);
        self.query(number, weight, Step::From { place }, way, &params);
    }

    pub(super) fn part(&mut self, number: u32, answer: Answer) {
        if self.asking.iter().any(|it| it.number == number) {
            self.emit(GatewayEvent::Answer(number, answer));
        }
    }

    /// A request of question `number` was answered; with the last one the question is.
    fn done_with(&mut self, number: u32) {
        let Some(at) = self.asking.iter().position(|it| it.number == number) else { return };
        self.asking[at].waits = self.asking[at].waits.saturating_sub(1);
        if self.asking[at].waits == 0 {
            let reaches_ns = self.asking.swap_remove(at).reaches_ns;
            self.standing.figures.answered += 1;
            let end = Answer::End { reaches_ns };
            self.emit(GatewayEvent::Answer(number, end));
        }
    }

    /// Question `number` will not be answered: what came of it counts for nothing.
    pub(super) fn fail(&mut self, number: u32) {
        let Some(at) = self.asking.iter().position(|it| it.number == number) else { return };
        self.asking.swap_remove(at);
        self.standing.figures.failed += 1;
        self.emit(GatewayEvent::Answer(number, Answer::Failed));
    }

    pub(super) fn fail_all(&mut self) {
        while let Some(number) = self.asking.last().map(|it| it.number) {
            self.fail(number);
        }
    }

    /// The answer to a part of question `number`.
    pub(super) fn told(&mut self, number: u32, step: &Step, result: &str) {
        if !self.asking.iter().any(|it| it.number == number) {
            return;
        }
        let is_read = match *step {
            Step::Order { place, order, revision, .. } => {
                self.told_order(number, place, (order, revision), result)
            }
            Step::OrderTrades { place, order } => {
                self.told_trades(number, place, Some(order), result).is_some()
            }
            Step::Open => self.told_open(number, result),
            Step::Window { place, from_ms } => self.told_window(number, place, from_ms, result),
            Step::From { place } => self.told_page(number, place, result),
            Step::Owner { place, number: of } => self.told_owner(number, place, of, result),
            Step::Balances => self.told_balances(number, result),
            Step::Positions => self.told_positions(number, result),
            Step::Fundings { from_ms } => self.told_fundings(number, from_ms, result),
        };
        if is_read {
            self.done_with(number);
        } else {
            self.standing.figures.unfit += 1;
            self.fail(number);
        }
    }

    /// The venue would not answer a part of question `number`.
    pub(super) fn not_told(&mut self, number: u32, step: &Step, status: u16, fault: &Fault<'_>) {
        let meaning = self.learn_from(status, fault);
        // An instrument that is gone cannot be asked about either.
        self.standing.figures.rules_refused += u64::from(speaks_of_rules(meaning));
        if !self.asking.iter().any(|it| it.number == number) {
            return;
        }
        match (meaning, step) {
            (Meaning::NoOrder, Step::Order { order, revision, before, .. }) => {
                if let Some(before) = before {
                    if self.may_come_yet(*order, *revision) {
                        return self.fail(number);
                    }
                    if let Some(tracked) = self.tracker.get_mut(*order) {
                        tracked.replacing = None;
                    }
                    self.part(number, Answer::Order(*before));
                }
                self.done_with(number);
            }
            // Whoever had it, the venue has forgotten: it was nobody of ours who is still there.
            (Meaning::NoOrder, Step::Owner { place, number: of }) => {
                self.tracker.owns(*place, *of, Owner::Other);
                self.unpark(number, *place, *of, Owner::Other);
                self.done_with(number);
            }
            _ => self.fail(number),
        }
    }

    /// Whether the order that takes the place of another may still be on its way.
    pub(super) fn may_come_yet(&self, order: OrderId, revision: u16) -> bool {
        let Some(tracked) = self.tracker.get(order) else { return false };
        let is_next = tracked.revision.checked_add(1) == Some(revision);
        let window_ns = i64::from(self.settings.recv_window_ms) * 1_000_000;
        // A second for both clocks and what the venue takes to show what it has taken.
        let until_ns = |handed_ns: Nanos| handed_ns.saturating_add_ns(window_ns + 1_000_000_000);
        let replacing = tracked.replacing.filter(|_| is_next);
        replacing.is_some_and(|it| until_ns(it.handed_ns) > self.now_ns)
    }
}
