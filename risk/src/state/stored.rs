//! The gate's memory as state. The profile and the accounts that it was made from are compared by
//! one number; limits that were set since are state.

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};
use qt_engine::{StateHash, stored, stored_as, values};

use super::{
    Break, Identity, InstrumentState, KnownRate, Parent, Resting, Sent, Session, State,
    StrategyState,
};
use crate::limits::LimitSet;
use crate::operate::{BREAKS_MAX, PARENTS_MAX};
use crate::quick::{InstrumentBounds, NodeBounds};
use crate::repeat_check::LAST_ORDERS;
use crate::seen::{FractionSeen, InstrumentSeen, NodeSeen};
use crate::setup::set_node_limits;
use crate::tally::{Line, Node, Sums};
use crate::window::{Rate, Tumbling, Usual};
use crate::{Account, Control, Prices, Sizing};

values!(Account, Sizing, Prices, Control, Session, Identity, Sent, KnownRate, Resting);
values!(
    Parent,
    Break,
    Line,
    Sums,
    InstrumentSeen,
    NodeSeen,
    FractionSeen,
    NodeBounds,
    InstrumentBounds
);
values!(Rate, Tumbling, Usual);

stored!(StrategyState {
    state: link_up, last, next, prints;
    same: account, identity;
    made: nodes;
    sound: StrategyState::is_sound;
});

stored!(InstrumentState {
    state: limits, bounds, seen, session, seen_ns, look_ns, is_dirty, mark, anchor_x2, anchor_ns,
        held, rate;
    same: venue;
    made: stress_bps, drift_ns, duplicate_ns, is_inverse;
});

impl StrategyState {
    /// Until the ring is full, the next order comes behind the last.
    const fn is_sound(&self) -> bool {
        let is_full = self.last.len() == LAST_ORDERS;
        self.next < LAST_ORDERS && (is_full || self.next == self.last.len())
    }
}

impl Stored for Node {
    fn save(&self, to: &mut Writer<'_>) {
        self.limits.save(to);
        self.save_rest(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let mut limits = LimitSet::default();
        limits.load(from)?;
        // The room of windows is that of the limits.
        if limits != self.limits {
            set_node_limits(self, limits, 0);
        }
        self.load_rest(from)
    }
}

stored_as!(save_rest, load_rest, Node {
    state: day_start, day_loss, high, drawdown, is_rebased, bounds, seen, loss_window,
        window_start, window_loss, order_rate, message_rate, ratio, entries, fills, refusals,
        usual, breaks;
    same: capital;
    made: level, limits, tracks_loss, windows, order_gap_ns, message_gap_ns;
    sound: Node::is_sound;
});

impl Node {
    const fn is_sound(&self) -> bool {
        self.usual.is_sound()
    }
}

impl Stored for State {
    fn save(&self, to: &mut Writer<'_>) {
        to.same(&self.configured);
        to.list(self.parents.iter());
        to.list(self.breaks.iter());
        self.save_rest(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the risk profile or the accounts (their fingerprint)", &self.configured)?;
        from.list(&mut self.parents, PARENTS_MAX)?;
        from.list(&mut self.breaks, BREAKS_MAX)?;
        self.load_rest(from)?;
        self.tracks_worth = self.nodes.iter().any(Node::tracks_worth);
        Ok(())
    }
}

stored_as!(save_rest, load_rest, State {
    state: reservations, parent_seen, kill, clock_offset_ns, day_end_ns, is_uniform, tracks_loss,
        clock_bound_ns, dirty;
    each: instruments, nodes, sums, lines, resting, strategies, ledger_cash, own_cash,
        tenant_allows, account_allows, venue_links;
    made: configured, parents, breaks, tenants, accounts, is_build_approved, is_configured,
        is_single, tracks_worth, tracks_usual, tracks_resting, tracks_repeats;
    sound: State::is_sound;
});

impl State {
    /// Numbers of places are those of reservations.
    fn is_sound(&self) -> bool {
        let mut first = self.resting.iter().flatten().map(|side| side.first);
        first.all(|place| self.reservations.is_place(place))
            && self.dirty.iter().all(|dirty| dirty.index() < self.instruments.len())
    }

    /// One number for all that a fresh gate is made from. In a hurry, as every run makes a gate.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hash = StateHash::default();
        for node in &self.nodes {
            node.limits.fold_into(&mut hash);
            hash.fold_i128(node.capital);
        }
        for known in &self.instruments {
            known.limits.fold_into(&mut hash);
            hash.fold(u64::from(known.venue.0));
        }
        for strategy in &self.strategies {
            let Identity { user, version, config_hash } = strategy.identity;
            hash.fold(u64::from(strategy.account));
            [user, version, config_hash].into_iter().for_each(|word| hash.fold(word));
        }
        for allowed in self.tenant_allows.iter().chain(&self.account_allows) {
            hash.fold(u64::from(*allowed));
        }
        hash.fold(u64::from(self.is_build_approved));
        hash.get()
    }
}

#[cfg(test)]
mod tests {
    use qt_types::{InstrumentId, Side};

    use super::*;

    #[test]
    fn the_next_place_of_a_ring_is_one_that_there_is() {
        let of = |orders: usize, next: usize| {
            let instrument = InstrumentId(0);
            let sent = Sent { at_ns: 1, lots: 1, price: 1, instrument, side: Side::Buy };
            let state = StrategyState {
                account: 0,
                identity: Identity { user: 0, version: 0, config_hash: 0 },
                nodes: [0; 4],
                link_up: true,
                last: vec![sent; orders],
                next,
                prints: [0; LAST_ORDERS],
            };
            state.is_sound()
        };
        assert!(of(0, 0) && of(5, 5) && of(LAST_ORDERS, 0) && of(LAST_ORDERS, 7));
        // Each of these would be a place that is not there, now or an order later.
        assert!(!of(0, 1) && !of(5, 4) && !of(5, 6));
        assert!(!of(LAST_ORDERS, LAST_ORDERS) && !of(LAST_ORDERS - 1, LAST_ORDERS));
    }
}
