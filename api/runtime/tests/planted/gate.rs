//! The gate of a run with a bug in it.

use qt_engine::{
    Command, Deaf, Exposure, Gate, NewOrder, OrderRequest, Settlement, SizeRequest, Tightest,
};
use qt_risk::RiskGate;
use qt_types::{
    Control, DenyReason, Event, InstrumentId, KillState, Nanos, ParentId, Qty, StrategyId,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateBug {
    /// A lot more than asked for.
    SizeOffByOne,
    /// One lot above the limit of an order goes through.
    LimitOffByOne,
    /// The kill switch does nothing.
    NoKill,
    /// Orders that have ended keep what they hold.
    NothingSettles,
    /// Orders that were sent hold nothing.
    NothingHeld,
    /// Half of what should be denied is not.
    LetsSomeThrough,
}

impl GateBug {
    pub const ALL: [Self; 6] = [
        Self::SizeOffByOne,
        Self::LimitOffByOne,
        Self::NoKill,
        Self::NothingSettles,
        Self::NothingHeld,
        Self::LetsSomeThrough,
    ];
}

pub struct Loose {
    pub inner: RiskGate,
    pub bug: Option<GateBug>,
    pub checked: u64,
}

impl Loose {
    fn is(&self, bug: GateBug) -> bool {
        self.bug == Some(bug)
    }
}

impl Gate for Loose {
    fn size(&self, request: &SizeRequest, exposure: &Exposure<'_>) -> Result<Qty, DenyReason> {
        self.inner.size(request, exposure)
    }

    fn check(&mut self, order: &OrderRequest, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        self.checked += 1;
        let mut asked = *order;
        if self.is(GateBug::SizeOffByOne) && self.checked.is_multiple_of(16) {
            asked.qty = Qty::from_lots(asked.qty.lots() + 1);
        }
        if self.is(GateBug::LimitOffByOne) {
            asked.qty = Qty::from_lots((asked.qty.lots() - 1).max(1));
        }
        let allowed = self.inner.check(&asked, exposure);
        if self.is(GateBug::LetsSomeThrough) && self.checked.is_multiple_of(2) {
            return Ok(());
        }
        allowed
    }

    fn sent(&mut self, command: &Command, exposure: &Exposure<'_>) {
        if !self.is(GateBug::NothingHeld) {
            self.inner.sent(command, exposure);
        }
    }

    fn let_go(&mut self, new: &NewOrder, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        self.inner.let_go(new, exposure)
    }

    fn watch_parent(&mut self, parent: ParentId, qty: Option<Qty>) {
        self.inner.watch_parent(parent, qty);
    }

    fn works_for(&mut self, parent: ParentId) {
        self.inner.works_for(parent);
    }

    fn asks_for(&mut self, strategy: StrategyId) {
        self.inner.asks_for(strategy);
    }

    fn netted(&mut self, instrument: InstrumentId, exposure: &Exposure<'_>) {
        self.inner.netted(instrument, exposure);
    }

    fn may_send(&self, strategy: StrategyId) -> KillState {
        self.inner.may_send(strategy)
    }

    fn tightest(&self, exposure: &Exposure<'_>) -> Option<Tightest> {
        self.inner.tightest(exposure)
    }

    fn settled(&mut self, settlement: &Settlement, exposure: &Exposure<'_>) {
        if !self.is(GateBug::NothingSettles) {
            self.inner.settled(settlement, exposure);
        }
    }

    fn hears(&mut self, instrument: InstrumentId, now_ns: Nanos) -> bool {
        self.inner.hears(instrument, now_ns)
    }

    fn deaf_until_ns(&self, instrument: InstrumentId, exposure: &Exposure<'_>) -> Deaf {
        self.inner.deaf_until_ns(instrument, exposure)
    }

    fn rests_until_ns(&self) -> i64 {
        self.inner.rests_until_ns()
    }

    fn control(&mut self, control: &Control, exposure: &Exposure<'_>) {
        if !self.is(GateBug::NoKill) {
            self.inner.control(control, exposure);
        }
    }

    fn observe(&mut self, event: &Event, exposure: &Exposure<'_>) -> bool {
        self.inner.observe(event, exposure)
    }
}
