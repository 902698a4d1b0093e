//! Orders over both ways: placed, changed, cancelled, asked for.

use serde_json::{Value, json};

use super::client::{Trader, control, other, quiet};

const LIMIT: &str = "pair=XBTUSD&type=buy&ordertype=limit&volume=1.25&price=37500";

#[test]
fn an_order_of_rest_is_placed_asked_for_and_cancelled() {
    let running = quiet();
    let trader = Trader::demo(&running);
    let placed = trader.call("AddOrder", LIMIT).result();
    assert_eq!(placed["descr"]["order"], "buy 1.25000000 XBTUSD @ limit 37500.0");
    let id = placed["txid"][0].as_str().expect("an id").to_owned();
    let open = trader.call("OpenOrders", "").result();
    let order = &open["open"][&id];
    assert_eq!((&order["status"], &order["vol"]), (&json!("open"), &json!("1.25000000")));
    assert_eq!(order["descr"]["price"], "37500.0");
    let held = trader.call("BalanceEx", "").result();
    assert_eq!(held["ZUSD"], json!({"balance": "1000000.0000", "hold_trade": "46875.0000"}));
    let cancelled = trader.call("CancelOrder", &format!("txid={id}")).result();
    assert_eq!(cancelled, json!({"count": 1}));
    assert_eq!(trader.call("OpenOrders", "").result(), json!({"open": {}}));
    let closed = trader.call("ClosedOrders", "").result();
    assert_eq!(closed["count"], 1);
    let order = &closed["closed"][&id];
    assert_eq!(
        (&order["status"], &order["reason"]),
        (&json!("canceled"), &json!("User requested"))
    );
    let again = trader.call("CancelOrder", &format!("txid={id}"));
    assert_eq!(again.error(), "EOrder:Unknown order");
    let found = trader.call("QueryOrders", &format!("txid={id}")).result();
    assert_eq!(found[&id]["status"], "canceled");
}

#[test]
fn client_ids_are_unique_while_their_order_is_open() {
    let running = quiet();
    let trader = Trader::demo(&running);
    let named = |name: &str| trader.call("AddOrder", &format!("{LIMIT}&cl_ord_id={name}"));
    let first = named("my-order-1").result()["txid"][0].clone();
    assert_eq!(named("my-order-1").error(), "EGeneral:Invalid arguments:cl_ord_id not unique");
    let eth = "pair=ETHUSD&type=buy&ordertype=limit&volume=1&price=1000&cl_ord_id=my-order-1";
    assert_eq!(
        trader.call("AddOrder", eth).error(),
        "EGeneral:Invalid arguments:cl_ord_id not unique"
    );
    for name in ["far-too-long-for-a-free-text", "a b", "6d47a5f06fd44b84b56ec23f0f689c2g"] {
        assert_eq!(named(name).error(), "EGeneral:Invalid arguments:cl_ord_id", "{name}");
    }
    named("6d47a5f0-6fd4-4b84-b56e-c23f0f689c20").result();
    let found = trader.call("QueryOrders", "cl_ord_id=my-order-1").result();
    assert_eq!(found.as_object().and_then(|all| all.keys().next().cloned()), {
        first.as_str().map(str::to_owned)
    });
    assert_eq!(trader.call("CancelOrder", "cl_ord_id=my-order-1").result()["count"], 1);
    named("my-order-1").result();
    // One that nobody gave a name has none.
    let id = trader.place(LIMIT);
    let open = trader.call("OpenOrders", "").result();
    assert_eq!(open["open"][&id]["cl_ord_id"], Value::Null);
}

#[test]
fn every_refusal_has_the_words_of_the_venue() {
    let running = quiet();
    let trader = Trader::demo(&running);
    other(&running, "sell", "1", "40000");
    other(&running, "buy", "1", "39000");
    let base = "pair=XBTUSD&type=buy&ordertype=limit";
    for (form, error) in [
        ("pair=XBTUSD&ordertype=limit&volume=1&price=1", "EGeneral:Invalid arguments:type"),
        ("pair=XBTJPY&type=buy&ordertype=limit&volume=1&price=1", "EQuery:Unknown asset pair"),
        ("pair=XBTUSD&type=buy&ordertype=odd&volume=1", "EGeneral:Invalid arguments:ordertype"),
        (&format!("{base}&volume=0.00001&price=30000"), "EOrder:Order minimum not met"),
        (&format!("{base}&volume=0.00005&price=300"), "EOrder:Cost minimum not met"),
        (&format!("{base}&volume=1&price=30000.05"), "EOrder:Invalid price"),
        (&format!("{base}&volume=1&price=30000.0000001"), "EOrder:Invalid price"),
        (&format!("{base}&volume=x&price=30000"), "EGeneral:Invalid arguments:volume"),
        (&format!("{base}&volume=100&price=30000"), "EOrder:Insufficient funds"),
        (&format!("{base}&volume=1&price=40000&oflags=post"), "EOrder:Post only order"),
        (&format!("{base}&volume=1&price=3&oflags=odd"), "EGeneral:Invalid arguments:oflags"),
        (&format!("{base}&volume=1&price=3&leverage=5"), "EGeneral:Invalid arguments:leverage"),
        (&format!("{base}&volume=1&price=30000&timeinforce=GTX"), {
            "EGeneral:Invalid arguments:timeinforce"
        }),
        (&format!("{base}&volume=1&price=30000&deadline=2020-01-01T00:00:00Z"), {
            "EService:Deadline elapsed"
        }),
    ] {
        assert_eq!(trader.call("AddOrder", form).error(), error, "{form}");
    }
    assert_eq!(trader.call("CancelOrder", "txid=OAAAAA-BBBBB-CCCCCC").error(), {
        "EOrder:Unknown order"
    });
    control(&running, "POST", "status?symbol=BTC/USD&status=cancel-only", "");
    assert_eq!(
        trader.call("AddOrder", &format!("{base}&volume=1&price=30000")).error(),
        "EService:Market in cancel_only mode"
    );
    let pairs = super::client::get(running.addr, "/0/public/AssetPairs?pair=XBTUSD").result();
    assert_eq!(pairs["XXBTZUSD"]["status"], "cancel_only");
    assert_eq!(trader.call("OpenOrders", "").result(), json!({"open": {}}));
}

#[test]
fn an_order_over_a_socket_is_told_step_by_step() {
    let running = quiet();
    let trader = Trader::demo(&running);
    let mut mine = trader.socket();
    let snapshot = mine.executions(&json!({}));
    assert_eq!(snapshot["data"], json!([]));
    assert_eq!(snapshot["sequence"], 1);
    let order = json!({"order_type": "limit", "side": "buy", "order_qty": 1, "symbol": "BTC/USD",
        "limit_price": 37500.5, "cl_ord_id": "mine"});
    let taken = mine.call("add_order", &order);
    assert_eq!(taken["success"], true, "{taken}");
    assert_eq!(taken["result"]["cl_ord_id"], "mine");
    let id = taken["result"]["order_id"].clone();
    let pending = mine.execution();
    assert_eq!((&pending["exec_type"], &pending["order_id"]), (&json!("pending_new"), &id));
    assert_eq!(pending["limit_price"].to_string(), "37500.5");
    assert_eq!((&pending["time_in_force"], &pending["sequence"]), (&json!("GTC"), &json!(2)));
    let begun = mine.execution();
    assert_eq!((&begun["exec_type"], &begun["sequence"]), (&json!("new"), &json!(3)));
    // Updates say nothing that was said before.
    assert_eq!((&begun["symbol"], &begun["side"]), (&Value::Null, &Value::Null));
    other(&running, "sell", "0.25", "37500.5");
    let part = mine.execution();
    assert_eq!(
        (&part["exec_type"], &part["order_status"]),
        (&json!("trade"), &json!("partially_filled"))
    );
    assert_eq!(
        (part["last_qty"].to_string(), part["liquidity_ind"].clone()),
        ("0.25".to_owned(), json!("m"))
    );
    other(&running, "sell", "0.75", "37500.5");
    // The last fill is told as a part, too.
    let last = mine.execution();
    assert_eq!(
        (&last["exec_type"], &last["order_status"]),
        (&json!("trade"), &json!("partially_filled"))
    );
    let filled = mine.execution();
    assert_eq!(
        (&filled["exec_type"], &filled["order_status"]),
        (&json!("filled"), &json!("filled"))
    );
    assert_eq!((&filled["cum_qty"], &filled["sequence"]), (&json!(1.0), &json!(6)));
    let history = trader.call("TradesHistory", "").result();
    assert_eq!(history["count"], 2);
    let exec_id = last["exec_id"].as_str().expect("an id");
    assert_eq!(history["trades"][exec_id]["ordertxid"], id);
    let asked = trader.call("QueryTrades", &format!("txid={exec_id}")).result();
    assert_eq!(asked[exec_id], history["trades"][exec_id]);
}

#[test]
fn orders_are_amended_edited_and_cancelled_over_a_socket() {
    let running = quiet();
    let trader = Trader::demo(&running);
    let mut mine = trader.socket();
    mine.executions(&json!({}));
    let order = json!({"order_type": "limit", "side": "sell", "order_qty": 0.5,
        "symbol": "BTC/USD", "limit_price": 50000, "order_userref": 42});
    let id = mine.call("add_order", &order)["result"]["order_id"].clone();
    assert_eq!(mine.kinds(2), ["pending_new", "new"]);
    let amended = mine
        .call("amend_order", &json!({"order_id": id, "order_qty": 0.75, "limit_price": 51000.5}));
    assert_eq!((&amended["success"], &amended["result"]["order_id"]), (&json!(true), &id));
    let told = mine.execution();
    assert_eq!((&told["exec_type"], &told["amended"]), (&json!("amended"), &json!(true)));
    assert_eq!((&told["order_qty"], &told["limit_price"]), (&json!(0.75), &json!(51000.5)));
    let edited = mine
        .call("edit_order", &json!({"order_id": id, "symbol": "BTC/USD", "limit_price": 52000}));
    let new = edited["result"]["order_id"].clone();
    assert_eq!(edited["result"]["original_order_id"], id);
    assert_ne!(new, id);
    assert_eq!(mine.kinds(3), ["canceled", "pending_new", "new"]);
    // One that cannot be paid leaves the old one as it is.
    let refused = mine
        .call("edit_order", &json!({"order_id": new, "symbol": "BTC/USD", "order_qty": 2000000}));
    assert_eq!(refused["error"], "EOrder:Insufficient funds");
    let second = mine.call("add_order", &order)["result"]["order_id"].clone();
    mine.kinds(2);
    let req_id =
        mine.ask("cancel_order", &json!({"order_id": [new, second, "OAAAAA-BBBBB-CCCCCC"]}));
    let mut answers = Vec::new();
    while answers.len() < 3 {
        let text = mine.socket.text_where(|json| json["req_id"] == req_id);
        let json: Value = serde_json::from_str(&text).expect("JSON");
        answers.push(json["success"].as_bool().expect("success"));
    }
    // One answer of each.
    assert_eq!(answers, [true, true, false]);
    mine.call("add_order", &order);
    mine.call("add_order", &order);
    assert_eq!(mine.call("cancel_all", &json!({}))["result"]["count"], 2);
    let batch = json!({"symbol": "BTC/USD", "orders": [
        {"order_type": "limit", "side": "buy", "order_qty": 0.1, "limit_price": 30000},
        {"order_type": "limit", "side": "buy", "order_qty": 0.1, "limit_price": 30000.01}]});
    let placed = mine.call("batch_add", &batch);
    let first = placed["result"][0]["order_id"].clone();
    assert_eq!(placed["result"][1]["error"], "EOrder:Invalid price");
    let gone = mine.call("batch_cancel", &json!({"orders": [first]}));
    assert_eq!((&gone["success"], &gone["orders_cancelled"]), (&json!(true), &json!(1)));
}

#[test]
fn orders_of_each_kind_do_what_they_say() {
    let running = quiet();
    let trader = Trader::demo(&running);
    let mut mine = trader.socket();
    mine.executions(&json!({}));
    other(&running, "sell", "1", "40000");
    other(&running, "buy", "1", "39000");
    let mut add = |order: Value, count: usize| {
        let mut order = order;
        order["symbol"] = "BTC/USD".into();
        let taken = mine.call("add_order", &order);
        assert_eq!(taken["success"], true, "{taken}");
        mine.kinds(count)
    };
    let buy = json!({"order_type": "market", "side": "buy", "order_qty": 0.1});
    assert_eq!(add(buy, 4), ["pending_new", "new", "trade", "filled"]);
    let cash = json!({"order_type": "market", "side": "buy", "cash_order_qty": 4000});
    assert_eq!(add(cash, 4), ["pending_new", "new", "trade", "filled"]);
    let ioc = json!({"order_type": "limit", "side": "buy", "order_qty": 2, "limit_price": 39500,
        "time_in_force": "ioc"});
    assert_eq!(add(ioc, 3), ["pending_new", "new", "expired"]);
    let stop = json!({"order_type": "stop-loss", "side": "sell", "order_qty": 0.1,
        "triggers": {"price": 39500, "reference": "last"}});
    assert_eq!(add(stop, 2), ["pending_new", "new"]);
    // A trade below the price that it waits for.
    let sell = json!({"order_type": "market", "side": "sell", "order_qty": 0.1});
    let all = ["pending_new", "new", "trade", "filled", "status", "trade", "filled"];
    assert_eq!(add(sell, 7), all);
}

#[test]
fn what_has_an_end_ends() {
    let running = quiet();
    let trader = Trader::demo(&running);
    let mut mine = trader.socket();
    mine.executions(&json!({}));
    trader.place(&format!("{LIMIT}&timeinforce=GTD&expiretm=%2B1"));
    let pending = mine.execution();
    assert_eq!(
        (&pending["time_in_force"], pending["expire_time"].is_string()),
        (&json!("GTD"), true)
    );
    assert_eq!(mine.kinds(2), ["new", "expired"]);
    // The dead man's switch: only what is not renewed cancels.
    trader.place(LIMIT);
    mine.kinds(2);
    let set = mine.call("cancel_all_orders_after", &json!({"timeout": 60}));
    assert!(set["result"]["triggerTime"].as_str().is_some_and(|at| at.ends_with('Z')), "{set}");
    let off = trader.call("CancelAllOrdersAfter", "timeout=0").result();
    assert_eq!(off["triggerTime"], "0");
    trader.call("CancelAllOrdersAfter", "timeout=1").result();
    assert_eq!(mine.kinds(1), ["canceled"]);
    assert_eq!(trader.call("OpenOrders", "").result(), json!({"open": {}}));
}

#[test]
fn what_a_client_believes_is_the_truth() {
    let running = quiet();
    let trader = Trader::demo(&running);
    let mut mine = trader.socket();
    mine.executions(&json!({}));
    other(&running, "sell", "1", "40000");
    trader.place("pair=XBTUSD&type=buy&ordertype=market&volume=0.3");
    mine.kinds(2);
    let trade = mine.execution();
    trader.place("pair=XBTUSD&type=buy&ordertype=limit&volume=1&price=30000&cl_ord_id=rests");
    let fee = &trade["fees"][0];
    assert_eq!(fee["asset"], "BTC");
    let extended = trader.call("BalanceEx", "").result();
    let balances: Vec<Value> = [("XXBT", "BTC"), ("ZUSD", "USD"), ("XETH", "ETH")]
        .iter()
        .map(|(key, asset)| {
            let number = |name: &str| {
                let text = extended[key][name].as_str().expect("a number");
                qt_venue_sim::exchange::units::parse_units(text, 12).expect("a number")
            };
            let (all, held) = (number("balance"), number("hold_trade"));
            let text =
                |units: i64| qt_venue_sim::exchange::units::units_text(i128::from(units), 12);
            json!({"asset": asset, "free": text(all - held), "locked": text(held)})
        })
        .collect();
    let belief = json!({
        "account": "demo",
        "open_orders": [{"symbol": "BTC/USD", "client_id": "rests", "side": "buy",
            "price": "30000.00000", "qty": "1.00000000"}],
        "fills": [{"symbol": "BTC/USD", "trade_id": trade["trade_id"], "side": trade["side"],
            "price": trade["last_price"].to_string(), "qty": trade["last_qty"].to_string(),
            "fee": fee["qty"].to_string(), "fee_asset": fee["asset"]}],
        "balances": balances,
    });
    let told = control(&running, "POST", "compare", &belief.to_string());
    assert_eq!(told["differences"], json!([]), "{belief}");
}
