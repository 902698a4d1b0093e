//! A gate that checks the books at every event, around the one that is used.

use qt_engine::{Exposure, Gate, OrderRequest, SizeRequest};
use qt_types::{Cash, DenyReason, Event, InstrumentId, Payload, Qty, ReportKind};

/// Wraps a gate. Keeps books of its own, by the plainest arithmetic there is, and compares.
#[derive(Clone, Debug)]
pub struct Audit<G> {
    pub inner: G,
    cash: Option<Cash>,
    fees: Cash,
    carry: Cash,
    funding: Cash,
    held: Vec<i64>,
    pub events: u64,
    /// Whether every order is approved without asking the inner gate.
    pub approves_all: bool,
}

impl<G> Audit<G> {
    pub fn new(inner: G) -> Self {
        let held = vec![0; 4];
        let (fees, carry, funding) = (Cash::ZERO, Cash::ZERO, Cash::ZERO);
        Self { inner, cash: None, fees, carry, funding, held, events: 0, approves_all: false }
    }

    /// Books a report of a fill or of a carrying cost. The side of a fill is not in it: the
    /// ledger's position tells.
    fn book(&mut self, event: &Event, exposure: &Exposure<'_>) {
        let Payload::Report(report) = &event.payload else { return };
        if report.kind == ReportKind::Carry {
            let cash = self.cash.get_or_insert(exposure.ledger.initial());
            *cash -= report.fee;
            self.carry += report.fee;
        }
        if report.kind == ReportKind::Funding {
            let cash = self.cash.get_or_insert(exposure.ledger.initial());
            *cash -= report.fee;
            self.funding += report.fee;
        }
        let is_back = report.kind == ReportKind::Busted;
        let moves = [ReportKind::Filled, ReportKind::Liquidated, ReportKind::Settled];
        if !is_back && !moves.contains(&report.kind) {
            return;
        }
        let fee = if is_back { -report.fee } else { report.fee };
        let index = event.instrument.index();
        let before = self.held[index];
        let after = exposure.position(event.instrument).lots();
        assert_eq!(
            (after - before).abs(),
            report.qty.lots().abs(),
            "a fill moves the position by itself"
        );
        let bought = Qty::from_lots(after - before);
        let paid = exposure.specs[index].notional(report.price, bought).unwrap();
        let cash = self.cash.get_or_insert(exposure.ledger.initial());
        *cash = *cash - paid - fee;
        self.fees += fee;
        self.held[index] = after;
    }

    fn compare(&self, exposure: &Exposure<'_>) {
        let ledger = exposure.ledger;
        assert_eq!(ledger.off_by(), Cash::ZERO, "the ledger's own check");
        // As if derivatives were paid for: their notional is not in the cash.
        assert_eq!(ledger.funds(), self.cash.unwrap_or(ledger.initial()), "cash, added up again");
        assert_eq!(ledger.funding(), self.funding, "funding, added up again");
        assert_eq!(ledger.fees(), self.fees, "fees, added up again");
        assert_eq!(ledger.carry(), self.carry, "carrying costs, added up again");
        let mut value = Cash::ZERO;
        let (mut unrealised, mut promised) = (Cash::ZERO, Cash::ZERO);
        for (index, spec) in exposure.specs.iter().enumerate() {
            let instrument = InstrumentId(index as u16);
            let position = ledger.position(instrument);
            assert_eq!(position.qty().lots(), self.held[index], "a position is the sum of fills");
            if position.qty().is_zero() {
                assert_eq!(position.cost(), Cash::ZERO, "nothing held costs nothing");
                continue;
            }
            let mark = exposure.last(instrument).expect("what is held has a price");
            let worth = spec.notional(mark, position.qty()).unwrap();
            unrealised += worth - position.cost();
            if spec.is_derivative() {
                promised += position.cost();
                value += worth - position.cost();
            } else {
                value += worth;
            }
        }
        let equity = exposure.equity().unwrap();
        assert_eq!(ledger.cash(), ledger.funds() + promised, "no notional of a derivative in it");
        assert_eq!(equity, ledger.cash() + value, "equity = cash + position value");
        assert_eq!(
            equity + ledger.fees() + ledger.carry() + ledger.funding(),
            ledger.initial() + ledger.realised() + unrealised,
            "equity + fees, carry and funding paid = initial + realised + unrealised"
        );
    }
}

impl<G: Gate> Gate for Audit<G> {
    fn size(&self, request: &SizeRequest, exposure: &Exposure<'_>) -> Result<Qty, DenyReason> {
        self.inner.size(request, exposure)
    }

    fn check(&mut self, order: &OrderRequest, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        if self.approves_all { Ok(()) } else { self.inner.check(order, exposure) }
    }

    fn observe(&mut self, event: &Event, exposure: &Exposure<'_>) -> bool {
        self.events += 1;
        self.book(event, exposure);
        self.compare(exposure);
        self.inner.observe(event, exposure)
    }
}
