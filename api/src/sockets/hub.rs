//! The topics that somebody listens to, and how many sockets there are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::Instant;

use super::pace::Pace;
use super::protocol::Channel;
use super::said::Said;
use super::topic::{HISTORY, Topic};
use crate::http::metrics::{Metrics, Open};
use crate::http::settings::SocketLimits;
use crate::routes::market_data::interval_ns;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use qt_trading::{Candles, MarketData};

/// How long a topic stays when nobody listens any more, so that who was cut off can go on.
const LINGER: Duration = Duration::from_secs(30);
/// How often topics look whether anybody listens.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often candles and figures are looked at.
const SLOW_EVERY: Duration = Duration::from_secs(1);
/// Messages that are kept of a topic with a pace: there are hundreds of these for one book, and
/// only the newest state counts.
const PACED_HISTORY: usize = 4;
/// So many trades are in a snapshot.
const TRADES_KEPT: usize = 50;

/// What a topic is about: channel, symbol, and for candles their length.
pub type Subject = (Channel, String, String);

/// A topic's name: what it is about, and how often it tells of it.
type TopicName = (Subject, Pace);

/// The topics, and who is connected.
pub struct Hub {
    market: Arc<dyn MarketData>,
    metrics: Arc<Metrics>,
    limits: SocketLimits,
    stopping: watch::Receiver<bool>,
    topics: Mutex<HashMap<TopicName, Arc<Topic>>>,
    sockets: Mutex<HashMap<TenantId, Seats>>,
    /// Readers that have asked for a pace so far.
    paced: AtomicU32,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hub")
    }
}

/// The sockets of a tenant, and what they have in common.
#[derive(Debug, Default)]
struct Seats {
    count: usize,
    said: Arc<Said>,
}

/// A socket of a tenant, counted as long as it lives.
#[derive(Debug)]
pub struct Seat {
    hub: Arc<Hub>,
    tenant: TenantId,
    said: Arc<Said>,
    _open: Open,
}

impl Seat {
    /// What all sockets of the tenant are told of private events.
    #[must_use]
    pub const fn said(&self) -> &Arc<Said> {
        &self.said
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut sockets = self.hub.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seats) = sockets.get_mut(&self.tenant) {
            seats.count -= 1;
            if seats.count == 0 {
                sockets.remove(&self.tenant);
            }
        }
    }
}

impl Hub {
    /// Without topics and sockets.
    #[must_use]
    pub fn new(
        market: Arc<dyn MarketData>,
        metrics: Arc<Metrics>,
        limits: SocketLimits,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let (topics, sockets) = (Mutex::default(), Mutex::default());
        let paced = AtomicU32::new(0);
        Self { market, metrics, limits, stopping, topics, sockets, paced }
    }

    /// A seat for one more socket of `tenant`; none where there are too many.
    #[must_use]
    pub fn seat(self: &Arc<Self>, tenant: TenantId) -> Option<Seat> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = sockets.values().map(|seats| seats.count).sum();
        let own = sockets.entry(tenant).or_default();
        if all >= self.limits.sockets_max || own.count >= self.limits.tenant_max {
            if own.count == 0 {
                sockets.remove(&tenant);
            }
            return None;
        }
        own.count += 1;
        let said = Arc::clone(&own.said);
        Some(Seat { hub: Arc::clone(self), tenant, said, _open: self.metrics.socket_opened() })
    }

    /// The pace of one more reader that wants to be told each `every_ms`; none where there is no
    /// such pace.
    #[must_use]
    pub fn pace(&self, every_ms: u32) -> Option<Pace> {
        Pace::of(every_ms, self.paced.fetch_add(1, Ordering::Relaxed))
    }

    /// The topic about `subject` at this pace with a listener, begun where nobody has listened so
    /// far; none where there is no such symbol or interval.
    #[must_use]
    pub fn listen(
        self: &Arc<Self>,
        subject: &Subject,
        pace: Pace,
    ) -> Option<(Arc<Topic>, watch::Receiver<u64>)> {
        let name = (subject.clone(), pace);
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(topic) = topics.get(&name) {
            if pace != Pace::default() {
                // Between two messages its last state grows old.
                self.show_newest(subject, topic);
            }
            return Some((Arc::clone(topic), topic.listen()));
        }
        let symbol = (!subject.1.is_empty()).then(|| subject.1.clone());
        let kept = if pace == Pace::default() { HISTORY } else { PACED_HISTORY };
        let topic = Arc::new(Topic::new(subject.0, symbol, kept));
        self.begin(&name, &topic)?;
        topics.insert(name, Arc::clone(&topic));
        let listener = topic.listen();
        Some((topic, listener))
    }

    /// Has a topic of states show the newest one to those who come.
    fn show_newest(&self, (channel, symbol, interval): &Subject, topic: &Topic) {
        match channel {
            Channel::Ticker => {
                self.market.quotes(symbol).iter().for_each(|of| topic.set_snapshot(&**of.borrow()));
            }
            Channel::Orderbook => {
                self.market.books(symbol).iter().for_each(|of| topic.set_snapshot(&**of.borrow()));
            }
            Channel::Candle => {
                let which = interval_ns(interval).map(newest);
                let newest = which.and_then(|which| self.market.candles(symbol, which));
                newest.iter().for_each(|candles| topic.set_snapshot(candles));
            }
            _ => {}
        }
    }

    fn begin(self: &Arc<Self>, name: &TopicName, topic: &Arc<Topic>) -> Option<()> {
        let (hub, of, topic) = (Arc::clone(self), name.clone(), Arc::clone(topic));
        let (channel, symbol, interval) = &name.0;
        match channel {
            Channel::Ticker => {
                let quotes = self.market.quotes(symbol)?;
                topic.set_snapshot(&**quotes.borrow());
                tokio::spawn(async move { states(&hub, &of, &topic, quotes, "ticker").await });
            }
            Channel::Orderbook => {
                let books = self.market.books(symbol)?;
                topic.set_snapshot(&**books.borrow());
                tokio::spawn(async move { states(&hub, &of, &topic, books, "orderbook").await });
            }
            Channel::Trade => {
                let trades = self.market.trades(symbol)?;
                topic.set_snapshot([(); 0]);
                tokio::spawn(async move { each(&hub, &of, &topic, trades).await });
            }
            Channel::Candle => {
                let which = newest(interval_ns(interval)?);
                topic.set_snapshot(self.market.candles(symbol, which)?);
                tokio::spawn(async move { candles(&hub, &of, &topic, which).await });
            }
            Channel::Latency => {
                topic.set_snapshot(self.metrics.recent());
                tokio::spawn(async move { latency(&hub, &of, &topic).await });
            }
            _ => return None,
        }
        Some(())
    }

    /// Whether a topic is over: nobody has listened for a while, or the service stops. Then it is
    /// forgotten, so that the next listener begins another.
    fn is_over(&self, name: &TopicName, topic: &Topic, quiet_since: &mut Option<Instant>) -> bool {
        if *self.stopping.borrow() {
            return true;
        }
        if topic.listeners() > 0 {
            *quiet_since = None;
            return false;
        }
        if quiet_since.get_or_insert_with(Instant::now).elapsed() < LINGER {
            return false;
        }
        // Under the lock nobody can begin to listen meanwhile.
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = topic.listeners() == 0;
        if is_over {
            topics.remove(name);
        }
        is_over
    }
}

/// The newest candle of this length.
const fn newest(interval_ns: i64) -> Candles {
    Candles { interval_ns, from: None, to: None, limit: 1 }
}

/// Tells the newest state again and again, with a pause between.
async fn states<T: serde::Serialize>(
    hub: &Hub,
    name: &TopicName,
    topic: &Topic,
    mut states: watch::Receiver<Arc<T>>,
    kind: &str,
) {
    let mut quiet_since = None;
    while !hub.is_over(name, topic, &mut quiet_since) {
        match tokio::time::timeout(LOOK_EVERY, states.changed()).await {
            Err(_) => continue,
            // The feed has ended. Its last state stays.
            Ok(Err(_)) => tokio::time::sleep(LOOK_EVERY).await,
            Ok(Ok(())) => {
                let rest = name.1.rest(Time::now().millis());
                if let Some(rest) = rest {
                    tokio::time::sleep(rest).await;
                }
                let state = Arc::clone(&states.borrow_and_update());
                topic.set_snapshot(&*state);
                topic.publish(kind, &*state);
                if rest.is_none() {
                    tokio::time::sleep(hub.limits.publish_every).await;
                }
            }
        }
    }
}

/// Tells every trade.
async fn each(
    hub: &Hub,
    name: &TopicName,
    topic: &Topic,
    mut trades: tokio::sync::broadcast::Receiver<Arc<qt_trading::TradePrint>>,
) {
    let mut quiet_since = None;
    let mut last = std::collections::VecDeque::with_capacity(TRADES_KEPT);
    while !hub.is_over(name, topic, &mut quiet_since) {
        match tokio::time::timeout(LOOK_EVERY, trades.recv()).await {
            Err(_) => continue,
            Ok(Ok(trade)) => {
                if last.len() == TRADES_KEPT {
                    last.pop_front();
                }
                last.push_back(Arc::clone(&trade));
                topic.set_snapshot(last.iter().map(|trade| &**trade).collect::<Vec<_>>());
                topic.publish("trade", &*trade);
            }
            Ok(Err(RecvError::Lagged(missed))) => {
                let data = serde_json::json!({ "reason": "lagged", "missed": missed });
                topic.publish("gap", data);
            }
            Ok(Err(RecvError::Closed)) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

async fn candles(hub: &Hub, name: &TopicName, topic: &Topic, which: Candles) {
    let mut quiet_since = None;
    let mut last = None;
    while !hub.is_over(name, topic, &mut quiet_since) {
        let rest = name.1.rest(Time::now().millis());
        tokio::time::sleep(rest.unwrap_or(SLOW_EVERY)).await;
        let newest = hub.market.candles(&name.0.1, which).and_then(|mut all| all.pop());
        if newest.is_some() && newest != last {
            topic.set_snapshot([&newest]);
            topic.publish("candle", &newest);
            last = newest;
        }
    }
}

async fn latency(hub: &Hub, name: &TopicName, topic: &Topic) {
    let mut quiet_since = None;
    while !hub.is_over(name, topic, &mut quiet_since) {
        tokio::time::sleep(SLOW_EVERY).await;
        let recent = hub.metrics.recent();
        topic.set_snapshot(&recent);
        topic.publish("latency", recent);
    }
}
