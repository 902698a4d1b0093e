//! All that the gate remembers.

mod stored;

use qt_types::{FxRate, InstrumentId, Price, Side, VenueId};
use serde::{Deserialize, Serialize};

use crate::kill::{KillBoard, Target};
use crate::limits::LimitSet;
use crate::quick::InstrumentBounds;
use crate::repeat_check::LAST_ORDERS;
use crate::reservation::Reservations;
use crate::seen::{FractionSeen, InstrumentSeen};
use crate::tally::{Level, Line, Node, Sums};

/// Whether an instrument can be traded now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum Session {
    /// Continuous trading.
    #[default]
    Open,
    /// Before the open: orders are taken, within the tighter collar.
    PreOpen,
    /// An auction: the same.
    Auction,
    /// The closing phase: the same.
    Closing,
    /// Not enough of the market is known yet.
    WarmUp,
    /// Trading is halted.
    Halted,
    /// Outside the session.
    Closed,
    /// The instrument has expired.
    Expired,
    /// Our state is being held against the venue's.
    Reconciling,
}

impl Session {
    /// Whether new orders may go out.
    #[must_use]
    pub const fn takes_orders(self) -> bool {
        matches!(self, Self::Open | Self::PreOpen | Self::Auction | Self::Closing)
    }
}

/// Who is behind the orders of a strategy. Numbers that stand for names and hashes kept
/// elsewhere; zero: not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The person or service that answers for it.
    pub user: u64,
    /// The version of its code.
    pub version: u64,
    /// The hash of its settings.
    pub config_hash: u64,
}

impl Identity {
    /// Whether nothing is missing.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.user != 0 && self.version != 0 && self.config_hash != 0
    }
}

/// A strategy's place and its last orders.
#[derive(Clone, Debug)]
pub(crate) struct StrategyState {
    pub(crate) account: u16,
    pub(crate) identity: Identity,
    pub(crate) nodes: [usize; 4],
    pub(crate) link_up: bool,
    /// The last new orders, a ring: what they were and when.
    pub(crate) last: Vec<Sent>,
    pub(crate) next: usize,
    /// What tells each of them apart, at the same places.
    pub(crate) prints: [u32; LAST_ORDERS],
}

/// What makes two orders the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) at_ns: i64,
    pub(crate) lots: i64,
    /// The price that it names, in ticks; zero for none.
    pub(crate) price: i64,
    pub(crate) instrument: InstrumentId,
    pub(crate) side: Side,
}

/// What is known of an instrument.
#[derive(Clone, Debug)]
pub(crate) struct InstrumentState {
    pub(crate) limits: LimitSet,
    pub(crate) bounds: InstrumentBounds,
    pub(crate) seen: InstrumentSeen,
    /// The bad move, in basis points.
    pub(crate) stress_bps: i128,
    pub(crate) venue: VenueId,
    pub(crate) session: Session,
    pub(crate) drift_ns: i64,
    pub(crate) duplicate_ns: i64,
    pub(crate) seen_ns: i64,
    /// From when on a price has to be looked at. Too early is only slower.
    pub(crate) look_ns: i64,
    /// The mark may have moved since the positions were valued.
    pub(crate) is_dirty: bool,
    pub(crate) mark: Option<Price>,
    pub(crate) anchor_x2: i64,
    pub(crate) anchor_ns: i64,
    /// Inverse contracts lose what their worth gains.
    pub(crate) is_inverse: bool,
    /// How many levels hold some of it, those that share their sums counted once.
    pub(crate) held: u32,
    /// What its currency is worth.
    pub(crate) rate: KnownRate,
}

/// What an instrument's currency is worth in that of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum KnownRate {
    /// It is the same.
    #[default]
    Same,
    /// So much. A rate that is too old counts for what is held and not for new risk.
    Known { rate: FxRate, is_fresh: bool },
    /// Nobody knows.
    Missing,
}

/// What rests of a tenant in one instrument on one side.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Resting {
    pub(crate) first: u32,
    /// The best price in ticks; zero for none.
    pub(crate) best: i64,
}

/// A parent order whose children are watched.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Parent {
    pub(crate) strategy: u16,
    pub(crate) lots: i64,
    /// Sent and not dead: what was filled and what is open.
    pub(crate) used: i64,
    /// Children that are open.
    pub(crate) children: u32,
    /// No more children come: its place is free once the last one has ended.
    pub(crate) is_over: bool,
}

/// A difference between our position and the venue's.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Break {
    pub(crate) account: u16,
    pub(crate) instrument: InstrumentId,
    pub(crate) since_ns: i64,
}

/// Everything that is not the account's own gate.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// One number for what it was made from.
    pub(crate) configured: u64,
    pub(crate) instruments: Vec<InstrumentState>,
    pub(crate) nodes: Vec<Node>,
    /// By node, or one for all where `is_single`.
    pub(crate) sums: Vec<Sums>,
    /// By instrument, then as `sums`.
    pub(crate) lines: Vec<Line>,
    /// By instrument, then tenant, then [`Side`].
    pub(crate) resting: Vec<[Resting; 2]>,
    pub(crate) strategies: Vec<StrategyState>,
    /// What the ledger of each account said last, in nano-units.
    pub(crate) ledger_cash: Vec<Option<i128>>,
    /// What each strategy's own books said last, in nano-units.
    pub(crate) own_cash: Vec<i128>,
    pub(crate) tenants: usize,
    pub(crate) accounts: usize,
    /// By instrument, then tenant; and by instrument, then account.
    pub(crate) tenant_allows: Vec<bool>,
    pub(crate) account_allows: Vec<bool>,
    pub(crate) reservations: Reservations,
    pub(crate) parents: Vec<Parent>,
    /// What the children of one of them came to at most.
    pub(crate) parent_seen: FractionSeen,
    pub(crate) breaks: Vec<Break>,
    pub(crate) kill: KillBoard,
    pub(crate) venue_links: Vec<bool>,
    pub(crate) clock_offset_ns: i64,
    pub(crate) is_build_approved: bool,
    pub(crate) is_configured: bool,
    pub(crate) day_end_ns: i64,
    /// One strategy, one account, one tenant: the sums of the four levels are the same.
    pub(crate) is_single: bool,
    /// And so are their limits: what passes at one level passes at all.
    pub(crate) is_uniform: bool,
    /// Whether any node watches losses.
    pub(crate) tracks_loss: bool,
    /// Whether any limit is on that is held against what positions and open orders are worth
    /// together. Where none is, positions are not valued and exposures not summed up until somebody
    /// asks ([`State::worth`]).
    pub(crate) tracks_worth: bool,
    /// Whether any control looks at the usual size, at resting orders, at repeated orders.
    pub(crate) tracks_usual: bool,
    pub(crate) tracks_resting: bool,
    pub(crate) tracks_repeats: bool,
    /// How far off the clock may be.
    pub(crate) clock_bound_ns: i64,
    /// Instruments held whose marks may have moved since they were valued.
    pub(crate) dirty: Vec<InstrumentId>,
}

/// The global node's index.
pub(crate) const GLOBAL: usize = 0;

impl State {
    /// The line of `instrument` at `node`.
    #[inline(always)]
    pub(crate) fn line(&self, instrument: usize, node: usize) -> &Line {
        &self.lines[instrument * self.sums.len() + self.place(node)]
    }

    /// The sums of `node`.
    #[inline(always)]
    pub(crate) fn sums(&self, node: usize) -> &Sums {
        &self.sums[self.place(node)]
    }

    /// What everything at `node` is worth at most, and the same times its stress: the sums where
    /// they are kept, else summed up now.
    pub(crate) fn worth(&self, node: usize) -> (i128, i128) {
        if self.tracks_worth {
            let sums = self.sums(node);
            return (sums.exposure, sums.stress);
        }
        let lines = self.instruments.iter().enumerate();
        lines.fold((0, 0), |(exposure, stress), (at, known)| {
            let worst = self.line(at, node).exposure();
            (exposure + worst, stress + worst.wrapping_mul(known.stress_bps))
        })
    }

    /// Where the sums of `node` are.
    #[inline(always)]
    fn place(&self, node: usize) -> usize {
        if self.is_single { 0 } else { node }
    }

    /// Where the sums are that an order or a fill of `strategy` changes.
    #[inline(always)]
    pub(crate) fn places(&self, strategy: usize) -> impl Iterator<Item = usize> + Clone + use<> {
        let nodes = self.strategies[strategy].nodes;
        let (nodes, count) = if self.is_single { ([0; 4], 1) } else { (nodes, nodes.len()) };
        nodes.into_iter().take(count)
    }

    /// The levels that an order has to be held against: all, or one where all are the same.
    #[inline]
    pub(crate) fn levels(&self) -> usize {
        if self.is_uniform { 1 } else { 4 }
    }

    /// What the node `at` remembers: where all are the same, that of the strategy.
    #[inline(always)]
    pub(crate) fn node(&self, at: usize) -> &Node {
        &self.nodes[if self.is_uniform { self.nodes.len() - 1 } else { at }]
    }

    /// The nodes whose memory is kept: all, or where all are the same that of the strategy, which
    /// comes last.
    #[inline(always)]
    pub(crate) fn kept_nodes(&self) -> std::ops::Range<usize> {
        if self.is_uniform { self.nodes.len() - 1..self.nodes.len() } else { 0..self.nodes.len() }
    }

    /// From now on each level has a memory of its own.
    pub(crate) fn part_levels(&mut self) {
        if std::mem::take(&mut self.is_uniform)
            && let Some((strategy, others)) = self.nodes.split_last_mut()
        {
            others.iter_mut().for_each(|node| node.remember_as(strategy));
        }
    }

    /// The node of a kill target; `None` for a venue.
    pub(crate) fn node_of(&self, target: Target) -> Option<usize> {
        let index = usize::from(target.index);
        let node = match target.level {
            Level::Global => GLOBAL,
            Level::Tenant => 1 + index,
            Level::Account => 1 + self.tenants + index,
            Level::Strategy => 1 + self.tenants + self.accounts + index,
            Level::Venue | Level::Instrument => return None,
        };
        (node < self.nodes.len()).then_some(node)
    }

    /// The tenant of a strategy.
    pub(crate) fn tenant_of(&self, strategy: usize) -> usize {
        self.strategies[strategy].nodes[2] - 1
    }

    /// Every kill switch that an order of `strategy` in `instrument` is under.
    #[inline]
    pub(crate) fn targets(&self, strategy: usize, instrument: usize) -> [Target; 5] {
        let of = &self.strategies[strategy];
        let venue = self.instruments[instrument].venue;
        [
            Target::new(Level::Strategy, strategy as u16),
            Target::new(Level::Account, of.account),
            Target::new(Level::Tenant, self.tenant_of(strategy) as u16),
            Target::new(Level::Venue, u16::from(venue.0)),
            Target::GLOBAL,
        ]
    }
}
