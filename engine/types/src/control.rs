//! What people and machines decide about a running engine: it reaches the pipeline as an event
//! like everything else.

use serde::{Deserialize, Serialize};

use crate::StrategyId;

/// Who is asked for an order: from the order outwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Level {
    /// One strategy.
    Strategy,
    /// One account.
    Account,
    /// One tenant.
    Tenant,
    /// One venue; only kill switches have it.
    Venue,
    /// All there is.
    Global,
    /// One instrument.
    Instrument,
}

impl Level {
    /// The name in lists.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Strategy => "strategy",
            Self::Account => "account",
            Self::Tenant => "tenant",
            Self::Venue => "venue",
            Self::Global => "global",
            Self::Instrument => "instrument",
        }
    }
}

/// What may be sent. Cancels always may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum KillState {
    /// Everything.
    #[default]
    Active,
    /// What makes a position smaller.
    ReduceOnly,
    /// Nothing.
    Halted,
}

impl KillState {
    /// `ACTIVE`, `REDUCE_ONLY` or `HALTED`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::ReduceOnly => "REDUCE_ONLY",
            Self::Halted => "HALTED",
        }
    }
}

/// What a kill switch belongs to: a level, and which one of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// The level; [`Level::Instrument`] has none.
    pub level: Level,
    /// Which strategy, account, tenant or venue; 0 for [`Level::Global`].
    pub index: u16,
}

impl Target {
    /// All there is.
    pub const GLOBAL: Self = Self { level: Level::Global, index: 0 };

    /// The `index`-th one of `level`.
    #[must_use]
    pub const fn new(level: Level, index: u16) -> Self {
        Self { level, index }
    }
}

/// A decision about a running engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// What is to be done.
    pub kind: ControlKind,
    /// Who decided; the number stands for a name kept elsewhere. 0: the machine itself.
    pub person: u64,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlKind {
    /// No more than `state` allows may be sent at `target`. Never loosens what stands tighter.
    /// Where nothing may be sent any more, orders that could open a position are cancelled.
    Trip {
        /// Which switch.
        target: Target,
        /// What may still be sent.
        state: KillState,
    },
    /// Everything may be sent at `target` again. Who may decide this is settled before it is an
    /// event.
    Arm {
        /// Which switch.
        target: Target,
    },
    /// The strategy may ask for orders again.
    Resume,
    /// The strategy only looks on from now on; orders that are open stay.
    Pause,
    /// Orders that could open a position are cancelled and positions closed at the market.
    CloseOut,
    /// One strategy may ask for orders again.
    Activate {
        /// Which one.
        strategy: StrategyId,
    },
    /// One strategy only looks on from now on; its orders that could open a position are
    /// cancelled, what protects its position stays.
    Deactivate {
        /// Which one.
        strategy: StrategyId,
    },
    /// A parameter of a strategy has another value. Whether it may is settled before it is an
    /// event.
    Tune {
        /// Whose.
        strategy: StrategyId,
        /// Its place among the strategy's parameters, from 0.
        param: u16,
        /// The value.
        value: Number,
    },
    /// A limit of the gate has another hard value, and a soft one of at most that. Whether it may
    /// is settled before it is an event.
    Limit {
        /// Whose limit: that of a level, or of an instrument.
        target: Target,
        /// Which one, by its place among the gate's limits.
        key: u16,
        /// The value, in the unit of the limit.
        hard: i128,
    },
}

/// The value of a parameter as a number: a whole number, a number, 1 or 0 for yes or no, or the
/// place of a word among those allowed. Equal where the bits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(u64);

impl Number {
    /// The number `value`.
    #[must_use]
    pub const fn new(value: f64) -> Self {
        Self(value.to_bits())
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        f64::from_bits(self.0)
    }

    /// The bits of the number.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The number of these bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}
