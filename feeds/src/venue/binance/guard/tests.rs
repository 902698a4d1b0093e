//! A guard, request by request.

use qt_types::Nanos;

use super::*;
use crate::venue::binance::Signer;
use crate::venue::binance::trade::SPOT;
use crate::{HmacKey, Secret};

const START: i64 = 1_700_000_000_000_000_000;
const SECOND: i64 = 1_000_000_000;

struct Desk {
    guard: Guard,
    now_ns: i64,
    calls: Vec<(Call, Method, String)>,
}

impl Desk {
    fn new(symbols: &[&str]) -> Self {
        let signer = Signer::Hmac(HmacKey::new(&Secret::new("secret")));
        let access = Access::new(Secret::new("key"), signer).unwrap();
        let symbols = symbols.iter().map(|it| (*it).to_owned()).collect();
        let base = Some("http://127.0.0.1:1".to_owned());
        let settings = GuardSettings { profile: &SPOT, base, access, symbols };
        Self { guard: Guard::new(settings), now_ns: START, calls: Vec::new() }
    }

    fn take(&mut self) {
        while let Some(act) = self.guard.next_act() {
            let Act::Call(call, request) = act else { panic!("{act:?}") };
            let is_placing = matches!(request.method, Method::Post | Method::Put);
            assert!(!is_placing, "it never places: {}", request.url);
            let has_key = request.headers.iter().any(|(name, _)| *name == "X-MBX-APIKEY");
            assert_eq!(has_key, request.url.contains("signature="));
            self.calls.push((call, request.method, request.url));
        }
    }

    fn act(&mut self) {
        self.guard.act(Nanos::new(self.now_ns));
        self.take();
    }

    fn happen(&mut self, happened: Happened<'_>) {
        self.guard.handle(happened, Nanos::new(self.now_ns));
        self.take();
    }

    fn answer(&mut self, status: u16, body: &str) {
        let call = self.calls.last().unwrap().0;
        let happened =
            Happened::Answered { call, status, headers: &[], body: body.as_bytes() };
        self.happen(happened);
    }

    /// Method and path of the last request.
    fn last(&self) -> (Method, &str) {
        let (_, method, url) = self.calls.last().unwrap();
        (*method, url.split(['?', '&']).next().unwrap())
    }

    fn wait(&mut self, ns: i64) {
        self.now_ns += ns;
        self.happen(Happened::Time);
    }
}

fn time() -> String {
    format!("{{\"serverTime\":{}}}", START / 1_000_000 + 700)
}

fn order(symbol: &str) -> String {
    format!(
        "{{\"symbol\":\"{symbol}\",\"orderId\":1,\"clientOrderId\":\"x\",\"price\":\"1\",\
         \"origQty\":\"1\",\"executedQty\":\"0\",\"status\":\"NEW\",\"type\":\"LIMIT\",\
         \"side\":\"BUY\"}}"
    )
}

#[test]
fn it_cancels_until_nothing_is_open() {
    let desk = &mut Desk::new(&[]);
    desk.act();
    assert_eq!(desk.last(), (Method::Get, "http://127.0.0.1:1/api/v3/time"));
    desk.answer(200, &time());
    let open = "http://127.0.0.1:1/api/v3/openOrders";
    assert_eq!(desk.last(), (Method::Get, open));
    let at_ms = START / 1_000_000 + 700;
    assert!(desk.calls.last().unwrap().2.contains(&format!("timestamp={at_ms}")));
    desk.answer(200, &format!("[{},{},{}]", order("A"), order("B"), order("A")));
    for symbol in ["A", "B"] {
        assert_eq!(desk.last(), (Method::Delete, open));
        assert!(desk.calls.last().unwrap().2.contains(&format!("symbol={symbol}&")));
        desk.answer(200, "[]");
    }
    // Something came in between: it is cancelled as well.
    assert_eq!(desk.last(), (Method::Get, open));
    desk.answer(200, &format!("[{}]", order("C")));
    desk.answer(200, "[]");
    desk.answer(200, "[]");
    assert_eq!(*desk.guard.step(), GuardStep::Clear(Nanos::new(START)));
    let figures = desk.guard.figures();
    assert_eq!((figures.found, figures.cancelled, figures.asked), (3, 3, 3));
    let count = desk.calls.len();
    desk.wait(SECOND);
    assert_eq!(desk.calls.len(), count, "it does nothing that it was not told");
    desk.act();
    assert_eq!(desk.last(), (Method::Get, open));
}

#[test]
fn only_its_own_symbols() {
    let desk = &mut Desk::new(&["A", "B"]);
    desk.act();
    desk.answer(200, &time());
    desk.answer(200, &format!("[{},{}]", order("X"), order("B")));
    assert!(desk.calls.last().unwrap().2.contains("symbol=B&"));
    desk.answer(200, "[]");
    desk.answer(200, &format!("[{}]", order("X")));
    assert!(matches!(desk.guard.step(), GuardStep::Clear(_)));
}

#[test]
fn whatever_fails_is_tried_again() {
    let desk = &mut Desk::new(&["A"]);
    desk.act();
    desk.answer(200, &time());
    assert!(desk.calls.last().unwrap().2.contains("symbol=A&"));
    desk.answer(200, &format!("[{}]", order("A")));
    for failure in [Failure::NotSent, Failure::Unknown] {
        let (count, call) = (desk.calls.len(), desk.calls.last().unwrap().0);
        desk.happen(Happened::Failed(call, failure));
        assert_eq!(desk.calls.len(), count, "not at once");
        desk.wait(SECOND);
        assert_eq!((desk.calls.len(), desk.last().0), (count + 1, Method::Delete));
    }
    for (status, body) in [
        (500, "oops"),
        (503, "{\"code\":-1007,\"msg\":\"Timeout\"}"),
        (400, "{\"code\":-2015,\"msg\":\"Invalid API-key\"}"),
    ] {
        let count = desk.calls.len();
        desk.answer(status, body);
        desk.wait(6 * SECOND);
        assert_eq!((desk.calls.len(), desk.last().0), (count + 1, Method::Delete), "{body}");
        assert!(desk.guard.figures().trouble.is_some());
    }
    // A clock that is off is put right first.
    desk.answer(400, "{\"code\":-1021,\"msg\":\"Timestamp\"}");
    desk.wait(6 * SECOND);
    assert_eq!(desk.last(), (Method::Get, "http://127.0.0.1:1/api/v3/time"));
    desk.answer(200, &time());
    assert_eq!(desk.last().0, Method::Delete);
    // Nothing to cancel is what was wanted.
    desk.answer(400, "{\"code\":-2011,\"msg\":\"Unknown order sent.\"}");
    desk.answer(200, "[]");
    assert!(matches!(desk.guard.step(), GuardStep::Clear(_)));
}

#[test]
fn it_waits_when_the_venue_says_so() {
    let desk = &mut Desk::new(&[]);
    desk.act();
    let call = desk.calls.last().unwrap().0;
    let headers = [("retry-after".to_owned(), "7".to_owned())];
    let body = b"{\"code\":-1003,\"msg\":\"Too many requests\"}";
    desk.happen(Happened::Answered { call, status: 429, headers: &headers, body });
    let count = desk.calls.len();
    desk.wait(6 * SECOND);
    assert_eq!(desk.calls.len(), count);
    assert_eq!(desk.guard.deadline_ns(), Some(Nanos::new(START + 7 * SECOND)));
    desk.wait(SECOND);
    assert_eq!(desk.calls.len(), count + 1);
}
