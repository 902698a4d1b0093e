//! Trading at Binance by the WebSocket API, and by REST where that has no word for it: a session
//! that is logged on or signs each request, orders out, reports and answers in. What Spot and
//! futures have apart is in [`profile`]. It touches no socket ([`crate::machine`]).
//!
//! [`OrderMachine`] is one session. What it tells is what the port of gateways says
//! (`engine/src/port/gateway.rs`): it decides nothing, sends each command once and never again.

mod account;
mod answers;
mod budget;
mod calls;
mod changes;
pub mod codes;
mod establish;
mod messages;
mod profile;
mod queries;
mod questions;
mod reports;
mod session;
mod settings;
mod submit;
mod tracker;
mod traded;
mod trouble;
pub mod usdm;
mod watch;
pub mod wire;

use std::collections::{BTreeMap, VecDeque};

use qt_engine::{Command, GatewayEvent, Question};
use qt_types::{InstrumentId, Nanos};

pub use profile::{
    Asks, Ears, OwnerGone, Paths, Positions, Profile, SPOT, Timer, USDM, Way, Weights,
};
pub(crate) use queries::rest_query;
pub use settings::{TradeError, TradeSettings};
pub use traded::Traded;
pub use trouble::{Standing, TradeFigures, Trouble};

use super::ws::{WsAccess, WsOrders};
use crate::gateway::Session;
use crate::machine::{Act, Happened, Link, Machine};
use crate::pace::ClockOffset;
use account::Fundings;
use budget::Budget;
use queries::Queries;
use questions::Asking;
use session::{LINKS, Links, Pending};
use tracker::Tracker;
use watch::Dues;

/// What is said is kept until it is taken, up to so many: beyond that the session begins again.
const EVENTS_MAX: usize = 65_536;

/// A session at the venue.
pub struct OrderMachine {
    settings: TradeSettings,
    queries: Queries,
    /// For each instrument.
    writers: Vec<WsOrders>,
    places: BTreeMap<String, usize>,
    tracker: Tracker,
    budget: Budget,
    links: Links,
    /// Requests that were not answered, by their numbers.
    pending: BTreeMap<u64, Pending>,
    last: u64,
    asking: Vec<Asking>,
    acts: VecDeque<Act>,
    events: VecDeque<GatewayEvent>,
    standing: Standing,
    now_ns: Nanos,
    clock: ClockOffset,
    dues: Dues,
    fundings: Fundings,
}

impl OrderMachine {
    /// A session that is not connected.
    ///
    /// # Errors
    /// When it cannot be one.
    pub fn new(settings: TradeSettings) -> Result<Self, TradeError> {
        settings.check()?;
        let queries = Queries::new(settings.access.clone(), settings.recv_window_ms);
        let mut writers = Vec::with_capacity(settings.traded.len());
        let mut places = BTreeMap::new();
        for (place, of) in settings.traded.iter().enumerate() {
            let market = of.market(settings.recv_window_ms, settings.profile.family);
            let market = market.ok_or_else(|| TradeError::Units(of.symbol.clone()))?;
            let access = settings.access.clone();
            let access = match queries.logs_on() {
                true => WsAccess::LoggedOn(access),
                false => WsAccess::Signed(access),
            };
            writers.push(WsOrders::new(market, access)?);
            places.insert(of.symbol.clone(), place);
        }
        let standing = Standing { baseline: settings.baseline.clone(), ..Standing::default() };
        let mut fundings = Fundings::default();
        fundings.ask();
        Ok(Self {
            budget: Budget::new(settings.profile.weight_per_minute, settings.profile.orders),
            queries,
            writers,
            places,
            tracker: Tracker::new(),
            links: Links::default(),
            pending: BTreeMap::new(),
            last: 0,
            asking: Vec::new(),
            acts: VecDeque::new(),
            events: VecDeque::new(),
            standing,
            now_ns: Nanos::MIN,
            clock: ClockOffset::default(),
            dues: Dues::NONE,
            fundings,
            settings,
        })
    }

    /// The next thing that there is to tell.
    pub fn next_event(&mut self) -> Option<GatewayEvent> {
        self.events.pop_front()
    }

    /// Whether there is something to tell.
    #[must_use]
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// How the session stands.
    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    fn place_of(&self, symbol: &str) -> Option<usize> {
        self.places.get(symbol).copied()
    }

    fn place_with(&self, instrument: InstrumentId) -> Option<usize> {
        self.settings.traded.iter().position(|of| of.instrument == instrument)
    }

    fn emit(&mut self, event: GatewayEvent) {
        if self.events.len() < EVENTS_MAX {
            self.events.push_back(event);
            return;
        }
        // Whoever takes them is long behind: with the link gone he knows that some are lost.
        self.events.clear();
        self.give_up(Some(Trouble::Overflow));
    }

    fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The venue's clock now.
    fn venue_ns(&self) -> Nanos {
        self.now_ns.saturating_add_ns(self.clock.offset_ns())
    }

    /// The venue's clock at `at_ns` (ms).
    fn venue_ms(&self, at_ns: Nanos) -> u64 {
        let ms = at_ns.saturating_add_ns(self.clock.offset_ns()).get().div_euclid(1_000_000);
        u64::try_from(ms).unwrap_or(0)
    }

    fn unreadable(&mut self) {
        self.standing.figures.unreadable += 1;
    }
}

impl Machine for OrderMachine {
    fn handle(&mut self, happened: Happened<'_>, now_ns: Nanos) {
        self.now_ns = now_ns;
        match happened {
            Happened::Opened(link) => self.opened(link),
            Happened::Frame(link, bytes) => self.frame(link, bytes),
            Happened::Alive(link) => self.alive(link),
            Happened::Closed(link, why) => self.closed(link, why),
            Happened::Answered { call, status, headers, body } => {
                self.call_answered(call, status, headers, body);
            }
            Happened::Failed(call, _) => self.call_failed(call),
            Happened::Time => {}
        }
        self.look_after();
        self.standing.figures.weight_used = self.budget.weight_used(self.venue_ns());
    }

    fn next_act(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    fn deadline_ns(&self) -> Option<Nanos> {
        self.next_due_ns()
    }
}

impl Session for OrderMachine {
    type Standing = Standing;

    fn connect(&mut self, now_ns: Nanos) {
        Self::connect(self, now_ns);
    }

    fn disconnect(&mut self, now_ns: Nanos) {
        Self::disconnect(self, now_ns);
    }

    fn submit(&mut self, command: &Command, handed_ns: Nanos, now_ns: Nanos) {
        Self::submit(self, command, handed_ns, now_ns);
    }

    fn ask(&mut self, number: u32, question: Question, now_ns: Nanos) {
        Self::ask(self, number, question, now_ns);
    }

    fn next_event(&mut self) -> Option<GatewayEvent> {
        Self::next_event(self)
    }

    fn standing(&self) -> Standing {
        Self::standing(self).clone()
    }
}

/// Which session a link belongs to.
fn at(link: Link) -> usize {
    usize::from(link.0) % LINKS
}

#[cfg(test)]
mod tests;
