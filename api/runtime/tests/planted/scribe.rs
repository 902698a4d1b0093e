//! Keeps a run in a journal, and the bugs of that: what is written is not what happened.

use std::sync::{Arc, Mutex};

use qt_backtest::witness::{Decided, NotKept, Witness};
use qt_engine::Command;
use qt_journal::{CommandRecord, Intention, Journal, Mark, Record, Stamp};
use qt_types::{
    Cash, Control, ControlKind, Event, ExecId, KillState, Nanos, Payload, Qty, Report, ReportKind,
    Seq, Side, Target,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalBug {
    LosesAnEvent,
    DoublesAnEvent,
    SwapsTwoEvents,
    LosesACommand,
    DoublesACommand,
    SwapsASide,
    OneLotMore,
    CommandBeforeItsEvent,
    OldState,
    LosesAReport,
    FillAtAnotherPrice,
    FillWithoutAFee,
    FillTwice,
    FillOfMore,
    LosesADecision,
    AnotherTime,
}

impl JournalBug {
    pub const ALL: [Self; 16] = [
        Self::LosesAnEvent,
        Self::DoublesAnEvent,
        Self::SwapsTwoEvents,
        Self::LosesACommand,
        Self::DoublesACommand,
        Self::SwapsASide,
        Self::OneLotMore,
        Self::CommandBeforeItsEvent,
        Self::OldState,
        Self::LosesAReport,
        Self::FillAtAnotherPrice,
        Self::FillWithoutAFee,
        Self::FillTwice,
        Self::FillOfMore,
        Self::LosesADecision,
        Self::AnotherTime,
    ];
}

/// The event after which the kill switch is pulled.
pub const KILL_AFTER: u64 = 2_000;
/// It happens once, at the first chance from this event on.
const FROM: u64 = 700;

pub struct Scribe {
    pub journal: Arc<Mutex<Option<Journal>>>,
    pub bug: Option<JournalBug>,
    is_done: bool,
    held: Option<Event>,
    last_hash: u64,
    is_killed: bool,
}

impl Scribe {
    pub fn new(journal: Arc<Mutex<Option<Journal>>>, bug: Option<JournalBug>) -> Self {
        Self { journal, bug, is_done: false, held: None, last_hash: 0, is_killed: false }
    }

    fn put(&self, record: &Record) -> Result<(), NotKept> {
        let mut journal = self.journal.lock().map_err(|_| NotKept)?;
        let journal = journal.as_mut().ok_or(NotKept)?;
        let lsn = journal.append(record).map_err(|_| NotKept)?;
        match record {
            Record::Command(_) => journal.wait_durable(lsn).map_err(|_| NotKept),
            _ => Ok(()),
        }
    }

    /// Whether the bug's turn has come.
    fn strikes(&mut self, bug: JournalBug, seq: Seq) -> bool {
        let strikes = self.bug == Some(bug) && !self.is_done && seq.get() >= FROM;
        self.is_done |= strikes;
        strikes
    }

    /// What is written in place of a fill.
    fn misheard(&mut self, event: &Event, report: &Report) -> Report {
        let mut heard = *report;
        if self.strikes(JournalBug::FillAtAnotherPrice, event.seq) {
            heard.price = qt_types::Price::from_ticks(report.price.ticks() + 1);
        }
        if self.strikes(JournalBug::FillWithoutAFee, event.seq) {
            heard.fee = Cash::ZERO;
        }
        if self.strikes(JournalBug::FillOfMore, event.seq) {
            heard.qty = Qty::from_lots(report.qty.lots() + 1);
        }
        if self.strikes(JournalBug::FillTwice, event.seq) {
            heard.exec = ExecId(report.exec.0 + 1_000_000);
        }
        heard
    }
}

impl Witness for Scribe {
    fn sequenced(&mut self, event: &Event) -> Result<(), NotKept> {
        let mut event = *event;
        let seq = event.seq;
        if let Some(held) = self.held.take() {
            self.put(&Record::Event(event))?;
            return self.put(&Record::Event(held));
        }
        match event.payload {
            Payload::Report(report) if report.kind == ReportKind::Filled => {
                if self.bug == Some(JournalBug::FillTwice) && !self.is_done {
                    self.put(&Record::Event(event))?;
                }
                let heard = self.misheard(&event, &report);
                event.payload = Payload::Report(heard);
            }
            Payload::Report(_) if self.strikes(JournalBug::LosesAReport, seq) => return Ok(()),
            Payload::Control(_) if self.strikes(JournalBug::LosesADecision, seq) => return Ok(()),
            Payload::Tick(_) if self.strikes(JournalBug::LosesAnEvent, seq) => return Ok(()),
            Payload::Tick(_) if self.strikes(JournalBug::SwapsTwoEvents, seq) => {
                self.held = Some(event);
                return Ok(());
            }
            Payload::Tick(_) if self.strikes(JournalBug::DoublesAnEvent, seq) => {
                self.put(&Record::Event(event))?;
            }
            Payload::Report(_) if self.strikes(JournalBug::AnotherTime, seq) => {
                event.recv_ns = Nanos::new(event.recv_ns.get() + 1);
            }
            _ => {}
        }
        self.put(&Record::Event(event))
    }

    fn leaving(
        &mut self,
        commands: &[Command],
        seq: Seq,
        at_ns: Nanos,
        state: u64,
    ) -> Result<(), NotKept> {
        let mut stamp = Stamp { seq, at_ns };
        let old = std::mem::replace(&mut self.last_hash, state);
        let hash = if self.strikes(JournalBug::OldState, seq) { old } else { state };
        self.put(&Record::Mark(Mark { stamp, hash }))?;
        for command in commands {
            if self.strikes(JournalBug::LosesACommand, seq) {
                continue;
            }
            if self.strikes(JournalBug::CommandBeforeItsEvent, seq) {
                stamp.seq = Seq::new(seq.get() - 1);
            }
            let mut record = CommandRecord::new(stamp, command);
            if let Intention::New(new) = &mut record.intention {
                if self.strikes(JournalBug::SwapsASide, seq) {
                    new.side = if new.side == Side::Buy { Side::Sell } else { Side::Buy };
                }
                if self.strikes(JournalBug::OneLotMore, seq) {
                    new.qty = Qty::from_lots(new.qty.lots() + 1);
                }
            }
            if self.strikes(JournalBug::DoublesACommand, seq) {
                self.put(&Record::Command(record))?;
            }
            self.put(&Record::Command(record))?;
        }
        Ok(())
    }

    fn next_decision(&mut self, last: Seq) -> Option<Decided> {
        if self.is_killed || last.get() < KILL_AFTER {
            return None;
        }
        self.is_killed = true;
        let kind = ControlKind::Trip { target: Target::GLOBAL, state: KillState::Halted };
        Some(Decided { control: Control { kind, person: 1 }, recv_ns: Nanos::MIN })
    }
}
