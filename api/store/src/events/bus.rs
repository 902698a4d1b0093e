//! The bus in this process: the same events for subscribers that need no Redis.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::Sink;
use crate::domain::Envelope;
use qt_trading::Doing;

/// How long a subscriber that does not read may keep the others waiting, in one batch. After it,
/// its subscription ends; it can subscribe again and read what it missed from the outbox.
const PATIENCE: Duration = Duration::from_secs(5);

/// The bus. Clones are the same bus.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    subscribers: Arc<Mutex<Vec<Subscriber>>>,
}

#[derive(Clone, Debug)]
struct Subscriber {
    types: BTreeSet<&'static str>,
    sender: mpsc::Sender<Arc<Envelope>>,
}

/// Events that were subscribed to.
#[derive(Debug)]
pub struct Subscription {
    receiver: mpsc::Receiver<Arc<Envelope>>,
}

impl Subscription {
    /// The next event; none once the subscription has ended. The same event may come again: its
    /// identifier tells.
    pub async fn next(&mut self) -> Option<Arc<Envelope>> {
        self.receiver.recv().await
    }
}

impl Bus {
    /// Subscribes to events of `types`, or to all when there are none. At most `capacity` of them
    /// wait to be read.
    #[must_use]
    pub fn subscribe(&self, types: &[&'static str], capacity: usize) -> Subscription {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        let subscriber = Subscriber { types: types.iter().copied().collect(), sender };
        self.lock().push(subscriber);
        Subscription { receiver }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Subscriber>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Bus {
    fn publish<'a>(&'a self, batch: &'a [Envelope]) -> Doing<'a, Result<(), String>> {
        Box::pin(async move {
            let subscribers = self.lock().clone();
            if subscribers.is_empty() {
                return Ok(());
            }
            let batch: Vec<_> = batch.iter().cloned().map(Arc::new).collect();
            for subscriber in &subscribers {
                let types = &subscriber.types;
                let wanted = batch
                    .iter()
                    .filter(|event| types.is_empty() || types.contains(event.event_type.as_str()));
                let all = async {
                    for event in wanted {
                        subscriber.sender.send(Arc::clone(event)).await.ok()?;
                    }
                    Some(())
                };
                if !matches!(tokio::time::timeout(PATIENCE, all).await, Ok(Some(()))) {
                    let gone = &subscriber.sender;
                    self.lock().retain(|other| !other.sender.same_channel(gone));
                }
            }
            Ok(())
        })
    }
}
