//! The execution stage as state.

use super::Execution;
use crate::snapshot::{Reader, SnapshotError, Stored, Writer};
use crate::values;

values!(crate::oms::Booked);

impl Stored for Execution {
    fn save(&self, to: &mut Writer<'_>) {
        let Self { ledger, orders, changes, changes_max, booked, emulator, kept, notices } = self;
        to.same(changes_max);
        ledger.save(to);
        orders.save(to);
        changes.save(to);
        booked.save(to);
        emulator.save(to);
        kept.save_empty(to);
        notices.save_empty(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let Self { ledger, orders, changes, changes_max, booked, emulator, kept, notices } = self;
        from.same("the most changes in work", &*changes_max)?;
        ledger.load(from)?;
        orders.load(from)?;
        changes.load(from)?;
        booked.load(from)?;
        emulator.load(from)?;
        kept.load_empty(from)?;
        notices.load_empty(from)
    }
}
