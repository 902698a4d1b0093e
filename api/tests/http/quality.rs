//! How good sources are: claims judged by candles, figures side by side, and a live source that is
//! taken out of trading.

use std::sync::{Arc, Mutex};

use qt_api::http::storage::Storage;
use qt_api::signals::quality::Judge;
use qt_auth::Role;
use qt_store::events::Outbox;
use qt_store::{
    Actor, Alerts, LateFallback, NewSignal, Page, SignalRow, SignalStatus, Signals, SourceBudget,
    SourceMode, SourceRow, Sources, Store,
};
use qt_strategies::quality::DriftRule;
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{
    Book, Candle, Candles, FeedState, Instrument, MarketData, Quote, StrategyRun, TradePrint,
    Trading,
};
use serde_json::json;
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

use crate::common::market::amount;
use crate::common::{Service, token};

const SECOND: i64 = 1_000_000_000;
/// A noon.
const NOON: i64 = 1_795_348_800 * SECOND;

fn at(seconds: i64) -> Time {
    Time(NOON + seconds * SECOND)
}

/// A market of candles of seconds alone: second after second one price, from noon on.
#[derive(Default)]
struct Tape(Mutex<Vec<i64>>);

impl MarketData for Tape {
    fn candles(&self, _: &str, which: Candles) -> Option<Vec<Candle>> {
        let prices = self.0.lock().unwrap();
        let candle = |(second, price): (i64, &i64)| Candle {
            open_time: at(second),
            open: amount(&price.to_string()),
            high: amount(&price.to_string()),
            low: amount(&price.to_string()),
            close: amount(&price.to_string()),
            volume: amount("1"),
            is_closed: true,
        };
        let all = (0..).zip(prices.iter()).map(candle);
        let is_wanted = |it: &Candle| {
            which.from.is_none_or(|from| it.open_time >= from)
                && which.to.is_none_or(|to| it.open_time < to)
        };
        let mut wanted: Vec<Candle> = all.filter(is_wanted).collect();
        Some(wanted.split_off(wanted.len().saturating_sub(which.limit)))
    }
    fn instruments(&self) -> Vec<Instrument> {
        Vec::new()
    }
    fn instrument(&self, _: &str) -> Option<Instrument> {
        None
    }
    fn quote(&self, _: &str) -> Option<Arc<Quote>> {
        None
    }
    fn book(&self, _: &str, _: usize) -> Option<Book> {
        None
    }
    fn quotes(&self, _: &str) -> Option<watch::Receiver<Arc<Quote>>> {
        None
    }
    fn books(&self, _: &str) -> Option<watch::Receiver<Arc<Book>>> {
        None
    }
    fn trades(&self, _: &str) -> Option<broadcast::Receiver<Arc<TradePrint>>> {
        None
    }
    fn feeds(&self) -> Vec<FeedState> {
        Vec::new()
    }
}

async fn source(store: &Store, tenant: TenantId, name: &str) -> SourceRow {
    let row = SourceRow {
        tenant,
        id: StrategyUid::new(),
        number: 0,
        name: name.to_owned(),
        mode: SourceMode::Shadow,
        subject: Some(name.to_owned()),
        key_version: 1,
        old_key_until: None,
        follow: serde_json::Map::new(),
        symbols: Vec::new(),
        budget: SourceBudget { notional: amount("1000"), loss: amount("10"), rate_per_minute: 60 },
        late_after_ms: 0,
        fallback: LateFallback::Ignore,
        created_at: at(0),
        by: "ann".to_owned(),
    };
    store.create_source(Actor::new(tenant, "ann", ""), row).await.unwrap()
}

/// Sent at that second, meant for five.
async fn say(store: &Store, source: &SourceRow, action: &str, seconds: i64) {
    let time = |seconds: i64| at(seconds).to_string();
    let body = json!({
        "schema_version": 1, "signal_id": format!("s{seconds}"), "symbol": "BTC-USD",
        "action": action, "confidence": 0.9, "horizon_seconds": 5,
        "issued_at": time(seconds), "expires_at": time(seconds + 5),
    });
    let row = SignalRow {
        tenant: source.tenant,
        id: Uuid::now_v7(),
        source: source.id,
        signal_id: format!("s{seconds}"),
        body: body.to_string(),
        body_hash: "00".to_owned(),
        symbol: "BTC-USD".to_owned(),
        action: action.to_owned(),
        confidence_e9: 900_000_000,
        issued_at: at(seconds),
        expires_at: at(seconds + 5),
        arrived_at: at(seconds),
        status: SignalStatus::Taken,
        code: None,
        seq: None,
        taken_body: None,
    };
    let new = NewSignal { row, may_be_new: true };
    store.keep_signals(source.tenant, vec![new]).await.unwrap();
}

fn judge(service: &Service, tape: &Arc<Tape>) -> Judge {
    let store: Arc<dyn Storage> = Arc::new(service.store.clone());
    Judge::new(store, tape.clone(), DriftRule::default())
}

/// A minute that rises by one each second from 100 on.
fn rising() -> Arc<Tape> {
    Arc::new(Tape(Mutex::new((100..400).collect())))
}

#[tokio::test]
async fn figures_of_sources_side_by_side() {
    let service = Service::start().await;
    let tenant = TenantId::new();
    let (tape, desk) = (rising(), service.desks.desk(tenant).await.unwrap());
    let right = source(&service.store, tenant, "right").await;
    let wrong = source(&service.store, tenant, "wrong").await;
    let mut judge = judge(&service, &tape);
    let user = token(Role::User, tenant);
    for (before, seconds) in [(0, 10), (1, 20), (2, 30)] {
        say(&service.store, &right, "buy", seconds).await;
        say(&service.store, &wrong, "sell", seconds).await;
        // At its end it is not known yet what happened: trades take a moment to reach us.
        for (later, judged, open) in [(1, before, 1), (6, before, 1), (8, before + 1, 0)] {
            judge.look(tenant, &*desk, at(seconds + later)).await.unwrap();
            let all = service.ask("GET", "/signal-sources/quality", &user, None).await.json();
            let of = &all["items"][0];
            assert_eq!((&of["judged"], &of["open"]), (&judged.into(), &open.into()), "{all}");
        }
    }
    let path = |of: &SourceRow| format!("/signal-sources/{}/quality", of.id);
    let of = service.ask("GET", &path(&right), &user, None).await.json();
    assert_eq!(
        (&of["hits"], &of["name"], &of["mode"]),
        (&3.into(), &"right".into(), &"shadow".into())
    );
    // Heard at 10 s the last price is that of the second before, 109; five seconds later 114.
    let mean = of["mean_return"].as_f64().unwrap();
    let wanted = (5.0 / 109.0 + 5.0 / 119.0 + 5.0 / 129.0) / 3.0;
    assert!((mean - wanted).abs() < 1e-9, "{of}");
    let score = |of: &serde_json::Value| of["brier"]["score"].as_f64().unwrap();
    let other = service.ask("GET", &path(&wrong), &user, None).await.json();
    assert!((score(&of) - 0.01).abs() < 1e-9 && (score(&other) - 0.81).abs() < 1e-9);
    assert_eq!(
        (&of["calibration"][9]["count"], &other["endings"]["horizon"]),
        (&3.into(), &3.into())
    );
    // Nobody else's, and no source that there is not.
    let stranger = token(Role::User, TenantId::new());
    assert_eq!(service.ask("GET", &path(&right), &stranger, None).await.status, 404);
    assert_eq!(service.ask("GET", "/signal-sources/x/quality", &user, None).await.status, 404);
}

#[tokio::test]
async fn a_source_that_drifts_is_taken_out_of_trading() {
    let service = Service::start().await;
    let tenant = TenantId::new();
    let (tape, desk) = (rising(), service.desks.desk(tenant).await.unwrap());
    let shadow = source(&service.store, tenant, "shadow").await;
    let live = source(&service.store, tenant, "live").await;
    let set = |from: SourceMode, to: SourceMode| {
        let (actor, reason) = (Actor::new(tenant, "ann", ""), "because".to_owned());
        service.store.set_source_mode(actor, live.id, from, to, reason)
    };
    set(SourceMode::Shadow, SourceMode::Live).await.unwrap();
    service.desks.of(tenant).runs(StrategyRun {
        id: live.id,
        strategy_type: "ai_signal_follow".to_owned(),
        symbols: Vec::new(),
        parameters: Vec::new(),
        limits: Vec::new(),
    });
    let mut judge = judge(&service, &tape);
    judge.look(tenant, &*desk, at(0)).await.unwrap();
    // Both are wrong again and again, at a confidence of 0.9.
    for seconds in 1..=20 {
        say(&service.store, &shadow, "sell", seconds).await;
        say(&service.store, &live, "sell", seconds).await;
    }
    let mode = async || service.store.source(tenant, live.id).await.unwrap().mode;
    judge.look(tenant, &*desk, at(12)).await.unwrap();
    assert_eq!(mode().await, SourceMode::Live, "a few may be chance");
    judge.look(tenant, &*desk, at(30)).await.unwrap();
    assert_eq!(mode().await, SourceMode::Demoted);
    assert!(service.desks.of(tenant).running().is_empty(), "its strategy is stopped");
    let of_shadow = service.store.source(tenant, shadow.id).await.unwrap();
    assert_eq!(of_shadow.mode, SourceMode::Shadow);
    let events = service.store.events_after(tenant, 0, 500).await.unwrap();
    let told = events.iter().filter(|row| row.envelope.event_type == "SourceDemoted").count();
    let alerts = service.store.alerts(tenant, Page { after: None, limit: 9 }).await.unwrap().items;
    assert_eq!((told, alerts.len()), (1, 1));
    assert!(alerts[0].message.contains("0 of its 20 claims came true"), "{}", alerts[0].message);
    // It stays so, also for another process.
    judge.look(tenant, &*desk, at(31)).await.unwrap();
    self::judge(&service, &tape).look(tenant, &*desk, at(32)).await.unwrap();
    assert_eq!(mode().await, SourceMode::Demoted);
    // Who lets it trade again gives it a new trial: what was before counts no more.
    set(SourceMode::Demoted, SourceMode::Live).await.unwrap();
    judge.look(tenant, &*desk, at(33)).await.unwrap();
    say(&service.store, &live, "sell", 40).await;
    judge.look(tenant, &*desk, at(60)).await.unwrap();
    assert_eq!(mode().await, SourceMode::Live);
}
