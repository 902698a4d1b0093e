//! The executions of one order, each known by its number, in bounded memory.

use serde::{Deserialize, Serialize};

use crate::snapshot::{Reader, SnapshotError, Stored, Writer};
use qt_types::{Cash, ExecId, FeeIn, Price, Qty};

/// How many executions of an order are remembered. Beyond that the lowest numbers are forgotten,
/// and what comes with such a number can no longer be told from a repetition: it is flagged and
/// not applied.
pub const EXECS_MAX: usize = 32;

/// What became of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ExecState {
    Applied,
    /// Too much for the order as we know it: it waits until there is room.
    Parked,
    /// The venue took it back, perhaps before we heard of it.
    Busted,
}

/// One execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Exec {
    pub(super) id: ExecId,
    pub(super) price: Price,
    pub(super) qty: Qty,
    pub(super) fee: Cash,
    pub(super) fee_in: FeeIn,
    pub(super) state: ExecState,
    /// Whether it left nothing open at a venue that reports in order.
    pub(super) is_last: bool,
}

impl Exec {
    const NONE: Self = Self {
        id: ExecId(0),
        price: Price::ZERO,
        qty: Qty::ZERO,
        fee: Cash::ZERO,
        fee_in: FeeIn::Quote,
        state: ExecState::Busted,
        is_last: false,
    };

    /// A mark that execution `id` was taken back.
    pub(super) const fn busted(id: ExecId) -> Self {
        Self { id, ..Self::NONE }
    }
}

/// The executions of an order, in rising order of their numbers.
#[derive(Clone, Debug)]
pub(super) struct ExecLog {
    execs: [Exec; EXECS_MAX],
    len: usize,
    /// The highest number that was forgotten.
    floor: ExecId,
}

impl ExecLog {
    pub(super) const EMPTY: Self =
        Self { execs: [Exec::NONE; EXECS_MAX], len: 0, floor: ExecId(0) };

    /// Forgets everything. What lies beyond the length is never looked at.
    pub(super) const fn clear(&mut self) {
        self.len = 0;
        self.floor = ExecId(0);
    }

    pub(super) fn get_mut(&mut self, id: ExecId) -> Option<&mut Exec> {
        let at = self.position(id).ok()?;
        self.execs.get_mut(at)
    }

    /// All that are remembered, lowest number first.
    pub(super) fn as_mut_slice(&mut self) -> &mut [Exec] {
        &mut self.execs[..self.len]
    }

    /// Whether `id` is so old that it may have been forgotten.
    pub(super) fn may_be_forgotten(&self, id: ExecId) -> bool {
        id <= self.floor
    }

    /// The highest number so far.
    pub(super) fn newest(&self) -> ExecId {
        self.execs[..self.len].last().map_or(self.floor, |exec| exec.id)
    }

    /// Adds an execution that is not known. With no room left the lowest number goes.
    pub(super) fn add(&mut self, exec: Exec) {
        let Err(mut at) = self.position(exec.id) else { return };
        if self.len == EXECS_MAX {
            if at == 0 {
                self.floor = exec.id;
                return;
            }
            self.floor = self.execs[0].id;
            self.execs.copy_within(1..at, 0);
            at -= 1;
        } else {
            self.execs.copy_within(at..self.len, at + 1);
            self.len += 1;
        }
        self.execs[at] = exec;
    }

    fn position(&self, id: ExecId) -> Result<usize, usize> {
        self.execs[..self.len].binary_search_by_key(&id, |exec| exec.id)
    }
}

impl Stored for ExecLog {
    fn save(&self, to: &mut Writer<'_>) {
        to.list(self.execs[..self.len].iter());
        to.put(&self.floor);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.clear();
        for _ in 0..from.count(EXECS_MAX)? {
            let exec: Exec = from.take()?;
            if exec.id <= self.newest() && self.len > 0 {
                return Err(SnapshotError::Damaged);
            }
            self.add(exec);
        }
        self.floor = from.take()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_numbers_go_first_and_are_known_to_be_gone() {
        let mut log = ExecLog::EMPTY;
        let ids: Vec<u64> = (1..=40).map(|n| n * 7 % 41 + 1).collect();
        for &id in &ids {
            log.add(Exec::busted(ExecId(id)));
        }
        let kept: Vec<u64> = log.as_mut_slice().iter().map(|exec| exec.id.0).collect();
        let mut sorted = ids;
        sorted.sort_unstable();
        assert_eq!(kept, sorted[sorted.len() - EXECS_MAX..]);
        assert_eq!(log.newest(), ExecId(sorted[39]));
        for id in sorted {
            assert_ne!(log.get_mut(ExecId(id)).is_some(), log.may_be_forgotten(ExecId(id)));
        }
    }
}
