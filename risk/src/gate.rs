//! The gate of an account.

use qt_engine::{Exposure, Gate, OrderRequest, SizeRequest, closable, save_and_load, stored};
use qt_types::{Cash, DenyReason, Event, InstrumentSpec, Payload, Qty, Side};

use crate::sizing::Memory;
use crate::{Account, Prices, Sizing};

/// The pre-trade checks of a cash or margin account, its sizing rule, and the margin call. What
/// only the fill can tell (whether the cash is there at the fill's price) the venue checks.
#[derive(Clone, Debug)]
pub struct AccountGate {
    account: Account,
    sizing: Sizing,
    memory: Memory,
    /// Whether every event means something to it: to a sizing rule that remembers.
    has_eyes: bool,
    /// When a margin account is looked at again between bars (UTC ns); never for a cash account.
    look_ns: i64,
    order_qty_max_e9: Option<i64>,
    closing_out: bool,
    margin_calls: u64,
    is_liquidated: bool,
}

stored!(AccountGate {
    state: memory, look_ns, closing_out, margin_calls;
    same: account, sizing, order_qty_max_e9, is_liquidated;
    made: has_eyes;
});

impl AccountGate {
    /// A gate for `account` with the sizing rule `sizing`. No order may be larger than
    /// `order_qty_max_e9` billionths of a unit, whatever the lot of its instrument, where that is
    /// given.
    #[must_use]
    pub fn new(account: Account, sizing: Sizing, order_qty_max_e9: Option<i64>) -> Self {
        Self {
            account,
            sizing,
            memory: Memory::default(),
            has_eyes: false,
            look_ns: if matches!(account, Account::Margin { .. }) { i64::MIN } else { i64::MAX },
            order_qty_max_e9,
            closing_out: false,
            margin_calls: 0,
            is_liquidated: false,
        }
    }

    /// The same at a venue that liquidates derivatives: margin calls are about the rest.
    #[must_use]
    pub fn with_liquidation(self) -> Self {
        Self { is_liquidated: true, ..self }
    }

    /// The same for a sizing rule that remembers prices or trades of so many instruments.
    #[must_use]
    pub fn remembering(mut self, instruments: usize, prices: Prices) -> Self {
        self.memory = Memory::of(&self.sizing, instruments, prices);
        self.has_eyes = matches!(self.sizing, Sizing::Volatility { .. } | Sizing::Kelly { .. });
        self
    }

    /// How often the account was closed out because its equity fell below maintenance.
    #[must_use]
    pub const fn margin_calls(&self) -> u64 {
        self.margin_calls
    }

    fn is_too_large(&self, order: &OrderRequest, exposure: &Exposure<'_>) -> bool {
        let (Some(max_e9), Some(spec)) = (self.order_qty_max_e9, exposure.spec(order.instrument))
        else {
            return false;
        };
        i128::from(order.qty.lots()) * i128::from(spec.lot_e9()) > i128::from(max_e9)
    }

    fn check_margin(
        &self,
        order: &OrderRequest,
        exposure: &Exposure<'_>,
    ) -> Result<(), DenyReason> {
        let spec = exposure.spec(order.instrument).ok_or(DenyReason::NoPrice)?;
        let price = exposure.last(order.instrument).ok_or(DenyReason::NoPrice)?;
        let held = exposure.position(order.instrument).lots();
        let closable = closable(order.side, held);
        let opening = order.qty.lots().saturating_sub(closable);
        if opening <= 0 {
            return Ok(());
        }
        let funds = DenyReason::InsufficientFunds;
        let added = spec.notional(price, Qty::from_lots(opening)).ok_or(funds)?;
        let [gross, equity] = exposure.ledger.gross_and_equity(exposure.specs, exposure.market);
        let gross = gross.map_err(|_| funds)?;
        let kept = spec.notional(price, Qty::from_lots(closable)).ok_or(funds)?;
        let in_account = |amount: Cash| exposure.in_account(order.instrument, amount);
        let (Some(added), Some(kept)) = (in_account(added), in_account(kept)) else {
            return Err(DenyReason::NoRate);
        };
        let equity = equity.map_err(|_| funds)?;
        if self.account.needs_more(gross - kept + added, equity) { Err(funds) } else { Ok(()) }
    }

    /// Whether the equity is below what the positions need to be kept.
    fn is_below_maintenance(&self, exposure: &Exposure<'_>) -> bool {
        let (Ok(equity), Some(gross)) = (exposure.equity(), self.called(exposure)) else {
            return true;
        };
        if self.is_liquidated && gross == Cash::ZERO {
            return false;
        }
        equity < self.account.maintenance_margin(gross).max(Cash::from_nano(1))
    }

    /// What the positions are worth for which there are margin calls.
    fn called(&self, exposure: &Exposure<'_>) -> Option<Cash> {
        let (specs, market) = (exposure.specs, exposure.market);
        let mut gross = exposure.ledger.gross_value(specs, market).ok()?;
        if self.is_liquidated {
            for &held in exposure.ledger.held() {
                if exposure.spec(held).is_some_and(InstrumentSpec::is_derivative) {
                    let worth = exposure.ledger.worth(specs, market, held).ok()?.abs();
                    gross -= exposure.in_account(held, worth)?;
                }
            }
        }
        Some(gross)
    }
}

impl Gate for AccountGate {
    fn size(&self, request: &SizeRequest, exposure: &Exposure<'_>) -> Result<Qty, DenyReason> {
        self.sizing.lots(request, &self.memory, exposure)
    }

    fn check(&mut self, order: &OrderRequest, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        // What only makes a position smaller is never held back, whatever its size.
        if order.reduce_only {
            return Ok(());
        }
        if self.is_too_large(order, exposure) {
            return Err(DenyReason::MaxOrderQty);
        }
        if self.closing_out {
            return Err(DenyReason::MarginCall);
        }
        match self.account {
            Account::Margin { .. } => self.check_margin(order, exposure),
            Account::Cash if order.side == Side::Buy => Ok(()),
            Account::Cash => {
                let held = exposure.position(order.instrument).lots();
                let coming = exposure.working(order.instrument, Side::Buy).lots();
                if order.qty.lots() > held.saturating_add(coming) {
                    return Err(DenyReason::ShortNotAllowed);
                }
                Ok(())
            }
        }
    }

    fn rests_until_ns(&self) -> i64 {
        self.look_ns.saturating_sub(1)
    }

    #[inline(always)]
    fn observe(&mut self, event: &Event, exposure: &Exposure<'_>) -> bool {
        (self.is_due(event) || self.has_eyes) && self.look(event, exposure)
    }

    save_and_load!();
}

/// How often a margin account is looked at where there are no bars, in ns: once a second.
const LOOK_NS: i64 = 1_000_000_000;

impl AccountGate {
    /// Whether a margin account is to be looked at: at every bar, and between them now and then.
    #[inline(always)]
    const fn is_due(&self, event: &Event) -> bool {
        event.recv_ns.get() >= self.look_ns || matches!(event.payload, Payload::Bar(_))
    }

    /// From when on it has to see the market again (UTC ns).
    pub(crate) const fn next_look_ns(&self) -> i64 {
        if self.has_eyes { i64::MIN } else { self.look_ns }
    }

    /// Sees an event of an account that has to.
    #[inline(never)]
    fn look(&mut self, event: &Event, exposure: &Exposure<'_>) -> bool {
        self.memory.on(event, exposure);
        let now_ns = event.recv_ns.get();
        let is_market = matches!(
            event.payload,
            Payload::Bar(_) | Payload::Trade(_) | Payload::Tick(_) | Payload::Order(_)
        );
        if matches!(self.account, Account::Cash) || !is_market || !self.is_due(event) {
            return false;
        }
        self.look_ns = now_ns.saturating_add(LOOK_NS);
        if exposure.ledger.held().is_empty() {
            self.closing_out = false;
            return false;
        }
        let below = self.is_below_maintenance(exposure);
        if below && !self.closing_out {
            self.margin_calls += 1;
            self.closing_out = true;
        }
        self.closing_out
    }
}

#[cfg(test)]
mod tests {
    use qt_engine::{Ledger, Market, OrderTable};
    use qt_types::{E9, InstrumentId, InstrumentKind, InstrumentSpec, OrderKind};

    use super::*;

    #[test]
    fn the_largest_order_is_meant_in_units_and_not_in_lots() {
        // At most 2.5 units: 2 lots of a unit, 25 of a tenth, 2,500 of a thousandth.
        let lots = [E9, E9 / 10, E9 / 1_000];
        let spec = |lot: &i64| InstrumentSpec::new("X", "USD", InstrumentKind::Spot, 1, *lot, E9);
        let specs: Vec<InstrumentSpec> = lots.iter().map(|lot| spec(lot).unwrap()).collect();
        let (market, ledger) = (Market::new(3), Ledger::new(Cash::ZERO, 3));
        let orders = OrderTable::new(0, 4);
        let exposure =
            Exposure { specs: &specs, market: &market, ledger: &ledger, orders: &orders };
        let mut gate = AccountGate::new(Account::Cash, Sizing::default(), Some(2_500_000_000));
        for (index, most) in [2, 25, 2_500].into_iter().enumerate() {
            let mut buy = |lots: i64, reduce_only: bool| {
                let request = OrderRequest {
                    instrument: InstrumentId(index as u16),
                    side: Side::Buy,
                    kind: OrderKind::Market,
                    qty: Qty::from_lots(lots),
                    reduce_only,
                    replaces: qt_types::OrderId::NONE,
                };
                gate.check(&request, &exposure)
            };
            assert_eq!(buy(most, false), Ok(()));
            assert_eq!(buy(most + 1, false), Err(DenyReason::MaxOrderQty));
            assert_eq!(buy(most + 1, true), Ok(()), "what reduces is never held back");
        }
    }
}
