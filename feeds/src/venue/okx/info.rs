//! What the venue lists: instruments, from `public/instruments`.

use qt_types::InstrumentKind;
use serde::Deserialize;

use crate::market::machine::{Info, e9};
use crate::market::{Listing, Status};

#[derive(Deserialize)]
struct Answer {
    code: String,
    #[serde(default)]
    msg: String,
    #[serde(default)]
    data: Vec<Instrument>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Instrument {
    inst_id: String,
    inst_type: String,
    state: String,
    base_ccy: String,
    quote_ccy: String,
    settle_ccy: String,
    ct_type: String,
    ct_val: String,
    ct_mult: String,
    ct_val_ccy: String,
    tick_sz: String,
    lot_sz: String,
    min_sz: String,
    max_lmt_sz: String,
}

impl Instrument {
    /// What kind of thing it is and what one of it is worth; nothing where it is not counted in
    /// what is bought, or not paid for in what prices are in.
    fn counted(&self) -> Option<(InstrumentKind, i64)> {
        let kind = match (self.inst_type.as_str(), self.ct_type.as_str()) {
            ("SPOT", _) => return Some((InstrumentKind::Spot, 1_000_000_000)),
            ("SWAP", "linear") => InstrumentKind::Perpetual,
            ("FUTURES", "linear") => InstrumentKind::Future,
            _ => return None,
        };
        let wide = i128::from(e9(&self.ct_val)) * i128::from(e9(&self.ct_mult).max(1));
        let is_plain = self.ct_mult.is_empty();
        let value_e9 = if is_plain { i128::from(e9(&self.ct_val)) } else { wide / 1_000_000_000 };
        let is_whole = is_plain || wide % 1_000_000_000 == 0;
        let value_e9 = i64::try_from(value_e9).ok().filter(|value| is_whole && *value > 0)?;
        Some((kind, value_e9))
    }
}

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<Info, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if answer.code != "0" {
        return Err(format!("{} {}", answer.code, answer.msg));
    }
    let mut info = Info::default();
    for one in answer.data {
        let status = match one.state.as_str() {
            "live" => Status::Trading,
            "suspend" | "preopen" | "test" | "expired" | "rebase" | "post_only" => Status::Halted,
            other => {
                info.unknown.push(other.chars().take(32).collect());
                Status::Unknown
            }
        };
        let (tick_e9, lot_e9) = (e9(&one.tick_sz), e9(&one.lot_sz));
        let counted = one.counted().filter(|_| tick_e9 > 0 && lot_e9 > 0);
        let Some((kind, multiplier_e9)) = counted else {
            info.unsound.push(one.inst_id);
            continue;
        };
        let is_spot = kind == InstrumentKind::Spot;
        info.listings.push(Listing {
            base: if is_spot { one.base_ccy } else { one.ct_val_ccy },
            quote: if is_spot { one.quote_ccy } else { one.settle_ccy },
            kind,
            status,
            tick_e9,
            lot_e9,
            multiplier_e9,
            qty_min_e9: e9(&one.min_sz),
            qty_max_e9: e9(&one.max_lmt_sz),
            notional_min_e9: 0,
            order_types: ["limit", "market"].map(str::to_owned).to_vec(),
            can_amend: true,
            can_replace: true,
            symbol: one.inst_id,
        });
    }
    Ok(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_read() {
        let body = br#"{"code":"0","msg":"","data":[
            {"instType":"SPOT","instId":"BTC-USDT","baseCcy":"BTC","quoteCcy":"USDT","state":"live",
             "lotSz":"0.00000001","minSz":"0.00001","maxLmtSz":"9999999999","tickSz":"0.1","new":1},
            {"instType":"SWAP","instId":"BTC-USDT-SWAP","ctType":"linear","ctVal":"0.01",
             "ctMult":"1","ctValCcy":"BTC","settleCcy":"USDT","lotSz":"0.1","tickSz":"0.1",
             "state":"dreaming"},
            {"instType":"SWAP","instId":"BTC-USD-SWAP","ctType":"inverse","ctVal":"100",
             "ctMult":"1","lotSz":"1","tickSz":"0.1","state":"live"},
            {"instType":"SPOT","instId":"A-B","state":"live"}]}"#;
        let info = read(body).unwrap();
        let [spot, swap] = &info.listings[..] else { panic!("{info:?}") };
        assert_eq!((spot.tick_e9, spot.lot_e9, spot.qty_min_e9), (100_000_000, 10, 10_000));
        assert_eq!((spot.multiplier_e9, spot.status), (1_000_000_000, Status::Trading));
        assert_eq!((swap.kind, swap.multiplier_e9), (InstrumentKind::Perpetual, 10_000_000));
        assert_eq!((swap.base.as_str(), swap.quote.as_str()), ("BTC", "USDT"));
        assert_eq!((swap.lot_e9, swap.status), (100_000_000, Status::Unknown));
        assert_eq!(info.unsound, ["BTC-USD-SWAP", "A-B"]);
        assert_eq!(info.unknown, ["dreaming"]);
        let refused = read(br#"{"code":"50011","msg":"Too Many Requests"}"#);
        assert_eq!(refused.unwrap_err(), "50011 Too Many Requests");
    }
}
