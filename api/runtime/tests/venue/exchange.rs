//! A small exchange in memory, behind a gateway whose link loses, doubles, delays and cuts by a
//! plan. It shares nothing with the simulated venue.

use std::collections::BTreeMap;

use qt_engine::{Answer, Command, Delivery, GatewayEvent, Question, VenueOrder, VenueState};
use qt_types::{
    Cash, ExecId, InstrumentId, Nanos, OrderId, OrderKind, Price, Qty, RejectReason, Report,
    ReportKind, Side,
};

use crate::dice::Dice;
use crate::plan::Plan;

pub const MILLI: i64 = 1_000_000;
pub const SECOND: i64 = 1_000 * MILLI;

/// An order on its books.
#[derive(Clone, Debug)]
pub struct Booked {
    pub number: u64,
    pub client: OrderId,
    pub instrument: InstrumentId,
    pub side: Side,
    pub qty: i64,
    pub executed: i64,
    pub price: i64,
    pub state: VenueState,
}

/// An execution.
#[derive(Clone, Copy, Debug)]
pub struct Traded {
    pub delivery: Delivery,
    pub at_ns: i64,
}

/// What is on its way to it.
#[derive(Clone, Debug)]
pub(crate) enum Inbound {
    Submit(Command, i64),
    Ask(u32, Question, u32),
}

pub struct Exchange {
    pub plan: Plan,
    dice: Dice,
    pub(crate) now_ns: i64,
    turn: u64,
    /// The link's number; what was sent over an earlier one does not arrive.
    pub(crate) link: u32,
    pub(crate) is_up: bool,
    /// It looks up, and nothing comes.
    pub(crate) is_silent: bool,
    /// No link is made before then.
    pub down_until_ns: i64,
    pub(crate) to_it: BTreeMap<(i64, u64), Inbound>,
    pub(crate) to_us: BTreeMap<(i64, u64), (u32, GatewayEvent)>,
    pub orders: Vec<Booked>,
    pub trades: Vec<Traded>,
    pub positions: Vec<i64>,
    /// How many requests for a new order have arrived, by our id.
    pub arrived: BTreeMap<OrderId, u32>,
    pub cancels: u64,
    /// What was sent to it over a link that stood, in order.
    pub left: Vec<&'static str>,
    /// So many cancels more do not arrive.
    pub lose_cancels: u32,
    /// The position that must never be possible, in lots.
    pub most: i64,
    pub(crate) next_fill_ns: i64,
    pub(crate) next_cut_ns: i64,
    pub(crate) next_sign_ns: i64,
}

pub(crate) const SIGN_NS: i64 = SECOND;
const PRICE: i64 = 1_000;

impl Exchange {
    pub fn new(seed: u64, plan: Plan, now_ns: i64) -> Self {
        let mut exchange = Self {
            plan,
            dice: Dice::new(seed),
            now_ns,
            turn: 0,
            link: 0,
            is_up: false,
            is_silent: false,
            down_until_ns: 0,
            to_it: BTreeMap::new(),
            to_us: BTreeMap::new(),
            orders: Vec::new(),
            trades: Vec::new(),
            positions: vec![0; 2],
            arrived: BTreeMap::new(),
            cancels: 0,
            left: Vec::new(),
            lose_cancels: 0,
            most: i64::MAX,
            next_fill_ns: i64::MAX,
            next_cut_ns: i64::MAX,
            next_sign_ns: i64::MAX,
        };
        exchange.replan(exchange.plan.clone());
        exchange
    }

    pub fn replan(&mut self, plan: Plan) {
        self.plan = plan;
        self.next_fill_ns = self.after(self.plan.fill_every_ns);
        self.next_cut_ns = self.after(self.plan.cut_every_ns);
    }

    fn after(&mut self, every_ns: i64) -> i64 {
        if every_ns == 0 { i64::MAX } else { self.now_ns + self.dice.between(1, 2 * every_ns) }
    }

    pub(crate) fn turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    /// The link goes, for `ns`; `is_told` says whether the gateway notices.
    pub fn cut(&mut self, ns: i64, is_told: bool) {
        self.down_until_ns = self.now_ns + ns;
        if self.is_up && !self.is_silent {
            if is_told {
                self.drop_link();
                let key = (self.now_ns, self.turn());
                self.to_us.insert(key, (self.link, GatewayEvent::Disconnected));
            } else {
                self.is_silent = true;
            }
        }
    }

    /// What is on its way to it may still arrive; what is on its way to us does not.
    pub(crate) fn drop_link(&mut self) {
        (self.is_up, self.is_silent) = (false, false);
        self.link += 1;
        self.to_us.clear();
        let lost: Vec<(i64, u64)> =
            self.to_it.keys().copied().filter(|_| self.dice.is(500)).collect();
        for key in lost {
            self.to_it.remove(&key);
        }
    }

    fn send(&mut self, event: GatewayEvent, delay_ns: i64) {
        if self.is_up && !self.is_silent {
            let key = (self.now_ns + delay_ns, self.turn());
            self.to_us.insert(key, (self.link, event));
        }
    }

    fn report(&mut self, instrument: InstrumentId, report: Report) {
        let (venue_ns, recv_ns) = (Nanos::new(self.now_ns), Nanos::MIN);
        let delivery = Delivery { instrument, venue_ns, recv_ns, report };
        if report.exec.0 != 0 && matches!(report.kind, ReportKind::Filled | ReportKind::Busted) {
            self.trades.push(Traded { delivery, at_ns: self.now_ns });
        }
        let times = 1 + u64::from(self.dice.is(self.plan.double_report));
        for _ in 0..times {
            if !self.dice.is(self.plan.lose_report) {
                let mut delay_ns = 2 * MILLI;
                if self.dice.is(self.plan.late) {
                    delay_ns += self.dice.between(0, self.plan.late_ns);
                }
                self.send(GatewayEvent::Report(delivery), delay_ns);
            }
        }
    }

    /// Executes `lots` of order `at`.
    pub fn fill(&mut self, at: usize, lots: i64) {
        let order = &mut self.orders[at];
        order.executed += lots;
        if order.executed == order.qty {
            order.state = VenueState::Filled;
        }
        let (client, instrument, leaves) =
            (order.client, order.instrument, order.qty - order.executed);
        let price = if order.price == 0 { PRICE } else { order.price };
        self.positions[instrument.index()] += order.side.sign() * lots;
        let mut report = Report::plain(client, ReportKind::Filled, RejectReason::None);
        report.exec = ExecId(self.trades.len() as u64 + 1);
        (report.price, report.qty) = (Price::from_ticks(price), Qty::from_lots(lots));
        (report.leaves, report.fee) = (Qty::from_lots(leaves), Cash::from_nano(7));
        self.report(instrument, report);
    }

    /// Takes trade `at` back.
    pub fn bust(&mut self, at: usize) {
        let Delivery { instrument, report, .. } = self.trades[at].delivery;
        let is_gone = |it: &Traded| {
            let it = it.delivery.report;
            it.kind == ReportKind::Busted && it.exec == report.exec
        };
        if report.kind != ReportKind::Filled || self.trades.iter().any(is_gone) {
            return;
        }
        let order = self.orders.iter_mut().find(|it| it.client == report.order).expect("its order");
        order.executed -= report.qty.lots();
        if order.state == VenueState::Filled {
            // It does not come back to the book.
            order.state = VenueState::Cancelled(RejectReason::TradeBusted);
        }
        self.positions[instrument.index()] -= order.side.sign() * report.qty.lots();
        let (client, executed, state) = (order.client, order.executed, order.state);
        self.report(instrument, Report { kind: ReportKind::Busted, ..report });
        if state == VenueState::Cancelled(RejectReason::TradeBusted) {
            self.end(
                client,
                instrument,
                executed,
                ReportKind::Cancelled,
                RejectReason::TradeBusted,
            );
        }
    }

    fn end(
        &mut self,
        client: OrderId,
        instrument: InstrumentId,
        executed: i64,
        kind: ReportKind,
        reason: RejectReason,
    ) {
        let report = Report::plain(client, kind, reason);
        self.report(instrument, Report { qty: Qty::from_lots(executed), ..report });
    }

    /// Plays everything up to `now_ns`.
    pub(crate) fn run_to(&mut self, now_ns: i64) {
        loop {
            let arrival = self.to_it.keys().next().map_or(i64::MAX, |key| key.0);
            let next = arrival.min(self.next_fill_ns).min(self.next_cut_ns).min(self.next_sign_ns);
            if next > now_ns {
                break;
            }
            self.now_ns = self.now_ns.max(next);
            if next == arrival {
                if let Some((_, inbound)) = self.to_it.pop_first() {
                    self.arrive(inbound);
                }
            } else if next == self.next_fill_ns {
                self.next_fill_ns = self.after(self.plan.fill_every_ns);
                self.fill_something();
            } else if next == self.next_cut_ns {
                self.next_cut_ns = self.after(self.plan.cut_every_ns);
                let ns = self.dice.between(self.plan.cut_ns.0, self.plan.cut_ns.1);
                let is_told = !self.dice.is(self.plan.silent);
                self.cut(ns, is_told);
            } else {
                self.next_sign_ns = self.now_ns + SIGN_NS;
                let clock_ns = Nanos::new(self.now_ns + self.plan.clock_ns);
                let (venue_ns, at_ns) = (Some(clock_ns), Nanos::MIN);
                self.send(GatewayEvent::Heard { venue_ns, at_ns }, MILLI);
            }
        }
        self.now_ns = now_ns;
    }

    fn fill_something(&mut self) {
        let is_open = |it: &(usize, &Booked)| it.1.state == VenueState::Open;
        let open: Vec<usize> =
            self.orders.iter().enumerate().filter(is_open).map(|it| it.0).collect();
        if !open.is_empty() {
            let at = open[self.dice.below(open.len() as u64) as usize];
            let left = self.orders[at].qty - self.orders[at].executed;
            let lots = self.dice.between(1, left);
            self.fill(at, lots);
        }
        if !self.trades.is_empty() && self.dice.is(self.plan.bust) {
            // Of late: what happened long ago stands.
            let newest = self.trades.len() as u64;
            let at = newest - 1 - self.dice.below(newest.min(8));
            self.bust(at as usize);
        }
    }

    fn arrive(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Submit(command, sent_ns) => {
                if self.now_ns - sent_ns <= self.plan.window_ns {
                    self.take(&command);
                }
            }
            Inbound::Ask(number, question, link) if link == self.link => {
                self.answer(number, question)
            }
            Inbound::Ask(..) => {}
        }
    }

    fn take(&mut self, command: &Command) {
        self.obey(command);
        for side in [Side::Buy, Side::Sell] {
            let open = self.orders.iter().filter(|it| it.state == VenueState::Open);
            let open = open.filter(|it| it.side == side);
            let lots = open.map(|it| it.qty - it.executed).sum::<i64>();
            let worst = self.positions[0] * side.sign() + lots;
            assert!(worst <= self.most || lots == 0, "{worst} lots are possible: {command:?}");
        }
    }

    fn obey(&mut self, command: &Command) {
        let (client, instrument) = (command.order(), command.instrument());
        let open =
            self.orders.iter().position(|it| it.client == client && it.state == VenueState::Open);
        match (command, open) {
            (Command::New(new), None) => {
                *self.arrived.entry(client).or_default() += 1;
                let price = match new.kind {
                    OrderKind::Limit { price } => price.ticks(),
                    _ => 0,
                };
                let number = self.orders.len() as u64 + 1;
                let (side, qty, state) = (new.side, new.qty.lots(), VenueState::Open);
                let executed = 0;
                let at = self.orders.len();
                let order =
                    Booked { number, client, instrument, side, qty, executed, price, state };
                self.orders.push(order);
                self.report(
                    instrument,
                    Report::plain(client, ReportKind::Accepted, RejectReason::None),
                );
                if price == 0 {
                    let first = self.dice.between(1, qty);
                    self.fill(at, first);
                    if first < qty {
                        self.fill(at, qty - first);
                    }
                }
            }
            (Command::New(_), Some(_)) => {
                *self.arrived.entry(client).or_default() += 1;
            }
            (Command::Cancel(_), Some(at)) => {
                self.cancels += 1;
                self.orders[at].state = VenueState::Cancelled(RejectReason::Requested);
                let executed = self.orders[at].executed;
                let (kind, reason) = (ReportKind::Cancelled, RejectReason::Requested);
                self.end(client, instrument, executed, kind, reason);
            }
            (Command::Replace(change), Some(at))
                if change.replace.qty.lots() > self.orders[at].executed =>
            {
                let OrderKind::Limit { price } = change.replace.kind else { return };
                (self.orders[at].qty, self.orders[at].price) =
                    (change.replace.qty.lots(), price.ticks());
                let mut report = Report::plain(client, ReportKind::Replaced, RejectReason::None);
                (report.price, report.qty) = (price, change.replace.qty);
                self.report(instrument, report);
            }
            (Command::Replace(_), _) => {
                let (kind, reason) = (ReportKind::RequestRejected, RejectReason::InvalidReplace);
                self.report(instrument, Report::plain(client, kind, reason));
            }
            (Command::Cancel(_), None) => {
                let (kind, reason) = (ReportKind::RequestRejected, RejectReason::UnknownOrder);
                self.report(instrument, Report::plain(client, kind, reason));
            }
        }
    }

    fn answer(&mut self, number: u32, question: Question) {
        if self.dice.is(self.plan.lose_answer) {
            return;
        }
        let mut parts = Vec::new();
        let since_ns = self.now_ns.saturating_sub(self.plan.history_ns);
        let reaches_ns = Nanos::new(since_ns);
        match question {
            Question::Order { order, .. } => {
                // With an id that was used again the last one is the order.
                let found = self.orders.iter().rev().find(|it| it.client == order);
                parts.extend(found.map(|it| Answer::Order(it.told())));
                let of_order = |it: &&Traded| it.delivery.report.order == order;
                let trades = self.trades.iter().filter(of_order).filter(|it| it.at_ns >= since_ns);
                parts.extend(trades.map(|it| Answer::Execution(it.delivery)));
            }
            Question::Open => {
                let open = self.orders.iter().filter(|it| it.state == VenueState::Open);
                parts.extend(open.map(|it| Answer::Order(it.told())));
            }
            Question::Executions { since_ns: from_ns } => {
                let from_ns = from_ns.get().max(since_ns);
                let trades = self.trades.iter().filter(|it| it.at_ns >= from_ns);
                parts.extend(trades.map(|it| Answer::Execution(it.delivery)));
            }
            Question::Positions => {
                let held = self.positions.iter().enumerate().filter(|it| *it.1 != 0);
                parts.extend(held.map(|(at, lots)| {
                    Answer::Position(InstrumentId(at as u16), Qty::from_lots(*lots))
                }));
            }
        }
        let end = if self.dice.is(self.plan.fail_answer) {
            parts.truncate(parts.len() / 2);
            Answer::Failed
        } else {
            Answer::End { reaches_ns }
        };
        let mut delay_ns = self.dice.between(MILLI, 4 * MILLI);
        if self.dice.is(self.plan.late) {
            delay_ns += self.plan.late_ns;
        }
        for part in parts.into_iter().chain([end]) {
            self.send(GatewayEvent::Answer(number, part), delay_ns);
        }
    }

    pub(crate) fn leave(&mut self, inbound: Inbound) {
        if !self.is_up {
            return;
        }
        self.left.push(match inbound {
            Inbound::Submit(Command::New(_), _) => "new",
            Inbound::Submit(Command::Replace(_), _) => "replace",
            Inbound::Submit(Command::Cancel(_), _) => "cancel",
            Inbound::Ask(..) => "ask",
        });
        if self.dice.is(self.plan.lose_request) {
            return;
        }
        if self.is_silent && self.dice.is(500) {
            return;
        }
        let mut delay_ns = self.dice.between(MILLI, 3 * MILLI);
        if let Inbound::Submit(command, _) = &inbound {
            if matches!(command, Command::Cancel(_)) && self.lose_cancels > 0 {
                self.lose_cancels -= 1;
                return;
            }
            delay_ns += self.plan.slow_command_ns;
        }
        let key = (self.now_ns + delay_ns, self.turn());
        self.to_it.insert(key, inbound);
    }

    /// Orders of others, for tests.
    pub fn place_by_hand(&mut self, lots: i64) -> usize {
        let number = self.orders.len() as u64 + 1;
        self.orders.push(Booked {
            number,
            client: OrderId::NONE,
            instrument: InstrumentId(0),
            side: Side::Buy,
            qty: lots,
            executed: 0,
            price: PRICE,
            state: VenueState::Open,
        });
        self.orders.len() - 1
    }

    pub fn open(&self) -> Vec<OrderId> {
        let open = self.orders.iter().filter(|it| it.state == VenueState::Open);
        open.map(|it| it.client).collect()
    }
}

impl Booked {
    fn told(&self) -> VenueOrder {
        VenueOrder {
            order: self.client,
            number: self.number,
            instrument: self.instrument,
            side: self.side,
            state: self.state,
            qty: Qty::from_lots(self.qty),
            executed: Qty::from_lots(self.executed),
            price: Price::from_ticks(self.price),
        }
    }
}
