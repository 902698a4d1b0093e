//! The blotter as state. Where its lines lie in memory is worked out anew, and what is to be asked
//! about is left out: after a start the venue is asked about everything.

use qt_engine::Command;
use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};
use qt_types::{ExecId, Nanos, OrderId, Side};

use super::{Blotter, Exec, Line};

impl Stored for Blotter {
    fn save(&self, to: &mut Writer<'_>) {
        let mut places: Vec<(OrderId, usize)> =
            self.places.iter().map(|(order, place)| (*order, *place)).collect();
        places.sort_unstable();
        to.put(&self.newest);
        to.put(&places.len());
        places.iter().for_each(|&(_, place)| self.lines[place].save(to));
        to.list(self.ended.iter());
        let mut execs: Vec<((OrderId, ExecId), Exec)> =
            self.execs.iter().map(|(of, exec)| (*of, *exec)).collect();
        execs.sort_unstable_by_key(|(of, _)| *of);
        to.list(execs.iter());
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.lines.clear();
        self.places.clear();
        self.left.clear();
        self.newest = from.take()?;
        for place in 0..from.count(usize::MAX)? {
            let line = Line::taken(from)?;
            self.lines.push(line);
            if self.places.insert(line.order, place).is_some() {
                return Err(SnapshotError::Damaged);
            }
        }
        let (mut ended, mut execs) = (Vec::new(), Vec::new());
        from.list(&mut ended, usize::MAX)?;
        from.list(&mut execs, usize::MAX)?;
        self.ended = ended.into();
        self.execs = execs.into_iter().collect();
        Ok(())
    }
}

impl Line {
    fn save(&self, to: &mut Writer<'_>) {
        let Self { order, instrument, side, qty, .. } = *self;
        to.put(&(order, instrument, side, qty, self.sent_ns));
        to.put(&(self.filled, self.told, self.stand, self.is_done, self.was_there));
        to.put(&(self.replace, self.revision, self.last_exec));
        to.put(&self.cancel.map(|(_, due_ns)| due_ns));
        if let Some((command, _)) = &self.cancel {
            command.save(to);
        }
    }

    fn taken(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let (order, instrument, side, qty, sent_ns) = from.take()?;
        let side: Side = side;
        let mut new = Self::new(order, instrument, side, qty, sent_ns);
        (new.filled, new.told, new.stand, new.is_done, new.was_there) = from.take()?;
        (new.replace, new.revision, new.last_exec) = from.take()?;
        let due_ns: Option<Nanos> = from.take()?;
        if let Some(due_ns) = due_ns {
            new.cancel = Some((Command::taken(from)?, due_ns));
        }
        Ok(new)
    }
}
