//! Sockets: who listens to what, and the requests to listen and to stop.

use std::collections::{BTreeMap, BTreeSet};

use crate::exchange::{AccountId, Exchange, Nanos, SymbolId};
use crate::fault::{Action, ConnectionKind, Fault, Hook, Place};
use crate::venue::shared::json::{Object, quoted};
use crate::venue::shared::later::Due;
use crate::wire::service::Link;

use super::errors::Refused;
use super::executions::{message, newest_fills};
use super::fields::Fields;
use super::frame_faults::Frame;
use super::shapes::{Shapes, object, status};
use super::{Kraken, moments, public};

/// The depths that a book may have.
const DEPTHS: [i64; 5] = [10, 25, 100, 500, 1_000];
/// How long nothing is told before a heartbeat is.
const HEARTBEAT_NS: Nanos = 1_000_000_000;

/// What of a pair is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Channel {
    /// The book to that depth.
    Book(u16),
    Trade,
    /// Best prices and the figures of a day: at each trade, or whenever the best price changes.
    Ticker {
        at_trades: bool,
    },
    /// Candles of so many minutes.
    Candles(u32),
}

impl Channel {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Book(_) => "book",
            Self::Trade => "trade",
            Self::Ticker { .. } => "ticker",
            Self::Candles(_) => "ohlc",
        }
    }
}

/// A channel of a pair.
pub(super) type Topic = (SymbolId, Channel);

/// A channel of an account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Private {
    pub(super) account: AccountId,
    /// The number of the last message.
    pub(super) sequence: u64,
    /// Whether every status is told, or only begin and end.
    pub(super) tells_all: bool,
}

impl Private {
    /// The number of the next message.
    pub(super) fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

/// One socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) link: Link,
    pub(super) is_private: bool,
    pub(super) topics: BTreeSet<Topic>,
    pub(super) hears_pairs: bool,
    pub(super) executions: Option<Private>,
    pub(super) balances: Option<Private>,
    pub(super) told_ns: Nanos,
}

impl Socket {
    pub(super) fn new(link: &Link, is_private: bool, now_ns: Nanos) -> Self {
        Self {
            link: link.clone(),
            is_private,
            topics: BTreeSet::new(),
            hears_pairs: false,
            executions: None,
            balances: None,
            told_ns: now_ns,
        }
    }

    /// Whether it listens to anything.
    pub(super) fn listens(&self) -> bool {
        !self.topics.is_empty()
            || self.hears_pairs
            || self.executions.is_some()
            || self.balances.is_some()
    }

    /// Whose account it is told of.
    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> {
        [self.executions, self.balances].into_iter().flatten().map(|private| private.account)
    }

    /// Nothing is told to it any more.
    pub(super) fn mute(&mut self) {
        (self.executions, self.balances, self.hears_pairs) = (None, None, false);
        self.topics.clear();
    }

    /// What it listens to, as the fault plan names it.
    pub(super) const fn connection(&self) -> ConnectionKind {
        if self.is_private { ConnectionKind::Api } else { ConnectionKind::Streams }
    }
}

/// All sockets by the number of their link.
pub(super) type Sockets = BTreeMap<u64, Socket>;

/// A request of a socket.
pub(super) struct Spoken<'a> {
    pub(super) method: &'a str,
    /// The number of the request as it was sent.
    pub(super) req_id: Option<&'a str>,
    pub(super) params: &'a Fields,
    pub(super) now_ns: Nanos,
}

impl Spoken<'_> {
    fn times(&self, object: Object) -> Object {
        let now = moments::micros(self.now_ns);
        object.text("time_in", &now).text("time_out", &now)
    }

    /// The answer to what was done: `told` is `"result":..` or whatever else the answer has.
    pub(super) fn done(&self, told: &str) -> String {
        let object = object()
            .text("method", self.method)
            .when(self.req_id, |object, id| object.raw("req_id", id));
        let head = object.done();
        let tail = self.times(super::shapes::object().truth("success", true)).done();
        format!("{},{told},{}", head.trim_end_matches('}'), tail.trim_start_matches('{'))
    }

    /// The answer to what cannot be done.
    pub(super) fn failed(&self, refused: &Refused, symbol: Option<&str>) -> String {
        let object = object()
            .text("error", &refused.text)
            .text("method", self.method)
            .when(self.req_id, |object, id| object.raw("req_id", id))
            .truth("success", false)
            .when(symbol, |object, symbol| object.text("symbol", symbol));
        self.times(object).done()
    }

    /// The answer to a subscription.
    fn subscribed(&self, result: &str) -> String {
        let object = object().text("method", self.method).raw("result", result);
        self.times(object.truth("success", true))
            .when(self.req_id, |object, id| object.raw("req_id", id))
            .done()
    }
}

/// A subscription that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Topic(Topic),
    Pairs,
    Executions,
    Balances,
}

impl Wanted {
    const fn is_private(self) -> bool {
        matches!(self, Self::Executions | Self::Balances)
    }
}

fn channel_of(params: &Fields) -> Result<Option<Channel>, Refused> {
    let wrong = |text: &str| Err(Refused::new(text));
    Ok(Some(match params.text("channel").unwrap_or_default() {
        "book" => {
            let depth = params.whole("depth")?.unwrap_or(DEPTHS[0]);
            if !DEPTHS.contains(&depth) {
                return wrong("Subscription depth not supported");
            }
            Channel::Book(u16::try_from(depth).unwrap_or(10))
        }
        "trade" => Channel::Trade,
        "ticker" => match params.text("event_trigger") {
            None | Some("trades") => Channel::Ticker { at_trades: true },
            Some("bbo") => Channel::Ticker { at_trades: false },
            Some(_) => return wrong("Subscription event_trigger not supported"),
        },
        "ohlc" => match public::interval(params.whole("interval")?.unwrap_or(1)) {
            Some((minutes, _)) => Channel::Candles(minutes),
            None => return wrong("Subscription ohlc interval not supported"),
        },
        "instrument" | "executions" | "balances" => return Ok(None),
        _ => return wrong("Subscription name invalid"),
    }))
}

impl Kraken {
    /// A request to listen or to stop, as the plan has it.
    pub(super) fn subscription(&mut self, link: &Link, spoken: &Spoken<'_>) {
        let now_ns = spoken.now_ns;
        let kind = self.sockets.get(&link.id).map(Socket::connection);
        let symbols = spoken.params.list("symbol").unwrap_or_default();
        let mut hook = Hook::new(Place::Subscribe);
        hook.connection = kind;
        hook.stream = spoken.params.text("channel");
        hook.symbol = symbols.first().map(String::as_str);
        let action = self.sim.plan.at(&hook, now_ns);
        let fault = action.as_ref().map(|action| action.fault);
        if fault == Some(Fault::InboundLimit) {
            return link.outbox.close(1008, "Too many requests");
        }
        let channel = match channel_of(spoken.params) {
            Ok(channel) => channel,
            Err(refused) => {
                return link.outbox.text(spoken.failed(&refused, None).as_bytes());
            }
        };
        let Some(channel) = channel else {
            let wanted = match spoken.params.text("channel") {
                Some("executions") => Wanted::Executions,
                Some("balances") => Wanted::Balances,
                _ => Wanted::Pairs,
            };
            return self.one(link, spoken, (wanted, ""), action.as_ref());
        };
        if symbols.is_empty() {
            let refused = Refused::new("Symbol(s) not found");
            return link.outbox.text(spoken.failed(&refused, None).as_bytes());
        }
        for (at, symbol) in symbols.iter().enumerate() {
            let is_last = at + 1 == symbols.len();
            let is_refused = fault == Some(Fault::AckErrorOne) && is_last;
            let found = self.exchange().symbol_id(symbol).filter(|_| !is_refused);
            let Some(id) = found else {
                let refused = Refused::new(format!("Currency pair not supported {symbol}"));
                link.outbox.text(spoken.failed(&refused, Some(symbol)).as_bytes());
                continue;
            };
            self.one(link, spoken, (Wanted::Topic((id, channel)), symbol), action.as_ref());
        }
    }

    /// One channel of one pair, or one of an account.
    fn one(
        &mut self,
        link: &Link,
        spoken: &Spoken<'_>,
        (wanted, symbol): (Wanted, &str),
        action: Option<&Action>,
    ) {
        let now_ns = spoken.now_ns;
        let is_on = spoken.method == "subscribe";
        let done = if is_on {
            self.subscribe(link, spoken, wanted)
        } else {
            self.unsubscribe(link, wanted)
        };
        if let Err(refused) = done {
            let symbol = Some(symbol).filter(|symbol| !symbol.is_empty());
            return link.outbox.text(spoken.failed(&refused, symbol).as_bytes());
        }
        let ack = spoken.subscribed(&self.ack(spoken, wanted));
        let has_snapshot =
            is_on && !matches!(spoken.params.maybe_truth("snapshot"), Ok(Some(false)));
        let snapshot = has_snapshot.then(|| self.begin(link, spoken, wanted));
        let snapshot = snapshot.flatten();
        match action.map(|action| (action.fault, action)) {
            Some((Fault::AckLost, _)) => {}
            Some((Fault::AckWithoutData, _)) => {
                if let Some(socket) = self.sockets.get_mut(&link.id) {
                    socket.mute();
                }
                return link.outbox.text(ack.as_bytes());
            }
            Some((Fault::DataBeforeAck, action)) => {
                self.later.add(now_ns + action.delay_ns(1_000), &link.outbox, Due::Text(ack));
            }
            _ => link.outbox.text(ack.as_bytes()),
        }
        self.send(snapshot.into_iter().collect(), now_ns);
    }

    fn subscribe(
        &mut self,
        link: &Link,
        spoken: &Spoken<'_>,
        wanted: Wanted,
    ) -> Result<(), Refused> {
        let max = self.meters.limits.subscriptions_per_connection;
        let already = || Refused::new("Already subscribed");
        let account = self.listener(link, spoken, wanted)?;
        let Some(socket) = self.sockets.get_mut(&link.id) else { return Ok(()) };
        let private = account.map(|account| Private {
            account,
            sequence: 0,
            tells_all: spoken.params.text("order_status") != Some("false"),
        });
        match wanted {
            Wanted::Topic(topic) => {
                let is_same = |known: &&Topic| match (known.1, topic.1) {
                    // Of a pair there is one book, whatever its depth.
                    (Channel::Book(_), Channel::Book(_))
                    | (Channel::Ticker { .. }, Channel::Ticker { .. }) => known.0 == topic.0,
                    _ => **known == topic,
                };
                if socket.topics.iter().any(|known| is_same(&known)) {
                    return Err(already());
                }
                if socket.topics.len() >= max {
                    return Err(Refused::new("Exceeded msg rate"));
                }
                socket.topics.insert(topic);
            }
            Wanted::Pairs if socket.hears_pairs => return Err(already()),
            Wanted::Pairs => socket.hears_pairs = true,
            Wanted::Executions if socket.executions.is_some() => return Err(already()),
            Wanted::Executions => socket.executions = private,
            Wanted::Balances if socket.balances.is_some() => return Err(already()),
            Wanted::Balances => socket.balances = private,
        }
        Ok(())
    }

    /// Whose account is listened to; channels of the market are nobody's.
    fn listener(
        &mut self,
        link: &Link,
        spoken: &Spoken<'_>,
        wanted: Wanted,
    ) -> Result<Option<AccountId>, Refused> {
        if !wanted.is_private() {
            return Ok(None);
        }
        self.only_private(link)?;
        let token = spoken.params.text("token");
        Ok(Some(self.keys.holder(token, link.id, spoken.now_ns)?.account))
    }

    /// Refuses what needs an account where there is none.
    pub(super) fn only_private(&self, link: &Link) -> Result<(), Refused> {
        if self.sockets.get(&link.id).is_some_and(|socket| socket.is_private) {
            return Ok(());
        }
        Err(Refused::new(
            "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com",
        ))
    }

    fn unsubscribe(&mut self, link: &Link, wanted: Wanted) -> Result<(), Refused> {
        let Some(socket) = self.sockets.get_mut(&link.id) else { return Ok(()) };
        let was_there = match wanted {
            Wanted::Topic(topic) => socket.topics.remove(&topic),
            Wanted::Pairs => std::mem::take(&mut socket.hears_pairs),
            Wanted::Executions => socket.executions.take().is_some(),
            Wanted::Balances => socket.balances.take().is_some(),
        };
        if let Wanted::Topic(topic) = wanted {
            self.holds.remove(&(link.id, topic));
        }
        if was_there { Ok(()) } else { Err(Refused::new("Subscription Not Found")) }
    }

    /// What is acknowledged.
    fn ack(&self, spoken: &Spoken<'_>, wanted: Wanted) -> String {
        let has_snapshot = !matches!(spoken.params.maybe_truth("snapshot"), Ok(Some(false)));
        let truth = |name| spoken.params.truth(name).unwrap_or(false);
        let object = object();
        let object = match wanted {
            Wanted::Topic((symbol, channel)) => {
                let object = object.text("channel", channel.text());
                let object = match channel {
                    Channel::Book(depth) => object.number("depth", depth),
                    Channel::Ticker { at_trades } => {
                        object.text("event_trigger", if at_trades { "trades" } else { "bbo" })
                    }
                    Channel::Candles(minutes) => object.number("interval", minutes),
                    Channel::Trade => object,
                };
                let name = Shapes { exchange: self.exchange() }.symbol(symbol);
                object.truth("snapshot", has_snapshot).text("symbol", name)
            }
            Wanted::Pairs => object.text("channel", "instrument").truth("snapshot", has_snapshot),
            Wanted::Balances => object.text("channel", "balances").truth("snapshot", has_snapshot),
            Wanted::Executions => object
                .text("channel", "executions")
                .number("maxratecount", self.meters.limits.order_counter_max)
                .truth("snap_orders", spoken.params.text("snap_orders") != Some("false"))
                .truth("snap_trades", truth("snap_trades")),
        };
        object.done()
    }

    /// What is told first.
    fn begin(&mut self, link: &Link, spoken: &Spoken<'_>, wanted: Wanted) -> Option<Frame> {
        let id = link.id;
        match wanted {
            Wanted::Topic(topic) => {
                self.feeds.snapshot(id, topic, &self.sim.exchange, spoken.now_ns)
            }
            Wanted::Pairs => Some(Frame::text(id, None, self.feeds.pairs(&self.sim.exchange))),
            Wanted::Executions => {
                let orders = spoken.params.text("snap_orders") != Some("false");
                let trades = spoken.params.truth("snap_trades").unwrap_or(false);
                let private = self.sockets.get_mut(&id)?.executions.as_mut()?;
                let (account, sequence) = (private.account, private.next());
                let entries = self.orders_and_trades(account, orders, trades);
                Some(Frame::text(id, None, message("executions", true, &entries, sequence)))
            }
            Wanted::Balances => {
                let private = self.sockets.get_mut(&id)?.balances.as_mut()?;
                let (account, sequence) = (private.account, private.next());
                let shapes = Shapes { exchange: self.exchange() };
                let all = self.exchange().balances(account);
                let entries: Vec<String> = all.iter().map(|one| shapes.balance(one)).collect();
                Some(Frame::text(id, None, message("balances", true, &entries, sequence)))
            }
        }
    }

    /// The open orders and the last executions of an account.
    fn orders_and_trades(&self, account: AccountId, orders: bool, trades: bool) -> Vec<String> {
        let exchange: &Exchange = self.exchange();
        let shapes = Shapes { exchange };
        let mut entries = Vec::new();
        if orders {
            for order in exchange.open_orders(account, None) {
                let expires_ns = self.expire_times.get(&order.id).copied();
                let is = ("new", status(order.status));
                entries.push(shapes.whole_order(order, is, expires_ns));
            }
        }
        if trades {
            for fill in newest_fills(exchange, account) {
                if let Some(order) = exchange.order_by_id(fill.order_id) {
                    entries.push(shapes.execution(fill, order, status(order.status)));
                }
            }
        }
        entries
    }

    /// Signs of life for those to whom nothing has been told for a second.
    pub(super) fn heartbeats(&mut self, now_ns: Nanos) {
        for socket in self.sockets.values_mut() {
            if socket.listens() && now_ns - socket.told_ns >= HEARTBEAT_NS {
                socket.told_ns = now_ns;
                socket.link.outbox.text(b"{\"channel\":\"heartbeat\"}");
            }
        }
    }
}

/// The first thing that a socket is told.
pub(super) fn status_message(link: u64, system: &str) -> String {
    format!(
        "{{\"channel\":\"status\",\"data\":[{{\"api_version\":\"v2\",\"connection_id\":{link},\
         \"system\":{},\"version\":\"2.0.10\"}}],\"type\":\"update\"}}",
        quoted(system)
    )
}
