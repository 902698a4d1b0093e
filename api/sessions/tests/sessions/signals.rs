//! Signals of sources: each has an effect once, in its source's name and within its budget.

use std::sync::Arc;

use qt_sessions::Sessions;
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Desk, LimitValue, SignalAnswer, SignalIn, SignalTaken, StrategyRun, Trading};
use uuid::Uuid;

use crate::common::{amount, hub, ready, sessions, settings, until};

fn run(id: StrategyUid, source: u16, limits: &[(&str, &str)]) -> StrategyRun {
    let limit = |(name, value): &(&str, &str)| LimitValue {
        name: (*name).to_owned(),
        level: "strategy".to_owned(),
        symbol: None,
        value: amount(value),
        unit: String::new(),
    };
    StrategyRun {
        id,
        strategy_type: "ai_signal_follow".to_owned(),
        symbols: vec!["AAPL".to_owned(), "EURUSD".to_owned()],
        parameters: vec![("source".to_owned(), source.to_string())],
        limits: limits.iter().map(limit).collect(),
    }
}

pub fn signal(source: u16, name: &str, symbol: &str, more: &str) -> SignalIn {
    let body = format!(
        r#"{{"schema_version":1,"signal_id":"{name}","symbol":"{symbol}","action":"buy",
        "confidence":0.9,"horizon_seconds":3600,"issued_at":"2026-01-31T09:30:00Z",
        "expires_at":"2099-01-31T09:30:00Z"{more}}}"#
    );
    // The horizon counts from the issue: as late as there is.
    let body = body.replace("\"horizon_seconds\":3600", "\"horizon_seconds\":31622400");
    SignalIn { id: Uuid::now_v7(), source, body, only_if_known: false }
}

pub async fn one(desk: &Arc<dyn Desk>, signal: SignalIn) -> SignalAnswer {
    desk.signals(vec![signal]).await.unwrap().pop().unwrap()
}

fn orders_of(desk: &Arc<dyn Desk>, strategy: StrategyUid) -> usize {
    desk.orders().iter().filter(|order| order.strategy_id == Some(strategy)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_has_an_effect_once_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant, source) = (hub(), TenantId::new(), StrategyUid::new());
    let buy = signal(3, "a", "AAPL", r#","quantity":"2""#);
    let seq = {
        let sessions = sessions(folder.path(), &hub);
        let desk = sessions.desk(tenant).await.unwrap();
        ready(&desk).await;
        desk.activate(run(source, 3, &[]), "ann".into()).await.unwrap();
        let foreign = signal(4, "a", "AAPL", r#","quantity":"2""#);
        let taken = one(&desk, foreign).await.unwrap();
        assert!(taken.is_new && orders_of(&desk, source) == 0, "another source's");
        let SignalTaken { seq, is_new } = one(&desk, buy.clone()).await.unwrap();
        assert!(is_new && seq > taken.seq);
        until("bought", || desk.portfolio().positions.len() == 1).await;
        assert_eq!(orders_of(&desk, source), 1);
        assert_eq!(desk.portfolio().positions[0].quantity, amount("2"));
        assert_eq!(one(&desk, buy.clone()).await, Ok(SignalTaken { seq, is_new: false }));
        sessions.stop().await;
        seq
    };
    // It is made again from its journal, which is held against what comes of it.
    let sessions = sessions(folder.path(), &hub);
    let desk = sessions.desk(tenant).await.unwrap();
    ready(&desk).await;
    assert_eq!(one(&desk, buy).await, Ok(SignalTaken { seq, is_new: false }));
    assert_eq!(orders_of(&desk, source), 1);
    let close = signal(3, "b", "AAPL", "");
    let close = SignalIn { body: close.body.replace("\"buy\"", "\"close\""), ..close };
    assert!(one(&desk, close).await.unwrap().is_new);
    until("closed", || desk.portfolio().positions.is_empty()).await;
    sessions.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_over_its_budget_cannot_trade_while_another_can() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let (poor, rich) = (StrategyUid::new(), StrategyUid::new());
    {
        let sessions = sessions(folder.path(), &hub);
        let desk = sessions.desk(tenant).await.unwrap();
        ready(&desk).await;
        let wrong = run(poor, 1, &[("order_notional", "1")]);
        assert!(desk.activate(wrong, "ann".into()).await.is_err(), "an instrument's limit");
        desk.activate(run(poor, 1, &[("exposure", "10")]), "ann".into()).await.unwrap();
        desk.activate(run(rich, 2, &[("exposure", "50000")]), "ann".into()).await.unwrap();
        let buys = [signal(1, "a", "AAPL", ""), signal(2, "a", "AAPL", "")];
        for answer in desk.signals(buys.to_vec()).await.unwrap() {
            assert!(answer.unwrap().is_new);
        }
        until("the rich one buys", || orders_of(&desk, rich) == 1).await;
        assert_eq!(orders_of(&desk, poor), 0, "its order was denied");
        // Other limits of all strategies leave a budget as it is, unless they are tighter.
        let limits = desk.limits();
        let wider = LimitValue { value: amount("150000"), ..exposure() };
        desk.set_limits(limits.version, vec![wider], vec!["ann".into()]).await.unwrap();
        one(&desk, signal(1, "b", "AAPL", "")).await.unwrap();
        assert_eq!(orders_of(&desk, poor), 0);
        sessions.stop().await;
    }
    let sessions = sessions(folder.path(), &hub);
    let desk = sessions.desk(tenant).await.unwrap();
    ready(&desk).await;
    one(&desk, signal(1, "c", "AAPL", "")).await.unwrap();
    assert_eq!(orders_of(&desk, poor), 0);
    // With a wider budget of its own it trades.
    desk.activate(run(poor, 1, &[("exposure", "50000")]), "ann".into()).await.unwrap();
    one(&desk, signal(1, "d", "AAPL", "")).await.unwrap();
    until("the poor one buys", || orders_of(&desk, poor) == 1).await;
    sessions.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_has_lost_its_budget_opens_nothing_more_while_another_does() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let (poor, rich) = (StrategyUid::new(), StrategyUid::new());
    let sessions = sessions(folder.path(), &hub);
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let limits = |loss| [("exposure", "50000"), ("daily_loss", loss)];
    desk.activate(run(poor, 1, &limits("0.01")), "ann".into()).await.unwrap();
    desk.activate(run(rich, 2, &limits("5000")), "ann".into()).await.unwrap();
    let named = |source, name: &str, action: &str| {
        let signal = signal(source, name, "AAPL", "");
        SignalIn { body: signal.body.replace("\"buy\"", &format!("\"{action}\"")), ..signal }
    };
    // There and back costs more than it may lose: fees and what lies between the prices.
    one(&desk, named(1, "a", "buy")).await.unwrap();
    until("bought", || desk.portfolio().positions.len() == 1).await;
    one(&desk, named(1, "b", "close")).await.unwrap();
    until("closed", || desk.portfolio().positions.is_empty()).await;
    assert_eq!(orders_of(&desk, poor), 2, "what makes a position smaller is let through");
    one(&desk, named(1, "c", "buy")).await.unwrap();
    one(&desk, named(2, "c", "buy")).await.unwrap();
    until("the other one buys", || orders_of(&desk, rich) == 1).await;
    assert_eq!(orders_of(&desk, poor), 2, "its order was denied");
    sessions.stop().await;
}

fn exposure() -> LimitValue {
    LimitValue {
        name: "exposure".to_owned(),
        level: "strategy".to_owned(),
        symbol: None,
        value: amount("1"),
        unit: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_session_cannot_take_has_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let sessions = sessions(folder.path(), &hub);
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let before = desk.state().events;
    let expired = signal(1, "c", "AAPL", "");
    let expired = SignalIn { body: expired.body.replace("2099", "2026"), ..expired };
    let expired = SignalIn {
        body: expired.body.replace("01-31T09:30:00Z\"}", "02-01T09:30:00Z\"}"),
        ..expired
    };
    let all = vec![
        signal(1, "a", "NONE", ""),
        signal(1, "b", "AAPL", r#","quantity":"0.000000001""#),
        expired,
        SignalIn { body: "{".to_owned(), ..signal(1, "e", "AAPL", "") },
        signal(1, "d", "AAPL", ""),
    ];
    let answers = desk.signals(all).await.unwrap();
    let codes: Vec<&str> =
        answers.iter().map(|it| it.as_ref().map_or_else(|why| why.code, |_| "taken")).collect();
    let wanted =
        ["SIGNAL_UNKNOWN_SYMBOL", "SIGNAL_SIZE", "SIGNAL_EXPIRED", "SIGNAL_MALFORMED", "taken"];
    assert_eq!(codes, wanted);
    assert!(desk.state().events > before);
    sessions.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_only_asked_about_has_no_effect() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let sessions = sessions(folder.path(), &hub);
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let given = signal(1, "a", "AAPL", "");
    let asked = SignalIn { only_if_known: true, ..given.clone() };
    let why = one(&desk, asked.clone()).await.unwrap_err();
    assert_eq!(why.code, qt_trading::SIGNAL_NOT_HEARD);
    let taken = one(&desk, given).await.unwrap();
    assert!(taken.is_new, "asking has not made it known");
    // Whatever the clock says by now.
    let soon = signal(1, "b", "AAPL", "");
    let at = Time(Time::now().0 + 2_000_000_000).to_string();
    let soon = SignalIn { body: soon.body.replace("2099-01-31T09:30:00Z", &at), ..soon };
    let taken = one(&desk, soon.clone()).await.unwrap();
    until("expired", || Time::now().to_string() > at).await;
    let asked = SignalIn { only_if_known: true, ..soon };
    assert_eq!(one(&desk, asked).await, Ok(SignalTaken { is_new: false, ..taken }));
    sessions.stop().await;
}

/// What the journal has under a name is what counts, whoever asks and whatever else was lost.
#[tokio::test(flavor = "multi_thread")]
async fn another_signal_under_a_name_of_the_journal_is_refused() {
    let (hub, tenant) = (hub(), TenantId::new());
    let first = signal(1, "a", "AAPL", r#","quantity":"2""#);
    let other = signal(1, "a", "AAPL", r#","quantity":"3""#);
    // It says the same, in other words.
    let alike = SignalIn { body: first.body.replace(r#""2""#, "2.0"), ..first.clone() };
    for has_states in [true, false] {
        let (folder, mut seq) = (tempfile::tempdir().unwrap(), None);
        for is_first in [true, false] {
            let mut settings = settings(folder.path());
            if !has_states {
                // It is made again from all of its journal.
                settings.paper.state_every = None;
            }
            let sessions = Sessions::start(settings, Arc::clone(&hub)).unwrap();
            let desk = sessions.desk(tenant).await.unwrap();
            ready(&desk).await;
            let taken = one(&desk, first.clone()).await.unwrap();
            assert_eq!((taken.seq, taken.is_new), (*seq.get_or_insert(taken.seq), is_first));
            for only_if_known in [false, true] {
                let other = SignalIn { only_if_known, ..other.clone() };
                let why = one(&desk, other).await.unwrap_err();
                assert_eq!(why.code, qt_trading::SIGNAL_DUPLICATE);
            }
            let again = SignalTaken { is_new: false, ..taken };
            assert_eq!(one(&desk, alike.clone()).await, Ok(again));
            // Another source may call its own so.
            let of_other = SignalIn { source: 2, ..other.clone() };
            assert_eq!(one(&desk, of_other).await.unwrap().is_new, is_first);
            sessions.stop().await;
        }
    }
}
