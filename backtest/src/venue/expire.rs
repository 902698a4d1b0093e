//! The end of a future: orders end, the position is settled in cash, and nothing trades after it.

use qt_engine::LedgerError;
use qt_types::{
    InstrumentId, OrderId, Price, Qty, RejectReason, Report, ReportKind, round_half_even,
};

use super::{Session, SimVenue};

impl SimVenue {
    /// Ends `instrument` at `now_ns`. A position is settled at `price_e9` (half-even to a tick), or
    /// at the last price; one that there was never a price for at what was paid for it.
    pub(super) fn expire_instrument(
        &mut self,
        instrument: InstrumentId,
        price_e9: Option<i64>,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        if self.tapes[instrument.index()].session == Session::Expired {
            return Ok(());
        }
        for at in 0..self.orders.len() {
            let order = &self.orders[at];
            if order.instrument == instrument && !order.ended {
                self.end(at, RejectReason::InstrumentExpired, now_ns);
            }
        }
        self.tidy_all();
        self.note_mark(instrument);
        let held = self.account.position(instrument);
        let spec = self.account.spec(instrument).ok_or(LedgerError::Overflow)?;
        let given = price_e9.map(|price_e9| {
            let ticks = round_half_even(i128::from(price_e9), i128::from(spec.tick_e9()));
            Price::from_ticks(i64::try_from(ticks).unwrap_or(i64::MAX))
        });
        let price = given.or(self.account.last(instrument));
        let (price, held) = match price {
            Some(price) => (price, held),
            None => (Price::ZERO, 0),
        };
        if held != 0 {
            self.account.settle(instrument, price)?;
            self.counts.settlements += 1;
        }
        let report = Report::plain(OrderId::NONE, ReportKind::Settled, RejectReason::None);
        let qty = Qty::from_lots(held);
        self.send(instrument, now_ns, Report { price, qty, ..report });
        self.watch(instrument);
        self.tapes[instrument.index()].enter(Session::Expired);
        self.cover(instrument, now_ns)
    }
}
