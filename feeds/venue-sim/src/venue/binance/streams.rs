//! The streams of the market: who listens to what, and what is told when.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::exchange::{
    Best, Candle, Depth, DepthBatch, Event, Exchange, Interval, Nanos, SymbolId,
};
use crate::wire::service::Link;

use super::json::{TimeUnit, array, plain, quoted};
use super::names;
use super::profile::Route;
use super::shapes::Shapes;
use super::topics::{Kind, Topic, WINDOWS, topic_of};
use super::usdm;

/// How often fast streams of books are told.
const FAST_NS: Nanos = 100_000_000;
/// How often slow streams, tickers and candles of a second are told.
const SLOW_NS: Nanos = 1_000_000_000;
/// How often all other candles are told.
const CANDLE_NS: Nanos = 2_000_000_000;
/// How many candles are told as closed at once, after a pause.
const CLOSED_MAX: usize = 100;
/// The longest id of a request.
const ID_CHARS_MAX: usize = 36;
/// Over how many minutes the average price is.
const AVERAGE_MINUTES: u32 = 5;

/// Who listens.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) link: Link,
    pub(super) is_combined: bool,
    pub(super) unit: TimeUnit,
    route: Route,
    names: BTreeSet<String>,
}

impl Listener {
    /// The name by which it listens to a topic, or one much like it.
    pub(super) fn name_of(&self, topic: Topic) -> &str {
        let word = match topic.1 {
            Kind::Trade => "@trade",
            Kind::AggTrade => "@aggTrade",
            Kind::Best => "bookTicker",
            Kind::Changes { .. } | Kind::Top { .. } => "@depth",
            Kind::Candle(_) => "@kline",
            Kind::MiniTicker => "miniTicker",
            Kind::Ticker => "ticker",
            Kind::Window(_) => "ticker_",
            Kind::Average => "@avgPrice",
            Kind::Mark { .. } => "markPrice",
        };
        self.names.iter().find(|name| name.contains(word)).map_or("", String::as_str)
    }
}

/// A request of a listener.
#[derive(Debug, Deserialize)]
struct Request {
    method: Method,
    #[serde(default)]
    params: Option<Vec<Value>>,
    #[serde(default)]
    id: Option<Value>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Method {
    Subscribe,
    Unsubscribe,
    ListSubscriptions,
    SetProperty,
    GetProperty,
}

/// A frame that is due to a listener.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) link: u64,
    pub(super) topic: Topic,
    pub(super) json: String,
}

/// All streams.
#[derive(Debug, Default)]
pub(super) struct Streams {
    listeners: BTreeMap<u64, Listener>,
    topics: BTreeMap<Topic, BTreeMap<u64, String>>,
    fast: BTreeMap<SymbolId, DepthBatch>,
    slow: BTreeMap<SymbolId, DepthBatch>,
    bests: BTreeMap<SymbolId, Best>,
    tops: BTreeMap<Topic, Depth>,
    /// The begin of the candle that was told last.
    candles: BTreeMap<Topic, Nanos>,
    traded: BTreeSet<SymbolId>,
    /// Which span of each length was told last.
    told: [Nanos; 3],
    has_told_fast: bool,
    pub(super) streams_max: usize,
}

fn error(code: i32, msg: &str) -> String {
    format!("{{\"code\":{code},\"msg\":{}}}", quoted(msg))
}

impl Streams {
    pub(super) fn new(streams_max: usize) -> Self {
        Self { streams_max, ..Self::default() }
    }

    pub(super) fn open(&mut self, link: &Link, is_combined: bool, unit: TimeUnit, route: Route) {
        let (link, names) = (link.clone(), BTreeSet::new());
        self.listeners.insert(link.id, Listener { link, is_combined, unit, route, names });
    }

    pub(super) fn close(&mut self, link: u64) {
        let Some(listener) = self.listeners.remove(&link) else { return };
        for name in listener.names {
            self.forget(link, &name);
        }
    }

    /// Takes a name from the topics; who listens to it by another name keeps that.
    fn forget(&mut self, link: u64, name: &str) {
        self.topics.retain(|_, listeners| {
            if listeners.get(&link).is_some_and(|known| known == name) {
                listeners.remove(&link);
            }
            !listeners.is_empty()
        });
    }

    /// A listener to whom nothing is told any more, whatever he has asked for.
    pub(super) fn mute(&mut self, link: u64) {
        self.topics.values_mut().for_each(|listeners| drop(listeners.remove(&link)));
    }

    /// Takes one stream away from a listener.
    pub(super) fn drop_one(&mut self, link: u64) {
        let Some(listener) = self.listeners.get_mut(&link) else { return };
        if let Some(name) = listener.names.pop_last() {
            self.forget(link, &name);
        }
    }

    /// Whether changes of books were told in this step.
    pub(super) const fn has_told_fast(&self) -> bool {
        self.has_told_fast
    }

    pub(super) fn listener(&self, link: u64) -> Option<&Listener> {
        self.listeners.get(&link)
    }

    pub(super) fn listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.values()
    }

    /// Adds a stream; false when there are too many.
    pub(super) fn subscribe(&mut self, link: u64, name: &str, exchange: &Exchange) -> bool {
        let Some(listener) = self.listeners.get_mut(&link) else { return false };
        if !listener.names.contains(name) && listener.names.len() >= self.streams_max {
            return false;
        }
        listener.names.insert(name.to_owned());
        let route = listener.route;
        if let Some(topic) = topic_of(name, exchange).filter(|topic| route.brings(topic.1)) {
            self.topics.entry(topic).or_default().insert(link, name.to_owned());
        }
        true
    }

    /// Takes a stream away. Who listens to it by another name as well goes on by that one.
    fn unsubscribe(&mut self, link: u64, name: &str, exchange: &Exchange) {
        let Some(listener) = self.listeners.get_mut(&link) else { return };
        if !listener.names.remove(name) {
            return;
        }
        let topic = topic_of(name, exchange);
        let same = |known: &&String| topic.is_some() && topic_of(known, exchange) == topic;
        let other = listener.names.iter().find(same).cloned();
        self.forget(link, name);
        if let (Some(topic), Some(other)) = (topic, other) {
            self.topics.entry(topic).or_default().entry(link).or_insert(other);
        }
    }

    /// What is answered to a request, and which streams it asks for.
    pub(super) fn request(&mut self, link: u64, text: &str, exchange: &Exchange) -> String {
        let request: Request = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(problem) if problem.is_data() => {
                return error(2, &format!("Invalid request: {problem}"));
            }
            Err(problem) => return error(3, &format!("Invalid JSON: {problem}")),
        };
        let id = match &request.id {
            Some(Value::Number(number)) if number.is_i64() || number.is_u64() => number.to_string(),
            Some(Value::String(text)) if text.chars().count() <= ID_CHARS_MAX => quoted(text),
            // An id that is null is one; serde tells it as a missing one.
            None if text.contains("\"id\"") => "null".to_owned(),
            _ => {
                let msg = "Invalid request: request ID must be an unsigned integer";
                return error(2, msg);
            }
        };
        let params = request.params.unwrap_or_default();
        match self.perform(link, request.method, &params, exchange) {
            Ok(result) => format!("{{\"result\":{result},\"id\":{id}}}"),
            Err(error) => error,
        }
    }

    fn perform(
        &mut self,
        link: u64,
        method: Method,
        params: &[Value],
        exchange: &Exchange,
    ) -> Result<String, String> {
        let done = || Ok("null".to_owned());
        match method {
            Method::Subscribe => {
                for name in stream_names(params)? {
                    if !self.subscribe(link, name, exchange) {
                        return Err(error(2, "Invalid request: too many streams"));
                    }
                }
                done()
            }
            Method::Unsubscribe => {
                for name in stream_names(params)? {
                    self.unsubscribe(link, name, exchange);
                }
                done()
            }
            Method::ListSubscriptions => {
                Ok(self.listeners.get(&link).map_or("[]".to_owned(), |l| plain(&l.names)))
            }
            Method::SetProperty | Method::GetProperty => self.property(link, method, params),
        }
    }

    fn property(&mut self, link: u64, method: Method, params: &[Value]) -> Result<String, String> {
        let name = params.first().and_then(Value::as_str);
        let name =
            name.ok_or_else(|| error(2, "Invalid request: property name must be a string"))?;
        if name != "combined" {
            return Err(error(0, "Unknown property"));
        }
        let Some(listener) = self.listeners.get_mut(&link) else { return Ok("null".to_owned()) };
        let is_set = matches!(method, Method::SetProperty);
        if params.len() > if is_set { 2 } else { 1 } {
            return Err(error(2, "Invalid request: too many parameters"));
        }
        if !is_set {
            return Ok(listener.is_combined.to_string());
        }
        let value = params.get(1).and_then(Value::as_bool);
        listener.is_combined =
            value.ok_or_else(|| error(1, "Invalid value type: expected Boolean"))?;
        Ok("null".to_owned())
    }

    /// Frames of one topic; `write` is called once for each unit that somebody listens in.
    fn publish(&self, topic: Topic, out: &mut Vec<Frame>, write: impl Fn(TimeUnit) -> String) {
        let Some(listeners) = self.topics.get(&topic) else { return };
        let mut written: [Option<String>; 2] = [None, None];
        for (id, name) in listeners {
            let Some(listener) = self.listeners.get(id) else { continue };
            let slot = &mut written[usize::from(listener.unit == TimeUnit::Microseconds)];
            let payload = slot.get_or_insert_with(|| write(listener.unit));
            let json = if listener.is_combined {
                format!("{{\"stream\":{},\"data\":{payload}}}", quoted(name))
            } else {
                payload.clone()
            };
            out.push(Frame { link: *id, topic, json });
        }
    }

    /// What happened to the market.
    pub(super) fn event(
        &mut self,
        event: &Event,
        exchange: &Exchange,
        now_ns: Nanos,
        out: &mut Vec<Frame>,
    ) {
        let shapes = |unit| Shapes { exchange, unit };
        match event {
            Event::Book(change) => {
                self.fast.entry(change.symbol).or_default().add(change);
                self.slow.entry(change.symbol).or_default().add(change);
            }
            Event::Trade(trade) => {
                self.traded.insert(trade.symbol);
                let topic = (Some(trade.symbol), Kind::Trade);
                self.publish(topic, out, |unit| shapes(unit).trade_event(trade, now_ns));
            }
            Event::AggTrade(trade) => {
                let topic = (Some(trade.symbol), Kind::AggTrade);
                self.publish(topic, out, |unit| shapes(unit).agg_trade_event(trade, now_ns));
            }
            _ => {}
        }
    }

    /// What is told at its own pace, after everything that has happened until now.
    pub(super) fn pace(&mut self, exchange: &Exchange, now_ns: Nanos, out: &mut Vec<Frame>) {
        self.bests(exchange, out);
        let mut is_due = [false; 3];
        for (at, span) in [FAST_NS, SLOW_NS, CANDLE_NS].into_iter().enumerate() {
            is_due[at] = now_ns.div_euclid(span) != self.told[at];
            self.told[at] = now_ns.div_euclid(span);
        }
        let [is_fast_due, is_slow_due, are_candles_due] = is_due;
        self.has_told_fast = is_fast_due;
        if is_fast_due {
            self.books(true, exchange, now_ns, out);
        }
        if is_slow_due {
            self.marks(exchange, now_ns, out);
            self.books(false, exchange, now_ns, out);
            self.tickers(exchange, now_ns, out);
        }
        self.candles(exchange, now_ns, [is_slow_due, are_candles_due], out);
    }

    /// The best prices that are not what they were when they were told last.
    fn bests(&mut self, exchange: &Exchange, out: &mut Vec<Frame>) {
        let changed: Vec<SymbolId> =
            self.fast.iter().filter(|(_, batch)| !batch.is_empty()).map(|(id, _)| *id).collect();
        for symbol in changed {
            let best = exchange.best(symbol);
            let is_same = |known: &Best| known.bid == best.bid && known.ask == best.ask;
            if self.bests.get(&symbol).is_some_and(is_same) {
                continue;
            }
            self.bests.insert(symbol, best);
            for topic in [(Some(symbol), Kind::Best), (None, Kind::Best)] {
                self.publish(topic, out, |unit| {
                    Shapes { exchange, unit }.book_ticker_event(symbol, &best)
                });
            }
        }
    }

    fn books(&mut self, is_fast: bool, exchange: &Exchange, now_ns: Nanos, out: &mut Vec<Frame>) {
        let batches = if is_fast { &mut self.fast } else { &mut self.slow };
        let due: Vec<_> =
            batches.iter_mut().filter_map(|(id, batch)| Some((*id, batch.take()?))).collect();
        for (symbol, batch) in due {
            self.publish((Some(symbol), Kind::Changes { is_fast }), out, |unit| {
                Shapes { exchange, unit }.depth_update(symbol, &batch, now_ns)
            });
        }
        let is_top =
            |topic: &&Topic| matches!(topic.1, Kind::Top { is_fast: f, .. } if f == is_fast);
        let tops: Vec<Topic> = self.topics.keys().filter(is_top).copied().collect();
        for topic in tops {
            let (Some(symbol), Kind::Top { levels, .. }) = topic else { continue };
            let depth = exchange.depth(symbol, usize::from(levels));
            if self.tops.get(&topic) != Some(&depth) {
                self.publish(topic, out, |unit| {
                    Shapes { exchange, unit }.top_event(symbol, &depth, now_ns)
                });
                self.tops.insert(topic, depth);
            }
        }
    }

    /// Marks of futures: each second, and each third.
    fn marks(&self, exchange: &Exchange, now_ns: Nanos, out: &mut Vec<Frame>) {
        if !exchange.has_positions() {
            return;
        }
        let is_third = now_ns.div_euclid(SLOW_NS) % 3 == 0;
        let event = |symbol, unit| usdm::mark_event(&Shapes { exchange, unit }, symbol, now_ns);
        for is_fast in [true, false].into_iter().filter(|is_fast| *is_fast || is_third) {
            for (symbol, _) in exchange.symbols() {
                let topic = (Some(symbol), Kind::Mark { is_fast });
                self.publish(topic, out, |unit| event(symbol, unit));
            }
            self.publish((None, Kind::Mark { is_fast }), out, |unit| {
                array(exchange.symbols().map(|(symbol, _)| event(symbol, unit)))
            });
        }
    }

    fn tickers(&mut self, exchange: &Exchange, now_ns: Nanos, out: &mut Vec<Frame>) {
        let traded: Vec<SymbolId> = std::mem::take(&mut self.traded).into_iter().collect();
        let shapes = |unit| Shapes { exchange, unit };
        for symbol in &traded {
            let (symbol, ticker) = (*symbol, exchange.ticker(*symbol));
            self.publish((Some(symbol), Kind::Ticker), out, |unit| {
                shapes(unit).ticker_event(symbol, &ticker, now_ns)
            });
            self.publish((Some(symbol), Kind::MiniTicker), out, |unit| {
                shapes(unit).mini_ticker_event(symbol, &ticker, now_ns)
            });
            let price = exchange.average_price(symbol, AVERAGE_MINUTES).unwrap_or(0);
            let last = exchange.trades(symbol).next_back().map_or(now_ns, |trade| trade.time_ns);
            self.publish((Some(symbol), Kind::Average), out, |unit| {
                shapes(unit).average_event(symbol, price, last, now_ns)
            });
        }
        if traded.is_empty() {
            return;
        }
        self.windows(&traded, exchange, now_ns, out);
        self.publish((None, Kind::Ticker), out, |unit| {
            let all = traded.iter().map(|s| (*s, exchange.ticker(*s)));
            array(all.map(|(symbol, ticker)| shapes(unit).ticker_event(symbol, &ticker, now_ns)))
        });
        self.publish((None, Kind::MiniTicker), out, |unit| {
            let all = traded.iter().map(|s| (*s, exchange.ticker(*s)));
            array(all.map(|(symbol, t)| shapes(unit).mini_ticker_event(symbol, &t, now_ns)))
        });
    }

    /// The figures of spans that end now, of symbols that were traded.
    fn windows(
        &self,
        traded: &[SymbolId],
        exchange: &Exchange,
        now_ns: Nanos,
        out: &mut Vec<Frame>,
    ) {
        for (at, (_, event, span_ns)) in WINDOWS.into_iter().enumerate() {
            let write = |symbol: SymbolId, unit| {
                let figures = exchange.window(symbol, span_ns);
                Shapes { exchange, unit }.window_event(symbol, event, &figures, now_ns)
            };
            for symbol in traded {
                let topic = (Some(*symbol), Kind::Window(at));
                self.publish(topic, out, |unit| write(*symbol, unit));
            }
            self.publish((None, Kind::Window(at)), out, |unit| {
                array(traded.iter().map(|symbol| write(*symbol, unit)))
            });
        }
    }

    fn candles(
        &mut self,
        exchange: &Exchange,
        now_ns: Nanos,
        [is_second, are_others]: [bool; 2],
        out: &mut Vec<Frame>,
    ) {
        let is_candle = |topic: &&Topic| matches!(topic.1, Kind::Candle(_));
        let topics: Vec<Topic> = self.topics.keys().filter(is_candle).copied().collect();
        for topic in topics {
            let (Some(symbol), Kind::Candle(at)) = topic else { continue };
            let (name, interval) = names::INTERVALS[at];
            let is_due = if interval == Interval::Seconds(1) { is_second } else { are_others };
            let last = exchange.candles(symbol, interval, (None, None), 1).pop();
            let Some(candle) = last else { continue };
            let event = |candle: &Candle, is_closed: bool, unit| {
                let shapes = Shapes { exchange, unit };
                shapes.candle_event(symbol, name, candle, is_closed, now_ns)
            };
            let before = self.candles.insert(topic, candle.open_ns);
            if let Some(before) = before.filter(|before| *before != candle.open_ns) {
                let span = (Some(before), Some(candle.open_ns - 1));
                for closed in exchange.candles(symbol, interval, span, CLOSED_MAX) {
                    self.publish(topic, out, |unit| event(&closed, true, unit));
                }
            }
            if is_due {
                self.publish(topic, out, |unit| event(&candle, false, unit));
            }
        }
    }
}

fn stream_names(params: &[Value]) -> Result<Vec<&str>, String> {
    let names = params.iter().map(Value::as_str).collect::<Option<Vec<_>>>();
    names.ok_or_else(|| error(2, "Invalid request: stream names must be strings"))
}
