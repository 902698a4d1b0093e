//! Orders that wait with us because their venue cannot hold them: what they wait for, and how
//! they leave.

use qt_types::{InstrumentId, RejectReason};

use super::Pipeline;
use crate::emulate::Seen;
use crate::market::Completed;
use crate::outbox::Outbox;
use crate::port::{Exposure, Gate, Strategy};
use crate::sink::Sink;
use crate::stage::best;

impl<S: Strategy, G: Gate> Pipeline<S, G> {
    /// A price was seen: orders that waited for it with us go out.
    #[inline]
    pub(super) fn see(&mut self, instrument: InstrumentId, seen: Option<Seen>, out: &mut Outbox) {
        if !self.execution.holds_nothing()
            && let Some(seen) = seen
        {
            self.execution.on_price(instrument, &seen);
            self.let_go(out);
        }
    }

    /// Without trades the best prices are what orders wait for.
    #[inline]
    pub(super) fn see_best(
        &mut self,
        instrument: InstrumentId,
        completed: Completed,
        out: &mut Outbox,
    ) {
        if !self.execution.holds_nothing()
            && completed == Completed::TopChange
            && self.market.last_trade(instrument).is_none()
        {
            self.see(instrument, best(&self.market, instrument), out);
        }
    }

    /// Sends off what waits for nothing any more, unless the gate does not let it go.
    #[inline]
    pub(super) fn let_go(&mut self, out: &mut Outbox) {
        if !self.execution.holds_nothing() {
            self.let_ready_go(out);
        }
    }

    #[inline(never)]
    fn let_ready_go(&mut self, out: &mut Outbox) {
        while let Some(new) = self.execution.first_ready() {
            match self.risk.gate.let_go(&new, &exposure!(self)) {
                Ok(()) => self.execution.release(new.order, &mut out.commands),
                Err(_) => {
                    self.execution.end_held(new.order, RejectReason::RiskDenied);
                }
            }
        }
    }

    #[inline(never)]
    pub(super) fn put_notices(&mut self, out: &mut Outbox) {
        for notice in self.execution.notices.as_slice() {
            out.notices.push(*notice);
        }
        self.execution.notices.clear();
    }
}
