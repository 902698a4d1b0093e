//! Commands inside of other state. A new order goes through a type of this module: if [`NewOrder`]
//! itself could be read from bytes, anybody could make one without a risk check. A command is read
//! from a snapshot alone: what is in one was approved before it was stored.

use qt_types::{Activation, Cancel, InstrumentId, OrderId, OrderKind, Qty, Side, TimeInForce};
use serde::{Deserialize, Serialize};

use super::{CancelOrder, Command, NewOrder, Proof, ReplaceOrder};
use crate::snapshot::{Reader, SnapshotError, Stored, Writer};

/// The fields of [`NewOrder`], which the compiler holds against these.
#[derive(Serialize, Deserialize)]
#[serde(remote = "NewOrder")]
pub(crate) struct Kept {
    order: OrderId,
    instrument: InstrumentId,
    side: Side,
    kind: OrderKind,
    tif: TimeInForce,
    qty: Qty,
    reduce_only: bool,
    post_only: bool,
    display: Qty,
    parent: OrderId,
    activation: Activation,
    oco: OrderId,
    /// It was approved before it was stored.
    #[serde(skip, default = "Proof::of_cleanup")]
    proof: Proof,
}

/// A command as it is written.
#[derive(Serialize, Deserialize)]
enum Written {
    New(#[serde(with = "Kept")] NewOrder),
    Replace(InstrumentId, qt_types::Replace),
    Cancel(InstrumentId, OrderId),
}

impl Stored for Command {
    fn save(&self, to: &mut Writer<'_>) {
        to.put(&match *self {
            Self::New(new) => Written::New(new),
            Self::Replace(change) => Written::Replace(change.instrument, change.replace),
            Self::Cancel(end) => Written::Cancel(end.instrument, end.cancel.order),
        });
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        *self = Self::taken(from)?;
        Ok(())
    }
}

impl Command {
    /// The next one that a snapshot holds: it was approved before it was stored.
    ///
    /// # Errors
    /// When these are not the bytes of a command.
    pub fn taken(from: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let proof = Proof::of_cleanup();
        Ok(match from.take()? {
            Written::New(new) => Self::New(new),
            Written::Replace(instrument, replace) => {
                Self::Replace(ReplaceOrder { instrument, replace, proof })
            }
            Written::Cancel(instrument, order) => {
                Self::Cancel(CancelOrder { instrument, cancel: Cancel { order }, proof })
            }
        })
    }
}
