//! How large an entry is.

use qt_engine::{Exposure, SizeRequest};
use qt_types::{Cash, DenyReason, E9, Qty, round_half_even};

/// The sizing rule of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizing {
    /// Always this quantity, in billionths of a unit.
    Fixed {
        /// The quantity; a multiple of every instrument's lot.
        qty_e9: i64,
    },
    /// This share of the equity at the decision's close, in billionths (0.95: 950,000,000).
    Weight {
        /// The share.
        weight_e9: i64,
    },
    /// As much as loses this share of the equity if the stop is hit, in billionths.
    RiskPerTrade {
        /// The share.
        risk_e9: i64,
    },
}

impl Default for Sizing {
    fn default() -> Self {
        Self::Weight { weight_e9: 950_000_000 }
    }
}

impl Sizing {
    /// The lots that the rule gives, rounded down.
    ///
    /// # Errors
    /// When the rule needs a stop and there is none, or an amount overflows.
    pub fn lots(&self, request: &SizeRequest, exposure: &Exposure<'_>) -> Result<Qty, DenyReason> {
        let spec = exposure.spec(request.instrument).ok_or(DenyReason::NoPrice)?;
        let share = |amount: i128| amount.saturating_mul(i128::from(request.share_bps)) / 10_000;
        match *self {
            Self::Fixed { qty_e9 } => {
                let lots = share(i128::from(qty_e9)) / i128::from(spec.lot_e9());
                Ok(Qty::from_lots(i64::try_from(lots).unwrap_or(i64::MAX)))
            }
            Self::Weight { weight_e9 } => {
                let budget = share(equity_part(exposure, weight_e9)?);
                Ok(spec.lots_for(Cash::from_nano(budget), request.price))
            }
            Self::RiskPerTrade { risk_e9 } => {
                let stop = request.stop.ok_or(DenyReason::NoStop)?;
                if request.price == stop {
                    return Err(DenyReason::NoStop);
                }
                let budget = share(equity_part(exposure, risk_e9)?);
                Ok(spec.lots_for_loss(Cash::from_nano(budget), request.price, stop))
            }
        }
    }
}

/// `part_e9` billionths of the equity, in nano-units; nothing where the equity is used up.
fn equity_part(exposure: &Exposure<'_>, part_e9: i64) -> Result<i128, DenyReason> {
    let equity = exposure.equity().map_err(|_| DenyReason::InsufficientFunds)?;
    let product = equity.nano().checked_mul(i128::from(part_e9));
    let product = product.ok_or(DenyReason::InsufficientFunds)?;
    Ok(round_half_even(product, i128::from(E9)).max(0))
}
