//! Derivatives whose margin is used up: the venue ends our orders and closes the position at the
//! price at which nothing of the margin is left, which is the pessimistic one.

use qt_engine::{Deal, LedgerError};
use qt_types::{
    ExecId, FeeIn, InstrumentId, Liquidity, OrderId, Price, Qty, RejectReason, Report, ReportKind,
};

use super::{FillPath, MarginMode, SimVenue, closing_side};

impl SimVenue {
    /// After a change of the position: from now on, or no longer, prices are held against its
    /// margin.
    pub(super) fn watch(&mut self, instrument: InstrumentId) {
        let index = instrument.index();
        let is_margined = self.config.scene.margin.is_some()
            && self.account.spec(instrument).is_some_and(qt_types::InstrumentSpec::is_derivative);
        let is_watched = is_margined && self.account.position(instrument) != 0;
        let tape = &mut self.tapes[index];
        if tape.is_watched == is_watched {
            return;
        }
        tape.is_watched = is_watched;
        // A position that is watched meets what our orders meet.
        if is_watched {
            tape.came();
            self.watched += 1;
        } else {
            tape.went();
            self.watched -= 1;
        }
        self.watch_book(instrument, is_watched);
    }

    /// Whether the position in `instrument` is held against its margin.
    #[inline]
    pub(super) fn is_watched(&self, instrument: InstrumentId) -> bool {
        self.tapes.get(instrument.index()).is_some_and(|tape| tape.is_watched)
    }

    /// Holds the position in `instrument` against its margin at `price`, of which the account has
    /// not heard yet.
    pub(super) fn check_margin_at(
        &mut self,
        instrument: InstrumentId,
        price: Price,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        if !self.is_watched(instrument) {
            return Ok(());
        }
        let before = self.account.last(instrument);
        self.account.set_last(instrument, price);
        let checked = self.check_margin(instrument, now_ns);
        if let Some(before) = before {
            self.account.set_last(instrument, before);
        }
        checked
    }

    /// The same at the price that the account knows.
    pub(super) fn check_margin(
        &mut self,
        instrument: InstrumentId,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let Some(rules) = self.config.scene.margin.as_ref().filter(|_| self.is_watched(instrument))
        else {
            return Ok(());
        };
        let is_short = self.account.short_of_margin(rules, instrument, now_ns);
        if !is_short.ok_or(LedgerError::Overflow)? {
            return Ok(());
        }
        self.counts.liquidations += 1;
        if rules.mode == MarginMode::Isolated {
            let price = self.account.bankruptcy_price(rules, instrument, now_ns);
            return self.liquidate(instrument, price, now_ns);
        }
        // All prices before the first close: each takes its share of what is left.
        let prices: Vec<(InstrumentId, Option<Price>)> = (0..self.tapes.len())
            .filter_map(|index| u16::try_from(index).ok().map(InstrumentId))
            .filter(|&held| self.is_watched(held))
            .map(|held| (held, self.account.bankruptcy_price(rules, held, now_ns)))
            .collect();
        prices.into_iter().try_for_each(|(held, price)| self.liquidate(held, price, now_ns))
    }

    fn liquidate(
        &mut self,
        instrument: InstrumentId,
        price: Option<Price>,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        for at in 0..self.orders.len() {
            let order = &self.orders[at];
            if order.instrument == instrument && !order.ended {
                self.end(at, RejectReason::Liquidated, now_ns);
            }
        }
        let price = price.ok_or(LedgerError::Overflow)?;
        let held = self.account.position(instrument);
        let (side, qty) = (closing_side(held), Qty::from_lots(held).abs());
        let spec = self.account.spec(instrument);
        let worth = spec.and_then(|spec| spec.notional(price, qty));
        let fee = worth.and_then(|worth| self.fee_of(worth, Liquidity::Taker, now_ns));
        let fee = fee.ok_or(LedgerError::Overflow)?;
        let fee_in = FeeIn::Quote;
        self.account.book(&Deal { instrument, side, price, qty, fee, fee_in }, now_ns)?;
        let row = self.tapes[instrument.index()].bar.row;
        self.executions.push((row, FillPath::Market));
        let report = Report::plain(OrderId::NONE, ReportKind::Liquidated, RejectReason::Liquidated);
        let exec = ExecId(self.executions.len() as u64);
        self.send(instrument, now_ns, Report { exec, price, qty, fee, ..report });
        self.cover(instrument, now_ns)?;
        self.watch(instrument);
        Ok(())
    }
}
