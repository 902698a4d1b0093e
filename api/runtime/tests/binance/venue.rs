//! What is true at the exchange: asked for by REST, signed here by hand.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use qt_venue_sim::venue::binance::DemoKeys;
use serde_json::Value;

pub struct Truth {
    addr: SocketAddr,
    keys: DemoKeys,
    /// Whether accounts have positions.
    pub is_futures: bool,
}

impl Truth {
    pub fn of(addr: SocketAddr, account: &str) -> Self {
        Self { addr, keys: DemoKeys::of(account), is_futures: false }
    }

    /// The same where accounts have positions.
    pub fn of_futures(addr: SocketAddr, account: &str) -> Self {
        Self { is_futures: true, ..Self::of(addr, account) }
    }

    /// The path of a call, which has another name at either venue.
    fn path(&self, name: &str) -> String {
        match (self.is_futures, name) {
            (true, "myTrades") => "/fapi/v1/userTrades".to_owned(),
            (true, name) => format!("/fapi/v1/{name}"),
            (false, name) => format!("/api/v3/{name}"),
        }
    }

    /// Something that shall happen at the exchange, or go wrong there: `body` is a plan.
    pub fn control(&self, method: &str, path: &str, body: &str) -> Value {
        let length = body.len();
        self.send(&format!(
            "{method} /sim/{path} HTTP/1.1\r\nhost: sim\r\ncontent-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        ))
    }

    /// A signed request.
    pub fn ask(&self, method: &str, path: &str, query: &str) -> Value {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let mark = if query.is_empty() { "" } else { "&" };
        let payload = format!("{query}{mark}timestamp={}", since.as_millis());
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, self.keys.hmac_secret.as_bytes());
        let tag = ring::hmac::sign(&key, payload.as_bytes());
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        self.send(&format!(
            "{method} {path}?{payload}&signature={hex} HTTP/1.1\r\nhost: sim\r\nX-MBX-APIKEY: \
             {}\r\nconnection: close\r\n\r\n",
            self.keys.hmac_api_key
        ))
    }

    fn send(&self, request: &str) -> Value {
        let mut stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let text = String::from_utf8_lossy(&all).into_owned();
        let (_, body) = text.split_once("\r\n\r\n").expect(&text);
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{text}"))
    }

    pub fn open_orders(&self) -> Vec<Value> {
        let open = self.ask("GET", &self.path("openOrders"), "symbol=BTCUSDT");
        open.as_array().unwrap_or_else(|| panic!("{open}")).clone()
    }

    /// All executions of the account, oldest first.
    pub fn trades(&self) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let from = all.last().map_or(0, |it| it["id"].as_i64().unwrap() + 1);
            let query = format!("symbol=BTCUSDT&fromId={from}&limit=1000");
            let page = self.ask("GET", &self.path("myTrades"), &query);
            let page = page.as_array().unwrap_or_else(|| panic!("{page}")).clone();
            let is_last = page.len() < 1_000;
            all.extend(page);
            if is_last {
                return all;
            }
        }
    }

    /// What the account holds of an asset, in hundred-millionths.
    pub fn held(&self, asset: &str) -> i64 {
        if self.is_futures && asset == "BTC" {
            let all = self.ask("GET", "/fapi/v3/positionRisk", "symbol=BTCUSDT");
            return all[0].get("positionAmt").map_or(0, amount);
        }
        if self.is_futures {
            let all = self.ask("GET", "/fapi/v3/balance", "");
            return amount(&all[0]["balance"]);
        }
        let account = self.ask("GET", "/api/v3/account", "");
        let balances = account["balances"].as_array().unwrap_or_else(|| panic!("{account}"));
        let of = balances.iter().find(|it| it["asset"] == asset).expect(asset);
        amount(&of["free"]) + amount(&of["locked"])
    }

    /// All orders of the account.
    pub fn orders(&self) -> Vec<Value> {
        let all = self.ask("GET", &self.path("allOrders"), "symbol=BTCUSDT&limit=1000");
        all.as_array().unwrap_or_else(|| panic!("{all}")).clone()
    }
}

/// A decimal number of up to eight decimals, in hundred-millionths.
pub fn amount(text: &Value) -> i64 {
    let text = text.as_str().unwrap();
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{part:0<8}").parse().expect(text)
}
