//! Which limit is nearest to being reached, without an order: by what is held and open.

use qt_engine::Tightest;
use qt_types::Side;

use crate::keys::{KEYS, Key};
use crate::kill::Target;
use crate::limits::LimitSet;
use crate::risk_gate::RiskGate;
use crate::tally::{Level, Line, Node, Sums};

/// The nearest one so far.
struct Nearest {
    found: Option<Tightest>,
}

impl Nearest {
    /// `used` of the limit `key` of `target`, which may be a share of `whole`.
    fn see(
        &mut self,
        target: Target,
        limits: &LimitSet,
        key: Key,
        used: i128,
        whole: Option<i128>,
    ) {
        let (limit, row) = (limits.get(key), &KEYS[key as usize]);
        if limit.is_missing() || limit.is_off(row.unit) || used <= 0 {
            return;
        }
        let hard = match whole {
            None => limit.hard,
            Some(whole) => limit.hard.saturating_mul(whole.max(0)) / 10_000,
        };
        let bps =
            used.saturating_mul(10_000).checked_div(hard.max(0)).unwrap_or(i128::from(i64::MAX));
        let used_bps = i64::try_from(bps).unwrap_or(i64::MAX);
        if self.found.is_none_or(|found| used_bps > found.used_bps) {
            self.found = Some(Tightest { name: row.name, target, used_bps });
        }
    }

    fn node(&mut self, target: Target, node: &Node, sums: &Sums) {
        let (limits, equity) = (&node.limits, node.equity(sums));
        let counts = [(Key::OpenOrders, sums.orders), (Key::UnknownOrders, sums.unknown)];
        for (key, count) in counts {
            self.see(target, limits, key, i128::from(count), None);
        }
        let amounts = [
            (Key::Exposure, sums.exposure, None),
            (Key::LeverageBps, sums.exposure, Some(equity)),
            // The stress is in basis points already.
            (Key::PortfolioRiskBps, sums.stress / 10_000, Some(equity)),
            (Key::Unexecuted, sums.unexecuted, None),
            (Key::DailyLoss, node.day_loss, None),
            (Key::DailyLossBps, node.day_loss, Some(node.capital + node.day_start)),
            (Key::Drawdown, node.drawdown, None),
            (Key::DrawdownBps, node.drawdown, Some(node.capital + node.high)),
        ];
        for (key, used, whole) in amounts {
            self.see(target, limits, key, used, whole);
        }
        if node.windows.loss_ns > 0 {
            self.see(target, limits, Key::WindowLoss, node.window_loss, None);
        }
    }

    fn line(&mut self, target: Target, limits: &LimitSet, line: &Line, lot_e9: i64) {
        let units = |side: Side| line.reach(side, 0).saturating_mul(i128::from(lot_e9));
        self.see(target, limits, Key::Long, units(Side::Buy), None);
        self.see(target, limits, Key::Short, units(Side::Sell), None);
    }
}

impl RiskGate {
    /// The limit that is nearest to being reached, by the last valuation. A look at every level
    /// and instrument: off the hot path.
    #[must_use]
    pub(crate) fn nearest_limit(&self, specs: &[qt_types::InstrumentSpec]) -> Option<Tightest> {
        let (mut nearest, state) = (Nearest { found: None }, &self.state);
        let (tenants, accounts) = (state.tenants, state.accounts);
        for (at, level) in state.nodes.iter().map(|node| node.level).enumerate() {
            let index = match level {
                Level::Tenant => at - 1,
                Level::Account => at - 1 - tenants,
                Level::Strategy => at - 1 - tenants - accounts,
                _ => 0,
            };
            let target = Target::new(level, u16::try_from(index).unwrap_or(u16::MAX));
            let (node, sums) = (state.node(at), state.sums(at));
            nearest.node(target, node, sums);
            let equity = Some(node.equity(sums));
            for instrument in 0..state.instruments.len() {
                let worst = state.line(instrument, at).exposure();
                nearest.see(target, &node.limits, Key::PositionShareBps, worst, equity);
            }
        }
        for (at, (known, spec)) in state.instruments.iter().zip(specs).enumerate() {
            let target = Target::new(Level::Instrument, u16::try_from(at).unwrap_or(u16::MAX));
            for node in 0..state.nodes.len() {
                nearest.line(target, &known.limits, state.line(at, node), spec.lot_e9());
            }
            for account in 0..accounts {
                let orders = i128::from(state.line(at, 1 + tenants + account).orders);
                nearest.see(target, &known.limits, Key::LineOrders, orders, None);
            }
        }
        nearest.found
    }
}
