//! Sizing by the volatility of the market or by the odds of trades.

use qt_risk::{Odds, Sizing};
use qt_types::E9;

use super::plan::wrong;
use super::{Layers, number};
use crate::failure::Failure;

/// The rule of `--target-volatility` or `--kelly`.
///
/// # Errors
/// When a value is wrong.
pub fn by_market_or_trades(layers: &Layers) -> Result<Sizing, Failure> {
    if layers.given("target-volatility").is_some() {
        let window = layers.one("volatility-window").unwrap_or("20");
        return Ok(Sizing::Volatility {
            target_e9: share(layers, "target-volatility", "", 10)?,
            window: window
                .trim()
                .parse()
                .ok()
                .filter(|window| (2..=10_000).contains(window))
                .ok_or_else(|| {
                    wrong(layers, "volatility-window", window, "a whole number from 2 to 10000")
                })?,
            cap_e9: share(layers, "size-cap", "1", 1_000)?,
        });
    }
    let text = layers.one("kelly").unwrap_or_default().trim();
    let odds = if text == "trades" {
        let start = layers.one("kelly-start").unwrap_or_default();
        let start_e9 = number::share_e9(start).ok().filter(|start| (0..=E9).contains(start));
        let wanted = "a share from 0 to 1 (0: no entry before there are enough trades)";
        let start_e9 = start_e9.ok_or_else(|| wrong(layers, "kelly-start", start, wanted))?;
        Odds::OfTrades { start_e9 }
    } else {
        let wanted = "of the form W:B, such as 0.55:1.5 (55 per cent of the trades win, and a win \
                      is 1.5 times a loss), or trades";
        let odds = given(text).ok_or_else(|| wrong(layers, "kelly", text, wanted))?;
        if layers.given("kelly-start").is_some() {
            return Err(Failure::usage("--kelly-start means nothing with odds that are given")
                .hint("write --kelly trades, or leave --kelly-start away"));
        }
        odds
    };
    let fraction_e9 = share(layers, "kelly-fraction", "0.25", 1)?;
    Ok(Sizing::Kelly { odds, fraction_e9, cap_e9: share(layers, "size-cap", "0.1", 1_000)? })
}

/// Win rate and payoff of `W:B`.
fn given(text: &str) -> Option<Odds> {
    let (win, payoff) = text.split_once(':')?;
    let win_e9 = number::share_e9(win).ok().filter(|win| (1..=E9).contains(win))?;
    let payoff_e9 = number::e9(payoff).ok().filter(|payoff| *payoff > 0)?;
    Some(Odds::Given { win_e9, payoff_e9 })
}

/// The share `name`, above zero and at most `most`; `default` where nobody gave it.
fn share(layers: &Layers, name: &str, default: &str, most: i64) -> Result<i64, Failure> {
    let text = layers.one(name).unwrap_or(default);
    let value = number::share_e9(text)
        .map_err(|what| Failure::usage(format!("{}: {what}", layers.place(name))))?;
    if value <= 0 || value > most.saturating_mul(E9) {
        return Err(wrong(layers, name, text, &format!("above 0 and at most {most}")));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Sources;
    use super::*;

    fn sizing(flags: &[(&'static str, &str)]) -> Result<Sizing, Failure> {
        let flags: BTreeMap<&'static str, Vec<String>> =
            flags.iter().map(|(name, value)| (*name, vec![(*value).to_owned()])).collect();
        let layers = Layers::gather(&Sources { flags: Some(&flags), ..Sources::default() })?;
        by_market_or_trades(&layers)
    }

    #[test]
    fn rules_and_their_caps() {
        let volatility = sizing(&[("target-volatility", "15%"), ("volatility-window", "60")]);
        let want = Sizing::Volatility { target_e9: 150_000_000, window: 60, cap_e9: E9 };
        assert_eq!(volatility.unwrap(), want);
        let odds = Odds::Given { win_e9: 550_000_000, payoff_e9: 1_500_000_000 };
        let want = Sizing::Kelly { odds, fraction_e9: 250_000_000, cap_e9: 100_000_000 };
        assert_eq!(sizing(&[("kelly", "0.55:1.5")]).unwrap(), want);
        let flags = [("kelly", "trades"), ("kelly-fraction", "0.5"), ("size-cap", "0.2")];
        let odds = Odds::OfTrades { start_e9: 10_000_000 };
        let want = Sizing::Kelly { odds, fraction_e9: 500_000_000, cap_e9: 200_000_000 };
        assert_eq!(sizing(&flags).unwrap(), want);
    }

    #[test]
    fn wrong_values_are_refused() {
        for flags in [
            &[("target-volatility", "0")][..],
            &[("target-volatility", "much")],
            &[("target-volatility", "0.2"), ("volatility-window", "1")],
            &[("target-volatility", "0.2"), ("size-cap", "-1")],
            &[("kelly", "0.5")],
            &[("kelly", "1.5:1")],
            &[("kelly", "0.5:0")],
            &[("kelly", "trades"), ("kelly-fraction", "2")],
            &[("kelly", "trades"), ("kelly-start", "-1")],
            &[("kelly", "0.5:2"), ("kelly-start", "0.1")],
        ] {
            let failure = sizing(flags).expect_err("it is wrong");
            assert_eq!(failure.reason.code(), 2, "{flags:?}: {failure}");
        }
    }
}
