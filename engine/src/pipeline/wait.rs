//! Orders that wait with us because their venue cannot hold them, and orders that are worked in
//! parts: what they wait for, and how they leave.

use qt_types::{Bar, BarFlags, InstrumentId, RejectReason};

use super::Pipeline;
use crate::command::{Command, NewOrder};
use crate::emulate::Seen;
use crate::market::Completed;
use crate::outbox::Outbox;
use crate::port::{Exposure, Gate, Strategy};
use crate::sink::Sink;
use crate::stage::{Worked, best};

/// How often one event may make one order act that is worked.
const ROUNDS_MAX: usize = 8;

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

    /// A completed bar was seen, which may be the last one of its session.
    #[inline]
    pub(super) fn see_bar(&mut self, instrument: InstrumentId, bar: &Bar, out: &mut Outbox) {
        if self.execution.holds_nothing() {
            return;
        }
        if bar.flags.has(BarFlags::SESSION_END) {
            let now_ns = self.market.now_ns();
            self.execution.end_session(instrument, now_ns);
        }
        self.see(instrument, Some(Seen::bar(bar)), out);
    }

    /// Without trades the best prices are what orders wait for.
    #[inline]
    pub(super) fn see_best(
        &mut self,
        instrument: InstrumentId,
        completed: Completed,
        out: &mut Outbox,
    ) {
        if self.execution.holds_nothing() || completed != Completed::TopChange {
            return;
        }
        self.execution.best_changed(instrument);
        if self.market.last_trade(instrument).is_none() {
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
                Ok(()) => self.execution.release(new.order, &self.market, &mut out.commands),
                Err(_) => {
                    self.execution.end_held(new.order, RejectReason::RiskDenied);
                }
            }
        }
    }

    /// Works the orders that the venue cannot do by itself, oldest first. What goes out the gate
    /// lets go like everything that waited.
    #[inline(never)]
    pub(super) fn run_works(&mut self, out: &mut Outbox) {
        self.execution.work_is_done();
        self.execution.end_overdue(self.market.now_ns());
        let mut at = 0;
        while at < self.execution.works_len() {
            let mut is_gone = false;
            for _ in 0..ROUNDS_MAX {
                match self.execution.work(at, &self.market, &mut out.commands) {
                    Worked::Done => break,
                    Worked::More => {}
                    Worked::Sends { part, is_reduce_only } => {
                        // The gate knows the order, and as what it was asked for.
                        let (order, reduce_only) = (part.order.whole(), is_reduce_only);
                        let whole = NewOrder { order, reduce_only, ..part };
                        match self.risk.gate.let_go(&whole, &exposure!(self)) {
                            Ok(()) => {
                                out.commands.push(Command::New(part));
                            }
                            Err(_) => self.execution.hold_back(at),
                        }
                    }
                    Worked::Gone => {
                        is_gone = true;
                        break;
                    }
                }
            }
            at += usize::from(!is_gone);
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
