//! An order that the engine works at a venue that could not do it by itself: as parts, of which
//! at most one stands at the venue at a time.
//!
//! What the venue should have is worked out anew whenever something happens ([`Work::wanted`])
//! and held against what it has. Where they differ the part is changed, or ended and followed by
//! another one: never before its end is known and every execution that its venue counted has been
//! heard of, so that filled and open together are at most the order.

mod part;
mod reports;
mod want;

use qt_types::{Cancel, Lacks, Nanos, OrderId, OrderKind, Qty, RejectReason, Replace, ReportKind};
use serde::{Deserialize, Serialize};

use crate::command::{CancelOrder, NewOrder, Proof, ReplaceOrder};
use crate::market::Market;
use crate::oms::{Order, Pending};
use part::{Changing, Part};
pub(crate) use reports::{Heard, leaves_after, still_there};
use want::Want;

/// A pegged order moves at most so often in [`MOVES_NS`]; then it waits for the next stretch.
const MOVES_MAX: u32 = 10;
const MOVES_NS: i64 = 1_000_000_000;

/// What the venue refused is not asked for again for this long.
const QUIET_NS: i64 = 1_000_000_000;

/// What an order is worked by: itself, the market as we know it, and the position.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'a> {
    /// As the order table has it; `None` once it is forgotten.
    pub(crate) order: Option<&'a Order>,
    pub(crate) market: &'a Market,
    /// Lots held of its instrument.
    pub(crate) held: Qty,
    pub(crate) now_ns: Nanos,
}

/// What is to be done for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Another part goes to the venue.
    Send(NewOrder),
    /// The part at the venue is changed.
    Change(ReplaceOrder),
    /// The part at the venue is to end.
    Cancel(CancelOrder),
    /// The order is over: its owner is told so.
    End(ReportKind, RejectReason),
    /// The change that its owner asked for holds.
    Changed(Replace),
    /// Nothing is left to be done.
    Forget,
}

/// An order that is worked.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Work {
    /// As it is to be at the venue, if the venue could do it; with its owner's changes.
    #[serde(with = "crate::command::stored::Kept")]
    pub(crate) new: NewOrder,
    /// What of it the venue lacks.
    does: Lacks,
    part: Option<Part>,
    /// How many parts there were.
    parts: u32,
    /// A change that its owner asked for and was not told of yet.
    change: Option<Replace>,
    /// Why it is coming to its end.
    ending: Option<(ReportKind, RejectReason)>,
    /// Whether its owner was told of its end.
    is_told: bool,
    /// Whether it met a price since its part is at the venue: without a book that is the chance
    /// of an order that takes at once.
    had_chance: bool,
    /// Lots whose execution was taken back after their part was over: the venue may have opened
    /// that again, so nobody works them.
    gone: i64,
    /// The part whose execution that was: it is to end, in case it is open.
    stray: Option<OrderId>,
    quiet_until: Nanos,
    /// When a pegged order began to count its moves, and how many there were.
    moves: (Nanos, u32),
    /// Its own end (UTC ns).
    until_ns: Nanos,
    /// When it looks at the clock next (UTC ns).
    pub(crate) wake_ns: Nanos,
}

/// What of `new` a venue that lacks `lacks` cannot do.
pub(crate) fn lacking(lacks: Lacks, new: &NewOrder) -> Lacks {
    use qt_types::TimeInForce as Tif;
    let of_tif = match new.tif {
        Tif::Gtc => Lacks::NOTHING,
        Tif::Day => Lacks::DAY,
        Tif::Gtd(_) => Lacks::GTD,
        Tif::Ioc => Lacks::IOC,
        // All or nothing is asked of the book we see; then it is one that takes at once.
        Tif::Fok if lacks.has(Lacks::FOK) => Lacks::FOK.with(Lacks::IOC),
        Tif::Fok => Lacks::NOTHING,
    };
    let needed = [
        (true, of_tif.with(Lacks::AMEND)),
        (new.display.lots() > 0, Lacks::ICEBERG),
        (matches!(new.kind, OrderKind::Pegged { .. }), Lacks::PEG),
        (new.post_only, Lacks::POST_ONLY),
        (new.reduce_only, Lacks::REDUCE_ONLY),
    ];
    let needs = needed.iter().filter(|(is_needed, _)| *is_needed);
    lacks.both(needs.fold(Lacks::NOTHING, |all, (_, one)| all.with(*one)))
}

/// Whether an order of which `lacking` is worked here must wait for its price here as well: its
/// parts are worked from its trigger on, which the venue does not tell.
pub(crate) fn needs_trigger(lacking: Lacks) -> bool {
    let from_trigger = Lacks::ICEBERG.with(Lacks::IOC).with(Lacks::FOK).with(Lacks::POST_ONLY);
    !lacking.both(from_trigger).is_nothing()
}

impl Work {
    /// The order `new`, of which the venue lacks `does`, from now on. `until_ns`: its own end.
    pub(crate) const fn new(new: NewOrder, does: Lacks, until_ns: Nanos) -> Self {
        Self {
            new,
            does,
            part: None,
            parts: 0,
            change: None,
            ending: None,
            is_told: false,
            had_chance: false,
            gone: 0,
            stray: None,
            quiet_until: Nanos::MIN,
            moves: (Nanos::MIN, 0),
            until_ns,
            wake_ns: Nanos::MAX,
        }
    }

    /// The order `new`, which was done by parts and filled until an execution of `part` was taken
    /// back: it is not worked again, and ends with all of it that may be open at the venue.
    pub(crate) const fn reopened(new: NewOrder, part: OrderId) -> Self {
        let work = Self::new(new, Lacks::NOTHING, Nanos::MAX);
        let ending = Some((ReportKind::Cancelled, RejectReason::TradeBusted));
        Self { ending, stray: Some(part), ..work }
    }

    /// The end of `part`, which is not the one at work, was refused: it is asked for again.
    pub(crate) fn end_again(&mut self, part: OrderId, now_ns: Nanos) {
        self.stray = Some(part);
        self.quiet_until = now_ns.saturating_add_ns(QUIET_NS);
    }

    pub(crate) const fn order(&self) -> OrderId {
        self.new.order
    }

    /// Whether it follows the best prices.
    pub(crate) const fn follows(&self) -> bool {
        self.does.has(Lacks::PEG)
    }

    /// Its owner wants it to end.
    pub(crate) fn cancel(&mut self, reason: RejectReason) {
        self.ending = self.ending.or(Some((ReportKind::Cancelled, reason)));
    }

    /// The session ended.
    pub(crate) fn end_session(&mut self) {
        if self.does.has(Lacks::DAY) {
            self.ending = self.ending.or(Some((ReportKind::Cancelled, RejectReason::SessionEnd)));
        }
    }

    /// Its owner wants it changed. Whether one of the two changes is none now: one that is on its
    /// way to the venue stands, any other is overtaken.
    pub(crate) fn change(&mut self, change: Replace) -> bool {
        let is_sent = |part: Part| part.changing.is_some_and(|changing| changing.is_owners);
        if self.part.is_some_and(is_sent) {
            return true;
        }
        self.change.replace(change).is_some()
    }

    /// A price of its instrument was seen.
    pub(crate) fn on_price(&mut self) {
        self.had_chance |= self.part.is_some_and(|part| part.is_live());
    }

    /// What is to be done next; `None` for nothing. Sets when it looks at the clock next.
    pub(crate) fn next(&mut self, sight: &Sight<'_>) -> Option<Act> {
        self.wake_ns = Nanos::MAX;
        if let Some(stray) = self.stray {
            if sight.now_ns < self.quiet_until {
                self.wait_until(self.quiet_until, sight.now_ns);
                return None;
            }
            self.stray = None;
            return Some(self.cancel_of(stray));
        }
        let Some(order) = sight.order.filter(|order| !order.is_ended()) else {
            // What ended otherwise leaves nothing at the venue. A change that is not answered yet
            // may still make it larger.
            let is_changing = self.part.is_some_and(|part| part.changing.is_some());
            return match (is_changing && sight.order.is_some(), self.is_gone()) {
                (true, _) => None,
                (false, true) => Some(Act::Forget),
                (false, false) => self.end_part(sight.now_ns),
            };
        };
        if self.is_told {
            return None;
        }
        self.look_at_clock(order, sight.now_ns);
        if let Some(act) = self.answer(order) {
            return Some(act);
        }
        let want = if self.ending.is_some() { Want::Nothing } else { self.wanted(order, sight) };
        match want {
            Want::AsItIs => None,
            Want::Nothing => self.wind_up(sight.now_ns),
            Want::End(reason) => {
                self.cancel(reason);
                self.wind_up(sight.now_ns)
            }
            Want::Open { kind, lots } => self.bring(kind, lots, sight.now_ns),
        }
    }

    /// Whether its own time is over, or the chance of one that takes at once.
    fn look_at_clock(&mut self, order: &Order, now_ns: Nanos) {
        if now_ns >= self.until_ns {
            let reason = match self.new.tif {
                qt_types::TimeInForce::Day => RejectReason::SessionEnd,
                _ => RejectReason::None,
            };
            self.ending = self.ending.or(Some((ReportKind::Expired, reason)));
        } else {
            self.wait_until(self.until_ns, now_ns);
        }
        if self.does.has(Lacks::IOC) && self.had_chance {
            self.cancel(RejectReason::NotImmediate);
        }
        if order.pending() == Pending::Cancel {
            self.cancel(RejectReason::Requested);
        }
    }

    /// Answers a change once no part stands in its way: what its owner was told holds.
    fn answer(&mut self, order: &Order) -> Option<Act> {
        let change = self.change.filter(|_| self.is_clear() && self.ending.is_none())?;
        self.change = None;
        if change.qty <= order.filled {
            // As much as was wanted is filled by now: what was left is gone already.
            self.cancel(RejectReason::Requested);
            return None;
        }
        Some(self.take_change(change))
    }

    /// The change holds from now on.
    fn take_change(&mut self, change: Replace) -> Act {
        self.change = None;
        (self.new.kind, self.new.qty) = (self.kind_of(&change), change.qty);
        Act::Changed(change)
    }

    /// What `change` makes of it: what was triggered stays so.
    fn kind_of(&self, change: &Replace) -> OrderKind {
        let is_same =
            std::mem::discriminant(&self.new.kind) == std::mem::discriminant(&change.kind);
        if is_same { change.kind } else { super::after_trigger(change.kind) }
    }

    /// Lets the venue have `lots` lots open as `kind`: by a change where it can, else by an end
    /// and another part.
    fn bring(&mut self, kind: OrderKind, lots: i64, now_ns: Nanos) -> Option<Act> {
        let Some(part) = self.part.filter(|part| !part.is_over()) else {
            return if self.is_clear() { self.send(kind, lots) } else { None };
        };
        let is_moved = part.kind != kind;
        if !is_moved && part.open() == lots && part.changing.is_none() {
            return self.change.map(|change| self.take_change(change));
        }
        if part.is_asked() || !part.is_live() {
            return None;
        }
        if now_ns < self.quiet_until {
            self.wait_until(self.quiet_until, now_ns);
            return None;
        }
        if is_moved && self.follows() && !self.may_move(now_ns) {
            return None;
        }
        if self.does.has(Lacks::AMEND) || kind == OrderKind::Market {
            return self.end_part(now_ns);
        }
        let total = Qty::from_lots(part.filled.saturating_add(lots));
        let is_owners = self.change.is_some();
        self.part.as_mut()?.changing = Some(Changing { kind, total, is_owners });
        let replace = Replace { order: part.id, kind, qty: total };
        let (instrument, proof) = (self.new.instrument, Proof::of_cleanup());
        Some(Act::Change(ReplaceOrder { instrument, replace, proof }))
    }

    /// Another part of `lots` lots.
    fn send(&mut self, kind: OrderKind, lots: i64) -> Option<Act> {
        let number = self.parts.saturating_add(1);
        let Some(id) = self.new.order.part(number) else {
            // There are no more numbers.
            self.cancel(RejectReason::OrdersOpenMax);
            return self.wind_up(Nanos::MIN);
        };
        self.parts = number;
        self.part = Some(Part::sent(id, kind, lots));
        self.had_chance = false;
        let (tif, display) = (self.tif_at_venue(), self.display_at_venue());
        Some(Act::Send(NewOrder {
            order: id,
            kind,
            tif,
            display,
            qty: Qty::from_lots(lots),
            post_only: self.new.post_only && !self.does.has(Lacks::POST_ONLY),
            reduce_only: self.new.reduce_only && !self.does.has(Lacks::REDUCE_ONLY),
            parent: OrderId::NONE,
            oco: OrderId::NONE,
            proof: Proof::of_cleanup(),
            ..self.new
        }))
    }

    /// Ends what is at the venue, and then the order.
    fn wind_up(&mut self, now_ns: Nanos) -> Option<Act> {
        if !self.is_gone() {
            return self.end_part(now_ns);
        }
        let (kind, reason) = self.ending?;
        self.is_told = true;
        Some(Act::End(kind, reason))
    }

    /// Asks for the end of the part at the venue, unless it was asked for.
    fn end_part(&mut self, now_ns: Nanos) -> Option<Act> {
        let part = self.part.filter(|part| !part.is_over() && !part.is_ending)?;
        if now_ns < self.quiet_until {
            self.wait_until(self.quiet_until, now_ns);
            return None;
        }
        self.part.as_mut()?.ask_end();
        Some(self.cancel_of(part.id))
    }

    fn cancel_of(&self, part: OrderId) -> Act {
        let (instrument, proof) = (self.new.instrument, Proof::of_cleanup());
        Act::Cancel(CancelOrder { instrument, cancel: Cancel { order: part }, proof })
    }

    /// The part that was to go out may not.
    pub(crate) fn hold_back(&mut self) {
        self.part = None;
        self.cancel(RejectReason::RiskDenied);
    }

    /// Whether nothing of it is at the venue. Executions there we may still hear of: late ones
    /// are booked.
    fn is_gone(&self) -> bool {
        self.part.is_none_or(|part| part.is_over())
    }

    /// Whether nothing of it is at the venue, and nothing that happened there is still to be
    /// heard of.
    fn is_clear(&self) -> bool {
        self.part.is_none_or(|part| part.is_settled())
    }

    fn wait_until(&mut self, ns: Nanos, now_ns: Nanos) {
        if ns > now_ns && ns < self.wake_ns {
            self.wake_ns = ns;
        }
    }

    /// Whether a pegged order may move once more; if not, it waits.
    fn may_move(&mut self, now_ns: Nanos) -> bool {
        let next_ns = self.moves.0.saturating_add_ns(MOVES_NS);
        if self.moves.0 == Nanos::MIN || now_ns >= next_ns {
            self.moves = (now_ns, 1);
            return true;
        }
        if self.moves.1 < MOVES_MAX {
            self.moves.1 += 1;
            return true;
        }
        self.wait_until(next_ns, now_ns);
        false
    }
}
