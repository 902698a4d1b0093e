//! An account's value and positions, from the pipeline's own books.

use std::sync::Arc;

use qt_engine::Exposure;
use qt_types::{Cash, InstrumentId, Nanos};

use super::units::{cash_amount, price_amount, qty_amount, scaled};
use qt_trading::ids::AccountId;
use qt_trading::time::Time;
use qt_trading::{Portfolio, Position};

/// A day in nanoseconds.
const DAY_NS: i64 = 86_400_000_000_000;

/// The end of the UTC day of `now_ns`.
pub const fn day_end(now_ns: Nanos) -> Nanos {
    Nanos::new((now_ns.get().div_euclid(DAY_NS) + 1).saturating_mul(DAY_NS))
}

/// What the books do not tell.
#[derive(Debug)]
pub struct Account {
    id: AccountId,
    /// The day, and the equity at its start.
    pub(super) day: Option<(i64, Cash)>,
    /// When positions were opened.
    pub(super) opened: Vec<Option<Time>>,
}

impl Account {
    pub fn new(id: AccountId, instruments: usize) -> Self {
        Self { id, day: None, opened: vec![None; instruments] }
    }

    /// The equity at the start of `day`, as an earlier process has written it down.
    pub const fn begin_day(&mut self, day: i64, equity: Cash) {
        self.day = Some((day, equity));
    }

    /// Where a new day has begun: the day, and the equity at its start.
    pub fn turn_day(&mut self, exposure: &Exposure<'_>, now_ns: Nanos) -> Option<(i64, Cash)> {
        let day = now_ns.get().div_euclid(DAY_NS);
        if self.day.is_some_and(|(known, _)| known == day) {
            return None;
        }
        // The first day of an account begins with what the account begins with, whatever was
        // traded before this is asked.
        let equity = match self.day {
            None => exposure.ledger.initial(),
            Some(_) => exposure.equity().ok()?,
        };
        self.day = Some((day, equity));
        self.day
    }

    /// A position has changed at `at`.
    pub fn moved(&mut self, instrument: InstrumentId, exposure: &Exposure<'_>, at: Time) {
        if let Some(opened) = self.opened.get_mut(instrument.index()) {
            let is_flat = exposure.position(instrument).is_zero();
            *opened = if is_flat { None } else { opened.or(Some(at)) };
        }
    }

    /// The position in an instrument, also where it is flat.
    pub fn position(&self, instrument: InstrumentId, exposure: &Exposure<'_>) -> Option<Position> {
        let spec = exposure.spec(instrument)?;
        let held = exposure.ledger.position(instrument);
        let mark = exposure.market.mark(instrument);
        let value = mark.and_then(|mark| held.worth(spec, mark)).unwrap_or_default();
        let unrealised = mark.and_then(|mark| held.unrealised(spec, mark)).unwrap_or_default();
        let units = i128::from(held.qty().lots()) * i128::from(spec.lot_e9());
        let units = units * i128::from(spec.multiplier_e9()) / i128::from(qt_types::E9);
        let average = match units {
            0 => 0,
            units => held.cost().nano().saturating_mul(qt_types::E9.into()) / units,
        };
        Some(Position {
            symbol: spec.symbol().to_owned(),
            quantity: qty_amount(spec, held.qty()),
            average_price: scaled(average, 9),
            mark_price: mark.map(|mark| price_amount(spec, mark)),
            market_value: cash_amount(value),
            unrealized_pnl: cash_amount(unrealised),
            realized_pnl: cash_amount(held.realised()),
            fees: cash_amount(held.fees()),
            opened_at: self.opened.get(instrument.index()).copied().flatten(),
        })
    }

    /// All of it, as of `now_ns`.
    pub fn portfolio(&self, exposure: &Exposure<'_>, open: usize, now_ns: Nanos) -> Arc<Portfolio> {
        let ledger = exposure.ledger;
        let equity = exposure.equity().unwrap_or_default();
        let (mut gross, mut net, mut unrealised) = (Cash::ZERO, Cash::ZERO, Cash::ZERO);
        let mut positions = Vec::new();
        for &instrument in ledger.held() {
            let (Some(spec), mark) = (exposure.spec(instrument), exposure.market.mark(instrument))
            else {
                continue;
            };
            let held = ledger.position(instrument);
            let value = mark.and_then(|mark| held.worth(spec, mark)).unwrap_or_default();
            gross += value.abs();
            net += value;
            unrealised += mark.and_then(|mark| held.unrealised(spec, mark)).unwrap_or_default();
            positions.extend(self.position(instrument, exposure));
        }
        positions.sort_by(|a: &Position, b| a.symbol.cmp(&b.symbol));
        let begun = self.day.map_or(ledger.initial(), |(_, equity)| equity);
        Arc::new(Portfolio {
            account_id: self.id,
            account_type: "paper".to_owned(),
            currency: "USD".to_owned(),
            equity: cash_amount(equity),
            cash: cash_amount(ledger.cash()),
            initial_capital: cash_amount(ledger.initial()),
            realized_pnl: cash_amount(ledger.realised() - ledger.fees()),
            unrealized_pnl: cash_amount(unrealised),
            day_pnl: cash_amount(equity - begun),
            fees: cash_amount(ledger.fees()),
            gross_exposure: cash_amount(gross),
            net_exposure: cash_amount(net),
            open_orders: open,
            positions,
            as_of: Time(now_ns.get()),
        })
    }
}
