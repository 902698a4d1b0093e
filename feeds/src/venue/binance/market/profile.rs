//! What differs between the markets of this venue: hosts, paths, weights, limits. Data, so that a
//! second market is a second constant.

use qt_types::InstrumentKind;

const SECOND_NS: i64 = 1_000_000_000;
const MINUTE_NS: i64 = 60 * SECOND_NS;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name in options.
    pub name: &'static str,
    /// The host of requests.
    pub rest: String,
    /// The host of streams.
    pub streams: String,
    /// Where streams are, at their host.
    pub streams_path: &'static str,
    /// Where marks are told, if they are: over a link of their own.
    pub marks: Option<Marks>,
    /// Where trades are asked for that were made while no link stood, if they are.
    pub past_trades: Option<PastTrades>,
    /// Where instruments are listed, and what it costs to ask.
    pub info: (&'static str, u64),
    /// Whether it can be asked for some of them: else all are told.
    pub info_of_some: bool,
    /// Where books are asked for.
    pub depth_path: &'static str,
    /// How many levels a side a book may be asked for, and what it costs; the smallest first.
    pub depth_limits: &'static [(u32, u64)],
    /// Where the time is asked for, and what it costs.
    pub time: (&'static str, u64),
    /// What is behind the name of an instrument in a stream of changes, trades, best prices.
    pub depth_stream: &'static str,
    /// See `depth_stream`.
    pub trade_stream: &'static str,
    /// See `depth_stream`.
    pub best_stream: &'static str,
    /// What kind of thing is traded.
    pub kind: InstrumentKind,
    /// The header with what has been spent.
    pub weight_header: &'static str,
    /// What may be spent in a window before the venue has said so, and how long one is.
    pub weight_limit: u64,
    /// See `weight_limit`.
    pub weight_window_ns: i64,
    /// How many attempts to connect there may be in which time.
    pub connects: (u64, i64),
    /// How many messages may be sent over a link in a second.
    pub messages: usize,
    /// How many streams one link may have.
    pub streams_max: usize,
    /// How long a link lives.
    pub life_ns: i64,
    /// How long nothing at all may come over a link: longer than between two pings of the venue.
    pub link_silence_ns: i64,
    /// How long a stream of changes may be silent, and one of trades or best prices.
    pub silence_ns: (i64, i64),
}

/// Where mark prices and funding rates come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Where their streams are.
    pub path: &'static str,
    /// What is behind the name of an instrument in such a stream.
    pub stream: &'static str,
    /// How long one may be silent.
    pub silence_ns: i64,
}

/// Where trades of before are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastTrades {
    /// By their number.
    pub by_number: &'static str,
    /// The last ones.
    pub last_ones: &'static str,
    /// What either costs.
    pub weight: u64,
}

impl Profile {
    /// Binance Spot.
    #[must_use]
    pub fn spot() -> Self {
        Self {
            name: "binance-spot",
            rest: "https://api.binance.com".to_owned(),
            streams: "wss://stream.binance.com:9443".to_owned(),
            streams_path: "/ws",
            marks: None,
            past_trades: Some(PastTrades {
                by_number: "/api/v3/historicalTrades",
                last_ones: "/api/v3/trades",
                weight: 25,
            }),
            info: ("/api/v3/exchangeInfo", 20),
            info_of_some: true,
            depth_path: "/api/v3/depth",
            depth_limits: &[(100, 5), (500, 25), (1_000, 50), (5_000, 250)],
            time: ("/api/v3/time", 1),
            depth_stream: "@depth@100ms",
            trade_stream: "@trade",
            best_stream: "@bookTicker",
            kind: InstrumentKind::Spot,
            weight_header: "x-mbx-used-weight-1m",
            weight_limit: 6_000,
            weight_window_ns: MINUTE_NS,
            connects: (300, 5 * MINUTE_NS),
            messages: 5,
            streams_max: 1_024,
            life_ns: 24 * 60 * MINUTE_NS,
            link_silence_ns: MINUTE_NS,
            silence_ns: (MINUTE_NS, 10 * MINUTE_NS),
        }
    }

    /// Binance USD-M futures. Books, trades and best prices come from another path than marks, and
    /// a stream that is asked for at the wrong one is acknowledged and silent.
    #[must_use]
    pub fn usdm() -> Self {
        Self {
            name: "binance-usdm",
            rest: "https://fapi.binance.com".to_owned(),
            streams: "wss://fstream.binance.com".to_owned(),
            streams_path: "/public/ws",
            marks: Some(Marks {
                path: "/market/ws",
                stream: "@markPrice@1s",
                silence_ns: MINUTE_NS,
            }),
            past_trades: None,
            info: ("/fapi/v1/exchangeInfo", 1),
            info_of_some: false,
            depth_path: "/fapi/v1/depth",
            depth_limits: &[(50, 2), (100, 5), (500, 10), (1_000, 20)],
            time: ("/fapi/v1/time", 1),
            kind: InstrumentKind::Perpetual,
            weight_limit: 2_400,
            messages: 10,
            // The venue pings each three minutes.
            link_silence_ns: 4 * MINUTE_NS,
            ..Self::spot()
        }
    }

    /// The profile called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::spot(), Self::usdm()].into_iter().find(|profile| profile.name == name)
    }

    /// The same with all its hosts at `url` (`http://host:port`).
    ///
    /// # Errors
    /// When it is no such address: what is wrong with it.
    pub fn at(mut self, url: &str) -> Result<Self, String> {
        let url = url.trim_end_matches('/');
        let (streams, host) = match url.split_once("://") {
            Some(("http", host)) => ("ws", host),
            Some(("https", host)) => ("wss", host),
            _ => return Err(format!("{url:?} does not begin with http:// or https://")),
        };
        let is_host = !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
        if !is_host || url.parse::<http::Uri>().is_err() {
            return Err(format!("{url:?} is not of the form http://HOST:PORT"));
        }
        self.streams = format!("{streams}://{host}");
        self.rest = url.to_owned();
        Ok(self)
    }

    /// How many levels to ask for, and what that costs, so that the books of `count` instruments
    /// take less than a quarter of the budget of a window.
    #[must_use]
    pub fn depth_limit(&self, count: usize) -> (u32, u64) {
        let share = self.weight_limit / 4 / (count as u64).max(1);
        let mut limits = self.depth_limits.iter().rev();
        let fitting = limits.find(|(_, weight)| *weight <= share);
        fitting.or(self.depth_limits.first()).copied().unwrap_or((100, 5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_takes_the_place_of_all_hosts() {
        let profile = Profile::spot().at("http://127.0.0.1:8080/").unwrap();
        assert_eq!(profile.rest, "http://127.0.0.1:8080");
        assert_eq!(profile.streams, "ws://127.0.0.1:8080");
        assert_eq!(Profile::spot().at("https://sim").unwrap().streams, "wss://sim");
        let names = ["binance-spot", "binance-usdm"];
        let named = names.map(|name| Profile::named(name).map(|profile| profile.name));
        assert_eq!(named, names.map(Some), "each is found by its own name");
        assert!(Profile::named("binance").is_none());
        for wrong in
            ["", "127.0.0.1:80", "ftp://x", "http://", "http://a/b", "http://u:p@h", "http://a b"]
        {
            assert!(Profile::spot().at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn books_of_all_take_a_quarter_of_the_budget() {
        let spot = Profile::spot();
        let wanted = [(1, 5_000), (6, 5_000), (7, 1_000), (24, 1_000), (40, 500), (300, 100)];
        for (count, limit) in wanted {
            let (asked, weight) = spot.depth_limit(count);
            assert_eq!(asked, limit, "{count}");
            assert!(weight * count as u64 <= 1_500, "{count}");
        }
        let usdm = Profile::usdm();
        for (count, limit) in [(1, 1_000), (30, 1_000), (31, 500), (60, 500), (61, 100)] {
            let (asked, weight) = usdm.depth_limit(count);
            assert_eq!(asked, limit, "{count}");
            assert!(weight * count as u64 <= 600, "{count}");
        }
    }
}
