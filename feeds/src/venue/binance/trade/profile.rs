//! What is particular to a venue of this family, as data.

use qt_types::Lacks;

use super::super::setup::Family;
use super::codes::{self, Row};

/// How a venue watches over orders whose owner is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerGone {
    /// It does not: whoever wants them cancelled cancels them himself ([`super::super::guard`]).
    Nothing,
    /// It cancels them when the connection that placed them closes.
    Disconnect,
    /// It cancels them unless it is told in time that they are to stay.
    Timer(Timer),
}

/// A dead man's timer, of each symbol by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Where it is set.
    pub path: &'static str,
    /// What that weighs.
    pub weight: u64,
    /// So often it is set anew, at most (ns).
    pub every_ns: i64,
    /// It is set to so many times of that.
    pub times: i64,
}

/// By which way something is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a method of the WebSocket API.
    Socket(&'static str),
    /// By REST, at a path.
    Rest(&'static str),
}

/// By which ways it is asked for what it knows.
#[derive(Clone, Copy, Debug)]
pub struct Asks {
    /// One order.
    pub order: Way,
    /// Open orders.
    pub open: Way,
    /// Executions.
    pub trades: Way,
    /// Balances.
    pub balances: Way,
    /// Positions, where it has any.
    pub positions: Option<Positions>,
}

/// How it is asked about what only an account with positions has.
#[derive(Clone, Copy, Debug)]
pub struct Positions {
    /// The positions.
    pub all: Way,
    /// Whether there is more than one for a symbol.
    pub mode: &'static str,
    /// What was paid and got for holding them.
    pub income: &'static str,
}

/// A connection of its own for what happens to the account.
#[derive(Clone, Copy, Debug)]
pub struct Ears {
    /// Where it is.
    pub host: &'static str,
    /// The path of it, up to the key that opens it.
    pub path: &'static str,
    /// What stands behind the key: the events that are wanted.
    pub events: &'static str,
    /// The key is kept good so often (ns).
    pub keep_ns: i64,
    /// What was done to an order is told over it within so long, or nobody listens there (ns).
    pub deaf_ns: i64,
}

/// Paths of REST for whoever watches over a session that is gone.
#[derive(Clone, Copy, Debug)]
pub struct Paths {
    /// The time.
    pub time: &'static str,
    /// What is open.
    pub open: &'static str,
    /// Where all orders of a symbol are cancelled.
    pub cancel_all: &'static str,
}

/// Where a venue is and how it is to be treated.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// How requests about orders are written.
    pub family: Family,
    /// Where the WebSocket API is.
    pub api: &'static str,
    /// Its path: the same on any host.
    pub api_path: &'static str,
    /// Where REST is.
    pub rest: &'static str,
    /// Where the account is listened to, if not over the WebSocket API.
    pub ears: Option<Ears>,
    /// What it cannot do by itself.
    pub lacks: Lacks,
    /// What it does about orders whose owner is gone.
    pub owner_gone: OwnerGone,
    /// A connection lives so long (ns).
    pub connection_ns: i64,
    /// So long before that another one is made (ns).
    pub rotate_before_ns: i64,
    /// The weight of requests that it takes in a minute where it has not said so yet.
    pub weight_per_minute: u64,
    /// The same of orders: how many in which time (ns).
    pub orders: &'static [(u64, i64)],
    /// By which ways it is asked.
    pub asks: Asks,
    /// What each question weighs.
    pub weights: Weights,
    /// How many rows a page of executions has.
    pub page_rows: usize,
    /// The longest window of a question by time (ms).
    pub window_ms: i64,
    /// What its errors mean where that is not as in [`codes::TABLE`].
    pub codes: &'static [Row],
    /// Paths for the guard.
    pub paths: Paths,
}

/// What a question weighs.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// The time.
    pub time: u64,
    /// One order.
    pub order: u64,
    /// The open orders of a symbol.
    pub open: u64,
    /// The open orders of all symbols.
    pub open_all: u64,
    /// A page of executions of a symbol.
    pub trades: u64,
    /// The executions of an order.
    pub trades_of_order: u64,
    /// All balances.
    pub account: u64,
    /// All positions.
    pub positions: u64,
    /// A page of what was paid and got for positions, and whether there is one for a symbol.
    pub income: u64,
}

const SECOND_NS: i64 = 1_000_000_000;
const MINUTE_NS: i64 = 60 * SECOND_NS;
const HOUR_NS: i64 = 60 * MINUTE_NS;
/// Of the weight of a minute, setting timers takes no more than one part in so many.
const TIMERS_PART: i64 = 10;

/// Binance Spot.
pub const SPOT: Profile = Profile {
    name: "binance-spot",
    family: Family::Spot,
    api: "wss://ws-api.binance.com:443",
    api_path: "/ws-api/v3",
    rest: "https://api.binance.com",
    ears: None,
    lacks: Lacks::STOP
        .with(Lacks::TAKE_PROFIT)
        .with(Lacks::LIMIT_IF_TOUCHED)
        .with(Lacks::TRAILING_STOP)
        .with(Lacks::OCO)
        .with(Lacks::OTO)
        .with(Lacks::ICEBERG)
        .with(Lacks::PEG)
        .with(Lacks::GTD)
        .with(Lacks::DAY)
        .with(Lacks::REDUCE_ONLY),
    owner_gone: OwnerGone::Nothing,
    connection_ns: 24 * HOUR_NS,
    rotate_before_ns: HOUR_NS,
    weight_per_minute: 6_000,
    orders: &[],
    asks: Asks {
        order: Way::Socket("order.status"),
        open: Way::Socket("openOrders.status"),
        trades: Way::Socket("myTrades"),
        balances: Way::Socket("account.status"),
        positions: None,
    },
    weights: Weights {
        time: 1,
        order: 4,
        open: 6,
        open_all: 80,
        trades: 20,
        trades_of_order: 5,
        account: 20,
        positions: 0,
        income: 0,
    },
    page_rows: 1_000,
    window_ms: 24 * 3_600_000,
    codes: &[],
    paths: Paths {
        time: "/api/v3/time",
        open: "/api/v3/openOrders",
        cancel_all: "/api/v3/openOrders",
    },
};

/// Binance USD-M futures in one-way mode.
pub const USDM: Profile = Profile {
    name: "binance-usdm",
    family: Family::Usdm,
    api: "wss://ws-fapi.binance.com",
    api_path: "/ws-fapi/v1",
    rest: "https://fapi.binance.com",
    ears: Some(Ears {
        host: "wss://fstream.binance.com",
        path: "/private/ws?listenKey=",
        // What is not named here is never told.
        events: "&events=ORDER_TRADE_UPDATE/ACCOUNT_UPDATE/ACCOUNT_CONFIG_UPDATE/MARGIN_CALL/\
                 listenKeyExpired",
        keep_ns: 30 * MINUTE_NS,
        deaf_ns: 10 * SECOND_NS,
    }),
    lacks: Lacks::STOP
        .with(Lacks::TAKE_PROFIT)
        .with(Lacks::LIMIT_IF_TOUCHED)
        .with(Lacks::TRAILING_STOP)
        .with(Lacks::OCO)
        .with(Lacks::OTO)
        .with(Lacks::ICEBERG)
        .with(Lacks::PEG)
        .with(Lacks::GTD)
        .with(Lacks::DAY),
    owner_gone: OwnerGone::Timer(Timer {
        path: "/fapi/v1/countdownCancelAll",
        weight: 10,
        every_ns: 10 * SECOND_NS,
        times: 3,
    }),
    connection_ns: 24 * HOUR_NS,
    rotate_before_ns: HOUR_NS,
    weight_per_minute: 2_400,
    orders: &[(300, 10 * SECOND_NS), (1_200, MINUTE_NS)],
    asks: Asks {
        order: Way::Socket("order.status"),
        open: Way::Rest("/fapi/v1/openOrders"),
        trades: Way::Rest("/fapi/v1/userTrades"),
        balances: Way::Socket("v2/account.balance"),
        positions: Some(Positions {
            all: Way::Socket("v2/account.position"),
            mode: "/fapi/v1/positionSide/dual",
            income: "/fapi/v1/income",
        }),
    },
    weights: Weights {
        time: 1,
        order: 1,
        open: 1,
        open_all: 40,
        trades: 5,
        trades_of_order: 5,
        account: 5,
        positions: 5,
        income: 30,
    },
    page_rows: 1_000,
    window_ms: 24 * 3_600_000,
    codes: codes::OF_FUTURES,
    paths: Paths {
        time: "/fapi/v1/time",
        open: "/fapi/v1/openOrders",
        cancel_all: "/fapi/v1/allOpenOrders",
    },
};

/// All of them.
const ALL: [&Profile; 2] = [&SPOT, &USDM];

/// `base` with that scheme and no slash at its end.
fn at(base: &str, plain: &str, secure: &str) -> String {
    let base = base.trim_end_matches('/');
    match base.split_once("://") {
        Some(("http" | "ws", rest)) => format!("{plain}://{rest}"),
        Some(("https" | "wss", rest)) => format!("{secure}://{rest}"),
        _ => base.to_owned(),
    }
}

impl Profile {
    /// The one called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|profile| profile.name == name)
    }

    /// Whether accounts have positions, and own nothing of what they buy.
    #[must_use]
    pub const fn has_positions(&self) -> bool {
        self.asks.positions.is_some()
    }

    /// Whether an order that rests is changed where it is, in price and quantity, and stays the
    /// same order there.
    #[must_use]
    pub fn modifies(&self) -> bool {
        self.family == Family::Usdm
    }

    /// The address of the WebSocket API: of the venue, or at `base` (`ws://` or `http://` with host
    /// and port), where something stands in for it.
    #[must_use]
    pub fn api_url(&self, base: Option<&str>) -> String {
        format!("{}{}", at(base.unwrap_or(self.api), "ws", "wss"), self.api_path)
    }

    /// The address of REST.
    #[must_use]
    pub fn rest_url(&self, base: Option<&str>) -> String {
        at(base.unwrap_or(self.rest), "http", "https")
    }

    /// Where the account is listened to with `key`; none where that needs no connection of its own.
    #[must_use]
    pub fn ears_url(&self, base: Option<&str>, key: &str) -> Option<String> {
        let Ears { host, path, events, .. } = self.ears?;
        Some(format!("{}{path}{key}{events}", at(base.unwrap_or(host), "ws", "wss")))
    }

    /// What a comparison of everything weighs with so many symbols.
    #[must_use]
    pub const fn comparison_weight(&self, symbols: u64) -> u64 {
        let Weights { account, positions, income, open, trades, .. } = self.weights;
        account + positions + income + symbols * (open + trades)
    }

    /// How long to wait from one comparison to the next (ns), so that they take no more than a
    /// fifth of the weight that there is.
    #[must_use]
    pub fn compare_ns(&self, symbols: u64) -> i64 {
        let weight = self.comparison_weight(symbols);
        let ns = 5 * 60_000_000_000_u64.saturating_mul(weight) / self.weight_per_minute.max(1);
        i64::try_from(ns).unwrap_or(i64::MAX).max(5_000_000_000)
    }

    /// How often the timers of so many symbols are set anew, and to how long (ns): so that this
    /// takes no more than a tenth of the weight that there is.
    #[must_use]
    pub fn timer_ns(&self, symbols: usize) -> Option<(i64, i64)> {
        let OwnerGone::Timer(timer) = self.owner_gone else { return None };
        let weight = i64::try_from(timer.weight).ok()?.saturating_mul(i64::try_from(symbols).ok()?);
        let budget = i64::try_from(self.weight_per_minute).ok()?.max(1) / TIMERS_PART;
        let every_ns = timer.every_ns.max(weight.saturating_mul(MINUTE_NS) / budget.max(1));
        Some((every_ns, every_ns.saturating_mul(timer.times)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(SPOT.api_url(None), "wss://ws-api.binance.com:443/ws-api/v3");
        for (base, api, rest) in [
            ("http://127.0.0.1:9000", "ws://127.0.0.1:9000/ws-api/v3", "http://127.0.0.1:9000"),
            ("https://sim:1/", "wss://sim:1/ws-api/v3", "https://sim:1"),
            ("ws://sim:1", "ws://sim:1/ws-api/v3", "http://sim:1"),
        ] {
            assert_eq!(SPOT.api_url(Some(base)), api);
            assert_eq!(SPOT.rest_url(Some(base)), rest);
        }
        assert_eq!(USDM.api_url(None), "wss://ws-fapi.binance.com/ws-fapi/v1");
        assert_eq!(SPOT.ears_url(None, "k"), None);
        let (of_venue, of_sim) = (
            USDM.ears_url(None, "abc").unwrap(),
            USDM.ears_url(Some("http://sim:1"), "k").unwrap(),
        );
        assert!(of_venue.starts_with("wss://fstream.binance.com/private/ws?listenKey=abc&events="));
        assert!(of_sim.starts_with("ws://sim:1/private/ws?listenKey=k&"));
        assert_eq!(Profile::named("binance-usdm").map(|it| it.name), Some("binance-usdm"));
        assert!(Profile::named("binance").is_none());
    }

    #[test]
    fn comparisons_take_a_fifth_of_the_weight() {
        for profile in ALL {
            for symbols in [1, 3, 10, 24, 100] {
                let each = profile.comparison_weight(symbols);
                let in_a_minute = 60_000_000_000 / profile.compare_ns(symbols);
                let most = profile.weight_per_minute / 5 + each;
                assert!(each * in_a_minute.unsigned_abs() <= most);
            }
        }
        assert_eq!(SPOT.compare_ns(1), 5_000_000_000);
    }

    #[test]
    fn timers_take_a_tenth_of_the_weight() {
        assert_eq!(SPOT.timer_ns(1), None);
        assert_eq!(USDM.timer_ns(1), Some((10 * SECOND_NS, 30 * SECOND_NS)));
        for symbols in [1, 4, 5, 24, 100] {
            let (every_ns, length_ns) = USDM.timer_ns(symbols).unwrap();
            let weight = 10 * symbols as i64 * MINUTE_NS / every_ns;
            assert!(weight <= 240 && length_ns >= 3 * every_ns, "{symbols}: {weight}");
        }
    }
}
