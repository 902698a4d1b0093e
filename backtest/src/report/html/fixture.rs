//! Small runs for the tests of the report.

use std::sync::atomic::AtomicBool;

use qt_data::calendar::Calendar;
use qt_data::series::{BarRecord, BarSeries, DataKind, Source, Stamps};
use qt_engine::{Context, Strategy};
use qt_types::{Bar, BarFlags, E9, InstrumentKind, InstrumentSpec, Side};

use super::{ReportInput, render};
use crate::config::RunConfig;
use crate::report::result::{ResultDocument, ResultHead};
use crate::run::{RunOutcome, run};

/// The first bar opens on 1 January 2020.
pub const START_NS: i64 = 1_577_836_800_000_000_000;
/// Nanoseconds of a day.
pub const DAY_NS: i64 = 86_400_000_000_000;

/// A series of bars of a given length, each opening where the last one closed. Prices in cents.
pub fn series(symbol: &str, length_ns: i64, first_open: i64, closes: &[i64]) -> BarSeries {
    let mut open = first_open;
    let bar = |(at, &close): (usize, &i64)| {
        let open_ns = START_NS + at as i64 * length_ns;
        let bar = BarRecord {
            open_ns,
            close_ns: open_ns + length_ns,
            open,
            high: open.max(close) + 5,
            low: open.min(close) - 5,
            close,
            volume: 1_000_000,
            flags: BarFlags::NONE,
            row: u32::try_from(at).unwrap(),
        };
        open = close;
        bar
    };
    BarSeries {
        spec: InstrumentSpec::new(symbol, "USD", InstrumentKind::Spot, E9 / 100, E9 / 1_000, E9)
            .unwrap(),
        kind: DataKind::Bars,
        bars: closes.iter().enumerate().map(bar).collect(),
        half_spreads: Vec::new(),
        stamps: Stamps::Iso,
        interval_ns: if closes.len() > 1 { length_ns } else { 0 },
        calendar: Calendar::Always,
        source: Source {
            path: "data/<b>x</b>.csv".to_owned(),
            sha256: "0123456789abcdef".repeat(4),
            format: "csv".to_owned(),
        },
        quality: None,
        notes: Vec::new(),
    }
}

/// Closes that go up and down around a slow rise.
pub fn waves(count: usize) -> Vec<i64> {
    (0..count as i64).map(|at| 10_000 + at % 97 * 9 - at % 41 * 13 + at / 50).collect()
}

/// Buys and sells in turn, every so many bars; the first position is long.
pub struct Turns {
    every: usize,
    seen: usize,
    can_short: bool,
    is_short_next: bool,
}

impl Turns {
    pub const fn new(every: usize, can_short: bool) -> Self {
        Self { every, seen: 0, can_short, is_short_next: false }
    }
}

impl Strategy for Turns {
    fn on_bar(&mut self, _bar: &Bar, ctx: &mut Context<'_>) {
        self.seen += 1;
        if !self.seen.is_multiple_of(self.every) {
            return;
        }
        let instrument = ctx.instrument();
        if !ctx.is_flat(instrument) {
            ctx.close(instrument);
            return;
        }
        let side = if self.is_short_next { Side::Sell } else { Side::Buy };
        self.is_short_next = self.can_short && !self.is_short_next;
        ctx.enter(instrument, side);
    }
}

/// A strategy that does nothing.
pub struct Idle;

impl Strategy for Idle {}

/// A finished run with all that a report needs.
pub struct Finished {
    pub series: Vec<BarSeries>,
    pub config: RunConfig,
    pub outcome: RunOutcome,
    pub document: ResultDocument,
}

impl Finished {
    pub fn new(series: Vec<BarSeries>, config: RunConfig, strategy: Box<dyn Strategy>) -> Self {
        let references: Vec<&BarSeries> = series.iter().collect();
        let outcome =
            run(&config, &references, strategy, &AtomicBool::new(false), &mut |_, _| {}).unwrap();
        let head = ResultHead {
            strategy: "turns".to_owned(),
            capital: config.capital.to_string(),
            ..ResultHead::default()
        };
        let document = ResultDocument::new(head, &outcome, &references);
        Self { series, config, outcome, document }
    }

    /// Calls `visit` with the input of the report.
    pub fn with<T>(&self, visit: impl FnOnce(&ReportInput<'_>) -> T) -> T {
        let references: Vec<&BarSeries> = self.series.iter().collect();
        visit(&ReportInput {
            outcome: &self.outcome,
            series: &references,
            document: &self.document,
            config: &self.config,
            command: "quanttrade backtest --data 'a & b.csv'",
            version: "0.1.0",
            generated_note: "",
        })
    }

    /// The page.
    pub fn page(&self) -> String {
        self.with(render)
    }
}
