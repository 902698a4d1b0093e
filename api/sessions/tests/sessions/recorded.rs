//! Sessions over a recording in the place of the synthetic market.

use std::path::{Path, PathBuf};

use qt_data::ticks::{Description, TickWriter};
use qt_sessions::market::{Hub, HubSettings, MarketError, RecordedFeed};
use qt_trading::ids::{OrderUid, TenantId};
use qt_trading::{MarketData, OrderStatus, Side, Trading};
use qt_types::{E9, InstrumentKind, InstrumentSpec, Tick, TickFlags, TickKind};

use crate::common::{amount, market, over, ready, sessions, until};

const SECOND_NS: i64 = 1_000_000_000;
/// Long ago.
const BEGIN_NS: i64 = 1_600_000_000 * SECOND_NS;

fn tick(kind: TickKind, side: Side, at_ns: i64, price: i64, qty: i64) -> Tick {
    let side = if side == Side::Buy { qt_types::Side::Buy } else { qt_types::Side::Sell };
    let flags = TickFlags::of(side).with(TickFlags::LAST).bits();
    let (latency_ns, instrument) = (0, 0);
    Tick { venue_ns: at_ns, price, qty, latency_ns, instrument, kind: kind as u8, flags }
}

/// A minute in which the best prices of `symbol` rise by one tick each second.
fn record(folder: &Path, symbol: &str, currency: &str) -> PathBuf {
    let path = folder.join(format!("{symbol}.qtt"));
    let kind = InstrumentKind::Spot;
    let spec = InstrumentSpec::new(symbol, currency, kind, E9 / 100, E9, E9).unwrap();
    let mut writer = TickWriter::<Tick>::create(&path).unwrap();
    for second in 0..60 {
        let at_ns = BEGIN_NS + second * SECOND_NS;
        let ticks = [
            tick(TickKind::Top, Side::Buy, at_ns, 9_999 + second, 500),
            tick(TickKind::Top, Side::Sell, at_ns, 10_001 + second, 500),
            tick(TickKind::Trade, Side::Buy, at_ns, 10_001 + second, 3),
        ];
        ticks.into_iter().for_each(|tick| writer.push(tick, at_ns).unwrap());
    }
    let instruments = vec![spec];
    writer.finish(&Description { instruments, ..Description::default() }).unwrap();
    path
}

fn hub_of(paths: &[PathBuf], speed: i64) -> Result<std::sync::Arc<Hub>, MarketError> {
    let feed = |path: &PathBuf| RecordedFeed { path: path.clone(), speed_e9: speed * E9 };
    let recordings = paths.iter().map(feed).collect();
    Hub::start(HubSettings { recordings, ..HubSettings::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_trades_what_was_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = [("ONE", "USDT"), ("TWO", "USD")];
    let paths = recorded.map(|(symbol, currency)| record(folder.path(), symbol, currency));
    let hub = hub_of(&paths, 10).unwrap();
    let symbols: Vec<String> = hub.instruments().into_iter().map(|it| it.symbol).collect();
    assert_eq!(symbols, ["ONE", "TWO"], "and nothing of the synthetic market");
    until("quotes", || hub.quote("TWO").is_some_and(|it| it.bid.is_some())).await;
    let state = hub.feeds().remove(0);
    assert_eq!((state.name.as_str(), state.is_up), ("recording", true));
    let all = sessions(&folder.path().join("sessions"), &hub);
    let desk = all.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let id = OrderUid::new();
    desk.place(id, market("ONE", Side::Buy, "2"), "u".into()).await.unwrap();
    let order = over(&desk, id).await;
    assert_eq!(order.status, OrderStatus::Filled);
    let paid = order.average_price.unwrap();
    assert!(paid > amount("100") && paid < amount("100.7"), "{paid:?}");
    // Of best prices that were told before nothing is left.
    let ask = || hub.quote("ONE").unwrap().ask.unwrap();
    let first = ask();
    until("it goes on", || ask() > first).await;
    assert_eq!(hub.book("ONE", 10).unwrap().asks.len(), 1);
    until("its end", || ask() == amount("100.6")).await;
    all.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_market_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let one = record(folder.path(), "ONE", "USD");
    let euros = record(folder.path(), "EUROS", "EUR");
    let Err(error) = hub_of(&[one.clone(), euros], 1) else { panic!("accounts have no euros") };
    assert!(matches!(&error, MarketError::Currency(..)), "{error}");
    for word in ["EUROS", "EUR,", "USDT", "FEEDS"] {
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
    let twice = hub_of(&[one.clone(), one], 1);
    assert!(matches!(twice, Err(MarketError::Twice(symbol)) if symbol == "ONE"));
    let nothing = folder.path().join("nothing.qtt");
    let Err(error) = hub_of(&[nothing], 1) else { panic!("there is none") };
    assert!(error.to_string().contains("nothing.qtt"), "{error}");
}
