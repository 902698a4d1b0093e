//! What reaches the gate from outside the order flow, as sequenced control events: kill states,
//! sessions, links, clocks, lists, limits, parents and what the venue says of positions.

use qt_engine::Exposure;
use qt_types::{InstrumentId, Nanos, OrderId, ParentId, Qty, VenueId};

use crate::ask::LOTS_MAX;
use crate::control::Control;
use crate::kill::{KillBoard, KillState, Target};
use crate::kill_desk::{ControlAction, ControlEvent};
use crate::limits::LimitSet;
use crate::risk_gate::RiskGate;
use crate::setup::set_node_limits;
use crate::state::{Break, Parent, Session};
use crate::tally::Level;
use crate::unit::Holder;

/// Parent orders that are watched at once, at most.
pub const PARENTS_MAX: usize = 4_096;

/// Positions that differ from the venue's, at most; beyond that the account is told to reduce.
pub(crate) const BREAKS_MAX: usize = 64;

impl RiskGate {
    /// Applies what was decided about a kill switch. Requests that wait for a second person
    /// change nothing. `false` where there is no such target.
    pub fn apply(&mut self, event: &ControlEvent) -> bool {
        match event.action {
            ControlAction::Trip { state } => self.tighten(event.target, state),
            ControlAction::Armed { .. } => self.rearm(event.target),
            ControlAction::ArmRequested | ControlAction::Refused { .. } => true,
        }
    }

    /// No more than `state` allows may be sent at `target`; a trip never loosens what stands
    /// tighter.
    pub(crate) fn tighten(&mut self, target: Target, state: KillState) -> bool {
        let tighter = self.state.kill.state(target).max(state);
        self.state.kill.set(target, tighter)
    }

    /// Everything may be sent at `target` again.
    pub(crate) fn rearm(&mut self, target: Target) -> bool {
        self.forgive(target);
        self.state.kill.set(target, KillState::Active)
    }

    /// A person looked at `target`: what is latched there begins anew. Losses of the day stay.
    fn forgive(&mut self, target: Target) {
        let Some(at) = self.state.node_of(target) else { return };
        // From now on this level remembers less than the others.
        self.state.part_levels();
        let pnl = self.state.sums(at).pnl();
        let node = &mut self.state.nodes[at];
        node.entries.clear();
        node.refusals.clear();
        node.breaks = 0;
        (node.high, node.drawdown) = (pnl, 0);
        node.set_bounds(pnl);
    }

    /// The kill states.
    #[must_use]
    pub const fn kill(&self) -> &KillBoard {
        &self.state.kill
    }

    /// The session state of `instrument`.
    pub fn set_session(&mut self, instrument: InstrumentId, session: Session) {
        if let Some(known) = self.state.instruments.get_mut(instrument.index()) {
            known.session = session;
        }
    }

    /// Whether the link to `venue` is up. A venue that is not known stays down.
    pub fn set_venue_link(&mut self, venue: VenueId, is_up: bool) {
        if let Some(link) = self.state.venue_links.get_mut(usize::from(venue.0)) {
            *link = is_up;
        }
    }

    /// Whether the owner of `strategy` is there: its session lives, its heartbeat comes.
    pub fn set_strategy_link(&mut self, strategy: u16, is_up: bool) {
        if let Some(known) = self.state.strategies.get_mut(usize::from(strategy)) {
            known.link_up = is_up;
        }
    }

    /// How far the clock was off when it was measured last, in nanoseconds.
    pub const fn set_clock_offset(&mut self, offset_ns: i64) {
        self.state.clock_offset_ns = offset_ns;
    }

    /// Puts `instrument` on the list of `target` (a tenant or an account), or takes it off.
    pub fn allow(&mut self, target: Target, instrument: InstrumentId, allowed: bool) {
        let (list, of_level) = match target.level {
            Level::Tenant => (&mut self.state.tenant_allows, self.state.tenants),
            Level::Account => (&mut self.state.account_allows, self.state.accounts),
            _ => return,
        };
        let index = usize::from(target.index);
        if index < of_level
            && let Some(place) = list.get_mut(instrument.index() * of_level + index)
        {
            *place = allowed;
        }
    }

    /// Gives a strategy, an account, a tenant or the whole limits of its own. Windows begin anew.
    /// `false` where there is no such node, or a limit is missing: then nothing changes.
    pub fn set_limits(&mut self, target: Target, limits: &LimitSet) -> bool {
        let Some(at) = self.state.node_of(target) else { return false };
        if limits.first_missing(Holder::Node).is_some() {
            return false;
        }
        self.state.part_levels();
        let pnl = self.state.sums(at).pnl();
        set_node_limits(&mut self.state.nodes[at], limits.clone(), pnl);
        self.state.follow_limits();
        true
    }

    /// Watches the children of a parent order of `qty` that works for `strategy`; hand the number
    /// to [`Self::ask_for`]. `None` where there are too many.
    pub fn add_parent(&mut self, strategy: u16, qty: Qty) -> Option<u32> {
        let lots = qty.lots().clamp(0, LOTS_MAX);
        let parent = Parent { strategy, lots, used: 0, children: 0, is_over: false };
        let parents = &mut self.state.parents;
        if let Some(at) = parents.iter().position(|known| known.is_over && known.children == 0) {
            parents[at] = parent;
            return Some(at as u32);
        }
        if parents.len() >= PARENTS_MAX {
            return None;
        }
        parents.push(parent);
        Some((parents.len() - 1) as u32)
    }

    /// A parent order is over: no child of it is approved any more, and its number is given to
    /// another one once its last child has ended.
    pub fn end_parent(&mut self, parent: u32) {
        if let Some(known) = self.state.parents.get_mut(parent as usize) {
            known.is_over = true;
        }
    }

    /// Begins, changes or (without a quantity) ends the watch over a parent order of the engine.
    pub(crate) fn watch_engine_parent(&mut self, parent: ParentId, qty: Option<Qty>) {
        let at = self.engine_parents.iter().position(|(id, _)| *id == parent);
        match (at, qty) {
            (Some(at), None) => {
                let (_, number) = self.engine_parents.swap_remove(at);
                self.end_parent(number);
            }
            (Some(at), Some(qty)) => {
                let number = self.engine_parents[at].1;
                if let Some(known) = self.state.parents.get_mut(number as usize) {
                    known.lots = qty.lots().clamp(0, LOTS_MAX);
                }
            }
            (None, Some(qty)) => {
                if let Some(number) = self.add_parent(self.strategy, qty) {
                    self.engine_parents.push((parent, number));
                }
            }
            (None, None) => {}
        }
    }

    /// Lots of a parent's children that were sent and are not dead: filled and open.
    #[must_use]
    pub fn parent_used(&self, parent: u32) -> Qty {
        let used = self.state.parents.get(parent as usize).map_or(0, |known| known.used);
        Qty::from_lots(used)
    }

    /// Holds our position against the venue's, in lots. A difference counts from the first time
    /// that it is seen until a call that sees none (C28).
    pub fn reconcile(
        &mut self,
        account: u16,
        instrument: InstrumentId,
        venue: Qty,
        exposure: &Exposure<'_>,
    ) {
        if usize::from(account) >= self.state.accounts
            || instrument.index() >= self.state.instruments.len()
        {
            return;
        }
        let target = Target::new(Level::Account, account);
        let ours = self.position(target, instrument);
        let is_this = |known: &Break| known.account == account && known.instrument == instrument;
        let breaks = &mut self.state.breaks;
        if ours == venue {
            breaks.retain(|known| !is_this(known));
            return;
        }
        if breaks.iter().any(is_this) {
            return;
        }
        let now_ns: Nanos = exposure.market.now_ns();
        if breaks.len() < BREAKS_MAX {
            breaks.push(Break { account, instrument, since_ns: now_ns.get() });
            return;
        }
        let state = KillState::ReduceOnly;
        let (control, order) = (Control::Reconciled, OrderId::NONE);
        let trip = crate::MachineTrip { target, state, control, at_ns: now_ns, order };
        self.trip(target, state, trip);
    }

    /// The position that counts against the limits of `target` in `instrument`, in lots.
    #[must_use]
    pub fn position(&self, target: Target, instrument: InstrumentId) -> Qty {
        let node = self.state.node_of(target);
        let known = instrument.index() < self.state.instruments.len();
        let lots =
            node.filter(|_| known).map(|node| self.state.line(instrument.index(), node).position);
        Qty::from_lots(lots.unwrap_or(0))
    }

    /// Values every position at the prices of now. Orders and fills do so by themselves; prices
    /// do while a limit on losses is on.
    pub fn value(&mut self, exposure: &Exposure<'_>) {
        self.state.catch_up(exposure);
    }

    /// The worst-case exposure of `target` as of the last valuation ([`Self::value`]).
    #[must_use]
    pub fn exposure(&self, target: Target) -> qt_types::Cash {
        let node = self.state.node_of(target);
        qt_types::Cash::from_nano(node.map_or(0, |node| self.state.worth(node).0))
    }

    /// The most that `target` has lost since the day began, where a limit on losses is on.
    #[must_use]
    pub fn day_loss(&self, target: Target) -> qt_types::Cash {
        let node = self.state.node_of(target);
        qt_types::Cash::from_nano(node.map_or(0, |node| self.state.node(node).day_loss))
    }

    /// What the open orders of `target` are worth, in nano-units.
    #[must_use]
    pub fn unexecuted(&self, target: Target) -> qt_types::Cash {
        let node = self.state.node_of(target);
        qt_types::Cash::from_nano(node.map_or(0, |node| self.state.sums(node).unexecuted))
    }

    /// Open orders of `target`, those approved and not sent yet included.
    #[must_use]
    pub fn open_orders(&self, target: Target) -> u64 {
        let node = self.state.node_of(target);
        node.map_or(0, |node| self.state.sums(node).orders.unsigned_abs())
    }
}
