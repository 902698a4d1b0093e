//! Every order as it was sent, and what was heard of it: what we hold against the venue's own list.

use std::collections::{HashMap, VecDeque};

use qt_engine::Command;
use qt_types::{
    ExecId, InstrumentId, Nanos, OrderId, Qty, RejectReason, Replace, Report, ReportKind, Side,
};
use serde::{Deserialize, Serialize};

/// Orders that are over and still remembered.
const ENDED_KEPT: usize = 1_024;
/// Executions for which there is room from the start.
const EXECS_MAX: usize = 16_384;

/// How far an order has come, as far as the venue has told us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stand {
    /// Sent, and not answered.
    Sent,
    /// At the venue.
    Live,
    /// Nobody knows.
    Unknown,
    /// Over.
    Ended,
}

/// An order, or a part of one, under the id that it has at the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Our id.
    pub order: OrderId,
    /// What it trades.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Total quantity in lots.
    pub qty: Qty,
    /// Lots that were executed and not taken back.
    pub filled: Qty,
    /// Lots of which the venue has said, at its end, that they were executed.
    pub told: Qty,
    /// How far it has come.
    pub stand: Stand,
    /// Whether somebody said that it is over, however much of it is filled.
    pub is_done: bool,
    /// Whether the venue has ever said that it has it.
    pub was_there: bool,
    /// When it was sent (UTC ns).
    pub sent_ns: Nanos,
    /// A cancel that was not answered, and when it is to be sent once more (UTC ns).
    pub cancel: Option<(Command, Nanos)>,
    /// A change that was not answered, and when it was sent (UTC ns).
    pub replace: Option<(Replace, Nanos)>,
    /// The newest change that was reported, where the venue numbers them.
    pub revision: ExecId,
    /// When the venue is to be asked about it (UTC ns).
    pub ask_ns: Nanos,
    /// The execution that was heard of last.
    last_exec: Option<ExecId>,
}

impl Line {
    fn new(order: OrderId, instrument: InstrumentId, side: Side, qty: Qty, sent_ns: Nanos) -> Self {
        Self {
            order,
            instrument,
            side,
            qty,
            filled: Qty::ZERO,
            told: Qty::ZERO,
            stand: Stand::Sent,
            is_done: false,
            was_there: false,
            sent_ns,
            cancel: None,
            replace: None,
            revision: ExecId(0),
            ask_ns: Nanos::MAX,
            last_exec: None,
        }
    }

    /// Whether something was sent about it that nobody has answered.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        let is_asked = self.cancel.is_some() || self.replace.is_some();
        matches!(self.stand, Stand::Sent | Stand::Unknown) || (is_asked && self.is_open())
    }

    /// Whether it is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.stand != Stand::Ended
    }

    /// Whether something about it must be missing here: more was executed than its total, or not
    /// as much as the venue says.
    #[must_use]
    pub fn is_strange(&self) -> bool {
        self.filled > self.qty || self.filled < self.told
    }

    /// `command` about it has left, and is to be answered by `due_ns` (UTC).
    pub(super) fn left(&mut self, command: &Command, due_ns: Nanos) {
        self.ask_ns = self.ask_ns.min(due_ns);
        if self.is_open() && matches!(command, Command::Cancel(_)) {
            self.cancel = Some((*command, due_ns));
        }
    }

    /// What `report` answers.
    fn take(&mut self, report: &Report) {
        use ReportKind as Kind;
        match report.kind {
            Kind::Unknown if self.is_open() => self.stand = Stand::Unknown,
            // Said once more it is no answer to a cancel: it was doubled on the way.
            Kind::Accepted | Kind::Filled | Kind::Corrected if self.is_open() => {
                self.stand = Stand::Live;
            }
            // An older one than was heard of: it came late.
            Kind::Replaced if report.exec.0 != 0 && report.exec <= self.revision => {}
            Kind::Replaced => {
                self.revision = self.revision.max(report.exec);
                (self.qty, self.replace) = (report.qty, None);
                if self.is_open() {
                    self.stand = Stand::Live;
                }
            }
            // One that fits both is about the cancel.
            Kind::RequestRejected => {
                let is_change = report.reason == RejectReason::InvalidReplace;
                // A cancel that overtook its order on the way there is repeated.
                let is_early = report.reason == RejectReason::UnknownOrder
                    && matches!(self.stand, Stand::Sent | Stand::Unknown);
                if is_change || self.cancel.is_none() {
                    self.replace = None;
                } else if !is_early {
                    self.cancel = None;
                }
            }
            _ => {}
        }
        self.was_there |=
            !matches!(report.kind, Kind::Rejected | Kind::Unknown | Kind::RequestRejected);
    }
}

/// What is known of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    No,
    /// It stands.
    Stands,
    /// It was taken back.
    Busted,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Exec {
    qty: Qty,
    /// Whether it was taken back.
    is_busted: bool,
    /// The one before it of the same order.
    before: Option<ExecId>,
}

/// All of them. Its memory is taken at the start, for orders that are executed in no more parts
/// than usual.
#[derive(Debug)]
pub struct Blotter {
    lines: Vec<Line>,
    /// Where the line of an order is.
    places: HashMap<OrderId, usize>,
    left: Vec<usize>,
    ended: VecDeque<OrderId>,
    /// Executions are forgotten with the line of their order, and not before: one that is
    /// forgotten would be counted once more.
    execs: HashMap<(OrderId, ExecId), Exec>,
    /// The newest order that was sent, of those that are no part of another.
    newest: u64,
}

impl Blotter {
    /// An empty one for at most `open_max` open orders.
    #[must_use]
    pub fn new(open_max: usize) -> Self {
        // An order that is worked in parts leaves one part after the other behind.
        let room = open_max * 2 + ENDED_KEPT;
        Self {
            lines: Vec::with_capacity(room),
            places: HashMap::with_capacity(room * 2),
            left: Vec::with_capacity(room),
            ended: VecDeque::with_capacity(ENDED_KEPT + 1),
            execs: HashMap::with_capacity(EXECS_MAX),
            newest: 0,
        }
    }

    /// Takes note that `command` leaves at `now_ns` (UTC). False for a new order under an id that
    /// has been used: it must not leave.
    #[must_use]
    pub fn sent(&mut self, command: &Command, now_ns: Nanos) -> bool {
        match command {
            Command::New(new) => {
                return self.insert(Line::new(
                    new.order,
                    new.instrument,
                    new.side,
                    new.qty,
                    now_ns,
                ));
            }
            Command::Cancel(cancel) => {
                if let Some(line) = self.open_mut(cancel.cancel.order) {
                    line.cancel = Some((*command, now_ns));
                }
            }
            Command::Replace(change) => {
                if let Some(line) = self.open_mut(change.replace.order) {
                    line.replace = Some((change.replace, now_ns));
                }
            }
        }
        true
    }

    fn insert(&mut self, line: Line) -> bool {
        // The ids of whole orders rise; parts of one are numbered one after the other.
        let (is_part, number) = (line.order.is_part(), line.order.get());
        if self.places.contains_key(&line.order) || (!is_part && number <= self.newest) {
            return false;
        }
        if !is_part {
            self.newest = number;
        }
        let place = match self.left.pop() {
            Some(place) => {
                self.lines[place] = line;
                place
            }
            None => {
                self.lines.push(line);
                self.lines.len() - 1
            }
        };
        self.places.insert(line.order, place);
        true
    }

    /// Takes in what the venue, or we ourselves, say of an order. False where there is no such
    /// order.
    pub fn told(&mut self, report: &Report) -> bool {
        let Some(&place) = self.places.get(&report.order) else { return false };
        let moved = match report.kind {
            ReportKind::Filled => self.note(place, report.exec, report.qty, false),
            ReportKind::Busted => self.note(place, report.exec, report.qty, true),
            ReportKind::Corrected => {
                self.note(place, report.of, Qty::ZERO, true)
                    + self.note(place, report.exec, report.qty, false)
            }
            _ => 0,
        };
        let line = &mut self.lines[place];
        let was_open = line.is_open();
        line.filled = Qty::from_lots(line.filled.lots().saturating_add(moved));
        line.take(report);
        if matches!(report.kind, ReportKind::Rejected | ReportKind::Cancelled | ReportKind::Expired)
        {
            (line.is_done, line.told) = (true, report.qty);
        }
        let is_over = line.filled == line.qty || (line.is_done && !line.is_strange());
        match (was_open, is_over) {
            (true, true) => {
                (line.stand, line.cancel, line.replace) = (Stand::Ended, None, None);
                self.close(report.order);
            }
            // What had filled it was taken back, or it was made larger.
            (false, false) => {
                line.stand = Stand::Live;
                self.ended.retain(|&order| order != report.order);
            }
            _ => {}
        }
        true
    }

    /// The order is over, and there is nothing to tell of it.
    pub fn end(&mut self, order: OrderId) {
        if let Some(line) = self.open_mut(order) {
            (line.stand, line.is_done) = (Stand::Ended, true);
            self.close(order);
        }
    }

    /// Takes note of an execution, or that it was taken back; how many lots that moves.
    fn note(&mut self, place: usize, exec: ExecId, qty: Qty, is_busted: bool) -> i64 {
        let line = &mut self.lines[place];
        if let Some(known) = self.execs.get_mut(&(line.order, exec)) {
            let is_moved = is_busted && !known.is_busted;
            known.is_busted |= is_busted;
            return if is_moved { -known.qty.lots() } else { 0 };
        }
        let before = line.last_exec.replace(exec);
        self.execs.insert((line.order, exec), Exec { qty, is_busted, before });
        if is_busted { 0 } else { qty.lots() }
    }

    fn close(&mut self, order: OrderId) {
        self.ended.push_back(order);
        if self.ended.len() > ENDED_KEPT
            && let Some(oldest) = self.ended.pop_front()
            && let Some(place) = self.places.remove(&oldest)
        {
            let mut exec = self.lines[place].last_exec;
            while let Some(of) = exec {
                exec = self.execs.remove(&(oldest, of)).and_then(|exec| exec.before);
            }
            self.left.push(place);
        }
    }

    /// Whether nothing was ever sent.
    #[must_use]
    pub const fn is_unused(&self) -> bool {
        self.newest == 0
    }

    /// The line of `order`, unless it was forgotten.
    #[must_use]
    pub fn line(&self, order: OrderId) -> Option<&Line> {
        self.places.get(&order).map(|&place| &self.lines[place])
    }

    /// The same, to be changed.
    pub fn line_mut(&mut self, order: OrderId) -> Option<&mut Line> {
        self.places.get(&order).map(|&place| &mut self.lines[place])
    }

    fn open_mut(&mut self, order: OrderId) -> Option<&mut Line> {
        self.line_mut(order).filter(|line| line.is_open())
    }

    /// The lines of all orders that are not over.
    pub fn open(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.is_open())
    }

    /// The same, to be changed.
    pub fn open_lines_mut(&mut self) -> impl Iterator<Item = &mut Line> {
        self.lines.iter_mut().filter(|line| line.is_open())
    }

    /// What is known of execution `exec` of `order`.
    #[must_use]
    pub fn knows(&self, order: OrderId, exec: ExecId) -> Known {
        match self.execs.get(&(order, exec)) {
            None => Known::No,
            Some(Exec { is_busted: true, .. }) => Known::Busted,
            Some(_) => Known::Stands,
        }
    }
}

mod stored;
#[cfg(test)]
mod tests;
