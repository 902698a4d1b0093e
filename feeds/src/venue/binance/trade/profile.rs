//! What is particular to a venue of this family, as data.

use qt_types::Lacks;

/// How a venue watches over orders whose owner is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerGone {
    /// It does not: whoever wants them cancelled cancels them himself ([`super::super::guard`]).
    Nothing,
    /// It cancels them when the connection that placed them closes.
    Disconnect,
    /// It cancels them unless it is told in time that they are to stay.
    Timer,
}

/// Where a venue is and how it is to be treated.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// Where the WebSocket API is.
    pub api: &'static str,
    /// Its path: the same on any host.
    pub api_path: &'static str,
    /// Where REST is.
    pub rest: &'static str,
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
    /// What each question weighs.
    pub weights: Weights,
    /// How many rows a page of executions has.
    pub page_rows: usize,
    /// The longest window of a question by time (ms).
    pub window_ms: i64,
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
}

const HOUR_NS: i64 = 3_600_000_000_000;

/// Binance Spot.
pub const SPOT: Profile = Profile {
    name: "binance-spot",
    api: "wss://ws-api.binance.com:443",
    api_path: "/ws-api/v3",
    rest: "https://api.binance.com",
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
    weights: Weights {
        time: 1,
        order: 4,
        open: 6,
        open_all: 80,
        trades: 20,
        trades_of_order: 5,
        account: 20,
    },
    page_rows: 1_000,
    window_ms: 24 * 3_600_000,
};

impl Profile {
    /// The address of the WebSocket API: of the venue, or at `base` (`ws://` or `http://` with host
    /// and port), where something stands in for it.
    #[must_use]
    pub fn api_url(&self, base: Option<&str>) -> String {
        let base = base.unwrap_or(self.api).trim_end_matches('/');
        let base = match base.split_once("://") {
            Some(("http", rest)) => format!("ws://{rest}"),
            Some(("https", rest)) => format!("wss://{rest}"),
            _ => base.to_owned(),
        };
        format!("{base}{}", self.api_path)
    }

    /// The address of REST.
    #[must_use]
    pub fn rest_url(&self, base: Option<&str>) -> String {
        let base = base.unwrap_or(self.rest).trim_end_matches('/');
        match base.split_once("://") {
            Some(("ws", rest)) => format!("http://{rest}"),
            Some(("wss", rest)) => format!("https://{rest}"),
            _ => base.to_owned(),
        }
    }

    /// What a comparison of everything weighs with so many symbols.
    #[must_use]
    pub const fn comparison_weight(&self, symbols: u64) -> u64 {
        self.weights.account + symbols * (self.weights.open + self.weights.trades)
    }

    /// How long to wait from one comparison to the next (ns), so that they take no more than a
    /// fifth of the weight that there is.
    #[must_use]
    pub fn compare_ns(&self, symbols: u64) -> i64 {
        let weight = self.comparison_weight(symbols);
        let ns = 5 * 60_000_000_000_u64.saturating_mul(weight) / self.weight_per_minute.max(1);
        i64::try_from(ns).unwrap_or(i64::MAX).max(5_000_000_000)
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
    }

    #[test]
    fn comparisons_take_a_fifth_of_the_weight() {
        for symbols in [1, 3, 10, 24, 100] {
            let each = SPOT.comparison_weight(symbols);
            let in_a_minute = 60_000_000_000 / SPOT.compare_ns(symbols);
            assert!(each * in_a_minute.unsigned_abs() <= SPOT.weight_per_minute / 5 + each);
        }
        assert_eq!(SPOT.compare_ns(1), 5_000_000_000);
    }
}
