//! Halts and auctions that were planned: while one lasts, nothing of ours meets the market.

use qt_engine::LedgerError;
use qt_types::{
    InstrumentId, OrderId, OrderKind, Qty, RejectReason, Report, ReportKind, TimeInForce,
};
use serde::{Deserialize, Serialize};

use super::order::Since;
use super::{SimOrder, SimVenue, Tape};

/// What a venue lets happen in an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Session {
    /// Trading.
    #[default]
    Open,
    /// Nothing but cancels.
    Halted,
    /// Orders are collected; nothing trades.
    Auction,
    /// The instrument has expired: nothing any more.
    Expired,
}

impl Tape {
    /// Something of ours came that meets the market.
    pub(super) const fn came(&mut self) {
        *self.counter() += 1;
    }

    /// Something of ours went.
    pub(super) const fn went(&mut self) {
        *self.counter() -= 1;
    }

    /// What meets the market is counted where the market looks; while nothing does, elsewhere.
    const fn counter(&mut self) -> &mut u32 {
        match self.session {
            Session::Open => &mut self.live,
            Session::Halted | Session::Auction | Session::Expired => &mut self.parked,
        }
    }

    pub(super) fn enter(&mut self, session: Session) {
        match (self.session, session) {
            (Session::Open, Session::Halted | Session::Auction | Session::Expired) => {
                (self.parked, self.live) = (self.live, 0);
            }
            (Session::Halted | Session::Auction, Session::Open) => {
                (self.live, self.parked) = (self.parked, 0);
            }
            _ => {}
        }
        self.session = session;
    }
}

impl SimVenue {
    /// Why an order that arrives now is not taken, if it is not.
    pub(super) fn session_refuses(&self, order: &SimOrder) -> Option<RejectReason> {
        let at_once = matches!(order.tif, TimeInForce::Ioc | TimeInForce::Fok);
        match self.tapes.get(order.instrument.index())?.session {
            Session::Open => None,
            Session::Halted => Some(RejectReason::Halted),
            Session::Expired => Some(RejectReason::InstrumentExpired),
            Session::Auction if at_once || order.kind == OrderKind::Market => {
                Some(RejectReason::AuctionOnly)
            }
            Session::Auction => None,
        }
    }

    /// Whether what comes to the book now meets it.
    pub(super) fn is_open(&self, instrument: InstrumentId) -> bool {
        self.tapes.get(instrument.index()).is_none_or(|tape| tape.session == Session::Open)
    }

    /// The session changes, and we are told. When trading goes on, our orders meet the market as
    /// it stands, oldest first, and go to the end of their queues.
    pub(super) fn change_session(
        &mut self,
        instrument: InstrumentId,
        session: Session,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let tape = &mut self.tapes[instrument.index()];
        // A halt that was planned to end after the expiry ends nothing.
        if tape.session == session || tape.session == Session::Expired {
            return Ok(());
        }
        tape.enter(session);
        let is_open = session == Session::Open;
        let status = Report::plain(OrderId::NONE, ReportKind::Status, RejectReason::None);
        self.send(instrument, now_ns, Report { qty: Qty::from_lots(i64::from(is_open)), ..status });
        if !is_open {
            return Ok(());
        }
        let since = self.since(instrument, now_ns);
        for at in 0..self.orders.len() {
            let order = &mut self.orders[at];
            if order.instrument != instrument || order.ended || order.since == Since::Held {
                continue;
            }
            (order.queue, order.since) = (None, since);
            self.enter_book(at, now_ns)?;
        }
        self.tidy(instrument);
        self.activate_children(instrument, now_ns)?;
        if self.is_watched(instrument) {
            self.note_mark(instrument);
            self.check_margin(instrument, now_ns)?;
        }
        Ok(())
    }
}
