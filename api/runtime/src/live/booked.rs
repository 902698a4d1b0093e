//! What the venue books to the account without an order of ours: payments for positions that are
//! held, and positions that it closes by itself. Each is heard of more than once, from the stream
//! and from lists, and after a restart again; it is booked once.

use std::collections::{BTreeSet, VecDeque};

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};
use qt_engine::{Delivery, Gate, Strategy};
use qt_types::{ExecId, InstrumentId, Nanos, Report, ReportKind};

use super::driver::Driver;
use super::settings::Opening;

/// So many are remembered; what is older than the oldest of them is not booked any more.
const KNOWN_MAX: usize = 65_536;

/// What tells one from another.
type Key = (InstrumentId, bool, ExecId);

/// Whether a report is of that kind; then what tells it from others.
const fn key(instrument: InstrumentId, report: &Report) -> Option<Key> {
    if report.exec.0 == 0 {
        return None;
    }
    match report.kind {
        ReportKind::Funding => Some((instrument, false, report.exec)),
        ReportKind::Liquidated => Some((instrument, true, report.exec)),
        _ => None,
    }
}

/// Those that were booked.
#[derive(Debug, Default)]
pub(super) struct Booked {
    known: BTreeSet<Key>,
    /// The same in the order of their coming, and when the venue made them (UTC ns).
    order: VecDeque<(Key, Nanos)>,
    /// What was made up to then may have been forgotten (UTC ns).
    forgotten_ns: Option<Nanos>,
    /// When the run began (UTC ns): what was before it is not the run's.
    begun_ns: Option<Nanos>,
}

impl Booked {
    /// An event of the run happened at `now_ns` (UTC).
    pub(super) fn begin(&mut self, now_ns: Nanos) {
        self.begun_ns.get_or_insert(now_ns);
    }

    /// Takes note of a report that is booked.
    pub(super) fn told(&mut self, instrument: InstrumentId, report: &Report, venue_ns: Nanos) {
        let Some(key) = key(instrument, report) else { return };
        if !self.known.insert(key) {
            return;
        }
        self.order.push_back((key, venue_ns));
        if self.order.len() > KNOWN_MAX
            && let Some((oldest, at_ns)) = self.order.pop_front()
        {
            self.known.remove(&oldest);
            self.forgotten_ns = self.forgotten_ns.max(Some(at_ns));
        }
    }

    /// Whether it is news, and may be the run's.
    fn is_news(&self, delivery: &Delivery) -> bool {
        let Delivery { instrument, venue_ns, report, .. } = delivery;
        let Some(key) = key(*instrument, report) else { return false };
        let is_of_run = self.begun_ns.is_some_and(|begun_ns| *venue_ns >= begun_ns);
        is_of_run && Some(*venue_ns) > self.forgotten_ns && !self.known.contains(&key)
    }
}

impl Stored for Booked {
    fn save(&self, to: &mut Writer<'_>) {
        to.put(&(self.forgotten_ns, self.begun_ns));
        to.list(self.order.iter());
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        (self.forgotten_ns, self.begun_ns) = from.take()?;
        let mut order = Vec::new();
        from.list(&mut order, KNOWN_MAX)?;
        self.order = order.into();
        self.known = self.order.iter().map(|(key, _)| *key).collect();
        Ok(())
    }
}

/// Whether a report is about the account, as a venue tells it that is somewhere else.
pub(super) const fn is_of_account(report: &Report) -> bool {
    matches!(report.kind, ReportKind::Funding | ReportKind::Liquidated)
}

impl<S: Strategy, G: Gate> Driver<S, G> {
    /// Whether such a report is to be booked: it is news, and all of it is the run's. What the
    /// account holds beside the run pays and is closed, too, and nobody could tell the parts
    /// apart: what that does to the position is found by comparing.
    pub(super) fn books(&self, delivery: &Delivery) -> bool {
        let Delivery { instrument, report, .. } = *delivery;
        let exposure = self.pipeline.exposure();
        let is_known = instrument.index() < exposure.specs.len();
        let is_alone = match self.beside() {
            Some(beside) => beside.position(instrument).is_zero(),
            None => self.settings.opening == Opening::Flat,
        };
        if !is_known || !is_alone || !self.booked.is_news(delivery) {
            return false;
        }
        let held = exposure.position(instrument).lots().unsigned_abs();
        let closes = report.qty.lots();
        report.kind == ReportKind::Funding || closes > 0 && closes.unsigned_abs() <= held
    }
}

#[cfg(test)]
mod tests {
    use qt_types::{OrderId, RejectReason};

    use super::*;

    fn funding(number: u64, at_ns: i64) -> Delivery {
        let plain = Report::plain(OrderId::NONE, ReportKind::Funding, RejectReason::None);
        let report = Report { exec: ExecId(number), ..plain };
        let (instrument, venue_ns) = (InstrumentId(1), Nanos::new(at_ns));
        Delivery { instrument, venue_ns, recv_ns: venue_ns, report }
    }

    #[test]
    fn each_is_news_once() {
        let mut booked = Booked::default();
        assert!(!booked.is_news(&funding(7, 100)), "nothing has begun");
        booked.begin(Nanos::new(50));
        booked.begin(Nanos::new(70));
        assert!(!booked.is_news(&funding(6, 49)), "it was before the run");
        assert!(!booked.is_news(&funding(0, 100)), "nobody could tell it from others");
        let one = funding(7, 100);
        assert!(booked.is_news(&one));
        booked.told(one.instrument, &one.report, one.venue_ns);
        assert!(!booked.is_news(&one) && booked.is_news(&funding(8, 100)));
        let closed = Report { kind: ReportKind::Liquidated, ..one.report };
        assert!(booked.is_news(&Delivery { report: closed, ..one }), "numbers are of a kind");
    }

    #[test]
    fn what_may_be_forgotten_is_not_booked_again() {
        let mut booked = Booked::default();
        booked.begin(Nanos::new(0));
        for number in 1..=KNOWN_MAX as u64 + 3 {
            let one = funding(number, number as i64);
            assert!(booked.is_news(&one));
            booked.told(one.instrument, &one.report, one.venue_ns);
        }
        assert_eq!(booked.known.len(), KNOWN_MAX);
        for number in 1..=4 {
            assert!(!booked.is_news(&funding(number, number as i64)), "{number}");
        }
        let mut bytes = Vec::new();
        qt_engine::snapshot::write(&mut bytes, |to| booked.save(to)).unwrap();
        let mut other = Booked::default();
        qt_engine::snapshot::read(&bytes, |from| other.load(from)).unwrap();
        assert_eq!((other.known, other.order), (booked.known, booked.order));
        assert_eq!((other.forgotten_ns, other.begun_ns), (booked.forgotten_ns, booked.begun_ns));
    }
}
