//! Signatures, windows, limits and the rules of symbols.

use qt_venue_sim::server::{MarketSettings, Running, Settings};
use qt_venue_sim::setup::{AccountSetup, KeySetup, Setup};
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{control, exchange_bytes, get, now_ms, start};
use super::trader::{Trader, code, quiet};

const SPOT: Venue = Venue::BybitSpot;
const LINEAR: Venue = Venue::BybitLinear;
const PATH: &str = "/v5/account/info";

#[test]
fn a_request_needs_its_key_its_signature_and_its_time() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let at = |ms: i64| code(&trader.send_at("GET", PATH, "", now_ms() + ms).json());
    assert_eq!((at(0), at(-4_000), at(700)), (0, 0, 0));
    assert_eq!((at(-5_500), at(1_500)), (10_002, 10_002));
    let stranger = Trader { api_key: "nobody-at-all".to_owned(), ..trader.clone() };
    assert_eq!(code(&stranger.send("GET", PATH, "").json()), 10_003);
    let liar = Trader { secret: "another".to_owned(), ..trader.clone() };
    assert_eq!(code(&liar.send("GET", PATH, "").json()), 10_004);
    assert_eq!(code(&get(running.addr, PATH).json()), 10_003);
    let missing = get(running.addr, "/v5/nothing");
    assert_eq!((missing.status, code(&missing.json())), (404, 10_017));
    let wrong = get(running.addr, "/v5/order/create");
    assert_eq!((wrong.status, code(&wrong.json())), (404, 10_017), "it is no GET");
}

#[test]
fn what_is_signed_are_the_very_bytes_of_the_query_and_of_the_body() {
    let running = quiet(SPOT);
    let trader = Trader::demo(&running, SPOT, "demo");
    let query = "accountType=UNIFIED&coin=BTC%2CUSDT";
    let answer = trader.send("GET", "/v5/account/wallet-balance", query).json();
    assert_eq!(answer["result"]["list"][0]["coin"].as_array().map(Vec::len), Some(2), "{answer}");
    // With other spaces it is another body, and as good.
    let body = "{ \"category\":\"spot\" , \"symbol\":\"BTCUSDT\",\"side\":\"Buy\",\
                \"orderType\":\"Limit\",\"qty\":0.01,\"price\":\"60000\"}";
    assert_eq!(code(&trader.send("POST", "/v5/order/create", body).json()), 0);
}

#[test]
fn who_may_only_read_does_not_trade() {
    let mut settings = Settings::new(SPOT);
    settings.market = MarketSettings::None;
    let mut setup = Setup::of_venue(SPOT);
    let key = |api_key: &str, read_only: bool| KeySetup {
        api_key: api_key.to_owned(),
        secret: Some("secret".to_owned()),
        public_key: None,
        read_only,
    };
    setup.accounts.push(AccountSetup {
        name: "alice".to_owned(),
        balances: [("USDT".to_owned(), "1000".to_owned())].into(),
        maker: None,
        taker: None,
        keys: vec![key("may-only-read", true), key("ABCDEFGHIJKLMNOPQR", false)],
    });
    settings.setup = Some(setup);
    let running = start(settings);
    let trader = |api_key: &str| Trader {
        addr: running.addr,
        api_key: api_key.to_owned(),
        secret: "secret".to_owned(),
        category: "spot",
    };
    let order = || {
        json!({ "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
        "qty": "0.01", "price": "60000" })
    };
    let reader = trader("may-only-read");
    assert_eq!(code(&reader.send("GET", PATH, "").json()), 0);
    assert_eq!(code(&reader.post("/v5/order/create", order())), 10_005);
    assert_eq!(code(&trader("ABCDEFGHIJKLMNOPQR").post("/v5/order/create", order())), 0);
}

#[test]
fn a_file_of_keys_is_in_the_terms_of_the_venue() {
    let setup = Setup::of(LINEAR, "[limits]\norders_per_second = 3").expect("a setup");
    assert_eq!((setup.bybit.orders_per_second, setup.bybit.queries_per_second), (3, 50));
    assert_eq!(Setup::of(SPOT, "").expect("a setup").bybit.orders_per_second, 20);
    let error = Setup::of(LINEAR, "[limits]\norders_per_day = 3").expect_err("of another venue");
    assert!(error.to_string().contains("orders_per_day"), "{error}");
}

#[test]
fn headers_tell_what_is_left_and_beyond_it_is_refused() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let body = json!({ "category": "linear", "symbol": "BTCUSDT", "orderId": "x" }).to_string();
    let mut seen = Vec::new();
    for _ in 0..14 {
        let answer = trader.send("POST", "/v5/order/cancel", &body);
        assert_eq!(answer.header("x-bapi-limit"), Some("10"), "{}", answer.head);
        let left: i64 =
            answer.header("x-bapi-limit-status").expect("a header").parse().expect("a number");
        let reset: i64 = answer
            .header("x-bapi-limit-reset-timestamp")
            .expect("a header")
            .parse()
            .expect("a time");
        assert!((reset - now_ms()).abs() < 10_000);
        seen.push((code(&answer.json()), left));
    }
    assert_eq!(seen[0], (110_001, 9));
    assert!(seen.contains(&(10_006, 0)), "{seen:?}");
    assert_eq!(control(&running, "GET", "limits")["limits"]["orders_per_second"], 10);
}

#[test]
fn an_address_that_asks_for_too_much_is_forbidden() {
    let mut settings = Settings::new(SPOT);
    settings.market = MarketSettings::None;
    let mut setup = Setup::of_venue(SPOT);
    setup.bybit.requests_per_5_seconds = 3;
    settings.setup = Some(setup);
    let running = start(settings);
    let statuses: Vec<u16> = (0..5).map(|_| get(running.addr, "/v5/market/time").status).collect();
    assert_eq!(statuses, [200, 200, 200, 403, 403]);
    assert!(super::client::Socket::try_open(running.addr, "/v5/public/spot").is_err());
    assert_eq!(control(&running, "GET", "limits")["peaks"]["banned"].as_u64(), Some(3));
}

/// A server that never finds that somebody asks too often.
fn patient(venue: Venue) -> Running {
    let mut settings = Settings::new(venue);
    settings.market = MarketSettings::None;
    let mut setup = Setup::of_venue(venue);
    setup.bybit.orders_per_second = 10_000;
    let assets: &[&str] = if venue == SPOT { &["BTC", "USDT"] } else { &["USDT"] };
    setup.accounts = Setup::demo(assets).accounts;
    settings.setup = Some(setup);
    start(settings)
}

#[test]
fn rules_of_symbols_have_their_codes() {
    for (venue, codes) in [
        (SPOT, [170_121, 170_137, 170_134, 170_140, 170_193, 170_117, 170_116, 170_115]),
        (LINEAR, [10_001, 10_001, 10_001, 110_094, 110_003, 10_001, 10_001, 10_001]),
    ] {
        let running = patient(venue);
        let trader = Trader::demo(&running, venue, "demo");
        let other = Trader::demo(&running, venue, "other");
        // The last price is what limits are held against.
        other.limit("Sell", "0.01", "60000");
        trader.limit("Buy", "0.01", "60000");
        let order = |change: Value| {
            let mut order = json!({ "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
                "qty": "0.01", "price": "50000" });
            let map = order.as_object_mut().expect("an object");
            map.extend(change.as_object().expect("an object").clone());
            code(&trader.post("/v5/order/create", order))
        };
        assert_eq!(order(json!({})), 0);
        let found = [
            order(json!({ "symbol": "NOPE" })),
            order(json!({ "qty": "0.0000001" })),
            order(json!({ "price": "50000.001" })),
            order(json!({ "price": "100", "qty": "0.01" })),
            order(json!({ "price": "66001" })),
            order(json!({ "side": "buy" })),
            order(json!({ "orderType": "Stop" })),
            order(json!({ "timeInForce": "GTD" })),
        ];
        assert_eq!(found, codes, "{venue:?}");
        for missing in ["symbol", "side", "orderType", "qty", "price"] {
            assert_eq!(order(json!({ missing: null })), 10_001, "{missing}");
        }
        assert_eq!(order(json!({ "category": "option" })), 10_001);
        assert_eq!(order(json!({ "positionIdx": 1 })), 10_001);
        control(&running, "POST", "status?symbol=BTCUSDT&status=halt");
        let closed = if venue == SPOT { 170_151 } else { 110_066 };
        assert_eq!(order(json!({})), closed);
        let all =
            get(running.addr, &format!("/v5/market/instruments-info?category={}", trader.category));
        let names: Vec<_> = all.json()["result"]["list"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["symbol"].clone())
            .collect();
        assert_eq!(names, ["ETHUSDT"], "only what trades is listed");
    }
}

#[test]
fn a_body_that_is_none_is_refused_in_the_envelope() {
    let running = quiet(SPOT);
    let trader = Trader::demo(&running, SPOT, "demo");
    for body in ["", "[]", "{", "{\"category\":{}}", "\u{fc}"] {
        let answer = trader.send("POST", "/v5/order/create", body);
        let json = answer.json();
        assert_eq!((answer.status, code(&json)), (200, 10_001), "{body}");
        assert_eq!((&json["result"], &json["retExtInfo"]), (&json!({}), &json!({})));
        assert!(json["time"].is_i64());
    }
    let bytes =
        b"POST /v5/order/create HTTP/1.1\r\ncontent-length: 1\r\nconnection: close\r\n\r\n\xff";
    assert_eq!(code(&exchange_bytes(running.addr, bytes).json()), 10_001);
}
