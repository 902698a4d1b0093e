//! `--expiry`: when futures end, and at which price.

use qt_backtest::conditions::Expiry;

use super::table;
use crate::failure::Failure;
use crate::settings::{Layers, number};

/// `[SYMBOL=]TIME[@PRICE]`, any number of times.
pub(super) fn of(layers: &Layers) -> Result<Vec<(Option<String>, Expiry)>, Failure> {
    let wrong = |what: &str| Failure::usage(format!("{}: {what}", layers.place("expiry")));
    let one = |given: &String| {
        let (symbol, rest) = table::split(given);
        let (time, price) = match rest.split_once('@') {
            Some((time, price)) => (time, Some(price)),
            None => (rest, None),
        };
        let time_ns = table::time_ns(time).map_err(|what| wrong(&what))?;
        let price_e9 = price.map(|text| match number::e9(text) {
            Ok(price) if price > 0 => Ok(price),
            Ok(_) => Err(wrong(&format!("the price '{text}' is not above zero"))),
            Err(what) => Err(wrong(&what)),
        });
        Ok((symbol, Expiry { time_ns, price_e9: price_e9.transpose()? }))
    };
    layers.many("expiry").iter().map(one).collect()
}
