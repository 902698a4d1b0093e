//! The venue's own examples; requests read back by `serde_json` and as queries.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use qt_codec::{Number, Scale, Scales};
use qt_types::{OrderId, Price, Qty, Side};
use serde_json::Value;

use super::filled::Message;
use super::*;
use crate::client_id::ClientId;
use crate::{Ed25519Key, HmacKey, Secret};

/// Key and secret of the venue's documents.
const KEY: &str = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u\n\
    -----END PRIVATE KEY-----\n";
const NOW: u64 = 1_645_423_376_532;

fn hmac() -> Signer {
    Signer::Hmac(HmacKey::new(&Secret::new(SECRET)))
}

fn ed25519() -> Signer {
    Signer::Ed25519(Ed25519Key::from_pem(&Secret::new(PEM)).unwrap())
}

/// A message of which nothing is known beforehand.
fn plain(text: &str) -> Message<'_> {
    Message { text: text.as_bytes(), padded: b"" }
}

fn access(signer: Signer) -> Access {
    Access::new(Secret::new(KEY), signer).unwrap()
}

fn market(symbol: &str) -> Market {
    let scales =
        Scales { price: Scale::new(10_000_000).unwrap(), qty: Scale::new(10_000).unwrap() };
    let family = Family::Spot;
    Market { symbol: symbol.to_owned(), scales, recv_window_ms: 4_000, family }
}

fn order() -> NewOrder {
    NewOrder {
        id: OrderId::new(1, 7),
        side: Side::Sell,
        kind: OrderKind::Limit(Price::from_ticks(5_200_000), Life::Gtc),
        qty: Qty::from_lots(1_000),
        reduce_only: false,
    }
}

/// HMAC and hex by another library.
fn theirs(message: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = ring::hmac::sign(&key, message.as_bytes());
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether `signature` (base64) is one of `message`, says the library.
fn is_signed(message: &str, signature: &str) -> bool {
    let Signer::Ed25519(key) = ed25519() else { return false };
    let public =
        ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key.public().to_vec());
    public.verify(message.as_bytes(), &STANDARD.decode(signature).unwrap()).is_ok()
}

#[test]
fn signatures_of_the_documents() {
    let numbers = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000\
        &timestamp=1499827319559";
    let wide = "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96";
    for (message, wanted) in [
        (
            format!("symbol=LTCBTC&{numbers}"),
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            format!("symbol={wide}&{numbers}"),
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
        (
            format!(
                "apiKey={KEY}&price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL\
                 &symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
            ),
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
    ] {
        assert_eq!(str::from_utf8(hmac().sign(plain(&message), None).text()), Ok(wanted));
        assert_eq!(theirs(&message), wanted);
    }
    let log_on = "A\u{1}EXAMPLE\u{1}SPOT\u{1}1\u{1}20240627-11:17:25.223";
    let wanted = "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1o\
        j73j8gCA==";
    assert_eq!(str::from_utf8(ed25519().sign(plain(log_on), None).text()), Ok(wanted));
}

/// The parameters of a request without the signature, put together as the venue does, and the
/// signature.
fn payload(message: &Value) -> (String, Option<String>) {
    // The map of `serde_json` is in the order of its names.
    let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let params = message["params"].as_object().unwrap();
    let signed = params.iter().filter(|(name, _)| *name != "signature");
    let parts: Vec<_> = signed.map(|(name, value)| format!("{name}={}", text(value))).collect();
    (parts.join("&"), params.get("signature").map(text))
}

fn ws(orders: &mut WsOrders, number: u64, request: &Request) -> Value {
    let mut buffer = [0; REQUEST_BYTES_MAX];
    let length = orders.encode(number, request, NOW, &mut buffer).unwrap();
    serde_json::from_slice(&buffer[..length]).unwrap()
}

/// The parameters that a request must have beside key, time and signature.
fn wanted(symbol: &str, request: &Request, family: Family) -> Vec<(&'static str, String)> {
    let id = |id: OrderId, revision| ClientId::new(id, revision).as_str().to_owned();
    let money = |scale: Scale, steps: i64| {
        String::from_utf8(scale.text(steps).unwrap().as_bytes().to_vec()).unwrap()
    };
    let scales = market("X").scales;
    let price = |price: Price| money(scales.price, price.ticks());
    let qty = |qty: Qty| money(scales.qty, qty.lots());
    let mut all = vec![("symbol", symbol.to_owned()), ("recvWindow", "4000".to_owned())];
    let mut new = |order: &NewOrder, revision| {
        let life = |life: Life| ("timeInForce", life.text().to_owned());
        match order.kind {
            OrderKind::Limit(limit, how_long) => {
                all.extend([("type", "LIMIT".into()), ("price", price(limit)), life(how_long)]);
            }
            OrderKind::PostOnly(limit) if family == Family::Usdm => {
                all.extend([("type", "LIMIT".into()), ("price", price(limit))]);
                all.push(("timeInForce", "GTX".into()));
            }
            OrderKind::PostOnly(limit) => {
                all.extend([("type", "LIMIT_MAKER".into()), ("price", price(limit))]);
            }
            OrderKind::Market => all.push(("type", "MARKET".into())),
            OrderKind::StopLimit { stop, price: limit, life: how_long } => {
                all.extend([("type", "STOP_LOSS_LIMIT".into()), ("price", price(limit))]);
                all.extend([("stopPrice", price(stop)), life(how_long)]);
            }
        }
        let side = if order.side == Side::Buy { "BUY" } else { "SELL" };
        all.extend([("side", side.into()), ("quantity", qty(order.qty))]);
        all.push(("newClientOrderId", id(order.id, revision)));
        all.push(("newOrderRespType", "ACK".into()));
        if order.reduce_only {
            all.push(("reduceOnly", "true".into()));
        }
    };
    match request {
        Request::New(order) => new(order, 0),
        Request::Replace(replace) => {
            new(&replace.new, replace.revision);
            let old = id(replace.new.id, replace.revision - 1);
            all.push(("cancelReplaceMode", "STOP_ON_FAILURE".into()));
            all.push(("cancelRestrictions", "ONLY_NEW".into()));
            all.push(("cancelOrigClientOrderId", old));
        }
        Request::Cancel(cancel) => {
            all.push(("origClientOrderId", id(cancel.id, cancel.revision)));
        }
        Request::Amend(amend) => all.extend([
            ("origClientOrderId", id(amend.id, amend.revision)),
            ("newClientOrderId", id(amend.id, amend.revision)),
            ("newQty", qty(amend.qty)),
        ]),
        Request::Modify(modify) => all.extend([
            ("origClientOrderId", id(modify.id, 0)),
            ("side", if modify.side == Side::Buy { "BUY" } else { "SELL" }.into()),
            ("price", price(modify.price)),
            ("quantity", qty(modify.qty)),
        ]),
    }
    all
}

fn assert_params(mut found: Vec<(String, String)>, request: &Request, family: Family) {
    let mut wanted = wanted(SYMBOL, request, family);
    wanted.push(("timestamp", NOW.to_string()));
    let mut wanted: Vec<_> = wanted.into_iter().map(|(name, v)| (name.to_owned(), v)).collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
}

const SYMBOL: &str = "BTCUSDT";

/// One request in all ways.
fn check(request: &Request) {
    check_of(request, Family::Spot);
}

fn check_of(request: &Request, family: Family) {
    let market = || Market { family, ..market(SYMBOL) };
    let mut signed = WsOrders::new(market(), WsAccess::Signed(access(hmac()))).unwrap();
    let message = ws(&mut signed, 0x1f, request);
    assert_eq!(message["id"], "000000000000001f");
    let method = match request {
        Request::New(_) => "order.place",
        Request::Cancel(_) => "order.cancel",
        Request::Amend(_) => "order.amend.keepPriority",
        Request::Replace(_) => "order.cancelReplace",
        Request::Modify(_) => "order.modify",
    };
    assert_eq!(message["method"], method);
    let (text, signature) = payload(&message);
    assert_eq!(signature, Some(theirs(&text)));
    let params = |text: &str| -> Vec<(String, String)> {
        let parts = text.split('&').map(|part| part.split_once('=').unwrap());
        parts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let without_key = text.replace(&format!("apiKey={KEY}&"), "");
    assert_params(params(&without_key), request, family);
    assert!(message["params"]["timestamp"].is_u64() && message["params"]["recvWindow"].is_u64());
    // Logged on there is neither key nor signature.
    let mut silent = WsOrders::new(market(), WsAccess::LoggedOn(access(ed25519()))).unwrap();
    let (text, signature) = payload(&ws(&mut silent, 1, request));
    assert_eq!((text, signature), (without_key, None));

    let mut buffer = [0; REQUEST_BYTES_MAX];
    let mut rest = RestOrders::new(market(), access(hmac())).unwrap();
    let length = rest.encode(request, NOW, &mut buffer).unwrap();
    let query = str::from_utf8(&buffer[..length]).unwrap();
    let (text, signature) = query.rsplit_once("&signature=").unwrap();
    assert_eq!(signature, theirs(text));
    assert_params(params(text), request, family);
}

fn requests() -> Vec<Request> {
    let price = Price::from_ticks(5_200_001);
    let mut kinds = vec![OrderKind::PostOnly(price), OrderKind::Market];
    for life in Life::ALL {
        kinds.push(OrderKind::Limit(price, life));
        kinds.push(OrderKind::StopLimit { stop: Price::from_ticks(1), price, life });
    }
    let (id, qty) = (OrderId::new(1, 7), Qty::from_lots(3));
    let mut all = Vec::new();
    for revision in [0, 1, 77] {
        all.push(Request::Cancel(Cancel { id, revision }));
        all.push(Request::Amend(Amend { id, revision, qty }));
    }
    for kind in kinds {
        let new = NewOrder { kind, ..order() };
        let revised = [1, 2].map(|revision| Request::Replace(Replace { new, revision }));
        all.push(Request::New(new));
        all.extend(revised);
    }
    all
}

#[test]
fn every_kind_of_request() {
    requests().iter().for_each(check);
}

#[test]
fn every_kind_of_request_of_futures() {
    let (id, price) = (OrderId::new(1, 7), Price::from_ticks(5_200_001));
    let mut kinds = vec![OrderKind::PostOnly(price), OrderKind::Market];
    kinds.extend(Life::ALL.map(|life| OrderKind::Limit(price, life)));
    for (kind, reduce_only) in kinds.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
        check_of(&Request::New(NewOrder { kind, reduce_only, ..order() }), Family::Usdm);
    }
    check_of(&Request::Cancel(Cancel { id, revision: 0 }), Family::Usdm);
    for side in [Side::Buy, Side::Sell] {
        let modify = Modify { id, side, price, qty: Qty::from_lots(3) };
        check_of(&Request::Modify(modify), Family::Usdm);
    }
}

#[test]
fn the_usual_window_goes_without_saying() {
    let market = Market { recv_window_ms: 5_000, ..market("X") };
    let mut orders = WsOrders::new(market.clone(), WsAccess::Signed(access(hmac()))).unwrap();
    let (text, signature) = payload(&ws(&mut orders, 1, &Request::New(order())));
    assert!(!text.contains("recvWindow"), "{text}");
    assert_eq!(signature, Some(theirs(&text)));
    let mut buffer = [0; REQUEST_BYTES_MAX];
    let mut rest = RestOrders::new(market, access(hmac())).unwrap();
    let length = rest.encode(&Request::New(order()), NOW, &mut buffer).unwrap();
    assert!(!str::from_utf8(&buffer[..length]).unwrap().contains("recvWindow"));
}

#[test]
fn ed25519_by_both_ways() {
    let symbol = "\u{ff11}\u{ff12}USDT";
    let mut signed = WsOrders::new(market(symbol), WsAccess::Signed(access(ed25519()))).unwrap();
    let mut rest = RestOrders::new(market(symbol), access(ed25519())).unwrap();
    let mut buffer = [0; REQUEST_BYTES_MAX];
    for request in requests() {
        let message = ws(&mut signed, 1, &request);
        assert_eq!(message["params"]["symbol"], symbol);
        let (text, signature) = payload(&message);
        assert!(is_signed(&text, &signature.unwrap()));
        let length = rest.encode(&request, NOW, &mut buffer).unwrap();
        let query = str::from_utf8(&buffer[..length]).unwrap();
        assert!(query.starts_with("symbol=%EF%BC%91%EF%BC%92USDT&"), "{query}");
        let (text, signature) = query.rsplit_once("&signature=").unwrap();
        assert!(!signature.contains(['+', '/', '=']), "{signature}");
        let signature = signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        assert!(is_signed(text, &signature));
    }
    let length = signed.log_on(9, NOW, &mut buffer).unwrap();
    let message: Value = serde_json::from_slice(&buffer[..length]).unwrap();
    assert_eq!(message["method"], "session.logon");
    let (text, signature) = payload(&message);
    assert_eq!(text, format!("apiKey={KEY}&timestamp={NOW}"));
    assert!(is_signed(&text, &signature.unwrap()));
}

#[test]
fn what_is_no_order() {
    let mut orders = WsOrders::new(market("X"), WsAccess::Signed(access(hmac()))).unwrap();
    let mut rest = RestOrders::new(market("X"), access(hmac())).unwrap();
    let sound = order();
    let limit = |ticks| OrderKind::Limit(Price::from_ticks(ticks), Life::Gtc);
    let stop = |stop| OrderKind::StopLimit {
        stop: Price::from_ticks(stop),
        price: Price::from_ticks(5),
        life: Life::Gtc,
    };
    let mut buffer = [0; REQUEST_BYTES_MAX];
    for (request, at_ms, wanted) in [
        (Request::New(NewOrder { kind: limit(0), ..sound }), NOW, EncodeError::Price),
        (Request::New(NewOrder { kind: limit(-1), ..sound }), NOW, EncodeError::Price),
        (Request::New(NewOrder { kind: stop(0), ..sound }), NOW, EncodeError::Price),
        (Request::New(NewOrder { qty: Qty::ZERO, ..sound }), NOW, EncodeError::Qty),
        (Request::New(NewOrder { qty: Qty::from_lots(-5), ..sound }), NOW, EncodeError::Qty),
        (Request::New(NewOrder { id: OrderId::NONE, ..sound }), NOW, EncodeError::Id),
        (Request::Cancel(Cancel { id: OrderId::NONE, revision: 0 }), NOW, EncodeError::Id),
        (Request::Replace(Replace { new: sound, revision: 0 }), NOW, EncodeError::Id),
        (Request::New(sound), NOW / 1_000, EncodeError::Time),
        (Request::New(sound), NOW * 1_000, EncodeError::Time),
    ] {
        assert_eq!(orders.encode(1, &request, at_ms, &mut buffer), Err(wanted), "{request:?}");
        assert_eq!(rest.encode(&request, at_ms, &mut buffer), Err(wanted), "{request:?}");
        assert!(!wanted.text().is_empty());
    }
    for room in [0, 1, 100, 300] {
        let result = orders.encode(1, &Request::New(sound), NOW, &mut buffer[..room]);
        assert_eq!(result, Err(EncodeError::NoRoom));
    }
    assert_eq!(orders.log_on(1, 5, &mut buffer), Err(EncodeError::Time));
}

#[test]
fn what_is_no_market_and_no_key() {
    for symbol in ["", "A&B", "A\"B", "A B", "A\\B", "A=1", &"X".repeat(49), "A\u{1}"] {
        let new = WsOrders::new(market(symbol), WsAccess::Signed(access(hmac())));
        assert_eq!(new.err(), Some(SetupError::Symbol), "{symbol}");
        assert_eq!(RestOrders::new(market(symbol), access(hmac())).err(), Some(SetupError::Symbol));
    }
    for recv_window_ms in [0, 60_001] {
        let market = Market { recv_window_ms, ..market("X") };
        assert_eq!(RestOrders::new(market, access(hmac())).err(), Some(SetupError::Window));
    }
    for key in ["", "a&b", "\u{e9}", &"k".repeat(129)] {
        assert_eq!(Access::new(Secret::new(key), hmac()).err(), Some(SetupError::ApiKey));
    }
    let shown = format!("{:?} {:?}", access(hmac()), access(ed25519()));
    assert!(!shown.contains(&KEY[..8]) && !shown.contains(&SECRET[..8]), "{shown}");
    // The largest of everything fits.
    let symbol = "\u{ff11}".repeat(16);
    let access = Access::new(Secret::new("k".repeat(128)), ed25519()).unwrap();
    let mut rest = RestOrders::new(market(&symbol), access.clone()).unwrap();
    let mut orders = WsOrders::new(market(&symbol), WsAccess::Signed(access)).unwrap();
    let most = Price::from_ticks(i64::MAX);
    let kind = OrderKind::StopLimit { stop: most, price: most, life: Life::Gtc };
    let new = NewOrder { kind, qty: Qty::from_lots(i64::MAX), ..order() };
    let request = Request::Replace(Replace { new, revision: u16::MAX });
    let mut buffer = [0; REQUEST_BYTES_MAX];
    assert!(rest.encode(&request, NOW, &mut buffer).is_ok());
    assert!(orders.encode(u64::MAX, &request, NOW, &mut buffer).is_ok());
}

proptest! {
    #[test]
    fn any_order(
        ids in (any::<u16>(), 1_u64..1 << 48, 1_u16..),
        is_buy in any::<bool>(),
        values in prop::array::uniform3(1_i64..i64::MAX),
        shifts in prop::array::uniform3(0_u32..62),
        which in 0_usize..8,
        what in 0_usize..4,
    ) {
        let [price, stop, lots] = [0, 1, 2].map(|at| (values[at] >> shifts[at]).max(1));
        let (price, stop) = (Price::from_ticks(price), Price::from_ticks(stop));
        let life = Life::ALL[which % 3];
        let kind = match which {
            0..3 => OrderKind::Limit(price, life),
            3..6 => OrderKind::StopLimit { stop, price, life },
            6 => OrderKind::PostOnly(price),
            _ => OrderKind::Market,
        };
        let side = if is_buy { Side::Buy } else { Side::Sell };
        let (id, revision) = (OrderId::new(ids.0, ids.1), ids.2);
        let new = NewOrder { id, side, kind, qty: Qty::from_lots(lots), reduce_only: false };
        let request = match what {
            0 => Request::New(new),
            1 => Request::Replace(Replace { new, revision }),
            2 => Request::Cancel(Cancel { id, revision }),
            _ => Request::Amend(Amend { id, revision, qty: new.qty }),
        };
        check(&request);
        // The text of a quantity is its value, by the reader of market data.
        let spec = qt_types::InstrumentSpec::new(
            "X", "USD", qt_types::InstrumentKind::Spot, 10_000_000, 10_000, 1_000_000_000,
        ).unwrap();
        let text = market("X").scales.qty.text(lots).unwrap();
        let text = str::from_utf8(text.as_bytes()).unwrap();
        prop_assert_eq!(Number::parse(text).unwrap().to_qty(&spec), Ok(Qty::from_lots(lots)));
    }

    /// A writer that has written others writes what a new one does, also after one that it refused.
    #[test]
    fn what_was_written_before_leaves_nothing_behind(
        orders in prop::collection::vec(
            (any::<bool>(), (1_i64..1 << 40, 0_u32..40), 0_i64..99_999, 0_usize..8, 0_usize..700),
            1..20,
        ),
    ) {
        let new_ws = || WsOrders::new(market("X"), WsAccess::Signed(access(hmac()))).unwrap();
        let new_rest = || RestOrders::new(market("X"), access(ed25519())).unwrap();
        let (mut ws, mut rest) = (new_ws(), new_rest());
        for (at, (is_buy, (price, shift), lots, what, room)) in (1_u64..).zip(orders) {
            let (id, revision) = (OrderId::new(1, at), (at % 3) as u16);
            let side = if is_buy { Side::Buy } else { Side::Sell };
            let kind = OrderKind::Limit(Price::from_ticks((price >> shift).max(1)), Life::Ioc);
            // One in some has no quantity, and one in some no room.
            let qty = Qty::from_lots(lots % 1_000 * (lots % 7));
            let new = NewOrder { id, side, kind, qty, reduce_only: false };
            let request = match what {
                0 => Request::Cancel(Cancel { id, revision }),
                1 => Request::Replace(Replace { new, revision: revision + 1 }),
                _ => Request::New(new),
            };
            // What is expected may come or not.
            match what {
                2..5 => ws.expect(id),
                5..7 => ws.expect(OrderId::new(3, at)),
                _ => {}
            }
            let room = if room < 100 { room } else { REQUEST_BYTES_MAX };
            let mut texts = [[0; REQUEST_BYTES_MAX]; 4];
            let [ours, wanted, our_query, wanted_query] = &mut texts;
            let length = ws.encode(at, &request, NOW + at, &mut ours[..room]);
            prop_assert_eq!(length, new_ws().encode(at, &request, NOW + at, &mut wanted[..room]));
            let length = length.unwrap_or_default();
            prop_assert_eq!(&ours[..length], &wanted[..length]);
            let length = rest.encode(&request, NOW + at, &mut our_query[..room]);
            let other = new_rest().encode(&request, NOW + at, &mut wanted_query[..room]);
            prop_assert_eq!(length, other);
            let length = length.unwrap_or_default();
            prop_assert_eq!(&our_query[..length], &wanted_query[..length]);
        }
    }
}
