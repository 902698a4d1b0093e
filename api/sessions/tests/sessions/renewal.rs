//! Sessions whose fees or instruments are others than those of their journals.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use qt_sessions::market::{Hub, HubSettings, defaults};
use qt_sessions::{SessionSettings, Sessions};
use qt_trading::ids::{OrderUid, StrategyUid, TenantId};
use qt_trading::{
    Desk, KillLevel, LimitValue, Phase, Refusal, Side, SignalTaken, StrategyRun, Trading,
};

use crate::common::{amount, hub, market, over, ready, settings, until};
use crate::signals::{one, signal};

async fn start(
    folder: &Path,
    hub: &Arc<Hub>,
    tenant: TenantId,
    change: impl FnOnce(&mut SessionSettings),
) -> (Arc<Sessions>, Arc<dyn Desk>) {
    let mut settings = settings(folder);
    change(&mut settings);
    let sessions = Sessions::start(settings, Arc::clone(hub)).unwrap();
    let desk = sessions.desk(tenant).await.unwrap();
    (sessions, desk)
}

async fn trade(desk: &Arc<dyn Desk>, side: Side, quantity: &str) -> OrderUid {
    let id = OrderUid::new();
    desk.place(id, market("AAPL", side, quantity), "ann".to_owned()).await.unwrap();
    over(desk, id).await;
    id
}

fn run(strategy: StrategyUid, symbol: &str) -> StrategyRun {
    StrategyRun {
        id: strategy,
        strategy_type: "sma_cross".to_owned(),
        symbols: vec![symbol.to_owned()],
        parameters: Vec::new(),
        limits: Vec::new(),
    }
}

/// A position, two strategies one of which is killed, a limit; the order.
async fn history(desk: &Arc<dyn Desk>, strategies: [StrategyUid; 2]) -> OrderUid {
    ready(desk).await;
    let order = trade(desk, Side::Buy, "5").await;
    for strategy in strategies {
        desk.activate(run(strategy, "ETH-USD"), "ann".to_owned()).await.unwrap();
    }
    let [_, killed] = strategies;
    desk.kill(KillLevel::Strategy, Some(killed), "enough".into(), "eve".into()).await.unwrap();
    let limits = desk.limits();
    let tighter = limits.limits.iter().find(|it| it.name == "order_qty").cloned().unwrap();
    let tighter = vec![LimitValue { value: amount("900"), ..tighter }];
    desk.set_limits(1, tighter, vec!["dan".to_owned()]).await.unwrap();
    order
}

/// Other fees are another session: one that holds something says what differs, and one that holds
/// nothing goes on with all that is not of its journal.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_other_fees_begins_another_journal_once_it_is_flat() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let dearer = |settings: &mut SessionSettings| settings.paper.fees.taker_e9 += 1;
    let (runs, killed) = (StrategyUid::new(), StrategyUid::new());
    let (first, desk) = start(folder.path(), &hub, tenant, |_| {}).await;
    let old = history(&desk, [runs, killed]).await;
    first.stop().await;

    let (second, desk) = start(folder.path(), &hub, tenant, dearer).await;
    until("failed", || desk.state().phase == Phase::Failed).await;
    let detail = desk.state().detail.unwrap();
    let what = "'latency 1000000 fees 200000 500000' is now 'latency 1000000 fees 200000 500001'";
    assert!(detail.contains(what) && detail.contains("a position in AAPL"), "{detail}");
    second.stop().await;

    // With the old ones it goes on, and can become flat.
    let (third, desk) = start(folder.path(), &hub, tenant, |_| {}).await;
    ready(&desk).await;
    desk.deactivate(runs, "ann".to_owned()).await.unwrap();
    desk.activate(run(runs, "ETH-USD"), "ann".to_owned()).await.unwrap();
    trade(&desk, Side::Sell, "5").await;
    until("flat", || desk.portfolio().positions.is_empty()).await;
    let (cash, day) = (desk.portfolio().cash, desk.portfolio().day_pnl);
    assert!(cash < amount("100000"), "fees were paid: {cash:?}");
    third.stop().await;

    for round in 0..3 {
        let (next, desk) = start(folder.path(), &hub, tenant, |settings| {
            dearer(settings);
            // The last one begins with the first event.
            if round == 2 {
                settings.paper.state_every = None;
            }
        })
        .await;
        ready(&desk).await;
        let portfolio = desk.portfolio();
        assert_eq!((portfolio.cash, portfolio.day_pnl), (cash, day), "round {round}");
        assert_eq!(portfolio.initial_capital, cash);
        until("it goes on", || desk.running() == Some(vec![runs])).await;
        assert_eq!((desk.limits().version, desk.limits().people.clone()), (2, vec!["dan".into()]));
        let limits = desk.limits();
        let qty = limits.limits.iter().find(|it| it.name == "order_qty").unwrap();
        assert_eq!(qty.value, amount("900"));
        let switches = desk.switches();
        assert_eq!((switches.len(), switches[0].subject.clone()), (1, killed.to_string()));
        assert!(switches[0].is_killed && switches[0].reason == "enough");
        let refused = desk.activate(run(killed, "ETH-USD"), "ann".to_owned()).await;
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
        // An identifier of before is not given again.
        let again = desk.place(old, market("AAPL", Side::Buy, "5"), "ann".to_owned()).await;
        assert!(again.is_err(), "{again:?}");
        next.stop().await;
    }
    let kept = kept(folder.path(), tenant);
    assert!(kept.join("journal-1.qtj").is_dir() && !kept.join("journal-2.qtj").exists());
    // It trades, with the new fees.
    let (last, desk) = start(folder.path(), &hub, tenant, dearer).await;
    ready(&desk).await;
    trade(&desk, Side::Buy, "5").await;
    assert!(desk.portfolio().fees > amount("0"));
    last.stop().await;
}

/// An instrument that is gone takes its limits along, and the strategies that traded it alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_instruments_are_others_goes_on_with_those_that_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let (all, tenant) = (hub(), TenantId::new());
    let (first, desk) = start(folder.path(), &all, tenant, |_| {}).await;
    ready(&desk).await;
    let (stays, goes) = (StrategyUid::new(), StrategyUid::new());
    desk.activate(run(stays, "AAPL"), "ann".to_owned()).await.unwrap();
    desk.activate(run(goes, "BTC-USD"), "ann".to_owned()).await.unwrap();
    let limits = desk.limits().limits.clone();
    first.stop().await;
    let instruments = defaults().into_iter().filter(|it| it.symbol != "BTC-USD").collect();
    let fewer = HubSettings { seed: Some(7), instruments, ..HubSettings::default() };
    let fewer = Hub::start(fewer).unwrap();
    let (second, desk) = start(folder.path(), &fewer, tenant, |_| {}).await;
    ready(&desk).await;
    until("it goes on", || desk.running() == Some(vec![stays])).await;
    let now = desk.limits().limits.clone();
    let left = limits.iter().filter(|it| it.symbol.as_deref() != Some("BTC-USD"));
    assert_eq!(now.iter().collect::<Vec<_>>(), left.collect::<Vec<_>>());
    trade(&desk, Side::Buy, "1").await;
    second.stop().await;
}

/// Where the session of `tenant` is kept.
fn kept(folder: &Path, tenant: TenantId) -> PathBuf {
    let account = qt_trading::ids::AccountId::paper(tenant);
    folder.join(tenant.to_string()).join(account.to_string())
}

/// As if the process had ended between the two steps of a renewal that has happened: what goes
/// along is written, and the old journal is in its place.
fn cut_off(folder: &Path) {
    fs::remove_dir_all(folder.join("journal.qtj")).unwrap();
    fs::rename(folder.join("journal-1.qtj"), folder.join("journal.qtj")).unwrap();
    assert!(folder.join("carried.json").exists());
}

/// A renewal that was cut off is done again, or not at all, and nothing is there twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_is_cut_off_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let dearer = |settings: &mut SessionSettings| settings.paper.fees.taker_e9 += 1;
    let (runs, killed) = (StrategyUid::new(), StrategyUid::new());
    let (first, desk) = start(folder.path(), &hub, tenant, |_| {}).await;
    let old = history(&desk, [runs, killed]).await;
    trade(&desk, Side::Sell, "5").await;
    until("flat", || desk.portfolio().positions.is_empty()).await;
    let (cash, day) = (desk.portfolio().cash, desk.portfolio().day_pnl);
    first.stop().await;
    let (second, desk) = start(folder.path(), &hub, tenant, dearer).await;
    ready(&desk).await;
    assert_eq!(desk.portfolio().cash, cash);
    second.stop().await;
    let kept = kept(folder.path(), tenant);
    // With the new settings it begins another journal, with the old ones it goes on.
    for is_renewed in [false, true, true] {
        if kept.join("journal-1.qtj").exists() {
            cut_off(&kept);
        }
        let change = |settings: &mut SessionSettings| {
            if is_renewed {
                dearer(settings);
            }
        };
        let (next, desk) = start(folder.path(), &hub, tenant, change).await;
        ready(&desk).await;
        let portfolio = desk.portfolio();
        assert_eq!((portfolio.cash, portfolio.day_pnl), (cash, day));
        // One that is killed belongs to the old journal, not to a new one.
        let goes_on = || desk.running().is_some_and(|all| all.contains(&runs));
        until("it goes on", goes_on).await;
        assert_eq!(desk.limits().version, 2);
        let switches = desk.switches();
        assert_eq!((switches.len(), switches[0].subject.clone()), (1, killed.to_string()));
        let again = desk.place(old, market("AAPL", Side::Buy, "5"), "ann".to_owned()).await;
        assert!(again.is_err(), "{again:?}");
        next.stop().await;
        assert_eq!(kept.join("journal-1.qtj").exists(), is_renewed);
        assert!(!kept.join("journal-2.qtj").exists());
    }
    // What goes along never grew by what was cut off.
    let carried = fs::read_to_string(kept.join("carried.json")).unwrap();
    assert_eq!(carried.matches(&old.to_string()).count(), 1, "{carried}");
}

/// A signal that was taken before is not taken again by the next journal, nor by the one after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_has_an_effect_once_also_when_the_session_begins_another_journal() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let taken = signal(3, "a", "AAPL", r#","quantity":"2""#);
    let mut seq = None;
    for more in 0..3 {
        let dearer = |settings: &mut SessionSettings| settings.paper.fees.taker_e9 += more;
        let (sessions, desk) = start(folder.path(), &hub, tenant, dearer).await;
        ready(&desk).await;
        let answer = one(&desk, taken.clone()).await.unwrap();
        let first = *seq.get_or_insert(answer.seq);
        assert_eq!(answer, SignalTaken { seq: first, is_new: more == 0 });
        let other = one(&desk, signal(4, &format!("a{more}"), "AAPL", "")).await.unwrap();
        assert!(other.is_new, "another one");
        sessions.stop().await;
    }
    assert!(kept(folder.path(), tenant).join("journal-2.qtj").is_dir());
}
