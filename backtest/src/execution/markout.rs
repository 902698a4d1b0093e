//! Markouts: what a fill was worth a while later, before fees.

use qt_types::{InstrumentId, Liquidity, Side};

use super::mean::Mean;
use crate::recorder::Fill;

/// When the middle of a book is looked at, in ns after a fill. Zero: just before it.
pub const NS_STEPS: [i64; 7] =
    [0, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000, 60_000_000_000];

/// Which closes are looked at after a fill on bars: the first one after it and so on.
pub const BAR_STEPS: [i64; 6] = [1, 2, 5, 10, 20, 60];

/// What the steps are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds of the venue's clock, against the middle of its book.
    Ns,
    /// Bars, against their closes.
    Bars,
}

/// The markouts of the fills of one instrument, side and liquidity at one step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cell {
    /// In ticks, fill by fill.
    pub ticks: Mean,
    /// In basis points of their own prices, fill by fill.
    pub bps: Mean,
    /// Their sum over the quantities, in half ticks x lots.
    pub value_x2: i128,
    /// The fills in that sum at their own prices, in ticks x lots.
    pub paid: i128,
}

impl Cell {
    /// Adds all that another cell of the same instrument has.
    fn merge(&mut self, other: &Self) {
        self.ticks.merge(&other.ticks);
        self.bps.merge(&other.bps);
        self.value_x2 += other.value_x2;
        self.paid += other.paid;
    }
}

/// All markouts of a run.
#[derive(Clone, Debug)]
pub struct Markouts {
    unit: Unit,
    steps: &'static [i64],
    cells: Vec<Cell>,
}

impl Markouts {
    /// None yet, for a run with that many instruments.
    #[must_use]
    pub fn new(unit: Unit, instruments: usize) -> Self {
        let steps: &'static [i64] = match unit {
            Unit::Ns => &NS_STEPS,
            Unit::Bars => &BAR_STEPS,
        };
        Self { unit, steps, cells: vec![Cell::default(); instruments * 4 * steps.len()] }
    }

    /// What the steps are counted in.
    #[must_use]
    pub const fn unit(&self) -> Unit {
        self.unit
    }

    /// How long after the fills.
    #[must_use]
    pub const fn steps(&self) -> &'static [i64] {
        self.steps
    }

    fn place(&self, of: InstrumentId, liquidity: Liquidity, side: Side, step: usize) -> usize {
        let group = (of.index() * 2 + liquidity as usize) * 2 + side as usize;
        group * self.steps.len() + step
    }

    /// The market stood at half of `price_x2` (ticks) at step `step` after `fill`.
    pub fn add(&mut self, fill: &Fill, step: usize, price_x2: i64) {
        let place = self.place(fill.instrument, fill.liquidity, fill.side, step);
        let Some(cell) = self.cells.get_mut(place) else { return };
        let lots = i128::from(fill.qty.lots());
        let paid = i128::from(fill.price.ticks());
        let gain_x2 = (i128::from(price_x2) - 2 * paid) * i128::from(fill.side.sign());
        cell.ticks.add(gain_x2 as f64 / 2.0);
        if paid > 0 {
            cell.bps.add(gain_x2 as f64 / 2.0 / paid as f64 * 1e4);
        }
        cell.value_x2 += gain_x2 * lots;
        cell.paid += paid * lots;
    }

    /// The fills of `instrument` that were `liquidity` and `side`, at step `step`.
    #[must_use]
    pub fn cell(
        &self,
        instrument: InstrumentId,
        liquidity: Liquidity,
        side: Side,
        step: usize,
    ) -> Cell {
        let place = self.place(instrument, liquidity, side, step);
        self.cells.get(place).copied().unwrap_or_default()
    }

    /// The same for both sides together.
    #[must_use]
    pub fn both_sides(&self, instrument: InstrumentId, liquidity: Liquidity, step: usize) -> Cell {
        let mut sum = Cell::default();
        for side in [Side::Buy, Side::Sell] {
            sum.merge(&self.cell(instrument, liquidity, side, step));
        }
        sum
    }
}
