//! The public streams: who listens to what, and what is told at its own pace.

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::{Candle, Depth, Event, Exchange, Nanos, SymbolId, Trade};
use crate::wire::service::Link;

use super::books::{Books, News};
use super::ledger::Ledger;
use super::market::{Fields, Levels, Tick};
use super::names;
use super::profile::Category;
use super::shapes::Shapes;

const MS: Nanos = 1_000_000;
/// How often candles that run are told.
const CANDLE_NS: Nanos = 1_000 * MS;
/// How many trades one message has at most.
const TRADES_MAX: usize = 1_024;
/// How many candles that are over are told at most when time has leapt.
const CLOSED_MAX: usize = 5;

/// What a stream tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A book of so many levels.
    Book(usize),
    Trades,
    Ticker,
    /// Candles: the place among the intervals.
    Candle(usize),
}

/// A stream.
pub(super) type Topic = (SymbolId, Kind);

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// All of a book.
    Whole,
    /// What has changed of a book.
    Change,
    /// Anything else.
    Other,
}

/// One message for one listener.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) link: u64,
    pub(super) topic: Topic,
    pub(super) content: Content,
    pub(super) json: String,
}

/// Somebody who listens.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) link: Link,
    pub(super) heard_ns: Nanos,
    topics: BTreeSet<Topic>,
    /// Topics of which nothing ever comes.
    muted: BTreeSet<Topic>,
}

/// What has happened to a symbol since the last time.
#[derive(Debug, Default)]
struct Pending {
    trades: Vec<(Trade, Tick)>,
    tick: Tick,
    last: i64,
}

/// All streams.
#[derive(Debug)]
pub(super) struct Streams {
    category: Category,
    topics_max: usize,
    listeners: BTreeMap<u64, Listener>,
    topics: BTreeMap<Topic, BTreeSet<u64>>,
    books: Books,
    pending: BTreeMap<SymbolId, Pending>,
    tickers: BTreeMap<SymbolId, Fields>,
    ticker_slot: Nanos,
    candles: BTreeMap<Topic, Nanos>,
    candle_slot: Nanos,
    has_told: bool,
}

/// The name of a topic on the wire.
pub(super) fn name_of(topic: Topic, exchange: &Exchange) -> String {
    let symbol = exchange.symbol(topic.0).map_or("", |spec| &spec.name);
    match topic.1 {
        Kind::Book(depth) => format!("orderbook.{depth}.{symbol}"),
        Kind::Trades => format!("publicTrade.{symbol}"),
        Kind::Ticker => format!("tickers.{symbol}"),
        Kind::Candle(at) => format!("kline.{}.{symbol}", names::INTERVALS[at].0),
    }
}

impl Streams {
    pub(super) fn new(category: Category, topics_max: usize) -> Self {
        Self {
            category,
            topics_max,
            listeners: BTreeMap::new(),
            topics: BTreeMap::new(),
            books: Books::default(),
            pending: BTreeMap::new(),
            tickers: BTreeMap::new(),
            ticker_slot: 0,
            candles: BTreeMap::new(),
            candle_slot: 0,
            has_told: false,
        }
    }

    pub(super) fn open(&mut self, link: &Link, now_ns: Nanos) {
        let (topics, muted) = (BTreeSet::new(), BTreeSet::new());
        let listener = Listener { link: link.clone(), heard_ns: now_ns, topics, muted };
        self.listeners.insert(link.id, listener);
    }

    pub(super) fn close(&mut self, link: u64) {
        let Some(listener) = self.listeners.remove(&link) else { return };
        listener.topics.into_iter().for_each(|topic| self.leave(link, topic));
    }

    pub(super) fn listener(&self, link: u64) -> Option<&Listener> {
        self.listeners.get(&link)
    }

    pub(super) fn listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.values()
    }

    /// Somebody has said something.
    pub(super) fn heard(&mut self, link: u64, now_ns: Nanos) {
        if let Some(listener) = self.listeners.get_mut(&link) {
            listener.heard_ns = now_ns;
        }
    }

    /// Whether a book was told in the last step.
    pub(super) const fn has_told(&self) -> bool {
        self.has_told
    }

    /// The topic of a name; nothing for names and symbols that nobody knows.
    pub(super) fn topic_of(&self, name: &str, exchange: &Exchange) -> Option<Topic> {
        let (kind, rest) = name.split_once('.')?;
        let symbol = |name: &str| exchange.symbol_id(name);
        match kind {
            "publicTrade" => Some((symbol(rest)?, Kind::Trades)),
            "tickers" => Some((symbol(rest)?, Kind::Ticker)),
            "orderbook" => {
                let (depth, rest) = rest.split_once('.')?;
                let depth: usize = depth.parse().ok()?;
                let is_known = self.category.depths().iter().any(|(known, _)| *known == depth);
                is_known.then_some((symbol(rest)?, Kind::Book(depth)))
            }
            "kline" => {
                let (interval, rest) = rest.split_once('.')?;
                let at = names::INTERVALS.iter().position(|(name, _)| *name == interval)?;
                Some((symbol(rest)?, Kind::Candle(at)))
            }
            _ => None,
        }
    }

    /// Whether somebody listens to a topic already.
    pub(super) fn has(&self, link: u64, topic: Topic) -> bool {
        self.listeners.get(&link).is_some_and(|listener| listener.topics.contains(&topic))
    }

    /// Whether so many more topics are too many.
    pub(super) fn is_full(&self, link: u64, more: usize) -> bool {
        let known = self.listeners.get(&link).map_or(0, |listener| listener.topics.len());
        known + more > self.topics_max
    }

    /// Adds a topic, and tells what it begins with. `is_mute`: nothing ever comes of it.
    pub(super) fn join(
        &mut self,
        (link, topic): (u64, Topic),
        is_mute: bool,
        shapes: &Shapes<'_>,
        now_ns: Nanos,
    ) -> Option<Frame> {
        let listener = self.listeners.get_mut(&link)?;
        listener.topics.insert(topic);
        if is_mute {
            listener.muted.insert(topic);
            return None;
        }
        listener.muted.remove(&topic);
        let is_first = self.topics.get(&topic).is_none_or(BTreeSet::is_empty);
        self.topics.entry(topic).or_default().insert(link);
        let name = name_of(topic, shapes.exchange);
        let (symbol, kind) = topic;
        let (content, json) = match kind {
            Kind::Book(depth) => {
                let channel = if is_first {
                    self.books.current(symbol, depth, shapes.exchange, now_ns)
                } else {
                    self.books.get(symbol, depth)?
                };
                let json = channel.snapshot(&name, symbol, shapes, now_ns);
                (Content::Whole, json)
            }
            Kind::Ticker => {
                let tick = self.pending.get(&symbol).map_or_else(Tick::default, |p| p.tick);
                if is_first || !self.tickers.contains_key(&symbol) {
                    self.tickers.insert(symbol, shapes.figures(symbol, tick));
                }
                let fields = self.tickers.get(&symbol)?;
                let json = shapes.ticker_frame(&name, (symbol, "snapshot"), fields, now_ns);
                (Content::Other, json)
            }
            Kind::Candle(at) => {
                let (interval, length) = names::INTERVALS[at];
                let last = shapes.exchange.candles(symbol, length, (None, None), 1).pop()?;
                self.candles.entry(topic).or_insert(last.open_ns);
                let one = (&last, false);
                let json = shapes.candle_frame(&name, (symbol, interval), one, now_ns);
                (Content::Other, json)
            }
            Kind::Trades => return None,
        };
        Some(Frame { link, topic, content, json })
    }

    /// Takes a topic away; whether it was there.
    pub(super) fn part(&mut self, link: u64, topic: Topic) -> bool {
        let Some(listener) = self.listeners.get_mut(&link) else { return false };
        let was_there = listener.topics.remove(&topic);
        listener.muted.remove(&topic);
        self.leave(link, topic);
        was_there
    }

    fn leave(&mut self, link: u64, topic: Topic) {
        if let Some(all) = self.topics.get_mut(&topic) {
            all.remove(&link);
            if all.is_empty() {
                self.topics.remove(&topic);
            }
        }
    }

    /// The book of the deepest stream, with its number and when it was changed.
    pub(super) fn deepest(
        &mut self,
        symbol: SymbolId,
        exchange: &Exchange,
        now_ns: Nanos,
    ) -> (Depth, u64, Nanos) {
        let depth = self.category.depths().iter().map(|(depth, _)| *depth).max().unwrap_or(1);
        let is_told = self.topics.contains_key(&(symbol, Kind::Book(depth)));
        // What is told on the stream is what is answered: the numbers are the same.
        let told = if is_told { self.books.get(symbol, depth) } else { None };
        if let Some(channel) = told {
            return (channel.told.clone(), channel.update, channel.changed_ns);
        }
        let channel = self.books.current(symbol, depth, exchange, now_ns);
        (channel.told.clone(), channel.update, channel.changed_ns)
    }

    /// The book that listeners of a topic have been told of, as a message: for faults.
    pub(super) fn whole(&self, topic: Topic, shapes: &Shapes<'_>, now_ns: Nanos) -> Option<String> {
        let (symbol, Kind::Book(depth)) = topic else { return None };
        let name = name_of(topic, shapes.exchange);
        Some(self.books.get(symbol, depth)?.snapshot(&name, symbol, shapes, now_ns))
    }

    /// The bids that listeners of a topic have been told of.
    pub(super) fn told(&self, topic: Topic) -> &Levels {
        let (symbol, Kind::Book(depth)) = topic else { return &[] };
        self.books.get(symbol, depth).map_or(&[], |channel| &channel.told.bids)
    }

    fn publish(&self, (topic, content): (Topic, Content), json: &str, out: &mut Vec<Frame>) {
        for link in self.topics.get(&topic).into_iter().flatten() {
            out.push(Frame { link: *link, topic, content, json: json.to_owned() });
        }
    }

    /// What happened to the market.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Book(change) => {
                self.books.changed(change.symbol, change.time_ns);
            }
            Event::Trade(trade) => {
                let is_heard = self.topics.contains_key(&(trade.symbol, Kind::Trades));
                let pending = self.pending.entry(trade.symbol).or_default();
                pending.tick = pending.tick.next(pending.last, trade.price);
                pending.last = trade.price;
                if is_heard {
                    pending.trades.push((*trade, pending.tick));
                }
            }
            _ => {}
        }
    }

    /// The trades that have happened are told.
    pub(super) fn trades(&mut self, shapes: &Shapes<'_>, now_ns: Nanos, out: &mut Vec<Frame>) {
        let mut due = Vec::new();
        for (symbol, pending) in &mut self.pending {
            if !pending.trades.is_empty() {
                due.push((*symbol, std::mem::take(&mut pending.trades)));
            }
        }
        for (symbol, trades) in due {
            let topic = (symbol, Kind::Trades);
            let name = name_of(topic, shapes.exchange);
            for some in trades.chunks(TRADES_MAX) {
                let json = shapes.trades_frame(&name, some, now_ns);
                self.publish((topic, Content::Other), &json, out);
            }
        }
    }

    /// What is told at its own pace, after everything that has happened until now.
    pub(super) fn pace(
        &mut self,
        exchange: &Exchange,
        ledger: &Ledger,
        now_ns: Nanos,
        out: &mut Vec<Frame>,
    ) {
        let shapes = Shapes { exchange, category: self.category, ledger };
        self.has_told = false;
        for (depth, every_ms) in self.category.depths() {
            self.books(depth, now_ns.div_euclid(every_ms * MS), &shapes, now_ns, out);
        }
        let every = if self.category == Category::Spot { 50 * MS } else { 100 * MS };
        if now_ns.div_euclid(every) != self.ticker_slot {
            self.ticker_slot = now_ns.div_euclid(every);
            self.tickers(&shapes, now_ns, out);
        }
        self.candles(&shapes, now_ns, out);
    }

    fn books(
        &mut self,
        depth: usize,
        slot: Nanos,
        shapes: &Shapes<'_>,
        now_ns: Nanos,
        out: &mut Vec<Frame>,
    ) {
        let is_meant = |topic: &&Topic| topic.1 == Kind::Book(depth);
        let due: Vec<SymbolId> = self.topics.keys().filter(is_meant).map(|(s, _)| *s).collect();
        for symbol in due {
            let topic = (symbol, Kind::Book(depth));
            let news = self.books.news((symbol, depth), slot, shapes.exchange, now_ns);
            let Some(channel) = self.books.get(symbol, depth) else { continue };
            let name = name_of(topic, shapes.exchange);
            let (content, json) = match news {
                News::None => continue,
                News::Whole => (Content::Whole, channel.snapshot(&name, symbol, shapes, now_ns)),
                News::Changes(bids, asks) => {
                    let numbers = (channel.update, channel.told.last_update_id);
                    let times = (channel.changed_ns, now_ns);
                    let of = (symbol, "delta");
                    let json = shapes.book_frame(&name, of, (&bids, &asks), numbers, times);
                    (Content::Change, json)
                }
            };
            self.publish((topic, content), &json, out);
            self.has_told = true;
        }
    }

    fn tickers(&mut self, shapes: &Shapes<'_>, now_ns: Nanos, out: &mut Vec<Frame>) {
        let is_ticker = |topic: &&Topic| topic.1 == Kind::Ticker;
        let due: Vec<Topic> = self.topics.keys().filter(is_ticker).copied().collect();
        for topic in due {
            let symbol = topic.0;
            let tick = self.pending.get(&symbol).map_or_else(Tick::default, |p| p.tick);
            let now = shapes.figures(symbol, tick);
            let before = self.tickers.insert(symbol, now.clone()).unwrap_or_default();
            if before == now {
                continue;
            }
            let name = name_of(topic, shapes.exchange);
            let json = match self.category {
                // All of it, whatever has changed.
                Category::Spot => shapes.ticker_frame(&name, (symbol, "snapshot"), &now, now_ns),
                Category::Linear => {
                    let is_new = |field: &&(&str, String)| !before.contains(field);
                    let changed: Fields = now.iter().filter(is_new).cloned().collect();
                    shapes.ticker_frame(&name, (symbol, "delta"), &changed, now_ns)
                }
            };
            self.publish((topic, Content::Other), &json, out);
        }
    }

    fn candles(&mut self, shapes: &Shapes<'_>, now_ns: Nanos, out: &mut Vec<Frame>) {
        let is_due = now_ns.div_euclid(CANDLE_NS) != self.candle_slot;
        if !is_due {
            return;
        }
        self.candle_slot = now_ns.div_euclid(CANDLE_NS);
        let is_candle = |topic: &&Topic| matches!(topic.1, Kind::Candle(_));
        let due: Vec<Topic> = self.topics.keys().filter(is_candle).copied().collect();
        for topic in due {
            let (symbol, Kind::Candle(at)) = topic else { continue };
            let (interval, length) = names::INTERVALS[at];
            let last = shapes.exchange.candles(symbol, length, (None, None), 1).pop();
            let Some(candle) = last else { continue };
            let name = name_of(topic, shapes.exchange);
            let tell = |candle: &Candle, is_closed: bool| {
                shapes.candle_frame(&name, (symbol, interval), (candle, is_closed), now_ns)
            };
            let before = self.candles.insert(topic, candle.open_ns);
            if let Some(before) = before.filter(|before| *before != candle.open_ns) {
                let span = (Some(before), Some(candle.open_ns - 1));
                for closed in shapes.exchange.candles(symbol, length, span, CLOSED_MAX) {
                    self.publish((topic, Content::Other), &tell(&closed, true), out);
                }
            }
            self.publish((topic, Content::Other), &tell(&candle, false), out);
        }
    }
}
