//! What the venue answers, in ticks and lots.

use qt_engine::{Answer, VenueOrder, VenueState};
use qt_types::{Nanos, OrderId, Qty, RejectReason};
use serde_json::value::RawValue;

use super::OrderMachine;
use super::codes;
use super::profile::Way;
use super::queries::Param;
use super::questions::{Parked, Step};
use super::tracker::{Owner, Tracked};
use super::traded::{self, Traded};
use super::trouble::Trouble;
use super::wire::{Account, Order, OwnTrade};
use crate::client_id;

/// Executions that wait until it is known whose they are, at most.
const PARKED_MAX: usize = 16_384;

/// All that is held of each asset, in billionths of a unit; none where a balance is finer.
pub(super) fn held(account: &Account<'_>) -> Option<Vec<(String, i64)>> {
    let sum =
        |free: &str, locked: &str| traded::units_e9(free)?.checked_add(traded::units_e9(locked)?);
    let balances = account.balances.iter();
    balances.map(|it| Some((it.asset.to_string(), sum(&it.free, &it.locked)?))).collect()
}

/// An order as the venue tells of it; none where it is no number of ticks or lots, or in a state
/// that nobody knows.
fn order_of(of: &Traded, order: &Order<'_>, is_open: bool) -> Option<(VenueOrder, u16)> {
    let (id, revision) = client_id::revision(order.client.as_bytes()).unwrap_or((OrderId::NONE, 0));
    let qty = of.qty(&order.qty)?;
    let prevented = match order.prevented.as_deref() {
        Some(text) => of.qty(text)?,
        None => Qty::ZERO,
    };
    let state = match &*order.status {
        "NEW" | "PENDING_NEW" | "PARTIALLY_FILLED" | "PENDING_CANCEL" => VenueState::Open,
        "FILLED" => VenueState::Filled,
        "CANCELED" => VenueState::Cancelled(RejectReason::Requested),
        "REJECTED" => VenueState::Rejected(RejectReason::VenueRefused),
        "EXPIRED" => VenueState::Cancelled(codes::expired("", &order.kind, &order.life)),
        "EXPIRED_IN_MATCH" => VenueState::Cancelled(RejectReason::SelfTrade),
        // A new state in the list of what is open is one of what is open.
        _ if is_open => VenueState::Open,
        _ => return None,
    };
    let qty = match state {
        VenueState::Open => Qty::from_lots(qty.lots().checked_sub(prevented.lots())?),
        _ => qty,
    };
    let told = VenueOrder {
        order: id,
        number: order.number,
        instrument: of.instrument,
        side: traded::side(&order.side)?,
        state,
        qty,
        executed: of.qty(&order.executed)?,
        price: of.price(&order.price)?,
    };
    Some((told, revision))
}

impl OrderMachine {
    /// What the account holds. What it held before the first order is no position of this run.
    pub(super) fn held_before(&mut self, link: usize, result: &str) {
        let Some(held) = self.read_held(result) else {
            return self.next_failed(Trouble::Unfit("the balances of the account".to_owned()));
        };
        let mut baseline = self.standing.baseline.take().unwrap_or_default();
        // Where there are positions nothing is worked out from balances.
        let owned = match self.settings.profile.has_positions() {
            true => &[],
            false => self.settings.traded.as_slice(),
        };
        for of in owned {
            if !baseline.iter().any(|(name, _)| *name == of.base) {
                let amount = held.iter().find(|(name, _)| *name == of.base).map_or(0, |it| it.1);
                baseline.push((of.base.clone(), amount));
            }
        }
        (self.standing.baseline, self.standing.held) = (Some(baseline), Some(held));
        self.is_up(link);
    }

    fn read_held(&self, result: &str) -> Option<Vec<(String, i64)>> {
        if self.settings.profile.has_positions() {
            return Self::wallets(result);
        }
        let account = serde_json::from_str::<Account<'_>>(result).ok()?;
        held(&account)
    }

    pub(super) fn told_order(
        &mut self,
        number: u32,
        place: usize,
        (order, revision): (OrderId, u16),
        result: &str,
    ) -> bool {
        let of = self.settings.traded.get(place);
        let read = serde_json::from_str::<Order<'_>>(result).ok();
        let read = of.zip(read).and_then(|(of, order)| order_of(of, &order, false));
        let Some((found, _)) = read else { return false };
        // Whatever name it shows, it is the one that was asked for.
        let found = VenueOrder { order, ..found };
        self.tracker.owns(place, found.number, Owner::Ours(found.order));
        let is_replaced = matches!(found.state, VenueState::Cancelled(_));
        // Only what nothing was executed of is ever replaced.
        if is_replaced
            && !self.settings.profile.modifies()
            && found.executed.is_zero()
            && let Some(next) = revision.checked_add(1)
        {
            self.ask_order(number, place, found.order, next, Some(found));
            return true;
        }
        self.adopt(place, &found, revision);
        self.part(number, Answer::Order(found));
        if !found.executed.is_zero() {
            let symbol = self.symbol(place);
            let of = i64::try_from(found.number).unwrap_or(-1);
            let params = [("symbol", Param::Text(&symbol)), ("orderId", Param::Number(of))];
            let step = Step::OrderTrades { place, order: found.order };
            let profile = self.settings.profile;
            let (weight, way) = (profile.weights.trades_of_order, profile.asks.trades);
            self.query(number, weight, step, way, &params);
        }
        true
    }

    /// An order of ours under the name that it has at the venue now.
    fn adopt(&mut self, place: usize, found: &VenueOrder, revision: u16) {
        let new = Tracked::new(place, revision, found.price, found.qty);
        let Some(tracked) = self.tracker.entry(found.order, new) else { return };
        tracked.side = Some(found.side);
        if revision > tracked.revision {
            tracked.revision = revision;
            tracked.replacing = None;
        }
        if revision == tracked.revision && found.state == VenueState::Open {
            (tracked.price, tracked.qty) = (found.price, found.qty);
            tracked.filled = tracked.filled.max(found.executed.lots());
            let window_ns = i64::from(self.settings.recv_window_ms) * 1_000_000 + 1_000_000_000;
            let is_old = |handed_ns: Nanos| handed_ns.saturating_add_ns(window_ns) <= self.now_ns;
            if tracked.replacing.is_some_and(|it| is_old(it.handed_ns)) {
                tracked.replacing = None;
            }
        }
    }

    pub(super) fn told_open(&mut self, number: u32, result: &str) -> bool {
        let Ok(orders) = serde_json::from_str::<Vec<Order<'_>>>(result) else { return false };
        for order in &orders {
            let Some(place) = self.place_of(&order.symbol) else {
                self.standing.figures.elsewhere += 1;
                continue;
            };
            let of = self.settings.traded.get(place);
            let Some((found, revision)) = of.and_then(|of| order_of(of, order, true)) else {
                return false;
            };
            let owner = self.owner_of(&order.client);
            self.tracker.owns(place, found.number, owner);
            if !found.order.is_none() {
                self.adopt(place, &found, revision);
            }
            self.part(number, Answer::Order(found));
        }
        true
    }

    /// The executions of a page, each told or waiting for its owner; the number of the last one and
    /// how many there were. None where the page cannot be read.
    pub(super) fn told_trades(
        &mut self,
        number: u32,
        place: usize,
        owner: Option<OrderId>,
        result: &str,
    ) -> Option<(Option<i64>, usize)> {
        let rows = serde_json::from_str::<Vec<&RawValue>>(result).ok()?;
        let mut last = None;
        for row in &rows {
            let trade = serde_json::from_str::<OwnTrade<'_>>(row.get()).ok()?;
            last = last.max(Some(trade.id));
            let known = owner.map(Owner::Ours);
            match known.or_else(|| self.tracker.owner(place, trade.order)) {
                Some(owner) => self.tell_trade(number, place, owner, &trade)?,
                None => self.park(number, place, trade.order, row.get()),
            }
        }
        Some((last, rows.len()))
    }

    fn tell_trade(
        &mut self,
        number: u32,
        place: usize,
        owner: Owner,
        trade: &OwnTrade<'_>,
    ) -> Option<()> {
        let delivery = self.delivery_of(place, owner, trade)?;
        self.part(number, Answer::Execution(delivery));
        Some(())
    }

    /// Keeps an execution until it is known whose it is.
    fn park(&mut self, number: u32, place: usize, of: u64, row: &str) {
        let Some(asking) = self.asking.iter_mut().find(|it| it.number == number) else { return };
        if asking.parked.len() >= PARKED_MAX {
            return self.fail(number);
        }
        let is_asked = asking.parked.iter().any(|it| it.place == place && it.number == of);
        asking.parked.push(Parked { place, number: of, row: row.to_owned() });
        if !is_asked {
            let symbol = self.symbol(place);
            let id = i64::try_from(of).unwrap_or(-1);
            let params = [("symbol", Param::Text(&symbol)), ("orderId", Param::Number(id))];
            let step = Step::Owner { place, number: of };
            let profile = self.settings.profile;
            let (weight, way): (u64, Way) = (profile.weights.order, profile.asks.order);
            self.query(number, weight, step, way, &params);
        }
    }

    pub(super) fn unpark(&mut self, number: u32, place: usize, of: u64, owner: Owner) -> bool {
        let Some(asking) = self.asking.iter_mut().find(|it| it.number == number) else {
            return true;
        };
        let is_of = |it: &Parked| it.place == place && it.number == of;
        let (ready, parked) = std::mem::take(&mut asking.parked).into_iter().partition(is_of);
        asking.parked = parked;
        let ready: Vec<Parked> = ready;
        ready.iter().all(|it| {
            let trade = serde_json::from_str::<OwnTrade<'_>>(&it.row).ok();
            trade.and_then(|trade| self.tell_trade(number, place, owner, &trade)).is_some()
        })
    }

    pub(super) fn told_owner(&mut self, number: u32, place: usize, of: u64, result: &str) -> bool {
        let Ok(order) = serde_json::from_str::<Order<'_>>(result) else { return false };
        // The name of a cancelled order is that of its cancel in some answers; ours is its own.
        let owner = self.owner_of(&order.client);
        self.tracker.owns(place, of, owner);
        self.unpark(number, place, of, owner)
    }

    pub(super) fn told_window(
        &mut self,
        number: u32,
        place: usize,
        from_ms: i64,
        result: &str,
    ) -> bool {
        let Some((last, rows)) = self.told_trades(number, place, None, result) else {
            return false;
        };
        let next_ms = from_ms.saturating_add(self.settings.profile.window_ms);
        let now_ms = i64::try_from(self.venue_ms(self.now_ns)).unwrap_or(i64::MAX);
        match last {
            // From the first execution on all others are found by their numbers.
            Some(last) if rows >= self.settings.profile.page_rows || next_ms <= now_ms => {
                self.ask_from(number, place, last.saturating_add(1));
            }
            None if next_ms <= now_ms => self.ask_window(number, place, next_ms),
            _ => {}
        }
        true
    }

    pub(super) fn told_page(&mut self, number: u32, place: usize, result: &str) -> bool {
        let Some((last, rows)) = self.told_trades(number, place, None, result) else {
            return false;
        };
        if let Some(last) = last.filter(|_| rows >= self.settings.profile.page_rows) {
            self.ask_from(number, place, last.saturating_add(1));
        }
        true
    }

    /// A position is what the account holds more of the base asset than before the first order, in
    /// whole lots towards zero, as the books keep what commissions in kind leave of a lot.
    pub(super) fn told_balances(&mut self, number: u32, result: &str) -> bool {
        let Some(held) = self.read_held(result) else { return false };
        if self.settings.profile.has_positions() {
            self.standing.held = Some(held);
            return true;
        }
        let baseline = self.standing.baseline.clone().unwrap_or_default();
        let amount = |of: &[(String, i64)], asset: &str| {
            of.iter().find(|(name, _)| name == asset).map_or(0, |it| it.1)
        };
        let mut positions = Vec::with_capacity(self.settings.traded.len());
        for of in &self.settings.traded {
            let moved = amount(&held, &of.base).checked_sub(amount(&baseline, &of.base));
            let Some(lots) = moved.map(|moved| moved / of.spec.lot_e9()) else { return false };
            positions.push((of.instrument, lots));
        }
        self.standing.held = Some(held);
        for (instrument, lots) in positions.into_iter().filter(|it| it.1 != 0) {
            self.part(number, Answer::Position(instrument, Qty::from_lots(lots)));
        }
        true
    }
}
