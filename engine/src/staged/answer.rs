//! What a gate says, on its way to another stage.

use qt_types::{DenyReason, InstrumentId, OrderId, Qty};

/// An answer of a gate to one question. Only a [`super::LeadGate`] makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer(pub(super) Said);

/// Each names what it is about, so that one to another question is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// How large an order is to be.
    Sized { instrument: InstrumentId, qty: Result<Qty, DenyReason> },
    /// Whether an order of this size may go out.
    Checked { instrument: InstrumentId, qty: Qty, may: Result<(), DenyReason> },
    /// Whether an order that waited with us may go out now.
    LetGo { order: OrderId, may: Result<(), DenyReason> },
    /// Whether the account is to be closed out; if not, nothing but a bar will make it so until
    /// then (UTC ns), and of no other event it is told.
    Observed { closes: bool, rests_until_ns: i64 },
}
