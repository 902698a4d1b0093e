//! The number of each variant on disk. A number, once given, keeps its meaning: a new variant gets
//! a new one, and a change of any is a new format version.

use qt_types::{
    Activation, DenyReason, InstrumentKind, KillState, Level, Liquidity, PegReference,
    RejectReason, ReportKind, Side,
};

use super::bytes::Malformed;

/// Both directions from one table, so that they cannot differ; the compiler asks for a number for
/// every variant.
macro_rules! codes {
    ($type:ident, $to:ident, $from:ident, $what:literal, $($variant:ident = $code:literal),+) => {
        #[inline]
        pub const fn $to(value: $type) -> u8 {
            match value {
                $($type::$variant => $code),+
            }
        }

        #[inline]
        pub const fn $from(code: u8) -> Result<$type, Malformed> {
            match code {
                $($code => Ok($type::$variant),)+
                _ => Err(Malformed(concat!("the number of no ", $what))),
            }
        }
    };
}

codes!(Side, side_code, side, "side", Buy = 1, Sell = 2);
codes!(
    KillState,
    kill_state_code,
    kill_state,
    "kill state",
    Active = 0,
    ReduceOnly = 1,
    Halted = 2
);
codes!(
    Level,
    level_code,
    level,
    "level",
    Strategy = 0,
    Account = 1,
    Tenant = 2,
    Venue = 3,
    Global = 4,
    Instrument = 5
);
codes!(Liquidity, liquidity_code, liquidity, "liquidity", Maker = 0, Taker = 1);
codes!(Activation, activation_code, activation, "activation", FirstFill = 0, CompleteFill = 1);
codes!(PegReference, peg_code, peg, "peg reference", SameSide = 0, Mid = 1, Opposite = 2);
codes!(
    InstrumentKind,
    instrument_kind_code,
    instrument_kind,
    "kind of instrument",
    Equity = 0,
    Spot = 1,
    Fx = 2,
    Future = 3,
    Perpetual = 4,
    InverseFuture = 5,
    InversePerpetual = 6,
    Index = 7
);
codes!(
    ReportKind,
    report_kind_code,
    report_kind,
    "kind of report",
    Accepted = 0,
    Rejected = 1,
    Filled = 2,
    Cancelled = 3,
    Replaced = 4,
    RequestRejected = 5,
    Carry = 6,
    Expired = 7,
    Busted = 8,
    Corrected = 9,
    Unknown = 10,
    Funding = 11,
    Liquidated = 12,
    Status = 13,
    Settled = 14,
    Rate = 15,
    Exchanged = 16
);

/// No side, or one.
pub const fn maybe_side_code(value: Option<Side>) -> u8 {
    match value {
        None => 0,
        Some(value) => side_code(value),
    }
}

pub fn maybe_side(code: u8) -> Result<Option<Side>, Malformed> {
    if code == 0 { Ok(None) } else { side(code).map(Some) }
}

/// The reasons stand in their lists in order of their numbers.
pub const fn deny_code(reason: DenyReason) -> u8 {
    reason as u8
}

pub fn deny(code: u8) -> Result<DenyReason, Malformed> {
    let reason = DenyReason::ALL.get(usize::from(code)).copied();
    reason.ok_or(Malformed("the number of no reason of a denial"))
}

pub const fn reject_code(reason: RejectReason) -> u8 {
    reason as u8
}

pub fn reject(code: u8) -> Result<RejectReason, Malformed> {
    let reason = RejectReason::ALL.get(usize::from(code)).copied();
    reason.ok_or(Malformed("the number of no reason of a rejection"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever adds a reason in the middle, or changes the order, gets another meaning into old
    /// journals.
    #[test]
    fn reasons_keep_their_numbers() {
        for (at, reason) in DenyReason::ALL.iter().enumerate() {
            assert_eq!(usize::from(deny_code(*reason)), at);
        }
        for (at, reason) in RejectReason::ALL.iter().enumerate() {
            assert_eq!(usize::from(reject_code(*reason)), at);
        }
        assert_eq!(deny(11).map(DenyReason::text), Ok("TWO_STOPS"));
        assert_eq!(deny(53).map(DenyReason::text), Ok("NO_RATE"));
        assert_eq!(reject(11).map(RejectReason::text), Ok("REQUESTED"));
        assert_eq!(reject(29).map(RejectReason::text), Ok("NO_RATE"));
    }
}
