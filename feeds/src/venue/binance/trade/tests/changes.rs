//! Changes: smaller in its place, or another order of the venue in the place of one.

use qt_engine::{Answer, Question, VenueState};
use qt_types::{InstrumentId, Price, Qty, RejectReason, Report, ReportKind};
use serde_json::{Value, json};

use super::desk::*;

const FIRST: &str = "qt0003000000000001";
const SECOND_NAME: &str = "qt0003000000000001r0001";

fn is_replaced(report: &Report, ticks: i64, lots: i64) -> bool {
    report.order == id(1)
        && report.kind == ReportKind::Replaced
        && (report.price, report.qty) == (Price::from_ticks(ticks), Qty::from_lots(lots))
}

fn gone() -> Said {
    let gone = Said::named("cancel-7", "CANCELED", "CANCELED");
    Said { original: FIRST.to_owned(), ..gone }
}

fn there() -> Said {
    Said { price: "2501.00000000", ..Said::named(SECOND_NAME, "NEW", "NEW") }
}

fn both() -> Value {
    json!({"cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "cancelResponse": {},
        "newOrderResponse": {"orderId": 78}})
}

fn changing() -> Desk {
    let mut desk = Desk::up();
    desk.place(1);
    desk.submit(&replace(1, limit(250_100), 1_000));
    desk
}

#[test]
fn less_at_the_same_price_keeps_its_place() {
    let desk = &mut Desk::up();
    desk.place(1);
    desk.submit(&replace(1, limit(250_000), 600));
    let params = &desk.last("order.amend.keepPriority")["params"];
    assert_eq!((&params["origClientOrderId"], &params["newQty"]), (&json!(FIRST), &json!("0.600")));
    desk.answer(
        "order.amend.keepPriority",
        json!({"transactTime": START / MILLI,
        "executionId": 55, "amendedOrder": {"price": "2500.00", "qty": "0.60000000"}}),
    );
    assert!(is_replaced(&desk.report(), 250_000, 600));
    let said = Said { qty: "0.60000000", ..Said::of(id(1), "REPLACED", "NEW") };
    desk.event(&said.event(55));
    assert_eq!(desk.reports(), [], "it was told already");
    desk.submit(&replace(1, limit(250_000), 500));
    desk.refuse("order.amend.keepPriority", 400, -2038, "Order amend rejected");
    let report = desk.report();
    let wanted = (ReportKind::RequestRejected, RejectReason::InvalidReplace);
    assert_eq!((report.kind, report.reason), wanted);
}

#[test]
fn another_order_in_its_place_in_any_order_of_the_news() {
    let steps: [fn(&mut Desk); 3] = [
        |desk| desk.say(&gone()),
        |desk| desk.say(&there()),
        |desk| {
            desk.answer("order.cancelReplace", both());
        },
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let desk = &mut changing();
        let params = &desk.last("order.cancelReplace")["params"];
        assert_eq!(params["cancelOrigClientOrderId"], FIRST);
        assert_eq!(params["newClientOrderId"], SECOND_NAME);
        assert_eq!(params["cancelReplaceMode"], "STOP_ON_FAILURE");
        assert_eq!(params["cancelRestrictions"], "ONLY_NEW");
        order.iter().for_each(|at| steps[*at](desk));
        let report = desk.report();
        assert!(is_replaced(&report, 250_100, 1_000), "{order:?}: {report:?}");
        desk.submit(&cancel(1));
        assert_eq!(desk.last("order.cancel")["params"]["origClientOrderId"], SECOND_NAME);
    }
}

#[test]
fn a_fill_tells_that_it_is_there() {
    let desk = &mut changing();
    let trade = Said { executed: "0.40000000", ..there() };
    let trade = Said { what: "TRADE", status: "PARTIALLY_FILLED", ..trade };
    desk.say(&trade.with("l", json!("0.4")).with("L", json!("2501")).with("t", json!(5)));
    let said = desk.reports();
    assert!(is_replaced(&said[0], 250_100, 1_000));
    assert_eq!((said[1].kind, said[1].qty), (ReportKind::Filled, Qty::from_lots(400)));
    desk.answer("order.cancelReplace", both());
    assert_eq!(desk.reports(), []);
    // What something was executed of is not replaced: it could come to more than was asked for.
    desk.submit(&replace(1, limit(250_200), 1_000));
    assert_eq!(desk.count("order.cancelReplace"), 1);
    assert_eq!(desk.report().reason, RejectReason::InvalidReplace);
}

#[test]
fn halves() {
    let halves = |cancel: &str, new: &str, code: i32, text: &str| {
        json!({"code": -2021, "msg": "Order cancel-replace partially failed.", "data": {
            "cancelResult": cancel, "newOrderResult": new, "cancelResponse": {},
            "newOrderResponse": {"code": code, "msg": text}}})
    };
    // The old one has gone, and the new one was refused: it is over.
    for tells_first in [true, false] {
        let desk = &mut changing();
        if tells_first {
            desk.say(&gone());
            assert_eq!(desk.reports(), [], "the other half says what that means");
        }
        let text = "Account has insufficient balance for requested action.";
        let error = halves("SUCCESS", "FAILURE", -2010, text);
        desk.refuse_with("order.cancelReplace", 409, error);
        let said = desk.reports();
        assert_eq!(said[0].kind, ReportKind::RequestRejected);
        let wanted = (ReportKind::Cancelled, RejectReason::InsufficientFunds);
        assert_eq!((said[1].kind, said[1].reason), wanted);
    }
    // The same by the stream alone, and the answer behind it.
    let desk = &mut changing();
    desk.say(&gone());
    let refused = Said::named(SECOND_NAME, "REJECTED", "REJECTED");
    desk.say(&refused.with("r", json!("INSUFFICIENT_BALANCES")));
    let said = desk.reports();
    assert_eq!(said[0].kind, ReportKind::RequestRejected);
    let wanted = (ReportKind::Cancelled, RejectReason::InsufficientFunds);
    assert_eq!((said[1].kind, said[1].reason), wanted);
    desk.refuse_with("order.cancelReplace", 409, halves("SUCCESS", "FAILURE", -2010, "x"));
    assert_eq!(desk.reports(), []);
    // Nothing was done.
    let desk = &mut changing();
    let error = json!({"code": -2022, "msg": "Order cancel-replace failed.", "data": {
        "cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED",
        "cancelResponse": {"code": -2011, "msg": "x"}, "newOrderResponse": null}});
    desk.refuse_with("order.cancelReplace", 400, error.clone());
    let report = desk.report();
    let wanted = (ReportKind::RequestRejected, RejectReason::InvalidReplace);
    assert_eq!((report.kind, report.reason), wanted);
    // Somebody else has cancelled it meanwhile.
    let desk = &mut changing();
    desk.say(&gone());
    desk.refuse_with("order.cancelReplace", 400, error);
    let kinds: Vec<_> = desk.reports().iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [ReportKind::RequestRejected, ReportKind::Cancelled]);
    // Nobody knows: nothing is said.
    let desk = &mut changing();
    desk.refuse("order.cancelReplace", 504, 0, "");
    assert_eq!(desk.reports(), []);
}

fn order(name: &str, status: &str, price: &str) -> Value {
    json!({"symbol": "ETHUSDT", "orderId": 77, "clientOrderId": name, "price": price,
        "origQty": "1.00000000", "executedQty": "0.00000000", "status": status,
        "timeInForce": "GTC", "type": "LIMIT", "side": "BUY"})
}

#[test]
fn what_became_of_a_change_is_found_by_its_names() {
    let question = Question::Order { instrument: InstrumentId(0), order: id(1) };
    let desk = &mut changing();
    desk.ask(1, question);
    let asked = |desk: &Desk| desk.last("order.status")["params"]["origClientOrderId"].clone();
    assert_eq!(asked(desk), FIRST);
    desk.answer("order.status", order(FIRST, "CANCELED", "2500.00"));
    assert_eq!(asked(desk), SECOND_NAME);
    desk.answer("order.status", order(SECOND_NAME, "NEW", "2501.00"));
    let parts = desk.parts(1);
    let Answer::Order(found) = parts[0] else { panic!("{parts:?}") };
    assert_eq!((found.order, found.state), (id(1), VenueState::Open));
    assert_eq!(found.price, Price::from_ticks(250_100));
    assert!(matches!(parts[1], Answer::End { .. }));
    // The new one is not there: as long as it may still come nobody can say so.
    let desk = &mut changing();
    desk.ask(1, question);
    desk.answer("order.status", order(FIRST, "CANCELED", "2500.00"));
    desk.refuse("order.status", 400, -2013, "Order does not exist.");
    assert_eq!(desk.parts(1), [Answer::Failed]);
    desk.wait(7 * SECOND);
    desk.events();
    desk.ask(2, question);
    desk.answer("order.status", order(FIRST, "CANCELED", "2500.00"));
    desk.refuse("order.status", 400, -2013, "Order does not exist.");
    let parts = desk.parts(2);
    let Answer::Order(found) = parts[0] else { panic!("{parts:?}") };
    assert_eq!(found.state, VenueState::Cancelled(RejectReason::Requested));
}
