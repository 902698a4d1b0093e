//! Reports on their way to us.

use qt_engine::Delivery;
use qt_types::{
    Event, InstrumentId, Nanos, OrderId, Payload, RejectReason, Report, ReportKind, Seq, VenueId,
};

use super::SimVenue;
use super::latency::Action;

impl SimVenue {
    /// Queues a report; it leaves the venue at `now_ns`.
    pub(super) fn send(&mut self, instrument: InstrumentId, now_ns: i64, report: Report) {
        let recv_ns = self.response_latency.arrival_ns(Action::New, now_ns);
        let (recv_ns, is_twice) = self.told_in_trouble(instrument, now_ns, recv_ns);
        if report.kind == ReportKind::Rejected {
            self.counts.refused[report.reason as usize] += 1;
        }
        let (venue_ns, recv_ns) = (Nanos::new(now_ns), Nanos::new(recv_ns));
        let is_twice = is_twice && !report.order.is_none();
        for _ in 0..1 + usize::from(is_twice) {
            self.reports.push_back(Delivery { instrument, venue_ns, recv_ns, report });
        }
        self.note_next_report();
    }

    pub(super) fn note_next_report(&mut self) {
        let next = self.reports.front();
        self.next_report_ns = next.map_or(i64::MAX, |delivery| delivery.recv_ns.get());
    }

    /// How many reports reach us by `now_ns` (UTC), or more: [`Self::take_report`] takes no other
    /// one. Only where our own side of the link makes some up do they have to be counted, as some
    /// may come while others are taken in.
    #[inline]
    pub(crate) fn reports_due(&self, now_ns: i64) -> usize {
        if self.faults.is_none() {
            return usize::MAX;
        }
        let is_due = |delivery: &Delivery| delivery.recv_ns.get() <= now_ns;
        let mut due = 0;
        while self.reports.get(due).is_some_and(is_due) {
            due += 1;
        }
        due
    }

    /// Takes the report that reaches us next, if it does by `now_ns` (UTC), and makes `event`, a
    /// report, what it is for us. `false` where there is none.
    #[inline(always)]
    pub(crate) fn take_report(&mut self, now_ns: i64, event: &mut Event) -> bool {
        let due = self.reports.front().filter(|next| next.recv_ns.get() <= now_ns);
        let Some(next) = due else { return false };
        let Payload::Report(report) = &mut event.payload else { return false };
        *report = next.report;
        event.recv_ns = next.recv_ns;
        event.venue_ns = next.venue_ns;
        event.instrument = next.instrument;
        self.drop_report();
        true
    }

    pub(super) fn drop_report(&mut self) {
        self.reports.pop_front();
        if self.reports.is_empty() {
            // Back to the start of its memory: what is used again is in the cache.
            self.reports.clear();
        }
        self.note_next_report();
    }

    /// How many reports are under way to us.
    #[must_use]
    #[inline]
    pub fn reports_under_way(&self) -> usize {
        self.reports.len()
    }

    /// When the next report reaches us (UTC ns); the largest number for never.
    #[must_use]
    #[inline(always)]
    pub const fn next_report_ns(&self) -> i64 {
        self.next_report_ns
    }
}

/// An event of the venue that [`SimVenue::take_report`] puts a report into.
pub(crate) fn report_event() -> Event {
    Event {
        seq: Seq::default(),
        recv_ns: Nanos::MIN,
        venue_ns: Nanos::MIN,
        instrument: InstrumentId::default(),
        venue: VenueId(0),
        payload: Payload::Report(Report::plain(
            OrderId::NONE,
            ReportKind::Status,
            RejectReason::None,
        )),
    }
}
