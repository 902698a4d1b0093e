//! Sessions over a venue that is somewhere else: one connection for all of them, and an outage.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use qt_runtime::live::{FeedWriter, Offered};
use qt_sessions::market::{Hub, HubSettings, VenueFeed};
use qt_trading::ids::{OrderUid, TenantId};
use qt_trading::{Desk, MarketData, OrderStatus, Side, Trading};
use qt_types::{
    BarFlags, E9, Event, InstrumentId, InstrumentKind, InstrumentSpec, Nanos, Payload, Price, Qty,
    Seq, Tick, TickFlags, TickKind, Trade, VenueId,
};

use crate::common::{amount, market, over, ready, sessions, until};

/// A venue whose words a test says.
#[derive(Debug, Default)]
struct StandIn {
    writer: Mutex<Option<FeedWriter>>,
    starts: AtomicUsize,
    is_down: AtomicBool,
}

impl VenueFeed for StandIn {
    fn name(&self) -> &str {
        "stand-in"
    }

    fn specs(&self) -> Vec<InstrumentSpec> {
        let kind = InstrumentKind::Spot;
        vec![InstrumentSpec::new("BTCUSDT", "USDT", kind, E9 / 100, E9 / 1_000, E9).unwrap()]
    }

    fn start(&self, into: FeedWriter) -> Result<(), String> {
        self.starts.fetch_add(1, Ordering::Relaxed);
        *self.writer.lock().unwrap() = Some(into);
        Ok(())
    }

    fn is_up(&self) -> bool {
        !self.is_down.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.writer.lock().unwrap().take();
    }
}

impl StandIn {
    fn say(&self, payload: Payload) {
        let (recv_ns, venue_ns) = (Nanos::MIN, Nanos::MIN);
        let (seq, instrument, venue) = (Seq::default(), InstrumentId(0), VenueId(0));
        let event = Event { seq, recv_ns, venue_ns, instrument, venue, payload };
        let mut writer = self.writer.lock().unwrap();
        let offered = writer.as_mut().expect("it was started").push(&event);
        assert_eq!(offered, Offered::Taken);
    }

    /// A whole book of `levels` levels a side around 100.00, and a trade.
    fn tell_all(&self, levels: i64) {
        for side in [qt_types::Side::Buy, qt_types::Side::Sell] {
            let tick = |kind: TickKind, price, qty, flags: TickFlags| Tick {
                venue_ns: 0,
                price,
                qty,
                latency_ns: 0,
                instrument: 0,
                kind: kind as u8,
                flags: flags.with(TickFlags::SNAPSHOT).bits(),
            };
            self.say(Payload::Tick(tick(TickKind::Clear, 0, 0, TickFlags::of(side))));
            for at in 1..=levels {
                let price = if side == qt_types::Side::Buy { 10_000 - at } else { 10_000 + at };
                let flags = TickFlags::of(side);
                let flags = if at == levels { flags.with(TickFlags::LAST) } else { flags };
                self.say(Payload::Tick(tick(TickKind::Level, price, 5_000, flags)));
            }
        }
        self.say(Payload::Trade(Trade {
            price: Price::from_ticks(10_001),
            qty: Qty::from_lots(3),
            aggressor: Some(qt_types::Side::Buy),
            flags: BarFlags::NONE,
            row: 1,
        }));
    }
}

fn hub_of(venue: &Arc<StandIn>) -> Arc<Hub> {
    let venue: Arc<dyn VenueFeed> = Arc::clone(venue) as _;
    Hub::start(HubSettings { venue: Some(venue), ..HubSettings::default() }).unwrap()
}

/// An order to buy that was taken. The session hears of a book a moment later than the hub shows
/// it, and refuses until then.
async fn bought(desk: &Arc<dyn Desk>) -> Option<OrderUid> {
    for _ in 0..500 {
        let id = OrderUid::new();
        if desk.place(id, market("BTCUSDT", Side::Buy, "1"), "u".into()).await.is_ok() {
            return Some(id);
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    None
}

/// Two tenants trade on one connection, also on a book that is far deeper than a session's ring.
#[tokio::test(flavor = "multi_thread")]
async fn tenants_share_one_connection() {
    let folder = tempfile::tempdir().unwrap();
    let venue = Arc::new(StandIn::default());
    let hub = hub_of(&venue);
    venue.tell_all(5_000);
    until("a quote", || hub.quote("BTCUSDT").is_some_and(|it| !it.is_stale)).await;
    let all = sessions(folder.path(), &hub);
    for _ in 0..2 {
        let desk = all.desk(TenantId::new()).await.unwrap();
        ready(&desk).await;
        let id = bought(&desk).await.expect("an order is taken");
        let order = over(&desk, id).await;
        assert_eq!(order.status, OrderStatus::Filled, "{order:?}");
        assert_eq!(order.average_price, Some(amount("100.01")));
    }
    assert_eq!(venue.starts.load(Ordering::Relaxed), 1);
    assert_eq!(hub.instruments()[0].venue, "stand-in");
    until("a book", || hub.book("BTCUSDT", 50).is_some_and(|it| it.asks.len() == 50)).await;
    all.stop().await;
}

/// While the link is away the quote is stale, health says so, and orders are refused.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_seen_and_orders_are_refused_until_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let venue = Arc::new(StandIn::default());
    let hub = hub_of(&venue);
    venue.tell_all(5);
    until("a quote", || hub.quote("BTCUSDT").is_some_and(|it| !it.is_stale)).await;
    assert!(hub.feeds()[0].is_up && hub.feeds()[0].name == "stand-in");
    let all = sessions(folder.path(), &hub);
    let desk = all.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let id = bought(&desk).await.expect("an order is taken");
    assert_eq!(over(&desk, id).await.status, OrderStatus::Filled);
    venue.is_down.store(true, Ordering::Relaxed);
    venue.say(Payload::Tick(Tick::gap()));
    until("a stale quote", || hub.quote("BTCUSDT").is_some_and(|it| it.is_stale)).await;
    assert!(!hub.feeds()[0].is_up && hub.feeds()[0].quoted == 0);
    // The session hears of it a moment later than the hub shows it.
    let mut refused = None;
    for _ in 0..100 {
        let order = market("BTCUSDT", Side::Buy, "1");
        match desk.place(OrderUid::new(), order, "u".into()).await {
            Err(refusal) => {
                refused = Some(format!("{refusal:?}"));
                break;
            }
            Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
    let refused = refused.expect("an order on a stale book is refused");
    assert!(refused.contains("BOOK_UNTRUSTED"), "{refused}");
    venue.is_down.store(false, Ordering::Relaxed);
    venue.tell_all(5);
    until("a quote", || hub.quote("BTCUSDT").is_some_and(|it| !it.is_stale)).await;
    assert!(hub.feeds()[0].is_up);
    let id = bought(&desk).await.expect("it trades again");
    assert_eq!(over(&desk, id).await.status, OrderStatus::Filled);
    all.stop().await;
}
