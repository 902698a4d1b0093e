//! What differs between venues and their markets as far as it is data: hosts, paths, weights,
//! limits. What is code is a [`Protocol`].

use qt_types::InstrumentKind;

use super::protocol::Protocol;

/// A second (ns).
pub const SECOND_NS: i64 = 1_000_000_000;
/// A minute (ns).
pub const MINUTE_NS: i64 = 60 * SECOND_NS;
/// Of a link that the venue lets live as long as it does: longer than anything here runs.
pub const FOREVER_NS: i64 = 50 * 365 * 24 * 60 * MINUTE_NS;

/// See the module.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The name in options.
    pub name: &'static str,
    /// How it speaks.
    pub protocol: &'static dyn Protocol,
    /// The host of requests.
    pub rest: String,
    /// The host of streams.
    pub streams: String,
    /// Where streams are, at their host.
    pub streams_path: &'static str,
    /// Where marks are told, if they are.
    pub marks: Option<Marks>,
    /// Where trades are asked for that were made while no link stood, if they are.
    pub past_trades: Option<PastTrades>,
    /// Where instruments are listed, and what it costs to ask.
    pub info: (&'static str, u64),
    /// Whether it can be asked for some of them: else all are told.
    pub info_of_some: bool,
    /// About how many instruments it is asked at once.
    pub listed_at_once: usize,
    /// Where books are asked for; nothing where they come over the stream, once it is subscribed
    /// to and each time that it is subscribed to again.
    pub depth_path: Option<&'static str>,
    /// How many levels a side a book may be asked for, and what it costs; the smallest first.
    pub depth_limits: &'static [(u32, u64)],
    /// Where the time is asked for, and what it costs.
    pub time: (&'static str, u64),
    /// The channel of changes of books.
    pub depth_stream: &'static str,
    /// The channel of trades.
    pub trade_stream: &'static str,
    /// The channel of best prices; empty where there is none.
    pub best_stream: &'static str,
    /// Whether best prices have ids that go up.
    pub best_has_ids: bool,
    /// Whether the decoder has to see all messages, those too that are no market data.
    pub decodes_all: bool,
    /// What kind of thing is traded.
    pub kind: InstrumentKind,
    /// The header with what has been spent; empty where there is none.
    pub weight_header: &'static str,
    /// What may be spent in a window before the venue has said so, and how long one is.
    pub weight_limit: u64,
    /// See `weight_limit`.
    pub weight_window_ns: i64,
    /// The status that is the venue's word for a ban beside 418 and 429, and how long one is (ns).
    pub ban: Option<(u16, i64)>,
    /// How many attempts to connect there may be in which time.
    pub connects: (u64, i64),
    /// How many messages may be sent over a link in a second.
    pub messages: usize,
    /// How many of them may subscribe or unsubscribe in which time (ns), where that is limited.
    pub asks: Option<(usize, i64)>,
    /// How many streams one message may name.
    pub streams_at_once: usize,
    /// How many streams one link may have.
    pub streams_max: usize,
    /// How long a link lives.
    pub life_ns: i64,
    /// How often the venue wants to hear something, where it does.
    pub ping_ns: Option<i64>,
    /// How long nothing at all may come over a link: longer than between two pings of the venue.
    pub link_silence_ns: i64,
    /// How long a stream of changes may be silent, and one of trades or best prices.
    pub silence_ns: (i64, i64),
}

/// Where mark prices and funding rates come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Where their streams are: over a link of their own, if it is not where the others are.
    pub path: &'static str,
    /// Their channel.
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

    /// Whether snapshots of books come over the stream.
    #[must_use]
    pub const fn brings_books(&self) -> bool {
        self.depth_path.is_none()
    }

    /// How long the venue wants to be left alone after an answer with this status that does not
    /// say how long (ns).
    pub(super) fn ban_ns(&self, status: u16) -> Option<i64> {
        match self.ban {
            Some((of, ban_ns)) if of == status => Some(ban_ns),
            _ => matches!(status, 418 | 429).then_some(MINUTE_NS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venue::{FEEDS, profile};

    #[test]
    fn one_address_takes_the_place_of_all_hosts() {
        for name in FEEDS {
            let named = profile(name).unwrap();
            assert_eq!(named.name, *name, "each is found by its own name");
            assert!(named.rest.starts_with("https://") && named.streams.starts_with("wss://"));
            let moved = named.clone().at("http://127.0.0.1:8080/").unwrap();
            assert_eq!(moved.rest, "http://127.0.0.1:8080");
            assert_eq!(moved.streams, "ws://127.0.0.1:8080");
            assert_eq!(named.at("https://sim").unwrap().streams, "wss://sim");
        }
        assert!(profile("binance").is_none());
        for wrong in
            ["", "127.0.0.1:80", "ftp://x", "http://", "http://a/b", "http://u:p@h", "http://a b"]
        {
            assert!(Profile::spot().at(wrong).is_err(), "{wrong}");
        }
    }

    /// What the machine takes for granted of every venue.
    #[test]
    fn profiles_are_sound() {
        for name in FEEDS {
            let profile = profile(name).unwrap();
            assert!(profile.messages >= 2 && profile.streams_at_once >= 1, "{name}");
            assert!(profile.ping_ns.is_none_or(|ping_ns| 2 * ping_ns < profile.link_silence_ns));
            assert_eq!(profile.ping_ns.is_some(), profile.protocol.ping().is_some(), "{name}");
            assert_eq!(profile.brings_books(), profile.depth_limits.is_empty(), "{name}");
            assert!(!profile.depth_stream.is_empty() && !profile.trade_stream.is_empty());
            assert!(profile.weight_limit * 8 / 10 >= profile.info.1 + profile.time.1, "{name}");
        }
    }
}
