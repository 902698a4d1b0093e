//! What a session remembers beside its pipeline and venue, as parts of its state.

use std::collections::{BTreeMap, HashMap};

use qt_runtime::states::State;
use qt_types::{Cash, InstrumentId};
use serde::{Deserialize, Serialize};

use super::notes::{Cast, Limits};
use super::orders::{Changed, Written as WrittenOrders};
use super::past::Past;
use super::shelf::Lists;
use super::signals::Heard;
use super::switches::Told;
use qt_trading::time::Time;
use qt_trading::{Execution, Switch};

/// Its parts.
const PAST: &str = "past";
const PAST_ORDERS: &str = "past orders";
const SIGNALS: &str = "signals heard";
/// The same in states of before: without their prints.
const UNPRINTED: &str = "signals";

/// What is written as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    /// The number of the last record that the listener was told.
    told: u64,
    orders: WrittenOrders,
    /// Oldest first.
    executions: Vec<Execution>,
    /// The day and the equity at its start, in billionths as text.
    day: Option<(i64, String)>,
    opened: Vec<Option<Time>>,
    slots: Vec<Cast>,
    persons: BTreeMap<u64, String>,
    switches: Vec<Switch>,
    decisions: BTreeMap<u64, Told>,
    limits: Limits,
}

/// Puts `past` and the `executions` that are shown, oldest first, into `state`. `told` is the
/// number of the last record that the listener was told.
///
/// # Errors
/// Never for such data; the library cannot know.
pub fn save(
    state: &mut State,
    past: &Past,
    executions: Vec<Execution>,
    told: u64,
) -> Result<(), serde_json::Error> {
    let written = Written {
        told,
        orders: past.orders.written(),
        executions,
        day: past.account.day.map(|(day, equity)| (day, equity.nano().to_string())),
        opened: past.account.opened.clone(),
        slots: past.slots.all().cloned().collect(),
        persons: past.persons.iter().map(|(number, name)| (*number, name.clone())).collect(),
        switches: past.switches.all(),
        decisions: past.switches.told.iter().map(|(seq, told)| (*seq, told.clone())).collect(),
        limits: past.limits.clone(),
    };
    state.put(PAST, serde_json::to_vec(&written)?);
    state.put(PAST_ORDERS, past.orders.written_past());
    state.put(SIGNALS, past.signals.written());
    Ok(())
}

/// What of a state is the session's own.
#[derive(Debug)]
pub struct Kept {
    written: Written,
    orders: Vec<u8>,
    signals: Vec<u8>,
}

impl Kept {
    /// What `state` holds.
    ///
    /// # Errors
    /// Why it is no such state.
    pub fn read(state: &State) -> Result<Self, String> {
        let part = |name: &str| state.part(name).ok_or_else(|| format!("it has no part '{name}'"));
        let written = serde_json::from_slice(part(PAST)?).map_err(|why| why.to_string())?;
        let orders = part(PAST_ORDERS)?.to_owned();
        let signals = match state.part(SIGNALS) {
            Some(signals) => signals.to_owned(),
            None => Heard::with_no_prints(part(UNPRINTED)?).ok_or("its signals are cut off")?,
        };
        Ok(Self { written, orders, signals })
    }

    /// The number of the last record that the listener was told.
    pub const fn told(&self) -> u64 {
        self.written.told
    }

    /// The strategies in their places.
    pub fn casts(&self) -> &[Cast] {
        &self.written.slots
    }

    /// Puts it into `past`, which is that of a new session, and what is shown into `lists`.
    ///
    /// # Errors
    /// When it is not of a session with as many instruments.
    pub fn restore(self, past: &mut Past, lists: &mut Lists) -> Result<(), String> {
        let Self { written, orders: past_orders, signals } = self;
        if written.opened.len() != past.account.opened.len() {
            return Err("it has another number of instruments".to_owned());
        }
        let equity = |(day, equity): (i64, String)| {
            let nano = equity.parse().map_err(|_| "the equity of its day is no number".to_owned());
            Ok::<_, String>((day, Cash::from_nano(nano?)))
        };
        past.account.day = written.day.map(equity).transpose()?;
        past.account.opened = written.opened;
        let mut changed = Vec::new();
        past.orders.restore(written.orders, &past_orders, &mut changed);
        let executed = written.executions.into_iter().map(|execution| {
            // Of which instrument matters to positions, and those are there already.
            Changed::Executed(execution.into(), InstrumentId::default())
        });
        changed.into_iter().chain(executed).for_each(|change| lists.apply(&change));
        written.slots.into_iter().for_each(|cast| past.slots.cast(cast));
        past.persons = written.persons.into_iter().collect::<HashMap<_, _>>();
        past.switches.restore(written.switches, written.decisions.into_iter().collect());
        past.limits = written.limits;
        past.signals.restore(&signals).ok_or("its signals are cut off")?;
        Ok(())
    }
}
