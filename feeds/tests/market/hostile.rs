//! Whatever a venue says: nothing panics, and what is written next to nothing stays next to
//! nothing.

use proptest::prelude::*;
use qt_feeds::machine::{Call, Closed, Happened, Link, Machine};
use qt_feeds::market::Want;
use qt_types::Nanos;

use crate::simulated::{Faults, SECOND, World};

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

fn message() -> impl Strategy<Value = Vec<u8>> {
    let damaged = (0..MESSAGES.len(), any::<prop::sample::Index>(), any::<u8>(), 0_u8..4);
    let damaged = damaged.prop_map(|(which, at, byte, how)| {
        let mut bytes = MESSAGES[which].as_bytes().to_vec();
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
        let steps: Vec<Step> = steps;
        let want = Want { best: true, ..Want::default() };
        let mut world = World::new(3, 2, want, Faults::default(), |_| {});
        world.run(5 * SECOND);
        let machine = &mut world.machine;
        let mut now = world.now;
        for (what, link, call, status, bytes, pause, number) in &steps {
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
            prop_assert!(acts < 100, "{acts} acts at once");
        }
        let figures = machine.figures(Nanos::new(now));
        prop_assert!(figures.unknown.len() < 600);
    }
}
