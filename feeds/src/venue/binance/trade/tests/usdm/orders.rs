//! Orders out, and what becomes of them and of the account.

use qt_types::{
    Cash, CurrencyId, ExecId, FeeIn, OrderId, Price, Qty, RejectReason, ReportKind, TimeInForce,
};
use serde_json::json;

use super::super::super::*;
use super::super::desk::*;
use super::*;

#[test]
fn an_order_and_its_fills() {
    let desk = &mut Desk::futures();
    let order = desk.place_future(1);
    let params = &desk.last("order.place")["params"];
    assert_eq!(params["newClientOrderId"], "qt0003000000000001");
    assert_eq!((&params["price"], &params["type"]), (&json!("2500.0"), &json!("LIMIT")));
    assert!(params.get("reduceOnly").is_none() && params.get("positionSide").is_none());
    // The short form comes first, and is not booked.
    desk.tell(&json!({"e": "TRADE_LITE", "E": 1, "T": 1, "s": "ETHUSDT", "q": "1.000",
        "c": "qt0003000000000001", "S": "BUY", "L": "2499.50", "l": "0.400", "t": 12, "i": 77}));
    assert_eq!(desk.reports(), []);
    let part = fill(order, 12, "0.400", "0.400");
    desk.tell(&part);
    let report = desk.report();
    assert_eq!((report.order, report.kind, report.exec), (order, ReportKind::Filled, ExecId(13)));
    assert_eq!((report.price, report.qty), (Price::from_ticks(24_995), Qty::from_lots(400)));
    assert_eq!((report.leaves, report.fee.nano()), (Qty::from_lots(600), 10_000_000));
    desk.tell(&part);
    assert_eq!(desk.reports(), []);
    // What a derivative is about pays no commission in kind.
    for (number, asset, wanted) in [
        (13, "BNB", (10_000_000, FeeIn::Currency(CurrencyId(2)))),
        (14, "ETH", (0, FeeIn::Quote)),
        (15, "USDT", (10_000_000, FeeIn::Quote)),
    ] {
        let mut part = fill(order, number, "0.100", "0.500");
        part["o"]["N"] = json!(asset);
        desk.tell(&part);
        let report = desk.report();
        assert_eq!((report.fee.nano(), report.fee_in), wanted, "{asset}");
    }
    assert_eq!(desk.machine.standing().figures.fees_unbooked, 1);
    desk.tell(&update(order, "CANCELED", "CANCELED", &[("z", json!("0.700"))]));
    let report = desk.report();
    assert_eq!((report.kind, report.qty), (ReportKind::Cancelled, Qty::from_lots(700)));
}

#[test]
fn kinds_of_orders() {
    let sound = plain(1, limit(25_000), 1_000);
    for (wanted, names) in [
        (Wanted { reduce_only: true, ..sound.clone() }, ("LIMIT", "GTC", "true")),
        (Wanted { post_only: true, ..sound.clone() }, ("LIMIT", "GTX", "-")),
        (Wanted { tif: TimeInForce::Ioc, ..sound.clone() }, ("LIMIT", "IOC", "-")),
        (Wanted { tif: TimeInForce::Fok, ..sound.clone() }, ("LIMIT", "FOK", "-")),
        (plain(1, qt_types::OrderKind::Market, 5), ("MARKET", "-", "-")),
    ] {
        let desk = &mut Desk::futures();
        desk.submit(&wanted.command());
        let params = &desk.last("order.place")["params"];
        let text = |name: &str| params[name].as_str().unwrap_or("-").to_owned();
        let found = (text("type"), text("timeInForce"), text("reduceOnly"));
        assert_eq!((found.0.as_str(), found.1.as_str(), found.2.as_str()), names);
    }
    let (trigger, limit) = (Price::from_ticks(5), Price::from_ticks(6));
    let stop = plain(1, qt_types::OrderKind::StopLimit { trigger, limit }, 5);
    for wanted in [stop, Wanted { tif: TimeInForce::Day, ..sound }] {
        let desk = &mut Desk::futures();
        desk.submit(&wanted.command());
        assert_eq!(desk.count("order.place"), 0, "{wanted:?}");
        assert_eq!(desk.report().reason, RejectReason::VenueRefused);
    }
}

#[test]
fn refusals_are_told_and_doubts_are_not() {
    for (status, code, wanted) in [
        (400, -2019, Some(RejectReason::InsufficientFunds)),
        (400, -2022, Some(RejectReason::NothingToReduce)),
        (400, -5022, Some(RejectReason::WouldTake)),
        (400, -5021, Some(RejectReason::NotImmediate)),
        (400, -4164, Some(RejectReason::MinNotional)),
        (400, -4014, Some(RejectReason::TickSize)),
        (400, -4061, Some(RejectReason::VenueRefused)),
        (400, -4116, None),
        (503, -1008, None),
        (400, -1007, None),
    ] {
        let desk = &mut Desk::futures();
        desk.submit(&new(1, limit(25_000), 1_000));
        desk.refuse("order.place", status, code, "words");
        let found = desk.reports();
        assert_eq!(found.first().map(|it| it.reason), wanted, "{code}");
        let trouble = &desk.machine.standing().trouble;
        assert_eq!(*trouble == Some(Trouble::Mode), code == -4061);
    }
    // One that would have taken ends by itself where it was taken first.
    let desk = &mut Desk::futures();
    let order = desk.place_future(1);
    desk.tell(&update(order, "EXPIRED", "EXPIRED", &[("f", json!("GTX"))]));
    let report = desk.report();
    assert_eq!((report.kind, report.reason), (ReportKind::Cancelled, RejectReason::WouldTake));
}

#[test]
fn cancels_are_asked_for_by_our_name() {
    let desk = &mut Desk::futures();
    let order = desk.place_future(1);
    desk.submit(&cancel(1));
    let params = &desk.last("order.cancel")["params"];
    assert_eq!(params["origClientOrderId"], "qt0003000000000001");
    let answer = json!({"orderId": 77, "status": "CANCELED", "executedQty": "0.000",
        "updateTime": START / MILLI + 5});
    desk.answer("order.cancel", answer);
    let report = desk.report();
    assert_eq!((report.order, report.kind), (order, ReportKind::Cancelled));
    desk.submit(&cancel(1));
    desk.refuse("order.cancel", 400, -2011, "Unknown order sent.");
    let report = desk.report();
    assert_eq!(report.reason, RejectReason::UnknownOrder);
}

fn changed(price: &str, qty: &str, at_ms: i64) -> serde_json::Value {
    json!({"orderId": 77, "price": price, "origQty": qty, "executedQty": "0", "status": "NEW",
        "updateTime": at_ms})
}

fn amendment(order: OrderId, price: &str, qty: &str, at_ms: i64) -> serde_json::Value {
    update(
        order,
        "AMENDMENT",
        "NEW",
        &[("p", json!(price)), ("q", json!(qty)), ("T", json!(at_ms))],
    )
}

#[test]
fn a_change_is_one_whoever_tells_it_first() {
    for is_event_first in [true, false] {
        let desk = &mut Desk::futures();
        let order = desk.place_future(1);
        desk.submit(&replace(1, limit(25_010), 900));
        let params = desk.last("order.modify")["params"].clone();
        assert_eq!((&params["side"], &params["price"]), (&json!("BUY"), &json!("2501.0")));
        assert_eq!(params["quantity"], "0.900");
        assert_eq!(params["origClientOrderId"], "qt0003000000000001");
        let at_ms = START / MILLI + 9;
        let event = amendment(order, "2501.00", "0.900", at_ms);
        let answer = changed("2501.00", "0.900", at_ms);
        if is_event_first {
            desk.tell(&event);
        }
        desk.answer("order.modify", answer);
        desk.tell(&event);
        let report = desk.report();
        assert_eq!((report.kind, report.qty), (ReportKind::Replaced, Qty::from_lots(900)));
        assert_eq!((report.price, report.reason), (Price::from_ticks(25_010), RejectReason::None));
        assert!(report.exec.0 > 0);
        // A second one in the same millisecond is another one, and newer.
        desk.submit(&replace(1, limit(25_000), 900));
        desk.answer("order.modify", changed("2500.00", "0.900", at_ms));
        let second = desk.report();
        assert!(second.exec > report.exec && second.price == Price::from_ticks(25_000));
        // One that is older came late: what it says is over.
        desk.tell(&amendment(order, "2400.00", "0.900", at_ms - 1));
        assert_eq!(desk.reports(), []);
        // With the next cancel it has the same name as ever.
        desk.submit(&cancel(1));
        let params = &desk.last("order.cancel")["params"];
        assert_eq!(params["origClientOrderId"], "qt0003000000000001");
    }
}

#[test]
fn changes_that_cannot_be_and_those_that_nobody_knows_of() {
    let desk = &mut Desk::futures();
    desk.submit(&replace(1, limit(25_010), 900));
    assert_eq!(
        (desk.count("order.modify"), desk.report().reason),
        (0, RejectReason::InvalidReplace)
    );
    let order = desk.place_future(1);
    // Partly filled it can be changed, too.
    desk.tell(&fill(order, 3, "0.400", "0.400"));
    desk.reports();
    desk.submit(&replace(1, limit(25_010), 900));
    desk.answer("order.modify", changed("2501.00", "0.900", START / MILLI + 1));
    assert_eq!(desk.report().leaves, Qty::from_lots(500));
    desk.submit(&replace(1, limit(25_020), 900));
    desk.refuse("order.modify", 400, -5027, "No need to modify the order.");
    let report = desk.report();
    assert_eq!(report.kind, ReportKind::RequestRejected);
    assert_eq!(report.reason, RejectReason::InvalidReplace);
    desk.submit(&replace(1, limit(25_030), 900));
    desk.refuse("order.modify", 504, -1007, "Timeout");
    assert_eq!((desk.reports(), desk.machine.standing().figures.unsure), (vec![], 1));
}

/// An order that an earlier process placed is changed as well, once its side is known.
#[test]
fn an_order_of_before_can_be_changed() {
    let desk = &mut Desk::futures();
    desk.ask(1, qt_engine::Question::Open);
    let open = json!([{"symbol": "ETHUSDT", "orderId": 5, "clientOrderId": "qt0003000000000001",
        "price": "2500.00", "origQty": "1.000", "executedQty": "0.000", "status": "NEW",
        "timeInForce": "GTC", "type": "LIMIT", "side": "SELL"}]);
    desk.answer_call("/fapi/v1/openOrders", &open);
    desk.answer_call("/fapi/v1/openOrders", &json!([]));
    desk.submit(&replace(1, limit(25_010), 900));
    assert_eq!(desk.last("order.modify")["params"]["side"], "SELL");
}

#[test]
fn what_the_venue_closes_by_itself() {
    for (client, what) in [
        ("autoclose-1700000000000000001", "CALCULATED"),
        ("autoclose-1700000000000000001", "TRADE"),
        ("adl_autoclose", "TRADE"),
        ("settlement_autoclose-7", "TRADE"),
    ] {
        let desk = &mut Desk::futures();
        desk.tell(&named_update(client, "NEW", "NEW", &[]));
        assert_eq!(desk.reports(), [], "that it comes is nothing to tell");
        let more = [
            ("l", json!("0.500")),
            ("z", json!("0.500")),
            ("L", json!("2400.00")),
            ("t", json!(9)),
            ("S", json!("SELL")),
            ("n", json!("0.6")),
            ("N", json!("USDT")),
        ];
        let event = named_update(client, what, "PARTIALLY_FILLED", &more);
        desk.tell(&event);
        desk.tell(&event);
        let report = desk.report();
        assert_eq!((report.order, report.kind), (OrderId::NONE, ReportKind::Liquidated));
        assert_eq!((report.exec, report.qty), (ExecId(10), Qty::from_lots(500)));
        assert_eq!((report.price, report.fee.nano()), (Price::from_ticks(24_000), 600_000_000));
        assert_eq!(desk.machine.standing().figures.liquidations, 1);
    }
    // Under a name of ours that is nothing that anybody knows.
    let desk = &mut Desk::futures();
    let order = desk.place_future(1);
    desk.tell(&update(order, "CALCULATED", "NEW", &[]));
    assert_eq!(desk.machine.standing().figures.unknown_values, 1);
}

fn account_update(why: &str, wallet: &str, positions: &serde_json::Value) -> serde_json::Value {
    json!({"e": "ACCOUNT_UPDATE", "E": START / MILLI, "T": START / MILLI, "a": {"m": why,
        "B": [{"a": "USDT", "wb": wallet, "cw": wallet, "bc": "0"}], "P": positions}})
}

#[test]
fn the_account() {
    let desk = &mut Desk::futures();
    let position = json!([{"s": "ETHUSDT", "pa": "-0.400", "ep": "1", "ps": "BOTH"}]);
    desk.tell(&account_update("ORDER", "999.5", &position));
    let held = |desk: &Desk| desk.machine.standing().held.as_ref().unwrap()[0].1;
    assert_eq!(held(desk), 999_500_000_000);
    desk.tell(&account_update("DEPOSIT", "1099.5", &json!([])));
    desk.tell(&account_update("FUNDING_FEE", "1098.5", &json!([])));
    let figures = desk.machine.standing().figures;
    assert_eq!((figures.transfers, figures.fundings, figures.unreadable), (1, 1, 0));
    assert_eq!((held(desk), desk.events()), (1_098_500_000_000, vec![]));
    desk.tell(&account_update("ORDER", "much", &json!([])));
    assert_eq!(desk.machine.standing().figures.unreadable, 1);
    desk.tell(&json!({"e": "MARGIN_CALL", "E": 1, "cw": "3.16", "p": [{"s": "ETHUSDT",
        "ps": "BOTH", "pa": "1.3", "mt": "CROSSED", "iw": "0", "mp": "1", "up": "-1",
        "mm": "1"}]}));
    let trouble = desk.machine.standing().trouble.clone().unwrap();
    assert!(matches!(&trouble, Trouble::Margin(of) if of == "ETHUSDT"), "{trouble}");
    let hedged = json!([{"s": "ETHUSDT", "pa": "0.400", "ep": "1", "ps": "LONG"}]);
    desk.tell(&account_update("ORDER", "1", &hedged));
    assert_eq!(desk.machine.standing().trouble, Some(Trouble::Mode));
    assert_eq!(Cash::ZERO.nano(), 0);
}
