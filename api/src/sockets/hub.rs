//! The topics that somebody listens to, and how many sockets there are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::Instant;

use super::protocol::Channel;
use super::topic::Topic;
use crate::http::metrics::{Metrics, Open};
use crate::http::settings::SocketLimits;
use crate::routes::market_data::interval_ns;
use qt_trading::ids::TenantId;
use qt_trading::{Candles, MarketData};

/// How long a topic stays when nobody listens any more, so that who was cut off can go on.
const LINGER: Duration = Duration::from_secs(30);
/// How often topics look whether anybody listens.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often candles and figures are looked at.
const SLOW_EVERY: Duration = Duration::from_secs(1);
/// So many trades are in a snapshot.
const TRADES_KEPT: usize = 50;

/// A topic's name: channel, symbol, and for candles their length.
pub type TopicName = (Channel, String, String);

/// The topics, and who is connected.
pub struct Hub {
    market: Arc<dyn MarketData>,
    metrics: Arc<Metrics>,
    limits: SocketLimits,
    stopping: watch::Receiver<bool>,
    topics: Mutex<HashMap<TopicName, Arc<Topic>>>,
    sockets: Mutex<HashMap<TenantId, usize>>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hub")
    }
}

/// A socket of a tenant, counted as long as it lives.
#[derive(Debug)]
pub struct Seat {
    hub: Arc<Hub>,
    tenant: TenantId,
    _open: Open,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut sockets = self.hub.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = sockets.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
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
        Self { market, metrics, limits, stopping, topics, sockets }
    }

    /// A seat for one more socket of `tenant`; none where there are too many.
    #[must_use]
    pub fn seat(self: &Arc<Self>, tenant: TenantId) -> Option<Seat> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = sockets.values().sum();
        let own = sockets.entry(tenant).or_default();
        if all >= self.limits.sockets_max || *own >= self.limits.tenant_max {
            if *own == 0 {
                sockets.remove(&tenant);
            }
            return None;
        }
        *own += 1;
        Some(Seat { hub: Arc::clone(self), tenant, _open: self.metrics.socket_opened() })
    }

    /// The topic of this name with a listener, begun where nobody has listened so far; none where
    /// there is no such symbol or interval.
    #[must_use]
    pub fn listen(
        self: &Arc<Self>,
        name: &TopicName,
    ) -> Option<(Arc<Topic>, watch::Receiver<u64>)> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(topic) = topics.get(name) {
            return Some((Arc::clone(topic), topic.listen()));
        }
        let symbol = (!name.1.is_empty()).then(|| name.1.clone());
        let topic = Arc::new(Topic::new(name.0, symbol));
        self.begin(name, &topic)?;
        topics.insert(name.clone(), Arc::clone(&topic));
        let listener = topic.listen();
        Some((topic, listener))
    }

    fn begin(self: &Arc<Self>, name: &TopicName, topic: &Arc<Topic>) -> Option<()> {
        let (hub, of, topic) = (Arc::clone(self), name.clone(), Arc::clone(topic));
        let symbol = name.1.as_str();
        match name.0 {
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
                let interval_ns = interval_ns(&name.2)?;
                let which = Candles { interval_ns, from: None, to: None, limit: 1 };
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
                let state = Arc::clone(&states.borrow_and_update());
                topic.set_snapshot(&*state);
                topic.publish(kind, &*state);
                tokio::time::sleep(hub.limits.publish_every).await;
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
        tokio::time::sleep(SLOW_EVERY).await;
        let newest = hub.market.candles(&name.1, which).and_then(|mut all| all.pop());
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
        topic.set_snapshot(recent);
        topic.publish("latency", recent);
    }
}
