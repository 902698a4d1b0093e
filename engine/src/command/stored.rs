//! A new order inside of other state. It goes through a type of this module: if [`NewOrder`]
//! itself could be read from bytes, anybody could make one without a risk check.

use qt_types::{Activation, InstrumentId, OrderId, OrderKind, Qty, Side, TimeInForce};
use serde::{Deserialize, Serialize};

use super::{NewOrder, Proof};

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
