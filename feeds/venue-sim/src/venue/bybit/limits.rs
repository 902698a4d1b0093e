//! The venue's limits: requests and connections of an address, calls of an account.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::exchange::{AccountId, Nanos};
use crate::wire::windows::Window;

use super::codes::{self, Code};

/// Addresses that are counted; beyond that the counts begin anew.
const ADDRESSES_MAX: usize = 10_000;
const SECOND_NS: Nanos = 1_000_000_000;

/// The numbers, as they are advertised and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests of an address in five seconds.
    pub requests_per_5_seconds: usize,
    /// How long an address is refused that asks for more, in seconds.
    pub ban_seconds: i64,
    /// New orders of an account in a second; as many amendments, and as many cancels.
    pub orders_per_second: usize,
    /// Questions of one kind of an account in a second.
    pub queries_per_second: usize,
    /// WebSockets that an address may open in five minutes.
    pub connections_per_5_minutes: u64,
    /// Topics of one request to subscribe.
    pub topics_per_request: usize,
    /// Topics of one WebSocket.
    pub topics_per_connection: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_5_seconds: 600,
            ban_seconds: 600,
            orders_per_second: 20,
            queries_per_second: 50,
            connections_per_5_minutes: 500,
            topics_per_request: 10,
            topics_per_connection: 500,
        }
    }
}

impl Limits {
    /// Those of linear perpetuals.
    #[must_use]
    pub fn linear() -> Self {
        Self { orders_per_second: 10, topics_per_request: 500, ..Self::default() }
    }
}

/// As what a call counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meter {
    /// It does not.
    None,
    /// New orders.
    Create,
    /// Amendments.
    Amend,
    /// Cancels.
    Cancel,
    /// All orders cancelled at once.
    CancelAll,
    /// Questions about orders.
    Orders,
    /// Questions about executions.
    Fills,
    /// Questions about positions.
    Positions,
    /// Questions about balances and fees, and settings.
    Account,
}

/// What is counted in any span of that length.
#[derive(Debug, Default)]
struct Rolling {
    times: VecDeque<Nanos>,
}

impl Rolling {
    fn used(&mut self, span_ns: Nanos, now_ns: Nanos) -> usize {
        while self.times.front().is_some_and(|first| *first <= now_ns - span_ns) {
            self.times.pop_front();
        }
        self.times.len()
    }

    /// Counts one more where there is room; what is used then, or nothing.
    fn take(&mut self, max: usize, span_ns: Nanos, now_ns: Nanos) -> Option<usize> {
        let used = self.used(span_ns, now_ns);
        if used >= max {
            return None;
        }
        self.times.push_back(now_ns);
        Some(used + 1)
    }
}

/// What an address has used.
#[derive(Debug)]
struct Address {
    requests: Rolling,
    connections: Window,
    banned_until_ns: Nanos,
}

impl Default for Address {
    fn default() -> Self {
        let requests = Rolling::default();
        Self { requests, connections: Window::new(300), banned_until_ns: 0 }
    }
}

/// The most that was used of each limit, and how many were refused.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Peaks {
    requests_per_5_seconds: usize,
    orders_per_second: usize,
    queries_per_second: usize,
    connections_per_5_minutes: u64,
    /// Calls beyond the limit of an account: 10006.
    refused: u64,
    /// Requests of an address that asked for too much: 403.
    banned: u64,
    /// Requests that only the plan refused.
    refused_by_plan: u64,
}

/// What is left of a limit, as the headers of an answer tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) limit: usize,
    pub(super) left: usize,
    /// When there is room again; now, where there is.
    pub(super) reset_ms: i64,
}

/// All counts.
#[derive(Debug, Default)]
pub(super) struct Meters {
    pub(super) limits: Limits,
    peaks: Peaks,
    addresses: BTreeMap<IpAddr, Address>,
    calls: BTreeMap<(AccountId, Meter), Rolling>,
    /// Until when the plan refuses everything of an account.
    refused_until_ns: BTreeMap<AccountId, Nanos>,
}

impl Meters {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    fn address(&mut self, peer: IpAddr) -> &mut Address {
        if self.addresses.len() >= ADDRESSES_MAX && !self.addresses.contains_key(&peer) {
            self.addresses.clear();
        }
        self.addresses.entry(peer).or_default()
    }

    /// Counts a request of an address before it is looked at.
    pub(super) fn request(&mut self, peer: IpAddr, now_ns: Nanos) -> Result<(), Code> {
        let limits = self.limits;
        let address = self.address(peer);
        let mut used = None;
        if now_ns >= address.banned_until_ns {
            used = address.requests.take(limits.requests_per_5_seconds, 5 * SECOND_NS, now_ns);
            if used.is_none() {
                address.banned_until_ns = now_ns + limits.ban_seconds * SECOND_NS;
            }
        }
        let Some(used) = used else {
            self.peaks.banned += 1;
            return Err(codes::banned());
        };
        let peak = &mut self.peaks.requests_per_5_seconds;
        *peak = (*peak).max(used);
        Ok(())
    }

    /// Counts a new WebSocket.
    pub(super) fn connection(&mut self, peer: IpAddr, now_ns: Nanos) -> Result<(), Code> {
        let max = self.limits.connections_per_5_minutes;
        let address = self.address(peer);
        if now_ns < address.banned_until_ns {
            self.peaks.banned += 1;
            return Err(codes::banned());
        }
        let used = address.connections.add(1, now_ns);
        let peak = &mut self.peaks.connections_per_5_minutes;
        *peak = (*peak).max(used);
        if used <= max {
            return Ok(());
        }
        self.peaks.banned += 1;
        Err(codes::banned())
    }

    /// Forbids an address for a time: what a fault does.
    pub(super) fn ban(&mut self, peer: IpAddr, for_ns: Option<Nanos>, now_ns: Nanos) {
        let for_ns = for_ns.unwrap_or(self.limits.ban_seconds * SECOND_NS);
        self.address(peer).banned_until_ns = now_ns.saturating_add(for_ns);
    }

    /// Refuses everything of an account for a time: what a fault does.
    pub(super) fn refuse(&mut self, account: AccountId, for_ns: Nanos, now_ns: Nanos) {
        self.refused_until_ns.insert(account, now_ns.saturating_add(for_ns));
    }

    const fn max(&self, meter: Meter) -> usize {
        match meter {
            Meter::None => usize::MAX,
            Meter::Create | Meter::Amend | Meter::Cancel | Meter::CancelAll => {
                self.limits.orders_per_second
            }
            _ => self.limits.queries_per_second,
        }
    }

    /// Counts so many calls of an account.
    pub(super) fn call(
        &mut self,
        account: AccountId,
        meter: Meter,
        count: usize,
        now_ns: Nanos,
    ) -> Result<(), Code> {
        if self.refused_until_ns.get(&account).is_some_and(|until| now_ns < *until) {
            self.peaks.refused_by_plan += 1;
            return Err(codes::too_many());
        }
        if meter == Meter::None {
            return Ok(());
        }
        let max = self.max(meter);
        let rolling = self.calls.entry((account, meter)).or_default();
        if rolling.used(SECOND_NS, now_ns) + count > max {
            self.peaks.refused += 1;
            return Err(codes::too_many());
        }
        let used = (0..count).filter_map(|_| rolling.take(max, SECOND_NS, now_ns)).last();
        let is_order = max == self.limits.orders_per_second;
        let peaks = &mut self.peaks;
        let peak =
            if is_order { &mut peaks.orders_per_second } else { &mut peaks.queries_per_second };
        *peak = (*peak).max(used.unwrap_or(0));
        Ok(())
    }

    /// What is left of the limit of a call.
    pub(super) fn left(&mut self, account: AccountId, meter: Meter, now_ns: Nanos) -> Option<Left> {
        if meter == Meter::None {
            return None;
        }
        let limit = self.max(meter);
        let rolling = self.calls.entry((account, meter)).or_default();
        let left = limit.saturating_sub(rolling.used(SECOND_NS, now_ns));
        let first = rolling.times.front().filter(|_| left == 0);
        let reset_ns = first.map_or(now_ns, |first| first + SECOND_NS);
        Some(Left { limit, left, reset_ms: reset_ns.div_euclid(1_000_000) })
    }

    /// The limits, and how near to them anybody ever came, as JSON.
    pub(super) fn shown(&self) -> String {
        serde_json::json!({ "limits": self.limits, "peaks": self.peaks }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const ACCOUNT: AccountId = AccountId(0);

    #[test]
    fn calls_are_counted_in_every_second_and_not_in_full_ones() {
        let limits = Limits { orders_per_second: 2, ..Limits::default() };
        let mut meters = Meters::new(limits);
        let mut call = |ms: i64| {
            let ok = meters.call(ACCOUNT, Meter::Create, 1, ms * 1_000_000).is_ok();
            let left = meters.left(ACCOUNT, Meter::Create, ms * 1_000_000).expect("it counts");
            (ok, left.left, left.reset_ms)
        };
        assert_eq!(call(900), (true, 1, 900));
        assert_eq!(call(1_100), (true, 0, 1_900));
        assert_eq!(call(1_800), (false, 0, 1_900), "a full second has begun between them");
        assert_eq!(call(1_900), (true, 0, 2_100));
        assert!(meters.call(ACCOUNT, Meter::Cancel, 1, 1_900_000_000).is_ok(), "another meter");
    }

    #[test]
    fn an_address_that_asks_for_too_much_is_banned() {
        let limits = Limits { requests_per_5_seconds: 3, ban_seconds: 10, ..Limits::default() };
        let mut meters = Meters::new(limits);
        for at in 0..3 {
            assert!(meters.request(HERE, at * SECOND_NS).is_ok());
        }
        assert_eq!(meters.request(HERE, 3 * SECOND_NS).map_err(|code| code.status), Err(403));
        assert_eq!(meters.request(HERE, 12 * SECOND_NS).map_err(|code| code.status), Err(403));
        assert!(meters.connection(HERE, 12 * SECOND_NS).is_err());
        assert!(meters.request(HERE, 13 * SECOND_NS).is_ok());
    }

    #[test]
    fn what_the_plan_refuses_counts_against_no_limit() {
        let mut meters = Meters::new(Limits::default());
        meters.refuse(ACCOUNT, SECOND_NS, 0);
        assert!(meters.call(ACCOUNT, Meter::Orders, 1, SECOND_NS - 1).is_err());
        assert!(meters.call(ACCOUNT, Meter::Orders, 1, SECOND_NS).is_ok());
        assert!(meters.shown().contains("\"refused_by_plan\":1"), "{}", meters.shown());
    }
}
