//! A service of sessions in a folder of its own.

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qt_sessions::market::{Hub, HubSettings};
use qt_sessions::{SessionSettings, Sessions};
use qt_trading::amount::Amount;
use qt_trading::ids::OrderUid;
use qt_trading::{Desk, NewOrder, Order, OrderKind, Phase, Side, TimeInForce};

/// Events between two states.
const STATE_EVERY: u64 = 60;

pub fn hub() -> Arc<Hub> {
    Hub::start(HubSettings { seed: Some(7), ..HubSettings::default() }).unwrap()
}

/// Their states are kept often, so that every start but the first is one from a state.
pub fn settings(folder: &Path) -> SessionSettings {
    let mut settings = SessionSettings::new(folder.to_owned());
    settings.paper.state_every = NonZeroU64::new(STATE_EVERY);
    settings
}

pub fn sessions(folder: &Path, hub: &Arc<Hub>) -> Arc<Sessions> {
    Sessions::start(settings(folder), Arc::clone(hub)).unwrap()
}

pub fn amount(text: &str) -> Amount {
    Amount(text.parse().unwrap())
}

pub fn market(symbol: &str, side: Side, quantity: &str) -> NewOrder {
    NewOrder {
        symbol: symbol.to_owned(),
        side,
        kind: OrderKind::Market,
        quantity: amount(quantity),
        price: None,
        stop_price: None,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        client_order_id: None,
        strategy_id: None,
    }
}

pub fn limit(symbol: &str, side: Side, quantity: &str, price: &str) -> NewOrder {
    NewOrder {
        kind: OrderKind::Limit,
        price: Some(amount(price)),
        ..market(symbol, side, quantity)
    }
}

/// Waits until `is_so`, ten seconds at most.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub async fn ready(desk: &Arc<dyn Desk>) {
    until("ready", || desk.state().phase == Phase::Ready).await;
}

pub async fn over(desk: &Arc<dyn Desk>, id: OrderUid) -> Arc<Order> {
    until("over", || desk.order(id).is_some_and(|order| order.status.is_final())).await;
    desk.order(id).unwrap()
}
