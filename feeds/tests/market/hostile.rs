//! Whatever a venue says: nothing panics, and what is written next to nothing stays next to
//! nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;
use qt_feeds::machine::{Call, Closed, Happened, Link, Machine};
use qt_feeds::market::Want;
use qt_feeds::venue::Market;
use qt_types::Nanos;

use crate::brought::Brought;
use crate::simulated::{Faults, SECOND, World};
use crate::tongue::{Moment, Tongue};

/// Messages of the venue, to be damaged.
const MESSAGES: &[&str] = &[
    r#"{"e":"depthUpdate","E":1,"s":"S0USDT","U":1,"u":18446744073709551615,"b":[["1","1"]]}"#,
    r#"{"e":"trade","E":1,"s":"S1USDT","t":7,"p":"1.001","q":"0.0000001","T":8,"m":true}"#,
    r#"{"u":400,"s":"S0USDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66"}"#,
    r#"{"result":null,"id":1}"#,
    r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#,
    r#"{"code":3,"msg":"Invalid JSON"}"#,
    r#"{"e":"serverShutdown","E":1}"#,
    r#"{"lastUpdateId":1027024,"bids":[["4.00","431.0"]],"asks":[["4.02","12.0"]]}"#,
    r#"{"serverTime":9223372036854775807}"#,
    r#"{"serverTime":-9223372036854775808}"#,
    r#"{"code":-1121,"msg":"Invalid symbol."}"#,
    r#"{"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,
        "limit":18446744073709551615}],"symbols":[]}"#,
    r#"{"rateLimits":[],"symbols":[{"symbol":"S0USDT","status":"TRADING","filters":[
        {"filterType":"PRICE_FILTER","tickSize":"0.5"},
        {"filterType":"LOT_SIZE","stepSize":"9223372036"}]}]}"#,
];

/// Messages of venues whose books come over their streams; more are made of a tongue.
const OTHERS: &[&str] = &[
    r#"{"topic":"orderbook.200.S0USDT","type":"delta","ts":9223372036854775807,"data":{
        "s":"S0USDT","b":[["1","1"]],"a":[],"u":18446744073709551615,"seq":1},"cts":-1}"#,
    r#"{"topic":"tickers.S0USDT","type":"delta","ts":1,"data":{"symbol":"S0USDT","markPrice":"1",
        "fundingRate":"-9e9","nextFundingTime":"9223372036854775807","bid1Price":""}}"#,
    r#"{"success":false,"ret_msg":"no","req_id":"1","op":"subscribe"}"#,
    r#"{"method":"subscribe","success":false,"error":"no","symbol":"S0/USD","req_id":1}"#,
    r#"{"channel":"book","type":"snapshot","data":[{"symbol":"S0/USD","bids":[{"price":1e-8,
        "qty":9223372036854775807}],"asks":[],"checksum":4294967296}]}"#,
    r#"{"channel":"status","data":[{"system":"maintenance"}]}"#,
    r#"{"event":"error","code":"60018","msg":"no","arg":{"channel":"books","instId":"S0-USDT"}}"#,
    r#"{"event":"notice","code":"64008","msg":"soon"}"#,
    r#"{"channel":"subscriptions","events":[{"subscriptions":{"level2":["S0-USD","S1-USD"]}}]}"#,
    r#"{"type":"error","message":"no"}"#,
    r#"{"channel":"l2_data","sequence_num":18446744073709551615,"timestamp":"9999-99-99T0Z",
        "events":[{"type":"update","product_id":"S0-USD","updates":[]}]}"#,
    r#"{"retCode":0,"result":{"timeNano":"9223372036854775808","list":[{"symbol":"S0USDT",
        "status":"Trading","priceFilter":{"tickSize":"0.5"},"lotSizeFilter":{"qtyStep":"9e9"}}]}}"#,
    r#"{"retCode":10001}"#,
    r#"{"error":[],"result":{"unixtime":9223372036854775807}}"#,
    r#"{"error":[],"result":{"P":{"wsname":"S0/USD","tick_size":"1","lot_decimals":255}}}"#,
    r#"{"code":"51001","data":[{"ts":"-9223372036854775808"}]}"#,
    r#"{"error":"NOT_FOUND","epochMillis":"9223372036854775807"}"#,
];

fn message() -> impl Strategy<Value = Vec<u8>> {
    damaged_of(MESSAGES.iter().map(|text| (*text).to_owned()).collect())
}

fn damaged_of(messages: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    let damaged = (0..messages.len(), any::<prop::sample::Index>(), any::<u8>(), 0_u8..4);
    let damaged = damaged.prop_map(move |(which, at, byte, how)| {
        let mut bytes = messages[which].as_bytes().to_vec();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.truncate(at),
            2 => bytes.insert(at, byte),
            _ => {}
        }
        bytes
    });
    prop_oneof![4 => damaged, 1 => prop::collection::vec(any::<u8>(), 0..64)]
}

/// What happens, in numbers.
type Step = (u8, u8, u32, u16, Vec<u8>, i64, u64);

fn cases() -> ProptestConfig {
    ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn nothing_panics(
        steps in prop::collection::vec(
            (0_u8..6, 0_u8..3, 0_u32..12, prop::sample::select(vec![200_u16, 400, 418, 429, 500]),
             message(), 0_i64..40 * SECOND, any::<u64>()),
            1..60,
        ),
    ) {
        let want = Want { best: true, ..Want::default() };
        let mut world = World::new(3, 2, want, Faults::default(), |_| {});
        world.run(5 * SECOND);
        is_borne(&mut world.machine, world.now, &steps);
    }

    #[test]
    fn nothing_panics_where_books_are_brought(
        (tongue, steps) in prop::sample::select(&Tongue::ALL[..]).prop_flat_map(|tongue| {
            (Just(tongue), prop::collection::vec(
                (0_u8..6, 0_u8..3, 0_u32..12, prop::sample::select(vec![200_u16, 400, 403, 404]),
                 damaged_of(messages_of(tongue)), 0_i64..40 * SECOND, any::<u64>()),
                1..40,
            ))
        }),
    ) {
        let mut world = Brought::new(tongue, 3, 2, Faults::default(), |_| {});
        world.run(5 * SECOND);
        is_borne(&mut world.machine, world.now, &steps);
    }
}

/// What a venue says, and what others do.
fn messages_of(tongue: Tongue) -> Vec<String> {
    let sides = [BTreeMap::from([(9_990, 5)]), BTreeMap::from([(10_010, 7)])];
    let (symbol, ms) = (tongue.symbol(0), 1_700_000_000_000);
    let symbol = symbol.as_str();
    let moment = Moment { symbol, ms, number: 1_005, before: 1_004, sides: &sides, wrong: 0 };
    let topics = [("books".to_owned(), tongue.symbol(0)), ("level2".to_owned(), tongue.symbol(1))];
    let mut all: Vec<String> = OTHERS.iter().map(|text| (*text).to_owned()).collect();
    all.extend([
        tongue.book(&moment, None),
        tongue.book(&moment, Some(&[(0, 9_990), (1, 10_020)])),
        tongue.trade(symbol, 7, ms),
        tongue.pong(),
        tongue.no(&1.into()),
    ]);
    all.extend(tongue.yes(true, &"1".into(), &topics, &topics));
    all.extend(
        ["/time", &format!("?{symbol}")]
            .map(|url| tongue.answer(url, &[symbol.to_owned()], ms, [2, 6])),
    );
    all
}

/// Whatever happened to `machine`, it goes on.
fn is_borne(machine: &mut Market, begin: i64, steps: &[Step]) {
    let mut now = begin;
    for (what, link, call, status, bytes, pause, number) in steps {
        now += pause;
        let link = Link(*link);
        let headers = [
            ("retry-after".to_owned(), number.to_string()),
            ("x-mbx-used-weight-1m".to_owned(), number.to_string()),
        ];
        let call = Call(*call);
        let happened = match what {
            0 | 1 => Happened::Frame(link, bytes),
            2 => Happened::Answered { call, status: *status, headers: &headers, body: bytes },
            3 => Happened::Opened(link),
            4 => Happened::Time,
            _ if number % 2 == 0 => Happened::Closed(link, Closed::Broken),
            _ => {
                let retry_after_s = u32::try_from(number >> 40).ok();
                let why = Closed::NotOpened { status: Some(*status), retry_after_s };
                Happened::Closed(link, why)
            }
        };
        machine.handle(happened, Nanos::new(now));
        let acts = std::iter::from_fn(|| machine.next_act()).count();
        assert!(acts < 100, "{acts} acts at once");
    }
    let figures = machine.figures(Nanos::new(now));
    assert!(figures.unknown.len() < 600);
}
