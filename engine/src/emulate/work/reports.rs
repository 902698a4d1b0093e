//! What the venue says of a part, as it concerns the order.

use qt_types::{Nanos, Qty, RejectReason, Replace, Report, ReportKind};

use super::{QUIET_NS, Work};
use crate::emulate::named;
use crate::oms::{Booked, Effect, Life, Order};

/// What a report about a part means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The order itself is reported on so.
    Order(Report),
    /// Nothing that its owner has to know.
    Nothing,
}

impl Work {
    /// Takes in `report` about part `number` of `order`, before the order table does; `told` is
    /// the same as a report about the order.
    pub(crate) fn on_report(
        &mut self,
        number: u32,
        report: &Report,
        told: Report,
        order: &Order,
        now_ns: Nanos,
        has_book: bool,
    ) -> Heard {
        let is_account =
            matches!(report.kind, ReportKind::Filled | ReportKind::Busted | ReportKind::Corrected);
        if is_account {
            // What was executed was, of whatever part. What it leaves of that one we count.
            return Heard::Order(told);
        }
        let is_new = order.life() == Life::Sent;
        let Some(part) = self.part.as_mut().filter(|part| part.id.part_number() == number) else {
            if still_there(report) {
                self.end_again(report.order, now_ns);
            }
            return Heard::Nothing;
        };
        let was_over = part.is_over();
        match report.kind {
            ReportKind::Accepted => {
                part.accept();
                // With a book an order has had its chance once it is there.
                self.had_chance |= has_book;
                let is_news = is_new || order.life() == Life::Unknown;
                if is_news { Heard::Order(told) } else { Heard::Nothing }
            }
            ReportKind::Unknown if !was_over => Heard::Order(told),
            ReportKind::Rejected if !was_over => {
                let is_first = is_new || part.is_live();
                part.end(report.qty.lots());
                let kind = if is_first { ReportKind::Rejected } else { ReportKind::Cancelled };
                Heard::Order(Report { kind, ..told })
            }
            ReportKind::Cancelled | ReportKind::Expired => {
                let was_asked = part.is_ending;
                // It is told of by the number of lots that were executed until then.
                if !was_over || !part.is_settled() {
                    part.end(report.qty.lots());
                }
                let is_ours = was_asked && report.reason == RejectReason::Requested;
                if !was_over && !is_ours {
                    self.ending = Some((report.kind, report.reason));
                }
                Heard::Nothing
            }
            ReportKind::RequestRejected if part.is_asked() => {
                self.quiet_until = now_ns.saturating_add_ns(QUIET_NS);
                self.request_refused(report, told)
            }
            ReportKind::Replaced => {
                let answered = part.change(report.price, report.qty);
                let is_owners = answered.is_some_and(|changing| changing.is_owners);
                match self.change.filter(|_| is_owners) {
                    Some(change) => self.owner_has(change, told, order),
                    None => Heard::Nothing,
                }
            }
            _ => Heard::Nothing,
        }
    }

    /// The venue refuses to end or to change the part.
    fn request_refused(&mut self, report: &Report, told: Report) -> Heard {
        let Some(part) = self.part.as_mut() else { return Heard::Nothing };
        if report.reason != RejectReason::InvalidReplace && part.is_ending {
            part.is_ending = false;
            // What came before the part was there says nothing about it: it is asked once more.
            let is_none = report.reason == RejectReason::UnknownOrder
                && part.is_live()
                && !part.is_ending_early;
            if is_none && self.ending.is_some() {
                // The venue has it no more. What it executed of it we have yet to hear.
                part.end(i64::MAX);
            }
            return Heard::Nothing;
        }
        let is_owners = part.changing.take().is_some_and(|changing| changing.is_owners);
        if !is_owners {
            return Heard::Nothing;
        }
        self.change = None;
        Heard::Order(Report { reason: RejectReason::InvalidReplace, ..told })
    }

    /// The venue has made the change that the owner of `order` asked for.
    fn owner_has(&mut self, change: Replace, told: Report, order: &Order) -> Heard {
        self.take_change(change);
        let leaves = Qty::from_lots((change.qty.lots() - order.filled.lots()).max(0));
        let (price, qty, reason) = (named(&change.kind), change.qty, RejectReason::None);
        Heard::Order(Report { price, qty, leaves, reason, ..told })
    }

    /// The order table has taken in `report` about part `number`, with `effect`: the part has as
    /// much less open.
    pub(crate) fn on_executed(
        &mut self,
        number: u32,
        report: &Report,
        effect: Effect,
        booked: &[Booked],
    ) {
        let is_booked = |is_taken_back: bool, exec| {
            let mut all = booked.iter().map(|one| &one.movement);
            let of = all.find(|one| one.is_taken_back == is_taken_back && one.exec == exec);
            of.map_or(0, |one| one.qty.lots())
        };
        let moved = match report.kind {
            // More than the order is large is flagged and not booked, but the venue has had it.
            ReportKind::Filled if is_first(effect) => report.qty.lots(),
            // What was too much and not booked was executed, and is no more.
            ReportKind::Busted if effect == Effect::Changed => -report.qty.lots(),
            ReportKind::Busted => -is_booked(true, report.exec),
            ReportKind::Corrected => {
                is_booked(false, report.exec).saturating_sub(is_booked(true, report.of))
            }
            _ => 0,
        };
        let current = self.part.as_mut().filter(|part| part.id.part_number() == number);
        match current {
            // More than it is large: something of it was taken back, of which we are yet to hear.
            Some(part) if moved > part.open_at_most() => {}
            Some(part) if moved > 0 || !part.is_over() => {
                part.accept();
                part.filled = part.filled.saturating_add(moved);
            }
            _ if moved < 0 => {
                self.gone = self.gone.saturating_sub(moved);
                self.stray = Some(report.order);
            }
            _ => {}
        }
    }
}

/// Whether `report` refuses a cancel of an order that the venue has.
pub(crate) fn still_there(report: &Report) -> bool {
    use RejectReason::{InvalidReplace, UnknownOrder};
    let is_refusal = report.kind == ReportKind::RequestRejected;
    is_refusal && !matches!(report.reason, UnknownOrder | InvalidReplace)
}

/// Whether an execution was heard of for the first time.
const fn is_first(effect: Effect) -> bool {
    use crate::oms::Anomaly;
    matches!(effect, Effect::Executed | Effect::Illegal(Anomaly::Overfill))
}

/// Lots of the order that are open after `report` about one of its parts.
pub(crate) fn leaves_after(order: &Order, report: &Report) -> Qty {
    let executed = if report.kind == ReportKind::Filled { report.qty } else { Qty::ZERO };
    let left = order.qty.lots() - order.filled.lots();
    Qty::from_lots(left.saturating_sub(executed.lots()).max(0))
}
