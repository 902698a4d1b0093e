//! The venue's limits: counters that go down by themselves. One of each account for REST, one of
//! each account and pair for orders; connections of an address in ten minutes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::exchange::{AccountId, Nanos, SymbolId};

use super::errors::{Refused, orders_limited, rate_limited};

const SECOND_NS: Nanos = 1_000_000_000;
/// Addresses that are counted; beyond that the counts begin anew.
const ADDRESSES_MAX: usize = 10_000;

/// The numbers, as they are kept. Rates are in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The most that the counter of REST may be.
    pub rest_counter_max: u32,
    /// By how much it goes down in a second, in thousandths.
    pub rest_decay_e3: u32,
    /// The most that the counter of orders of a pair may be.
    pub order_counter_max: u32,
    /// By how much it goes down in a second, in thousandths.
    pub order_decay_e3: u32,
    /// WebSockets that an address may open in ten minutes.
    pub connections_per_10_minutes: u32,
    /// Pairs and channels of one WebSocket.
    pub subscriptions_per_connection: usize,
}

impl Default for Limits {
    /// Those of the middle tier.
    fn default() -> Self {
        Self {
            rest_counter_max: 20,
            rest_decay_e3: 500,
            order_counter_max: 125,
            order_decay_e3: 2_340,
            connections_per_10_minutes: 150,
            subscriptions_per_connection: 1_000,
        }
    }
}

/// A count in thousandths that goes down by itself.
#[derive(Debug, Clone, Copy, Default)]
struct Counter {
    count_e3: i64,
    at_ns: Nanos,
}

impl Counter {
    /// What it is now.
    fn now(&mut self, decay_e3: u32, now_ns: Nanos) -> i64 {
        let passed = i128::from((now_ns - self.at_ns).max(0)) * i128::from(decay_e3);
        let gone = i64::try_from(passed / i128::from(SECOND_NS)).unwrap_or(i64::MAX);
        if gone > 0 {
            self.count_e3 = self.count_e3.saturating_sub(gone).max(0);
            // What is less than a thousandth counts the next time.
            let spent = i128::from(gone) * i128::from(SECOND_NS) / i128::from(decay_e3.max(1));
            self.at_ns = self.at_ns.saturating_add(Nanos::try_from(spent).unwrap_or(Nanos::MAX));
        }
        if self.count_e3 == 0 {
            self.at_ns = now_ns;
        }
        self.count_e3
    }
}

/// What is done to an order, and what that costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Add,
    Amend,
    Edit,
    Cancel,
}

impl Deed {
    /// What it costs for an order that has been there so long.
    pub(super) fn cost(self, age_ns: Nanos) -> u32 {
        let (fixed, steps): (u32, &[(i64, u32)]) = match self {
            Self::Add => (1, &[]),
            Self::Amend => (1, &[(5, 3), (10, 2), (15, 1)]),
            Self::Edit => (1, &[(5, 6), (10, 5), (15, 4), (45, 2), (90, 1)]),
            Self::Cancel => (0, &[(5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1)]),
        };
        let step = steps.iter().find(|(seconds, _)| age_ns < seconds * SECOND_NS);
        fixed + step.map_or(0, |(_, cost)| *cost)
    }
}

/// The most that was used, and how many were refused.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Peaks {
    rest_counter: u32,
    order_counter: u32,
    connections_per_10_minutes: u32,
    /// Requests beyond the limit of REST.
    refused: u64,
    /// Orders beyond the limit of their pair.
    orders_refused: u64,
    /// WebSockets beyond the limit.
    connections_refused: u64,
}

/// All counts.
#[derive(Debug, Default)]
pub(super) struct Meters {
    pub(super) limits: Limits,
    peaks: Peaks,
    rest: BTreeMap<AccountId, Counter>,
    orders: BTreeMap<(AccountId, SymbolId), Counter>,
    /// When an address opened its first WebSocket of the ten minutes, and how many since.
    connections: BTreeMap<IpAddr, (Nanos, u32)>,
    /// Until when an account is refused everything, because the plan says so.
    refused_until: BTreeMap<AccountId, Nanos>,
}

/// Whole counts of thousandths.
fn whole(count_e3: i64) -> u32 {
    u32::try_from(count_e3 / 1_000).unwrap_or(u32::MAX)
}

impl Meters {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Counts a request of REST.
    pub(super) fn request(
        &mut self,
        account: AccountId,
        cost: u32,
        now_ns: Nanos,
    ) -> Result<(), Refused> {
        if self.refused_until.get(&account).is_some_and(|until| now_ns < *until) {
            return Err(rate_limited());
        }
        if cost == 0 {
            return Ok(());
        }
        let limits = self.limits;
        let counter = self.rest.entry(account).or_default();
        let wanted = counter.now(limits.rest_decay_e3, now_ns) + i64::from(cost) * 1_000;
        if wanted > i64::from(limits.rest_counter_max) * 1_000 {
            self.peaks.refused += 1;
            return Err(rate_limited());
        }
        counter.count_e3 = wanted;
        self.peaks.rest_counter = self.peaks.rest_counter.max(whole(wanted));
        Ok(())
    }

    /// What is done to an order. A cancel is never refused, but counts.
    pub(super) fn order(
        &mut self,
        (account, symbol): (AccountId, SymbolId),
        deed: Deed,
        age_ns: Nanos,
        now_ns: Nanos,
    ) -> Result<(), Refused> {
        let limits = self.limits;
        let max = i64::from(limits.order_counter_max) * 1_000;
        let counter = self.orders.entry((account, symbol)).or_default();
        let cost = i64::from(deed.cost(age_ns)) * 1_000;
        let wanted = counter.now(limits.order_decay_e3, now_ns) + cost;
        if deed != Deed::Cancel && wanted > max {
            self.peaks.orders_refused += 1;
            return Err(orders_limited());
        }
        // Cancels can bring it above the limit, but not for ever.
        counter.count_e3 = wanted.min(2 * max);
        self.peaks.order_counter = self.peaks.order_counter.max(whole(wanted));
        Ok(())
    }

    /// Counts a new WebSocket; the seconds until the next one, when there are too many.
    pub(super) fn connection(&mut self, peer: IpAddr, now_ns: Nanos) -> Result<(), i64> {
        if self.connections.len() >= ADDRESSES_MAX && !self.connections.contains_key(&peer) {
            self.connections.clear();
        }
        let (since_ns, count) = self.connections.entry(peer).or_insert((now_ns, 0));
        if now_ns - *since_ns >= 600 * SECOND_NS {
            (*since_ns, *count) = (now_ns, 0);
        }
        *count += 1;
        let peak = &mut self.peaks.connections_per_10_minutes;
        *peak = (*peak).max(*count);
        if *count <= self.limits.connections_per_10_minutes {
            return Ok(());
        }
        self.peaks.connections_refused += 1;
        Err(600 - (now_ns - *since_ns) / SECOND_NS)
    }

    /// The counter of REST is full, or everything is refused for a time: what a fault does.
    pub(super) fn exhaust(&mut self, account: AccountId, for_ns: Option<Nanos>, now_ns: Nanos) {
        if let Some(for_ns) = for_ns {
            self.refused_until.insert(account, now_ns.saturating_add(for_ns));
            return;
        }
        let full = i64::from(self.limits.rest_counter_max) * 1_000;
        self.rest.insert(account, Counter { count_e3: full, at_ns: now_ns });
    }

    /// Others on the same account have used so much of the counter of REST.
    pub(super) fn used_by_others(&mut self, account: AccountId, count: u64, now_ns: Nanos) {
        let limits = self.limits;
        let counter = self.rest.entry(account).or_default();
        let more = i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(1_000);
        let used = counter.now(limits.rest_decay_e3, now_ns).saturating_add(more);
        counter.count_e3 = used.min(i64::from(limits.rest_counter_max) * 1_000);
    }

    /// The limits, and how near to them anybody ever came, as JSON.
    pub(super) fn shown(&self) -> String {
        serde_json::json!({ "limits": self.limits, "peaks": self.peaks }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: AccountId = AccountId(1);
    const PAIR: (AccountId, SymbolId) = (WHO, SymbolId(0));

    #[test]
    fn the_counter_of_rest_fills_and_goes_down() {
        let limits = Limits { rest_counter_max: 3, rest_decay_e3: 500, ..Limits::default() };
        let mut meters = Meters::new(limits);
        let mut ask = |cost, now_ns| meters.request(WHO, cost, now_ns).is_ok();
        assert_eq!([ask(2, 0), ask(1, 0), ask(1, 0), ask(0, 0)], [true, true, false, true]);
        assert_eq!([ask(1, 2 * SECOND_NS - 1), ask(1, 2 * SECOND_NS)], [false, true]);
        // Many small steps are as much as a large one.
        let ticks = (1..=2_000).map(|n| 2 * SECOND_NS + n * 1_000_000);
        assert_eq!(ticks.map(|now_ns| ask(3, now_ns)).filter(|is_ok| *is_ok).count(), 0);
        assert!(ask(1, 4 * SECOND_NS + 4_000_000));
    }

    #[test]
    fn what_is_done_to_a_young_order_costs_more() {
        let cost = |deed: Deed, seconds: i64| deed.cost(seconds * SECOND_NS);
        let all = |deed| [0, 5, 10, 15, 45, 90, 300].map(|seconds| cost(deed, seconds));
        assert_eq!(all(Deed::Add), [1; 7]);
        assert_eq!(all(Deed::Amend), [4, 3, 2, 1, 1, 1, 1]);
        assert_eq!(all(Deed::Edit), [7, 6, 5, 3, 2, 1, 1]);
        assert_eq!(all(Deed::Cancel), [8, 6, 5, 4, 2, 1, 0]);
        let mut meters = Meters::new(Limits { order_counter_max: 9, ..Limits::default() });
        assert!(meters.order(PAIR, Deed::Add, 0, 0).is_ok());
        assert!(meters.order(PAIR, Deed::Cancel, 0, 0).is_ok());
        assert!(meters.order(PAIR, Deed::Add, 0, 0).is_err());
        assert!(meters.order(PAIR, Deed::Cancel, 0, 0).is_ok());
        assert!(meters.order((WHO, SymbolId(1)), Deed::Add, 0, 0).is_ok());
    }
}
