//! Venues whose books come over their streams, and a network without sockets, their time made up:
//! what a market does, what is lost on the way, and how each of them speaks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::mpsc;

use qt_feeds::machine::{Act, Call, Closed, Happened, Link, Machine};
use qt_feeds::market::Want;
use qt_feeds::venue::{Market, Profile, Setup};
use qt_types::{Event, InstrumentId, InstrumentKind, InstrumentSpec, Nanos, VenueId};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::coming::Coming;
use crate::model::{Model, Sides};
use crate::simulated::{Faults, Kept, MS, SECOND};
use crate::tongue::{Moment, Said, Tongue};

/// When the simulation begins (UTC ns).
const BEGIN: i64 = 1_700_000_000 * SECOND;
/// A venue that wants to hear something gives a link up after so long.
const DEAF: i64 = 30 * SECOND;

/// An instrument with its true book at each moment, by the time that its messages name (ms).
pub struct Traded {
    pub name: String,
    pub sides: Sides,
    history: BTreeMap<i64, Sides>,
    ms: i64,
    number: u64,
    pub trades: u64,
}

#[derive(Default)]
struct Connection {
    topics: BTreeSet<(String, String)>,
    is_silent: bool,
    /// Nothing arrives before: what goes over one link stays in order.
    after: i64,
    held_back: Option<Vec<u8>>,
    /// Messages so far.
    count: u64,
    heard: i64,
}

/// See the module.
pub struct Brought {
    pub now: i64,
    pub machine: Market,
    pub tongue: Tongue,
    pub events: mpsc::Receiver<Event>,
    pub models: Vec<Model>,
    pub traded: Vec<Traded>,
    pub faults: Faults,
    /// The pause between two moves of an instrument, at most.
    pub pace: i64,
    /// Questions to subscribe or unsubscribe, and pings.
    pub asked: u64,
    pub pings: u64,
    /// The instrument whose streams are refused.
    pub refused: Option<usize>,
    /// The instrument whose checksums are wrong.
    pub wrong_sums: Option<usize>,
    coming: BinaryHeap<Reverse<(i64, u64, Coming)>>,
    order: u64,
    links: BTreeMap<u8, Connection>,
    dice: ChaCha8Rng,
}

impl Brought {
    pub fn new(
        tongue: Tongue,
        seed: u64,
        count: usize,
        faults: Faults,
        adapt: impl Fn(&mut Profile),
    ) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut profile = tongue.profile();
        adapt(&mut profile);
        let (to, events) = mpsc::channel();
        let wanted = |at: usize| {
            let (name, kind) = (tongue.symbol(at), InstrumentKind::Spot);
            let spec = InstrumentSpec::new(&name, "USD", kind, 10_000_000, 1_000, 1_000_000_000);
            let id = InstrumentId(u16::try_from(at).expect("few"));
            (id, spec.expect("a spec"), Want::default())
        };
        let sink = Kept::new(to, dice.next_u64(), faults.full, count);
        let setup = Setup {
            profile,
            venue: VenueId(1),
            instruments: (0..count).map(wanted).collect(),
            sink: Box::new(sink),
            shown: None,
            seed: dice.next_u64(),
        };
        let traded = |at: usize| Traded {
            name: tongue.symbol(at),
            sides: Sides::default(),
            history: BTreeMap::from([(BEGIN / MS, Sides::default())]),
            ms: BEGIN / MS,
            number: 1_000,
            trades: 0,
        };
        let mut world = Self {
            now: BEGIN,
            machine: Market::new(setup).expect("a machine"),
            tongue,
            events,
            models: vec![Model::default(); count],
            traded: (0..count).map(traded).collect(),
            faults,
            pace: 300 * MS,
            asked: 0,
            pings: 0,
            refused: None,
            wrong_sums: None,
            coming: BinaryHeap::new(),
            order: 0,
            links: BTreeMap::new(),
            dice,
        };
        (0..count).for_each(|at| world.later(0, Coming::Move(at)));
        world.happen(Happened::Time);
        world
    }

    /// Lets `ns` go by.
    pub fn run(&mut self, ns: i64) {
        let end = self.now + ns;
        let mut in_a_row = 0;
        loop {
            let deadline = self.machine.deadline_ns().map_or(i64::MAX, Nanos::get);
            let next = self.coming.peek().map_or(i64::MAX, |Reverse((at, ..))| *at);
            if deadline.min(next) > end {
                self.now = end;
                return;
            }
            if next <= deadline {
                let Some(Reverse((at, _, coming))) = self.coming.pop() else { return };
                self.now = self.now.max(at);
                self.arrive(coming);
            } else {
                in_a_row = if deadline <= self.now { in_a_row + 1 } else { 0 };
                assert!(in_a_row < 1_000, "a deadline that never passes");
                self.now = self.now.max(deadline);
                self.happen(Happened::Time);
            }
        }
    }

    /// A message of the venue over all links, such as a word that they will end.
    pub fn say_to_all(&mut self, text: &str) {
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            self.say(link, text.to_owned());
        }
    }

    fn later(&mut self, ns: i64, coming: Coming) {
        self.order += 1;
        self.coming.push(Reverse((self.now + ns, self.order, coming)));
    }

    fn chance(&mut self, in_a_thousand: u32) -> bool {
        self.dice.random_range(0..1_000) < in_a_thousand
    }

    /// Over a link, in order.
    fn over(&mut self, link: u8, coming: Coming) {
        let way = self.dice.random_range(MS..60 * MS);
        let Some(connection) = self.links.get_mut(&link) else { return };
        connection.after = connection.after.max(self.now + way);
        let at = connection.after;
        self.later(at - self.now, coming);
    }

    /// A message that arrives.
    fn say(&mut self, link: u8, text: String) {
        if let Some(bytes) = self.numbered(link, text) {
            self.over(link, Coming::Frame(link, bytes));
        }
    }

    /// A message, as the next one of its link.
    fn numbered(&mut self, link: u8, text: String) -> Option<Vec<u8>> {
        let connection = self.links.get_mut(&link).filter(|it| !it.is_silent)?;
        let text = self.tongue.numbered(text, connection.count);
        connection.count += 1;
        Some(text.into_bytes())
    }

    fn arrive(&mut self, coming: Coming) {
        match coming {
            Coming::Move(at) => self.moves(at),
            Coming::Opened(link) if self.links.contains_key(&link) => {
                self.happen(Happened::Opened(Link(link)));
                self.later(SECOND, Coming::Alive(link));
            }
            Coming::NotOpened(link) => {
                if self.ended(link) {
                    let closed = Closed::NotOpened { status: None, retry_after_s: None };
                    self.happen(Happened::Closed(Link(link), closed));
                }
            }
            Coming::Frame(link, bytes) if self.links.contains_key(&link) => {
                self.happen(Happened::Frame(Link(link), &bytes));
            }
            // The venue's own second.
            Coming::Alive(link) => {
                let Some(connection) = self.links.get(&link) else { return };
                if self.tongue.wants_pings() && self.now > connection.heard + DEAF {
                    return self.over(link, Coming::Closed(link, false));
                }
                if let Some(text) = self.tongue.heartbeat() {
                    self.say(link, text);
                }
                self.later(SECOND, Coming::Alive(link));
            }
            Coming::Closed(link, is_asked) => {
                if self.ended(link) {
                    let closed = if is_asked { Closed::Asked } else { Closed::Broken };
                    self.happen(Happened::Closed(Link(link), closed));
                }
            }
            Coming::Answer(call, status, body, _) => {
                let (call, headers) = (Call(call), &[]);
                self.happen(Happened::Answered { call, status, headers, body: &body });
            }
            Coming::Opened(_) | Coming::Frame(..) | Coming::Failed(_) => {}
        }
    }

    /// A link is over, and with it all that is on its way. Whether it was there.
    fn ended(&mut self, link: u8) -> bool {
        self.coming.retain(|Reverse((.., coming))| coming.link() != Some(link));
        self.links.remove(&link).is_some()
    }

    /// Tells the machine, does what it wants, and looks at what it told.
    fn happen(&mut self, happened: Happened<'_>) {
        self.machine.handle(happened, Nanos::new(self.now));
        while let Some(act) = self.machine.next_act() {
            self.act(act);
        }
        self.look();
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Open(Link(link), _) => {
                let (after, heard) = (self.now, self.now);
                self.links.insert(link, Connection { after, heard, ..Connection::default() });
                let refused = self.faults.not_opened;
                let opened = !self.chance(refused);
                let coming = if opened { Coming::Opened(link) } else { Coming::NotOpened(link) };
                self.over(link, coming);
            }
            Act::Send(Link(link), text) => self.heard(link, &text),
            Act::Close(Link(link)) => self.over(link, Coming::Closed(link, true)),
            Act::Call(Call(call), request) => {
                let names: Vec<String> = self.traded.iter().map(|it| it.name.clone()).collect();
                let answer = self.tongue.answer(&request.url, &names, self.now / MS, [2, 6]);
                let body = answer.into_bytes();
                let (refused, way) = (self.faults.snapshot_refused, 2 * 30 * MS);
                let status = if self.chance(refused) { 503 } else { 200 };
                self.later(way, Coming::Answer(call, status, body, 0));
            }
        }
    }

    fn heard(&mut self, link: u8, text: &[u8]) {
        let now = self.now;
        let Some(connection) = self.links.get_mut(&link) else { return };
        connection.heard = now;
        let (is_on, id, topics) = match self.tongue.heard(text) {
            Said::Hello => return,
            Said::Ping => {
                self.pings += 1;
                return self.say(link, self.tongue.pong());
            }
            Said::Ask { is_on, id, topics } => (is_on, id, topics),
        };
        self.asked += 1;
        // What several are asked with may be refused; each is asked for by itself then.
        let refused = self.faults.snapshot_stale;
        let unwanted = self.refused.map(|at| self.traded[at].name.as_str());
        let is_unwanted = topics.iter().any(|(_, symbol)| Some(symbol.as_str()) == unwanted);
        if is_on && (is_unwanted || topics.len() > 1 && self.chance(refused)) {
            return self.say(link, self.tongue.no(&id));
        }
        let Some(connection) = self.links.get_mut(&link) else { return };
        for topic in &topics {
            match is_on {
                true => connection.topics.insert(topic.clone()),
                false => connection.topics.remove(topic),
            };
        }
        let all: Vec<_> = connection.topics.iter().cloned().collect();
        let mut answers = self.tongue.yes(is_on, &id, &topics, &all);
        for (channel, symbol) in &topics {
            let mute = self.faults.mute;
            if !is_on || self.chance(mute) {
                // What is acknowledged may stay mute.
                let topics = self.links.get_mut(&link).map(|it| &mut it.topics);
                topics
                    .into_iter()
                    .for_each(|it| it.retain(|(of, it)| (of, it) != (channel, symbol)));
            } else if self.tongue.is_book(channel)
                && let Some(at) = self.traded.iter().position(|it| it.name == *symbol)
            {
                let snapshot = self.traded[at].told(self.tongue, None, 0);
                // What is asked for may come before the yes.
                let place = if self.chance(200) { 0 } else { answers.len() };
                answers.insert(place, snapshot);
            }
        }
        answers.into_iter().for_each(|answer| self.say(link, answer));
    }

    /// The market of an instrument moves.
    fn moves(&mut self, at: usize) {
        let pace = self.pace;
        let pause = self.dice.random_range(pace / 10..=pace);
        self.later(pause, Coming::Move(at));
        let now_ms = self.now / MS;
        if self.dice.random_range(0..4) == 0 {
            let traded = &mut self.traded[at];
            traded.trades += 1;
            let text = self.tongue.trade(&traded.name, traded.trades, now_ms);
            return self.publish(at, &text, Tongue::is_trades);
        }
        let changed = self.traded[at].moved(&mut self.dice, now_ms);
        let garbage = self.faults.garbage;
        let wrong = u32::from(self.chance(garbage) || self.wrong_sums == Some(at));
        let text = self.traded[at].told(self.tongue, Some(&changed), wrong);
        self.publish(at, &text, Tongue::is_book);
    }

    /// To every link that has subscribed, over a network that is as good as it is.
    fn publish(&mut self, at: usize, text: &str, is_meant: impl Fn(Tongue, &str) -> bool) {
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            let (connection, faults) = (&self.links[&link], self.faults);
            let mut topics = connection.topics.iter();
            let of = &self.traded[at].name;
            if !topics.any(|(channel, symbol)| symbol == of && is_meant(self.tongue, channel)) {
                continue;
            }
            let Some(mut bytes) = self.numbered(link, text.to_owned()) else { continue };
            if self.chance(faults.drop) {
                continue;
            }
            if self.chance(faults.cut) {
                self.over(link, Coming::Closed(link, false));
                continue;
            }
            let (silence, garbage, swap) = (faults.silence, faults.garbage, faults.swap);
            let (is_silent, is_cut) = (self.chance(silence), self.chance(garbage));
            let (is_held, is_doubled) = (self.chance(swap), self.chance(faults.double));
            let Some(connection) = self.links.get_mut(&link) else { continue };
            connection.is_silent |= is_silent;
            if is_cut {
                bytes.truncate(bytes.len() / 2);
            }
            if is_held && connection.held_back.is_none() {
                connection.held_back = Some(bytes);
                continue;
            }
            let held = connection.held_back.take();
            self.over(link, Coming::Frame(link, bytes.clone()));
            if is_doubled {
                self.over(link, Coming::Frame(link, bytes));
            }
            if let Some(held) = held {
                self.over(link, Coming::Frame(link, held));
            }
        }
    }

    /// Every book that is let out is the venue's at one moment.
    fn look(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            let at = event.instrument.index();
            let (model, traded) = (&mut self.models[at], &self.traded[at]);
            if model.take(&event).is_none() {
                continue;
            }
            let true_book = traded.history.get(&(event.venue_ns.get() / MS));
            if model.is_in_step {
                let (name, at) = (&traded.name, event.venue_ns);
                assert_eq!(Some(&model.sides), true_book, "{name} at {at:?}");
            }
            assert_eq!(model.strays, 0, "{}: levels without a book", traded.name);
        }
    }
}

impl Traded {
    /// Its book changes: at which prices.
    fn moved(&mut self, dice: &mut ChaCha8Rng, now_ms: i64) -> Vec<(usize, i64)> {
        let mut changed = BTreeSet::new();
        for _ in 0..dice.random_range(1..4) {
            // As many levels as the shortest checksum is over.
            let (side, offset) = (dice.random_range(0..2_usize), dice.random_range(1..11));
            let price = if side == 0 { 10_000 - offset } else { 10_000 + offset };
            let qty = dice.random_range(0..5_i64) * 1_500_000;
            if qty == 0 {
                self.sides[side].remove(&price);
            } else {
                self.sides[side].insert(price, qty);
            }
            changed.insert((side, price));
        }
        self.number += 1;
        self.ms = (self.ms + 1).max(now_ms);
        self.history.insert(self.ms, self.sides.clone());
        changed.into_iter().collect()
    }

    /// The message that tells its book, or what has changed last.
    fn told(&self, tongue: Tongue, changed: Option<&[(usize, i64)]>, wrong: u32) -> String {
        let (symbol, number, before) = (self.name.as_str(), self.number, self.number - 1);
        let moment = Moment { symbol, ms: self.ms, number, before, sides: &self.sides, wrong };
        tongue.book(&moment, changed)
    }
}
