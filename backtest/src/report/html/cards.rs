//! The headline figures, and the table that sets them against buy and hold.

use qt_types::Cash;

use super::ReportInput;
use super::figures::Figures;
use super::table::{Cell, Table, Tone, figures, words};
use super::text::{Sign, UNDEFINED, count_of, escape, money, money_f64, number, percent, ratio};

struct Card {
    label: &'static str,
    value: String,
    tone: Tone,
    below: String,
    /// What the figure means, as a tooltip.
    hint: &'static str,
    is_large: bool,
}

/// The cards in HTML.
#[must_use]
pub fn cards(input: &ReportInput<'_>, of: &Figures) -> String {
    let mut html = String::from("<div class=\"cards\">\n");
    for card in large(input, of).into_iter().chain(small(input)) {
        let size = if card.is_large { " large" } else { "" };
        html.push_str(&format!(
            "<div class=\"card{size}\" title=\"{}\"><p class=\"label\">{}</p>\
             <p class=\"value {}\">{}</p><p class=\"below\">{}</p></div>\n",
            escape(card.hint),
            escape(card.label),
            card.tone.class(),
            escape(&card.value),
            escape(&card.below),
        ));
    }
    html.push_str("</div>\n");
    html
}

fn large(input: &ReportInput<'_>, of: &Figures) -> [Card; 4] {
    let outcome = input.outcome;
    let metrics = outcome.shown_metrics(&outcome.metrics);
    let held = outcome.shown_metrics(&of.benchmark_metrics);
    let against = |text: String| format!("Buy and hold {text}");
    [
        Card {
            label: "Total return",
            value: percent(metrics.total_return, Sign::Both),
            tone: Tone::of(metrics.total_return),
            below: against(percent(held.total_return, Sign::Both)),
            hint: "Final equity over initial capital, less one",
            is_large: true,
        },
        Card {
            label: "Return a year (CAGR)",
            value: percent(metrics.annualized_return, Sign::Both),
            tone: Tone::of(metrics.annualized_return),
            below: against(percent(held.annualized_return, Sign::Both)),
            hint: "The steady yearly return that gives the same total",
            is_large: true,
        },
        Card {
            label: "Sharpe ratio",
            value: ratio(metrics.sharpe),
            tone: Tone::Plain,
            below: against(ratio(held.sharpe)),
            hint: "Mean return above the risk-free rate over its standard deviation, annualised",
            is_large: true,
        },
        Card {
            label: "Max drawdown",
            value: percent(metrics.max_drawdown, Sign::Both),
            tone: Tone::of(metrics.max_drawdown),
            below: against(percent(held.max_drawdown, Sign::Both)),
            hint: "The worst fall of the equity below its highest value so far",
            is_large: true,
        },
    ]
}

fn small(input: &ReportInput<'_>) -> Vec<Card> {
    let (outcome, metrics) = (input.outcome, &input.outcome.metrics);
    let currency = currency(input);
    let capital = input.outcome.initial_equity;
    let plain = |label, value, below, hint| Card {
        label,
        value,
        tone: Tone::Plain,
        below,
        hint,
        is_large: false,
    };
    let won = format!(
        "{} won, {} lost",
        count_of(metrics.winning_trades),
        count_of(metrics.losing_trades)
    );
    let of_capital = outcome.total_fees.to_f64() / capital.to_f64();
    vec![
        plain(
            "Final equity",
            money(outcome.final_equity, Sign::Minus),
            format!("{currency}, from {}", money(capital, Sign::Minus)),
            "Cash and positions at the last close",
        ),
        plain(
            "Trades",
            count_of(metrics.trades),
            if metrics.trades == 0 { "No closed trade".to_owned() } else { won },
            "Closed round trips, from flat to flat",
        ),
        plain(
            "Win rate",
            percent(metrics.win_rate, Sign::Minus),
            "Of closed trades".to_owned(),
            "Trades with a profit after fees, over all trades",
        ),
        plain(
            "Profit factor",
            ratio(metrics.profit_factor),
            "Wins over losses".to_owned(),
            "The sum of all wins over the size of the sum of all losses",
        ),
        plain(
            "Fees",
            money(outcome.total_fees, Sign::Minus),
            format!("{} of the capital", percent(Some(of_capital), Sign::Minus)),
            "All fees paid, rebates taken off",
        ),
        plain(
            "Exposure",
            percent(metrics.exposure, Sign::Minus),
            "Of all closes".to_owned(),
            "The share of closes at which a position was held",
        ),
    ]
}

/// The currency of the account.
#[must_use]
pub fn currency<'a>(input: &ReportInput<'a>) -> &'a str {
    let of = input.outcome.currencies.as_ref().and_then(|of| of.all.first());
    let own = input.outcome.specs.first().map_or("", |spec| spec.currency());
    of.map_or(own, |of| of.name.as_str())
}

/// The figures of the strategy beside those of buy and hold.
#[must_use]
pub fn comparison(input: &ReportInput<'_>, of: &Figures) -> String {
    let own = input.outcome.shown_metrics(&input.outcome.metrics);
    let held = input.outcome.shown_metrics(&of.benchmark_metrics);
    let mut rows = Vec::new();
    let mut row = |name: &str, cells: [Cell; 2]| {
        let [own, held] = cells;
        rows.push(vec![Cell::new(name), own, held]);
    };
    let change = |value| Cell::toned(percent(value, Sign::Both), Tone::of(value));
    let share = |value| Cell::new(percent(value, Sign::Minus));
    let plain = |value| Cell::new(ratio(value));
    let last = of.benchmark.last().copied().unwrap_or(input.outcome.initial_equity.to_f64());
    row("Total return", [change(own.total_return), change(held.total_return)]);
    row("Return a year (CAGR)", [change(own.annualized_return), change(held.annualized_return)]);
    row("Volatility a year", [share(own.volatility), share(held.volatility)]);
    row("Sharpe ratio", [plain(own.sharpe), plain(held.sharpe)]);
    row("Sortino ratio", [plain(own.sortino), plain(held.sortino)]);
    row("Calmar ratio", [plain(own.calmar), plain(held.calmar)]);
    row("Max drawdown", [change(own.max_drawdown), change(held.max_drawdown)]);
    row("Exposure", [share(own.exposure), share(held.exposure)]);
    row(
        "Final equity",
        [
            Cell::new(money(input.outcome.final_equity, Sign::Minus)),
            Cell::new(money_f64(last, Sign::Minus)),
        ],
    );
    row("Fees", [Cell::new(money(input.outcome.total_fees, Sign::Minus)), Cell::new(UNDEFINED)]);
    let borrowed = input.outcome.borrow_paid;
    if borrowed != Cash::ZERO {
        row("Borrow fees", [Cell::new(money(borrowed, Sign::Minus)), Cell::new(UNDEFINED)]);
    }
    Table {
        label: "Strategy against buy and hold".to_owned(),
        columns: vec![words("Figure"), figures("Strategy"), figures("Buy and hold")],
        rows,
        is_long: false,
    }
    .html()
}

/// What the closed trades tell.
#[must_use]
pub fn trade_statistics(input: &ReportInput<'_>) -> Vec<(String, Cell)> {
    let (metrics, trips) = (&input.outcome.metrics, &input.outcome.trips);
    let signed = |amount: Option<Cash>| match amount {
        Some(amount) => Cell::toned(money(amount, Sign::Both), Tone::of(Some(amount.to_f64()))),
        None => Cell::new(UNDEFINED),
    };
    let trades = &input.document.trades_list;
    let mean = |sum: f64| (!trades.is_empty()).then(|| sum / trades.len() as f64);
    let longs = trips.iter().filter(|trip| trip.side == qt_types::Side::Buy).count();
    let average = mean(trips.iter().map(|trip| trip.profit.to_f64()).sum());
    let bars = mean(trades.iter().map(|trade| f64::from(trade.bars)).sum());
    let payoff = match (metrics.avg_win, metrics.avg_loss) {
        (Some(win), Some(loss)) if loss < Cash::ZERO => Some(win.to_f64() / loss.abs().to_f64()),
        _ => None,
    };
    let worst_run = longest_run(trips.iter().map(|trip| trip.profit <= Cash::ZERO));
    let best_run = longest_run(trips.iter().map(|trip| trip.profit > Cash::ZERO));
    let mae = mean(trades.iter().filter_map(|trade| trade.mae).sum());
    let mfe = mean(trades.iter().filter_map(|trade| trade.mfe).sum());
    let sides = format!("{} / {}", count_of(longs), count_of(trips.len() - longs));
    let counts =
        format!("{} / {}", count_of(metrics.winning_trades), count_of(metrics.losing_trades));
    let pair = |name: &str, cell| (name.to_owned(), cell);
    let average_text =
        average.map_or_else(|| UNDEFINED.to_owned(), |value| money_f64(value, Sign::Both));
    let bars_text =
        bars.map_or_else(|| UNDEFINED.to_owned(), |value| number(value, 1, Sign::Minus));
    vec![
        pair("Closed trades", Cell::new(count_of(metrics.trades))),
        pair("Winning / losing", Cell::new(counts)),
        pair("Long / short", Cell::new(sides)),
        pair("Win rate", Cell::new(percent(metrics.win_rate, Sign::Minus))),
        pair("Profit factor", Cell::new(ratio(metrics.profit_factor))),
        pair("Average win over average loss", Cell::new(ratio(payoff))),
        pair("Average profit", Cell::toned(average_text, Tone::of(average))),
        pair("Average win", signed(metrics.avg_win)),
        pair("Average loss", signed(metrics.avg_loss)),
        pair("Best trade", signed(trips.iter().map(|trip| trip.profit).max())),
        pair("Worst trade", signed(trips.iter().map(|trip| trip.profit).min())),
        pair("Wins in a row, at most", Cell::new(count_of(best_run))),
        pair("Losses in a row, at most", Cell::new(count_of(worst_run))),
        pair("Average bars held", Cell::new(bars_text)),
        pair("Average worst move against (MAE)", Cell::new(percent(mae, Sign::Both))),
        pair("Average best move in favour (MFE)", Cell::new(percent(mfe, Sign::Both))),
    ]
}

fn longest_run(hits: impl Iterator<Item = bool>) -> usize {
    let (mut longest, mut current) = (0, 0);
    for hit in hits {
        current = if hit { current + 1 } else { 0 };
        longest = longest.max(current);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted() {
        assert_eq!(longest_run([].into_iter()), 0);
        assert_eq!(longest_run([true, true, false, true].into_iter()), 2);
    }
}
