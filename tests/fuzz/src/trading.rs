//! Frames of a venue to sessions that trade there.

use qt_engine::Question;
use qt_feeds::machine::{Happened, Link, Machine};
use qt_feeds::venue::binance::trade::{OrderMachine, SPOT, TradeSettings, Traded};
use qt_feeds::venue::binance::{Access, Signer};
use qt_feeds::{HmacKey, Secret};
use qt_types::{E9, InstrumentId, InstrumentKind, InstrumentSpec, Nanos, OrderId};

/// The time at which a session begins.
const START: i64 = 1_700_000_000_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// What the venue says to a session that begins: to its requests in their order.
const WELCOME: [&str; 3] = [
    r#"{"id":"0000000000000001","status":200,"result":{"serverTime":1700000000000}}"#,
    r#"{"id":"0000000000000002","status":200,"result":{"subscriptionId":0}}"#,
    r#"{"id":"0000000000000003","status":200,"result":{"balances":[]}}"#,
];

/// A session that is up hears each line, asks everything, and is cut now and then.
pub fn run(bytes: &[u8]) {
    let Some(mut session) = session() else { return };
    let mut now_ns = START;
    for (number, line) in (0_u32..).zip(bytes.split(|byte| *byte == b'\n')) {
        now_ns += SECOND / 10;
        let now = Nanos::new(now_ns);
        let question = match number % 4 {
            0 => Question::Open,
            1 => Question::Positions,
            2 => Question::Executions { since_ns: now },
            _ => Question::Order { instrument: InstrumentId(0), order: OrderId::new(1, 1) },
        };
        session.ask(number, question, now);
        session.handle(Happened::Frame(Link(0), line), now);
        session.handle(Happened::Time, now);
        while session.next_act().is_some() || session.next_event().is_some() {}
    }
}

fn session() -> Option<OrderMachine> {
    let spec =
        InstrumentSpec::new("ETHUSDT", "USDT", InstrumentKind::Spot, E9 / 100, E9 / 1_000, E9);
    let traded = Traded {
        instrument: InstrumentId(0),
        symbol: "ETHUSDT".to_owned(),
        spec: spec.ok()?,
        base: "ETH".to_owned(),
        quote: "USDT".to_owned(),
        takes_stop_limits: true,
        can_amend: true,
        can_replace: true,
    };
    let signer = Signer::Hmac(HmacKey::new(&Secret::new("secret")));
    let access = Access::new(Secret::new("key"), signer).ok()?;
    let mut session = OrderMachine::new(TradeSettings::new(&SPOT, access, vec![traded])).ok()?;
    let now = Nanos::new(START);
    session.connect(now);
    session.handle(Happened::Opened(Link(0)), now);
    for word in WELCOME {
        session.handle(Happened::Frame(Link(0), word.as_bytes()), now);
    }
    while session.next_act().is_some() || session.next_event().is_some() {}
    Some(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_up() {
        assert!(session().expect("a sound session").standing().is_up);
    }
}
