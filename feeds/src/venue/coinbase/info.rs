//! What the venue lists: one product, or several.

use qt_types::InstrumentKind;
use serde::Deserialize;

use crate::market::machine::{Info, e9};
use crate::market::{Listing, Status};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Product {
    product_id: String,
    product_type: String,
    /// The product whose market it is, where it is only another name.
    alias: String,
    status: String,
    base_currency_id: String,
    quote_currency_id: String,
    base_increment: String,
    quote_increment: String,
    price_increment: String,
    base_min_size: String,
    base_max_size: String,
    quote_min_size: String,
    is_disabled: bool,
    trading_disabled: bool,
    view_only: bool,
    auction_mode: bool,
    cancel_only: bool,
    limit_only: bool,
    post_only: bool,
}

#[derive(Deserialize)]
struct Products {
    products: Vec<Product>,
}

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<Info, String> {
    let wrong = |error: serde_json::Error| error.to_string();
    let several: Result<Products, _> = serde_json::from_slice(body);
    let products = match several {
        Ok(Products { products }) => products,
        Err(_) => vec![serde_json::from_slice::<Product>(body).map_err(wrong)?],
    };
    let mut info = Info::default();
    for product in products {
        if product.product_id.is_empty() {
            return Err("it names no product".to_owned());
        }
        list(product, &mut info);
    }
    Ok(info)
}

fn list(product: Product, info: &mut Info) {
    let is_resting = product.is_disabled || product.trading_disabled || product.view_only;
    let is_partly = product.auction_mode || product.limit_only || product.post_only;
    let status = match product.status.as_str() {
        _ if product.cancel_only => Status::CancelOnly,
        "online" | "" if is_resting || is_partly => Status::Halted,
        "online" | "" => Status::Trading,
        "offline" | "internal" | "delisted" => Status::Halted,
        other => {
            info.unknown.push(other.chars().take(32).collect());
            Status::Unknown
        }
    };
    let tick_e9 = match e9(&product.price_increment) {
        0 => e9(&product.quote_increment),
        tick_e9 => tick_e9,
    };
    let lot_e9 = e9(&product.base_increment);
    let is_spot = matches!(product.product_type.as_str(), "SPOT" | "");
    // The stream would tell of another name.
    if !is_spot || !product.alias.is_empty() || tick_e9 <= 0 || lot_e9 <= 0 {
        info.unsound.push(product.product_id);
        return;
    }
    info.listings.push(Listing {
        base: product.base_currency_id,
        quote: product.quote_currency_id,
        kind: InstrumentKind::Spot,
        status,
        tick_e9,
        lot_e9,
        multiplier_e9: 1_000_000_000,
        qty_min_e9: e9(&product.base_min_size),
        qty_max_e9: e9(&product.base_max_size),
        notional_min_e9: e9(&product.quote_min_size),
        order_types: ["limit", "market"].map(str::to_owned).to_vec(),
        can_amend: false,
        can_replace: false,
        symbol: product.product_id,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_read() {
        let body = |more: &str| {
            format!(
                r#"{{"product_id":"BTC-USD","product_type":"SPOT","base_increment":"0.00000001",
                "quote_increment":"0.01","quote_min_size":"1","base_min_size":"0.00000001",
                "base_currency_id":"BTC","quote_currency_id":"USD","new":[1],{more}}}"#
            )
        };
        let read = |more: &str| read(body(more).as_bytes()).unwrap();
        let info = read(r#""status":"online","price_increment":"0.01""#);
        let [btc] = &info.listings[..] else { panic!("{info:?}") };
        assert_eq!((btc.tick_e9, btc.lot_e9, btc.notional_min_e9), (10_000_000, 10, 1_000_000_000));
        for (more, status) in [
            (r#""status":"online""#, Status::Trading),
            (r#""status":"online","post_only":true"#, Status::Halted),
            (r#""status":"online","trading_disabled":true"#, Status::Halted),
            (r#""status":"delisted""#, Status::Halted),
            (r#""status":"online","cancel_only":true"#, Status::CancelOnly),
            (r#""status":"dreaming""#, Status::Unknown),
        ] {
            let info = read(more);
            assert_eq!(info.listings[0].status, status, "{more}");
            assert_eq!(info.unknown.len(), usize::from(status == Status::Unknown));
        }
        assert_eq!(read(r#""alias":"X-USD""#).unsound, ["BTC-USD"]);
        assert!(super::read(b"{}").is_err() && super::read(b"[").is_err());
    }
}
