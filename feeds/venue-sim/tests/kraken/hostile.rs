//! Clients that mean no good: nothing they send ends the server or lets its memory grow.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::client::{Socket, Trader, exchange_bytes, get, quiet};

#[test]
fn garbage_is_answered_and_the_next_client_served() {
    let running = quiet();
    let trader = Trader::demo(&running);
    let ask = |target: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nconnection: close\r\n\r\n");
        exchange_bytes(running.addr, request.as_bytes()).status
    };
    for (target, status) in [
        ("/", 404),
        ("/0", 404),
        ("/0/", 404),
        ("/0/public", 404),
        ("/0/public/", 404),
        ("/0/private/Balance", 405),
        ("/0/public/Depth?pair=%ff", 200),
        ("/0/public/Depth?%zz=1", 200),
    ] {
        assert_eq!(ask(target), status, "{target}");
    }
    for form in ["orders=[1,2]&pair=XBTUSD", "orders=[&pair=XBTUSD", "orders=[[]]&pair=XBTUSD"] {
        assert!(trader.call("AddOrderBatch", form).error().starts_with("EGeneral:"), "{form}");
    }
    let many = (0..500).map(|n| format!("f{n}=1&")).collect::<String>();
    assert_eq!(trader.call("Balance", &many).error(), "EGeneral:Too many arguments");
    let names = vec!["OAAAAA-BBBBB-CCCCCC"; 60].join(",");
    let error = trader.call("QueryOrders", &format!("txid={names}")).error();
    assert_eq!(error, "EGeneral:Invalid arguments:txid");
    for (field, value) in [
        ("volume", "9223372036854775807"),
        ("volume", "-1"),
        ("volume", "1e400"),
        ("price", "99999999999999999999999"),
        ("userref", "9223372036854775808"),
        ("expiretm", "99999999999999999"),
        ("displayvol", "0"),
    ] {
        let usual = [("pair", "XBTUSD"), ("type", "buy"), ("ordertype", "limit"), ("volume", "1")];
        let usual = usual.into_iter().chain([("price", "30000"), ("timeinforce", "GTD")]);
        let rest = usual.filter(|(name, _)| *name != field);
        let form: Vec<String> =
            rest.chain([(field, value)]).map(|(name, value)| format!("{name}={value}")).collect();
        let error = trader.call("AddOrder", &form.join("&")).error();
        assert!(error.starts_with('E'), "{field}={value}: {error}");
    }
    assert_eq!(get(running.addr, "/0/public/Time").status, 200);
}

#[test]
fn a_socket_has_no_more_channels_than_it_may() {
    let text = "[limits]\nsubscriptions_per_connection = 2\n";
    let mut settings = qt_venue_sim::server::Settings::new(qt_venue_sim::venue::Venue::Kraken);
    let setup = qt_venue_sim::setup::Setup::of(settings.venue, text).expect("a setup");
    settings.setup = Some(setup);
    let running = super::client::start(settings);
    let mut socket = Socket::open(running.addr, "/v2");
    let mut ask = |channel: &str| {
        let params = json!({"channel": channel, "symbol": ["BTC/USD"]});
        socket.say("subscribe", &params, None);
        let text = socket.text_where(|json| json["method"] == "subscribe");
        let json: Value = serde_json::from_str(&text).expect("JSON");
        json["success"].as_bool().expect("success")
    };
    assert_eq!([ask("book"), ask("trade"), ask("ohlc")], [true, true, false]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn no_text_ends_the_server(
        texts in proptest::collection::vec(".{0,200}", 1..10),
        methods in proptest::collection::vec("[a-z_]{0,12}", 1..5),
    ) {
        let running = quiet();
        let trader = Trader::demo(&running);
        let mut mine = trader.socket();
        let odd = methods.iter().map(|method| {
            json!({"method": method, "params": {"symbol": texts, "channel": method}}).to_string()
        });
        for text in texts.iter().cloned().chain(odd) {
            mine.socket.send(&text);
            let answer = mine.socket.text_where(|json| json["success"].is_boolean());
            prop_assert!(answer.contains("time_out"), "{}", answer);
        }
        let target: String =
            texts.concat().bytes().filter(u8::is_ascii_graphic).map(char::from).collect();
        for name in ["Depth", "OHLC", "Trades", "Ticker", "AssetPairs", "Assets"] {
            get(running.addr, &format!("/0/public/{name}?{target}&pair=XBTUSD&interval={target}"));
        }
        prop_assert_eq!(get(running.addr, "/0/public/Time").status, 200);
    }
}
