//! Asks the venue what it has: open orders, executions, single orders, positions. What comes back
//! is kept until it is whole, then compared with what we have ([`super::resolve`]).

use std::collections::VecDeque;

use qt_engine::{Answer, Delivery, Gate, Halt, Question, Strategy, VenueOrder};
use qt_types::{InstrumentId, InstrumentSpec, Nanos, OrderId, Qty};

use super::driver::Driver;
use super::link::{FULL_NS, Phase};
use super::port::Request;

/// Questions that are under way at a time, at most: venues count them.
const ASKED_MAX: usize = 8;
/// Parts of answers that are kept, at most. A venue that tells more is not understood.
const PARTS_MAX: usize = 1 << 16;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything.
    All,
    /// Orders that nobody has answered about.
    Orders,
}

/// How far a comparison has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Step {
    #[default]
    Idle,
    /// The list of open orders and that of executions are being fetched.
    Lists,
    /// Single orders are being asked about.
    Orders,
    /// All orders are known; the positions are being fetched.
    Positions,
    /// Something was not as it should be; the next comparison begins then (UTC ns).
    Pause(Nanos),
}

/// Something at the venue that we cannot explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// An open order that is not ours.
    Foreign(VenueOrder),
    /// An order of ours that is open at the venue, and over as far as we know.
    Orphan(VenueOrder),
    /// The venue has executed more of an order than it tells executions of.
    MissingExecutions {
        /// The order.
        order: OrderId,
        /// What it trades.
        instrument: InstrumentId,
        /// What the venue has executed of it.
        venue: Qty,
        /// What we know of.
        ours: Qty,
        /// How far back the venue's memory reaches (UTC ns).
        reaches_ns: Nanos,
    },
    /// We know of more executions of an order than the venue.
    FilledMore {
        /// The order.
        order: OrderId,
        /// What it trades.
        instrument: InstrumentId,
        /// What the venue has executed of it.
        venue: Qty,
        /// What we know of.
        ours: Qty,
    },
    /// The venue had the order and does not know it any more.
    Forgotten {
        /// The order.
        order: OrderId,
        /// What it trades.
        instrument: InstrumentId,
    },
    /// The venue tells of more than anybody could compare.
    TooMuch,
    /// The position is not the sum of the fills.
    Position {
        /// Of what.
        instrument: InstrumentId,
        /// What the venue says, in lots.
        venue: Qty,
        /// What our fills come to, with what is beside the run, in lots.
        ours: Qty,
    },
}

impl Break {
    /// Whether it is the same as `other`, whenever each was found: what both sides have goes on
    /// while orders are filled, by how much they differ does not.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.essence() == other.essence()
    }

    /// What it is, what it is about, and by how many lots both sides differ.
    fn essence(&self) -> (std::mem::Discriminant<Self>, u64, i64) {
        let (about, off) = match *self {
            Self::Foreign(it) | Self::Orphan(it) => (it.number, 0),
            Self::MissingExecutions { order, venue, ours, .. }
            | Self::FilledMore { order, venue, ours, .. } => {
                (order.get(), venue.lots() - ours.lots())
            }
            Self::Forgotten { order, .. } => (order.get(), 0),
            Self::TooMuch => (0, 0),
            Self::Position { instrument, venue, ours } => {
                (u64::from(instrument.0), venue.lots() - ours.lots())
            }
        };
        (std::mem::discriminant(self), about, off)
    }

    /// What is wrong and what can be done, for a person. `specs`: the units of the run.
    #[must_use]
    pub fn text(&self, specs: &[InstrumentSpec]) -> String {
        let symbol = |of: InstrumentId| {
            specs
                .get(of.index())
                .map_or_else(|| format!("instrument {}", of.0), |spec| spec.symbol().to_owned())
        };
        let lots = |of: InstrumentId, qty: Qty| {
            specs
                .get(of.index())
                .map_or_else(|| format!("{} lots", qty.lots()), |spec| spec.qty_text(qty))
        };
        match *self {
            Self::Foreign(it) => format!(
                "order {} at the venue ({} {} {}) is not ours: cancel it there, or allow orders \
                 of others in the account",
                it.number,
                it.side.text(),
                lots(it.instrument, it.qty),
                symbol(it.instrument)
            ),
            Self::Orphan(it) => format!(
                "order {} (the venue's {}, {} {} {}) is open at the venue and over as far as we \
                 know: cancel it there",
                it.order,
                it.number,
                it.side.text(),
                lots(it.instrument, it.qty),
                symbol(it.instrument)
            ),
            Self::MissingExecutions { order, instrument, venue, ours, reaches_ns } => format!(
                "the venue has executed {} of order {order} in {}, we know of {}, and its list of \
                 executions begins at {}: book what is missing by hand, or begin a new journal",
                lots(instrument, venue),
                symbol(instrument),
                lots(instrument, ours),
                qt_journal::utc(reaches_ns)
            ),
            Self::FilledMore { order, instrument, venue, ours } => format!(
                "the venue has executed {} of order {order} in {}, and we know of {}: an execution \
                 was taken back that it does not tell of; book that by hand",
                lots(instrument, venue),
                symbol(instrument),
                lots(instrument, ours)
            ),
            Self::Forgotten { order, instrument } => format!(
                "the venue had order {order} in {} and does not know it any more: look there what \
                 became of it",
                symbol(instrument)
            ),
            Self::TooMuch => format!(
                "the venue tells of more than {PARTS_MAX} orders, executions and positions that \
                 are news to us: it is not the right account, or cancel there what is not needed"
            ),
            Self::Position { instrument, venue, ours } => format!(
                "the position in {} is {} at the venue, and our fills come to {}: somebody else \
                 traded in the account, or executions are missing",
                symbol(instrument),
                lots(instrument, venue),
                lots(instrument, ours)
            ),
        }
    }
}

/// A question that is under way.
#[derive(Clone, Copy, Debug)]
struct Asked {
    number: u32,
    question: Question,
    at_ns: Nanos,
}

/// An order as the venue has told it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// The number of the question.
    number: u32,
    /// When it was asked (UTC ns): what has happened there since is not in it.
    pub(super) asked_ns: Nanos,
    pub(super) order: VenueOrder,
}

/// What is asked and what has come back.
#[derive(Debug, Default)]
pub(super) struct Reconciler {
    pub(super) step: Step,
    scope: Option<Scope>,
    last: u32,
    to_ask: VecDeque<Question>,
    asked: Vec<Asked>,
    /// Questions that were refused, or for which there was no room, wait until then (UTC ns).
    not_before_ns: Nanos,
    /// How long they waited last (ns).
    pause_ns: i64,
    /// Whether the venue tells of more than is kept.
    is_overflown: bool,
    /// Orders as the venue has told them.
    pub(super) orders: Vec<Told>,
    pub(super) executions: Vec<(u32, Delivery)>,
    pub(super) positions: Vec<(u32, InstrumentId, Qty)>,
    /// Orders that were asked about, and when (UTC ns): an order that is not in `orders` the venue
    /// did not know then.
    pub(super) looked_up: Vec<(OrderId, Nanos)>,
    /// Whether orders were asked about a second time, because of what had come to light.
    pub(super) is_second: bool,
    /// How far back the venue's memory reaches (UTC ns).
    pub(super) reaches_ns: Nanos,
    /// What cannot be explained so far.
    pub(super) breaks: Vec<Break>,
    /// Comparisons in a row that found the same wrong.
    pub(super) tries: u32,
    /// Comparisons in a row that found anything wrong.
    pub(super) failures: u32,
}

impl Reconciler {
    /// The link is gone, and with it what was under way.
    pub(super) fn stop(&mut self) {
        self.begin(Step::Idle, None);
    }

    fn begin(&mut self, step: Step, scope: Option<Scope>) {
        (self.step, self.scope) = (step, scope);
        self.to_ask.clear();
        self.asked.clear();
        self.orders.clear();
        self.executions.clear();
        self.positions.clear();
        self.looked_up.clear();
        self.breaks.clear();
        self.is_second = false;
        self.is_overflown = false;
        self.reaches_ns = Nanos::MIN;
    }

    pub(super) fn is_of_all(&self) -> bool {
        self.scope == Some(Scope::All)
    }

    /// Whether questions are under way.
    pub(super) fn is_busy(&self) -> bool {
        !matches!(self.step, Step::Idle | Step::Pause(_))
    }

    /// The order as the venue has told it last.
    pub(super) fn found(&self, order: OrderId) -> Option<Told> {
        self.orders.iter().rev().copied().find(|it| it.order.order == order)
    }

    pub(super) fn ask_positions(&mut self) {
        self.step = Step::Positions;
        self.to_ask.push_back(Question::Positions);
    }

    fn is_answered(&self) -> bool {
        self.to_ask.is_empty() && self.asked.is_empty()
    }

    /// Takes in a part of an answer. Whether the question was refused and has to be asked again.
    fn take(&mut self, number: u32, answer: Answer) -> bool {
        let Some(at) = self.asked.iter().position(|asked| asked.number == number) else {
            // Of a question that was given up.
            return false;
        };
        let parts = self.orders.len() + self.executions.len() + self.positions.len();
        match answer {
            Answer::Order(_) | Answer::Execution(_) | Answer::Position(..)
                if parts >= PARTS_MAX =>
            {
                self.is_overflown = true;
            }
            Answer::Order(order) => {
                let asked_ns = self.asked[at].at_ns;
                self.orders.push(Told { number, asked_ns, order });
            }
            Answer::Execution(delivery) => self.executions.push((number, delivery)),
            Answer::Position(instrument, qty) => self.positions.push((number, instrument, qty)),
            Answer::End { reaches_ns } => {
                let asked = self.asked.swap_remove(at);
                self.pause_ns = 0;
                self.reaches_ns = self.reaches_ns.max(reaches_ns);
                if let Question::Order { order, .. } = asked.question {
                    self.looked_up.push((order, asked.at_ns));
                }
            }
            Answer::Failed => return self.ask_again(at),
        }
        false
    }

    /// What came of the question so far counts for nothing.
    fn ask_again(&mut self, at: usize) -> bool {
        let Asked { number, question, .. } = self.asked.swap_remove(at);
        self.orders.retain(|part| part.number != number);
        self.executions.retain(|part| part.0 != number);
        self.positions.retain(|part| part.0 != number);
        self.to_ask.push_back(question);
        true
    }
}

impl<S: Strategy, G: Gate> Driver<S, G> {
    /// Begins to compare everything, unless that is under way.
    pub(super) fn compare_all(&mut self) {
        if self.reconciler.is_busy() && self.reconciler.is_of_all() {
            return;
        }
        self.figures.comparisons += 1;
        self.reconciler.begin(Step::Lists, Some(Scope::All));
        let since_ns = self.link.in_step_ns.saturating_add_ns(-self.settings.history_ns);
        self.reconciler.to_ask.push_back(Question::Open);
        self.reconciler.to_ask.push_back(Question::Executions { since_ns });
    }

    /// Asks about `orders` alone, unless something else is being asked.
    pub(super) fn look_up(&mut self, orders: &[OrderId]) {
        if self.reconciler.step == Step::Idle {
            self.reconciler.begin(Step::Orders, Some(Scope::Orders));
            self.ask_about(|line| orders.contains(&line.order));
        }
    }

    pub(super) fn ask_about(&mut self, which: impl Fn(&super::blotter::Line) -> bool) {
        for order in self.lines_where(which) {
            let Some(line) = self.blotter.line(order) else { continue };
            let question = Question::Order { instrument: line.instrument, order };
            self.reconciler.to_ask.push_back(question);
        }
    }

    /// A part of an answer has come.
    pub(super) fn answered(&mut self, number: u32, answer: Answer) {
        if matches!(answer, Answer::Execution(delivery) if !self.is_news(&delivery)) {
            // A long history is told at a start, and most of it is known.
            return;
        }
        if self.reconciler.take(number, answer) {
            self.figures.questions_repeated += 1;
            self.pause_questions();
        }
    }

    /// A question was refused: the next one waits, twice as long as the last time. Whoever asks too
    /// often is shut out.
    fn pause_questions(&mut self) {
        let (now_ns, settings) = (self.watch.now_ns(), &self.settings);
        let it = &mut self.reconciler;
        if it.not_before_ns <= now_ns {
            let (least_ns, most_ns) = (settings.attempt_ns, settings.retry_max_ns);
            it.pause_ns = it.pause_ns.saturating_mul(2).min(most_ns).max(least_ns);
            it.not_before_ns = now_ns.saturating_add_ns(it.pause_ns);
        }
    }

    /// Asks what is to be asked, and goes on where all is answered.
    pub(super) fn compare(&mut self) -> Result<(), Halt> {
        let now_ns = self.watch.now_ns();
        if let Step::Pause(until_ns) = self.reconciler.step {
            if until_ns <= now_ns {
                self.compare_all();
            } else {
                return Ok(());
            }
        }
        let late_ns = now_ns.saturating_add_ns(-self.settings.question_ns);
        while let Some(at) = self.reconciler.asked.iter().position(|it| it.at_ns <= late_ns) {
            self.reconciler.ask_again(at);
            self.figures.questions_repeated += 1;
        }
        self.ask(now_ns);
        while self.reconciler.step != Step::Idle && self.reconciler.is_answered() {
            match self.reconciler.step {
                Step::Idle | Step::Pause(_) => return Ok(()),
                _ if self.reconciler.is_overflown => {
                    self.reconciler.breaks.push(Break::TooMuch);
                    self.conclude()?;
                }
                Step::Lists => self.list_is_there(),
                Step::Orders => self.orders_are_there()?,
                Step::Positions => self.positions_are_there()?,
            }
            self.ask(now_ns);
        }
        Ok(())
    }

    fn ask(&mut self, now_ns: Nanos) {
        while self.reconciler.asked.len() < ASKED_MAX
            && self.reconciler.not_before_ns <= now_ns
            && let Some(question) = self.reconciler.to_ask.front().copied()
        {
            let number = self.reconciler.last.wrapping_add(1);
            if !self.port.request(Request::Ask(number, question)) {
                self.reconciler.not_before_ns = now_ns.saturating_add_ns(FULL_NS);
                return;
            }
            self.figures.questions += 1;
            self.reconciler.last = number;
            self.reconciler.to_ask.pop_front();
            self.reconciler.asked.push(Asked { number, question, at_ns: now_ns });
        }
    }

    /// Orders that are open with us and not in the list, or of which the venue has executed more
    /// or less than we know, are asked about one by one.
    fn list_is_there(&mut self) {
        self.reconciler.step = Step::Orders;
        let Self { blotter, reconciler, .. } = &*self;
        let in_list = |line: &super::blotter::Line| {
            let it = reconciler.orders.iter().find(|it| it.order.order == line.order);
            it.is_some_and(|it| it.order.executed == line.filled)
        };
        let orders: Vec<OrderId> =
            blotter.open().filter(|line| !in_list(line)).map(|line| line.order).collect();
        self.ask_about(|line| orders.contains(&line.order));
    }

    /// When something of a comparison is due next (UTC ns).
    pub(super) fn next_of_comparison_ns(&self) -> Nanos {
        let asked = self.reconciler.asked.iter();
        let late = asked.map(|it| it.at_ns.saturating_add_ns(self.settings.question_ns)).min();
        let pause = match self.reconciler.step {
            Step::Pause(until_ns) => until_ns,
            _ => Nanos::MAX,
        };
        let can_ask = !self.reconciler.to_ask.is_empty() && self.reconciler.asked.len() < ASKED_MAX;
        let again = if can_ask { self.reconciler.not_before_ns } else { Nanos::MAX };
        // While something is being asked, nothing else is.
        let is_idle = self.link.phase == Phase::Ready && self.reconciler.step == Step::Idle;
        let lines = self.blotter.open().map(|line| line.ask_ns).min();
        let all_ns = if self.link.is_stopping { Nanos::MAX } else { self.link.compare_ns };
        let idle = lines.map_or(all_ns, |at_ns| at_ns.min(all_ns));
        let idle = if is_idle { idle } else { Nanos::MAX };
        pause.min(idle).min(again).min(late.unwrap_or(Nanos::MAX))
    }
}
