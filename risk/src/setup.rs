//! What a gate is made from: who trades what, with which limits.

use qt_types::{Cash, InstrumentSpec, Nanos, OrderId, VenueId};
use serde::{Deserialize, Serialize};

use crate::exposure_check::PLACES_KEPT;
use crate::keys::Key;
use crate::kill::{KillBoard, KillState, Target};
use crate::limits::LimitSet;
use crate::profile::Profile;
use crate::quick::{InstrumentBounds, NodeBounds, clock_bound_ns};
use crate::repeat_check::LAST_ORDERS;
use crate::reservation::{NONE, Reservations};
use crate::seen::{FractionSeen, InstrumentSeen, NodeSeen};
use crate::state::{Identity, InstrumentState, KnownRate, Resting, Session, State, StrategyState};
use crate::tally::{Level, Line, Node, Sums, Windows, millis};
use crate::unit::Holder;
use crate::window::{Rate, Recent, Tumbling, Usual, gap_ns};

/// A multiple of the usual size that holds nothing back.
const COUNT_OFF: i128 = 1_000_000_000;

/// An account and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountSetup {
    /// The tenant's number.
    pub tenant: u16,
    /// The capital at the start.
    pub capital: Cash,
}

/// A strategy and what it trades on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrategySetup {
    /// The account's number.
    pub account: u16,
    /// Who is behind it.
    pub identity: Identity,
}

/// Everything that a gate needs to know at the start. Strategies, accounts and tenants are
/// numbered by their places here.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// The limits.
    pub profile: &'a Profile,
    /// The units of every instrument.
    pub specs: &'a [InstrumentSpec],
    /// How many tenants there are.
    pub tenants: u16,
    /// The accounts.
    pub accounts: Vec<AccountSetup>,
    /// The strategies.
    pub strategies: Vec<StrategySetup>,
    /// The venue of each instrument; 0 beyond its end.
    pub venues: Vec<VenueId>,
    /// Orders that may be open at once; some more that only make positions smaller.
    pub orders_max: usize,
    /// Whether program and settings are the approved ones, on every node ([`crate::Build`]).
    pub is_build_approved: bool,
}

impl<'a> Setup<'a> {
    /// One strategy with one account of `capital`: a backtest.
    #[must_use]
    pub fn single(
        profile: &'a Profile,
        specs: &'a [InstrumentSpec],
        capital: Cash,
        orders_max: usize,
    ) -> Self {
        let identity = Identity { user: 1, version: 1, config_hash: 1 };
        Self {
            profile,
            specs,
            tenants: 1,
            accounts: vec![AccountSetup { tenant: 0, capital }],
            strategies: vec![StrategySetup { account: 0, identity }],
            venues: Vec::new(),
            orders_max,
            is_build_approved: true,
        }
    }

    /// The same with `count` strategies on that account.
    #[must_use]
    pub fn with_strategies(mut self, count: usize) -> Self {
        if let Some(first) = self.strategies.first().copied() {
            self.strategies = vec![first; count.max(1)];
        }
        self
    }

    /// The state of a gate at rest. A strategy of an account that is not there, or an account of
    /// such a tenant, leaves the gate without its limits: everything is denied.
    pub(crate) fn state(&self) -> State {
        let venues = self.venues.iter().map(|venue| usize::from(venue.0) + 1).max().unwrap_or(1);
        let (tenants, accounts) = (usize::from(self.tenants), self.accounts.len());
        let mut is_sound = tenants > 0
            && self.accounts.iter().all(|account| usize::from(account.tenant) < tenants)
            && self.strategies.iter().all(|strategy| usize::from(strategy.account) < accounts);
        let instruments: Vec<InstrumentState> =
            (0..self.specs.len()).map(|at| self.instrument(at)).collect();
        is_sound &= instruments
            .iter()
            .all(|known| known.limits.first_missing(Holder::Instrument).is_none());
        let levels = [Level::Strategy, Level::Account, Level::Tenant, Level::Global];
        is_sound &= levels
            .iter()
            .all(|&level| self.profile.level(level).first_missing(Holder::Node).is_none());
        let nodes = self.nodes();
        let strategies: Vec<StrategyState> =
            (0..self.strategies.len()).map(|at| self.strategy(at)).collect();
        let per_tenant = self.specs.len() * tenants;
        let is_single = tenants == 1 && accounts == 1 && strategies.len() == 1;
        let sums = if is_single { 1 } else { nodes.len() };
        let allowed = |each: usize| -> Vec<bool> {
            let lists = self.specs.iter().map(|spec| self.profile.allows(spec.symbol()));
            lists.flat_map(|allowed| std::iter::repeat_n(allowed, each)).collect()
        };
        let mut state = State {
            configured: 0,
            lines: lines(
                instruments.len(),
                sums,
                if is_single { 0 } else { 1 + tenants + accounts },
            ),
            sums: vec![Sums::default(); sums],
            resting: vec![[Resting { first: NONE, best: 0 }; 2]; per_tenant],
            ledger_cash: vec![None; accounts],
            own_cash: vec![0; strategies.len()],
            tenants,
            accounts,
            tenant_allows: allowed(tenants),
            account_allows: allowed(accounts),
            reservations: Reservations::new(self.orders_max + PLACES_KEPT),
            parents: Vec::new(),
            parent_seen: FractionSeen::default(),
            breaks: Vec::new(),
            kill: KillBoard::new(strategies.len(), accounts, tenants, venues),
            venue_links: vec![true; venues],
            clock_offset_ns: 0,
            is_build_approved: self.is_build_approved,
            is_configured: is_sound,
            day_end_ns: i64::MIN,
            is_single,
            is_uniform: is_single && nodes.iter().all(|node| node.limits == nodes[0].limits),
            tracks_loss: nodes.iter().any(|node| node.tracks_loss),
            tracks_worth: nodes.iter().any(Node::tracks_worth),
            tracks_usual: instruments.iter().any(|known| !is_off(known, Key::UnitMultiple)),
            tracks_resting: instruments.iter().any(|known| !is_off(known, Key::SelfTrade)),
            tracks_repeats: instruments.iter().any(|known| known.duplicate_ns > 0),
            clock_bound_ns: clock_bound_ns(self.profile.level(Level::Global)),
            dirty: Vec::with_capacity(instruments.len()),
            instruments,
            nodes,
            strategies,
        };
        state.configured = state.fingerprint();
        state
    }

    fn instrument(&self, at: usize) -> InstrumentState {
        let limits = self.profile.instrument(self.specs[at].symbol());
        InstrumentState {
            limits: limits.clone(),
            bounds: InstrumentBounds::of(limits, &self.specs[at]),
            seen: InstrumentSeen::new(limits),
            stress_bps: limits.get(Key::StressBps).hard.clamp(0, 1_000_000),
            venue: self.venues.get(at).copied().unwrap_or_default(),
            session: Session::Open,
            drift_ns: millis(limits, Key::DriftWindow),
            duplicate_ns: millis(limits, Key::DuplicateWindow),
            seen_ns: Nanos::MIN.get(),
            look_ns: i64::MIN,
            is_dirty: false,
            mark: None,
            anchor_x2: 0,
            anchor_ns: i64::MIN,
            is_inverse: self.specs[at].is_inverse(),
            held: 0,
            rate: KnownRate::Same,
        }
    }

    fn strategy(&self, at: usize) -> StrategyState {
        let of = self.strategies[at];
        let (tenants, accounts) = (usize::from(self.tenants), self.accounts.len());
        let tenant = self.accounts.get(usize::from(of.account)).map_or(0, |known| known.tenant);
        StrategyState {
            account: of.account,
            identity: of.identity,
            nodes: [
                1 + tenants + accounts + at,
                1 + tenants + usize::from(of.account),
                1 + usize::from(tenant),
                0,
            ],
            link_up: true,
            last: Vec::with_capacity(LAST_ORDERS),
            prints: [0; LAST_ORDERS],
            next: 0,
        }
    }

    fn nodes(&self) -> Vec<Node> {
        let capital = |of: &dyn Fn(&AccountSetup) -> bool| {
            let all = self.accounts.iter().filter(|account| of(account));
            all.fold(0_i128, |sum, account| sum.saturating_add(account.capital.nano()))
        };
        let mut nodes = vec![self.node(Level::Global, capital(&|_| true))];
        for tenant in 0..self.tenants {
            nodes.push(self.node(Level::Tenant, capital(&|account| account.tenant == tenant)));
        }
        for account in &self.accounts {
            nodes.push(self.node(Level::Account, account.capital.nano()));
        }
        for strategy in &self.strategies {
            let account = self.accounts.get(usize::from(strategy.account));
            let capital = account.map_or(0, |account| account.capital.nano());
            nodes.push(self.node(Level::Strategy, capital));
        }
        nodes
    }

    fn node(&self, level: Level, capital: i128) -> Node {
        let limits = self.profile.level(level).clone();
        let mut node = Node::new(level, capital);
        set_node_limits(&mut node, limits, 0);
        // Nothing was earned or lost before.
        node.is_rebased = false;
        node
    }
}

/// The lines of each instrument: `each`, of which the first `above` are above strategies.
fn lines(instruments: usize, each: usize, above: usize) -> Vec<Line> {
    let line = |at: usize| Line { is_sum: at % each < above, ..Line::default() };
    (0..instruments * each).map(line).collect()
}

/// Gives `node`, whose profit and loss is `pnl`, other limits, and the memory that they need.
pub(crate) fn set_node_limits(node: &mut Node, limits: LimitSet, pnl: i128) {
    let room = |key: Key| {
        let most = limits.get(key).hard.clamp(0, crate::limits::RECENT_MAX);
        Recent::new(most as usize + 1)
    };
    // A window of nothing needs no memory.
    let of = |key: Key, window: Key| {
        if limits.get(window).hard == 0 { Recent::new(1) } else { room(key) }
    };
    node.entries = of(Key::Entries, Key::EntriesWindow);
    node.fills = of(Key::Fills, Key::FillsWindow);
    node.refusals = of(Key::Refusals, Key::RefusalsWindow);
    node.windows = Windows::of(&limits);
    node.limits = limits;
    follow_limits(node, pnl);
}

/// Brings what `node`, whose profit and loss is `pnl`, has made of its limits in line with them.
pub(crate) fn follow_limits(node: &mut Node, pnl: i128) {
    let limits = &node.limits;
    node.order_gap_ns = gap_ns(limits.get(Key::OrdersPerSecond).hard);
    node.message_gap_ns = gap_ns(limits.get(Key::MessagesPerSecond).hard);
    let tracked = node.tracks_loss;
    node.tracks_loss = tracks_loss(limits);
    node.is_rebased |= node.tracks_loss && !tracked;
    // Under other limits all begins anew.
    node.seen = NodeSeen::new(limits);
    node.set_bounds(pnl);
}

/// Whether a limit of an instrument lets everything pass, so that what it is held against need
/// not be kept.
fn is_off(known: &InstrumentState, key: Key) -> bool {
    let soft = known.limits.get(key).soft;
    match key {
        Key::SelfTrade => soft >= 1,
        _ => soft >= COUNT_OFF,
    }
}

/// Whether any limit on losses is on: what is off cannot be passed by any amount that is counted.
fn tracks_loss(limits: &LimitSet) -> bool {
    let is_on = |key: Key| !limits.get(key).is_off(key.row().unit);
    is_on(Key::DailyLoss)
        || is_on(Key::DailyLossBps)
        || is_on(Key::Drawdown)
        || is_on(Key::DrawdownBps)
        || (is_on(Key::WindowLoss) && limits.get(Key::LossWindow).hard != 0)
}

impl Node {
    /// Whether any limit is on that what is held and open is held against by its worth.
    pub(crate) fn tracks_worth(&self) -> bool {
        let is_on = |key: Key| !self.limits.get(key).is_off(key.row().unit);
        self.tracks_loss
            || is_on(Key::Exposure)
            || is_on(Key::LeverageBps)
            || is_on(Key::PortfolioRiskBps)
            || is_on(Key::PositionShareBps)
    }

    /// A node without limits.
    fn new(level: Level, capital: i128) -> Self {
        Self {
            level,
            limits: LimitSet::default(),
            capital: capital.clamp(-(1 << 80), 1 << 80),
            day_start: 0,
            day_loss: 0,
            high: 0,
            drawdown: 0,
            tracks_loss: false,
            is_rebased: false,
            windows: Windows::default(),
            bounds: NodeBounds::default(),
            seen: NodeSeen::default(),
            loss_window: Tumbling::default(),
            window_start: 0,
            window_loss: 0,
            order_rate: Rate::default(),
            order_gap_ns: 1,
            message_rate: Rate::default(),
            message_gap_ns: 1,
            ratio: Tumbling::default(),
            entries: Recent::default(),
            fills: Recent::default(),
            refusals: Recent::default(),
            usual: Usual::default(),
            breaks: 0,
        }
    }
}

/// Something that tripped a kill switch by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineTrip {
    /// What was tripped.
    pub target: Target,
    /// To which state.
    pub state: KillState,
    /// The control that did it.
    pub control: crate::control::Control,
    /// When (UTC ns).
    pub at_ns: Nanos,
    /// The order that led to it, or none.
    pub order: OrderId,
}
