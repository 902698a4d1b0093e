//! Questions, and what comes back by either way.

use qt_engine::{Answer, Question, VenueState};
use qt_types::{ExecId, InstrumentId, Nanos, OrderId, Price, Qty, ReportKind};
use serde_json::json;

use super::super::super::*;
use super::super::desk::*;
use super::*;
use crate::machine::Closed;

const TRADES: &str = "/fapi/v1/userTrades";
const OPEN: &str = "/fapi/v1/openOrders";
const INCOME: &str = "/fapi/v1/income";

fn order_json(number: u64, client: &str, status: &str, executed: &str) -> Value {
    json!({"symbol": "ETHUSDT", "orderId": number, "clientOrderId": client, "price": "2500.00",
        "avgPrice": "0.00000", "origQty": "1.000", "executedQty": executed, "cumQuote": "0",
        "status": status, "timeInForce": "GTC", "type": "LIMIT", "reduceOnly": false,
        "closePosition": false, "side": "SELL", "positionSide": "BOTH", "time": 1, "updateTime": 2})
}

fn trade_json(id: i64, order: u64, qty: &str) -> Value {
    json!({"symbol": "ETHUSDT", "id": id, "orderId": order, "side": "SELL", "price": "2500.00",
        "qty": qty, "realizedPnl": "0", "quoteQty": "1", "commission": "0.01",
        "commissionAsset": "USDT", "time": START / MILLI, "positionSide": "BOTH", "maker": true,
        "buyer": false})
}

#[test]
fn an_order_by_its_name_and_its_executions() {
    let desk = &mut Desk::futures();
    desk.ask(7, Question::Order { instrument: InstrumentId(0), order: id(1) });
    let params = &desk.last("order.status")["params"];
    assert_eq!(params["origClientOrderId"], "qt0003000000000001");
    let told = order_json(77, "qt0003000000000001", "CANCELED", "0.400");
    desk.answer("order.status", told);
    // A cancelled order is what it is: no other one has taken its place.
    assert_eq!(desk.count("order.status"), 1);
    let url = desk.answer_call(TRADES, &json!([trade_json(12, 77, "0.400")]));
    assert!(url.contains("orderId=77"), "{url}");
    let parts = desk.parts(7);
    let [Answer::Order(order), Answer::Execution(it), Answer::End { .. }] = parts[..] else {
        panic!("{parts:?}")
    };
    assert!(matches!(order.state, VenueState::Cancelled(_)));
    assert_eq!((order.executed, order.price), (Qty::from_lots(400), Price::from_ticks(25_000)));
    assert_eq!((it.report.order, it.report.exec), (id(1), ExecId(13)));
    assert_eq!(
        (it.report.fee.nano(), it.report.liquidity),
        (10_000_000, qt_types::Liquidity::Maker)
    );
    // One without an execution is not looked for under another name either.
    desk.ask(8, Question::Order { instrument: InstrumentId(0), order: id(2) });
    desk.answer("order.status", order_json(78, "qt0003000000000002", "CANCELED", "0.000"));
    assert_eq!(desk.count("order.status"), 2);
    assert!(matches!(desk.parts(8)[..], [Answer::Order(_), Answer::End { .. }]));
    desk.ask(9, Question::Order { instrument: InstrumentId(0), order: id(3) });
    desk.refuse("order.status", 400, -2013, "Order does not exist.");
    assert!(matches!(desk.parts(9)[..], [Answer::End { .. }]));
}

#[test]
fn open_orders_of_each_symbol() {
    let desk = &mut Desk::futures();
    desk.ask(1, Question::Open);
    assert_eq!(desk.calls_of(OPEN), 2);
    let mine = order_json(5, "qt0003000000000001", "PARTIALLY_FILLED", "0.100");
    let url = desk.answer_call(OPEN, &json!([mine, order_json(6, "web_x", "NEW", "0.000")]));
    assert!(url.contains("symbol=ETHUSDT"), "{url}");
    desk.answer_call(OPEN, &json!([]));
    let parts = desk.parts(1);
    let [Answer::Order(one), Answer::Order(other), Answer::End { .. }] = parts[..] else {
        panic!("{parts:?}")
    };
    assert_eq!((one.order, other.order), (id(1), OrderId::NONE));
    assert_eq!(one.side, qt_types::Side::Sell);
}

#[test]
fn executions_whoever_they_belong_to() {
    let desk = &mut Desk::futures();
    desk.ask(1, Question::Executions { since_ns: Nanos::new(START - 3_600 * SECOND) });
    let rows = json!([
        trade_json(1, 77, "0.100"),
        trade_json(2, 78, "0.200"),
        trade_json(3, 79, "0.300"),
        trade_json(4, 77, "0.100")
    ]);
    let url = desk.answer_call(TRADES, &rows);
    assert!(url.contains("startTime=") && url.contains("endTime="), "{url}");
    desk.answer_call(TRADES, &json!([]));
    desk.answer_call(INCOME, &json!([]));
    let asked: Vec<(Link, Value)> =
        desk.sent.iter().filter(|it| it.1["method"] == "order.status").cloned().collect();
    assert_eq!(asked.len(), 3, "each owner is asked for once");
    for (link, request) in asked {
        let number = request["params"]["orderId"].as_u64().unwrap();
        let client = ["qt0003000000000001", "web_x", "autoclose-9"][number as usize - 77];
        let order = order_json(number, client, "FILLED", "1.000");
        desk.frame(link, &json!({"id": request["id"], "status": 200, "result": order}));
    }
    let parts = desk.parts(1);
    let found: Vec<_> = parts
        .iter()
        .filter_map(|part| match part {
            Answer::Execution(it) => Some((it.report.exec.0, it.report.order, it.report.kind)),
            _ => None,
        })
        .collect();
    let (filled, closed) = (ReportKind::Filled, ReportKind::Liquidated);
    let wanted = [
        (2, id(1), filled),
        (5, id(1), filled),
        (3, OrderId::NONE, filled),
        (4, OrderId::NONE, closed),
    ];
    assert_eq!(found, wanted);
    assert!(matches!(parts.last(), Some(Answer::End { .. })));
}

fn position(symbol: &str, side: &str, amount: &str) -> Value {
    json!({"symbol": symbol, "positionSide": side, "positionAmt": amount, "entryPrice": "1"})
}

#[test]
fn positions_are_what_the_venue_says() {
    let desk = &mut Desk::futures();
    desk.ask(1, Question::Positions);
    desk.answer(
        "v2/account.position",
        json!([
            position("ETHUSDT", "BOTH", "-0.400"),
            position("BTCUSDT", "BOTH", "0.000"),
            position("XRPUSDT", "BOTH", "17.1")
        ]),
    );
    desk.answer("v2/account.balance", wallets("900"));
    let parts = desk.parts(1);
    let wanted = Answer::Position(InstrumentId(0), Qty::from_lots(-400));
    assert!(matches!(parts[..], [first, Answer::End { .. }] if first == wanted), "{parts:?}");
    assert_eq!(desk.machine.standing().held.as_ref().unwrap()[0].1, 900_000_000_000);
    // What is no number of lots, or one of two for a symbol, is no answer.
    for (side, amount, is_mode) in
        [("BOTH", "0.0005", false), ("LONG", "0.400", true), ("BOTH", "much", false)]
    {
        let desk = &mut Desk::futures();
        desk.ask(1, Question::Positions);
        desk.answer("v2/account.position", json!([position("ETHUSDT", side, amount)]));
        assert_eq!(desk.parts(1), [Answer::Failed], "{side} {amount}");
        let trouble = &desk.machine.standing().trouble;
        assert_eq!(*trouble == Some(Trouble::Mode), is_mode, "{trouble:?}");
    }
}

fn income(symbol: &str, amount: &str, asset: &str, at_ms: i64, number: u64) -> Value {
    json!({"symbol": symbol, "incomeType": "FUNDING_FEE", "income": amount, "asset": asset,
        "info": "FUNDING_FEE", "time": at_ms, "tranId": number, "tradeId": ""})
}

/// Lets all executions be none.
fn no_trades(desk: &mut Desk) {
    desk.answer_call(TRADES, &json!([]));
    desk.answer_call(TRADES, &json!([]));
}

#[test]
fn payments_for_positions_are_asked_for_when_there_may_be_some() {
    let desk = &mut Desk::futures();
    let since_ns = Nanos::new(START - 3_600 * SECOND);
    let at_ms = START / MILLI;
    // After a start nobody knows.
    desk.ask(1, Question::Executions { since_ns });
    no_trades(desk);
    let rows = json!([
        income("ETHUSDT", "-0.37500000", "USDT", at_ms, 9),
        income("BTCUSDT", "0.10000000", "USDT", at_ms, 10),
        income("XRPUSDT", "5", "USDT", at_ms, 11),
        income("ETHUSDT", "0.1", "BNB", at_ms, 12)
    ]);
    let url = desk.answer_call(INCOME, &rows);
    assert!(url.contains("incomeType=FUNDING_FEE&startTime="), "{url}");
    let parts = desk.parts(1);
    let [Answer::Execution(paid), Answer::Execution(got), Answer::End { .. }] = parts[..] else {
        panic!("{parts:?}")
    };
    assert_eq!((paid.report.kind, paid.report.order), (ReportKind::Funding, OrderId::NONE));
    assert_eq!((paid.instrument, paid.report.fee.nano()), (InstrumentId(0), 375_000_000));
    assert_eq!((got.instrument, got.report.fee.nano()), (InstrumentId(1), -100_000_000));
    assert_eq!((paid.report.exec, paid.venue_ns), (ExecId(10), Nanos::new(START)));
    assert_eq!(desk.machine.standing().figures.fees_unbooked, 1, "in a currency of its own");
    // While none is told of nobody asks.
    desk.ask(2, Question::Executions { since_ns });
    assert_eq!(desk.calls_of(INCOME), 0);
    no_trades(desk);
    // One is told of: it is asked for until the list has it.
    desk.tell(&json!({"e": "ACCOUNT_UPDATE", "E": at_ms, "T": at_ms + 5, "a": {
        "m": "FUNDING_FEE", "B": [{"a": "USDT", "wb": "1", "cw": "1", "bc": "-1"}]}}));
    for (number, is_there) in [(3, false), (4, true)] {
        desk.ask(number, Question::Executions { since_ns });
        no_trades(desk);
        let rows = [income("ETHUSDT", "-1", "USDT", at_ms + 5, 13)];
        desk.answer_call(INCOME, &json!(if is_there { &rows[..] } else { &[] }));
    }
    desk.ask(5, Question::Executions { since_ns });
    assert_eq!(desk.calls_of(INCOME), 0);
}

#[test]
fn a_page_of_payments_that_is_full_has_another_one_behind_it() {
    let desk = &mut Desk::futures();
    desk.ask(1, Question::Executions { since_ns: Nanos::new(START) });
    no_trades(desk);
    let at_ms = START / MILLI;
    let row = |number: u64| income("ETHUSDT", "-0.001", "USDT", at_ms + number as i64, number);
    desk.answer_call(INCOME, &json!((1..=1_000).map(row).collect::<Vec<_>>()));
    let url = desk.answer_call(INCOME, &json!([row(1_000), row(1_001)]));
    assert!(url.contains(&format!("startTime={}", at_ms + 1_000)), "{url}");
    // Whoever hears of one twice knows it by its number.
    assert_eq!(desk.parts(1).len(), 1_003);
}

#[test]
fn questions_that_fail_by_either_way() {
    let desk = &mut Desk::futures();
    desk.ask(1, Question::Open);
    desk.fail_call(OPEN);
    assert_eq!(desk.parts(1), [Answer::Failed]);
    desk.answer_call(OPEN, &json!([]));
    desk.ask(2, Question::Open);
    desk.refuse_call(OPEN, 503, 0, "");
    assert_eq!(desk.parts(2), [Answer::Failed]);
    desk.ask(3, Question::Open);
    desk.calls.drain(..1);
    desk.answer_call_with(OPEN, 200, &[], &json!({"not": "a list"}));
    assert_eq!(desk.parts(3), [Answer::Failed]);
    // One that nobody answers, and those of a link that is lost.
    desk.ask(4, Question::Open);
    desk.wait(10 * SECOND);
    assert_eq!(desk.parts(4), [Answer::Failed]);
    desk.ask(5, Question::Open);
    let link = desk.link();
    desk.happen(crate::machine::Happened::Closed(link, Closed::Broken));
    assert_eq!(desk.parts(5), [Answer::Failed]);
    desk.answer_call(OPEN, &json!([order_json(5, "qt0003000000000001", "NEW", "0.000")]));
    assert_eq!(desk.events(), [], "an answer of before says nothing");
}
