//! The result document of a run: the JSON that scripts read (`docs/CLI.md`).

use std::collections::BTreeMap;

use qt_data::series::{BarSeries, Stamps};
use qt_data::stamp::iso_text;
use qt_types::{InstrumentSpec, Nanos};
use serde::Serialize;
use serde_json::Value;

use crate::curve::EquityCurve;
use crate::metrics::Metrics;
use crate::recorder::Fill;
use crate::report::bands::BandsEntry;
use crate::report::currency::{self, CurrenciesEntry, SettlementEntry};
use crate::report::execution::{ExecutionEntry, liquidity_text};
use crate::report::risk::RiskDocument;
use crate::report::signals::SignalsEntry;
use crate::report::strategies::{self, StrategyEntry, StrategyHead};
use crate::run::RunOutcome;
use crate::simulator::Ended;
use crate::trades::RoundTrip;

/// How many points an equity curve has unless all are asked for.
pub const CURVE_POINTS_MAX: usize = 2_000;

/// What the document says beside the outcome.
#[derive(Clone, Debug, Default)]
pub struct ResultHead {
    /// The run's id in the run ledger.
    pub run_id: String,
    /// The strategy's name.
    pub strategy: String,
    /// Its parameters.
    pub params: BTreeMap<String, Value>,
    /// Each of several strategies.
    pub strategies: Vec<StrategyHead>,
    /// The capital, as decimal text.
    pub capital: String,
    /// Whether the whole equity curve is wanted.
    pub full_curve: bool,
    /// What the user should know before believing the result.
    pub warnings: Vec<String>,
    /// The files of each instrument, where it has several.
    pub files: Vec<Vec<FileEntry>>,
    /// The same run with other fills, where it was asked for.
    pub bands: Option<BandsEntry>,
}

/// The result of a run. Ratios and counts are JSON numbers; money, prices and quantities are
/// decimal text.
#[derive(Clone, Debug, Serialize)]
pub struct ResultDocument {
    /// The name and version of this form.
    pub schema: &'static str,
    /// The run's id in the run ledger.
    pub run_id: String,
    /// The strategy's name.
    pub strategy: String,
    /// Its parameters.
    pub params: BTreeMap<String, Value>,
    /// What each of several strategies brought.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strategies: Vec<StrategyEntry>,
    /// The instruments.
    pub symbols: Vec<String>,
    /// The data, one entry per instrument.
    pub data: Vec<DataEntry>,
    /// The capital at the start.
    pub initial_capital: String,
    /// The equity at the end.
    pub final_equity: String,
    /// All fees.
    pub total_fees: String,
    /// What was paid for being short.
    pub borrow_paid: String,
    /// What was paid as funding, less what was received.
    pub funding_paid: String,
    /// How often positions were closed by the venue because their margin was used up.
    pub liquidations: u64,
    /// The figures.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// How many closes a year has.
    pub periods_per_year: f64,
    /// The currencies of the account, where it has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currencies: Option<CurrenciesEntry>,
    /// What is held beyond whole lots, by symbol.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dust: BTreeMap<String, String>,
    /// Positions that were settled because their instrument had expired.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settlements: Vec<SettlementEntry>,
    /// How many fills there were.
    pub fills: usize,
    /// What is still held: a quantity, or a map by symbol when there are several.
    pub open_position: Value,
    /// Fills larger than their bar's volume.
    pub fills_over_volume: u64,
    /// How often what was denied, by code.
    pub denials: BTreeMap<&'static str, u64>,
    /// The risk gate: its limits, and what each control said.
    pub risk: RiskDocument,
    /// Bars in which both a stop and a target could have been hit.
    pub ambiguous_bars: u64,
    /// The final equity, had the target been hit first in each of them.
    pub final_equity_optimistic: String,
    /// Whether the run ended before its data did: `bankrupt` or `interrupted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<&'static str>,
    /// How the orders were executed.
    pub execution: ExecutionEntry,
    /// The same run with kinder and with harsher fills.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bands: Option<BandsEntry>,
    /// Which signals the run heard, and how good their sources were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signals: Option<SignalsEntry>,
    /// Events through the sequencer per second.
    pub events_per_second: f64,
    /// Time of the loop in seconds.
    pub wall_seconds: f64,
    /// The hash over everything that went in and came out, in hex.
    pub determinism_hash: String,
    /// All fills in order.
    pub fills_list: Vec<FillEntry>,
    /// All closed round trips in order.
    pub trades_list: Vec<TradeEntry>,
    /// Time and equity; at most [`CURVE_POINTS_MAX`] points unless all were asked for.
    pub equity_curve: Vec<(String, String)>,
    /// What the user should know before believing the result.
    pub warnings: Vec<String>,
}

/// One of several files of an instrument.
#[derive(Clone, Debug, Serialize)]
pub struct FileEntry {
    /// The path as it was given.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// One instrument's data.
#[derive(Clone, Debug, Serialize)]
pub struct DataEntry {
    /// The path or catalog id as it was given.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// All of its files, where it has several; the first one is that of `path`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileEntry>,
    /// Bars traded; on ticks the samples of the equity.
    pub bars: usize,
    /// Rows that became events, warm-up included: bars, or records of ticks.
    pub events: u64,
    /// The opening time of the first bar traded.
    pub from: String,
    /// The closing time of the last one.
    pub to: String,
    /// The quality score; null when the check was skipped.
    pub score: Option<f64>,
}

/// One fill.
#[derive(Clone, Debug, Serialize)]
pub struct FillEntry {
    /// Whose it was, where the run has several strategies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// The instrument.
    pub symbol: String,
    /// When it happened.
    pub time: String,
    /// The time stamp of its bar, as the file writes it.
    pub bar: String,
    /// `buy` or `sell`.
    pub side: &'static str,
    /// The order's type.
    pub order: &'static str,
    /// The price.
    pub price: String,
    /// The quantity.
    pub qty: String,
    /// The fee, or what it was worth, in the instrument's currency.
    pub fee: String,
    /// The fee as it was taken.
    pub fee_amount: String,
    /// What it was taken in.
    pub fee_currency: String,
    /// `maker` or `taker`.
    pub liquidity: &'static str,
    /// The order's number.
    pub order_id: u64,
}

/// One round trip.
#[derive(Clone, Debug, Serialize)]
pub struct TradeEntry {
    /// The instrument.
    pub symbol: String,
    /// `long` or `short`.
    pub side: &'static str,
    /// When it was opened.
    pub entry_time: String,
    /// When it was closed.
    pub exit_time: String,
    /// The price of the first fill.
    pub entry_price: String,
    /// The price of the last fill.
    pub exit_price: String,
    /// The largest position.
    pub qty: String,
    /// What it brought after all fees.
    pub profit: String,
    /// That over the notional of its opening fills; null without one.
    pub return_ratio: Option<f64>,
    /// All fees.
    pub fees: String,
    /// Bars from the first to the last fill.
    pub bars: u32,
    /// The worst price against it while it was open, over the entry price (at most zero).
    pub mae: Option<f64>,
    /// The best price for it while it was open, over the entry price (at least zero).
    pub mfe: Option<f64>,
}

impl ResultDocument {
    /// The document of `outcome` over `series`.
    #[must_use]
    pub fn new(head: ResultHead, outcome: &RunOutcome, series: &[&BarSeries]) -> Self {
        let optimistic = outcome.final_equity + outcome.counts.ambiguous_gain;
        let seconds = outcome.wall_seconds.max(1e-9);
        let limit = if head.full_curve { usize::MAX } else { CURVE_POINTS_MAX };
        Self {
            schema: "quanttrade.backtest/1",
            run_id: head.run_id,
            strategies: strategies::strategies(&head.strategies, outcome),
            fills_list: outcome
                .fills
                .iter()
                .filter_map(|fill| fill_entry(fill, outcome, series, &head.strategies))
                .collect(),
            strategy: head.strategy,
            params: head.params,
            symbols: outcome.specs.iter().map(|spec| spec.symbol().to_owned()).collect(),
            data: series
                .iter()
                .zip(&outcome.ranges)
                .enumerate()
                .map(|(at, (s, r))| DataEntry {
                    files: head.files.get(at).cloned().unwrap_or_default(),
                    events: outcome.events_of(at),
                    ..data_entry(s, *r)
                })
                .collect(),
            initial_capital: head.capital,
            final_equity: outcome.final_equity.to_string(),
            total_fees: outcome.total_fees.to_string(),
            borrow_paid: outcome.borrow_paid.to_string(),
            funding_paid: outcome.funding_paid.to_string(),
            liquidations: outcome.counts.liquidations,
            metrics: outcome.metrics.clone(),
            periods_per_year: outcome.periods_per_year,
            currencies: currency::currencies(outcome),
            dust: currency::dust(outcome),
            settlements: currency::settlements(outcome),
            fills: outcome.fills.len(),
            open_position: open_position(outcome),
            fills_over_volume: outcome.counts.fills_over_volume,
            denials: outcome.denials.clone(),
            risk: RiskDocument::new(&outcome.risk),
            ambiguous_bars: outcome.counts.ambiguous_bars,
            final_equity_optimistic: optimistic.to_string(),
            ended_early: match outcome.ended {
                Ended::Data => None,
                Ended::Bankrupt => Some("bankrupt"),
                Ended::Interrupted => Some("interrupted"),
            },
            execution: ExecutionEntry::of(outcome),
            bands: head.bands,
            signals: outcome.signals.as_ref().map(SignalsEntry::of),
            events_per_second: outcome.events as f64 / seconds,
            wall_seconds: outcome.wall_seconds,
            determinism_hash: format!("{:016x}", outcome.determinism_hash),
            trades_list: outcome
                .trips
                .iter()
                .filter_map(|trip| trade_entry(trip, &outcome.specs, series))
                .collect(),
            equity_curve: thin(&outcome.curve, limit),
            warnings: head.warnings,
        }
    }
}

fn data_entry(series: &BarSeries, range: crate::run::BarRange) -> DataEntry {
    let bars = &series.bars[range.start..range.end];
    DataEntry {
        path: series.source.path.clone(),
        sha256: series.source.sha256.clone(),
        files: Vec::new(),
        bars: bars.len(),
        events: 0,
        from: bars.first().map_or_else(String::new, |bar| iso_text(bar.open_ns)),
        to: bars.last().map_or_else(String::new, |bar| iso_text(bar.close_ns)),
        score: series.quality.as_ref().map(|quality| quality.score),
    }
}

fn open_position(outcome: &RunOutcome) -> Value {
    let text = |index: usize| outcome.specs[index].qty_text(outcome.positions[index]);
    if outcome.specs.len() == 1 {
        return Value::String(text(0));
    }
    let by_symbol = outcome.specs.iter().enumerate();
    by_symbol.map(|(at, spec)| (spec.symbol().to_owned(), Value::String(text(at)))).collect()
}

/// The time stamp of source row `row` as the file writes it.
#[must_use]
pub fn stamp_of(series: &BarSeries, row: u32) -> String {
    let row = row as usize;
    if let Stamps::Text { bytes, ends } = &series.stamps
        && let Some(&end) = ends.get(row)
    {
        let start = row.checked_sub(1).map_or(0, |before| ends[before]);
        return String::from_utf8_lossy(&bytes[start as usize..end as usize]).into_owned();
    }
    // Where no row was left out, the bar is at its row; else it is searched.
    let bars = &series.bars;
    let bar = bars.get(row).filter(|bar| bar.row as usize == row).or_else(|| {
        let at = bars.partition_point(|bar| (bar.row as usize) < row);
        bars.get(at)
    });
    bar.map_or_else(String::new, |bar| iso_text(bar.open_ns))
}

fn fill_entry(
    fill: &Fill,
    outcome: &RunOutcome,
    series: &[&BarSeries],
    heads: &[StrategyHead],
) -> Option<FillEntry> {
    let spec = outcome.specs.get(fill.instrument.index())?;
    // The venue's own has no order and is nobody's.
    let head = fill.strategy.and_then(|strategy| heads.get(strategy.index()));
    Some(FillEntry {
        strategy: head.map(|head| head.name.clone()),
        symbol: spec.symbol().to_owned(),
        time: iso_text(fill.venue_ns.get()),
        bar: stamp_of(series.get(fill.instrument.index())?, fill.row),
        side: fill.side.text(),
        order: if fill.order.is_none() { "liquidation" } else { fill.kind.text() },
        price: spec.price_text(fill.price),
        qty: spec.qty_text(fill.qty),
        fee: fill.fee.to_string(),
        fee_amount: fill.fee_amount.to_string(),
        fee_currency: currency::fee_currency(fill.fee_in, spec, outcome),
        liquidity: liquidity_text(fill.liquidity),
        order_id: fill.order.get(),
    })
}

fn trade_entry(
    trip: &RoundTrip,
    specs: &[InstrumentSpec],
    series: &[&BarSeries],
) -> Option<TradeEntry> {
    let index = trip.instrument.index();
    let spec = specs.get(index)?;
    let (mae, mfe) = excursions(trip, series.get(index)?);
    let cost = trip.cost.to_f64();
    Some(TradeEntry {
        symbol: spec.symbol().to_owned(),
        side: if trip.side == qt_types::Side::Buy { "long" } else { "short" },
        entry_time: iso_text(trip.entry_ns.get()),
        exit_time: iso_text(trip.exit_ns.get()),
        entry_price: spec.price_text(trip.entry_price),
        exit_price: spec.price_text(trip.exit_price),
        qty: spec.qty_text(trip.qty),
        profit: trip.profit.to_string(),
        return_ratio: (cost != 0.0).then(|| trip.profit.to_f64() / cost),
        fees: trip.fees.to_string(),
        bars: bars_between(trip, series.get(index)?),
        mae,
        mfe,
    })
}

/// Bars from the one of the first fill to that of the last.
fn bars_between(trip: &RoundTrip, series: &BarSeries) -> u32 {
    let place = |row: u32| series.bars.partition_point(|bar| bar.row <= row);
    u32::try_from(place(trip.exit_row).saturating_sub(place(trip.entry_row))).unwrap_or(u32::MAX)
}

/// How far the market went against the trade and for it, by the extremes of the bars from its
/// first to its last fill and the prices of both, over the entry price.
fn excursions(trip: &RoundTrip, series: &BarSeries) -> (Option<f64>, Option<f64>) {
    let entry = trip.entry_price.ticks();
    if entry <= 0 {
        return (None, None);
    }
    let from = series.bars.partition_point(|bar| bar.row < trip.entry_row);
    let to = series.bars.partition_point(|bar| bar.row < trip.exit_row);
    let mut lowest = entry.min(trip.exit_price.ticks());
    let mut highest = entry.max(trip.exit_price.ticks());
    // The bar of the exit counts only by the exit's price: the rest of it may have come after.
    for bar in &series.bars[from..to.max(from)] {
        lowest = lowest.min(bar.low);
        highest = highest.max(bar.high);
    }
    let over = |ticks: i64| (ticks - entry) as f64 / entry as f64 * trip.side.sign() as f64;
    let (a, b) = (over(lowest), over(highest));
    (Some(a.min(b).min(0.0)), Some(a.max(b).max(0.0)))
}

/// At most `points_max` samples of the curve: the first, the last, and the lowest and highest of
/// as many equal stretches as fit.
fn thin(curve: &EquityCurve, points_max: usize) -> Vec<(String, String)> {
    let text =
        |(time_ns, equity): (Nanos, qt_types::Cash)| (iso_text(time_ns.get()), equity.to_string());
    thinned(curve, points_max).into_iter().filter_map(|at| curve.get(at)).map(text).collect()
}

/// The indexes that [`CURVE_POINTS_MAX`] samples of a curve are drawn from, ascending.
#[must_use]
pub fn thinned(curve: &EquityCurve, points_max: usize) -> Vec<usize> {
    let count = curve.len();
    if count <= points_max {
        return (0..count).collect();
    }
    let stretches = (points_max.max(4) - 2) / 2;
    let mut picked = vec![0];
    for stretch in 0..stretches {
        let from = 1 + stretch * (count - 2) / stretches;
        let to = 1 + (stretch + 1) * (count - 2) / stretches;
        let at = |index: usize| curve.get(index).map(|(_, equity)| equity);
        let lowest = (from..to).min_by_key(|&index| at(index));
        let highest = (from..to).max_by_key(|&index| at(index));
        if let (Some(a), Some(b)) = (lowest, highest) {
            picked.push(a.min(b));
            if a != b {
                picked.push(a.max(b));
            }
        }
    }
    picked.push(count - 1);
    picked
}
