//! How large an entry is.

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer, load_part, save_part};
use qt_engine::{Exposure, SizeRequest};
use qt_types::{Cash, DenyReason, E9, Event, Qty, round_half_even};
use serde::{Deserialize, Serialize};

use crate::kelly::{Trades, kelly_e9};
use crate::volatility::{Prices, Volatility};

/// The sizing rule of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// As much as has this volatility a year, by that of the last prices: the share of the equity
    /// is target over volatility. Before there are enough prices there is no size.
    Volatility {
        /// The volatility of a year in billionths (0.2: 200,000,000).
        target_e9: i64,
        /// How many of the last returns it is measured with.
        window: u16,
        /// The largest share of the equity in billionths.
        cap_e9: i64,
    },
    /// A part of the Kelly share of the equity.
    Kelly {
        /// Which odds.
        odds: Odds,
        /// The part, in billionths (a quarter: 250,000,000).
        fraction_e9: i64,
        /// The largest share of the equity in billionths.
        cap_e9: i64,
    },
}

/// The odds that the Kelly share follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Odds {
    /// These.
    Given {
        /// The probability that a trade wins, in billionths.
        win_e9: i64,
        /// What it wins then over what it loses else, in billionths.
        payoff_e9: i64,
    },
    /// Those of the run's own trades. Before there are [`crate::KELLY_TRADES_MIN`] of them nothing
    /// is known, and entries get a share to begin with.
    OfTrades {
        /// That share of the equity in billionths; zero: no entry.
        start_e9: i64,
    },
}

impl Default for Sizing {
    fn default() -> Self {
        Self::Weight { weight_e9: 950_000_000 }
    }
}

impl Sizing {
    /// The lots that the rule gives with what is in `memory`, rounded down.
    ///
    /// # Errors
    /// When the rule needs a stop or recent prices and there are none, or an amount overflows.
    pub(crate) fn lots(
        &self,
        request: &SizeRequest,
        memory: &Memory,
        exposure: &Exposure<'_>,
    ) -> Result<Qty, DenyReason> {
        let spec = exposure.spec(request.instrument).ok_or(DenyReason::NoPrice)?;
        let share =
            |amount: i128| quotient(amount.saturating_mul(i128::from(request.share_bps)), 10_000);
        // The equity is in the currency of the account, prices are in that of the instrument.
        let budget = |part_e9: i64| -> Result<Cash, DenyReason> {
            let budget = Cash::from_nano(share(equity_part(exposure, part_e9)?));
            exposure.in_instrument(request.instrument, budget).ok_or(DenyReason::NoRate)
        };
        match *self {
            Self::Fixed { qty_e9 } => {
                let lots = quotient(share(i128::from(qty_e9)), spec.lot_e9());
                Ok(Qty::from_lots(i64::try_from(lots).unwrap_or(i64::MAX)))
            }
            Self::Weight { weight_e9 } => Ok(spec.lots_for(budget(weight_e9)?, request.price)),
            Self::Volatility { target_e9, cap_e9, .. } => {
                let known = memory.volatility.as_ref();
                let volatility = known.and_then(|known| known.annual_e9(request.instrument));
                let volatility = volatility.ok_or(DenyReason::SizeUnknown)?;
                let weight = i128::from(target_e9) * i128::from(E9) / i128::from(volatility.max(1));
                Ok(spec.lots_for(budget(capped(weight, cap_e9))?, request.price))
            }
            Self::Kelly { odds, fraction_e9, cap_e9 } => {
                let part =
                    |kelly: i64| i128::from(kelly) * i128::from(fraction_e9) / i128::from(E9);
                let known = memory.trades.as_ref().and_then(Trades::kelly_e9);
                let weight = match (odds, known) {
                    (Odds::Given { win_e9, payoff_e9 }, _) => part(kelly_e9(win_e9, payoff_e9)),
                    (Odds::OfTrades { .. }, Some(kelly)) => part(kelly),
                    (Odds::OfTrades { start_e9 }, None) => i128::from(start_e9),
                };
                Ok(spec.lots_for(budget(capped(weight, cap_e9))?, request.price))
            }
            Self::RiskPerTrade { risk_e9 } => {
                let stop = request.stop.ok_or(DenyReason::NoStop)?;
                if request.price == stop {
                    return Err(DenyReason::NoStop);
                }
                Ok(spec.lots_for_loss(budget(risk_e9)?, request.price, stop))
            }
        }
    }
}

/// What a sizing rule remembers of the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    volatility: Option<Volatility>,
    trades: Option<Trades>,
}

impl Stored for Memory {
    fn save(&self, to: &mut Writer<'_>) {
        save_part(self.volatility.as_ref(), to);
        save_part(self.trades.as_ref(), to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        load_part("sizing by volatility", self.volatility.as_mut(), from)?;
        load_part("sizing by past trades", self.trades.as_mut(), from)
    }
}

impl Memory {
    /// What `sizing` needs, for so many instruments with such prices.
    pub(crate) fn of(sizing: &Sizing, instruments: usize, prices: Prices) -> Self {
        let volatility = match *sizing {
            Sizing::Volatility { window, .. } => Some(Volatility::new(prices, window, instruments)),
            _ => None,
        };
        let of_trades = matches!(sizing, Sizing::Kelly { odds: Odds::OfTrades { .. }, .. });
        Self { volatility, trades: of_trades.then(|| Trades::new(instruments)) }
    }

    /// Takes in an event.
    #[inline]
    pub(crate) fn on(&mut self, event: &Event, exposure: &Exposure<'_>) {
        if let Some(volatility) = &mut self.volatility {
            volatility.on(event, exposure);
        }
        if let Some(trades) = &mut self.trades {
            trades.on(event, exposure);
        }
    }
}

/// `amount` / `by`, rounded towards zero.
fn quotient(amount: i128, by: i64) -> i128 {
    // Most amounts fit 64 bits, whose division is several times faster.
    match i64::try_from(amount) {
        Ok(amount) if by > 0 => i128::from(amount / by),
        _ => amount / i128::from(by),
    }
}

/// A share of the equity, at most `cap_e9`.
fn capped(weight_e9: i128, cap_e9: i64) -> i64 {
    weight_e9.clamp(0, i128::from(cap_e9.max(0))) as i64
}

/// `part_e9` billionths of the equity, in nano-units; nothing where the equity is used up.
fn equity_part(exposure: &Exposure<'_>, part_e9: i64) -> Result<i128, DenyReason> {
    let equity = exposure.equity().map_err(|_| DenyReason::InsufficientFunds)?;
    let product = equity.nano().checked_mul(i128::from(part_e9));
    let product = product.ok_or(DenyReason::InsufficientFunds)?;
    Ok(round_half_even(product, i128::from(E9)).max(0))
}
