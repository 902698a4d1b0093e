//! What an earlier process has left, and this one goes on with.

use std::collections::HashMap;
use std::path::PathBuf;

use qt_engine::Ensemble;
use qt_risk::RiskGate;
use qt_runtime::live::{Driver, Note};
use qt_types::{InstrumentSpec, Payload};

use super::memory::Remembered;
use super::notes::{Cast, Limits, SessionNote};
use super::orders::{Changed, Orders};
use super::pending::PendingKill;
use super::portfolio::Account;
use super::signals::Heard;
use super::slots::Slots;
use super::switches::{Switches, Told};
use qt_trading::Switch;
use qt_trading::ids::{AccountId, TenantId};
use qt_trading::time::Time;

/// See the module.
#[derive(Debug)]
pub struct Past {
    pub orders: Orders,
    pub account: Account,
    pub slots: Slots,
    /// Who the numbers of persons are.
    pub persons: HashMap<u64, String>,
    pub switches: Switches,
    /// What sources have said.
    pub signals: Heard,
    /// The last change of the limits.
    pub limits: Limits,
    /// Where the session is kept.
    pub folder: PathBuf,
    /// Kills that came while it did not run.
    pub pending: Vec<PendingKill>,
    /// What is written down elsewhere.
    pub remembered: Remembered,
    /// Strategies that ran on the journal before this one.
    pub goes_on: Vec<Cast>,
}

impl Past {
    pub fn new(tenant: TenantId, account: AccountId, specs: Vec<InstrumentSpec>) -> Self {
        Self {
            account: Account::new(account, specs.len()),
            orders: Orders::new(account, specs),
            slots: Slots::default(),
            persons: HashMap::new(),
            switches: Switches::new(tenant, account),
            signals: Heard::default(),
            limits: Limits { version: 1, at: Time::now(), ..Limits::default() },
            folder: PathBuf::new(),
            pending: Vec::new(),
            remembered: Remembered::default(),
            goes_on: Vec::new(),
        }
    }

    /// What was written down beside the events, behind event `after`.
    pub fn recall(&mut self, after: u64, note: SessionNote) {
        match note {
            SessionNote::Person { number, name } => {
                self.persons.insert(number, name);
            }
            SessionNote::Switch { people, reason, at } => {
                self.switches.tell(after + 1, Told { people, reason, at });
            }
            SessionNote::Bar(switch) => self.switches.put(switch),
            SessionNote::Limits(limits) => self.limits = limits,
            SessionNote::Client { order, client_order_id } => {
                self.orders.name(order, client_order_id);
            }
            SessionNote::Day { day, equity_nano } => {
                self.account.begin_day(day, qt_types::Cash::from_nano(equity_nano));
            }
            SessionNote::Cast(cast) => self.slots.cast(cast),
            SessionNote::Holder { .. } => {}
        }
    }

    /// What happened; what it changed comes back.
    pub fn take(&mut self, note: &Note, driver: &Driver<Ensemble, RiskGate>) -> Vec<Changed> {
        let mut changed = Vec::new();
        self.signals.take(&note.event);
        if let Payload::Control(control) = &note.event.payload {
            let when = (note.event.seq.get(), Time(note.event.recv_ns.get()));
            let person = self.persons.get(&control.person).map(String::as_str);
            self.switches.take(when, control, person, &self.slots);
        }
        let line = note.order.as_ref().and_then(|order| driver.blotter().line(order.id));
        let sent_at = line.map(|line| Time(line.sent_ns.get()));
        self.orders.take(note, sent_at, (&self.slots, &self.persons), &mut changed);
        let at = Time(note.event.venue_ns.get());
        for change in &changed {
            if let Changed::Executed(_, instrument) = change {
                self.account.moved(*instrument, &driver.exposure(), at);
            }
        }
        changed
    }

    /// Finds what the gate has tripped by itself; it comes back, with the control.
    pub fn look(&mut self, driver: &Driver<Ensemble, RiskGate>) -> Vec<(Switch, String)> {
        let now = Time(driver.time_ns().get());
        self.switches.look(driver.gate(), &self.slots, now)
    }
}
