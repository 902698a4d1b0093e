//! The states that a session keeps for its next start.

use qt_backtest::witness::StateName;
use qt_engine::Halt;
use qt_journal::{JournalError, Lsn, SnapshotRef, Stamp};
use qt_runtime::opening::CONFIG;
use qt_runtime::states::{Keeping, State};
use qt_types::Seq;

use super::running::Running;
use super::stored;
use qt_trading::Execution;

/// The part of a state that says which program wrote it.
const PROGRAM: &str = "program";

/// Which program wrote `state`.
pub fn written_by(state: &State) -> String {
    let said = state.part(PROGRAM).map(|said| String::from_utf8_lossy(said).into_owned());
    said.unwrap_or_else(|| "a program that did not say which".to_owned())
}

/// When they are kept, and what is the same in all of them.
#[derive(Debug)]
pub struct States {
    keeping: Keeping,
    /// What the journal says of its run.
    config: Vec<u8>,
    /// Which program writes them.
    program: String,
    /// Whether somebody was told why there are none.
    has_told: bool,
}

impl States {
    /// Those of a journal with this configuration.
    pub const fn new(keeping: Keeping, config: Vec<u8>, program: String) -> Self {
        Self { keeping, config, program, has_told: false }
    }
}

impl Running {
    /// Between two visits: names a state that is on the disk, and begins to keep the next one.
    pub(super) fn look_after_states(&mut self) -> Result<(), Halt> {
        if let Some(kept) = self.states.keeping.take() {
            self.name_state(kept)?;
        }
        let driver = self.session.driver();
        if self.states.keeping.is_due(driver.events()) && driver.is_at_rest() {
            self.keep_state();
        }
        Ok(())
    }

    /// At the end in order: the last one is on its way to the disk when this returns, unless
    /// another one is.
    pub(super) fn begin_last_state(&mut self) {
        if let Some(kept) = self.states.keeping.take() {
            self.say_named(kept);
        }
        let driver = self.session.driver();
        let keeping = &self.states.keeping;
        if !keeping.is_busy() && keeping.is_due_at_end(driver.events()) && driver.is_at_rest() {
            self.keep_state();
        }
    }

    /// Waits for it: then it is on the disk, and named.
    pub(super) fn finish_last_state(&mut self) {
        // One that was on its way when the end began is not the last one.
        while let Some(kept) = self.states.keeping.wait() {
            self.say_named(kept);
            self.begin_last_state();
        }
    }

    fn say_named(&mut self, kept: Result<SnapshotRef, JournalError>) {
        if self.name_state(kept).is_err() {
            // The journal says why when it is closed.
            tracing::warn!(account = %self.shared.account, "the last state is not named");
        }
    }

    fn keep_state(&mut self) {
        self.take_notes();
        // What is shown is a part of it.
        self.shared.shelf.apply(&mut self.changed);
        let driver = self.session.driver();
        let stamp = Stamp { seq: Seq::new(driver.events()), at_ns: driver.time_ns() };
        let account = self.shared.account;
        match self.state() {
            Ok(state) => {
                if let Err(why) = self.states.keeping.put(stamp, state) {
                    tracing::warn!(%account, %why, "a state of a session is not kept");
                }
            }
            Err(why) => {
                self.states.keeping.skip(stamp);
                if !std::mem::replace(&mut self.states.has_told, true) {
                    tracing::warn!(%account, why, "a session goes without states");
                }
            }
        }
    }

    /// The state as it stands.
    fn state(&self) -> Result<State, String> {
        let mut state = State::after(Lsn::new(self.session.driver().last_kept()));
        state.put(CONFIG, self.states.config.clone());
        state.put(PROGRAM, self.states.program.clone().into_bytes());
        self.session.save(&mut state).map_err(|why| why.to_string())?;
        let shown = self.shared.shelf.executions();
        let executions = shown.iter().rev().map(|it| Execution::clone(it)).collect();
        let told = self.shared.listener.told();
        let saved = stored::save(&mut state, &self.past, executions, told);
        saved.map_err(|why| why.to_string())?;
        Ok(state)
    }

    fn name_state(&mut self, kept: Result<SnapshotRef, JournalError>) -> Result<(), Halt> {
        match kept {
            Ok(SnapshotRef { stamp, bytes, crc }) => {
                let name = StateName { seq: stamp.seq, at_ns: stamp.at_ns, bytes, crc };
                self.session.driver_mut().name_state(name)
            }
            Err(why) => {
                tracing::warn!(account = %self.shared.account, %why, "a state is not kept");
                Ok(())
            }
        }
    }
}
