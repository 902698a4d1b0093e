//! A process with a session is killed again and again: what it has acknowledged is there
//! afterwards, once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use qt_journal::{RecordKind, verify};
use qt_trading::ids::{AccountId, OrderUid, TenantId};
use qt_trading::{Desk, Order, OrderStatus, Refusal, Side, Trading};
use rust_decimal::Decimal;

use crate::common::{hub, limit, market, ready, sessions, until};

const FOLDER: &str = "QT_SESSION_FOLDER";
const TENANT: &str = "0190a5a0-0000-7000-8000-000000000001";

fn kills() -> u64 {
    std::env::var("QT_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// How many lines the life of number `round` gets to say: in all of them fewer than the orders that
/// are over and stay in memory.
fn lines(round: u64) -> u64 {
    assert!(kills() <= 250, "more lives have more orders than are in memory");
    1 + round * 7 % (500 / kills()).min(23)
}

/// The process that is killed: it asks without end and says what was acknowledged. Nothing where
/// nobody asked for it.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let hub = hub();
    let sessions = sessions(Path::new(&folder), &hub);
    let desk = sessions.desk(TENANT.parse().unwrap()).await.unwrap();
    ready(&desk).await;
    println!("ready");
    for round in 0_u64.. {
        let (id, side) = (OrderUid::new(), if round % 2 == 0 { Side::Buy } else { Side::Sell });
        let order = match round % 5 {
            0..3 => market("AAPL", side, "3"),
            3 => limit("EURUSD", Side::Buy, "7", "0.9"),
            _ => market("EURUSD", side, "11"),
        };
        match desk.place(id, order, "user".to_owned()).await {
            Ok(_) => println!("placed {id}"),
            Err(refusal) => println!("refused {refusal}"),
        }
        if round % 5 == 3 {
            let _ = desk.cancel(id, "user".to_owned()).await;
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// One life: how many lines it gets to say after it is ready.
fn live(folder: &Path, lines: u64, acknowledged: &mut Vec<OrderUid>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["killed::child", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = 0;
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let mut is_ready = false;
    while out.read_line(&mut line).unwrap() > 0 {
        is_ready |= line.contains("ready");
        // The test harness says something of its own before the first.
        if let Some((_, id)) = line.trim().rsplit_once("placed ") {
            acknowledged.push(id.parse().unwrap());
        }
        said += u64::from(is_ready);
        line.clear();
        if said > lines {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(is_ready, "it never came so far");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_once_after_every_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..kills() {
        live(folder.path(), lines(round), &mut acknowledged);
    }
    assert!(!acknowledged.is_empty());
    let tenant: TenantId = TENANT.parse().unwrap();
    let journal = folder.path().join(tenant.to_string());
    let journal = journal.join(AccountId::paper(tenant).to_string()).join("journal.qtj");
    let report = verify(&journal).unwrap();
    assert!(report.is_whole(), "{report}");
    println!("{report}");
    assert!(report.records_of(RecordKind::Snapshot) > kills() / 4, "{report}");
    let hub = hub();
    let sessions = sessions(folder.path(), &hub);
    let desk = sessions.desk(tenant).await.unwrap();
    ready(&desk).await;
    let is_settled = || {
        let orders = desk.orders();
        orders.iter().all(|it| it.status.is_final() || it.status == OrderStatus::Open)
    };
    until("settled", is_settled).await;
    let orders = desk.orders();
    let ids: BTreeSet<OrderUid> = orders.iter().map(|order| order.id).collect();
    assert_eq!(ids.len(), orders.len(), "an order is there twice");
    let lost: Vec<_> = acknowledged.iter().filter(|id| !ids.contains(id)).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), acknowledged.len());
    // What was asked for when it was killed may be there without an answer.
    assert!(orders.len() as u64 <= acknowledged.len() as u64 + kills());
    conserves(&desk, &orders);
    let again = desk.place(acknowledged[0], market("AAPL", Side::Buy, "1"), "user".into()).await;
    assert!(matches!(again, Err(Refusal::Conflict(_))), "{again:?}");
    sessions.stop().await;
}

/// Positions and cash are the sums of the executions, and each order has its own.
fn conserves(desk: &Arc<dyn Desk>, orders: &[Arc<Order>]) {
    let executions = desk.executions();
    let portfolio = desk.portfolio();
    let mut cash = portfolio.initial_capital.0;
    let mut held: BTreeMap<&str, Decimal> = BTreeMap::new();
    let mut filled: BTreeMap<OrderUid, Decimal> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for it in &executions {
        assert!(seen.insert(it.id), "an execution is there twice");
        let sign = if it.side == Side::Buy { Decimal::ONE } else { -Decimal::ONE };
        cash -= sign * it.price.0 * it.quantity.0 + it.fee.0;
        *held.entry(&it.symbol).or_default() += sign * it.quantity.0;
        *filled.entry(it.order_id).or_default() += it.quantity.0;
    }
    for order in orders {
        let of_it = filled.get(&order.id).copied().unwrap_or_default();
        assert_eq!(order.filled_quantity.0, of_it, "{order:?}");
    }
    assert_eq!(portfolio.cash.0, cash.normalize());
    held.retain(|_, quantity| !quantity.is_zero());
    let positions: BTreeMap<&str, Decimal> =
        portfolio.positions.iter().map(|it| (it.symbol.as_str(), it.quantity.0)).collect();
    assert_eq!(positions, held);
}
