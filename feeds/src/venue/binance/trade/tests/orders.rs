//! Orders out, and what becomes of them.

use qt_types::{
    Cash, CurrencyId, ExecId, FeeIn, Liquidity, OrderId, OrderKind, Price, Qty, RejectReason,
    ReportKind, TimeInForce,
};
use serde_json::json;

use super::desk::*;

#[test]
fn an_order_and_its_fills() {
    let desk = &mut Desk::up();
    desk.submit(&new(1, limit(250_000), 1_000));
    let params = &desk.last("order.place")["params"];
    assert_eq!(params["newClientOrderId"], "qt0003000000000001");
    assert_eq!((&params["price"], &params["quantity"]), (&json!("2500.00"), &json!("1.000")));
    assert_eq!(params["timestamp"], (START + AHEAD) / MILLI);
    // The report overtakes the answer: it is told once.
    desk.say(&Said::of(id(1), "NEW", "NEW"));
    desk.answer("order.place", json!({"orderId": 77, "transactTime": START / MILLI}));
    assert_eq!(desk.report().kind, ReportKind::Accepted);
    let trade = Said { executed: "0.40000000", ..Said::of(id(1), "TRADE", "PARTIALLY_FILLED") };
    let trade = trade
        .with("l", json!("0.40000000"))
        .with("L", json!("2499.50000000"))
        .with("t", json!(0))
        .with("n", json!("0.00040000"))
        .with("N", json!("ETH"))
        .with("m", json!(true));
    desk.say(&trade);
    let report = desk.report();
    assert_eq!((report.order, report.kind, report.exec), (id(1), ReportKind::Filled, ExecId(1)));
    assert_eq!((report.price, report.qty), (Price::from_ticks(249_950), Qty::from_lots(400)));
    assert_eq!((report.leaves, report.liquidity), (Qty::from_lots(600), Liquidity::Maker));
    assert_eq!((report.fee, report.fee_in), (Cash::from_nano(400_000), FeeIn::Base));
    // The same execution under another number of the report: it is one.
    desk.say(&trade);
    assert_eq!(desk.reports(), []);
    for (amount, asset, wanted) in [
        ("0.001", "BNB", (1_000_000, FeeIn::Currency(CurrencyId(2)))),
        ("-0.2", "USDT", (-200_000_000, FeeIn::Quote)),
        ("0.5", "DOGE", (0, FeeIn::Quote)),
    ] {
        let number = desk.machine.standing().figures.messages;
        let fill = trade.clone().with("n", json!(amount)).with("N", json!(asset));
        desk.say(&fill.with("t", json!(number + 100)));
        let report = desk.report();
        assert_eq!((report.fee.nano(), report.fee_in), wanted);
    }
    assert_eq!(desk.machine.standing().figures.fees_unbooked, 1);
}

#[test]
fn kinds_of_orders_that_the_venue_has_and_has_not() {
    let stop = OrderKind::StopLimit { trigger: Price::from_ticks(5), limit: Price::from_ticks(6) };
    let sound = plain(1, limit(250_000), 1_000);
    for (number, wanted, kind) in [
        (1, Wanted { tif: TimeInForce::Ioc, ..sound.clone() }, "LIMIT"),
        (2, Wanted { post_only: true, ..sound.clone() }, "LIMIT_MAKER"),
        (3, plain(1, OrderKind::Market, 5), "MARKET"),
        (4, plain(1, stop, 5), "STOP_LOSS_LIMIT"),
    ] {
        let desk = &mut Desk::up();
        desk.submit(&wanted.command());
        assert_eq!(desk.last("order.place")["params"]["type"], kind, "{number}");
    }
    let trailing = OrderKind::TrailingStop { distance: qt_types::Distance::Ticks(3) };
    for wanted in [
        plain(1, trailing, 5),
        plain(1, OrderKind::Stop { trigger: Price::from_ticks(5) }, 5),
        Wanted { reduce_only: true, ..sound.clone() },
        Wanted { display: Qty::from_lots(1), ..sound.clone() },
        Wanted { oco: id(9), ..sound.clone() },
        Wanted { tif: TimeInForce::Day, ..sound.clone() },
        Wanted { tif: TimeInForce::Fok, ..plain(1, OrderKind::Market, 5) },
        Wanted { tif: TimeInForce::Ioc, post_only: true, ..sound.clone() },
        plain(1, limit(-5), 5),
        plain(1, limit(5), 0),
    ] {
        let desk = &mut Desk::up();
        desk.submit(&wanted.command());
        assert_eq!(desk.count("order.place"), 0, "{wanted:?}");
        let report = desk.report();
        let wanted = (ReportKind::Rejected, RejectReason::VenueRefused);
        assert_eq!((report.kind, report.reason), wanted);
    }
}

#[test]
fn refusals_are_told_and_doubts_are_not() {
    for (status, code, text, wanted) in [
        (
            400,
            -2010,
            "Account has insufficient balance for requested action.",
            Some(RejectReason::InsufficientFunds),
        ),
        (400, -1013, "Filter failure: NOTIONAL", Some(RejectReason::MinNotional)),
        (400, -1013, "Filter failure: PRICE_FILTER", Some(RejectReason::TickSize)),
        (400, -1013, "Market is closed.", Some(RejectReason::Halted)),
        (
            400,
            -1021,
            "Timestamp for this request is outside of the recvWindow.",
            Some(RejectReason::VenueRefused),
        ),
        (
            401,
            -2015,
            "Invalid API-key, IP, or permissions for action.",
            Some(RejectReason::VenueRefused),
        ),
        (429, -1003, "Too many requests", Some(RejectReason::Throttled)),
        (400, -1015, "Too many new orders", Some(RejectReason::Throttled)),
        (400, -1006, "An unexpected response", None),
        (400, -1007, "Timeout", None),
        (504, 0, "", None),
        (500, -2010, "Account has insufficient balance for requested action.", None),
        (400, -2010, "Duplicate order sent.", None),
    ] {
        let desk = &mut Desk::up();
        desk.submit(&new(1, limit(250_000), 1_000));
        desk.refuse("order.place", status, code, text);
        let said = desk.reports();
        let found = said.first().map(|it| (it.kind, it.reason));
        assert_eq!(found, wanted.map(|reason| (ReportKind::Rejected, reason)), "{code} {text}");
        // What speaks against the rules that are known has them asked for.
        let rules = [RejectReason::MinNotional, RejectReason::TickSize, RejectReason::Halted];
        let speaks = wanted.is_some_and(|reason| rules.contains(&reason));
        assert_eq!(desk.machine.standing().figures.rules_refused, u64::from(speaks), "{text}");
        // A report of the order that comes all the same is told.
        if wanted.is_none() {
            desk.say(&Said::of(id(1), "NEW", "NEW"));
            assert_eq!(desk.report().kind, ReportKind::Accepted);
        }
    }
}

#[test]
fn a_wrong_clock_is_put_right() {
    let desk = &mut Desk::up();
    desk.submit(&new(1, limit(250_000), 1_000));
    let times = desk.count("time");
    desk.refuse("order.place", 400, -1021, "Timestamp for this request was 1000ms ahead");
    assert_eq!(desk.count("time"), times + 1, "the time is asked for at once");
    desk.answer("time", json!({"serverTime": (desk.now_ns - 2 * SECOND) / MILLI}));
    desk.submit(&new(2, limit(250_000), 1_000));
    let at_ms = desk.last("order.place")["params"]["timestamp"].as_i64().unwrap();
    assert!((at_ms - (desk.now_ns - 2 * SECOND) / MILLI).abs() <= 1);
}

#[test]
fn what_is_not_sent_is_told() {
    let mut desk = Desk::up();
    let order = new(1, limit(250_000), 1_000);
    // Too late: it waited on its way here.
    let handed_ns = desk.now().saturating_add_ns(-SECOND);
    desk.machine.submit(&order, handed_ns, desk.now());
    let report = desk.report();
    assert_eq!((report.kind, report.reason), (ReportKind::Rejected, RejectReason::LinkLost));
    desk.machine.disconnect(desk.now());
    for command in [order, replace(1, limit(250_001), 1_000), cancel(1)] {
        desk.submit(&command);
    }
    let said = desk.reports();
    let told: Vec<_> = said.iter().map(|it| (it.kind, it.reason)).collect();
    let wanted = [
        (ReportKind::Rejected, RejectReason::LinkLost),
        (ReportKind::RequestRejected, RejectReason::InvalidReplace),
    ];
    assert_eq!(told, wanted);
    assert_eq!(desk.count("order.place") + desk.count("order.cancel"), 0);
}

#[test]
fn limits_hold_orders_back_and_not_cancels() {
    let desk = &mut Desk::up();
    desk.place(1);
    desk.submit(&new(2, limit(250_000), 1_000));
    let number = desk.last("order.place")["id"].clone();
    let link = desk.link();
    let limits = json!([
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50,
            "count": 50},
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
            "limit": 6000, "count": 12},
    ]);
    let result = json!({"orderId": 78});
    let answer = json!({"id": number, "status": 200, "result": result, "rateLimits": limits});
    desk.frame(link, &answer);
    desk.events();
    desk.submit(&new(3, limit(250_000), 1_000));
    let report = desk.report();
    assert_eq!((report.kind, report.reason), (ReportKind::Rejected, RejectReason::Throttled));
    desk.submit(&cancel(1));
    assert_eq!(desk.count("order.cancel"), 1);
    desk.wait(10 * SECOND);
    desk.submit(&new(4, limit(250_000), 1_000));
    assert_eq!(desk.count("order.place"), 3, "the window is over");
    // Shut out: nothing leaves until then, not even a cancel.
    let until_ms = (desk.now_ns + AHEAD + 3 * SECOND) / MILLI;
    let data = json!({"serverTime": 0, "retryAfter": until_ms});
    desk.refuse_with("order.place", 418, json!({"code": -1003, "msg": "banned", "data": data}));
    desk.events();
    desk.submit(&cancel(1));
    assert_eq!(desk.count("order.cancel"), 1);
    desk.wait(4 * SECOND);
    desk.submit(&cancel(1));
    assert_eq!(desk.count("order.cancel"), 2);
}

#[test]
fn cancels() {
    let desk = &mut Desk::up();
    desk.place(1);
    desk.submit(&cancel(1));
    assert_eq!(desk.last("order.cancel")["params"]["origClientOrderId"], "qt0003000000000001");
    // Part of it was executed, and nobody has told us: the answer ends nothing.
    let done = json!({"origClientOrderId": "qt0003000000000001", "clientOrderId": "x",
        "executedQty": "0.40000000", "status": "CANCELED", "transactTime": START / MILLI});
    desk.answer("order.cancel", done.clone());
    assert_eq!(desk.reports(), []);
    let trade = Said { executed: "0.40000000", ..Said::of(id(1), "TRADE", "PARTIALLY_FILLED") };
    let trade = trade.with("l", json!("0.4")).with("L", json!("2500")).with("t", json!(5));
    desk.say(&trade);
    assert_eq!(desk.report().kind, ReportKind::Filled);
    // The order's own name stands in the second place.
    let own = Said::named("cancel-1", "CANCELED", "CANCELED");
    let original = "qt0003000000000001".to_owned();
    desk.say(&Said { original, executed: "0.40000000", ..own });
    let report = desk.report();
    assert_eq!((report.order, report.kind), (id(1), ReportKind::Cancelled));
    assert_eq!((report.reason, report.qty), (RejectReason::Requested, Qty::from_lots(400)));
    // All of it was heard of: the answer is enough.
    let desk = &mut Desk::up();
    desk.place(1);
    desk.submit(&cancel(1));
    desk.answer("order.cancel", json!({"executedQty": "0", "status": "CANCELED"}));
    assert_eq!(desk.report().kind, ReportKind::Cancelled);
}

#[test]
fn refused_cancels() {
    for (status, code, text, wanted) in [
        (400, -2011, "Unknown order sent.", Some(RejectReason::UnknownOrder)),
        (400, -1007, "Timeout", None),
        (429, -1003, "Too many requests", None),
        (400, -1021, "Timestamp", None),
    ] {
        let desk = &mut Desk::up();
        desk.place(1);
        desk.submit(&cancel(1));
        desk.refuse("order.cancel", status, code, text);
        let found = desk.reports().first().map(|it| (it.kind, it.reason));
        assert_eq!(found, wanted.map(|it| (ReportKind::RequestRejected, it)), "{code}");
    }
}

#[test]
fn ends_of_their_own() {
    let kinds = |kind: &'static str, life: &'static str| {
        move |said: Said| said.with("o", json!(kind)).with("f", json!(life))
    };
    for (what, status, shape, reason) in [
        ("EXPIRED", "EXPIRED", kinds("LIMIT", "IOC"), RejectReason::NotImmediate),
        ("EXPIRED", "EXPIRED", kinds("MARKET", "GTC"), RejectReason::NoLiquidity),
        ("EXPIRED", "EXPIRED", kinds("LIMIT", "GTC"), RejectReason::VenueRefused),
        ("EXPIRED", "EXPIRED_IN_MATCH", kinds("LIMIT", "GTC"), RejectReason::SelfTrade),
        ("TRADE_PREVENTION", "EXPIRED_IN_MATCH", kinds("LIMIT", "GTC"), RejectReason::SelfTrade),
    ] {
        let desk = &mut Desk::up();
        desk.place(1);
        desk.say(&shape(Said { executed: "0.30000000", ..Said::of(id(1), what, status) }));
        let report = desk.report();
        assert_eq!((report.kind, report.reason), (ReportKind::Cancelled, reason), "{what}");
        assert_eq!(report.qty, Qty::from_lots(300));
    }
    let desk = &mut Desk::up();
    desk.place(1);
    let less = Said::of(id(1), "TRADE_PREVENTION", "NEW").with("A", json!("0.25000000"));
    desk.say(&less);
    let report = desk.report();
    assert_eq!((report.kind, report.reason), (ReportKind::Replaced, RejectReason::SelfTrade));
    assert_eq!((report.qty, report.leaves), (Qty::from_lots(750), Qty::from_lots(750)));
}

#[test]
fn what_nobody_knows_and_what_does_not_fit_makes_everything_be_compared() {
    for said in [
        Said::of(id(1), "REVALUED", "NEW"),
        Said { price: "2500.00100000", ..Said::of(id(1), "NEW", "NEW") },
        Said { qty: "1.00010000", ..Said::of(id(1), "NEW", "NEW") },
        Said::of(id(1), "TRADE", "FILLED").with("L", json!("0.001")).with("t", json!(1)),
        Said::of(id(1), "TRADE", "FILLED").with("l", json!("rubbish")).with("t", json!(1)),
        Said::of(id(1), "TRADE", "FILLED").with("l", json!("1")).with("L", json!("1")),
        Said::of(id(1), "NEW", "NEW").with("i", json!(null)),
        Said::named("web_5b1c3d", "NEW", "NEW"),
    ] {
        let desk = &mut Desk::up();
        desk.say(&said);
        let report = desk.report();
        assert_eq!(report.order, OrderId::NONE, "{said:?}");
    }
    // What is about no instrument of ours is only counted.
    let desk = &mut Desk::up();
    desk.say(&Said::named("x", "NEW", "NEW").with("s", json!("DOGEUSDT")));
    assert_eq!(desk.reports(), []);
    assert_eq!(desk.machine.standing().figures.elsewhere, 1);
}
