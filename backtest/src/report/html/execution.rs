//! How the orders were executed: latencies, fills, queues, costs, and what the market did after
//! the fills.

use serde_json::{Value, json};

use super::ReportInput;
use super::cards::currency;
use super::charts::Chart;
use super::table::{Cell, Table, Tone, facts, figures, words};
use super::text::{
    Sign, UNDEFINED, count, decimal_money, escape, number, percent, plural, significant,
};
use crate::execution::NS_STEPS;
use crate::report::execution::{
    ExecutionEntry, InstrumentEntry, MarkoutEntry, REALISED_STEP, SpreadEntry, TimesEntry, measure,
};

/// Instruments whose figures are shown: those with most fills.
const INSTRUMENTS_SHOWN_MAX: usize = 3;

/// What a column or a line of the markouts is about: liquidity, side (none: both).
const GROUPS: [(&str, Option<&str>); 6] = [
    ("maker", None),
    ("maker", Some("buy")),
    ("maker", Some("sell")),
    ("taker", None),
    ("taker", Some("buy")),
    ("taker", Some("sell")),
];

/// A length of time in ns, short.
#[must_use]
pub fn time(ns: u64) -> String {
    let (value, unit) = match ns {
        0..=999 => (ns as f64, "ns"),
        1_000..=999_999 => (ns as f64 / 1e3, "\u{b5}s"),
        1_000_000..=999_999_999 => (ns as f64 / 1e6, "ms"),
        1_000_000_000..=119_999_999_999 => (ns as f64 / 1e9, "s"),
        120_000_000_000..=7_199_999_999_999 => (ns as f64 / 6e10, "min"),
        7_200_000_000_000..=172_799_999_999_999 => (ns as f64 / 3.6e12, "h"),
        _ => (ns as f64 / 8.64e13, "d"),
    };
    let decimals = if value >= 100.0 || value.fract() == 0.0 { 0 } else { 1 };
    format!("{} {unit}", number(value, decimals, Sign::Minus))
}

/// When a markout is taken.
fn step_text(after: i64, unit: &str) -> String {
    match (unit, after) {
        ("bars", 1) => "1 bar".to_owned(),
        ("bars", bars) => format!("{bars} bars"),
        (_, 0) => "at the fill".to_owned(),
        (_, ns) => time(ns.unsigned_abs()),
    }
}

fn pair(name: &str, value: impl Into<String>) -> (String, Cell) {
    (name.to_owned(), Cell::new(value))
}

/// Everything but the charts.
#[must_use]
pub fn summary(input: &ReportInput<'_>) -> String {
    let entry = &input.document.execution;
    let mut html = facts(&overview(entry, currency(input)));
    html.push_str("<h3>Lengths of time</h3>\n");
    html.push_str(&times(entry));
    html.push_str("<h3>By type</h3>\n");
    html.push_str(&types(entry));
    html
}

fn overview(entry: &ExecutionEntry, currency: &str) -> Vec<(String, Cell)> {
    let (orders, fees, slippage) = (&entry.orders, &entry.fees, &entry.slippage);
    let paid = |text: &str| format!("{} {currency}", decimal_money(text, Sign::Minus));
    let mean = match (slippage.mean_bps, slippage.error_bps) {
        (Some(mean), Some(error)) => {
            format!("{} \u{b1} {} bps", number(mean, 2, Sign::Both), number(error, 2, Sign::Minus))
        }
        (Some(mean), None) => format!("{} bps", number(mean, 2, Sign::Both)),
        _ => UNDEFINED.to_owned(),
    };
    let mut pairs = vec![
        pair("Orders sent", count(orders.sent)),
        pair("Taken in by the venue", count(orders.accepted)),
        pair("Orders with a fill", count(orders.filled)),
        pair("Of those taken in", percent(orders.fill_ratio, Sign::Minus)),
        pair(
            "Fees as maker",
            format!("{}, {}", paid(&fees.maker), plural(fees.maker_fills, "fill")),
        ),
        pair(
            "Fees as taker",
            format!("{}, {}", paid(&fees.taker), plural(fees.taker_fills, "fill")),
        ),
        pair("Rebates", paid(&fees.rebates)),
        pair("Slippage against the decision", mean),
        pair("What it cost in all", paid(&slippage.cost)),
    ];
    let endings = entry.orders.endings.iter();
    let endings: Vec<String> = endings.map(|(end, n)| format!("{} {}", count(*n), end)).collect();
    pairs.push(pair("How they ended", endings.join(", ")));
    pairs
}

fn times(entry: &ExecutionEntry) -> String {
    let row = |name: &str, times: &TimesEntry| {
        let of = [times.p50_ns, times.p90_ns, times.p99_ns, times.max_ns];
        let text = |ns: Option<u64>| ns.map_or_else(|| UNDEFINED.to_owned(), time);
        let mut cells = vec![Cell::new(name), Cell::new(count(times.n))];
        cells.extend(of.map(|ns| Cell::new(text(ns))));
        cells
    };
    Table {
        label: "Lengths of time of orders".to_owned(),
        columns: vec![
            words("From"),
            figures("Orders"),
            figures("Half within"),
            figures("90 %"),
            figures("99 %"),
            figures("Longest"),
        ],
        rows: vec![
            row("the decision to the venue", &entry.to_venue),
            row("the decision to the venue's answer", &entry.to_acknowledgement),
            row("the arrival to the first fill", &entry.time_to_fill),
        ],
        is_long: false,
    }
    .html()
}

fn types(entry: &ExecutionEntry) -> String {
    let row = |(kind, [sent, filled, whole]): (&&'static str, &[u64; 3])| {
        let share = (*sent > 0).then(|| *filled as f64 / *sent as f64);
        vec![
            Cell::new(kind.replace('_', " ")),
            Cell::new(count(*sent)),
            Cell::new(count(*filled)),
            Cell::new(count(*whole)),
            Cell::new(percent(share, Sign::Minus)),
        ]
    };
    Table {
        label: "Orders by type".to_owned(),
        columns: vec![
            words("Type"),
            figures("Sent"),
            figures("With a fill"),
            figures("Filled whole"),
            figures("Share with a fill"),
        ],
        rows: entry.orders.by_type.iter().map(row).collect(),
        is_long: false,
    }
    .html()
}

/// The instruments that are shown, and their places in the run.
#[must_use]
pub fn shown(entry: &ExecutionEntry) -> Vec<(usize, &InstrumentEntry)> {
    let fills = |of: &InstrumentEntry| of.fills_by.values().sum::<u64>();
    let mut list: Vec<(usize, &InstrumentEntry)> =
        entry.instruments.iter().enumerate().filter(|(_, of)| fills(of) > 0).collect();
    list.sort_by_key(|(_, of)| std::cmp::Reverse(fills(of)));
    list.truncate(INSTRUMENTS_SHOWN_MAX);
    list
}

/// Quantities, queues and spreads of one instrument.
#[must_use]
pub fn instrument(of: &InstrumentEntry, currency: &str) -> String {
    let fills: Vec<String> =
        of.fills_by.iter().map(|(path, n)| format!("{} {}", count(*n), path_text(path))).collect();
    let bps = of.slippage_bps.map_or(UNDEFINED.to_owned(), |v| number(v, 2, Sign::Both));
    let cost = decimal_money(&of.slippage_cost, Sign::Minus);
    let mut pairs = vec![
        pair("Quantity filled", format!("{} of {}", of.filled, of.asked)),
        pair("Share of the quantity", percent(of.fill_ratio, Sign::Minus)),
        pair("Fills", fills.join(", ")),
        pair("Slippage by value", format!("{bps} bps, {cost} {currency}")),
    ];
    if let Some(queue) = &of.queue {
        let qty = |value: Option<f64>| value.map_or(UNDEFINED.to_owned(), quantity);
        pairs.extend([
            pair("Orders that joined a queue", count(queue.orders + queue.unknown)),
            pair("Ahead of them: half at most", qty(queue.p50)),
            pair("Ahead: 90 % at most, most", format!("{}, {}", qty(queue.p90), qty(queue.max))),
            pair("With nothing ahead", percent(queue.at_front, Sign::Minus)),
        ]);
    }
    let mut html = facts(&pairs);
    if !of.spreads.is_empty() {
        html.push_str(&spreads(&of.spreads));
    }
    html
}

fn quantity(value: f64) -> String {
    let text = number(value, 6, Sign::Minus);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn path_text(path: &str) -> &'static str {
    match path {
        "took" => "took",
        "queue" => "from the queue",
        "trade_through" => "traded through",
        "opposite_best" => "reached by the other side",
        _ => "by bars or trades",
    }
}

fn spreads(entries: &[SpreadEntry]) -> String {
    let value =
        |value: Option<f64>| value.map_or(UNDEFINED.to_owned(), |v| number(v, 2, Sign::Both));
    let row = |entry: &SpreadEntry| {
        let name = if entry.liquidity == "maker" { "earned as maker" } else { "paid as taker" };
        vec![
            Cell::new(name),
            Cell::new(count(entry.n)),
            Cell::new(value(entry.effective_ticks)),
            Cell::new(value(entry.effective_bps)),
            Cell::new(value(entry.realised_ticks)),
            Cell::new(value(entry.realised_bps)),
        ]
    };
    let later = time(NS_STEPS[REALISED_STEP].unsigned_abs());
    let note = format!(
        "Effective: twice the distance from the middle just before the fill. Realised: twice that \
         from the middle {later} later; the difference is what the market moved by then."
    );
    let table = Table {
        label: "Effective and realised spreads".to_owned(),
        columns: vec![
            words("Spread"),
            figures("Fills"),
            figures("Effective, ticks"),
            figures("bps"),
            figures("Realised, ticks"),
            figures("bps"),
        ],
        rows: entries.iter().map(row).collect(),
        is_long: false,
    };
    format!("<h3>Spreads</h3>\n<p class=\"note\">{}</p>\n{}", escape(&note), table.html())
}

/// One step of one group: fills, mean and error in ticks or basis points, money.
struct Point {
    n: u64,
    mean: f64,
    error: Option<f64>,
    money: f64,
}

/// Of the entries of a group at one step. Both sides: weighted by their fills; the error as of
/// two independent means.
fn point(
    entries: &[MarkoutEntry],
    group: (&str, Option<&str>),
    after: i64,
    unit: &str,
) -> Option<Point> {
    let own = entries.iter().filter(|entry| {
        entry.liquidity == group.0
            && group.1.is_none_or(|s| s == entry.side)
            && entry.after == after
    });
    let (mut n, mut sum, mut errors, mut money) = (0, 0.0, Some(0.0), 0.0);
    for entry in own {
        let weight = entry.n as f64;
        let (mean, error) = entry.shown(unit);
        n += entry.n;
        sum += mean? * weight;
        errors = errors.zip(error).map(|(all, e)| all + (e * weight).powi(2));
        money += entry.money.parse().map_or(0.0, |cash: qt_types::Cash| cash.to_f64());
    }
    let all = n as f64;
    (n > 0).then(|| Point { n, mean: sum / all, error: errors.map(|e: f64| e.sqrt() / all), money })
}

fn steps(entries: &[MarkoutEntry]) -> Vec<i64> {
    let mut steps: Vec<i64> = entries.iter().map(|entry| entry.after).collect();
    steps.sort_unstable();
    steps.dedup();
    steps
}

/// The curves of one instrument; `None` without any.
#[must_use]
pub fn markout_chart(of: &InstrumentEntry, index: usize, unit: &str) -> Option<Chart> {
    let steps = steps(&of.markouts);
    let x: Vec<String> = steps.iter().map(|&after| step_text(after, unit)).collect();
    let mut traces = Vec::new();
    for group in GROUPS {
        let points: Vec<Option<Point>> =
            steps.iter().map(|&after| point(&of.markouts, group, after, unit)).collect();
        if points.iter().all(Option::is_none) {
            continue;
        }
        traces.push(trace(group, &x, &points, measure(unit)));
    }
    if traces.is_empty() {
        return None;
    }
    let zero = json!({
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0,
        "line": {"color": "--muted", "width": 1, "dash": "dot"},
    });
    let spec = json!({
        "traces": traces,
        "layout": {
            "xaxis": {"type": "category"},
            "yaxis": {"tickformat": ",.2~f", "title": {"text": measure(unit)}},
            "hovermode": "x unified", "shapes": [zero],
        },
    });
    let label = format!("Markouts of the fills in {} by the time after them", of.symbol);
    Some(Chart { id: format!("markout-{index}"), label, height: "middle", spec })
}

fn group_text((liquidity, side): (&str, Option<&str>)) -> String {
    let name = if liquidity == "maker" { "Maker" } else { "Taker" };
    match side {
        Some("buy") => format!("{name}, buys"),
        Some(_) => format!("{name}, sells"),
        None => name.to_owned(),
    }
}

fn trace(
    group: (&str, Option<&str>),
    x: &[String],
    points: &[Option<Point>],
    measure: &str,
) -> Value {
    let color = if group.0 == "maker" { "--own" } else { "--short" };
    let of = |part: fn(&Point) -> Option<f64>| -> Vec<Option<f64>> {
        points.iter().map(|p| p.as_ref().and_then(part).and_then(significant)).collect()
    };
    let y = of(|point| Some(point.mean));
    let text: Vec<String> =
        points.iter().map(|p| p.as_ref().map_or(String::new(), |p| hover(p, measure))).collect();
    let mut trace = json!({
        "type": "scatter", "mode": "lines+markers", "name": group_text(group), "x": x, "y": y,
        "text": text, "hovertemplate": "%{text}",
        "line": {"color": color, "width": if group.1.is_none() { 2.2 } else { 1.0 }},
        "marker": {"size": if group.1.is_none() { 7 } else { 4 }},
    });
    match group.1 {
        None => {
            trace["error_y"] = json!({
                "type": "data", "array": of(|point| point.error), "visible": true,
                "thickness": 1, "width": 3, "color": color,
            });
        }
        Some(side) => trace["line"]["dash"] = json!(if side == "buy" { "dash" } else { "dot" }),
    }
    trace
}

fn hover(point: &Point, measure: &str) -> String {
    let error =
        point.error.map_or(String::new(), |e| format!(" \u{b1} {}", number(e, 2, Sign::Minus)));
    format!("{}{error} {measure}, {}", number(point.mean, 2, Sign::Both), plural(point.n, "fill"))
}

/// The same as a table: a column of each for those that took, and those that made, if any.
#[must_use]
pub fn markout_table(of: &InstrumentEntry, unit: &str) -> String {
    let steps = steps(&of.markouts);
    let has = |group: &(&str, Option<&str>)| of.markouts.iter().any(|e| e.liquidity == group.0);
    let groups: Vec<(&str, Option<&str>)> =
        [GROUPS[0], GROUPS[3]].into_iter().filter(has).collect();
    let mut columns = vec![words("After")];
    for group in &groups {
        let fills = if group.0 == "maker" { "Maker fills" } else { "Taker fills" };
        columns.extend([
            figures(fills),
            figures(measure(unit)),
            figures("\u{b1}"),
            figures("Money"),
        ]);
    }
    let row = |&after: &i64| {
        let mut row = vec![Cell::new(step_text(after, unit))];
        for &group in &groups {
            row.extend(point_cells(point(&of.markouts, group, after, unit)));
        }
        row
    };
    Table {
        label: format!("Markouts of the fills in {}", of.symbol),
        columns,
        rows: steps.iter().map(row).collect(),
        is_long: false,
    }
    .html()
}

fn point_cells(point: Option<Point>) -> [Cell; 4] {
    let Some(point) = point else { return [0; 4].map(|_| Cell::new(UNDEFINED)) };
    let error = point.error.map_or(UNDEFINED.to_owned(), |e| number(e, 2, Sign::Minus));
    [
        Cell::new(count(point.n)),
        Cell::toned(number(point.mean, 2, Sign::Both), Tone::of(Some(point.mean))),
        Cell::new(error),
        Cell::new(super::text::money_f64(point.money, Sign::Both)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_short() {
        let texts: Vec<String> =
            [0, 850, 1_500, 10_000_000, 1_250_000_000, 300_000_000_000].map(time).into();
        assert_eq!(texts, ["0 ns", "850 ns", "1.5 \u{b5}s", "10 ms", "1.2 s", "5 min"]);
    }

    #[test]
    fn both_sides_are_weighted_by_their_fills() {
        // 3 fills of +1 (error 0.3) and 1 of -1 (none): mean 0.5, error unknown.
        let entry = |side, n, ticks, error_ticks| MarkoutEntry {
            liquidity: "maker",
            side,
            after: 0,
            n,
            ticks: Some(ticks),
            error_ticks,
            bps: None,
            error_bps: None,
            money: "2".to_owned(),
        };
        let entries = [entry("buy", 3, 1.0, Some(0.3)), entry("sell", 1, -1.0, None)];
        let both = point(&entries, GROUPS[0], 0, "ns").unwrap();
        assert_eq!((both.n, both.mean, both.error, both.money), (4, 0.5, None, 4.0));
        assert!(point(&entries, GROUPS[3], 0, "ns").is_none());
        // (0.3 x 3)^2 + (0.4 x 1)^2 = 0.97, its root over 4.
        let entries = [entry("buy", 3, 1.0, Some(0.3)), entry("sell", 1, -1.0, Some(0.4))];
        let both = point(&entries, GROUPS[0], 0, "ns").unwrap();
        assert!((both.error.unwrap() - 0.97_f64.sqrt() / 4.0).abs() < 1e-12);
    }
}
