//! What a run leaves behind: the equity at each close, the fills, the denials.

use qt_engine::{Gate, Halt, Pipeline, Strategy};
use qt_types::{
    Cash, DenyReason, ExecId, FeeIn, InstrumentId, Liquidity, Nanos, OrderId, OrderKind, Price,
    Qty, Side, StrategyId,
};

use crate::curve::EquityCurve;
use crate::spare::SpareList;
use crate::venue::FillPath;

/// One execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// When it happened (UTC ns).
    pub venue_ns: Nanos,
    /// What was traded.
    pub instrument: InstrumentId,
    /// The order.
    pub order: OrderId,
    /// Whose order it was; `None` where the venue closed the position by itself.
    pub strategy: Option<StrategyId>,
    /// The venue's number of the execution.
    pub exec: ExecId,
    /// Buy or sell.
    pub side: Side,
    /// The order's type.
    pub kind: OrderKind,
    /// The price in ticks.
    pub price: Price,
    /// The quantity in lots.
    pub qty: Qty,
    /// The fee, or what it was worth in the currency of the instrument.
    pub fee: Cash,
    /// The fee as it was taken ...
    pub fee_amount: Cash,
    /// ... and what it was taken in.
    pub fee_in: FeeIn,
    /// Whether the order rested or took.
    pub liquidity: Liquidity,
    /// What made it trade.
    pub path: FillPath,
    /// The source row of the bar in which it happened.
    pub row: u32,
}

/// A position that was settled because its instrument had expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// When (UTC ns).
    pub venue_ns: Nanos,
    /// What.
    pub instrument: InstrumentId,
    /// The lots that were held; negative when short.
    pub qty: Qty,
    /// At which price, in ticks.
    pub price: Price,
    /// The profit that it realised, before fees, in the currency of the instrument.
    pub profit: Cash,
}

/// Collects what a run leaves behind.
#[derive(Clone, Debug)]
pub struct Recorder {
    initial: Cash,
    curve: EquityCurve,
    held_closes: u64,
    is_bankrupt: bool,
    fills: SpareList<Fill>,
    settlements: Vec<Settled>,
    denials: [u64; DenyReason::ALL.len()],
}

impl Recorder {
    /// An empty record with room for `closes_max` closes.
    #[must_use]
    pub fn new(initial: Cash, closes_max: usize) -> Self {
        Self {
            initial,
            curve: EquityCurve::with_capacity(closes_max),
            held_closes: 0,
            is_bankrupt: false,
            fills: SpareList::with_capacity(4_096),
            settlements: Vec::new(),
            denials: [0; DenyReason::ALL.len()],
        }
    }

    /// Takes the equity at a close. The books were checked by every fill that changed them.
    ///
    /// # Errors
    /// When the equity leaves the range of the ledger.
    #[inline(always)]
    pub fn sample<S: Strategy, G: Gate>(
        &mut self,
        time_ns: Nanos,
        pipeline: &Pipeline<S, G>,
    ) -> Result<(), Halt> {
        let exposure = pipeline.exposure();
        let ledger = exposure.ledger;
        let mut equity = ledger.cash();
        if !ledger.held().is_empty() {
            equity = exposure.equity()?;
            self.held_closes += 1;
        } else if ledger.has_currencies() || !ledger.dusty().is_empty() {
            equity = exposure.equity()?;
        }
        self.is_bankrupt |= equity <= Cash::ZERO;
        self.curve.push(time_ns, equity);
        Ok(())
    }

    /// Replaces the last sample by the equity as it stands.
    ///
    /// # Errors
    /// When the books do not balance.
    pub fn resample<S: Strategy, G: Gate>(
        &mut self,
        pipeline: &Pipeline<S, G>,
    ) -> Result<(), Halt> {
        pipeline.check()?;
        if let Some((time_ns, _)) = self.curve.pop() {
            self.curve.push(time_ns, pipeline.exposure().equity()?);
        }
        Ok(())
    }

    /// Takes a fill.
    pub fn filled(&mut self, fill: Fill) {
        self.fills.push(fill);
    }

    /// Takes a settlement.
    pub fn settled(&mut self, settled: Settled) {
        self.settlements.push(settled);
    }

    /// All settlements in order.
    #[must_use]
    pub fn settlements(&self) -> &[Settled] {
        &self.settlements
    }

    /// The venue took execution `exec` of `order` back: the list holds what stands. A correction
    /// is one execution taken back and another one in its place. Returns what does not stand.
    pub fn taken_back(&mut self, order: OrderId, exec: ExecId) -> Option<Fill> {
        let is_it = |fill: &Fill| fill.order == order && fill.exec == exec;
        self.fills.iter().rposition(is_it).map(|at| self.fills.remove(at))
    }

    /// Gives each fill the row of the first of the samples at `times_ns` (UTC ns, ascending) that
    /// is not before it, or of the last one: reports place a fill by its bar.
    pub(crate) fn place_in(&mut self, times_ns: &[i64]) {
        let (mut at, last) = (0, times_ns.len().saturating_sub(1));
        for fill in self.fills.iter_mut() {
            let fill_ns = fill.venue_ns.get();
            if at > 0 && fill_ns <= times_ns[at - 1] {
                // It was told late.
                at = times_ns[..at].partition_point(|&ns| ns < fill_ns);
            }
            at += times_ns[at..].iter().take_while(|&&ns| ns < fill_ns).count();
            fill.row = u32::try_from(at.min(last)).unwrap_or(u32::MAX);
        }
    }

    /// Counts a denial.
    pub fn denied(&mut self, reason: DenyReason) {
        self.denials[reason as usize] += 1;
    }

    /// The equity at the last close; the initial capital before the first one.
    #[must_use]
    #[inline]
    pub fn last_equity(&self) -> Cash {
        self.curve.last().unwrap_or(self.initial)
    }

    /// Whether there was a close with nothing left.
    #[must_use]
    #[inline]
    pub const fn is_bankrupt(&self) -> bool {
        self.is_bankrupt
    }

    /// The equity at each close, and the fills in order.
    #[must_use]
    pub fn into_parts(self) -> (EquityCurve, SpareList<Fill>) {
        (self.curve, self.fills)
    }

    /// The equity at each close.
    #[must_use]
    pub const fn curve(&self) -> &EquityCurve {
        &self.curve
    }

    /// Closes with a position.
    #[must_use]
    pub const fn held_closes(&self) -> u64 {
        self.held_closes
    }

    /// All fills in order.
    #[must_use]
    pub fn fills(&self) -> &[Fill] {
        &self.fills
    }

    /// How often `reason` was the answer.
    #[must_use]
    pub const fn denials(&self, reason: DenyReason) -> u64 {
        self.denials[reason as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fill_has_the_row_of_the_first_sample_that_is_not_before_it() {
        let samples = [10, 20, 20, 30, 40];
        // The one at 15 was told late.
        let at = [5, 10, 11, 31, 15, 20, 40, 41];
        let mut recorder = Recorder::new(Cash::ZERO, 1);
        for venue_ns in at {
            recorder.filled(Fill {
                venue_ns: Nanos::new(venue_ns),
                instrument: InstrumentId(0),
                order: OrderId::new(0, 1),
                strategy: Some(StrategyId::FIRST),
                exec: ExecId(1),
                side: Side::Buy,
                kind: OrderKind::Market,
                price: Price::from_ticks(1),
                qty: Qty::from_lots(1),
                fee: Cash::ZERO,
                fee_amount: Cash::ZERO,
                fee_in: FeeIn::Quote,
                liquidity: Liquidity::Taker,
                path: FillPath::Market,
                row: 7,
            });
        }
        recorder.place_in(&samples);
        let rows: Vec<u32> = recorder.fills().iter().map(|fill| fill.row).collect();
        assert_eq!(rows, [0, 0, 1, 4, 1, 1, 4, 4]);
    }
}
