//! The thread of one stage.

use qt_backtest::desk::Desk;
use qt_backtest::run::RunError;
use qt_engine::staged::{Apart, Staged};
use qt_engine::{Command, Denial, Gate, Halt, Notice, Outbox, Sink, Strategy};
use qt_ring::Cores;
use qt_types::{Event, Seq};

use super::StagedError;
use super::ends::{Inlet, Outlet};
use crate::session::pin;

/// Why a stage could not go on.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// It could not be made.
    #[error("{0}")]
    Run(#[from] RunError),
    /// Its pipeline stopped.
    #[error("{0}")]
    Halt(#[from] Halt),
    /// It does not do what the others do.
    #[error("{0}")]
    Apart(Apart),
}

impl StageError {
    /// Whether it ended because another one had.
    pub(super) const fn is_of_another(&self) -> bool {
        matches!(self, Self::Apart(Apart::Gone))
    }
}

/// What the last stage tells, in order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    Command(Command),
    Denial(Denial),
    Notice(Notice),
    /// That was all of one event; the hash of the state.
    Done {
        state: u64,
    },
}

/// Where a stage tells what it has done.
pub(super) trait Tell {
    /// What came of one event; false when nobody listens any more.
    fn tell(&mut self, outbox: &Outbox, state: u64) -> bool;
}

/// The stages before the last put nothing out.
impl Tell for Inlet<u64> {
    fn tell(&mut self, _: &Outbox, state: u64) -> bool {
        self.push(state)
    }
}

impl Tell for Inlet<Told> {
    fn tell(&mut self, outbox: &Outbox, state: u64) -> bool {
        let commands = outbox.commands.as_slice().iter().map(|command| Told::Command(*command));
        let denials = outbox.denials.as_slice().iter().map(|denial| Told::Denial(*denial));
        let notices = outbox.notices.as_slice().iter().map(|notice| Told::Notice(*notice));
        let all = commands.chain(denials).chain(notices).chain([Told::Done { state }]);
        all.into_iter().all(|told| self.push(told))
    }
}

/// What the thread of a stage begins with.
pub(super) struct StageThread {
    pub name: &'static str,
    pub cores: Cores,
    pub core: Option<usize>,
    pub events: Outlet<Event>,
}

impl StageThread {
    /// Takes in every event, until there are no more or nobody wants to know of them.
    pub(super) fn run<S: Strategy + Staged, G: Gate + Staged>(
        mut self,
        mut to: impl Tell,
        make: impl FnOnce() -> Result<Desk<S, G>, RunError>,
    ) -> Result<(), StagedError> {
        pin(&self.cores, self.core);
        let (stage, mut event) = (self.name, Seq::default());
        let fail = |event, why| StagedError::Stage { stage, event, why };
        let mut desk = make().map_err(|error| fail(event, error.into()))?;
        while let Some(next) = self.events.next() {
            event = next.seq;
            let halted = desk.rehearse(&next).err();
            // What it did because it was told nothing is no reason.
            if let Some(apart) = desk.apart() {
                return Err(fail(event, StageError::Apart(apart)));
            }
            if let Some(halt) = halted {
                return Err(fail(event, halt.into()));
            }
            if !to.tell(desk.outbox(), desk.state_hash()) {
                break;
            }
        }
        Ok(())
    }
}
