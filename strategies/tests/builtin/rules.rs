//! Every strategy of one instrument against its rule.

use std::cmp::Ordering;

use qt_strategies::prelude::*;

use crate::desk::decide;
use crate::naive::{Conditions, closes, deviation, ema, macd, mean, rsi, trade, window};
use crate::walk::walk;

const ROWS: usize = 700;

/// Holds the strategy against `rule`, made for a series, on several walks.
fn check<R: Fn(usize) -> Conditions>(
    (name, params): (&str, &str),
    turns: bool,
    rule: impl Fn(Vec<Bar>) -> R,
) {
    let mut decisions = 0;
    for seed in 1..=8 {
        let bars = walk(seed, ROWS);
        let found = decide(name, params, &bars);
        let expected = trade(ROWS, turns, rule(bars));
        let differs = found.iter().zip(&expected).find(|(a, b)| a != b);
        assert_eq!(found, expected, "{name} {params} seed {seed}: {differs:?}");
        decisions += found.len();
    }
    assert!(decisions >= 16, "{name} {params}: only {decisions} decisions to compare");
}

/// The conditions of a crossing, from the sign of a difference on each bar.
fn crossing(short: bool, sign: impl Fn(usize) -> Option<Ordering>) -> impl Fn(usize) -> Conditions {
    move |row| {
        let before = row.checked_sub(1).and_then(&sign);
        let Some((before, now)) = before.zip(sign(row)) else { return Conditions::default() };
        let up = now.is_gt() && before.is_le();
        let down = now.is_lt() && before.is_ge();
        Conditions::two_sided(up, down, short)
    }
}

#[test]
fn sma_cross() {
    for (fast, slow) in [(1, 2), (3, 5), (5, 20), (20, 50), (49, 50)] {
        let params = format!("fast={fast} slow={slow}");
        check(("sma_cross", &params), true, |bars| {
            let closes: Vec<i64> = bars.iter().map(|bar| bar.close.ticks()).collect();
            crossing(false, move |row| {
                let sum = |n| window(&closes, row, n).map(|values| values.iter().sum::<i64>());
                let (fast_sum, slow_sum) = sum(fast).zip(sum(slow))?;
                Some((fast_sum * slow as i64).cmp(&(slow_sum * fast as i64)))
            })
        });
    }
}

#[test]
fn ema_cross() {
    for (fast, slow, short) in [(1, 2, false), (3, 8, true), (12, 26, false), (12, 26, true)] {
        let params = format!("fast={fast} slow={slow} short={short}");
        check(("ema_cross", &params), true, |bars| {
            let closes = closes(&bars);
            crossing(short, move |row| {
                let average = |n| ema(&closes[..=row], n);
                average(fast)?.partial_cmp(&average(slow)?)
            })
        });
    }
}

#[test]
fn macd_lines() {
    for (lengths, short) in [([2, 3, 1], true), ([3, 8, 4], true), ([12, 26, 9], false)] {
        let [fast, slow, signal] = lengths;
        let params = format!("fast={fast} slow={slow} signal={signal} short={short}");
        if signal == 1 {
            // A signal line of one bar is the MACD line itself, which cannot cross it.
            assert_eq!(decide("macd", &params, &walk(1, ROWS)), []);
            continue;
        }
        check(("macd", &params), true, |bars| {
            let lines = macd(&closes(&bars), lengths);
            crossing(short, move |row| lines[row].and_then(|(a, b)| a.partial_cmp(&b)))
        });
    }
}

#[test]
fn rsi_reversion() {
    for (period, oversold, overbought) in [(14, 30.0, 70.0), (2, 10.0, 90.0), (5, 45.0, 50.0)] {
        let params = format!("period={period} oversold={oversold} overbought={overbought}");
        check(("rsi_reversion", &params), false, |bars| {
            let prices: Vec<f64> = closes(&bars).iter().map(|ticks| ticks / 100.0).collect();
            move |row| {
                let index = rsi(&prices[..=row], period).unwrap_or(50.0);
                let (buy, sell) = (index < oversold, index > overbought);
                Conditions { buy, sell, ..Conditions::default() }
            }
        });
    }
}

#[test]
fn rsi_momentum() {
    for (period, strong, short) in [(14, 55.0, false), (14, 55.0, true), (3, 80.0, true)] {
        let weak = 100.0 - strong;
        let params = format!("period={period} strong={strong} weak={weak} short={short}");
        check(("rsi_momentum", &params), true, |bars| {
            let prices: Vec<f64> = closes(&bars).iter().map(|ticks| ticks / 100.0).collect();
            move |row| {
                let index = rsi(&prices[..=row], period).unwrap_or(50.0);
                Conditions::two_sided(index > strong, index < weak, short)
            }
        });
    }
}

#[test]
fn bollinger_reversion() {
    for (period, deviations, short) in [(20, 2.0, false), (20, 1.5, true), (5, 1.0, true)] {
        let params = format!("period={period} deviations={deviations} short={short}");
        check(("bollinger_reversion", &params), false, |bars| {
            let closes = closes(&bars);
            move |row| {
                let Some(values) = window(&closes, row, period) else {
                    return Conditions::default();
                };
                let (close, middle) = (closes[row], mean(values));
                let width = deviations * deviation(values);
                Conditions {
                    buy: close < middle - width,
                    sell: close >= middle,
                    short: short && close > middle + width,
                    cover: close <= middle,
                }
            }
        });
    }
}

#[test]
fn donchian_breakout() {
    for (entry, exit, short) in [(20, 10, false), (20, 10, true), (5, 5, true), (1, 1, true)] {
        let params = format!("entry={entry} exit={exit} short={short}");
        check(("donchian_breakout", &params), false, |bars| {
            move |row| {
                let highest = |before: &[Bar]| before.iter().map(|bar| bar.high).max();
                let lowest = |before: &[Bar]| before.iter().map(|bar| bar.low).min();
                let before = |n| row.checked_sub(1).and_then(|last| window(&bars, last, n));
                let close = Some(bars[row].close);
                let Some((wide, tight)) = before(entry).zip(before(exit)) else {
                    return Conditions::default();
                };
                Conditions {
                    buy: close > highest(wide),
                    sell: close < lowest(tight),
                    short: short && close < lowest(wide),
                    cover: close > highest(tight),
                }
            }
        });
    }
}

#[test]
fn momentum() {
    for (lookback, bps, short) in [(100, 0, false), (10, 150, true), (1, 0, true), (1, 50, false)] {
        let params = format!("lookback={lookback} threshold_bps={bps} short={short}");
        check(("momentum", &params), true, |bars| {
            move |row| {
                let Some(old) = row.checked_sub(lookback).map(|old| bars[old].close.ticks()) else {
                    return Conditions::default();
                };
                // All numbers are small whole ones here, so this is exact too.
                let change = (bars[row].close.ticks() - old) * 10_000;
                Conditions::two_sided(change > old * bps, change < -old * bps, short)
            }
        });
    }
}

#[test]
fn buy_and_hold() {
    let bars = walk(1, ROWS);
    let decisions = decide("buy_and_hold", "", &bars);
    let buy = |row| Conditions { buy: row == 0, ..Conditions::default() };
    assert_eq!(decisions, trade(ROWS, false, buy));
}
