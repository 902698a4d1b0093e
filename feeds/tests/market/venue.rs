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
        }
    }

    /// Its book changes at `now`: the message that tells so.
    pub fn change(&mut self, dice: &mut ChaCha8Rng, now: i64) -> String {
        let mut levels = [String::new(), String::new()];
        let first = self.last_id + 1;
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
        format!(
            r#"{{"e":"depthUpdate","E":{},"s":"{}","U":{first},"u":{},"b":[{bids}],"a":[{asks}]}}"#,
            self.clock_ms, self.name, self.last_id
        )
    }
}

/// What the venue lists.
pub fn listing(listed: &[Listed]) -> String {
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
        "intervalNum":1,"limit":6000}}],"symbols":[{}]}}"#,
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

fn decimal(value: i64, decimals: usize) -> String {
    let unit = 10_i64.pow(u32::try_from(decimals).expect("few"));
    format!("{}.{:0decimals$}", value / unit, value % unit)
}
