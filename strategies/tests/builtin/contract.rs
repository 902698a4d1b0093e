//! What holds for all strategies: parameters, warm-up, several instruments, still markets.

use qt_strategies::ParamKind;
use qt_strategies::prelude::*;
use qt_types::BarFlags;

use crate::desk::{Account, Decision, Desk, decide, make, pairs, rows};
use crate::walk::{bar, flat, walk};

/// Parameters that make every strategy act often.
const LIVELY: &[(&str, &str)] = &[
    ("buy_and_hold", ""),
    ("sma_cross", "fast=2 slow=3"),
    ("ema_cross", "fast=2 slow=3"),
    ("rsi_reversion", "period=3 oversold=45 overbought=55"),
    ("rsi_momentum", "period=3"),
    ("bollinger_reversion", "period=4 deviations=0.5"),
    ("macd", "fast=2 slow=4 signal=3"),
    ("donchian_breakout", "entry=2 exit=1"),
    ("momentum", "lookback=4"),
    ("pairs", "lookback=6 entry_z=1"),
];

/// The strategies on bars; those on books have a test of their own.
fn on_bars() -> Vec<StrategyEntry> {
    Registry::builtin().iter().filter(|entry| entry.hears == Hears::Bars).copied().collect()
}

fn counts(entry: &StrategyEntry) -> Vec<usize> {
    match entry.instruments {
        Instruments::Each => vec![1, 2, 3],
        Instruments::Exactly(count) => vec![count],
    }
}

fn walks(instruments: usize, seed: u64, rows: usize) -> Vec<Vec<Bar>> {
    (0..instruments as u64).map(|index| walk(seed * 10 + index, rows)).collect()
}

#[test]
fn the_list_is_complete_and_described() {
    let registry = Registry::builtin();
    let names: Vec<&str> = on_bars().iter().map(|entry| entry.name).collect();
    assert_eq!(names, LIVELY.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for entry in registry.iter() {
        let words = ["buy", "Buy"];
        assert!(words.iter().any(|word| entry.doc.contains(word)), "{}", entry.name);
        assert!(entry.doc.ends_with('.') && !entry.doc.contains("  "), "{}", entry.doc);
        assert!(!entry.summary.is_empty() && entry.summary.len() <= 90, "{}", entry.summary);
        for (index, spec) in entry.params.iter().enumerate() {
            assert!(!spec.doc.is_empty() && spec.doc.len() <= 60, "{}", spec.doc);
            assert!(entry.params[..index].iter().all(|other| other.name != spec.name));
            assert_eq!(spec.parse(&spec.default().to_string()), Ok(spec.default()));
        }
    }
}

#[test]
fn the_defaults_run_on_any_number_of_instruments() {
    for entry in &on_bars() {
        for instruments in counts(entry) {
            for account in [Account::Cash, Account::Margin] {
                let strategy = make(entry.name, "", instruments);
                let series = walks(instruments, 7, 1_000);
                let desk = Desk::new(strategy, instruments, account).run(&series);
                assert!(desk.denials.is_empty(), "{}: long only by default", entry.name);
                let acted = !desk.decisions.is_empty();
                assert!(acted, "{} on {instruments}: no decision", entry.name);
            }
        }
    }
}

#[test]
fn the_corners_of_every_range_run() {
    for entry in Registry::builtin().iter() {
        let corner = |spec: &ParamSpec, low: bool| match spec.kind {
            ParamKind::Int { min, max, .. } => (if low { min } else { max }).to_string(),
            ParamKind::Float { min, max, .. } => (if low { min } else { max }).to_string(),
            ParamKind::Flag { .. } => low.to_string(),
            ParamKind::Choice { options, .. } => options[0].to_owned(),
        };
        let mut built = 0;
        for corners in 0..1_u32 << entry.params.len() {
            let value = |(index, spec): (usize, &ParamSpec)| {
                (spec.name.to_owned(), corner(spec, corners & (1 << index) == 0))
            };
            let given: Vec<_> = entry.params.iter().enumerate().map(value).collect();
            // A corner that breaks a rule between parameters is refused, and that is all.
            let Ok(params) = entry.resolve(&given) else { continue };
            built += 1;
            let instruments = counts(entry)[0];
            let strategy = entry.make(&params, instruments).expect("the number fits");
            Desk::new(strategy, instruments, Account::Margin).run(&walks(instruments, 3, 300));
        }
        assert!(built > 0, "{}", entry.name);
    }
}

#[test]
fn parameters_are_refused_with_a_reason() {
    let refuse = |name: &str, params: &str| {
        let registry = Registry::builtin();
        let entry = registry.get(name).expect("built in");
        entry.resolve(&pairs(params)).expect_err(params).0
    };
    let cases = [
        ("sma_cross", "fats=5", "did you mean fast?"),
        ("sma_cross", "fast=0", "outside 1..19999"),
        ("sma_cross", "slow=1e3", "not a whole number"),
        ("sma_cross", "fast=50 slow=50", "needs fast < slow, but here fast=50, slow=50"),
        ("sma_cross", "fast=60", "needs fast < slow, but here fast=60, slow=50"),
        ("sma_cross", "short=true", "unknown parameter short"),
        ("ema_cross", "fast=26", "needs fast < slow"),
        ("ema_cross", "short=perhaps", "not true or false"),
        ("macd", "slow=12", "needs fast < slow, but here fast=12, slow=12"),
        ("rsi_reversion", "oversold=70", "needs oversold < overbought"),
        ("rsi_reversion", "oversold=nan", "not a finite number"),
        ("rsi_reversion", "overbought=101", "outside 0..100"),
        ("rsi_momentum", "weak=60", "needs weak <= strong, but here strong=55, weak=60"),
        ("bollinger_reversion", "period=5 deviations=2", "needs deviations < sqrt(period - 1)"),
        ("donchian_breakout", "exit=21", "needs exit <= entry, but here entry=20, exit=21"),
        ("momentum", "threshold_bps=-1", "outside 0..9999"),
        ("pairs", "exit_z=2", "needs exit_z < entry_z"),
        ("pairs", "lookback=5", "needs entry_z < sqrt(lookback - 1)"),
        ("buy_and_hold", "qty=1", "parameters: none"),
    ];
    for (name, params, part) in cases {
        let error = refuse(name, params);
        assert!(error.contains(part), "{name} {params}: {error}");
    }
    let registry = Registry::builtin();
    let entry = registry.get("pairs").expect("built in");
    for instruments in [0, 1, 3] {
        let params = entry.resolve(&[]).expect("the defaults are sound");
        let error = entry.make(&params, instruments).err().expect("two are needed").0;
        assert!(error.contains("exactly 2 instruments"), "{error}");
    }
}

#[test]
fn the_first_decision_comes_right_after_the_warm_up() {
    for (name, params) in LIVELY {
        let registry = Registry::builtin();
        let instruments = counts(registry.get(name).expect("built in"))[0];
        let warmup = make(name, params, instruments).warmup();
        let first = |seed| {
            let series = walks(instruments, seed, 60);
            let desk = Desk::new(make(name, params, instruments), instruments, Account::Cash);
            desk.run(&series).decisions.first().map(|decision| decision.row)
        };
        assert_eq!((1..40).filter_map(first).min(), Some(warmup), "{name} {params}");
    }
}

#[test]
fn nothing_is_traded_on_bars_of_the_warm_up_but_they_count() {
    let before = 50;
    for (name, params) in LIVELY {
        let registry = Registry::builtin();
        let instruments = counts(registry.get(name).expect("built in"))[0];
        let mut first = Vec::new();
        for seed in 1..40 {
            let mut series = walks(instruments, seed, before + 30);
            for bars in &mut series {
                bars[..before].iter_mut().for_each(|bar| bar.flags = BarFlags::WARMUP);
            }
            let desk = Desk::new(make(name, params, instruments), instruments, Account::Cash);
            first.extend(desk.run(&series).decisions.first().map(|decision| decision.row));
        }
        assert_eq!(first.iter().min(), Some(&before), "{name} {params}");
    }
}

#[test]
fn each_instrument_is_traded_as_if_it_were_alone() {
    for (name, params) in LIVELY {
        let registry = Registry::builtin();
        if registry.get(name).expect("built in").instruments != Instruments::Each {
            continue;
        }
        let series = walks(3, 5, 400);
        let desk = Desk::new(make(name, params, 3), 3, Account::Margin).run(&series);
        for (instrument, bars) in (0_u16..).zip(&series) {
            let of_this = desk.decisions.iter().filter(|d| d.instrument == instrument);
            let together: Vec<Decision> =
                of_this.map(|d| Decision { instrument: 0, ..*d }).collect();
            assert_eq!(together, decide(name, params, bars), "{name}, instrument {instrument}");
        }
    }
}

#[test]
fn a_price_that_does_not_move_makes_no_signal() {
    for price in [1, 3, 1_733, 9_007_199_254_740_991] {
        for entry in &on_bars() {
            if entry.instruments != Instruments::Each {
                continue;
            }
            for short in [false, true] {
                let has_flag = entry.params.iter().any(|spec| spec.name == "short");
                let params = if short && has_flag { "short=true" } else { "" };
                let mut bars = flat(300, price);
                bars[299] = bar(299, [price; 4]);
                let decisions = Desk::new(make(entry.name, params, 1), 1, Account::Margin)
                    .run(&[bars])
                    .decisions;
                // An unchanged price has an RSI of 0, which is oversold and weak by definition.
                let entries = match (entry.name, params) {
                    ("buy_and_hold" | "rsi_reversion", _) => vec![Side::Buy],
                    ("rsi_momentum", "short=true") => vec![Side::Sell],
                    _ => vec![],
                };
                let found: Vec<Side> = decisions.iter().map(|decision| decision.side).collect();
                assert_eq!(found, entries, "{} {params} at {price}", entry.name);
            }
        }
    }
}

#[test]
fn a_refused_entry_of_buy_and_hold_is_asked_for_again() {
    for refusals in [0, 3] {
        let mut desk = Desk::new(make("buy_and_hold", "", 1), 1, Account::Cash);
        desk.refusals = refusals;
        for row in 0..9 {
            desk.row(&[Some(bar(row, [100; 4]))]);
            // Each order is answered at the next open, before the decision of that bar.
            assert_eq!(desk.decisions.len(), (row + 1).min(refusals + 1));
            assert_eq!(desk.position(0) != 0, row > refusals);
        }
    }
}

#[test]
fn a_pair_whose_second_leg_is_refused_is_given_up() {
    let mut desk = Desk::new(make("pairs", "lookback=20 short=true", 2), 2, Account::Margin);
    for bars in rows(&walks(2, 5, 300)) {
        // The venue fills every order until the first entry, of which it refuses one leg.
        desk.refusals = usize::from(desk.decisions.len() == 2);
        desk.row(&bars);
        if desk.decisions.len() > 2 {
            break;
        }
    }
    let [first, second, third] = desk.decisions[..] else { panic!("{:?}", desk.decisions) };
    assert!(!first.closes && !second.closes && first.instrument != second.instrument);
    assert!(third.closes && third.row == first.row + 1);
    assert_eq!((third.instrument, third.side), (second.instrument, second.side.opposite()));
}
