//! What holds for every indicator of the catalog: warm-up, finite values, independence from later
//! bars, copies and restarts.

use crate::walk::walk;
use proptest::prelude::*;
use qt_strategies::indicator::{Candle, Indicator, catalog, parse};

/// Every indicator with its default arguments, every output once; and again with short periods.
fn everything() -> Vec<Box<dyn Indicator>> {
    let mut all = Vec::new();
    for info in catalog() {
        let defaults: Vec<String> = info.arguments.iter().map(|a| a.default.to_string()).collect();
        let short: Vec<String> =
            info.arguments.iter().map(|a| (a.min + 1.0).min(3.0).to_string()).collect();
        for arguments in [defaults, short] {
            let call = format!("{}({})", info.name, arguments.join(","));
            if info.outputs.is_empty() {
                all.push(parse(&call).unwrap_or_else(|error| panic!("{error}")));
            }
            for output in info.outputs {
                let text = format!("{call}.{output}");
                all.push(parse(&text).unwrap_or_else(|error| panic!("{error}")));
            }
        }
    }
    all
}

fn bits(value: Option<f64>) -> Option<u64> {
    value.map(f64::to_bits)
}

#[test]
fn the_first_value_comes_on_the_declared_row_and_none_is_missing_after_it() {
    let candles = walk(21, 50.0, 300);
    for mut indicator in everything() {
        for (row, candle) in candles.iter().enumerate() {
            let defined = indicator.update(candle).is_some();
            assert_eq!(defined, row >= indicator.first_row(), "{} row {row}", indicator.name());
        }
    }
}

#[test]
fn a_copy_continues_alone_and_a_reset_starts_again() {
    let candles = walk(22, 50.0, 400);
    let poison = walk(23, 1e12, 100);
    for mut indicator in everything() {
        let whole: Vec<_> = candles.iter().map(|candle| bits(indicator.update(candle))).collect();
        indicator.reset();
        let (before, after) = candles.split_at(200);
        let mut again: Vec<_> = before.iter().map(|c| bits(indicator.update(c))).collect();
        let mut other = indicator.clone();
        for candle in &poison {
            indicator.update(candle);
        }
        again.extend(after.iter().map(|candle| bits(other.update(candle))));
        assert_eq!(whole, again, "{}", other.name());
    }
}

#[test]
fn names_lead_back_to_the_same_indicator() {
    for indicator in everything() {
        let again = parse(indicator.name()).map(|again| again.name().to_owned());
        assert_eq!(again.as_deref(), Ok(indicator.name()));
    }
}

#[test]
fn a_market_that_never_moves_has_finite_values() {
    for level in [1e-30, 1e-8, 0.3, 1e8, 1e30] {
        for volume in [0.0, 1e-30, 7.0, 1e30] {
            for mut indicator in everything() {
                for row in 0..200 {
                    let value = indicator.update(&Candle::flat(level, volume));
                    let finite = value.is_none_or(f64::is_finite);
                    assert!(finite, "{} at row {row}: {value:?}", indicator.name());
                }
            }
        }
    }
}

/// A price or a volume of any magnitude in the documented range.
fn magnitude() -> impl Strategy<Value = f64> {
    (-30.0..30.0_f64).prop_map(|exponent| 10_f64.powf(exponent))
}

fn any_candle() -> impl Strategy<Value = Candle> {
    let prices = prop_oneof![
        prop::array::uniform4(magnitude()),
        prop::array::uniform4(100.0..101.0_f64),
        magnitude().prop_map(|price| [price; 4]),
    ];
    let volume = prop_oneof![Just(0.0), magnitude()];
    (prices, volume).prop_map(|(mut prices, volume)| {
        prices.sort_by(f64::total_cmp);
        let [low, open, close, high] = prices;
        Candle { open, high, low, close, volume }
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_value_is_finite(candles in prop::collection::vec(any_candle(), 1..150)) {
        for mut indicator in everything() {
            for candle in &candles {
                let value = indicator.update(candle);
                let finite = value.is_none_or(f64::is_finite);
                prop_assert!(finite, "{}: {:?}", indicator.name(), value);
            }
        }
    }

    #[test]
    fn bounded_oscillators_stay_in_their_bounds(
        candles in prop::collection::vec(any_candle(), 60..150),
    ) {
        for (name, low, high) in [
            ("RSI(5)", 0.0, 100.0), ("CMO(5)", -100.0, 100.0), ("MFI(5)", 0.0, 100.0),
            ("WILLR(5)", -100.0, 0.0), ("STOCH(5,3,3).slowd", 0.0, 100.0),
            ("ADX(5)", 0.0, 100.0), ("AROON(5).up", 0.0, 100.0), ("ULTOSC(2,4,8)", 0.0, 100.0),
        ] {
            let mut indicator = parse(name).unwrap_or_else(|error| panic!("{error}"));
            for candle in &candles {
                if let Some(value) = indicator.update(candle) {
                    let inside = (low - 1e-9..=high + 1e-9).contains(&value);
                    prop_assert!(inside, "{}: {}", name, value);
                }
            }
        }
    }
}
