//! Strategies of the real service: what the store says of them, and what portals are shown.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::flow::until;
use crate::place::{Place, Way};

async fn made(way: &Way) -> String {
    let body = json!({"name": "crosses", "strategy_type": "sma_cross", "symbols": ["AAPL"]});
    let made = way.ask("POST", "/strategies", Some(&body.to_string())).await;
    assert_eq!(made.status, 201, "{}", made.json());
    made.json()["id"].as_str().expect("an id").to_owned()
}

/// Puts `status` into the row of the only strategy, as if nobody had written down another one.
fn says(folder: &std::path::Path, status: &str) {
    let url = format!("sqlite://{}", folder.join("quanttrade.sqlite").display());
    let sql = format!("UPDATE strategies SET status = '{status}'");
    let writing = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            use sqlx::{Connection, Executor};
            let mut connection = sqlx::SqliteConnection::connect(&url).await.expect("the database");
            let done = connection.execute(sqlx::AssertSqlSafe(sql)).await.expect("a statement");
            assert_eq!(done.rows_affected(), 1);
            connection.close().await.expect("it closes");
        });
    });
    writing.join().expect("it is written");
}

/// The process ended between the journal and the answer: the session runs it, the store does not
/// know. And the other way round: the journal of an activation is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_learns_from_the_session_which_strategies_run() {
    let place = Place::sqlite().await;
    let way = place.directly();
    let path = format!("/strategies/{}", made(&way).await);
    let activated = way.ask("POST", &format!("{path}/activate"), None).await;
    assert_eq!(activated.status, 200, "{}", activated.json());
    drop(way);
    let place = place.restart_after(|folder| says(folder, "stopped")).await;
    let way = place.directly();
    until(&way, &path, |it| it["status"] == "active").await;
    // What runs cannot be removed, and can be stopped.
    assert_eq!(way.ask("DELETE", &path, None).await.status, 409);
    let stopped = way.ask("POST", &format!("{path}/deactivate"), None).await;
    assert_eq!(stopped.status, 200, "{}", stopped.json());
    drop(way);
    let place = place.restart_after(|folder| says(folder, "active")).await;
    let way = place.directly();
    until(&way, &path, |it| it["status"] == "stopped").await;
    let again = way.ask("POST", &format!("{path}/activate"), None).await;
    assert_eq!(again.status, 200, "{}", again.json());
}

fn amount(of: &Value) -> Decimal {
    of.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{of} is no amount"))
}

async fn trade(way: &Way, strategy: &str, side: &str, quantity: &str) {
    let order = json!({"symbol": "AAPL", "side": side, "type": "market", "quantity": quantity,
        "strategy_id": strategy});
    let placed = way.ask("POST", "/trades", Some(&order.to_string())).await;
    assert_eq!(placed.status, 201, "{}", placed.json());
    let path = format!("/orders/{}", placed.json()["id"].as_str().expect("an id"));
    until(way, &path, |order| order["status"] == "filled").await;
}

/// Two bought and one sold for a strategy: every figure follows from the trades.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn portals_are_shown_figures_that_follow_from_the_trades() {
    let place = Place::sqlite().await;
    let way = place.directly();
    let strategy = made(&way).await;
    let activated = way.ask("POST", &format!("/strategies/{strategy}/activate"), None).await;
    assert_eq!(activated.status, 200, "{}", activated.json());
    trade(&way, &strategy, "buy", "2").await;
    trade(&way, &strategy, "sell", "1").await;
    let trades = until(&way, "/views/portal/trades", |it| it[0]["type"] == "sell").await;
    let trades = trades.as_array().expect("a list");
    // What is bought may come in parts; one of the smallest quantity that there is cannot.
    let worth = |kind: &str| -> Decimal {
        let of = trades.iter().filter(|it| it["type"] == kind);
        of.map(|it| amount(&it["price"]) * amount(&it["quantity"])).sum()
    };
    let (bought, sold) = (worth("buy"), worth("sell"));
    let fees = (bought + sold) * Decimal::new(5, 4);
    let average = bought / Decimal::from(2);

    let is_shown = |it: &Value| it[0]["totalTrades"] == trades.len();
    let own = until(&way, "/views/portal/strategies", is_shown).await[0].clone();
    assert_eq!((&own["id"], &own["status"]), (&json!(strategy), &json!("active")));
    assert_eq!(amount(&own["fees"]), fees, "{own}");
    if trades.len() == 2 {
        let realized = sold - average;
        assert_eq!(amount(&own["realizedPnL"]), realized, "{own}");
        assert_eq!(own["winRate"], f64::from(u8::from(realized > Decimal::ZERO)), "{own}");
    }

    let is_held = |it: &Value| it["positions"][0]["quantity"] == "1";
    let portfolio = until(&way, "/views/portal/portfolio", is_held).await;
    let position = &portfolio["positions"][0];
    assert_eq!(amount(&position["avgPrice"]), average, "{position}");
    let value = amount(&position["marketValue"]);
    assert_eq!(amount(&position["currentPrice"]), value, "{position}");
    assert_eq!(amount(&position["unrealizedPnL"]), value - average, "{position}");
    let cash = Decimal::from(100_000) - bought + sold - fees;
    assert_eq!(amount(&portfolio["cashBalance"]), cash, "{portfolio}");
    assert_eq!(amount(&portfolio["totalValue"]), cash + value, "{portfolio}");
    let earned = cash + value - Decimal::from(100_000);
    assert_eq!(amount(&portfolio["totalReturn"]), earned, "{portfolio}");
    assert_eq!(amount(&portfolio["dailyChange"]), earned, "all of it is of today: {portfolio}");
    assert_eq!(portfolio["activePositions"], 1);
    let percent = portfolio["totalReturnPercent"].as_f64().expect("a number");
    let share = f64::try_from(earned / Decimal::from(1_000)).expect("a number");
    assert!((percent - share).abs() < 1e-5, "{percent} {share}");
    let positions = way.ask("GET", "/views/portal/positions", None).await.json();
    let known = (&positions[0]["symbol"], &positions[0]["side"], &positions[0]["sector"]);
    assert_eq!(known, (&json!("AAPL"), &json!("long"), &json!("equity")), "{positions}");
}
