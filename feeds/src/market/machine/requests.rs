//! Everything that goes by HTTP, within the budget that the venue gives us.

use qt_types::Nanos;

use super::profile::Profile;
use super::protocol::Info;
use super::query::Query;
use super::{Due, Market, SHARE_PERCENT};
use crate::machine::{Act, Call, Failure, Method, Request};
use crate::market::Status;

/// How often the time and the listings are asked for.
const CLOCK_EVERY_NS: i64 = 300_000_000_000;
const LISTINGS_EVERY_NS: i64 = 30_000_000_000;
/// The same where an answer is larger than this, the venue telling of everything that it has, and
/// all that is wanted of it trades.
const LISTINGS_RARELY_NS: i64 = 600_000_000_000;
const LISTINGS_BYTES: usize = 256 << 10;
/// However much speaks against what is known, it is not asked for again before.
const LISTINGS_PAUSE_NS: i64 = 2_000_000_000;
/// How long after a request that failed.
const AGAIN_NS: i64 = 5_000_000_000;
const PATIENCE_NS: i64 = 15_000_000_000;
/// A word of the venue that is longer than this is none: its longest ban is three days.
pub(super) const ALONE_MAX_S: i64 = 4 * 86_400;
/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The book of this instrument.
    Depth(usize),
    /// Whether the book of this instrument, whose stream is silent, has changed.
    Probe(usize),
    /// The book of this instrument, for whoever records.
    Copy(usize),
    /// Trades of this instrument that were made while no link stood.
    Trades(usize),
    /// The venue's time.
    Clock,
    /// What it lists.
    Listings,
}

/// A header of an answer as a number.
pub(super) fn number_of(headers: &[(String, String)], name: &str) -> Option<u64> {
    let found = headers.iter().find(|(of, _)| of == name);
    found.and_then(|(_, text)| text.trim().parse().ok())
}

/// Until when the venue wants to be left alone, by the status of an answer and its headers.
pub(super) fn alone_until(
    profile: &Profile,
    status: u16,
    headers: &[(String, String)],
    now_ns: Nanos,
) -> Option<Nanos> {
    let ban_ns = profile.ban_ns(status)?;
    let after_s = number_of(headers, "retry-after").and_then(|s| i64::try_from(s).ok());
    let alone_ns = after_s.map_or(ban_ns, |s| s.min(ALONE_MAX_S) * 1_000_000_000);
    Some(now_ns.saturating_add_ns(alone_ns))
}

/// A request that only reads.
pub(super) fn get(url: String, patience_ns: i64) -> Request {
    Request { method: Method::Get, url, headers: Vec::new(), body: Vec::new(), patience_ns }
}

impl Market {
    /// Asks for `url`; the number of the request.
    pub(super) fn call(
        &mut self,
        purpose: Purpose,
        url: String,
        patience_ns: i64,
        now_ns: Nanos,
    ) -> u32 {
        let call = self.next_call;
        self.next_call = self.next_call.wrapping_add(1);
        self.calls.insert(call, (purpose, now_ns));
        self.acts.push_back(Act::Call(Call(call), get(url, patience_ns)));
        self.note_weight(now_ns);
        call
    }

    fn note_weight(&mut self, now_ns: Nanos) {
        let spent = self.budget.windows().iter_mut().map(|window| window.spent(now_ns)).max();
        self.figures.weight_max = self.figures.weight_max.max(spent.unwrap_or(0));
    }

    /// The listings are to be asked for as soon as possible.
    pub(super) fn ask_listings(&mut self, now_ns: Nanos) {
        let soonest_ns = self.listed_ns.saturating_add_ns(LISTINGS_PAUSE_NS).max(now_ns);
        self.query_ns = self.query_ns.min(soonest_ns);
        self.is_restless = true;
    }

    /// Asks for the time and for the listings when they are due.
    pub(super) fn plan_requests(&mut self, now_ns: Nanos, due: &mut Due) {
        for purpose in [Purpose::Clock, Purpose::Listings] {
            let at_ns = match purpose {
                Purpose::Clock => self.clock_ns,
                _ => self.query_ns,
            };
            let is_asked = self.calls.values().any(|(of, _)| *of == purpose);
            if is_asked || now_ns < at_ns {
                if !is_asked {
                    due.at(at_ns);
                }
                continue;
            }
            let profile = &self.profile;
            let (url, weight) = match purpose {
                Purpose::Clock => (format!("{}{}", profile.rest, profile.time.0), profile.time.1),
                _ => {
                    let instruments = &self.instruments;
                    let names =
                        || instruments.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
                    let at_once = profile.listed_at_once;
                    let query = self.query.get_or_insert_with(|| Query::new(&names(), at_once));
                    (query.url(profile).unwrap_or_default(), profile.info.1)
                }
            };
            match self.budget.take(weight, now_ns) {
                Ok(()) => drop(self.call(purpose, url, PATIENCE_NS, now_ns)),
                Err(until_ns) => due.at(until_ns),
            }
        }
    }

    /// A request was answered.
    pub(super) fn answered(
        &mut self,
        call: Call,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
        now_ns: Nanos,
    ) {
        if let Some(spent) = number_of(headers, self.profile.weight_header) {
            self.budget.windows().iter_mut().for_each(|window| window.told(spent, now_ns));
            self.note_weight(now_ns);
        }
        if let Some(until_ns) = alone_until(&self.profile, status, headers, now_ns) {
            self.figures.throttled += 1;
            tracing::warn!(venue = self.profile.name, status, "the venue wants less of us");
            self.budget.block(until_ns);
        }
        let Some((purpose, asked_ns)) = self.calls.remove(&call.0) else { return };
        let (is_good, protocol) = (status == 200, self.profile.protocol);
        let is_unlisted = || protocol.is_unlisted(status, body);
        self.figures.requests_failed += u64::from(!is_good);
        match purpose {
            Purpose::Depth(at) if is_unlisted() => self.depth_unknown(at, now_ns),
            Purpose::Depth(at) => {
                self.depth_answered(at, call.0, is_good.then_some(body), now_ns);
            }
            // A silent stream of something that the venue does not know: the listings tell.
            Purpose::Probe(_) if is_unlisted() => self.ask_listings(now_ns),
            Purpose::Probe(at) => {
                if is_good {
                    self.probed(at, body, asked_ns, now_ns);
                }
            }
            Purpose::Copy(at) => self.copied(at, is_good.then_some(body), now_ns),
            Purpose::Trades(at) => {
                self.trades_answered(at, call.0, is_good.then_some(body), now_ns);
            }
            Purpose::Clock => match protocol.time(body).filter(|_| is_good) {
                Some((venue_ns, step_ns)) => {
                    self.clock.answered(asked_ns, venue_ns, step_ns, now_ns);
                    self.clock_ns = now_ns.saturating_add_ns(CLOCK_EVERY_NS);
                }
                None => self.clock_ns = now_ns.saturating_add_ns(AGAIN_NS),
            },
            Purpose::Listings => self.listings_answered(status, body, now_ns),
        }
    }

    /// A request has no answer.
    pub(super) fn failed(&mut self, call: Call, _failure: Failure, now_ns: Nanos) {
        let Some((purpose, _)) = self.calls.remove(&call.0) else { return };
        self.figures.requests_failed += 1;
        match purpose {
            Purpose::Depth(at) => self.depth_answered(at, call.0, None, now_ns),
            // The silence goes on, and is asked about again.
            Purpose::Probe(_) => {}
            Purpose::Copy(at) => self.copied(at, None, now_ns),
            Purpose::Trades(at) => self.trades_answered(at, call.0, None, now_ns),
            Purpose::Clock => self.clock_ns = now_ns.saturating_add_ns(AGAIN_NS),
            Purpose::Listings => self.query_ns = now_ns.saturating_add_ns(AGAIN_NS),
        }
    }

    fn listings_answered(&mut self, status: u16, body: &[u8], now_ns: Nanos) {
        let Some(query) = &mut self.query else { return };
        let protocol = self.profile.protocol;
        if protocol.is_unlisted(status, body) {
            query.refused();
        } else {
            let read = match status {
                200 => protocol.listings(&self.profile, body),
                _ => Err(String::new()),
            };
            let Ok(info) = read else {
                self.query_ns = now_ns.saturating_add_ns(AGAIN_NS);
                return;
            };
            query.answered(&info);
            self.listed(info, now_ns);
        }
        let Some(query) = self.query.take_if(|query| query.is_over()) else {
            self.query_ns = now_ns;
            return;
        };
        for at in query.missing {
            self.set_status(at, Status::Gone, now_ns);
            self.stop(at, "the venue does not list it (any more)".to_owned(), now_ns);
        }
        self.listed_ns = now_ns;
        let halts = self.instruments.iter().any(|one| one.is_told() && !one.status.trades());
        let is_rare = body.len() > LISTINGS_BYTES && !halts;
        let every_ns = if is_rare { LISTINGS_RARELY_NS } else { LISTINGS_EVERY_NS };
        self.query_ns = now_ns.saturating_add_ns(every_ns);
    }

    /// What the venue lists is held against what is told.
    fn listed(&mut self, info: Info, now_ns: Nanos) {
        if let Some((limit, length_ns)) = info.weight {
            self.figures.weight_limit = limit;
            for window in self.budget.windows().iter_mut().filter(|w| w.length_ns() == length_ns) {
                window.set_limit(limit * SHARE_PERCENT / 100);
            }
            // A venue that gives less is asked for less.
            if length_ns == self.profile.weight_window_ns && limit != self.profile.weight_limit {
                self.profile.weight_limit = limit;
                let books = self.instruments.iter().filter(|one| one.want.book).count();
                self.depth_limit = self.profile.depth_limit(books);
            }
        }
        for word in info.unknown {
            *self.figures.unknown.entry(format!("status {word}")).or_default() += 1;
        }
        for listing in info.listings {
            let of = |one: &super::Instrument| one.name == listing.symbol;
            let Some(at) = self.instruments.iter().position(of) else { continue };
            let spec = self.instruments[at].teller.spec();
            if listing.fits(spec) {
                self.go_on(at, now_ns);
            } else {
                let why = format!(
                    "its steps have changed (tick {} to {}, lot {} to {}, in billionths): \
                     start anew to take them over",
                    spec.tick_e9(),
                    listing.tick_e9,
                    spec.lot_e9(),
                    listing.lot_e9
                );
                self.stop(at, why, now_ns);
            }
            self.set_status(at, listing.status, now_ns);
        }
    }
}
