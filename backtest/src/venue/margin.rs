//! How much of its own money an account must have behind its derivatives.

use qt_engine::LedgerError;
use qt_types::{Cash, InstrumentId, InstrumentSpec, Price};

use super::account::VenueAccount;

/// Whether each position stands for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MarginMode {
    /// Each position has the margin that was put up for it, and loses no more than that.
    #[default]
    Isolated,
    /// All of the equity stands behind all positions.
    Cross,
}

/// A step of a margin table: what holds for positions worth more than `floor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bracket {
    /// From which worth on.
    pub floor: Cash,
    /// The least margin to open, in billionths of the worth; zero where only the leverage counts.
    pub initial_e9: i64,
    /// The margin to keep, in billionths of the worth ...
    pub maintenance_e9: i64,
    /// ... less this, so that the steps join.
    pub deduct: Cash,
}

/// The brackets of an instrument from some time on, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarginTable {
    /// From when on (UTC ns).
    pub from_ns: i64,
    /// The brackets.
    pub brackets: Vec<Bracket>,
}

/// The margin rules of a venue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarginRules {
    /// Whether each position stands for itself.
    pub mode: MarginMode,
    /// The tables of each instrument, the oldest first. Without one the margin to keep is half of
    /// what the leverage asks for to open.
    pub tables: Vec<Vec<MarginTable>>,
}

impl MarginTable {
    /// Brackets of (floor, margin to open, margin to keep), the lowest first, that join: where one
    /// ends and the next begins both ask for the same.
    ///
    /// # Errors
    /// When an amount leaves 128 bits.
    pub fn joined(from_ns: i64, steps: &[(Cash, i64, i64)]) -> Result<Self, LedgerError> {
        let mut brackets: Vec<Bracket> = Vec::with_capacity(steps.len());
        for &(floor, initial_e9, maintenance_e9) in steps {
            let before = brackets.last();
            let risen = maintenance_e9 - before.map_or(maintenance_e9, |b| b.maintenance_e9);
            let more = floor.times_rate(risen).ok_or(LedgerError::Overflow)?;
            let deduct = before.map_or(Cash::ZERO, |bracket| bracket.deduct) + more;
            brackets.push(Bracket { floor, initial_e9, maintenance_e9, deduct });
        }
        Ok(Self { from_ns, brackets })
    }
}

impl MarginRules {
    /// The bracket of a position worth `worth` (zero or more) at `now_ns`.
    fn bracket(&self, instrument: InstrumentId, worth: Cash, now_ns: i64) -> Option<&Bracket> {
        let tables = self.tables.get(instrument.index())?;
        let table = tables.iter().rev().find(|table| table.from_ns <= now_ns)?;
        table.brackets.iter().rev().find(|bracket| bracket.floor <= worth)
    }
}

impl VenueAccount {
    fn is_margined(&self, instrument: InstrumentId) -> bool {
        self.spec(instrument).is_some_and(InstrumentSpec::is_derivative)
    }

    /// What must be put up to open a position worth `worth`.
    pub(super) fn initial_margin(
        &self,
        rules: &MarginRules,
        instrument: InstrumentId,
        worth: Cash,
        now_ns: i64,
    ) -> Option<Cash> {
        let by_leverage = self.kind().initial_margin(worth);
        match rules.bracket(instrument, worth, now_ns) {
            None => Some(by_leverage),
            Some(bracket) => Some(by_leverage.max(worth.times_rate(bracket.initial_e9)?)),
        }
    }

    /// What must be there to keep it.
    fn maintenance_margin(
        &self,
        rules: &MarginRules,
        instrument: InstrumentId,
        worth: Cash,
        now_ns: i64,
    ) -> Option<Cash> {
        match rules.bracket(instrument, worth, now_ns) {
            None => Some(self.kind().maintenance_margin(worth)),
            Some(bracket) => Some(worth.times_rate(bracket.maintenance_e9)? - bracket.deduct),
        }
    }

    /// The derivatives that are to be closed at `now_ns`, because the margin behind `changed` or,
    /// with a common margin, behind all of them is at or below what must be there.
    pub(super) fn short_of_margin(
        &self,
        rules: &MarginRules,
        changed: InstrumentId,
        now_ns: i64,
    ) -> Option<bool> {
        if rules.mode == MarginMode::Isolated {
            let (posted, open, worth) = self.stake(rules, changed, now_ns)?;
            let kept = self.maintenance_margin(rules, changed, worth, now_ns)?;
            return Some(worth > Cash::ZERO && posted + open <= kept);
        }
        let mut kept = Cash::ZERO;
        for &held in self.ledger().held().iter().filter(|&&held| self.is_margined(held)) {
            let (_, _, worth) = self.stake(rules, held, now_ns)?;
            let needed = self.maintenance_margin(rules, held, worth, now_ns)?;
            kept += self.in_account(held, needed)?;
        }
        Some(kept > Cash::ZERO && self.equity().ok()? <= kept)
    }

    /// What was put up for a position, its open profit, and what it is worth.
    fn stake(
        &self,
        rules: &MarginRules,
        instrument: InstrumentId,
        now_ns: i64,
    ) -> Option<(Cash, Cash, Cash)> {
        let spec = self.spec(instrument)?;
        let position = self.ledger().position(instrument);
        let posted = self.initial_margin(rules, instrument, position.cost().abs(), now_ns)?;
        let Some(last) = self.last(instrument) else {
            return Some((posted, Cash::ZERO, position.cost().abs()));
        };
        let (open, worth) = (position.value(spec, last)?, position.worth(spec, last)?);
        Some((posted, open, worth.abs()))
    }

    /// The first price at which what stands behind a position is lost, rounded to a tick against
    /// us: its own margin, or its share of all of the equity. Where no price does that, the last
    /// one.
    pub(super) fn bankruptcy_price(
        &self,
        rules: &MarginRules,
        instrument: InstrumentId,
        now_ns: i64,
    ) -> Option<Price> {
        let (posted, open, worth) = self.stake(rules, instrument, now_ns)?;
        let last = self.last(instrument)?;
        let least = match rules.mode {
            MarginMode::Isolated => -posted,
            MarginMode::Cross => {
                let equity = self.equity().ok()?.max(Cash::ZERO);
                let mut all = Cash::ZERO;
                for &held in self.ledger().held().iter().filter(|&&held| self.is_margined(held)) {
                    let worth = self.stake(rules, held, now_ns)?.2;
                    all += self.in_account(held, worth)?;
                }
                let worth = self.in_account(instrument, worth)?;
                let share = equity.nano().checked_mul(worth.nano())? / all.nano().max(1);
                open - self.in_instrument(instrument, Cash::from_nano(share))?
            }
        };
        Some(self.price_with(instrument, least).unwrap_or(last))
    }

    /// The price nearest to us at which the open profit is at most `least`.
    fn price_with(&self, instrument: InstrumentId, least: Cash) -> Option<Price> {
        let spec = self.spec(instrument)?;
        let position = self.ledger().position(instrument);
        let is_long = position.qty().lots() > 0;
        let is_lost = |ticks: i64| {
            position.value(spec, Price::from_ticks(ticks)).is_some_and(|open| open <= least)
        };
        // In the direction that loses: `kept` is not lost, `lost` is.
        let (mut kept, mut lost) = if is_long { (PRICE_MAX, 1) } else { (1, PRICE_MAX) };
        if !is_lost(lost) {
            // Not even the worst price does it; down there it is the lowest tick.
            return is_long.then_some(Price::from_ticks(1));
        }
        while kept.abs_diff(lost) > 1 {
            let middle = kept.midpoint(lost);
            *(if is_lost(middle) { &mut lost } else { &mut kept }) = middle;
        }
        Some(Price::from_ticks(lost))
    }
}

/// No price is higher, in ticks.
const PRICE_MAX: i64 = 1 << 40;
