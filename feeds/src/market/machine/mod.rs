//! Market data of any venue: a machine that connects, subscribes, keeps books in order and tells
//! the engine.
//!
//! `profile` has what differs between venues as data, `protocol` what differs as code; `stream` the
//! subscriptions of a link, `lane` a way to streams, `links` how links come, go and take each
//! other's place, `books` the snapshots, `copies` those that are only recorded, `standing` those
//! that come over a new link, `trades` what was traded between two links, `tell` what is told,
//! `requests` everything by HTTP, `query` which instruments are asked for, `lookup` a machine that
//! only asks for that.

mod books;
mod copies;
mod instrument;
mod lane;
mod links;
mod lookup;
mod profile;
mod protocol;
mod query;
mod requests;
mod shown;
mod standing;
mod stream;
mod tell;
mod trades;

use std::collections::{BTreeMap, VecDeque};

use qt_codec::{Decoder, Mode, Update};
use qt_types::{InstrumentId, InstrumentSpec, Nanos, VenueId};
use tokio::sync::watch;

use crate::machine::{Act, Happened, Link, Machine};
use crate::market::{Figures, Sink, Teller, Want, Wishes};
use crate::pace::{Budget, ClockOffset, Silence, Window};

use instrument::Instrument;
use lane::{Lane, MAIN, MARKS};
use query::Query;
use requests::Purpose;

pub use lookup::{Lookup, LookupError};
pub use profile::{FOREVER_NS, MINUTE_NS, Marks, PastTrades, Profile, SECOND_NS};
pub use protocol::{Asking, Control, Info, Protocol, e9, encoded};

/// How far our clock and the venue's, and the way there, may be apart where windows end.
const UNSURE_NS: i64 = 2_000_000_000;
/// Of the venue's budget this part (in a hundred) is ours: orders need the rest.
const SHARE_PERCENT: u64 = 80;
/// How often figures are shown.
const SHOW_NS: i64 = 500_000_000;

/// What a market is made of.
pub struct Setup {
    /// The venue's market.
    pub profile: Profile,
    /// Its number in the engine.
    pub venue: VenueId,
    /// The instruments: their number in the engine, their units, what is wanted of them.
    pub instruments: Vec<(InstrumentId, InstrumentSpec, Want)>,
    /// Where events go.
    pub sink: Box<dyn Sink>,
    /// Where figures are shown.
    pub shown: Option<watch::Sender<Figures>>,
    /// Of the random numbers that spread pauses.
    pub seed: u64,
}

/// Why there is no market.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Nothing is wanted.
    #[error("no instrument is wanted: name at least one")]
    Nothing,
    /// An instrument is wanted twice.
    #[error("{0} is wanted twice: name it once")]
    Twice(String),
    /// More streams than a link may have.
    #[error(
        "{0} streams are wanted, and a link of this venue has {1} at most: want fewer \
         instruments, or less of each"
    )]
    TooMany(usize, usize),
}

/// See the module.
pub struct Market {
    profile: Profile,
    instruments: Vec<Instrument>,
    /// The names of all streams, the instrument of each, and how silent it is.
    topics: Vec<String>,
    topic_of: Vec<u16>,
    silences: Vec<Silence>,
    decoder: Decoder,
    updates: Vec<Update>,
    /// The number of the message that is being told.
    message: u64,
    /// The instrument of each symbol of the decoder; `u16::MAX`: none of ours.
    of_symbol: Vec<u16>,
    sink: Box<dyn Sink>,
    lanes: Vec<Lane>,
    /// Links that we have asked to be closed.
    leaving: Vec<Link>,
    connects: Window,
    budget: Budget,
    /// How many levels a snapshot has, and what it costs.
    depth_limit: (u32, u64),
    calls: BTreeMap<u32, (Purpose, Nanos)>,
    next_call: u32,
    acts: VecDeque<Act>,
    clock: ClockOffset,
    clock_ns: Nanos,
    query: Option<Query>,
    query_ns: Nanos,
    /// When the last question about what is listed was answered.
    listed_ns: Nanos,
    wishes: Wishes,
    /// Messages in a row that could not be read.
    unreadable: u32,
    /// Something happened that asks for more than time.
    is_restless: bool,
    figures: Figures,
    shown: Option<watch::Sender<Figures>>,
    show_ns: Nanos,
    deadline_ns: Nanos,
    planned_ns: Nanos,
}

impl Market {
    /// A market that has done nothing yet.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn new(setup: Setup) -> Result<Self, SetupError> {
        let profile = setup.profile;
        let Gathered { instruments, topics, topic_of, silences, of_lanes } =
            gathered(&profile, setup.venue, setup.instruments)?;
        if topics.is_empty() {
            return Err(SetupError::Nothing);
        }
        let most = of_lanes.iter().map(Vec::len).max().unwrap_or(0);
        if most > profile.streams_max {
            return Err(SetupError::TooMany(most, profile.streams_max));
        }
        let marks = profile.marks.filter(|marks| marks.path != profile.streams_path);
        let paths = [Some(profile.streams_path), marks.map(|marks| marks.path)];
        let lanes = paths.into_iter().flatten().zip(of_lanes).zip(0_u64..);
        let lane = |((path, topics), at)| Lane::new(path, topics, setup.seed.wrapping_add(at));
        let lanes = lanes.map(lane).collect();
        let books = instruments.iter().filter(|instrument| instrument.want.book).count();
        let names: Vec<String> = instruments.iter().map(|one| one.name.clone()).collect();
        let (connects, connects_ns) = profile.connects;
        let limit = profile.weight_limit * SHARE_PERCENT / 100;
        let window = Window::new(limit, profile.weight_window_ns, UNSURE_NS);
        let decoder = Decoder::new(profile.protocol.venue(), Mode::Strict);
        let query = Query::new(&names, profile.listed_at_once);
        let figures = Figures { weight_limit: profile.weight_limit, ..Figures::default() };
        Ok(Self {
            depth_limit: profile.depth_limit(books),
            connects: Window::new(connects * SHARE_PERCENT / 100, connects_ns, UNSURE_NS),
            budget: Budget::new(vec![window]),
            profile,
            instruments,
            topics,
            topic_of,
            silences,
            decoder,
            updates: Vec::new(),
            message: 0,
            of_symbol: Vec::new(),
            sink: setup.sink,
            lanes,
            leaving: Vec::new(),
            calls: BTreeMap::new(),
            next_call: 0,
            acts: VecDeque::new(),
            clock: ClockOffset::default(),
            clock_ns: Nanos::MIN,
            query: Some(query),
            query_ns: Nanos::MIN,
            listed_ns: Nanos::MIN,
            wishes: Wishes::default(),
            unreadable: 0,
            is_restless: false,
            figures,
            shown: setup.shown,
            show_ns: Nanos::MIN,
            deadline_ns: Nanos::MIN,
            planned_ns: Nanos::MIN,
        })
    }

    /// The same, asked from outside by `wishes`.
    #[must_use]
    pub fn with_wishes(mut self, wishes: Wishes) -> Self {
        self.wishes = wishes;
        self
    }

    /// Does what is due, and notes when to look again.
    fn plan(&mut self, now_ns: Nanos) {
        if self.wishes.take_listings() {
            self.ask_listings(now_ns);
        }
        if self.wishes.take_books() {
            self.want_copies(now_ns);
        }
        self.is_restless = false;
        self.planned_ns = now_ns;
        let mut due = Due(Nanos::MAX);
        self.plan_links(now_ns, &mut due);
        self.plan_subscriptions(now_ns, &mut due);
        self.plan_silences(now_ns, &mut due);
        self.plan_books(now_ns, &mut due);
        self.plan_trades(now_ns, &mut due);
        self.plan_copies(now_ns, &mut due);
        self.plan_requests(now_ns, &mut due);
        if self.shown.is_some() && self.show_ns <= now_ns {
            self.show(now_ns);
            self.show_ns = now_ns.saturating_add_ns(SHOW_NS);
        }
        if self.shown.is_some() {
            due.at(self.show_ns);
        }
        self.deadline_ns = due.0;
    }
}

/// Instruments and their streams.
struct Gathered {
    instruments: Vec<Instrument>,
    topics: Vec<String>,
    topic_of: Vec<u16>,
    silences: Vec<Silence>,
    /// Which topics are those of books, trades and best prices, and which those of marks.
    of_lanes: [Vec<u16>; 2],
}

fn gathered(
    profile: &Profile,
    venue: VenueId,
    wanted: Vec<(InstrumentId, InstrumentSpec, Want)>,
) -> Result<Gathered, SetupError> {
    let mut instruments = Vec::new();
    let (mut topics, mut topic_of, mut silences) = (Vec::new(), Vec::new(), Vec::new());
    let mut of_lanes = [Vec::new(), Vec::new()];
    for (at, (id, spec, want)) in wanted.into_iter().enumerate() {
        let mut instrument = Instrument::new(want, Teller::new(id, venue, spec));
        if instruments.iter().any(|other: &Instrument| other.name == instrument.name) {
            return Err(SetupError::Twice(instrument.name));
        }
        let (of_book, of_rest) = profile.silence_ns;
        let marks = profile.marks.map_or(("", 0), |marks| (marks.stream, marks.silence_ns));
        let has_lane = profile.marks.is_some_and(|marks| marks.path != profile.streams_path);
        let streams = [
            (want.book, profile.depth_stream, of_book, MAIN),
            (want.trades, profile.trade_stream, of_rest, MAIN),
            (want.best, profile.best_stream, of_rest, MAIN),
            (profile.marks.is_some(), marks.0, marks.1, if has_lane { MARKS } else { MAIN }),
        ];
        let first = topics.len();
        for (kind, (is_wanted, channel, silence_ns, lane)) in streams.into_iter().enumerate() {
            if !is_wanted || channel.is_empty() {
                continue;
            }
            let topic = profile.protocol.topic(channel, &instrument.name);
            // One stream may tell of two things.
            let known = topics[first..].iter().position(|of| *of == topic);
            let number = u16::try_from(known.map_or(topics.len(), |known| first + known)).ok();
            instrument.topics[kind] = number;
            if known.is_none() {
                of_lanes[lane].extend(number);
                topics.push(topic);
                topic_of.push(u16::try_from(at).unwrap_or(u16::MAX));
                silences.push(Silence::new(silence_ns));
            }
        }
        instruments.push(instrument);
    }
    Ok(Gathered { instruments, topics, topic_of, silences, of_lanes })
}

/// The earliest of some times.
struct Due(Nanos);

impl Due {
    fn at(&mut self, ns: Nanos) {
        self.0 = self.0.min(ns);
    }
}

impl Machine for Market {
    fn handle(&mut self, happened: Happened<'_>, now_ns: Nanos) {
        match happened {
            Happened::Frame(link, bytes) => {
                self.frame(link, bytes, now_ns);
                if !self.is_restless {
                    return;
                }
            }
            Happened::Alive(link) => {
                self.heard(link, now_ns);
                return;
            }
            Happened::Opened(link) => self.opened(link, now_ns),
            Happened::Closed(link, why) => self.closed(link, &why, now_ns),
            Happened::Answered { call, status, headers, body } => {
                self.answered(call, status, headers, body, now_ns);
            }
            Happened::Failed(call, failure) => self.failed(call, failure, now_ns),
            Happened::Time => {}
        }
        self.plan(now_ns);
    }

    fn next_act(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    fn deadline_ns(&self) -> Option<Nanos> {
        (self.deadline_ns < Nanos::MAX).then_some(self.deadline_ns)
    }
}
