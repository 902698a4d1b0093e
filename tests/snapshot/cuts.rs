//! Random cuts, with every built-in strategy and with one that asks for all there is.

use qt_engine::Exits;
use qt_risk::{Odds, Sizing};
use qt_strategies::Registry;
use qt_types::{E9, Lacks};

use crate::twins::{Counts, Twins};
use crate::world::Make;

/// Every built-in strategy, with parameters that make it act within few bars.
const BUILTIN: &[(&str, &str)] = &[
    ("ai_signal_follow", "threshold=0.2 short=true"),
    ("bollinger_reversion", "period=5 deviations=1 short=true"),
    ("buy_and_hold", ""),
    ("donchian_breakout", "entry=4 exit=2 short=true"),
    ("ema_cross", "fast=2 slow=5 short=true"),
    ("execute_algo", "quantity=40 duration_s=40 patience_ms=300"),
    ("grid", "max_position=20 spacing=2 unit=ticks levels=4 quantity=1"),
    ("macd", "fast=2 slow=4 signal=2 short=true"),
    ("market_maker", "quantity=2 max_position=20 sample_ms=100 horizon_s=0.001 k=50"),
    ("momentum", "lookback=3 short=true"),
    ("order_book_imbalance", "hold_ms=2000 short=true entry=0.1 exit=-0.5"),
    ("pairs", "lookback=5 entry_z=0.5 exit_z=0.1 short=true"),
    ("rsi_momentum", "period=3 short=true"),
    ("rsi_reversion", "period=3 oversold=45 overbought=55"),
    ("signal_blend", "enter=0.2 short=true"),
    ("sma_cross", "fast=2 slow=5"),
    ("top_of_book_quoter", "interval_ms=500 settle_ms=100 max_position=20"),
    ("twap_execute", "quantity=60 duration_s=60 orders=40 patience_ms=300"),
];

/// Others of them, with another side of their state.
const MORE: &[(&str, &str)] = &[
    ("execute_algo", "algo=vwap curve=lately learn_s=20 quantity=40 duration_s=60"),
    ("execute_algo", "algo=pov share=0.5 child_max=5 quantity=40 duration_s=60"),
    ("order_book_imbalance", "mode=quote hold_ms=2000 short=true entry=0.1 exit=-0.5"),
    ("market_maker", "k=0 sample_ms=50"),
];

const STEPS: usize = 6_000;
/// Steps between two cuts, on average.
const GAP: i64 = 100;

fn run(make: Make, seed: u64) -> Counts {
    let mut twins = Twins::new(make, seed);
    twins.run(STEPS, GAP);
    twins.counts
}

#[test]
fn every_built_in_strategy_goes_on_from_its_bytes() {
    let all = Registry::builtin();
    let listed = |name: &str| BUILTIN.iter().any(|(known, _)| *known == name);
    let missing: Vec<&str> = all.iter().map(|entry| entry.name).filter(|n| !listed(n)).collect();
    assert!(missing.is_empty(), "no cuts of {missing:?}");
    let (mut cuts, mut seed) = (0, 1);
    for &(name, params) in BUILTIN.iter().chain(MORE) {
        let counts = run(Make::new(name, params), seed);
        seed += 1;
        cuts += counts.cuts;
        eprintln!("{name} {params}: {counts:?}");
        assert!(counts.commands > 0, "{name}: {counts:?}");
    }
    assert!(cuts >= 600, "{cuts}");
}

/// Rules of size that remember, venues that lack things, protective orders of the run.
fn variants() -> Vec<Make> {
    let plain = || Make::new("busy", "");
    let volatility = Sizing::Volatility { target_e9: E9, window: 10, cap_e9: E9 / 20 };
    let odds = Odds::OfTrades { start_e9: E9 / 50 };
    let kelly = Sizing::Kelly { odds, fraction_e9: E9 / 2, cap_e9: E9 / 20 };
    let exits = Exits { stop_bps: Some(50), target_bps: Some(80), trail_bps: None };
    let waits = [Lacks::STOP, Lacks::STOP_LIMIT, Lacks::TRAILING_STOP, Lacks::LIMIT_IF_TOUCHED];
    let works = [Lacks::ICEBERG, Lacks::PEG, Lacks::GTD, Lacks::IOC, Lacks::POST_ONLY];
    let ties = [Lacks::OCO, Lacks::OTO, Lacks::REDUCE_ONLY, Lacks::AMEND];
    vec![
        plain(),
        Make { sizing: volatility, exits, ..plain() },
        Make { sizing: kelly, ..plain() },
        Make { exits, ..plain() }.lacking(&waits),
        plain().lacking(&works),
        plain().lacking(&ties),
        plain().lacking(&waits).lacking(&works).lacking(&ties),
        // So little money that much is denied, and the account is called.
        Make { capital: 1_500, ..plain() },
        // Hardly any room for orders.
        Make { orders_open_max: 6, ..plain() },
    ]
}

#[test]
fn a_strategy_that_asks_for_everything_goes_on_from_its_bytes() {
    let (mut all, mut seed) = (Counts::default(), 100);
    for make in variants() {
        let counts = run(make, seed);
        seed += 1;
        eprintln!("{counts:?}");
        all.cuts += counts.cuts;
        all.commands += counts.commands;
        all.denials += counts.denials;
        all.notices += counts.notices;
    }
    assert!(all.cuts >= 400, "{all:?}");
    assert!(all.commands > 2_000 && all.denials > 200 && all.notices > 200, "{all:?}");
}

/// Several of them on one account, some on the same instruments.
#[test]
fn several_strategies_go_on_from_their_bytes_and_their_books_are_the_account_s() {
    let plain = || Make::new("busy+busy+busy", "");
    let exits = Exits { stop_bps: Some(50), target_bps: Some(80), trail_bps: None };
    let ties = [Lacks::OCO, Lacks::OTO, Lacks::REDUCE_ONLY, Lacks::AMEND];
    let makes = [
        plain(),
        Make { exits, ..plain() },
        plain().lacking(&ties),
        Make { capital: 1_500, ..plain() },
        Make::new("busy+top_of_book_quoter+order_book_imbalance", ""),
        Make { exits, ..Make::new("sma_cross+busy", "") },
    ];
    let (mut all, mut seed) = (Counts::default(), 200);
    for make in makes {
        let counts = run(make, seed);
        seed += 1;
        eprintln!("{counts:?}");
        all.cuts += counts.cuts;
        all.commands += counts.commands;
        all.denials += counts.denials;
        all.notices += counts.notices;
    }
    assert!(all.cuts >= 250, "{all:?}");
    assert!(all.commands > 2_000 && all.denials > 200 && all.notices > 200, "{all:?}");
}
