//! Every captured private message, read, and held against `serde_json`.

use serde_json::Value;

use super::super::wire::*;
use super::desk::*;

/// The lines of the captures of this venue; none where the shared folder is not at hand.
fn lines(name: &str) -> Vec<String> {
    let Some(shared) = std::env::var_os("QT_SHARED") else { return Vec::new() };
    let path = std::path::Path::new(&shared).join("market-data/captures/binance-spot").join(name);
    let lines = std::fs::OpenOptions::new().read(true).open(path).map(std::io::read_to_string);
    let text = lines.expect("the captures are there").expect("they are text");
    text.lines().map(str::to_owned).collect()
}

fn assert_text(text: &str, of: &Value, name: &str) {
    assert_eq!(Some(text), of[name].as_str(), "{name} of {of}");
}

fn check_report(text: &str, value: &Value) {
    let read: ExecutionReport<'_> = serde_json::from_str(text).expect(text);
    for (text, name) in [
        (&read.symbol, "s"),
        (&read.client, "c"),
        (&read.side, "S"),
        (&read.kind, "o"),
        (&read.life, "f"),
        (&read.qty, "q"),
        (&read.price, "p"),
        (&read.what, "x"),
        (&read.status, "X"),
        (&read.refusal, "r"),
        (&read.last_qty, "l"),
        (&read.last_price, "L"),
        (&read.executed, "z"),
    ] {
        assert_text(text, value, name);
    }
    assert_eq!(read.original.as_deref(), value["C"].as_str());
    assert_eq!(read.fee.as_deref(), value["n"].as_str());
    assert_eq!(read.fee_asset.as_deref(), value["N"].as_str());
    assert_eq!(read.expiry.as_deref(), value["eR"].as_str());
    assert_eq!(Some(read.number), value["i"].as_u64());
    assert_eq!(Some(read.trade), value["t"].as_i64());
    assert_eq!((Some(read.sent_ms), Some(read.at_ms)), (value["E"].as_i64(), value["T"].as_i64()));
    assert_eq!(Some(read.is_maker), value["m"].as_bool());
}

#[test]
fn events_of_the_account() {
    let mut seen = std::collections::BTreeMap::new();
    for line in lines("docs.user-data.jsonl").iter().chain(&lines("nautilus.fixtures.ws.jsonl")) {
        let value: Value = serde_json::from_str(line).unwrap();
        let event = value.get("event").unwrap_or(&value);
        let name = event["e"].as_str().unwrap().to_owned();
        if name == "executionReport" {
            check_report(&event.to_string(), event);
        }
        if name == "outboundAccountPosition" {
            let text = event.to_string();
            let read: AccountPosition<'_> = serde_json::from_str(&text).unwrap();
            for (read, of) in read.balances.iter().zip(event["B"].as_array().unwrap()) {
                assert_text(&read.asset, of, "a");
                assert_text(&read.free, of, "f");
                assert_text(&read.locked, of, "l");
            }
        }
        *seen.entry(name).or_insert(0) += 1;
        // As a session hears it: nothing is unreadable, nothing unknown.
        let desk = &mut Desk::up();
        let link = desk.link();
        desk.frame(link, &value);
        let figures = desk.machine.standing().figures;
        assert_eq!((figures.unreadable, figures.unknown, figures.unfit), (0, 0, 0), "{line}");
    }
    if std::env::var_os("QT_SHARED").is_some() {
        assert!(seen["executionReport"] >= 4 && seen.len() >= 6, "{seen:?}");
    }
}

/// Which of the answers each captured one is, by its fields.
fn check_answer(value: &Value) -> &'static str {
    let text = value.to_string();
    if value.get("code").is_some() {
        let read: Fault<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(i64::from(read.code), value["code"].as_i64().unwrap());
        assert_text(&read.msg, value, "msg");
        return "fault";
    }
    if value.get("serverTime").is_some_and(|_| value.as_object().unwrap().len() == 1) {
        let read: Time = serde_json::from_str(&text).unwrap();
        assert_eq!(Some(read.server_ms), value["serverTime"].as_i64());
        return "time";
    }
    if value.get("balances").is_some() {
        let read: Account<'_> = serde_json::from_str(&text).unwrap();
        for (read, of) in read.balances.iter().zip(value["balances"].as_array().unwrap()) {
            assert_text(&read.asset, of, "asset");
            assert_text(&read.free, of, "free");
            assert_text(&read.locked, of, "locked");
        }
        return "account";
    }
    if value.get("amendedOrder").is_some() {
        let read: Amended<'_> = serde_json::from_str(&text).unwrap();
        assert_eq!(read.execution, value["executionId"].as_u64());
        assert_text(&read.order.qty, &value["amendedOrder"], "qty");
        return "amended";
    }
    if value.get("updateTime").is_some() && value.get("clientOrderId").is_some() {
        let read: Order<'_> = serde_json::from_str(&text).unwrap();
        assert_text(&read.client, value, "clientOrderId");
        assert_text(&read.status, value, "status");
        assert_text(&read.qty, value, "origQty");
        assert_eq!(Some(read.number), value["orderId"].as_u64());
        return "order";
    }
    if value.get("isBuyer").is_some() && value.get("id").is_some() {
        let read: OwnTrade<'_> = serde_json::from_str(&text).unwrap();
        assert_text(&read.price, value, "price");
        assert_eq!(read.commission.as_deref(), value["commission"].as_str());
        assert_eq!(
            (Some(read.id), Some(read.order)),
            (value["id"].as_i64(), value["orderId"].as_u64())
        );
        return "trade";
    }
    if value.get("origClientOrderId").is_some() && value.get("transactTime").is_some() {
        let read: Cancelled<'_> = serde_json::from_str(&text).unwrap();
        assert_text(&read.executed, value, "executedQty");
        return "cancelled";
    }
    if value.get("orderId").is_some() && value.get("transactTime").is_some() {
        let read: Placed = serde_json::from_str(&text).unwrap();
        assert_eq!(Some(read.number), value["orderId"].as_u64());
        return "placed";
    }
    "other"
}

#[test]
fn answers_of_the_documents() {
    let mut seen = std::collections::BTreeMap::new();
    let files = ["docs.rest.jsonl", "docs.ws-api.jsonl", "nautilus.fixtures.rest.jsonl"];
    for line in files.iter().flat_map(|name| lines(name)) {
        let value: Value = serde_json::from_str(&line).unwrap();
        let message = value.get("status").is_some() && value.get("id").is_some();
        if message {
            let read: Message<'_> = serde_json::from_str(&line).expect(&line);
            assert_eq!(read.status.map(u64::from), value["status"].as_u64());
            if let Some(limits) = read.limits {
                let limits: Vec<Limit<'_>> = serde_json::from_str(limits.get()).unwrap();
                assert_eq!(Some(limits.len()), value["rateLimits"].as_array().map(Vec::len));
            }
        }
        let part = value.get("result").or(value.get("error")).unwrap_or(&value);
        let one = |part: &Value| part.is_object().then(|| check_answer(part));
        let names: Vec<_> = match part.as_array() {
            Some(items) => items.iter().filter_map(one).collect(),
            None => one(part).into_iter().collect(),
        };
        names.into_iter().for_each(|name| *seen.entry(name).or_insert(0) += 1);
    }
    if std::env::var_os("QT_SHARED").is_some() {
        for name in ["account", "amended", "cancelled", "fault", "order", "placed", "time", "trade"]
        {
            assert!(seen.contains_key(name), "no {name} in {seen:?}");
        }
    }
}
