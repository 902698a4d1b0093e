//! What differs between the venue's markets here: the calls, where sockets are, what is told over
//! which. Data, as far as it can be.

use super::call::{self, Call};
use super::topics::Kind;
use super::usdm;

/// Which streams a socket brings. What is asked for at another one is acknowledged, and silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Route {
    /// All.
    #[default]
    Any,
    /// Books, trades and best prices.
    Public,
    /// Everything else of the market.
    Market,
    /// Only what happens to an account.
    Private,
}

impl Route {
    /// Whether it brings that.
    pub(super) const fn brings(self, kind: Kind) -> bool {
        let is_public =
            matches!(kind, Kind::Trade | Kind::Best | Kind::Changes { .. } | Kind::Top { .. });
        match self {
            Self::Any => true,
            Self::Public => is_public,
            Self::Market => !is_public,
            Self::Private => false,
        }
    }
}

/// What a WebSocket is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way<'a> {
    /// Requests and answers.
    Api,
    /// Streams: which, whether they are combined, and what is asked for by the path.
    Streams(Route, bool, &'a str),
}

/// See the module.
pub(super) struct Profile {
    /// All calls.
    pub(super) calls: &'static [Call],
    /// Where the WebSocket API is.
    socket_api: &'static str,
    /// What stands before the paths of streams.
    routes: &'static [(&'static str, Route)],
    /// Whether orders that succeed cost no weight.
    pub(super) orders_are_free: bool,
    /// The header with the second count of orders.
    pub(super) orders_header: &'static str,
}

/// Binance Spot.
pub(super) static SPOT: Profile = Profile {
    calls: call::CALLS,
    socket_api: "/ws-api/v3",
    routes: &[("", Route::Any)],
    orders_are_free: true,
    orders_header: "x-mbx-order-count-1d",
};

/// Binance USD-M futures; sockets at the root are those of before the split.
pub(super) static USDM: Profile = Profile {
    calls: usdm::CALLS,
    socket_api: "/ws-fapi/v1",
    routes: &[
        ("/public", Route::Public),
        ("/market", Route::Market),
        ("/private", Route::Private),
        ("", Route::Any),
    ],
    orders_are_free: false,
    orders_header: "x-mbx-order-count-1m",
};

impl Profile {
    /// What a WebSocket at that path is for.
    pub(super) fn way<'a>(&self, path: &'a str) -> Option<Way<'a>> {
        let path = path.trim_end_matches('/');
        if path == self.socket_api {
            return Some(Way::Api);
        }
        self.routes.iter().find_map(|(before, route)| {
            let rest = path.strip_prefix(before)?;
            if rest == "/stream" {
                return Some(Way::Streams(*route, true, ""));
            }
            let names = rest.strip_prefix("/ws")?;
            let is_path = names.is_empty() || names.starts_with('/');
            is_path.then_some(Way::Streams(*route, false, names))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_its_way() {
        assert_eq!(SPOT.way("/ws-api/v3"), Some(Way::Api));
        assert_eq!(SPOT.way("/ws"), Some(Way::Streams(Route::Any, false, "")));
        assert_eq!(SPOT.way("/ws/a@trade"), Some(Way::Streams(Route::Any, false, "/a@trade")));
        assert_eq!(SPOT.way("/stream/"), Some(Way::Streams(Route::Any, true, "")));
        assert_eq!((SPOT.way("/public/ws"), SPOT.way("/wsx"), SPOT.way("/")), (None, None, None));
        assert_eq!(USDM.way("/ws-fapi/v1"), Some(Way::Api));
        assert_eq!(USDM.way("/public/stream"), Some(Way::Streams(Route::Public, true, "")));
        assert_eq!(USDM.way("/market/ws"), Some(Way::Streams(Route::Market, false, "")));
        assert_eq!(USDM.way("/private/ws/k"), Some(Way::Streams(Route::Private, false, "/k")));
        assert_eq!(USDM.way("/ws-api/v3"), None);
        assert!(Route::Public.brings(Kind::Trade) && !Route::Market.brings(Kind::Trade));
        assert!(Route::Market.brings(Kind::Ticker) && !Route::Public.brings(Kind::Ticker));
        assert!(!Route::Private.brings(Kind::Best) && Route::Any.brings(Kind::Best));
    }
}
