//! What looks for bugs: verification of the journal, both ways to make its run again, and sums
//! that have to come out whatever happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use qt_journal::{Intention, JournalReader, Record, verify};
use qt_runtime::parity;
use qt_runtime::rehearsal::{self, Origin};
use qt_types::{ControlKind, Event, KillState, OrderId, Payload, Report, ReportKind, Side};

use crate::world::{LOTS_MAX, Left, Ran, World};

/// All that is wrong with what a run left.
pub fn check(world: &World, left: &Left) -> Ran {
    let mut ran = Ran { fills: left.fills.len(), ..Ran::default() };
    match verify(&left.journal) {
        Ok(report) if report.is_whole() && report.cut.is_none() && report.is_ended => {}
        Ok(report) => ran.alarms.push(format!("verify: {report}")),
        Err(error) => ran.alarms.push(format!("verify: {error}")),
    }
    let (journal, stage) = (&left.journal, world.stage());
    match rehearsal::replay(journal, &stage, world.trader(), Origin::Start) {
        Ok(replay) if replay.differences == 0 => {}
        Ok(replay) => ran.alarms.push(format!("replay: {:?}", replay.first)),
        Err(error) => ran.alarms.push(format!("replay: {error}")),
    }
    match parity::compare(journal, &stage, world.trader(), &AtomicBool::new(false)) {
        Ok(parity) if parity.differences == 0 => {}
        Ok(parity) => ran.alarms.push(format!("parity: {:?}", parity.first)),
        Err(error) => ran.alarms.push(format!("parity: {error}")),
    }
    match Sums::of(left) {
        Ok(sums) => {
            ran.commands = sums.commands;
            ran.alarms.extend(sums.alarms);
        }
        Err(error) => ran.alarms.push(format!("sums: {error}")),
    }
    ran
}

/// What was confirmed must be there after a loss of power.
pub fn after_the_loss(left: &Left) -> Option<String> {
    match verify(&left.journal) {
        Ok(report) if report.damage.is_none() && report.last >= left.confirmed => None,
        Ok(report) => Some(format!("power: {} was confirmed: {report}", left.confirmed)),
        Err(error) => Some(format!("power: {} was confirmed: {error}", left.confirmed)),
    }
}

/// An order, as far as the journal tells of it.
#[derive(Default)]
struct Order {
    is_buy: bool,
    qty: i64,
    filled: i64,
    has_ended: bool,
}

#[derive(Default)]
struct Sums {
    alarms: Vec<String>,
    commands: u64,
    orders: BTreeMap<OrderId, Order>,
    fills: BTreeSet<u64>,
    last_seq: u64,
    is_killed: bool,
    position: i64,
    paid: i128,
    fees: i128,
}

impl Sums {
    fn of(left: &Left) -> Result<Self, qt_journal::JournalError> {
        let mut sums = Self::default();
        for entry in JournalReader::open(&left.journal, None)? {
            match entry?.record {
                Record::Event(event) => sums.event(&event),
                Record::Command(command) => {
                    if command.stamp.seq.get() != sums.last_seq {
                        sums.alarm("a command that does not follow from the last event");
                    }
                    sums.command(&command.intention);
                }
                _ => {}
            }
        }
        sums.close(left);
        Ok(sums)
    }

    fn alarm(&mut self, what: &str) {
        self.alarms.push(format!("sums: event {}: {what}", self.last_seq));
    }

    fn event(&mut self, event: &Event) {
        if event.seq.get() != self.last_seq + 1 {
            self.alarm("the next event has another number");
        }
        self.last_seq = event.seq.get();
        match event.payload {
            Payload::Report(report) => self.report(&report),
            Payload::Control(control) => {
                self.is_killed |=
                    matches!(control.kind, ControlKind::Trip { state: KillState::Halted, .. });
            }
            _ => {}
        }
    }

    fn report(&mut self, report: &Report) {
        let Some(order) = self.orders.get_mut(&report.order) else {
            return self.alarm("a report on an order that was never sent");
        };
        match report.kind {
            ReportKind::Filled if self.fills.insert(report.exec.0) => {
                let sign = if order.is_buy { 1 } else { -1 };
                let lots = report.qty.lots();
                order.filled += lots;
                self.position += sign * lots;
                self.paid += i128::from(sign * lots) * i128::from(report.price.ticks());
                self.fees += report.fee.nano();
                if order.filled + report.leaves.lots() != order.qty {
                    self.alarm("filled and open are not what was ordered");
                }
            }
            ReportKind::Cancelled | ReportKind::Rejected | ReportKind::Expired
                if std::mem::replace(&mut order.has_ended, true) =>
            {
                self.alarm("an order that ends twice");
            }
            _ => {}
        }
    }

    fn command(&mut self, intention: &Intention) {
        self.commands += 1;
        match intention {
            Intention::New(new) => {
                if self.is_killed {
                    self.alarm("an order after the kill switch was pulled");
                }
                if new.qty.lots() > LOTS_MAX {
                    self.alarm("an order above the limit");
                }
                let (is_buy, qty) = (new.side == Side::Buy, new.qty.lots());
                let order = Order { is_buy, qty, ..Order::default() };
                if self.orders.insert(new.order, order).is_some() {
                    self.alarm("an order that is sent twice");
                }
            }
            Intention::Cancel { cancel, .. } if !self.orders.contains_key(&cancel.order) => {
                self.alarm("a cancel of an order that was never sent");
            }
            _ => {}
        }
    }

    /// What the run's own books say must be the same.
    fn close(&mut self, left: &Left) {
        let signed = |side: Side, lots: i64| if side == Side::Buy { lots } else { -lots };
        let booked: (i128, i128) = left.fills.iter().fold((0, 0), |(paid, fees), fill| {
            let lots = signed(fill.side, fill.qty.lots());
            let value = i128::from(lots) * i128::from(fill.price.ticks());
            (paid + value, fees + fill.fee_amount.nano())
        });
        if self.fills.len() != left.fills.len() || self.position != left.position {
            self.alarm("fills and position are not those of the books");
        }
        if (self.paid, self.fees) != booked {
            self.alarm("money and fees are not those of the books");
        }
    }
}
