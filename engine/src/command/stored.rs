//! A new order inside of other state. It goes through a type of this module: if [`NewOrder`]
//! itself could be read from bytes, anybody could make one without a risk check.

use qt_types::{Activation, InstrumentId, OrderId, OrderKind, Qty, Side, TimeInForce};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{NewOrder, Proof};

#[derive(Serialize, Deserialize)]
struct Kept {
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
}

/// # Errors
/// Those of `to`.
pub(crate) fn serialize<S: Serializer>(new: &NewOrder, to: S) -> Result<S::Ok, S::Error> {
    let &NewOrder {
        order,
        instrument,
        side,
        kind,
        tif,
        qty,
        reduce_only,
        post_only,
        display,
        parent,
        activation,
        oco,
        proof: _,
    } = new;
    Kept {
        order,
        instrument,
        side,
        kind,
        tif,
        qty,
        reduce_only,
        post_only,
        display,
        parent,
        activation,
        oco,
    }
    .serialize(to)
}

/// # Errors
/// Those of `from`.
pub(crate) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<NewOrder, D::Error> {
    let kept = Kept::deserialize(from)?;
    Ok(NewOrder {
        order: kept.order,
        instrument: kept.instrument,
        side: kept.side,
        kind: kept.kind,
        tif: kept.tif,
        qty: kept.qty,
        reduce_only: kept.reduce_only,
        post_only: kept.post_only,
        display: kept.display,
        parent: kept.parent,
        activation: kept.activation,
        oco: kept.oco,
        // It was approved before it was stored.
        proof: Proof::of_cleanup(),
    })
}
