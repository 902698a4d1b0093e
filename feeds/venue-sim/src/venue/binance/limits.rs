//! The venue's limits: weight, requests and connections of an address, orders of an account.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::exchange::{AccountId, Nanos};
use crate::wire::windows::Window;

use super::codes::Code;
use super::json::{Object, TimeUnit, array};

/// Addresses that are counted; beyond that the counts begin anew.
const ADDRESSES_MAX: usize = 10_000;
/// The longest ban, in seconds: three days.
const BAN_SECONDS_MAX: i64 = 3 * 24 * 3_600;
const SECOND_NS: i64 = 1_000_000_000;

/// The numbers, as they are advertised and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Weight of an address in a minute.
    pub request_weight_per_minute: u64,
    /// Requests of an address in five minutes.
    pub raw_requests_per_5_minutes: u64,
    /// Orders of an account in ten seconds.
    pub orders_per_10_seconds: u64,
    /// Orders of an account in a day.
    pub orders_per_day: u64,
    /// Orders of an account in a minute, where those of a day are not counted; zero: they are.
    pub orders_per_minute: u64,
    /// WebSockets that an address may open in five minutes.
    pub connections_per_5_minutes: u64,
    /// Messages that a client may send on a WebSocket of streams in a second.
    pub stream_messages_per_second: u32,
    /// Streams of one WebSocket.
    pub streams_per_connection: usize,
    /// Refusals after which an address is banned.
    pub refusals_before_ban: u32,
    /// How long the first ban is, in seconds; each next one is twice as long.
    pub ban_seconds: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_weight_per_minute: 6_000,
            raw_requests_per_5_minutes: 300_000,
            orders_per_10_seconds: 100,
            orders_per_day: 200_000,
            orders_per_minute: 0,
            connections_per_5_minutes: 300,
            stream_messages_per_second: 5,
            streams_per_connection: 1_024,
            refusals_before_ban: 10,
            ban_seconds: 120,
        }
    }
}

/// One limit as it is told.
fn rule(kind: &str, interval: &str, count: u32, limit: u64, used: Option<u64>) -> String {
    Object::new(TimeUnit::Milliseconds)
        .text("rateLimitType", kind)
        .text("interval", interval)
        .number("intervalNum", count)
        .number("limit", limit)
        .when(used, |object, used| object.number("count", used))
        .done()
}

impl Limits {
    /// Those of Binance USD-M futures.
    #[must_use]
    pub fn usdm() -> Self {
        Self {
            request_weight_per_minute: 2_400,
            orders_per_10_seconds: 300,
            orders_per_minute: 1_200,
            stream_messages_per_second: 10,
            ..Self::default()
        }
    }

    /// How many orders of an account in the longer time, how that is called, and how long it is
    /// in seconds.
    const fn long_orders(&self) -> (u64, &'static str, i64) {
        match self.orders_per_minute {
            0 => (self.orders_per_day, "DAY", 24 * 3_600),
            per_minute => (per_minute, "MINUTE", 60),
        }
    }

    /// All limits, as exchangeInfo has them.
    pub(super) fn advertised(&self, is_socket: bool) -> String {
        let connections = self.connections_per_5_minutes;
        let mut all = vec![
            rule("REQUEST_WEIGHT", "MINUTE", 1, self.request_weight_per_minute, None),
            rule("ORDERS", "SECOND", 10, self.orders_per_10_seconds, None),
            rule("ORDERS", self.long_orders().1, 1, self.long_orders().0, None),
            rule("RAW_REQUESTS", "MINUTE", 5, self.raw_requests_per_5_minutes, None),
        ];
        if is_socket {
            all.push(rule("CONNECTIONS", "MINUTE", 5, connections, None));
        }
        array(all)
    }
}

/// What an address has used.
#[derive(Debug, Clone)]
struct Address {
    weight: Window,
    raw: Window,
    connections: Window,
    /// Refusals in the minute that runs.
    refusals: Window,
    bans: u32,
    banned_until_ns: Nanos,
    /// Until when everything is refused because the plan says so.
    refused_until_ns: Nanos,
}

/// The most that was used of each limit by any address or account, and how many were refused.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Peaks {
    request_weight_per_minute: u64,
    raw_requests_per_5_minutes: u64,
    orders_per_10_seconds: u64,
    /// Of a day, or of the minute that is counted in its place.
    orders_per_day: u64,
    connections_per_5_minutes: u64,
    /// Requests and connections beyond a limit: 429.
    refused: u64,
    /// Requests of those that were banned for that: 418.
    banned: u64,
    /// Orders beyond a limit: -1015.
    orders_refused: u64,
    /// Requests that only the plan refused: 429 and 418.
    refused_by_plan: u64,
}

impl Default for Address {
    fn default() -> Self {
        Self {
            weight: Window::new(60),
            raw: Window::new(300),
            connections: Window::new(300),
            refusals: Window::new(60),
            bans: 0,
            banned_until_ns: 0,
            refused_until_ns: 0,
        }
    }
}

/// What an account has used.
#[derive(Debug, Clone, Copy)]
struct Orders {
    ten_seconds: Window,
    /// The day, or the minute.
    day: Window,
}

impl Orders {
    const fn new(limits: &Limits) -> Self {
        Self { ten_seconds: Window::new(10), day: Window::new(limits.long_orders().2) }
    }
}

/// All counts.
#[derive(Debug, Default)]
pub(super) struct Meters {
    pub(super) limits: Limits,
    peaks: Peaks,
    addresses: BTreeMap<IpAddr, Address>,
    orders: BTreeMap<AccountId, Orders>,
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

    /// Counts a request before it is looked at.
    pub(super) fn request(&mut self, peer: IpAddr, weight: u64, now_ns: Nanos) -> Result<(), Code> {
        let address = self.address(peer);
        let (is_banned, until_ns) = (now_ns < address.banned_until_ns, address.refused_until_ns);
        if now_ns < until_ns {
            self.peaks.refused_by_plan += 1;
            if is_banned {
                return Err(banned(until_ns, now_ns));
            }
            let mut code = Code::new(-1003, "Too many requests queued.");
            code.retry_after = Some(seconds_up(until_ns - now_ns));
            return Err(code);
        }
        let counted = self.count(peer, weight, now_ns);
        match &counted {
            Err(code) if code.status == 418 => self.peaks.banned += 1,
            Err(_) => self.peaks.refused += 1,
            Ok(()) => {}
        }
        counted
    }

    fn count(&mut self, peer: IpAddr, weight: u64, now_ns: Nanos) -> Result<(), Code> {
        let limits = self.limits;
        let address = self.address(peer);
        if now_ns < address.banned_until_ns {
            return Err(banned(address.banned_until_ns, now_ns));
        }
        let raw = address.raw.add(1, now_ns);
        let used = address.weight.add(weight, now_ns);
        let peaks = &mut self.peaks;
        peaks.request_weight_per_minute = peaks.request_weight_per_minute.max(used);
        peaks.raw_requests_per_5_minutes = peaks.raw_requests_per_5_minutes.max(raw);
        let address = self.address(peer);
        if used <= limits.request_weight_per_minute && raw <= limits.raw_requests_per_5_minutes {
            return Ok(());
        }
        let refusals = address.refusals.add(1, now_ns);
        if refusals > u64::from(limits.refusals_before_ban) {
            let doubled = limits.ban_seconds.saturating_mul(1 << address.bans.min(20));
            address.bans += 1;
            address.banned_until_ns = now_ns + doubled.min(BAN_SECONDS_MAX) * SECOND_NS;
            return Err(banned(address.banned_until_ns, now_ns));
        }
        let is_weight = used > limits.request_weight_per_minute;
        let window = if is_weight { &address.weight } else { &address.raw };
        let mut code = Code::new(
            -1003,
            if is_weight {
                format!(
                    "Too much request weight used; current limit is {} request weight per 1 \
                     MINUTE. Please use WebSocket Streams for live updates to avoid polling the \
                     API.",
                    limits.request_weight_per_minute
                )
            } else {
                "Too many requests queued.".to_owned()
            },
        );
        code.retry_after = Some(window.seconds_left(now_ns));
        Err(code)
    }

    /// Gives weight back: a request that succeeded and then costs nothing.
    pub(super) fn give_back(&mut self, peer: IpAddr, weight: u64, now_ns: Nanos) {
        self.address(peer).weight.give_back(weight, now_ns);
    }

    /// The weight that an address has used.
    pub(super) fn used(&mut self, peer: IpAddr, now_ns: Nanos) -> u64 {
        self.address(peer).weight.used(now_ns)
    }

    /// Bans an address, or uses all of its weight: what a fault does. With a time it refuses
    /// everything for that long, and the counts stay as they are.
    pub(super) fn exhaust(
        &mut self,
        peer: IpAddr,
        is_ban: bool,
        for_ns: Option<Nanos>,
        now_ns: Nanos,
    ) {
        let limits = self.limits;
        let address = self.address(peer);
        if let Some(for_ns) = for_ns {
            address.refused_until_ns = now_ns.saturating_add(for_ns);
            if is_ban {
                address.banned_until_ns = address.refused_until_ns;
            }
        } else if is_ban {
            address.banned_until_ns = now_ns + limits.ban_seconds * SECOND_NS;
        } else {
            address.weight.add(limits.request_weight_per_minute, now_ns);
        }
    }

    /// Counts a new WebSocket.
    pub(super) fn connection(&mut self, peer: IpAddr, now_ns: Nanos) -> Result<(), Code> {
        let max = self.limits.connections_per_5_minutes;
        let address = self.address(peer);
        if now_ns < address.banned_until_ns {
            return Err(banned(address.banned_until_ns, now_ns));
        }
        let used = address.connections.add(1, now_ns);
        let peak = &mut self.peaks.connections_per_5_minutes;
        *peak = (*peak).max(used);
        if used <= max {
            return Ok(());
        }
        self.peaks.refused += 1;
        let address = self.address(peer);
        let mut code = Code::new(-1003, "Too many connection attempts.");
        code.retry_after = Some(address.connections.seconds_left(now_ns));
        Err(code)
    }

    /// Counts so many orders of an account.
    pub(super) fn orders_placed(
        &mut self,
        account: AccountId,
        count: u64,
        now_ns: Nanos,
    ) -> Result<(), Code> {
        let limits = self.limits;
        let orders = self.orders.entry(account).or_insert_with(|| Orders::new(&limits));
        let tens = orders.ten_seconds.used(now_ns);
        let days = orders.day.used(now_ns);
        let (long_max, long, _) = limits.long_orders();
        let (max, times, per) = if tens + count > limits.orders_per_10_seconds {
            (limits.orders_per_10_seconds, 10, "SECOND")
        } else if days + count > long_max {
            (long_max, 1, long)
        } else {
            let peaks = &mut self.peaks;
            let used = orders.ten_seconds.add(count, now_ns);
            peaks.orders_per_10_seconds = peaks.orders_per_10_seconds.max(used);
            peaks.orders_per_day = peaks.orders_per_day.max(orders.day.add(count, now_ns));
            return Ok(());
        };
        self.peaks.orders_refused += 1;
        let msg = format!("Too many new orders; current limit is {max} orders per {times} {per}.");
        Err(Code::new(-1015, msg))
    }

    /// The limits, and how near to them anybody ever came, as JSON.
    pub(super) fn shown(&self) -> String {
        serde_json::json!({ "limits": self.limits, "peaks": self.peaks }).to_string()
    }

    /// An order was filled for the first time: it does not count as an unfilled one any more.
    pub(super) fn filled(&mut self, account: AccountId, now_ns: Nanos) {
        let limits = self.limits;
        let orders = self.orders.entry(account).or_insert_with(|| Orders::new(&limits));
        orders.ten_seconds.give_back(1, now_ns);
        orders.day.give_back(1, now_ns);
    }

    /// Orders of an account in ten seconds and in a day.
    pub(super) fn orders(&mut self, account: AccountId, now_ns: Nanos) -> (u64, u64) {
        let limits = self.limits;
        let orders = self.orders.entry(account).or_insert_with(|| Orders::new(&limits));
        (orders.ten_seconds.used(now_ns), orders.day.used(now_ns))
    }

    /// The order limits with what is used of them, as objects.
    pub(super) fn order_rules(&mut self, account: AccountId, now_ns: Nanos) -> Vec<String> {
        let (tens, days) = self.orders(account, now_ns);
        vec![
            rule("ORDERS", "SECOND", 10, self.limits.orders_per_10_seconds, Some(tens)),
            rule("ORDERS", self.limits.long_orders().1, 1, self.limits.long_orders().0, Some(days)),
        ]
    }

    /// The limit of weight with what is used of it, as an object.
    pub(super) fn weight_rule(&mut self, peer: IpAddr, now_ns: Nanos) -> String {
        let used = self.used(peer, now_ns);
        rule("REQUEST_WEIGHT", "MINUTE", 1, self.limits.request_weight_per_minute, Some(used))
    }
}

fn banned(until_ns: Nanos, now_ns: Nanos) -> Code {
    let msg = format!(
        "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for \
         live updates to avoid bans.",
        TimeUnit::Milliseconds.of(until_ns)
    );
    let mut code = Code::new(-1003, msg).with_status(418);
    code.retry_after = Some(seconds_up(until_ns - now_ns));
    code
}

/// Whole seconds that are no less than `ns`.
const fn seconds_up(ns: Nanos) -> i64 {
    (ns + SECOND_NS - 1) / SECOND_NS
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    /// A full minute.
    const MINUTE: Nanos = 1_631_536_020 * SECOND_NS;

    #[test]
    fn weight_is_refused_then_banned_and_each_ban_is_longer() {
        let limits =
            Limits { request_weight_per_minute: 10, refusals_before_ban: 2, ..Limits::default() };
        let mut meters = Meters::new(limits);
        let mut ask = |now_ns| match meters.request(HERE, 5, now_ns) {
            Ok(()) => (200, None),
            Err(code) => (code.status, code.retry_after),
        };
        assert_eq!([ask(MINUTE), ask(MINUTE)], [(200, None); 2]);
        assert_eq!(ask(MINUTE + 20 * SECOND_NS), (429, Some(40)));
        assert_eq!(ask(MINUTE + 59 * SECOND_NS), (429, Some(1)));
        assert_eq!(ask(MINUTE + 59 * SECOND_NS), (418, Some(120)));
        assert_eq!(ask(MINUTE + 178 * SECOND_NS), (418, Some(1)));
        assert_eq!(ask(MINUTE + 180 * SECOND_NS), (200, None));
        for _ in 0..3 {
            ask(MINUTE + 181 * SECOND_NS);
        }
        assert_eq!(ask(MINUTE + 181 * SECOND_NS), (418, Some(240)));
    }

    #[test]
    fn orders_are_counted_by_account_and_given_back_when_filled() {
        let limits = Limits { orders_per_10_seconds: 2, ..Limits::default() };
        let mut meters = Meters::new(limits);
        let (one, two) = (AccountId(1), AccountId(2));
        let mut place = |of, count| meters.orders_placed(of, count, MINUTE).map_err(|e| e.code);
        assert_eq!([place(one, 1), place(one, 1), place(one, 1)], [Ok(()), Ok(()), Err(-1015)]);
        // A list of three is refused whole, one of two is not.
        assert_eq!([place(two, 3), place(two, 2), place(two, 1)], [Err(-1015), Ok(()), Err(-1015)]);
        meters.filled(one, MINUTE);
        assert!(meters.orders_placed(one, 1, MINUTE).is_ok());
        assert_eq!(meters.orders(one, MINUTE + 10 * SECOND_NS), (0, 2));
    }
}
