//! What a control measures, and who looks at it: the hot path stops at the first measure above
//! its limit, the explanation collects all of them. Both run the same checks.

use qt_types::DenyReason;
use serde::{Deserialize, Serialize};

use crate::control::{CONTROLS, Control};
use crate::limits::Limit;
use crate::tally::Level;
use crate::unit::Unit;

/// A share this large says nothing: whatever the whole is, it holds nothing back.
pub const SHARE_OFF_BPS: i128 = 1_000_000_000;

/// One comparison of one control.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    pub(crate) control: Control,
    pub(crate) level: Level,
    pub(crate) limit: Limit,
    pub(crate) observed: i128,
    /// What limit and observed value are multiples of; 1 but for shares of the equity.
    pub(crate) per: i128,
    pub(crate) unit: Unit,
    pub(crate) reason: DenyReason,
}

impl Measure {
    /// A comparison in plain units.
    #[inline(always)]
    pub(crate) const fn new(
        control: Control,
        level: Level,
        limit: Limit,
        observed: i128,
        unit: Unit,
        reason: DenyReason,
    ) -> Self {
        Self { control, level, limit, observed, per: 1, unit, reason }
    }

    /// A yes or no: `failed` is above the limit 0.
    #[inline(always)]
    pub(crate) const fn flag(
        control: Control,
        level: Level,
        failed: bool,
        reason: DenyReason,
    ) -> Self {
        Self::new(control, level, Limit::hard(0), failed as i128, Unit::Count, reason)
    }

    /// `amount` against `limit`, which is a share of `whole` in basis points. Nothing is divided:
    /// both sides are multiplied.
    #[inline(always)]
    pub(crate) fn share(
        control: Control,
        level: Level,
        (limit, whole): (Limit, i128),
        amount: i128,
        reason: DenyReason,
    ) -> Self {
        let of = |bps: i128| match bps {
            i128::MIN => bps,
            SHARE_OFF_BPS.. => i128::MAX,
            _ => bps * whole.max(0),
        };
        let limit = Limit { soft: of(limit.soft), hard: of(limit.hard) };
        let per = whole.max(1);
        Self { control, level, limit, observed: amount * 10_000, per, unit: Unit::Bps, reason }
    }
}

/// Who looks at measures.
pub(crate) trait Visit {
    /// Looks at one; an error ends the evaluation.
    fn see(&mut self, measure: Measure) -> Result<(), DenyReason>;
}

/// The measure that denied the last order, as it was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The control.
    pub control: Control,
    /// Whose limit it was.
    pub level: Level,
    /// The limit.
    pub limit: i128,
    /// What was observed.
    pub observed: i128,
    /// What both count.
    pub unit: Unit,
    /// The code of the denial.
    pub reason: DenyReason,
}

impl Failure {
    /// No place was left for an order that passed every control.
    pub(crate) const fn full(reason: DenyReason) -> Self {
        let unit = Unit::Count;
        let (control, level) = (Control::OpenOrders, Level::Global);
        Self { control, level, limit: 0, observed: 1, unit, reason }
    }

    pub(crate) const fn of(measure: &Measure) -> Self {
        let (limit, observed) = if measure.per == 1 {
            (measure.limit.hard, measure.observed)
        } else {
            // Rounded up: what is above the limit never looks equal to it.
            let up = (measure.observed % measure.per > 0) as i128;
            (measure.limit.hard / measure.per, measure.observed / measure.per + up)
        };
        Self {
            control: measure.control,
            level: measure.level,
            limit,
            observed,
            unit: measure.unit,
            reason: measure.reason,
        }
    }
}

/// The hot path: warnings are counted, the first failure ends it.
pub(crate) struct First<'a> {
    pub(crate) warnings: &'a mut [u64; CONTROLS.len()],
    pub(crate) failure: Option<Failure>,
}

impl Visit for First<'_> {
    #[inline(always)]
    fn see(&mut self, measure: Measure) -> Result<(), DenyReason> {
        if measure.observed <= measure.limit.soft {
            return Ok(());
        }
        self.above_soft(&measure)
    }
}

impl First<'_> {
    #[cold]
    fn above_soft(&mut self, measure: &Measure) -> Result<(), DenyReason> {
        if measure.observed > measure.limit.hard {
            self.failure = Some(Failure::of(measure));
            return Err(measure.reason);
        }
        let count = &mut self.warnings[measure.control as usize];
        *count = count.saturating_add(1);
        Ok(())
    }
}

/// Whether an order is below every soft limit: what is not, others have to look at.
pub(crate) struct Sure;

impl Visit for Sure {
    #[inline(always)]
    fn see(&mut self, measure: Measure) -> Result<(), DenyReason> {
        if measure.observed <= measure.limit.soft { Ok(()) } else { Err(measure.reason) }
    }
}

/// What one comparison of a control leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headroom {
    /// The control.
    pub control: Control,
    /// Whose limit it is.
    pub level: Level,
    /// The hard limit.
    pub limit: i128,
    /// The soft limit: the hard one where there is none of its own.
    pub soft: i128,
    /// What is observed with the order in it.
    pub observed: i128,
    /// What is left: negative where it fails.
    pub headroom: i128,
    /// What all of them count.
    pub unit: Unit,
    /// The code that the control answers with when it fails.
    pub reason: DenyReason,
}

impl Headroom {
    pub(crate) const fn of(measure: &Measure) -> Self {
        let failure = Failure::of(measure);
        Self {
            control: measure.control,
            level: measure.level,
            limit: failure.limit,
            soft: measure.limit.soft / measure.per,
            observed: failure.observed,
            headroom: failure.limit.saturating_sub(failure.observed),
            unit: measure.unit,
            reason: measure.reason,
        }
    }

    /// Whether more of its limit is used than of the limit of `other`. Both limits are above
    /// zero and nothing observed is below it.
    #[must_use]
    pub const fn is_nearer_than(&self, other: &Self) -> bool {
        let (mut one, mut two) = ((self.observed, self.limit), (other.observed, other.limit));
        // As fractions, whose products would not fit: whole parts first, then what is left.
        while one.1 > 0 && two.1 > 0 {
            let (whole, its) = (one.0 / one.1, two.0 / two.1);
            let (left, its_left) = (one.0 % one.1, two.0 % two.1);
            if whole != its {
                return whole > its;
            }
            if left == 0 || its_left == 0 {
                return left > its_left;
            }
            (one, two) = ((two.1, its_left), (one.1, left));
        }
        false
    }

    /// Whether the order fails here.
    #[must_use]
    pub const fn fails(&self) -> bool {
        self.headroom < 0
    }
}

/// The explanation: all measures, and none ends it.
#[derive(Default)]
pub(crate) struct All {
    pub(crate) headrooms: Vec<Headroom>,
}

impl Visit for All {
    fn see(&mut self, measure: Measure) -> Result<(), DenyReason> {
        self.headrooms.push(Headroom::of(&measure));
        Ok(())
    }
}
