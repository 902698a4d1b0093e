//! The gate of all controls.

use qt_engine::{
    Command, Deaf, Exposure, Gate, NewOrder, Order, OrderRequest, Settlement, SizeRequest,
    Tightest, save_and_load, stored, values,
};
use qt_types::{
    ControlKind, DenyReason, Event, InstrumentId, Nanos, ParentId, Payload, Qty, StrategyId,
};
use serde::{Deserialize, Serialize};

use crate::ask::Ask;
use crate::control::{CONTROLS, Control};
use crate::evaluate::evaluate;
use crate::foreign::ForeignOrder;
use crate::gate::AccountGate;
use crate::kill::{KillState, Target};
use crate::lowest::{Lowest, Lowests};
use crate::measure::{All, Failure, First, Headroom, Sure};
use crate::reference::Reference;
use crate::reservation::NONE;
use crate::setup::{MachineTrip, Setup};
use crate::state::State;
use crate::tally::Level;
use crate::{quick, shape_check};

/// Approved orders that were not sent yet, at most: the legs of the largest basket.
pub const PENDING_MAX: usize = 1_024;

/// Kill switches tripped by the gate itself that wait to be written down, at most. What does not
/// fit is still tripped.
const TRIPS_MAX: usize = 64;

/// The number of no parent order that there is.
const UNKNOWN_PARENT: u32 = NONE - 1;

/// Parent orders of the engine that are watched from the start on without more memory.
const ENGINE_PARENTS_MAX: usize = 64;

/// The last order that was denied, as it was seen then: what a [`crate::Reject`] is made from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Denial {
    /// What failed.
    pub failure: Failure,
    /// The order.
    pub request: OrderRequest,
    /// Whose it was.
    pub strategy: u16,
    /// The reference price then.
    pub reference: Reference,
    /// When (UTC ns).
    pub at_ns: Nanos,
    /// The how manieth denial it was (from 1).
    pub number: u64,
    /// What was observed is of several tenants together: it is nobody's to be told.
    pub is_shared: bool,
}

/// Every control of [`CONTROLS`] over the gate of an account. Limits are taken on approval,
/// counted at once, and given back as fills and ends are reported.
#[derive(Clone, Debug)]
pub struct RiskGate {
    pub(crate) account: AccountGate,
    pub(crate) state: State,
    /// Places of what was approved and not sent yet, oldest first.
    pub(crate) pending: std::collections::VecDeque<u32>,
    pub(crate) strategy: u16,
    pub(crate) parent: u32,
    /// The engine's parent orders and the numbers that they have here.
    pub(crate) engine_parents: Vec<(ParentId, u32)>,
    pub(crate) trips: Vec<MachineTrip>,
    pub(crate) warnings: [u64; CONTROLS.len()],
    /// The last denial of each control, by its place in the table.
    last: Vec<Option<Denial>>,
    by_control: [u64; CONTROLS.len()],
    lowest: Lowests,
    pub(crate) follows_lowest: bool,
    /// The control that denied last.
    latest: Option<Control>,
    denials: u64,
    /// The instrument that the present event has settled on behalf of [`Self::strategy`].
    pub(crate) booked: Option<InstrumentId>,
}

values!(Denial, MachineTrip);
stored!(RiskGate {
    state: account, state, pending, strategy, parent, engine_parents, trips, warnings, by_control,
        lowest, latest, denials;
    each: last;
    same: follows_lowest;
    made: booked;
});

impl RiskGate {
    /// A gate at rest over the account's own gate. All memory that it will need is taken here.
    #[must_use]
    pub fn new(setup: &Setup<'_>, account: AccountGate) -> Self {
        Self {
            account,
            state: setup.state(),
            pending: std::collections::VecDeque::with_capacity(PENDING_MAX),
            strategy: 0,
            parent: NONE,
            engine_parents: Vec::with_capacity(ENGINE_PARENTS_MAX),
            trips: Vec::with_capacity(TRIPS_MAX),
            warnings: [0; CONTROLS.len()],
            last: vec![None; CONTROLS.len()],
            by_control: [0; CONTROLS.len()],
            lowest: Lowests::new(),
            follows_lowest: false,
            latest: None,
            denials: 0,
            booked: None,
        }
    }

    /// Whose orders come from now on: a strategy by its number, and the parent order that they
    /// work for (from [`Self::add_parent`]).
    pub fn ask_for(&mut self, strategy: u16, parent: Option<u32>) {
        self.strategy = strategy;
        self.parent = parent.unwrap_or(NONE);
    }

    /// Approves every order of a basket, or none: one that fails gives back what those before it
    /// have taken (the messages stay counted).
    ///
    /// # Errors
    /// The place of the order that failed, and why.
    pub fn check_basket(
        &mut self,
        legs: &[OrderRequest],
        exposure: &Exposure<'_>,
    ) -> Result<(), (usize, DenyReason)> {
        let before = self.pending.len();
        for (at, leg) in legs.iter().enumerate() {
            // Only new orders: a change cannot be taken back.
            let result = if leg.replaces.is_none() {
                self.check(leg, exposure)
            } else {
                Err(DenyReason::InvalidOrder)
            };
            if let Err(reason) = result {
                while self.pending.len() > before {
                    if let Some(place) = self.pending.pop_back() {
                        self.release(place);
                    }
                }
                return Err((at, reason));
            }
        }
        Ok(())
    }

    /// Gives back what approved orders have taken that will not be sent.
    pub fn withdraw_pending(&mut self) {
        while let Some(place) = self.pending.pop_back() {
            self.release(place);
        }
    }

    /// What every control observes of an order of `strategy`, its limits and what is left of them.
    /// Nothing is taken or counted. Off the hot path.
    #[must_use]
    pub fn explain(
        &self,
        strategy: StrategyId,
        request: &OrderRequest,
        exposure: &Exposure<'_>,
    ) -> Vec<Headroom> {
        let mut all = All::default();
        let mut account = self.account.clone();
        let mut state = std::borrow::Cow::Borrowed(&self.state);
        if !state.dirty.is_empty() {
            state.to_mut().catch_up(exposure);
        }
        // A parent order belongs to who asked last, and to nobody else.
        let parent = if strategy.0 == self.strategy { self.parent } else { NONE };
        let who = (usize::from(strategy.0), parent);
        let known = who.0 < state.strategies.len()
            && request.instrument.index() < state.instruments.len()
            && exposure.spec(request.instrument).is_some();
        if known {
            // A visitor that never stops lets only a worthless order end early.
            let _ = evaluate(&state, &mut account, who, request, exposure, &mut all);
        } else {
            let _ = crate::shape_check::check(&state, request, who.0, &mut all);
        }
        all.headrooms
    }

    /// How often `control` let an order pass that was above a soft limit.
    #[must_use]
    pub const fn warnings(&self, control: Control) -> u64 {
        self.warnings[control as usize]
    }

    /// The last denial.
    #[must_use]
    pub fn denial(&self) -> Option<&Denial> {
        self.latest.and_then(|control| self.last_denial(control))
    }

    /// The last denial by `control`.
    #[must_use]
    pub fn last_denial(&self, control: Control) -> Option<&Denial> {
        self.last.get(control as usize).and_then(Option::as_ref)
    }

    /// How many orders `control` has denied.
    #[must_use]
    pub const fn denied_by(&self, control: Control) -> u64 {
        self.by_control[control as usize]
    }

    /// From now on the least that orders leave of each limit is kept ([`Self::lowest`]). It costs
    /// some time with every order that passes; a gate that is not told to does not do it.
    pub const fn follow_lowest(&mut self) {
        self.follows_lowest = true;
    }

    /// The least that an order which passed has left of the limits of `control`; `None` where
    /// none used any of them, of controls that measure nothing, and where nobody asked for it
    /// ([`Self::follow_lowest`]).
    #[must_use]
    pub fn lowest(&self, control: Control) -> Option<&Lowest> {
        self.lowest.get(control as usize)
    }

    /// How many orders were denied.
    #[must_use]
    pub const fn denials(&self) -> u64 {
        self.denials
    }

    /// The account's own gate.
    #[must_use]
    pub const fn account(&self) -> &AccountGate {
        &self.account
    }

    /// The kill switches that the gate tripped by itself and that nobody has taken yet.
    #[must_use]
    pub fn trips(&self) -> &[MachineTrip] {
        &self.trips
    }

    /// The kill switches that the gate tripped by itself since the last call, for the log.
    pub fn take_trips(&mut self) -> Vec<MachineTrip> {
        let room = Vec::with_capacity(TRIPS_MAX);
        std::mem::replace(&mut self.trips, room)
    }

    /// Trips a switch, unless it stands tighter already.
    pub(crate) fn trip(&mut self, target: Target, state: KillState, trip: MachineTrip) {
        if self.state.kill.state(target) >= state {
            return;
        }
        self.state.kill.set(target, state);
        if self.trips.len() < TRIPS_MAX {
            self.trips.push(trip);
        }
    }

    pub(crate) fn trip_strategy(&mut self, strategy: u16, control: Control, now_ns: i64) {
        let target = Target::new(Level::Strategy, strategy);
        let trip = MachineTrip {
            target,
            state: KillState::Halted,
            control,
            at_ns: Nanos::new(now_ns),
            order: qt_types::OrderId::NONE,
        };
        self.trip(target, KillState::Halted, trip);
    }

    /// The order with its context, where it is an order at all.
    #[inline(always)]
    fn ask<'a>(
        &self,
        (strategy, parent): (usize, u32),
        order: &'a OrderRequest,
        exposure: &'a Exposure<'a>,
    ) -> Result<Ask<'a>, DenyReason> {
        shape_check::check(&self.state, order, strategy, &mut Sure)?;
        Ask::new(&self.state, order, strategy, parent, exposure)
    }

    /// What the check comes to for an order that is not a usual one, or not a sure one.
    #[inline(never)]
    fn decide(&mut self, order: &OrderRequest, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        let who = (usize::from(self.strategy), self.parent);
        if let Ok(ask) = &self.ask(who, order, exposure) {
            for &at in &ask.nodes[..self.state.levels()] {
                let pnl = self.state.sums(at).pnl();
                self.state.nodes[at].follow_equity(pnl);
            }
            if quick::passes(&self.state, ask) && self.account.check(order, exposure).is_ok() {
                return self.take(ask);
            }
        }
        self.weigh(who, order, exposure)
    }

    /// Looks how near an order that passed came to the limits, before it takes anything.
    #[inline(never)]
    pub(crate) fn follow(&mut self, order: &OrderRequest, exposure: &Exposure<'_>) {
        let who = (usize::from(self.strategy), self.parent);
        if let Ok(ask) = self.ask(who, order, exposure) {
            self.lowest.follow(&mut self.state, &ask);
        }
    }

    /// Every control in turn, for an order that does not pass for certain.
    // Not inlined: it would be beside the short way, which is almost always the only one.
    #[inline(never)]
    fn weigh(
        &mut self,
        who: (usize, u32),
        order: &OrderRequest,
        exposure: &Exposure<'_>,
    ) -> Result<(), DenyReason> {
        self.state.catch_up(exposure);
        let mut first = First { warnings: &mut self.warnings, failure: None };
        match evaluate(&self.state, &mut self.account, who, order, exposure, &mut first) {
            Ok(ask) => self.take(&ask),
            Err(reason) => {
                let failure = first.failure;
                self.note_denial(order, failure, exposure);
                Err(reason)
            }
        }
    }

    /// Takes what an order needs that passed every control.
    fn take(&mut self, ask: &Ask<'_>) -> Result<(), DenyReason> {
        if self.follows_lowest {
            self.lowest.follow(&mut self.state, ask);
        }
        let result = self.reserve(ask);
        if let Err(reason) = result {
            self.note_denial(ask.request, Some(Failure::full(reason)), ask.exposure);
        }
        result
    }

    #[cold]
    fn note_denial(
        &mut self,
        request: &OrderRequest,
        failure: Option<Failure>,
        exposure: &Exposure<'_>,
    ) {
        self.denials += 1;
        let Some(failure) = failure else { return };
        let known = self.state.instruments.get(request.instrument.index());
        let seen_ns = known.map_or(i64::MIN, |known| known.seen_ns);
        let denial = Denial {
            failure,
            request: *request,
            strategy: self.strategy,
            reference: Reference::of(exposure, request.instrument, seen_ns),
            at_ns: exposure.market.now_ns(),
            number: self.denials,
            is_shared: self.state.tenants > 1
                && failure.level == Level::Global
                && failure.control != Control::Kill,
        };
        let place = failure.control as usize;
        self.by_control[place] += 1;
        self.last[place] = Some(denial);
        self.latest = Some(failure.control);
        // A strategy that goes on in spite of these is out of hand.
        if matches!(failure.control, Control::Entries | Control::Parent) {
            let now_ns = exposure.market.now_ns().get();
            self.trip_strategy(self.strategy, failure.control, now_ns);
        }
    }
}

impl Gate for RiskGate {
    fn size(&self, request: &SizeRequest, exposure: &Exposure<'_>) -> Result<Qty, DenyReason> {
        self.account.size(request, exposure)
    }

    fn check(&mut self, order: &OrderRequest, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        if self.state.tracks_worth {
            self.state.catch_up(exposure);
        }
        if self.approves_usual(order, exposure) { Ok(()) } else { self.decide(order, exposure) }
    }

    #[inline]
    fn sent(&mut self, command: &Command, _exposure: &Exposure<'_>) {
        if let Command::New(new) = command {
            self.sent_new(new);
        }
    }

    fn let_go(&mut self, new: &NewOrder, _exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        self.check_kill(new)
    }

    fn watch_parent(&mut self, parent: ParentId, qty: Option<Qty>) {
        self.watch_engine_parent(parent, qty);
    }

    fn works_for(&mut self, parent: ParentId) {
        let known = self.engine_parents.iter().find(|(id, _)| *id == parent);
        self.parent = match known {
            Some(&(_, number)) => number,
            None if parent.is_none() => NONE,
            // Not watched: no child of it is approved.
            None => UNKNOWN_PARENT,
        };
    }

    fn asks_for(&mut self, strategy: StrategyId) {
        self.strategy = strategy.0;
    }

    fn may_send(&self, strategy: StrategyId) -> KillState {
        let at = usize::from(strategy.0);
        if at >= self.state.strategies.len() || self.state.instruments.is_empty() {
            return KillState::Halted;
        }
        self.state.kill.worst(&self.state.targets(at, 0)).0
    }

    fn tightest(&self, exposure: &Exposure<'_>) -> Option<Tightest> {
        self.nearest_limit(exposure.specs)
    }

    fn netted(&mut self, instrument: InstrumentId, exposure: &Exposure<'_>) {
        self.follow_books(instrument, exposure);
    }

    #[inline]
    fn accepted(&mut self, order: &Order) -> bool {
        self.stands_as_taken(order)
    }

    fn settled(&mut self, settlement: &Settlement, exposure: &Exposure<'_>) {
        self.settle(settlement, exposure);
    }

    #[inline(always)]
    fn hears(&mut self, instrument: InstrumentId, now_ns: Nanos) -> bool {
        let Some(known) = self.state.instruments.get_mut(instrument.index()) else { return true };
        known.seen_ns = now_ns.get();
        known.seen_ns >= known.look_ns
    }

    fn deaf_until_ns(&self, instrument: InstrumentId, exposure: &Exposure<'_>) -> Deaf {
        self.looks_from(instrument, exposure)
    }

    fn control(&mut self, control: &qt_types::Control, exposure: &Exposure<'_>) {
        match control.kind {
            ControlKind::Trip { target, state } => {
                self.tighten(target, state);
            }
            ControlKind::Arm { target } => {
                self.rearm(target);
            }
            ControlKind::Limit { target, key, hard } => match ForeignOrder::of(&control.kind) {
                Some(order) => self.count_foreign(&order, exposure),
                None => self.adjust_limit(target, key, hard, exposure),
            },
            ControlKind::Resume
            | ControlKind::Pause
            | ControlKind::CloseOut
            | ControlKind::Activate { .. }
            | ControlKind::Deactivate { .. }
            | ControlKind::Tune { .. } => {}
        }
    }

    fn rests_until_ns(&self) -> i64 {
        self.account.rests_until_ns()
    }

    #[inline(always)]
    fn observe(&mut self, event: &Event, exposure: &Exposure<'_>) -> bool {
        self.watch(event, exposure);
        let wants_close = self.account.observe(event, exposure);
        // Of no other events is it asked whether it hears.
        if matches!(event.payload, Payload::Tick(_)) {
            self.look_again(event.instrument, exposure);
        }
        wants_close
    }

    save_and_load!();
}
