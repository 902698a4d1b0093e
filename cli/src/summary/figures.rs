//! The table of figures, with buy and hold beside.

use qt_backtest::metrics::Metrics;

use super::Benchmark;
use crate::command::backtest::Finished;
use crate::output::{Ink, Output, number};

/// One figure of several.
pub type Figure = fn(&Metrics) -> Option<f64>;

/// The figures that a sweep can be sorted by, and what they are.
pub const METRIC_NAMES: &[(&str, Figure)] = &[
    ("sharpe", |m| m.sharpe),
    ("sortino", |m| m.sortino),
    ("calmar", |m| m.calmar),
    ("total_return", |m| m.total_return),
    ("annualized_return", |m| m.annualized_return),
    ("max_drawdown", |m| m.max_drawdown),
    ("volatility", |m| m.volatility),
    ("win_rate", |m| m.win_rate),
    ("profit_factor", |m| m.profit_factor),
    ("exposure", |m| m.exposure),
    ("trades", |m| Some(m.trades as f64)),
];

/// One line: a name, the strategy's value, that of buy and hold, and whether its sign is coloured.
struct Line {
    name: &'static str,
    value: String,
    beside: String,
    signed: Option<f64>,
}

const NAME_WIDTH: usize = 20;
const VALUE_WIDTH: usize = 18;

/// The table.
pub fn table(finished: &Finished, benchmark: &Benchmark, out: &Output) -> String {
    let title = format!(
        "{:<NAME_WIDTH$}{:>VALUE_WIDTH$}{:>VALUE_WIDTH$}",
        "", finished.document.strategy, "buy and hold"
    );
    let mut lines = vec![out.paint(Ink::Bold, &title)];
    let all = returns(finished, benchmark).into_iter().chain(trades(finished));
    lines.extend(all.map(|line| line.text(out)));
    lines.join("\n")
}

impl Line {
    fn new(name: &'static str, value: String, beside: String) -> Self {
        Self { name, value, beside, signed: None }
    }

    const fn signed(mut self, value: Option<f64>) -> Self {
        self.signed = value;
        self
    }

    fn text(&self, out: &Output) -> String {
        // Padded before it is painted: the codes of colours have no width.
        let value = format!("{:>VALUE_WIDTH$}", self.value);
        let value = match self.signed {
            Some(sign) if sign > 0.0 => out.paint(Ink::Good, &value),
            Some(sign) if sign < 0.0 => out.paint(Ink::Bad, &value),
            _ => value,
        };
        let text = format!("{:<NAME_WIDTH$}{value}{:>VALUE_WIDTH$}", self.name, self.beside);
        text.trim_end().to_owned()
    }
}

fn returns(finished: &Finished, benchmark: &Benchmark) -> Vec<Line> {
    let outcome = &finished.outcome;
    let own = outcome.shown_metrics(&outcome.metrics);
    let hold = outcome.shown_metrics(&benchmark.metrics);
    let money = |text: String| number::amount(&text, 2);
    let held = benchmark.curve.last().unwrap_or(finished.outcome.initial_equity);
    let gain = number::signed_percent;
    vec![
        Line::new(
            "Final equity",
            money(finished.outcome.final_equity.to_string()),
            money(held.to_string()),
        ),
        Line::new("Total return", gain(own.total_return), gain(hold.total_return))
            .signed(own.total_return),
        Line::new("Annualised return", gain(own.annualized_return), gain(hold.annualized_return))
            .signed(own.annualized_return),
        Line::new("Volatility", number::percent(own.volatility), number::percent(hold.volatility)),
        Line::new("Sharpe", number::ratio(own.sharpe), number::ratio(hold.sharpe)),
        Line::new("Sortino", number::ratio(own.sortino), number::ratio(hold.sortino)),
        Line::new("Calmar", number::ratio(own.calmar), number::ratio(hold.calmar)),
        Line::new("Max drawdown", gain(own.max_drawdown), gain(hold.max_drawdown))
            .signed(own.max_drawdown),
        Line::new("Exposure", number::percent(own.exposure), number::percent(hold.exposure)),
    ]
}

fn trades(finished: &Finished) -> Vec<Line> {
    let own = &finished.outcome.metrics;
    let document = &finished.document;
    let line = |name, value| Line::new(name, value, String::new());
    let money =
        |text: Option<String>| text.map_or(number::NONE.into(), |text| number::amount(&text, 2));
    let trades = format!(
        "{} ({} won)",
        number::count(own.trades as u64),
        number::count(own.winning_trades as u64)
    );
    let average = format!(
        "{} / {}",
        money(own.avg_win.map(|cash| cash.to_string())),
        money(own.avg_loss.map(|cash| cash.to_string()))
    );
    let mut lines = vec![
        line("Fills", number::count(document.fills as u64)),
        line("Trades", trades),
        line("Win rate", number::percent(own.win_rate)),
        line("Profit factor", number::ratio(own.profit_factor)),
        line("Average win / loss", average),
        line("Fees", number::amount(&document.total_fees, 2)),
    ];
    if finished.outcome.borrow_paid != qt_types::Cash::ZERO {
        lines.push(line("Borrow fees", number::amount(&document.borrow_paid, 2)));
    }
    if finished.outcome.funding_paid != qt_types::Cash::ZERO {
        lines.push(line("Funding paid", number::amount(&document.funding_paid, 2)));
    }
    if document.liquidations > 0 {
        lines.push(line("Liquidations", number::count(document.liquidations)));
    }
    let open = match &document.open_position {
        serde_json::Value::String(qty) => qty.clone(),
        several => several.as_object().map_or_else(String::new, |all| {
            let held = all.values().filter(|qty| qty.as_str() != Some("0")).count();
            format!("{held} instruments")
        }),
    };
    lines.push(line("Open position", open));
    if document.ambiguous_bars > 0 {
        lines.push(line("Ambiguous bars", number::count(document.ambiguous_bars)));
        let best = number::amount(&document.final_equity_optimistic, 2);
        lines.push(line("Equity, optimistic", best));
    }
    lines
}
