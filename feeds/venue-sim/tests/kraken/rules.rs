//! Who may: keys, signatures, nonces, tokens, counters.

use qt_venue_sim::server::{MarketSettings, Settings};
use qt_venue_sim::setup::Setup;
use qt_venue_sim::venue::Venue;
use serde_json::json;

use super::client::{Socket, Trader, control, quiet, start};

#[test]
fn the_signature_of_the_documents_is_the_clients() {
    let running = quiet();
    let mut trader = Trader::demo(&running);
    trader.secret =
        "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6\
                     F1huXg=="
            .to_owned();
    let body = "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25";
    assert_eq!(
        trader.sign("/0/private/AddOrder", "1616492376594", body),
        "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
    );
    // And the server takes it of who has that secret.
    let text = format!(
        "[[account]]\nname = \"demo\"\nbalances = {{ USD = \"100000\" }}\n[[account.key]]\n\
         api_key = \"{}\"\nsecret = \"{}\"\n",
        trader.api_key, trader.secret
    );
    let mut settings = Settings::new(Venue::Kraken);
    settings.market = MarketSettings::None;
    settings.setup = Some(Setup::of(Venue::Kraken, &text).expect("a setup"));
    let running = start(settings);
    trader.addr = running.addr;
    let placed = trader.call_as_is("AddOrder", "1616492376594", body, "x-www-form-urlencoded");
    assert_eq!(placed.result()["descr"]["order"], "buy 1.25000000 XBTUSD @ limit 37500.0");
    let again = trader.call_as_is("AddOrder", "1616492376594", body, "x-www-form-urlencoded");
    assert_eq!(again.error(), "EAPI:Invalid nonce");
    // A body in JSON is signed in the same way.
    let body = "{\"nonce\":\"1616492376595\"}";
    let open = trader.call_as_is("OpenOrders", "1616492376595", body, "json");
    assert_eq!(open.result()["open"].as_object().map(serde_json::Map::len), Some(1));
}

#[test]
fn who_is_not_known_or_signs_badly_gets_nothing() {
    let running = quiet();
    let trader = Trader::demo(&running);
    let path = "/0/private/Balance";
    assert_eq!(trader.send(path, "AAAA", "nonce=1", "form").error(), "EAPI:Invalid signature");
    assert_eq!(trader.send(path, "?", "nonce=1", "form").error(), "EAPI:Invalid signature");
    assert_eq!(trader.send(path, "AAAA", "", "form").error(), "EAPI:Invalid nonce");
    let mut stranger = Trader::demo(&running);
    stranger.api_key = "nobody-knows-this-key".to_owned();
    assert_eq!(stranger.call("Balance", "").error(), "EAPI:Invalid key");
    let get = super::client::get(running.addr, path);
    assert_eq!((get.status, get.error().as_str()), (405, "EGeneral:Unknown method"));
    trader.call("Balance", "").result();
}

#[test]
fn a_key_that_may_only_read_does_not_trade() {
    let keys = qt_venue_sim::venue::binance::DemoKeys::of("demo");
    let text = format!(
        "[limits]\nrest_counter_max = 7\n[[account]]\nname = \"demo\"\n\
         balances = {{ USD = \"1000\" }}\n[[account.key]]\napi_key = \"{}\"\nsecret = \"{}\"\n\
         read_only = true\n",
        keys.hmac_api_key, keys.hmac_secret
    );
    let mut settings = Settings::new(Venue::Kraken);
    settings.market = MarketSettings::None;
    settings.setup = Some(Setup::of(Venue::Kraken, &text).expect("a setup"));
    let running = start(settings);
    let trader = Trader::demo(&running);
    let order = "pair=XBTUSD&type=buy&ordertype=limit&volume=0.01&price=30000";
    assert_eq!(trader.call("AddOrder", order).error(), "EGeneral:Permission denied");
    let mut mine = trader.socket();
    let order = json!({"order_type": "limit", "side": "buy", "order_qty": 0.01,
        "symbol": "BTC/USD", "limit_price": 30000});
    assert_eq!(mine.call("add_order", &order)["error"], "EGeneral:Permission denied");
    // One token, then histories at two each: the counter is full with the fourth.
    for _ in 0..3 {
        trader.call("ClosedOrders", "").result();
    }
    assert_eq!(trader.call("ClosedOrders", "").error(), "EAPI:Rate limit exceeded");
    let peaks = control(&running, "GET", "limits", "")["peaks"].clone();
    assert_eq!((&peaks["rest_counter"], &peaks["refused"]), (&json!(7), &json!(1)));
    assert!(Setup::of(Venue::Kraken, "[limits]\norders_per_day = 1\n").is_err());
}

#[test]
fn young_orders_that_go_again_fill_the_counter_of_their_pair() {
    let running = quiet();
    let trader = Trader::demo(&running);
    let order = |pair: &str| format!("pair={pair}&type=buy&ordertype=limit&volume=1&price=1000");
    let mut placed = 0;
    let refused = loop {
        let answer = trader.call("AddOrder", &order("XBTUSD"));
        match answer.error() {
            error if error.is_empty() => {
                let id = answer.result()["txid"][0].as_str().expect("an id").to_owned();
                trader.call("CancelOrder", &format!("txid={id}")).result();
                placed += 1;
            }
            error => break error,
        }
        assert!(placed < 100, "nine each must be too many");
    };
    assert_eq!(refused, "EOrder:Rate limit exceeded");
    assert!(placed >= 13, "{placed}");
    // Of another pair there is another counter.
    trader.call("AddOrder", &order("ETHUSD")).result();
}

#[test]
fn a_token_opens_the_socket_that_uses_it() {
    let running = quiet();
    let trader = Trader::demo(&running);
    let mut mine = trader.socket();
    mine.token = "nothing".to_owned();
    let refused = mine.call("subscribe", &json!({"channel": "executions"}));
    assert_eq!(refused["error"], "ESession:Invalid session");
    assert_eq!(mine.call("cancel_all", &json!({}))["error"], "ESession:Invalid session");
    // Accounts are at their own path, or their own host.
    let token = trader.token();
    let mut public = Socket::open(running.addr, "/v2");
    public.say("cancel_all", &json!({"token": token}), Some(1));
    let refused = public.text_where(|json| json["req_id"] == 1);
    assert!(refused.contains("unavailable on this endpoint"), "{refused}");
    assert!(Socket::try_open(running.addr, "/v1").is_err());
}
