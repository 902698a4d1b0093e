//! What the plan of the venue does to the account and to our orders when its time has come.

use qt_engine::LedgerError;
use qt_types::{Cash, InstrumentId, OrderId, Price, Qty, RejectReason, Report, ReportKind};

use super::SimVenue;
use super::agenda::{Happening, Planned};

impl SimVenue {
    /// Lets happen what is planned for times up to `now_ns`. With books the commands that arrive do
    /// so by themselves; a loop over bars says when, because what happens when a bar ends comes
    /// after the bar.
    ///
    /// # Errors
    /// When the venue's books fail their check.
    pub fn apply_plan(&mut self, now_ns: i64) -> Result<(), LedgerError> {
        while let Some(planned) = self.agenda.take(now_ns) {
            self.happen(&planned)?;
            self.tidy_all();
        }
        Ok(())
    }

    fn happen(&mut self, planned: &Planned) -> Result<(), LedgerError> {
        let Planned { time_ns, instrument, what } = *planned;
        match what {
            Happening::Funding { rate_e9, mark_e9 } => {
                self.settle_funding(instrument, rate_e9, mark_e9, time_ns)
            }
            Happening::Session(session) => self.change_session(instrument, session, time_ns),
            Happening::LinkLost { cancels } => {
                self.lose_link(cancels, time_ns);
                Ok(())
            }
            Happening::Asked { order, kind, reason } => {
                self.send(instrument, time_ns, Report::plain(order, kind, reason));
                Ok(())
            }
            Happening::Bust => self.bust(instrument, time_ns),
            Happening::Expiry { price_e9 } => self.expire_instrument(instrument, price_e9, time_ns),
            Happening::Rate { currency, rate } => {
                self.change_rate(currency, rate, time_ns);
                Ok(())
            }
        }
    }

    /// Position x mark x rate, as an event of its own; nothing without a position or a price.
    fn settle_funding(
        &mut self,
        instrument: InstrumentId,
        rate_e9: i64,
        mark_e9: Option<i64>,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        self.note_mark(instrument);
        let lots = self.account.position(instrument);
        let Some(spec) = self.account.spec(instrument).filter(|_| lots != 0) else {
            return Ok(());
        };
        let last = self.account.last(instrument).map(Price::ticks);
        let own_e9 = last.and_then(|ticks| ticks.checked_mul(spec.tick_e9()));
        let Some(mark_e9) = mark_e9.or(own_e9) else { return Ok(()) };
        let worth = spec.notional_at(mark_e9, Qty::from_lots(lots));
        let paid = worth.and_then(|worth| worth.times_rate(rate_e9));
        let paid = paid.ok_or(LedgerError::Overflow)?;
        let mark = Price::from_ticks(mark_e9 / spec.tick_e9());
        self.counts.fundings += 1;
        if paid != Cash::ZERO {
            self.account.fund(instrument, paid)?;
            let report = Report::plain(OrderId::NONE, ReportKind::Funding, RejectReason::None);
            self.send(instrument, now_ns, Report { fee: paid, price: mark, ..report });
            self.cover(instrument, now_ns)?;
        }
        self.check_margin(instrument, now_ns)
    }
}
