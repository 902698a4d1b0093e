//! The price of an instrument with the entries and exits of the run.

use qt_data::series::{BarRecord, BarSeries};
use qt_types::{Cash, Nanos, Price, Qty, Side};
use serde_json::{Value, json};

use super::ReportInput;
use super::charts::{Chart, POINTS_MAX, numbers, time_axis};
use super::figures::Figures;
use super::text::{Clock, Sign, count_of, escape, money, significant};
use super::thin::thin;
use crate::recorder::Fill;
use crate::trades::RoundTrip;

/// Bars up to which candles are drawn; more would be too thin to see.
pub const CANDLES_MAX: usize = 1_500;
/// Instruments that get a chart of their own.
pub const INSTRUMENTS_SHOWN_MAX: usize = 6;
/// Trades marked on one chart.
const TRADES_MARKED_MAX: usize = 1_000;

/// A price chart and what is to be said about it.
pub struct PriceChart {
    /// The chart.
    pub chart: Chart,
    /// What it leaves out, in sentences; may be empty.
    pub note: String,
}

/// The chart of instrument `index`.
#[must_use]
pub fn price(input: &ReportInput<'_>, of: &Figures, index: usize) -> Option<PriceChart> {
    let (series, range) = (input.series.get(index)?, of.ranges.get(index)?);
    let bars = &series.bars[range.clone()];
    let view = View { series, bars, clock: of.clock, is_candles: bars.len() <= CANDLES_MAX };
    let mut traces = vec![if view.is_candles { view.candles() } else { view.line() }];
    let mut note = String::new();
    if bars.len() > POINTS_MAX {
        note = format!(
            "{} closes, thinned to {} points with their extremes kept.",
            count_of(bars.len()),
            count_of(traces[0]["x"].as_array().map_or(0, Vec::len)),
        );
    }
    let of_index = |trip: &&RoundTrip| trip.instrument.index() == index;
    let mut trips: Vec<&RoundTrip> = input.outcome.trips.iter().filter(of_index).collect();
    if trips.len() > TRADES_MARKED_MAX {
        note.push_str(&format!(
            " Marked are the {} trades with the largest profits and losses of {}.",
            count_of(TRADES_MARKED_MAX),
            count_of(trips.len()),
        ));
        trips.sort_by_key(|trip| std::cmp::Reverse(trip.profit.abs()));
        trips.truncate(TRADES_MARKED_MAX);
        trips.sort_by_key(|trip| trip.entry_ns);
    }
    traces.extend(view.marks(&trips, open_entry(&input.outcome.fills, index)));
    let mut axis = time_axis(of);
    axis["rangeslider"] = json!({"visible": false});
    let symbol = series.spec.symbol();
    let label = format!("Price of {symbol} over time with the entries and exits of the strategy");
    let spec = json!({
        "traces": traces,
        "layout": {
            "xaxis": axis, "yaxis": {"tickformat": ",~f"}, "hovermode": "closest",
        },
    });
    let chart = Chart { id: format!("price-{index}"), label, height: "tall", spec };
    Some(PriceChart { chart, note: note.trim().to_owned() })
}

/// The fill that opened the position which is still held.
fn open_entry(fills: &[Fill], index: usize) -> Option<&Fill> {
    let mut lots = 0_i64;
    let mut entry = None;
    for fill in fills.iter().filter(|fill| fill.instrument.index() == index) {
        let after = lots + fill.side.sign() * fill.qty.lots();
        if lots.signum() != after.signum() {
            entry = (after != 0).then_some(fill);
        }
        lots = after;
    }
    entry
}

/// The bars of one chart and how they are drawn.
struct View<'a> {
    series: &'a BarSeries,
    bars: &'a [BarRecord],
    clock: Clock,
    is_candles: bool,
}

/// Points of one kind of mark.
#[derive(Default)]
struct Marks {
    x: Vec<i64>,
    y: Vec<Option<f64>>,
    text: Vec<String>,
}

impl Marks {
    fn push(&mut self, x: i64, y: f64, text: String) {
        self.x.push(x);
        self.y.push(significant(y));
        self.text.push(text);
    }

    /// The trace, unless there is nothing to mark.
    fn trace(self, name: &str, shape: &str, color: &str, size: u32) -> Option<Value> {
        if self.x.is_empty() {
            return None;
        }
        Some(json!({
            "type": "scatter", "mode": "markers", "name": name, "x": self.x, "y": self.y,
            "text": self.text, "hovertemplate": "%{text}<extra></extra>",
            "marker": {
                "symbol": shape, "size": size, "color": color,
                "line": {"color": "--surface", "width": 1},
            },
        }))
    }
}

impl View<'_> {
    fn price(&self, ticks: i64) -> f64 {
        self.series.spec.price_f64(Price::from_ticks(ticks))
    }

    fn column(&self, of: impl Fn(&BarRecord) -> i64) -> Value {
        self.bars.iter().map(|bar| significant(self.price(of(bar)))).collect()
    }

    fn candles(&self) -> Value {
        let x: Vec<i64> = self.bars.iter().map(|bar| self.clock.instant_ms(bar.open_ns)).collect();
        json!({
            "type": "candlestick", "name": "Price", "x": x,
            "open": self.column(|bar| bar.open), "high": self.column(|bar| bar.high),
            "low": self.column(|bar| bar.low), "close": self.column(|bar| bar.close),
            "increasing": {"line": {"color": "--rise", "width": 1}, "fillcolor": "--surface"},
            "decreasing": {"line": {"color": "--fall", "width": 1}, "fillcolor": "--fall"},
            "showlegend": false,
        })
    }

    fn line(&self) -> Value {
        let closes: Vec<f64> = self.bars.iter().map(|bar| self.price(bar.close)).collect();
        let picked = thin(&closes, POINTS_MAX);
        let x: Vec<i64> =
            picked.iter().map(|&at| self.clock.close_ms(self.bars[at].close_ns)).collect();
        json!({
            "type": "scatter", "mode": "lines", "name": "Close", "x": x,
            "y": numbers(&closes, &picked), "line": {"color": "--price", "width": 1.2},
            "hovertemplate": "%{y:,}<extra></extra>", "showlegend": false,
        })
    }

    /// Where a fill stands: on its candle, or at its own time on a line.
    fn x_of(&self, row: u32, venue_ns: Nanos) -> i64 {
        let at = self.bars.partition_point(|bar| bar.row < row);
        match self.bars.get(at) {
            Some(bar) if self.is_candles || self.clock.is_daily => {
                self.clock.instant_ms(bar.open_ns)
            }
            _ => venue_ns.get().div_euclid(1_000_000),
        }
    }

    fn marks(&self, trips: &[&RoundTrip], open: Option<&Fill>) -> Vec<Value> {
        let (mut long, mut short) = (Marks::default(), Marks::default());
        let (mut won, mut lost) = (Marks::default(), Marks::default());
        let mut paths = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
        for trip in trips {
            let (entry_x, exit_x) =
                (self.x_of(trip.entry_row, trip.entry_ns), self.x_of(trip.exit_row, trip.exit_ns));
            let (entry, exit) =
                (self.price(trip.entry_price.ticks()), self.price(trip.exit_price.ticks()));
            let is_win = trip.profit > Cash::ZERO;
            let opened = if trip.side == Side::Buy { &mut long } else { &mut short };
            opened.push(entry_x, entry, self.entry_text(trip.side, trip.qty, trip.entry_price));
            let closed = if is_win { &mut won } else { &mut lost };
            closed.push(exit_x, exit, self.exit_text(trip));
            let (x, y) = &mut paths[usize::from(!is_win)];
            x.extend([Some(entry_x), Some(exit_x), None]);
            y.extend([significant(entry), significant(exit), None]);
        }
        if let Some(fill) = open {
            let text =
                format!("{}<br>still open", self.entry_text(fill.side, fill.qty, fill.price));
            let opened = if fill.side == Side::Buy { &mut long } else { &mut short };
            opened.push(self.x_of(fill.row, fill.venue_ns), self.price(fill.price.ticks()), text);
        }
        let [won_paths, lost_paths] = paths;
        let path = |(x, y): (Vec<Option<i64>>, Vec<Option<f64>>), color| {
            json!({
                "type": "scatter", "mode": "lines", "x": x, "y": y, "showlegend": false,
                "line": {"color": color, "width": 1, "dash": "dot"}, "hoverinfo": "skip",
            })
        };
        let mut traces = vec![path(won_paths, "--gain"), path(lost_paths, "--loss")];
        let size = match trips.len() {
            0..=60 => 10,
            61..=250 => 8,
            _ => 6,
        };
        traces.extend(won.trace("Exit with profit", "circle", "--gain", size));
        traces.extend(lost.trace("Exit with loss", "x", "--loss", size));
        traces.extend(long.trace("Entry, long", "triangle-up", "--own", size + 1));
        traces.extend(short.trace("Entry, short", "triangle-down", "--short", size + 1));
        traces
    }

    fn entry_text(&self, side: Side, qty: Qty, price: Price) -> String {
        let spec = &self.series.spec;
        let way = if side == Side::Buy { "Long" } else { "Short" };
        escape(&format!("{way} {} at {}", spec.qty_text(qty), spec.price_text(price)))
    }

    fn exit_text(&self, trip: &RoundTrip) -> String {
        let price = self.series.spec.price_text(trip.exit_price);
        format!("Out at {}<br>{}", escape(&price), money(trip.profit, Sign::Both))
    }
}
