//! What a simulated venue lists: instruments with a true book at each moment.

use std::collections::BTreeMap;
use std::fmt::Write;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::model::Sides;
use crate::simulated::MS;

/// One instrument of the venue.
pub struct Listed {
    pub name: String,
    pub sides: Sides,
    pub last_id: u64,
    pub trade_id: u64,
    /// The book after each event, by the time that its event names (ms).
    pub history: BTreeMap<i64, Sides>,
    /// The book at each id that a snapshot may have.
    pub by_id: BTreeMap<u64, Sides>,
    /// What the listings say; nothing: it is not listed any more.
    pub status: Option<&'static str>,
    clock_ms: i64,
    marks: i64,
}

impl Listed {
    /// One with an empty book.
    pub fn new(at: usize, clock_ms: i64) -> Self {
        Self {
            name: format!("S{at}USDT"),
            sides: Sides::default(),
            last_id: 1_000,
            trade_id: 0,
            history: BTreeMap::new(),
            by_id: BTreeMap::from([(1_000, Sides::default())]),
            status: Some("TRADING"),
            clock_ms,
            marks: 0,
        }
    }

    /// Another mark: its number is the price. There is a funding each five seconds.
    pub fn mark(&mut self, now: i64) -> String {
        self.marks += 1;
        let (now_ms, name) = (now / MS, &self.name);
        let (price, settles) = (decimal(self.marks, 2), (now_ms / 5_000 + 1) * 5_000);
        format!(
            r#"{{"e":"markPriceUpdate","E":{now_ms},"s":"{name}","p":"{price}",
            "r":"0.0001","T":{settles}}}"#
        )
    }

    /// Its book changes at `now`: the message that tells so. A linked one names the one before,
    /// and leaves out ids that are those of other instruments.
    pub fn change(&mut self, dice: &mut ChaCha8Rng, now: i64, is_linked: bool) -> String {
        let mut levels = [String::new(), String::new()];
        let before = self.last_id;
        let first = before + 1 + if is_linked { dice.random_range(0..4_u64) } else { 0 };
        let ids = dice.random_range(1..4_u64);
        for id in first..first + ids {
            let (side, offset) = (dice.random_range(0..2_usize), dice.random_range(1..12));
            let price = if side == 0 { 10_000 - offset } else { 10_000 + offset };
            let qty = dice.random_range(0..5_i64) * 1_500_000;
            if qty == 0 {
                self.sides[side].remove(&price);
            } else {
                self.sides[side].insert(price, qty);
            }
            let comma = if levels[side].is_empty() { "" } else { "," };
            let (price, qty) = (decimal(price, 2), decimal(qty, 6));
            let _ = write!(levels[side], r#"{comma}["{price}","{qty}"]"#);
            self.by_id.insert(id, self.sides.clone());
        }
        self.last_id = first + ids - 1;
        self.clock_ms = (self.clock_ms + 1).max(now / MS);
        self.history.insert(self.clock_ms, self.sides.clone());
        let [bids, asks] = levels;
        let link = if is_linked { format!(r#""pu":{before},"#) } else { String::new() };
        format!(
            r#"{{"e":"depthUpdate","E":{},"s":"{}","U":{first},"u":{},{link}"b":[{bids}],{}}}"#,
            self.clock_ms,
            self.name,
            self.last_id,
            format_args!(r#""a":[{asks}]"#)
        )
    }
}

/// What the venue lists.
pub fn listing(listed: &[Listed], weight_limit: u64) -> String {
    let one = |listed: &Listed| {
        let status = listed.status?;
        Some(format!(
            r#"{{"symbol":"{}","status":"{status}","baseAsset":"S","quoteAsset":"USDT","filters":[
            {{"filterType":"PRICE_FILTER","tickSize":"0.01000000"}},
            {{"filterType":"LOT_SIZE","stepSize":"0.00000100"}}]}}"#,
            listed.name
        ))
    };
    let all: Vec<String> = listed.iter().filter_map(one).collect();
    format!(
        r#"{{"rateLimits":[{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE",
        "intervalNum":1,"limit":{weight_limit}}}],"symbols":[{}]}}"#,
        all.join(",")
    )
}

/// The answer to a request for a book.
pub fn snapshot(id: u64, sides: &Sides) -> String {
    let list = |levels: Vec<(&i64, &i64)>| {
        let one = |(price, qty): &(&i64, &i64)| {
            format!(r#"["{}","{}"]"#, decimal(**price, 2), decimal(**qty, 6))
        };
        levels.iter().map(one).collect::<Vec<_>>().join(",")
    };
    let bids = list(sides[0].iter().rev().collect());
    let asks = list(sides[1].iter().collect());
    format!(r#"{{"lastUpdateId":{id},"bids":[{bids}],"asks":[{asks}]}}"#)
}

/// The answer to a request for trades at `url`.
pub fn trades(listed: &Listed, url: &str) -> String {
    let last = listed.trade_id;
    let from = url.split("fromId=").nth(1).and_then(|text| text.parse().ok());
    let from = from.unwrap_or(last.saturating_sub(999)).max(1);
    let one = |id: u64| {
        format!(
            r#"{{"id":{id},"price":"{id}.00","qty":"1.5","quoteQty":"1","time":9,
            "isBuyerMaker":true,"isBestMatch":true}}"#
        )
    };
    let all: Vec<String> = (from..=last.min(from + 999)).map(one).collect();
    format!("[{}]", all.join(","))
}

fn decimal(value: i64, decimals: usize) -> String {
    let unit = 10_i64.pow(u32::try_from(decimals).expect("few"));
    format!("{}.{:0decimals$}", value / unit, value % unit)
}
