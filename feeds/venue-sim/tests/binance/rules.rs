//! Who may ask, and how much: signatures, times, parameters, limits.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qt_venue_sim::server::{MarketSettings, Settings};
use qt_venue_sim::setup::Setup;
use qt_venue_sim::venue::Venue;
use qt_venue_sim::venue::binance::DemoKeys;
use ring::signature::Ed25519KeyPair;
use serde_json::json;

use super::client::{Socket, Trader, exchange_bytes, get, now_ms, quiet, start};

/// Logs on with the Ed25519 key of an account.
pub fn log_on(api: &mut Socket, account: &str) -> String {
    let keys = DemoKeys::of(account);
    let body: String =
        keys.ed25519_private_pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(body).expect("base64");
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).expect("a private key");
    let (api_key, timestamp) = (keys.ed25519_api_key, now_ms());
    let payload = format!("apiKey={api_key}&timestamp={timestamp}");
    let signature = STANDARD.encode(pair.sign(payload.as_bytes()));
    let params = json!({ "apiKey": api_key, "timestamp": timestamp, "signature": signature });
    api.call_text("session.logon", &params)
}

#[test]
fn a_signature_covers_every_byte_and_comes_in_time() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let path = "/api/v3/account";
    assert_eq!(trader.call("GET", path, "").status, 200);
    let stamp = |ms: i64| format!("timestamp={}", now_ms() + ms);
    let told = |query: &str| {
        let answer = trader.call_as_is("GET", path, query);
        (answer.status, answer.code())
    };
    assert_eq!(told(&stamp(-6_000)), (400, -1021));
    assert_eq!(told(&stamp(60_000)), (400, -1021));
    assert_eq!(told(&format!("{}&recvWindow=60001", stamp(0))), (400, -1131));
    assert_eq!(told("recvWindow=5000"), (400, -1102));
    assert_eq!(told(&format!("{}&surprise=1", stamp(0))), (400, -1104));
    assert_eq!(told(&format!("{0}&{0}", stamp(0))), (400, -1101));
    let mut wrong = trader.clone();
    wrong.secret.push('x');
    let answer = wrong.call("GET", path, "");
    assert_eq!((answer.status, answer.code()), (400, -1022));
    wrong.api_key = "a".repeat(64);
    let answer = wrong.call("GET", path, "");
    assert_eq!((answer.status, answer.code()), (401, -2015));
    wrong.api_key = "short".into();
    let answer = wrong.call("GET", path, "");
    assert_eq!((answer.status, answer.code()), (401, -2014));
}

#[test]
fn what_is_encoded_after_signing_is_refused() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let plain = format!("symbol=１&timestamp={}", now_ms());
    let signature = trader.sign(&plain);
    let encoded = plain.replace('１', "%EF%BC%91");
    let target = format!("/api/v3/openOrders?{encoded}&signature={signature}");
    let request = format!(
        "GET {target} HTTP/1.1\r\nx-mbx-apikey: {}\r\nconnection: close\r\n\r\n",
        trader.api_key
    );
    assert_eq!(exchange_bytes(running.addr, request.as_bytes()).code(), -1022);
    // Signed as it is sent it is good, and there is only no such symbol.
    let query = format!("symbol=%EF%BC%91&timestamp={}", now_ms());
    assert_eq!(trader.call_as_is("GET", "/api/v3/openOrders", &query).code(), -1121);
}

#[test]
fn a_form_and_a_query_are_signed_together() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC";
    let body = format!("quantity=1&price=50000&timestamp={}", now_ms());
    let signature = trader.sign(&format!("{query}{body}"));
    let body = format!("{body}&signature={signature}");
    let request = format!(
        "POST /api/v3/order?{query} HTTP/1.1\r\nx-mbx-apikey: {}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        trader.api_key,
        body.len()
    );
    let answer = exchange_bytes(running.addr, request.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("x-mbx-order-count-10s"), Some("1"), "{}", answer.head);
}

#[test]
fn each_wrong_parameter_has_its_code() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=50000";
    let with = |from: &str, to: &str| {
        let answer = trader.call("POST", "/api/v3/order", &order.replace(from, to));
        (answer.code(), answer.json()["msg"].as_str().unwrap_or_default().to_owned())
    };
    for (from, to, code, words) in [
        ("BTCUSDT", "NOPE", -1121, "Invalid symbol."),
        ("BTCUSDT", "btcusdt", -1100, "'symbol'"),
        ("side=BUY", "side=HOLD", -1117, "Invalid side."),
        ("type=LIMIT", "type=HOPE", -1116, "Invalid orderType."),
        ("GTC", "GTX", -1115, "Invalid timeInForce."),
        ("&timeInForce=GTC", "", -1102, "'timeInForce'"),
        ("&price=50000", "", -1102, "'price'"),
        ("&quantity=1", "", -1102, "'quantity'"),
        ("quantity=1", "quantity=1e3", -1100, "'quantity'"),
        ("quantity=1", "quantity=", -1105, "'quantity'"),
        ("quantity=1", "quantity=1.000000001", -1111, "'quantity'"),
        ("quantity=1", "quantity=0.000001", -1013, "LOT_SIZE"),
        ("price=50000", "price=50000.001", -1013, "PRICE_FILTER"),
        ("quantity=1", "quantity=0.00001", -1013, "NOTIONAL"),
        ("quantity=1", "quantity=100", -2010, "insufficient balance"),
        ("quantity=1", "quantity=1&quoteOrderQty=5", -1106, "'quoteOrderQty'"),
        ("price=50000", "price=50000&stopPrice=1", -1106, "'stopPrice'"),
        ("quantity=1", "quantity=1&newClientOrderId=a%20b", -1100, "'newClientOrderId'"),
        ("quantity=1", "quantity=1&strategyType=1", -1134, "strategyType"),
    ] {
        let (found, msg) = with(from, to);
        assert!(found == code && msg.contains(words), "{from} -> {to}: {found} {msg}");
    }
    let answer = get(running.addr, "/api/v3/klines?symbol=BTCUSDT&interval=7m");
    assert_eq!((answer.status, answer.code()), (400, -1120));
    assert_eq!(get(running.addr, "/api/v3/time?x=1").code(), -1101);
    assert_eq!(get(running.addr, "/api/v3/nothing").status, 404);
}

#[test]
fn weight_is_counted_told_and_refused() {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.market = MarketSettings::None;
    let mut setup = Setup::demo(&["BTC", "USDT"]);
    setup.limits.request_weight_per_minute = 45;
    setup.limits.refusals_before_ban = 1;
    setup.limits.ban_seconds = 1;
    settings.setup = Some(setup);
    let running = start(settings);
    // A minute may end between two requests: then the count begins anew, and so does this.
    loop {
        let first = get(running.addr, "/api/v3/exchangeInfo");
        let second = get(running.addr, "/api/v3/exchangeInfo");
        let used = |answer: &super::client::Answer| {
            answer.header("x-mbx-used-weight-1m").map(str::to_owned)
        };
        if (used(&first), used(&second)) != (Some("20".into()), Some("40".into())) {
            continue;
        }
        let third = get(running.addr, "/api/v3/exchangeInfo");
        if third.status == 200 {
            continue;
        }
        assert_eq!((third.status, third.code()), (429, -1003), "{}", third.body);
        let seconds: u32 = third.header("retry-after").expect("told").parse().expect("seconds");
        assert!((1..=60).contains(&seconds), "{seconds}");
        let fourth = get(running.addr, "/api/v3/time");
        if fourth.status == 200 {
            continue;
        }
        assert_eq!((fourth.status, fourth.code()), (418, -1003), "{}", fourth.body);
        break;
    }
}

#[test]
fn a_session_needs_a_logon_and_takes_only_one_kind_of_key() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let mut api = Socket::open(running.addr, "/ws-api/v3");
    assert_eq!(api.call("userDataStream.subscribe", &json!({}))["status"], 401);
    let hmac = api.call("session.logon", &trader.params(json!({})));
    assert_eq!(hmac["error"]["code"], -4056, "{hmac}");
    log_on(&mut api, "demo");
    let status = api.call("account.status", &json!({ "timestamp": now_ms() }));
    assert_eq!(status["status"], 200, "{status}");
    let late = api.call("account.status", &json!({ "timestamp": now_ms() - 6_000 }));
    assert_eq!(late["error"]["code"], -1021);
    assert_eq!(api.call("userDataStream.subscribe", &json!({}))["result"]["subscriptionId"], 0);
    assert_eq!(api.call("userDataStream.subscribe", &json!({}))["error"]["code"], -2035);
    assert_eq!(api.call("userDataStream.unsubscribe", &json!({}))["status"], 200);
    let unknown = api.call("userDataStream.unsubscribe", &json!({ "subscriptionId": 7 }));
    assert_eq!(unknown["error"]["code"], -2036);
}
