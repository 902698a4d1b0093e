//! What is replaced as a whole: numbers, the types of `qt-types`, and choices of them.

use qt_types::{
    Activation, Cash, CurrencyId, DenyReason, Distance, ExecId, FxRate, InstrumentId, KillState,
    Lacks, Level, Nanos, OrderId, OrderKind, ParentId, Price, Qty, RejectReason, Replace,
    ReportKind, Side, Target, TimeInForce, Timer, VenueId,
};

use super::Value;

/// Makes types a [`Value`](crate::snapshot::Value): those that implement serde's traits and have
/// no memory of their own.
#[macro_export]
macro_rules! values {
    ($($type:ty),+ $(,)?) => {
        $(impl $crate::snapshot::Value for $type {})+
    };
}

values!(bool, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, char, ());
values!(Price, Qty, Cash, Nanos, Timer, CurrencyId, FxRate, Replace, ReportKind, Lacks);
values!(InstrumentId, VenueId, OrderId, ParentId, ExecId, DenyReason, RejectReason);
values!(Side, Distance, OrderKind, Activation, TimeInForce);
values!(Level, KillState, Target);

impl<T: Value> Value for Option<T> {}
impl<A: Value, B: Value> Value for (A, B) {}
impl<A: Value, B: Value, C: Value> Value for (A, B, C) {}
