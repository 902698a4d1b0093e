//! What happens later to a connection.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exchange::Nanos;
use crate::wire::outbox::Outbox;

/// Frames that are held back at most, over all connections.
const HELD_MAX: usize = 100_000;

/// What happens later to a connection.
#[derive(Debug)]
pub(in crate::venue) enum Due {
    /// A text goes out.
    Text(String),
    /// It is closed.
    Close(u16),
}

/// Everything that is put off, in its order.
#[derive(Debug, Default)]
pub(in crate::venue) struct Later {
    due: BTreeMap<(Nanos, u64), (Arc<Outbox>, Due)>,
    next: u64,
}

impl Later {
    pub(in crate::venue) fn add(&mut self, at_ns: Nanos, outbox: &Arc<Outbox>, due: Due) {
        if self.due.len() < HELD_MAX {
            self.due.insert((at_ns, self.next), (Arc::clone(outbox), due));
            self.next += 1;
        }
    }

    /// Does what is due.
    pub(in crate::venue) fn run(&mut self, now_ns: Nanos) {
        while let Some(first) = self.due.first_entry().filter(|first| first.key().0 <= now_ns) {
            let (outbox, due) = first.remove();
            match due {
                Due::Text(text) => outbox.text(text.as_bytes()),
                Due::Close(code) => outbox.close(code, ""),
            }
        }
    }
}
