//! A venue and a network without sockets, their time made up: what a market does, what is lost on
//! the way, and what the venue counts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::mpsc;

use qt_feeds::machine::{Act, Call, Closed, Failure, Happened, Link, Machine, Request};
use qt_feeds::market::{Offered, Sink, Want};
use qt_feeds::venue::{Market, Profile, Setup};
use qt_types::{Event, InstrumentId, InstrumentKind, InstrumentSpec, Nanos, VenueId};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::coming::Coming;
use crate::model::Model;
use crate::venue::{Listed, listing, snapshot, trades};

pub const MS: i64 = 1_000_000;
pub const SECOND: i64 = 1_000 * MS;
/// When the simulation begins (UTC ns).
const BEGIN: i64 = 1_700_000_000 * SECOND;

/// How often what goes wrong, in a thousand of each chance it has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub drop: u32,
    pub double: u32,
    pub swap: u32,
    pub garbage: u32,
    pub cut: u32,
    pub silence: u32,
    pub mute: u32,
    pub not_opened: u32,
    pub snapshot_stale: u32,
    pub snapshot_refused: u32,
    pub snapshot_lost: u32,
    pub trades_refused: u32,
    pub full: u32,
}

#[derive(Default)]
struct Connection {
    streams: BTreeSet<String>,
    is_silent: bool,
    /// Nothing arrives before: what goes over one link stays in order.
    after: i64,
    held_back: Option<Vec<u8>>,
}

/// See the module.
pub struct World {
    pub now: i64,
    pub machine: Market,
    profile: Profile,
    pub events: mpsc::Receiver<Event>,
    pub models: Vec<Model>,
    pub listed: Vec<Listed>,
    pub faults: Faults,
    /// Weight spent in each minute of the venue's clock, and links begun in each five minutes.
    pub weights: BTreeMap<i64, u64>,
    pub connects: BTreeMap<i64, u64>,
    /// How far the venue's clock is ahead.
    pub clock_offset: i64,
    /// The pause between two moves of an instrument, at most.
    pub pace: i64,
    coming: BinaryHeap<Reverse<(i64, u64, Coming)>>,
    number: u64,
    links: BTreeMap<u8, Connection>,
    dice: ChaCha8Rng,
    /// The id of the snapshot that is being taken in.
    taking: Option<u64>,
}

/// A sink that is full by chance, as a ring would be.
pub struct Kept {
    to: mpsc::Sender<Event>,
    dice: ChaCha8Rng,
    full: u32,
    lost: Vec<bool>,
}

impl Kept {
    pub fn new(to: mpsc::Sender<Event>, seed: u64, full: u32, count: usize) -> Self {
        Self { to, dice: ChaCha8Rng::seed_from_u64(seed), full, lost: vec![false; count] }
    }
}

impl Sink for Kept {
    fn event(&mut self, event: &Event) -> Offered {
        let at = event.instrument.index();
        if self.dice.random_range(0..100_000) < self.full {
            self.lost[at] = true;
            return Offered::Dropped;
        }
        if std::mem::take(&mut self.lost[at]) {
            // What a ring's writer says once there is room.
            let gap = qt_types::Payload::Tick(qt_types::Tick::gap());
            let _ = self.to.send(Event { payload: gap, ..*event });
        }
        let _ = self.to.send(*event);
        Offered::Taken
    }
}

impl World {
    pub fn new(
        seed: u64,
        count: usize,
        want: Want,
        faults: Faults,
        adapt: impl Fn(&mut Profile),
    ) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut profile = Profile::spot().at("http://venue:1").expect("an address");
        adapt(&mut profile);
        let (to, events) = mpsc::channel();
        let spec = |at: usize| {
            let name = format!("S{at}USDT");
            InstrumentSpec::new(
                &name,
                "USDT",
                InstrumentKind::Spot,
                10_000_000,
                1_000,
                1_000_000_000,
            )
        };
        let instruments = (0..count).map(|at| {
            let id = InstrumentId(u16::try_from(at).expect("few"));
            (id, spec(at).expect("a spec"), want)
        });
        let sink = Kept::new(to, dice.next_u64(), faults.full, count);
        let machine = Market::new(Setup {
            profile: profile.clone(),
            venue: VenueId(1),
            instruments: instruments.collect(),
            sink: Box::new(sink),
            shown: None,
            seed: dice.next_u64(),
        });
        let mut world = Self {
            now: BEGIN,
            machine: machine.expect("a machine"),
            profile,
            events,
            models: vec![Model::default(); count],
            listed: (0..count).map(|at| Listed::new(at, BEGIN / MS)).collect(),
            faults,
            weights: BTreeMap::new(),
            connects: BTreeMap::new(),
            clock_offset: dice.random_range(-500 * MS..500 * MS),
            pace: 300 * MS,
            coming: BinaryHeap::new(),
            number: 0,
            links: BTreeMap::new(),
            dice,
            taking: None,
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

    /// Every link breaks.
    pub fn cut_all(&mut self) {
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            self.later(0, Coming::Closed(link, false));
        }
    }

    /// Every link breaks over which marks come.
    pub fn cut_marks(&mut self) {
        let has_marks = |it: &Connection| it.streams.iter().any(|name| name.contains("@markPrice"));
        let cut: Vec<u8> =
            self.links.iter().filter(|(_, it)| has_marks(it)).map(|(link, _)| *link).collect();
        for link in cut {
            self.later(0, Coming::Closed(link, false));
        }
    }

    fn later(&mut self, ns: i64, coming: Coming) {
        self.number += 1;
        self.coming.push(Reverse((self.now + ns, self.number, coming)));
    }

    fn chance(&mut self, in_a_thousand: u32) -> bool {
        self.dice.random_range(0..1_000) < in_a_thousand
    }

    fn way(&mut self) -> i64 {
        self.dice.random_range(MS..60 * MS)
    }

    /// Over a link, in order.
    fn over(&mut self, link: u8, coming: Coming) {
        let way = self.way();
        let Some(connection) = self.links.get_mut(&link) else { return };
        connection.after = connection.after.max(self.now + way);
        let at = connection.after;
        self.later(at - self.now, coming);
    }

    fn arrive(&mut self, coming: Coming) {
        match coming {
            Coming::Move(at) => self.moves(at),
            Coming::Opened(link) if self.links.contains_key(&link) => {
                self.happen(Happened::Opened(Link(link)));
                self.later(20 * SECOND, Coming::Alive(link));
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
            Coming::Alive(link) => {
                if self.links.get(&link).is_some_and(|connection| !connection.is_silent) {
                    self.happen(Happened::Alive(Link(link)));
                    self.later(20 * SECOND, Coming::Alive(link));
                }
            }
            Coming::Closed(link, is_asked) => {
                if self.ended(link) {
                    let closed = if is_asked { Closed::Asked } else { Closed::Broken };
                    self.happen(Happened::Closed(Link(link), closed));
                }
            }
            Coming::Answer(call, status, body, id) => {
                self.taking = Some(id);
                let used = self.weights.get(&self.minute()).copied().unwrap_or(0);
                let headers = [
                    ("x-mbx-used-weight-1m".to_owned(), used.to_string()),
                    ("retry-after".to_owned(), "7".to_owned()),
                ];
                let call = Call(call);
                self.happen(Happened::Answered { call, status, headers: &headers, body: &body });
                self.taking = None;
            }
            Coming::Failed(call) => self.happen(Happened::Failed(Call(call), Failure::Unknown)),
            Coming::Opened(_) | Coming::Frame(..) => {}
        }
    }

    /// A link is over, and with it all that is on its way. Whether it was there.
    fn ended(&mut self, link: u8) -> bool {
        self.coming.retain(|Reverse((.., coming))| coming.link() != Some(link));
        self.links.remove(&link).is_some()
    }

    fn minute(&self) -> i64 {
        (self.now + self.clock_offset).div_euclid(60 * SECOND)
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
                let slot = (self.now + self.clock_offset).div_euclid(300 * SECOND);
                *self.connects.entry(slot).or_default() += 1;
                let after = self.now;
                self.links.insert(link, Connection { after, ..Connection::default() });
                let refused = self.faults.not_opened;
                let coming = if self.chance(refused) {
                    Coming::NotOpened(link)
                } else {
                    Coming::Opened(link)
                };
                self.over(link, coming);
            }
            Act::Send(Link(link), text) => self.asked(link, &text),
            Act::Close(Link(link)) => self.over(link, Coming::Closed(link, true)),
            Act::Call(Call(call), request) => self.called(call, &request),
        }
    }

    fn asked(&mut self, link: u8, text: &[u8]) {
        let message: serde_json::Value = serde_json::from_slice(text).expect("a message");
        let names = message["params"].as_array().expect("a list").iter();
        let names: Vec<String> =
            names.map(|name| name.as_str().expect("a name").to_owned()).collect();
        // One that is acknowledged may stay mute.
        let mute = self.faults.mute;
        let names: Vec<String> = { names }.into_iter().filter(|_| !self.chance(mute)).collect();
        let Some(connection) = self.links.get_mut(&link) else { return };
        match message["method"].as_str() {
            Some("SUBSCRIBE") => connection.streams.extend(names),
            Some("UNSUBSCRIBE") => names.iter().for_each(|name| {
                connection.streams.remove(name);
            }),
            other => panic!("{other:?}"),
        }
        if !connection.is_silent {
            let answer = format!(r#"{{"result":null,"id":{}}}"#, message["id"]);
            self.over(link, Coming::Frame(link, answer.into_bytes()));
        }
    }

    fn called(&mut self, call: u32, request: &Request) {
        let url = &request.url;
        let there = self.way();
        let minute = (self.now + there + self.clock_offset).div_euclid(60 * SECOND);
        let weight = match () {
            () if url.contains("/depth?") => {
                let limit: u32 =
                    url.rsplit("limit=").next().and_then(|n| n.parse().ok()).expect("a limit");
                let mut limits = self.profile.depth_limits.iter();
                limits.find(|(most, _)| limit <= *most).expect("a limit").1
            }
            () if url.contains("/exchangeInfo") => self.profile.info.1,
            () if url.contains("rades?") => 25,
            () => 1,
        };
        *self.weights.entry(minute).or_default() += weight;
        let way = there + self.way();
        if url.contains("/time") {
            let ms = (self.now + there + self.clock_offset) / MS;
            let body = format!(r#"{{"serverTime":{ms}}}"#).into_bytes();
            return self.later(way, Coming::Answer(call, 200, body, 0));
        }
        let is_gone = |listed: &Listed| listed.status.is_none() && url.contains(&listed.name);
        if self.listed.iter().any(is_gone) {
            let body = br#"{"code":-1121,"msg":"Invalid symbol."}"#.to_vec();
            return self.later(way, Coming::Answer(call, 400, body, 0));
        }
        if url.contains("/exchangeInfo") {
            let body = listing(&self.listed, self.profile.weight_limit).into_bytes();
            return self.later(way, Coming::Answer(call, 200, body, 0));
        }
        let name = url.split("symbol=").nth(1).and_then(|rest| rest.split('&').next());
        let listed = self.listed.iter().find(|listed| Some(listed.name.as_str()) == name);
        let listed = listed.expect("an instrument");
        if url.contains("rades?") {
            let (body, refused) = (trades(listed, url).into_bytes(), self.faults.trades_refused);
            let status = if self.chance(refused) { 401 } else { 200 };
            return self.later(way, Coming::Answer(call, status, body, 0));
        }
        let (refused, lost) = (self.faults.snapshot_refused, self.faults.snapshot_lost);
        if self.chance(lost) {
            return self.later(request.patience_ns, Coming::Failed(call));
        }
        if self.chance(refused) {
            let status = [429, 503, 418, 500][self.dice.random_range(0..4)];
            return self.later(way, Coming::Answer(call, status, b"{}".to_vec(), 0));
        }
        let stale = self.faults.snapshot_stale;
        let is_stale = self.chance(stale);
        let back = if is_stale { self.dice.random_range(1..8) } else { 0 };
        let listed = self.listed.iter().find(|listed| Some(listed.name.as_str()) == name);
        let by_id = &listed.expect("an instrument").by_id;
        let (id, sides) = by_id.iter().rev().nth(back).or(by_id.first_key_value()).expect("one");
        let (id, body) = (*id, snapshot(*id, sides).into_bytes());
        self.later(way, Coming::Answer(call, 200, body, id));
    }

    /// The market of an instrument moves.
    fn moves(&mut self, at: usize) {
        if self.listed[at].status.is_none() {
            return;
        }
        let pace = self.pace;
        let pause = self.dice.random_range(pace / 10..=pace);
        self.later(pause, Coming::Move(at));
        let name = self.listed[at].name.to_lowercase();
        if self.dice.random_range(0..4) == 0 {
            let listed = &mut self.listed[at];
            listed.trade_id += 1;
            let text = format!(
                r#"{{"e":"trade","E":1,"s":"{}","t":{},"p":"{}.00","q":"1.5","T":9,"m":true}}"#,
                listed.name, listed.trade_id, listed.trade_id
            );
            return self.publish(&format!("{name}@trade"), &text);
        }
        let is_linked = self.profile.marks.is_some();
        if is_linked && self.dice.random_range(0..4) == 0 {
            let text = self.listed[at].mark(self.now);
            return self.publish(&format!("{name}@markPrice@1s"), &text);
        }
        let (now, listed) = (self.now, &mut self.listed[at]);
        let text = listed.change(&mut self.dice, now, is_linked);
        self.publish(&format!("{name}@depth@100ms"), &text);
    }

    /// To every link that has subscribed, over a network that is as good as it is.
    fn publish(&mut self, stream: &str, text: &str) {
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            let connection = &self.links[&link];
            if connection.is_silent || !connection.streams.contains(stream) {
                continue;
            }
            let faults = self.faults;
            if self.chance(faults.drop) {
                continue;
            }
            if self.chance(faults.cut) {
                self.over(link, Coming::Closed(link, false));
                continue;
            }
            if self.chance(faults.silence) {
                if let Some(connection) = self.links.get_mut(&link) {
                    connection.is_silent = true;
                }
                continue;
            }
            let mut bytes = text.as_bytes().to_vec();
            if self.chance(faults.garbage) {
                bytes.truncate(bytes.len() / 2);
            }
            if self.chance(faults.swap)
                && let Some(connection) = self.links.get_mut(&link)
                && connection.held_back.is_none()
            {
                connection.held_back = Some(bytes);
                continue;
            }
            self.over(link, Coming::Frame(link, bytes.clone()));
            if self.chance(faults.double) {
                self.over(link, Coming::Frame(link, bytes));
            }
            let held = self.links.get_mut(&link).and_then(|connection| connection.held_back.take());
            if let Some(held) = held {
                self.over(link, Coming::Frame(link, held));
            }
        }
    }

    /// Every book that is let out is the venue's at one moment.
    fn look(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            let at = event.instrument.index();
            let (model, listed) = (&mut self.models[at], &self.listed[at]);
            let Some(flags) = model.take(&event) else { continue };
            let true_book = if flags.has(qt_types::TickFlags::SNAPSHOT) {
                self.taking.and_then(|id| listed.by_id.get(&id))
            } else {
                listed.history.get(&(event.venue_ns.get() / MS))
            };
            if model.is_in_step {
                assert_eq!(
                    Some(&model.sides),
                    true_book,
                    "{} at {:?}",
                    listed.name,
                    event.venue_ns
                );
            }
            assert_eq!(model.strays, 0, "{}: levels without a book", listed.name);
        }
    }
}
