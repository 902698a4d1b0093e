//! The monthly returns as a grid of years and months, coloured by their size.

use super::ReportInput;
use super::table::{Cell, Table, Tone, figures, words};
use super::text::{Clock, Sign, UNDEFINED, count_of, money, number, percent};
use crate::report::tables::{Drawdown, drawdowns, monthly_returns, yearly_returns};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Steps of colour on either side of zero.
const STEPS: f64 = 5.0;

/// The return at which a cell has its full colour is at least this: a month of 0.1 per cent
/// should not glow only because all others were smaller.
const FULL_MIN: f64 = 0.02;

/// Nanoseconds of a day.
const DAY_NS: f64 = 86_400e9;

/// How many drawdowns are listed.
const DRAWDOWNS_SHOWN_MAX: usize = 5;

/// The grid in HTML, newest year first.
#[must_use]
pub fn monthly(input: &ReportInput<'_>) -> String {
    let rows = monthly_returns(&input.outcome.curve, input.outcome.initial_equity);
    let full = full_colour(rows.iter().flat_map(|row| row.months.iter().flatten().copied()));
    let full_year = full_colour(rows.iter().filter_map(|row| row.total));
    let mut html = String::from(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" \
         aria-label=\"Monthly returns in per cent\"><table class=\"heat\"><thead><tr>\
         <th scope=\"col\">Year</th>",
    );
    for month in MONTHS {
        html.push_str(&format!("<th scope=\"col\">{month}</th>"));
    }
    html.push_str("<th scope=\"col\" class=\"total\">Year</th></tr></thead>\n<tbody>");
    for row in rows.iter().rev() {
        html.push_str(&format!("<tr><th scope=\"row\">{}</th>", row.year));
        for (month, value) in MONTHS.iter().zip(&row.months) {
            html.push_str(&cell(*value, full, "", &format!("{month} {}", row.year)));
        }
        html.push_str(&cell(row.total, full_year, "total", &row.year.to_string()));
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

/// The size of a return that gets the full colour: that which one in twenty exceeds.
fn full_colour(values: impl Iterator<Item = f64>) -> f64 {
    let mut sizes: Vec<f64> = values.map(f64::abs).filter(|size| size.is_finite()).collect();
    sizes.sort_by(f64::total_cmp);
    let at = sizes.len().saturating_sub(1) * 19 / 20;
    sizes.get(at).copied().unwrap_or(0.0).max(FULL_MIN)
}

fn cell(value: Option<f64>, full: f64, class: &str, when: &str) -> String {
    let Some(value) = value else {
        return format!("<td class=\"{class} none\">{UNDEFINED}</td>");
    };
    let step = (value.abs() / full * STEPS).ceil().min(STEPS);
    let shade = match value {
        _ if step < 1.0 => "zero".to_owned(),
        value if value > 0.0 => format!("p{step}"),
        _ => format!("n{step}"),
    };
    let exact = percent(Some(value), Sign::Both);
    let short = exact.trim_end_matches('%');
    format!("<td class=\"{class} {shade}\" title=\"{when}: {exact}\">{short}</td>")
}

/// The table of years.
#[must_use]
pub fn yearly(input: &ReportInput<'_>) -> String {
    let rows = yearly_returns(&input.outcome.curve, input.outcome.initial_equity)
        .into_iter()
        .rev()
        .map(|row| {
            vec![
                Cell::new(row.year.to_string()),
                Cell::toned(percent(row.total, Sign::Both), Tone::of(row.total)),
                Cell::new(percent(row.max_drawdown, Sign::Both)),
                Cell::new(money(row.end_equity, Sign::Minus)),
                Cell::new(count_of(row.closes)),
            ]
        })
        .collect();
    Table {
        label: "Returns by year".to_owned(),
        columns: vec![
            words("Year"),
            figures("Return"),
            figures("Max drawdown"),
            figures("Equity at the end"),
            figures("Closes"),
        ],
        rows,
        is_long: true,
    }
    .html()
}

/// The table of the deepest drawdowns.
#[must_use]
pub fn deepest(input: &ReportInput<'_>, clock: Clock) -> String {
    let curve = &input.outcome.curve;
    let falls = drawdowns(curve, input.outcome.initial_equity, DRAWDOWNS_SHOWN_MAX);
    if falls.is_empty() {
        return "<p class=\"empty\">The equity never fell below its highest value.</p>".to_owned();
    }
    let rows = falls.iter().enumerate().map(|(at, fall)| {
        let recovery = fall
            .recovery_ns
            .map_or_else(|| "not yet".to_owned(), |time_ns| clock.close(time_ns.get()));
        vec![
            Cell::new((at + 1).to_string()),
            Cell::toned(percent(Some(fall.depth), Sign::Both), Tone::Loss),
            Cell::new(clock.close(fall.start_ns.get())),
            Cell::new(clock.close(fall.trough_ns.get())),
            Cell::new(recovery),
            Cell::new(count_of(fall.closes)),
            Cell::new(days_text(fall)),
        ]
    });
    Table {
        label: "The deepest drawdowns".to_owned(),
        columns: vec![
            words("#"),
            figures("Depth"),
            words("From"),
            words("Lowest"),
            words("Recovered"),
            figures("Closes below"),
            figures("Days to recover"),
        ],
        rows: rows.collect(),
        is_long: false,
    }
    .html()
}

/// Calendar days from the lowest equity to the recovery.
fn days_text(fall: &Drawdown) -> String {
    fall.recovery_ns.map_or_else(
        || UNDEFINED.to_owned(),
        |time_ns| number((time_ns.get() - fall.trough_ns.get()) as f64 / DAY_NS, 0, Sign::Minus),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_grow_with_the_return() {
        assert!(cell(Some(0.02), 0.02, "", "May").contains("class=\" p5\""));
        assert!(cell(Some(0.001), 0.02, "", "May").contains(" p1\""));
        assert!(cell(Some(-0.5), 0.02, "", "May").contains(" n5\""));
        assert!(cell(Some(0.0), 0.02, "", "May").contains(" zero\""));
        assert!(cell(None, 0.02, "", "May").contains(UNDEFINED));
        assert!(cell(Some(-0.5), 0.02, "", "May").contains("title=\"May: \u{2212}50.00%\""));
    }

    #[test]
    fn one_wild_month_does_not_pale_the_others() {
        let values = (0..40).map(|_| 0.03).chain([5.0]);
        assert_eq!(full_colour(values), 0.03);
        assert_eq!(full_colour([0.001].into_iter()), FULL_MIN);
        assert_eq!(full_colour([].into_iter()), FULL_MIN);
    }
}
