//! Reports that are about the account or a position, and about no order of ours.

use qt_types::{InstrumentId, InstrumentSpec, Price, RejectReason, Report, ReportKind, Side};

use super::execution::Execution;
use crate::command::{Command, Proof};
use crate::ledger::{Deal, LedgerError};
use crate::oms::{Order, Pending};
use crate::sink::Sink;

impl Execution {
    /// Whether the report is about no order; then it is booked.
    pub(super) fn is_of_account(
        &mut self,
        specs: &[InstrumentSpec],
        instrument: InstrumentId,
        report: &Report,
        out: &mut impl Sink<Command>,
    ) -> Result<bool, LedgerError> {
        match report.kind {
            ReportKind::Carry => self.ledger.charge(instrument, report.fee)?,
            ReportKind::Funding => self.ledger.fund(instrument, report.fee)?,
            ReportKind::Liquidated => self.on_liquidation(specs, instrument, report)?,
            ReportKind::Settled => self.on_settlement(specs, instrument, report, out)?,
            ReportKind::Exchanged => {
                let (currency, rate) = report.rate().ok_or(LedgerError::NoRate)?;
                self.ledger.exchange(currency, report.fee, rate)?;
            }
            ReportKind::Rate | ReportKind::Status => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The instrument has expired: what was held is settled, and what waits with us for its price
    /// ends.
    fn on_settlement(
        &mut self,
        specs: &[InstrumentSpec],
        instrument: InstrumentId,
        report: &Report,
        out: &mut impl Sink<Command>,
    ) -> Result<(), LedgerError> {
        let spec = specs.get(instrument.index()).ok_or(LedgerError::Overflow)?;
        // Also where the account holds nothing: strategies may hold it against each other.
        if !report.qty.is_zero() || report.price != Price::ZERO {
            self.ledger.settle(spec, instrument, report.price)?;
        }
        let is_open =
            |order: &&Order| order.instrument == instrument && order.pending() != Pending::Cancel;
        loop {
            let next = self.orders.iter().find(is_open).map(|order| order.id);
            let Some(id) = next else { return Ok(()) };
            self.cancel(id, RejectReason::InstrumentExpired, Proof::of_cleanup(), out);
            let is_still = |order: &Order| order.pending() != Pending::Cancel;
            if self.orders.get(id).is_some_and(is_still) {
                return Ok(());
            }
        }
    }

    /// The venue closed what it says of the position.
    fn on_liquidation(
        &mut self,
        specs: &[InstrumentSpec],
        instrument: InstrumentId,
        report: &Report,
    ) -> Result<(), LedgerError> {
        let spec = specs.get(instrument.index()).ok_or(LedgerError::Overflow)?;
        let is_long = self.ledger.position(instrument).qty().lots() > 0;
        let side = if is_long { Side::Sell } else { Side::Buy };
        let Report { price, qty, fee, .. } = *report;
        let deal = Deal::new(instrument, side, price, qty).with_fee(fee);
        self.ledger.close_own(spec, &deal)?;
        self.ledger.fill(spec, &deal)
    }
}
