//! Questions, and what the venue says to them.

use qt_engine::{Answer, Question, VenueState};
use qt_types::{ExecId, InstrumentId, Nanos, OrderId, Price, Qty, RejectReason, Side};
use serde_json::{Value, json};

use super::desk::*;

const ONE: Question = Question::Order { instrument: InstrumentId(0), order: id_of_one() };

const fn id_of_one() -> OrderId {
    OrderId::new(3, 1)
}

fn order(name: &str, number: u64, status: &str, executed: &str) -> Value {
    json!({"symbol": "ETHUSDT", "orderId": number, "orderListId": -1, "clientOrderId": name,
        "price": "2500.00000000", "origQty": "1.00000000", "executedQty": executed,
        "status": status, "timeInForce": "GTC", "type": "LIMIT", "side": "SELL"})
}

fn trade(number: i64, of: u64, qty: &str) -> Value {
    json!({"symbol": "ETHUSDT", "id": number, "orderId": of, "orderListId": -1,
        "price": "2500.00000000", "qty": qty, "quoteQty": "1", "commission": "0.00000000",
        "commissionAsset": "BNB", "time": START / MILLI, "isBuyer": false, "isMaker": true,
        "isBestMatch": true})
}

fn is_end(answer: &Answer) -> bool {
    matches!(answer, Answer::End { .. })
}

#[test]
fn an_order_with_its_executions() {
    let desk = &mut Desk::up();
    desk.ask(9, ONE);
    let asked = &desk.last("order.status")["params"];
    assert_eq!(asked["origClientOrderId"], "qt0003000000000001");
    desk.answer("order.status", order("qt0003000000000001", 77, "PARTIALLY_FILLED", "0.5"));
    assert_eq!(desk.last("myTrades")["params"]["orderId"], 77);
    desk.answer("myTrades", json!([trade(4, 77, "0.2"), trade(5, 77, "0.3")]));
    let parts = desk.parts(9);
    let Answer::Order(found) = parts[0] else { panic!("{parts:?}") };
    assert_eq!((found.order, found.number, found.state), (id(1), 77, VenueState::Open));
    assert_eq!((found.side, found.price), (Side::Sell, Price::from_ticks(250_000)));
    assert_eq!((found.qty, found.executed), (Qty::from_lots(1_000), Qty::from_lots(500)));
    let Answer::Execution(second) = parts[2] else { panic!("{parts:?}") };
    assert_eq!((second.report.exec, second.report.qty), (ExecId(6), Qty::from_lots(300)));
    assert_eq!(second.report.order, id(1));
    assert!(is_end(&parts[3]) && parts.len() == 4);
}

#[test]
fn states() {
    for (status, executed, wanted) in [
        ("FILLED", "1.00000000", VenueState::Filled),
        ("REJECTED", "0", VenueState::Rejected(RejectReason::VenueRefused)),
        ("EXPIRED", "0.5", VenueState::Cancelled(RejectReason::VenueRefused)),
        ("EXPIRED_IN_MATCH", "0.5", VenueState::Cancelled(RejectReason::SelfTrade)),
        ("CANCELED", "0.5", VenueState::Cancelled(RejectReason::Requested)),
        ("PENDING_NEW", "0", VenueState::Open),
    ] {
        let desk = &mut Desk::up();
        desk.ask(1, ONE);
        desk.answer("order.status", order("qt0003000000000001", 77, status, executed));
        let parts = desk.parts(1);
        let Answer::Order(found) = parts[0] else { panic!("{parts:?}") };
        assert_eq!(found.state, wanted, "{status}");
    }
    // A state that nobody knows, and a quantity that is no number of lots, are no answers.
    for (status, executed) in [("HIBERNATING", "0"), ("NEW", "0.00001"), ("NEW", "much")] {
        let desk = &mut Desk::up();
        desk.ask(1, ONE);
        desk.answer("order.status", order("qt0003000000000001", 77, status, executed));
        assert_eq!(desk.parts(1), [Answer::Failed], "{status} {executed}");
    }
}

#[test]
fn no_such_order_and_no_answer() {
    for (status, code, is_known) in [
        (400, -2013, true),
        (400, -2026, true),
        (400, -1121, false),
        (503, -2013, false),
        (400, -1007, false),
        (429, -1003, false),
    ] {
        let desk = &mut Desk::up();
        desk.ask(1, ONE);
        desk.refuse("order.status", status, code, "no");
        let parts = desk.parts(1);
        assert_eq!(parts.len(), 1);
        assert_eq!(is_end(&parts[0]), is_known, "{code}: {parts:?}");
    }
    let desk = &mut Desk::up();
    desk.ask(1, ONE);
    desk.wait(11 * SECOND);
    assert_eq!(desk.parts(1), [Answer::Failed], "nobody has answered");
    desk.answer("order.status", order("qt0003000000000001", 77, "NEW", "0"));
    assert_eq!(desk.parts(1), [], "too late");
    let other = Question::Order { instrument: InstrumentId(9), order: id(1) };
    desk.ask(2, other);
    assert_eq!(desk.parts(2), [Answer::Failed]);
}

#[test]
fn all_that_is_open() {
    let desk = &mut Desk::up();
    desk.ask(3, Question::Open);
    let asked: Vec<Value> = desk
        .sent
        .iter()
        .filter(|it| it.1["method"] == "openOrders.status")
        .map(|it| it.1.clone())
        .collect();
    assert_eq!(asked.len(), 2, "one for each symbol");
    let link = desk.link();
    let answer =
        |number: &Value, result: Value| json!({"id": number, "status": 200, "result": result});
    let ours = order("qt0003000000000001r0002", 77, "NEW", "0");
    let theirs = order("web_5b1c3d", 78, "OF_TOMORROW", "0");
    desk.frame(link, &answer(&asked[0]["id"], json!([ours, theirs])));
    assert!(!desk.parts(3).iter().any(is_end), "half of it");
    desk.frame(link, &answer(&asked[1]["id"], json!([])));
    assert!(is_end(&desk.parts(3)[0]));
    // The order has another name by now, and is cancelled under that.
    desk.submit(&cancel(1));
    let name = &desk.last("order.cancel")["params"]["origClientOrderId"];
    assert_eq!(name, "qt0003000000000001r0002");
}

#[test]
fn foreign_orders_have_no_id_of_ours() {
    let desk = &mut Desk::up();
    desk.ask(3, Question::Open);
    let theirs = order("web_5b1c3d", 78, "NEW", "0.25");
    // The last request is that of the second symbol; its answer may name any.
    desk.answer("openOrders.status", json!([theirs]));
    let parts = desk.parts(3);
    let Answer::Order(found) = parts[0] else { panic!("{parts:?}") };
    assert_eq!((found.order, found.number), (OrderId::NONE, 78));
}

#[test]
fn executions_in_pages_and_of_unknown_owners() {
    let desk = &mut Desk::up();
    // Two and a half windows back.
    let since_ns = Nanos::new(START - 60 * 3_600 * SECOND);
    let mut one_symbol = settings(hmac());
    one_symbol.traded.truncate(1);
    *desk = Desk::new(one_symbol);
    desk.connect();
    desk.events();
    desk.ask(4, Question::Executions { since_ns });
    let asked = desk.last("myTrades")["params"].clone();
    assert_eq!(asked["startTime"], since_ns.get() / MILLI);
    let window = asked["endTime"].as_i64().unwrap() - asked["startTime"].as_i64().unwrap();
    assert_eq!(window, 24 * 3_600_000 - 1);
    desk.answer("myTrades", json!([]));
    let next = desk.last("myTrades")["params"].clone();
    assert_eq!(next["startTime"].as_i64().unwrap(), asked["endTime"].as_i64().unwrap() + 1);
    // A full page: from the last number on.
    let rows: Vec<Value> = (0..1_000).map(|at| trade(at, 70 + at as u64 % 2, "0.001")).collect();
    desk.answer("myTrades", json!(rows));
    assert_eq!(desk.last("myTrades")["params"]["fromId"], 1_000);
    assert_eq!(desk.count("order.status"), 2, "each owner is asked for once");
    desk.answer("myTrades", json!([trade(1_000, 70, "0.001")]));
    let owners: Vec<Value> = desk
        .sent
        .iter()
        .filter(|it| it.1["method"] == "order.status")
        .map(|it| it.1.clone())
        .collect();
    let link = desk.link();
    for asked in owners {
        let number = asked["params"]["orderId"].as_u64().unwrap();
        let name = if number == 70 { "qt0003000000000001" } else { "web_1" };
        let result = order(name, number, "FILLED", "1");
        desk.frame(link, &json!({"id": asked["id"], "status": 200, "result": result}));
    }
    let parts = desk.parts(4);
    let of = |order: OrderId| {
        let is_of = |it: &&Answer| matches!(it, Answer::Execution(it) if it.report.order == order);
        parts.iter().filter(is_of).count()
    };
    assert_eq!((of(id(1)), of(OrderId::NONE)), (501, 500));
    assert_eq!(parts.iter().filter(|it| is_end(it)).count(), 1);
    assert!(is_end(parts.last().unwrap()));
    // The next time the owners are known.
    desk.ask(5, Question::Executions { since_ns: Nanos::new(START - SECOND) });
    desk.answer("myTrades", json!([trade(1_001, 70, "0.001")]));
    assert_eq!((desk.parts(5).len(), desk.count("order.status")), (2, 2));
}

#[test]
fn history_has_a_bound() {
    // A week, or a day for whoever knows of no time at all: he has no orders yet.
    for (since_ns, days) in [(START - 90 * 86_400 * SECOND, 7), (i64::MIN, 1)] {
        let mut one_symbol = settings(hmac());
        one_symbol.traded.truncate(1);
        let desk = &mut Desk::new(one_symbol);
        desk.connect();
        desk.events();
        desk.ask(1, Question::Executions { since_ns: Nanos::new(since_ns) });
        let mut windows = 0;
        let end = loop {
            windows += 1;
            desk.answer("myTrades", json!([]));
            if let Some(part) = desk.parts(1).first() {
                break *part;
            }
            assert!(windows < 20);
        };
        assert!((days..=days + 1).contains(&windows), "{windows}");
        let Answer::End { reaches_ns } = end else { panic!("{end:?}") };
        let back_ns = START + AHEAD - reaches_ns.get();
        assert!((back_ns - days * 86_400 * SECOND).abs() <= SECOND, "{back_ns}");
    }
}

#[test]
fn positions_are_what_the_balance_has_changed_by() {
    let desk = &mut Desk::up();
    for (free, locked, wanted) in [
        ("10", "0.5", None),
        ("11.25", "0.5", Some(1_250)),
        // A commission in kind leaves a part of a lot: whole lots count, towards zero.
        ("11.2489999", "0.5", Some(1_248)),
        ("9.9999", "0.5", None),
        ("8.25", "0", Some(-2_250)),
    ] {
        desk.ask(6, Question::Positions);
        desk.answer("account.status", balances(free, locked));
        let parts = desk.parts(6);
        let wanted = wanted.map(|lots| Answer::Position(InstrumentId(0), Qty::from_lots(lots)));
        let found = parts.iter().find(|it| !is_end(it)).copied();
        assert_eq!(found, wanted, "{free}");
        assert!(is_end(parts.last().unwrap()));
    }
    desk.ask(7, Question::Positions);
    desk.answer("account.status", balances("much", "0"));
    assert_eq!(desk.parts(7), [Answer::Failed]);
}

#[test]
fn questions_stay_within_the_weight() {
    let desk = &mut Desk::up();
    let mut failed = 0;
    for number in 0..1_000 {
        desk.ask(number, Question::Positions);
        failed += usize::from(desk.parts(number) == [Answer::Failed]);
    }
    // 20 each, of the four fifths of 6000 that are for questions.
    let asked = desk.count("account.status");
    assert!((230..=240).contains(&asked), "{asked}");
    assert_eq!(failed, 1_000 - asked + 1);
    desk.submit(&new(1, limit(250_000), 1_000));
    assert_eq!(desk.count("order.place"), 1);
}
