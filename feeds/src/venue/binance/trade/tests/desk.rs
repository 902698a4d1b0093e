//! A session and what a test hands to it.

use qt_engine::{Answer, Command, GatewayEvent};
use qt_types::{
    Activation, E9, InstrumentId, InstrumentKind, InstrumentSpec, Nanos, OrderId, OrderKind, Price,
    Qty, Replace, Report, Side, TimeInForce,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::*;
use crate::machine::{Act, Call, Closed, Happened, Link, Machine, Request};
use crate::venue::binance::{Access, Signer};
use crate::{Ed25519Key, HmacKey, Secret};

pub const KEY: &str = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
pub const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
pub const START: i64 = 1_700_000_000_000_000_000;
pub const MILLI: i64 = 1_000_000;
pub const SECOND: i64 = 1_000 * MILLI;
/// How far the venue's clock is ahead (ns).
pub const AHEAD: i64 = 300 * MILLI;

pub fn hmac() -> Access {
    let signer = Signer::Hmac(HmacKey::new(&Secret::new(SECRET)));
    Access::new(Secret::new(KEY), signer).unwrap()
}

pub fn ed25519() -> Access {
    let key = Ed25519Key::from_seed(&Secret::new([7; 32])).unwrap();
    Access::new(Secret::new(KEY), Signer::Ed25519(key)).unwrap()
}

pub fn id(number: u64) -> OrderId {
    OrderId::new(3, number)
}

/// Ticks of a cent, lots of a thousandth.
pub fn traded() -> Vec<Traded> {
    let one = |at: u16, symbol: &str, base: &str| Traded {
        instrument: InstrumentId(at),
        symbol: symbol.to_owned(),
        spec: InstrumentSpec::new(symbol, "USDT", InstrumentKind::Spot, E9 / 100, E9 / 1_000, E9)
            .unwrap(),
        base: base.to_owned(),
        quote: "USDT".to_owned(),
        takes_stop_limits: true,
        can_amend: true,
        can_replace: true,
    };
    vec![one(0, "ETHUSDT", "ETH"), one(1, "BTCUSDT", "BTC")]
}

pub fn settings(access: Access) -> TradeSettings {
    let currencies = vec![("BNB".to_owned(), qt_types::CurrencyId(2))];
    let settings = TradeSettings::new(&SPOT, access, traded());
    let base = Some("http://127.0.0.1:1".to_owned());
    // Nothing comes by itself here: silence has a test of its own.
    TradeSettings { base, currencies, silence_ns: i64::MAX, ..settings }
}

pub struct Desk {
    pub machine: OrderMachine,
    pub now_ns: i64,
    /// Everything that was sent: over which link, and what.
    pub sent: Vec<(Link, Value)>,
    pub opened: Vec<(Link, String)>,
    pub closing: Vec<Link>,
    /// Everything that was asked by HTTP.
    pub calls: Vec<(Call, Request)>,
    /// Whether anything may be.
    has_http: bool,
    next_execution: u64,
}

/// What a test says of an order in a report of the venue.
#[derive(Clone, Debug)]
pub struct Said {
    pub client: String,
    pub original: String,
    pub what: &'static str,
    pub status: &'static str,
    pub qty: &'static str,
    pub price: &'static str,
    pub executed: &'static str,
    pub more: Vec<(&'static str, Value)>,
}

impl Said {
    pub fn of(order: OrderId, what: &'static str, status: &'static str) -> Self {
        Self::named(crate::client_id::ClientId::new(order, 0).as_str(), what, status)
    }

    pub fn named(client: &str, what: &'static str, status: &'static str) -> Self {
        Self {
            client: client.to_owned(),
            original: String::new(),
            what,
            status,
            qty: "1.00000000",
            price: "2500.00000000",
            executed: "0.00000000",
            more: Vec::new(),
        }
    }

    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.more.push((name, value));
        self
    }

    pub fn event(&self, execution: u64) -> Value {
        let mut event = json!({
            "e": "executionReport", "E": START / MILLI, "s": "ETHUSDT", "c": self.client,
            "S": "BUY", "o": "LIMIT", "f": "GTC", "q": self.qty, "p": self.price,
            "P": "0.00000000", "F": "0.00000000", "g": -1, "C": self.original, "x": self.what,
            "X": self.status, "r": "NONE", "i": 77, "l": "0.00000000", "z": self.executed,
            "L": "0.00000000", "n": "0", "N": null, "T": START / MILLI, "t": -1, "I": execution,
            "w": true, "m": false, "M": false, "O": START / MILLI, "Z": "0.00000000",
            "Y": "0.00000000", "Q": "0.00000000", "V": "NONE",
        });
        for (name, value) in &self.more {
            event[*name] = value.clone();
        }
        event
    }
}

impl Desk {
    /// A session that is not connected.
    pub fn new(settings: TradeSettings) -> Self {
        Self {
            has_http: settings.profile.has_positions(),
            calls: Vec::new(),
            machine: OrderMachine::new(settings).unwrap(),
            now_ns: START,
            sent: Vec::new(),
            opened: Vec::new(),
            closing: Vec::new(),
            next_execution: 1_000,
        }
    }

    /// One that is up.
    pub fn up() -> Self {
        let mut desk = Self::new(settings(hmac()));
        desk.connect();
        assert_eq!(desk.events()[0], GatewayEvent::Connected);
        desk
    }

    /// Connects, and lets all of it go well.
    pub fn connect(&mut self) -> Link {
        self.machine.connect(self.now());
        self.take_acts();
        let link = self.opened.last().unwrap().0;
        self.happen(Happened::Opened(link));
        self.log_in(link);
        link
    }

    pub fn log_in(&mut self, link: Link) {
        for _ in 0..8 {
            let Some((_, last)) = self.sent.iter().rev().find(|it| it.0 == link) else { return };
            let (number, method) = (last["id"].clone(), last["method"].clone());
            let result = match method.as_str().unwrap() {
                "time" => json!({"serverTime": (self.now_ns + AHEAD) / MILLI}),
                "session.logon" => json!({"apiKey": KEY}),
                "userDataStream.subscribe" | "userDataStream.subscribe.signature" => {
                    json!({"subscriptionId": 0})
                }
                "account.status" => balances("10", "0.5"),
                _ => return,
            };
            let count = self.sent.len();
            self.frame(link, &json!({"id": number, "status": 200, "result": result}));
            if self.sent.len() == count {
                return;
            }
        }
    }

    pub fn now(&self) -> Nanos {
        Nanos::new(self.now_ns)
    }

    pub fn happen(&mut self, happened: Happened<'_>) {
        let now_ns = self.now();
        self.machine.handle(happened, now_ns);
        self.take_acts();
    }

    pub fn wait(&mut self, ns: i64) {
        self.now_ns += ns;
        self.happen(Happened::Time);
    }

    /// Whether the machine wants the time now.
    pub fn machine_is_due(&self) -> bool {
        self.machine.deadline_ns().is_some_and(|due_ns| due_ns <= self.now())
    }

    pub fn take_acts(&mut self) {
        while let Some(act) = self.machine.next_act() {
            match act {
                Act::Open(link, url) => self.opened.push((link, url)),
                Act::Send(link, text) => {
                    self.sent.push((link, serde_json::from_slice(&text).expect("it is JSON")));
                }
                Act::Close(link) => self.closing.push(link),
                Act::Call(call, request) => {
                    assert!(self.has_http, "nothing is asked by HTTP");
                    self.calls.push((call, request));
                }
            }
        }
    }

    /// The links that were asked to close have closed.
    pub fn close_all(&mut self) {
        for link in std::mem::take(&mut self.closing) {
            self.happen(Happened::Closed(link, Closed::Asked));
        }
    }

    pub fn link(&self) -> Link {
        self.opened.last().unwrap().0
    }

    pub fn frame(&mut self, link: Link, message: &Value) {
        self.happen(Happened::Frame(link, message.to_string().as_bytes()));
    }

    /// The venue says something of an order.
    pub fn say(&mut self, said: &Said) {
        self.next_execution += 1;
        let event = said.event(self.next_execution);
        self.event(&event);
    }

    pub fn event(&mut self, event: &Value) {
        let link = self.link();
        self.frame(link, &json!({"subscriptionId": 0, "event": event}));
    }

    /// The last request of `method` that was sent.
    pub fn last(&self, method: &str) -> &Value {
        &self.sent.iter().rev().find(|it| it.1["method"] == method).expect(method).1
    }

    pub fn count(&self, method: &str) -> usize {
        self.sent.iter().filter(|it| it.1["method"] == method).count()
    }

    /// Answers the last request of `method`.
    pub fn answer(&mut self, method: &str, result: Value) {
        let (link, number) = self.find(method);
        self.frame(link, &json!({"id": number, "status": 200, "result": result}));
    }

    pub fn refuse(&mut self, method: &str, status: u16, code: i32, text: &str) {
        self.refuse_with(method, status, json!({"code": code, "msg": text}));
    }

    pub fn refuse_with(&mut self, method: &str, status: u16, error: Value) {
        let (link, number) = self.find(method);
        self.frame(link, &json!({"id": number, "status": status, "error": error}));
    }

    fn find(&self, method: &str) -> (Link, Value) {
        let found = self.sent.iter().rev().find(|it| it.1["method"] == method);
        let (link, message) = found.expect(method);
        (*link, message["id"].clone())
    }

    pub fn events(&mut self) -> Vec<GatewayEvent> {
        std::iter::from_fn(|| self.machine.next_event()).collect()
    }

    /// What was reported of orders.
    pub fn reports(&mut self) -> Vec<Report> {
        let events = self.events().into_iter();
        let report = |event| match event {
            GatewayEvent::Report(delivery) => Some(delivery.report),
            _ => None,
        };
        events.filter_map(report).collect()
    }

    /// The one report that there is.
    pub fn report(&mut self) -> Report {
        let reports = self.reports();
        assert_eq!(reports.len(), 1, "{reports:?}");
        reports[0]
    }

    /// The parts of the answer to question `number`.
    pub fn parts(&mut self, number: u32) -> Vec<Answer> {
        let events = self.events().into_iter();
        let part = |event| match event {
            GatewayEvent::Answer(of, answer) if of == number => Some(answer),
            _ => None,
        };
        events.filter_map(part).collect()
    }

    pub fn submit(&mut self, command: &Command) {
        let now_ns = self.now();
        self.machine.submit(command, now_ns, now_ns);
        self.take_acts();
    }

    pub fn ask(&mut self, number: u32, question: qt_engine::Question) {
        let now_ns = self.now();
        self.machine.ask(number, question, now_ns);
        self.take_acts();
    }

    /// Places a limit order of a whole unit at 2500, and lets the venue take it.
    pub fn place(&mut self, number: u64) -> OrderId {
        self.submit(&new(number, limit(250_000), 1_000));
        self.answer(
            "order.place",
            json!({"symbol": "ETHUSDT", "orderId": 77,
            "clientOrderId": "x", "transactTime": START / MILLI}),
        );
        assert_eq!(self.report().kind, qt_types::ReportKind::Accepted);
        id(number)
    }
}

pub fn balances(eth: &str, locked: &str) -> Value {
    json!({"canTrade": true, "balances": [
        {"asset": "ETH", "free": eth, "locked": locked},
        {"asset": "BTC", "free": "1.00000000", "locked": "0.00000000"},
        {"asset": "USDT", "free": "5000.00000000", "locked": "0.00000000"},
    ]})
}

pub fn limit(ticks: i64) -> OrderKind {
    OrderKind::Limit { price: Price::from_ticks(ticks) }
}

/// What a command is made of. A command itself is made by the risk stage alone; one that was
/// approved once is read from a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Written {
    New(Wanted),
    Replace(InstrumentId, Replace),
    Cancel(InstrumentId, OrderId),
}

/// A new order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wanted {
    pub order: OrderId,
    pub instrument: InstrumentId,
    pub side: Side,
    pub kind: OrderKind,
    pub tif: TimeInForce,
    pub qty: Qty,
    pub reduce_only: bool,
    pub post_only: bool,
    pub display: Qty,
    pub parent: OrderId,
    pub activation: Activation,
    pub oco: OrderId,
}

fn command(written: &Written) -> Command {
    let mut bytes = Vec::new();
    qt_engine::snapshot::write(&mut bytes, |to| to.put(written)).unwrap();
    let mut command = None;
    qt_engine::snapshot::read(&bytes, |from| {
        command = Some(Command::taken(from)?);
        Ok(())
    })
    .unwrap();
    command.unwrap()
}

impl Wanted {
    pub fn command(&self) -> Command {
        command(&Written::New(self.clone()))
    }
}

/// A new order of the first instrument.
pub fn new(number: u64, kind: OrderKind, lots: i64) -> Command {
    plain(number, kind, lots).command()
}

pub fn plain(number: u64, kind: OrderKind, lots: i64) -> Wanted {
    Wanted {
        order: id(number),
        instrument: InstrumentId(0),
        side: Side::Buy,
        kind,
        tif: TimeInForce::Gtc,
        qty: Qty::from_lots(lots),
        reduce_only: false,
        post_only: false,
        display: Qty::ZERO,
        parent: OrderId::NONE,
        activation: Activation::FirstFill,
        oco: OrderId::NONE,
    }
}

pub fn cancel(number: u64) -> Command {
    command(&Written::Cancel(InstrumentId(0), id(number)))
}

pub fn replace(number: u64, kind: OrderKind, lots: i64) -> Command {
    let replace = Replace { order: id(number), kind, qty: Qty::from_lots(lots) };
    command(&Written::Replace(InstrumentId(0), replace))
}
