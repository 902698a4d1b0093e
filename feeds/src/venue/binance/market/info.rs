//! What the venue lists: instruments and limits, from `exchangeInfo`.

use qt_codec::Number;
use qt_types::InstrumentKind;
use serde::Deserialize;

use super::profile::Profile;
use crate::market::{Listing, Status};

/// More than this no venue gives in a window.
const LIMIT_MAX: u64 = 1_000_000_000;

/// Fields that nobody knows are left alone, and what is missing is what it is by default: only the
/// steps must be there.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "rateLimits", default)]
    limits: Vec<Limit>,
    #[serde(default)]
    symbols: Vec<Symbol>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Limit {
    rate_limit_type: String,
    interval: String,
    interval_num: i64,
    limit: u64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Symbol {
    symbol: String,
    status: String,
    base_asset: String,
    quote_asset: String,
    contract_type: String,
    order_types: Vec<String>,
    amend_allowed: bool,
    cancel_replace_allowed: bool,
    filters: Vec<Filter>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    filter_type: String,
    tick_size: String,
    step_size: String,
    min_qty: String,
    max_qty: String,
    min_notional: String,
    /// The same where futures are listed.
    notional: String,
}

/// What an answer says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Info {
    pub(super) listings: Vec<Listing>,
    /// The budget of requests: how much in which time (ns).
    pub(super) weight: Option<(u64, i64)>,
    /// Words for a status that are not known.
    pub(super) unknown: Vec<String>,
    /// Instruments without usable steps.
    pub(super) unsound: Vec<String>,
}

/// Reads an answer.
pub(super) fn read(body: &[u8], profile: &Profile) -> Result<Info, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut info = Info { weight: answer.limits.iter().find_map(weight), ..Info::default() };
    for symbol in answer.symbols {
        let status = match symbol.status.as_str() {
            "TRADING" => Status::Trading,
            "HALT" | "BREAK" | "END_OF_DAY" | "PRE_TRADING" | "POST_TRADING" | "AUCTION_MATCH"
            | "TRADING_HALT" | "PENDING_TRADING" | "SETTLING" | "PRE_SETTLE" | "PRE_DELIVERING"
            | "DELIVERING" | "DELIVERED" | "CLOSE" => Status::Halted,
            "CANCEL_ONLY" => Status::CancelOnly,
            other => {
                info.unknown.push(other.chars().take(32).collect());
                Status::Unknown
            }
        };
        let of = |kind: &str| symbol.filters.iter().find(|filter| filter.filter_type == kind);
        let notional = of("NOTIONAL").or_else(|| of("MIN_NOTIONAL"));
        let tick_e9 = of("PRICE_FILTER").map_or(0, |filter| e9(&filter.tick_size));
        let lot = of("LOT_SIZE");
        let lot_e9 = lot.map_or(0, |filter| e9(&filter.step_size));
        if tick_e9 <= 0 || lot_e9 <= 0 {
            info.unsound.push(symbol.symbol);
            continue;
        }
        info.listings.push(Listing {
            base: symbol.base_asset,
            quote: symbol.quote_asset,
            // What is delivered on a day names the quarter or the month of it.
            kind: match symbol.contract_type.as_str() {
                of if of.ends_with("_QUARTER") || of.ends_with("_MONTH") => InstrumentKind::Future,
                _ => profile.kind,
            },
            status,
            tick_e9,
            lot_e9,
            qty_min_e9: lot.map_or(0, |filter| e9(&filter.min_qty)),
            qty_max_e9: lot.map_or(0, |filter| e9(&filter.max_qty)),
            notional_min_e9: notional
                .map_or(0, |filter| e9(&filter.min_notional).max(e9(&filter.notional))),
            order_types: symbol.order_types,
            can_amend: symbol.amend_allowed,
            can_replace: symbol.cancel_replace_allowed,
            symbol: symbol.symbol,
        });
    }
    Ok(info)
}

/// A number in billionths; zero where there is none, or none that fits.
fn e9(text: &str) -> i64 {
    Number::parse(text).ok().and_then(|number| number.scaled(9)).unwrap_or(0)
}

fn weight(limit: &Limit) -> Option<(u64, i64)> {
    let unit_ns = match limit.interval.as_str() {
        "SECOND" => 1_000_000_000,
        "MINUTE" => 60_000_000_000,
        "HOUR" => 3_600_000_000_000,
        _ => return None,
    };
    let is_sound = (1..=1_000).contains(&limit.interval_num);
    let is_sound = is_sound && (1..=LIMIT_MAX).contains(&limit.limit);
    let is_weight = limit.rate_limit_type == "REQUEST_WEIGHT";
    (is_weight && is_sound).then(|| (limit.limit, limit.interval_num * unit_ns))
}

/// Which instruments are still to be asked for, and what was found. All are asked for at once;
/// where the venue does not know one of them it refuses the whole question, which is then halved.
#[derive(Debug)]
pub(super) struct Query {
    symbols: Vec<String>,
    open: Vec<std::ops::Range<usize>>,
    pub(super) missing: Vec<usize>,
}

impl Query {
    /// About all of `symbols`.
    pub(super) fn new(symbols: &[String]) -> Self {
        let all = 0..symbols.len();
        Self { symbols: symbols.to_vec(), open: vec![all], missing: Vec::new() }
    }

    /// Whether everything is answered.
    pub(super) fn is_over(&self) -> bool {
        self.open.is_empty()
    }

    /// The next question.
    pub(super) fn url(&self, profile: &Profile) -> Option<String> {
        let range = self.open.last()?.clone();
        if !profile.info_of_some {
            return Some(format!("{}{}", profile.rest, profile.info.0));
        }
        let mut url = format!("{}{}?symbols=%5B", profile.rest, profile.info.0);
        for (at, symbol) in self.symbols[range].iter().enumerate() {
            url += if at > 0 { "%2C%22" } else { "%22" };
            url += &encoded(symbol);
            url += "%22";
        }
        url += "%5D";
        Some(url)
    }

    /// It was answered: which of the instruments asked for are not in the answer.
    pub(super) fn answered(&mut self, info: &Info) {
        let Some(range) = self.open.pop() else { return };
        let has = |at: &usize| {
            let symbol = &self.symbols[*at];
            info.listings.iter().any(|listing| listing.symbol == *symbol)
        };
        let missing: Vec<usize> = range.filter(|at| !has(at)).collect();
        self.missing.extend(missing);
    }

    /// It was refused because the venue does not know one of the instruments.
    pub(super) fn refused(&mut self) {
        let Some(range) = self.open.pop() else { return };
        if range.len() <= 1 {
            self.missing.extend(range);
            return;
        }
        let middle = range.start + range.len() / 2;
        self.open.push(middle..range.end);
        self.open.push(range.start..middle);
    }
}

/// `text` as it stands in a query.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_read() {
        let body = br#"{"new":{"a":1},"rateLimits":[{},{"rateLimitType":"REQUEST_WEIGHT",
            "interval":"MINUTE","intervalNum":1,"limit":1200}],"symbols":[
            {"symbol":"ETHBTC","status":"TRADING","baseAsset":"ETH","quoteAsset":"BTC","more":[],
             "orderTypes":["LIMIT"],"amendAllowed":true,"filters":[
             {"filterType":"PRICE_FILTER","tickSize":"0.00000100"},
             {"filterType":"LOT_SIZE","minQty":"0.00010000","maxQty":"100000.00000000",
              "stepSize":"0.00010000"},{"filterType":"NOTIONAL","minNotional":"0.0001"},
             {"filterType":"NEW_ONE","limit":7}]},
            {"symbol":"A","status":"CANCEL_ONLY","filters":[]},
            {"symbol":"B","status":"DREAMING","filters":[{"filterType":"PRICE_FILTER",
             "tickSize":"0.5"},{"filterType":"LOT_SIZE","stepSize":"1"}]}]}"#;
        let info = read(body, &Profile::spot()).unwrap();
        assert_eq!(info.weight, Some((1_200, 60_000_000_000)));
        assert_eq!(info.unsound, ["A"]);
        assert_eq!(info.unknown, ["DREAMING"]);
        let [eth, b] = &info.listings[..] else { panic!("{info:?}") };
        assert_eq!((eth.tick_e9, eth.lot_e9, eth.notional_min_e9), (1_000, 100_000, 100_000));
        assert_eq!((eth.base.as_str(), eth.quote.as_str()), ("ETH", "BTC"));
        assert_eq!((eth.status, b.status), (Status::Trading, Status::Unknown));
        // What the venue does not say can be done is not tried.
        assert_eq!((eth.can_amend, eth.can_replace, b.can_amend), (true, false, false));
        assert!(eth.fits(&eth.spec().unwrap()) && !b.fits(&eth.spec().unwrap()));
        assert!(read(b"{", &Profile::spot()).is_err());
    }

    #[test]
    fn futures_are_listed_in_their_own_words() {
        let body =
            br#"{"rateLimits":[{"rateLimitType":"ORDERS","interval":"MINUTE","intervalNum":1,
            "limit":1200},{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,
            "limit":2400}],"symbols":[{"symbol":"BTCUSDT","contractType":"PERPETUAL",
            "status":"TRADING_HALT","baseAsset":"BTC","quoteAsset":"USDT","pricePrecision":2,
            "filters":[{"filterType":"PRICE_FILTER","tickSize":"0.10"},{"filterType":"LOT_SIZE",
            "stepSize":"0.001"},{"filterType":"MIN_NOTIONAL","notional":"5"}]},
            {"symbol":"BTCUSDT_261225","contractType":"CURRENT_QUARTER","status":"TRADING",
            "filters":[{"filterType":"PRICE_FILTER","tickSize":"0.1"},{"filterType":"LOT_SIZE",
            "stepSize":"0.001"}]}]}"#;
        let info = read(body, &Profile::usdm()).unwrap();
        let [btc, quarter] = &info.listings[..] else { panic!("{info:?}") };
        assert_eq!((info.weight, info.unknown.len()), (Some((2_400, 60_000_000_000)), 0));
        assert_eq!((btc.tick_e9, btc.notional_min_e9), (100_000_000, 5_000_000_000));
        assert_eq!((btc.kind, btc.status), (InstrumentKind::Perpetual, Status::Halted));
        assert_eq!((quarter.kind, quarter.status), (InstrumentKind::Future, Status::Trading));
        let mut query = Query::new(&["BTCUSDT".to_owned(), "NOUSDT".to_owned()]);
        let url = query.url(&Profile::usdm()).unwrap();
        assert_eq!(url, "https://fapi.binance.com/fapi/v1/exchangeInfo", "it knows no choice");
        query.answered(&info);
        assert!(query.is_over());
        assert_eq!(query.missing, [1]);
    }

    #[test]
    fn an_unknown_instrument_is_found_by_halving() {
        let names: Vec<String> = ["A", "B", "NO", "D", "\u{5e01}"].map(String::from).to_vec();
        let mut query = Query::new(&names);
        let mut asked = 0;
        while let Some(url) = query.url(&Profile::spot()) {
            asked += 1;
            if url.contains("%22NO%22") {
                query.refused();
                continue;
            }
            let listings = names.iter().filter(|name| url.contains(&encoded(name)));
            let listing = |name: &String| Listing {
                symbol: name.clone(),
                base: String::new(),
                quote: String::new(),
                kind: InstrumentKind::Spot,
                status: Status::Trading,
                tick_e9: 1,
                lot_e9: 1,
                qty_min_e9: 0,
                qty_max_e9: 0,
                notional_min_e9: 0,
                order_types: Vec::new(),
                can_amend: false,
                can_replace: false,
            };
            query.answered(&Info { listings: listings.map(listing).collect(), ..Info::default() });
        }
        assert!(query.is_over());
        assert_eq!((query.missing, asked), (vec![2], 5));
        assert_eq!(encoded("\u{5e01}"), "%E5%B8%81");
    }
}
