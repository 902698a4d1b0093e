//! The same sessions at a venue with positions: what is apart there.

mod answers;
mod captures;
mod hostile;
mod orders;
mod permutations;
mod sessions;

use qt_types::{E9, InstrumentId, InstrumentKind, InstrumentSpec, OrderId};
use serde_json::{Value, json};

use super::super::*;
use super::desk::*;
use crate::machine::{Call, Happened, Link, Method};
use crate::venue::binance::Access;

pub const KEY_OF_EARS: &str = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1";

/// Ticks of a dime, lots of a thousandth.
pub fn settings_of_futures(access: Access) -> TradeSettings {
    let one = |at: u16, symbol: &str, base: &str| {
        let kind = InstrumentKind::Perpetual;
        let spec = InstrumentSpec::new(symbol, "USDT", kind, E9 / 10, E9 / 1_000, E9).unwrap();
        let (symbol, base, quote) = (symbol.to_owned(), base.to_owned(), "USDT".to_owned());
        let (takes_stop_limits, can_amend, can_replace) = (false, false, false);
        let instrument = InstrumentId(at);
        Traded { instrument, symbol, spec, base, quote, takes_stop_limits, can_amend, can_replace }
    };
    let traded = vec![one(0, "ETHUSDT", "ETH"), one(1, "BTCUSDT", "BTC")];
    let currencies = vec![("BNB".to_owned(), qt_types::CurrencyId(2))];
    let base = Some("http://127.0.0.1:1".to_owned());
    let settings = TradeSettings::new(&USDM, access, traded);
    // Nothing comes by itself here: silence has a test of its own.
    TradeSettings { base, currencies, silence_ns: i64::MAX, ..settings }
}

/// An event of an order of ours, with what differs.
pub fn update(order: OrderId, what: &str, status: &str, more: &[(&str, Value)]) -> Value {
    named_update(crate::client_id::ClientId::new(order, 0).as_str(), what, status, more)
}

pub fn named_update(client: &str, what: &str, status: &str, more: &[(&str, Value)]) -> Value {
    let mut told = json!({
        "s": "ETHUSDT", "c": client, "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "1.000",
        "p": "2500.00", "ap": "0", "sp": "0", "x": what, "X": status, "i": 77, "l": "0",
        "z": "0", "L": "0", "T": START / MILLI, "t": 0, "b": "0", "a": "0", "m": false,
        "R": false, "wt": "CONTRACT_PRICE", "ot": "LIMIT", "ps": "BOTH", "cp": false, "rp": "0",
        "pP": false, "si": 0, "ss": 0, "V": "NONE", "pm": "NONE", "gtd": 0,
    });
    for (name, value) in more {
        told[*name] = value.clone();
    }
    let at_ms = told["T"].clone();
    json!({"e": "ORDER_TRADE_UPDATE", "E": START / MILLI, "T": at_ms, "o": told})
}

/// A part of the order that was executed.
pub fn fill(order: OrderId, number: u64, last: &str, executed: &str) -> Value {
    let status = if executed == "1.000" { "FILLED" } else { "PARTIALLY_FILLED" };
    let more = [
        ("l", json!(last)),
        ("z", json!(executed)),
        ("L", json!("2499.50")),
        ("t", json!(number)),
        ("n", json!("0.01000000")),
        ("N", json!("USDT")),
    ];
    update(order, "TRADE", status, &more)
}

impl Desk {
    /// A session at the venue with positions that is up.
    pub fn futures() -> Self {
        let mut desk = Self::new(settings_of_futures(hmac()));
        desk.connect_futures();
        assert_eq!(desk.events()[0], qt_engine::GatewayEvent::Connected);
        desk
    }

    /// Connects, and lets all of it go well.
    pub fn connect_futures(&mut self) -> Link {
        self.machine.connect(self.now());
        self.take_acts();
        self.log_in_futures()
    }

    /// The session that is being made comes to be up.
    pub fn log_in_futures(&mut self) -> Link {
        let link = self.opened.last().unwrap().0;
        self.happen(Happened::Opened(link));
        self.answer("time", json!({"serverTime": (self.now_ns + AHEAD) / MILLI}));
        if self.count("session.logon") > 0 {
            self.answer("session.logon", json!({"apiKey": KEY}));
        }
        self.answer_call("/fapi/v1/positionSide/dual", &json!({"dualSidePosition": false}));
        for _ in 0..2 {
            self.answer_call("/fapi/v1/countdownCancelAll", &json!({"countdownTime": "30000"}));
        }
        self.answer("userDataStream.start", json!({"listenKey": KEY_OF_EARS}));
        self.happen(Happened::Opened(self.ears()));
        if self.machine.standing().held.is_none() {
            self.answer("v2/account.balance", wallets("1000.50000000"));
        }
        link
    }

    /// The ears of the last session.
    pub fn ears(&self) -> Link {
        self.opened.iter().rev().find(|it| it.0.0 >= 4).expect("there are ears").0
    }

    /// The venue says something of the account.
    pub fn tell(&mut self, event: &Value) {
        let ears = self.ears();
        self.frame(ears, event);
    }

    /// The oldest call of `path` that was not answered, and what it asks.
    fn take_call(&mut self, path: &str) -> (Call, Method, String) {
        let is_it = |it: &(Call, crate::machine::Request)| path_of(&it.1.url) == path;
        let at = self.calls.iter().position(is_it).unwrap_or_else(|| panic!("{path}"));
        let (call, request) = self.calls.remove(at);
        (call, request.method, request.url)
    }

    /// Answers the oldest call of `path`; the query that it had.
    pub fn answer_call(&mut self, path: &str, body: &Value) -> String {
        self.answer_call_with(path, 200, &[], body)
    }

    pub fn refuse_call(&mut self, path: &str, status: u16, code: i32, text: &str) {
        self.answer_call_with(path, status, &[], &json!({"code": code, "msg": text}));
    }

    pub fn answer_call_with(
        &mut self,
        path: &str,
        status: u16,
        headers: &[(String, String)],
        body: &Value,
    ) -> String {
        let (call, _, url) = self.take_call(path);
        let body = body.to_string();
        let body = body.as_bytes();
        self.happen(Happened::Answered { call, status, headers, body });
        url
    }

    pub fn fail_call(&mut self, path: &str) {
        let (call, ..) = self.take_call(path);
        self.happen(Happened::Failed(call, crate::machine::Failure::Unknown));
    }

    /// How many calls of `path` were not answered.
    pub fn calls_of(&self, path: &str) -> usize {
        self.calls.iter().filter(|it| path_of(&it.1.url) == path).count()
    }

    /// Places a limit order of a whole unit at 2500, and lets the venue take it.
    pub fn place_future(&mut self, number: u64) -> OrderId {
        self.submit(&new(number, limit(25_000), 1_000));
        self.tell(&update(id(number), "NEW", "NEW", &[]));
        self.answer("order.place", json!({"orderId": 77, "updateTime": START / MILLI}));
        assert_eq!(self.report().kind, qt_types::ReportKind::Accepted);
        id(number)
    }
}

fn path_of(url: &str) -> &str {
    let rest = url.strip_prefix("http://127.0.0.1:1").unwrap_or(url);
    rest.split_once('?').map_or(rest, |(path, _)| path)
}

pub fn wallets(usdt: &str) -> Value {
    json!([{"accountAlias": "x", "asset": "USDT", "balance": usdt, "crossWalletBalance": usdt},
        {"asset": "BNB", "balance": "0.10000000"}])
}
