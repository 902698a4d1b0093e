//! Playing trades at the venue. A trade meets our orders in the order of their arrival, at its one
//! price; what one of them takes of its quantity is gone for the next.

use qt_engine::LedgerError;
use qt_types::{Bar, BarFlags, Event, InstrumentId, OrderKind, Payload, Trade};

use super::bars::budget_of;
use super::config::FillAt;
use super::matching::{self, Outcome};
use super::order::Since;
use super::side_bar::SideBar;
use super::{SimVenue, VenueConfig};

impl SimVenue {
    /// A trade: whatever its price meets fills, as far as its quantity goes.
    ///
    /// # Errors
    /// When the venue's books fail their check.
    pub fn on_trade(&mut self, event: &Event) -> Result<(), LedgerError> {
        let Payload::Trade(trade) = &event.payload else { return Ok(()) };
        let (instrument, now_ns) = (event.instrument, event.venue_ns.get());
        let bar = bar_of(trade, event);
        let tape = &mut self.tapes[instrument.index()];
        tape.budget = lots_to_be_had(&bar, &self.config);
        (tape.bar, tape.close_ns, tape.is_open) = (bar, now_ns, false);
        if tape.live > 0 {
            self.check_margin_at(instrument, bar.close, now_ns)?;
            self.meet(instrument, &bar, now_ns)?;
            if self.config.fill_at == FillAt::Close {
                self.fill_at_close(instrument, &bar, now_ns)?;
            }
            self.finish_bar(instrument, &bar, now_ns);
            self.sweep();
        }
        self.account.mark(event);
        Ok(())
    }

    /// Lets the orders of `instrument` meet a trade, oldest first. That its quantity is used up
    /// does not keep a stop from being triggered.
    fn meet(
        &mut self,
        instrument: InstrumentId,
        bar: &Bar,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let touch = self.config.touch_fills;
        for at in 0..self.orders.len() {
            let order = &mut self.orders[at];
            if order.instrument != instrument || order.ended {
                continue;
            }
            if order.kind == OrderKind::Market && self.config.fill_at == FillAt::Close {
                continue;
            }
            if order.since == Since::Before && order.arrival_ns > now_ns {
                order.since = Since::Later;
            }
            let side = SideBar::of(bar, order.side);
            let outcome = match matching::at_open(order, &side, bar.flags, touch) {
                Outcome::Rests => matching::inside(order, &side, touch),
                outcome => outcome,
            };
            self.act(at, outcome, now_ns, Since::Open)?;
        }
        self.end_immediate(instrument, now_ns, false);
        Ok(())
    }
}

/// A trade as a bar of one price. There is no gap before it: the trades before it were met too.
fn bar_of(trade: &Trade, event: &Event) -> Bar {
    let unsized_flag = if trade.qty.is_zero() { BarFlags::NO_VOLUME } else { BarFlags::NONE };
    Bar {
        open_ns: event.venue_ns,
        open: trade.price,
        high: trade.price,
        low: trade.price,
        close: trade.price,
        volume: trade.qty,
        half_spread: [0; 4],
        flags: trade.flags.without(BarFlags::SESSION_START).with(unsized_flag),
        row: trade.row,
    }
}

/// How many lots of a trade our orders may have; `None` for any number.
fn lots_to_be_had(bar: &Bar, config: &VenueConfig) -> Option<i64> {
    let share = budget_of(bar, config.participation_e9);
    if config.whole_fills || bar.flags.has(BarFlags::NO_VOLUME) {
        return share;
    }
    let lots = bar.volume.lots();
    Some(share.map_or(lots, |share| share.min(lots)))
}
