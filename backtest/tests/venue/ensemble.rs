//! Several strategies on bars: each does what it would do alone where nothing couples them.

use std::sync::atomic::AtomicBool;

use qt_backtest::config::RunConfig;
use qt_backtest::run::{RunOutcome, run};
use qt_data::series::BarSeries;
use qt_engine::{Ensemble, Strategy};
use qt_risk::{Account, Sizing};
use qt_types::{Cash, E9, InstrumentId};

use crate::cast::{make, plain};
use crate::harness::Case;

fn series() -> Vec<BarSeries> {
    let bars = |seed: i64| -> Vec<[i64; 4]> {
        let mut close = 1_000;
        let bar = |at: i64| {
            let open = close;
            // A walk with trends of both kinds.
            close = (close + (at * at * (seed + 7) + at * 13) % 41 - 20).clamp(500, 1_500);
            [open, open.max(close) + 3, open.min(close) - 3, close]
        };
        (0..400).map(bar).collect()
    };
    Case::new(&bars(1)).and(&bars(4)).series
}

fn config() -> RunConfig {
    RunConfig {
        account: Account::Margin { leverage_e9: 10 * E9 },
        capital: Cash::from_nano(100_000_000_000_000_000),
        sizing: Sizing::Fixed { qty_e9: 5 * E9 },
        ..RunConfig::default()
    }
}

fn outcome(config: &RunConfig, series: &[&BarSeries], strategy: Box<dyn Strategy>) -> RunOutcome {
    run(config, series, strategy, &AtomicBool::new(false), &mut |_, _| {}).unwrap()
}

const CROSS: (&str, &[(&str, &str)]) = ("sma_cross", &[("fast", "3"), ("slow", "8")]);
const REVERSION: (&str, &[(&str, &str)]) =
    ("bollinger_reversion", &[("period", "6"), ("deviations", "1"), ("short", "true")]);

#[test]
fn on_bars_each_does_what_it_does_alone() {
    let series = series();
    let exits = qt_engine::Exits { stop_bps: Some(300), target_bps: Some(500), trail_bps: None };
    for config in [config(), RunConfig { exits, ..config() }] {
        let single = |at: usize, (name, params): (&str, &[(&str, &str)])| {
            outcome(&config, &[&series[at]], make(name, params, 1))
        };
        let alone = [single(0, CROSS), single(1, REVERSION)];
        let all = Ensemble::new()
            .with(make(CROSS.0, CROSS.1, 2), vec![true, false])
            .with(make(REVERSION.0, REVERSION.1, 2), vec![false, true]);
        let both = outcome(&config, &[&series[0], &series[1]], Box::new(all));
        for (at, alone) in alone.iter().enumerate() {
            let id = InstrumentId(at as u16);
            let own = both.fills.iter().filter(|fill| fill.instrument == id);
            let own: Vec<_> = own.map(plain).collect();
            let fills: Vec<_> = alone.fills.iter().map(plain).collect();
            assert!(fills.len() > 10 && own == fills, "{} fills", fills.len());
            let of = &both.strategies[at];
            assert_eq!(
                (of.amounts.unwrap().fees, of.amounts.unwrap().realised),
                (alone.total_fees, alone.realised)
            );
            assert_eq!(of.profit().unwrap(), alone.final_equity - alone.initial_equity);
        }
        let among = Ensemble::new().with(make(CROSS.0, CROSS.1, 1), vec![true]);
        let among = outcome(&config, &[&series[0]], Box::new(among));
        assert_eq!(among.determinism_hash, alone[0].determinism_hash);
        assert_eq!(among.fills, alone[0].fills);
    }
}

#[test]
fn on_bars_several_may_hold_one_instrument_against_each_other() {
    let series = series();
    let config = RunConfig { close_at_end: true, ..config() };
    let all = Ensemble::new()
        .with(make(CROSS.0, CROSS.1, 2), vec![true, true])
        .with(make(REVERSION.0, REVERSION.1, 2), vec![true, true]);
    let both = outcome(&config, &[&series[0], &series[1]], Box::new(all));
    assert!(both.strategies.iter().all(|of| of.fills > 10), "{:?}", both.strategies);
    let profit = both.strategies.iter().fold(Cash::ZERO, |sum, of| sum + of.profit().unwrap());
    assert_eq!(profit, both.final_equity - both.initial_equity);
    assert!(both.positions.iter().all(|qty| qty.is_zero()), "closed at the end");
    let held = both.strategies.iter().flat_map(|of| &of.positions);
    assert!(held.clone().all(|qty| qty.is_zero()), "and by each: {:?}", both.strategies);
}
