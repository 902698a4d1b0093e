//! The markets of this venue.

use qt_types::InstrumentKind;

use super::BINANCE;
use crate::market::machine::{MINUTE_NS, Marks, PastTrades, Profile};

impl Profile {
    /// Binance Spot.
    #[must_use]
    pub fn spot() -> Self {
        Self {
            name: "binance-spot",
            protocol: BINANCE,
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
            listed_at_once: usize::MAX,
            depth_path: Some("/api/v3/depth"),
            depth_limits: &[(100, 5), (500, 25), (1_000, 50), (5_000, 250)],
            time: ("/api/v3/time", 1),
            depth_stream: "@depth@100ms",
            trade_stream: "@trade",
            best_stream: "@bookTicker",
            best_has_ids: true,
            decodes_all: false,
            kind: InstrumentKind::Spot,
            weight_header: "x-mbx-used-weight-1m",
            weight_limit: 6_000,
            weight_window_ns: MINUTE_NS,
            ban: None,
            connects: (300, 5 * MINUTE_NS),
            messages: 5,
            asks: None,
            streams_at_once: 100,
            streams_max: 1_024,
            life_ns: 24 * 60 * MINUTE_NS,
            ping_ns: None,
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
            depth_path: Some("/fapi/v1/depth"),
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
